"""Heat: states, causes, commands and what the board reports about it.

==============  ====  ================================================  =========================
command         op    body                                              meaning
==============  ====  ================================================  =========================
HEAT_REQUEST    0x40  set-point u16 (0.01 C), minutes u8                please heat; the person
                                                                        then presses the button
HEAT_LEASE      0x41  set-point u16 (0.01 C), life u16 ms (<= 5000)     every second; silence is
                                                                        off
HEAT_CONFIRM    0x42                                                    "I am still there"
HEAT_END        0x43                                                    end; so does STOP, which
                                                                        needs no proof
HEAT_PERMIT     0x44  permission u8                                     result of the skin test
HEAT_TIME       0x45  UTC u32 s                                         for rest and daily limits
HEAT_STATE      0x46                                                    tell
HEAT_UNLOCK     0x47                                                    end LOCKED: by cable, with
                                                                        the pad unplugged
==============  ====  ================================================  =========================

All of them are tagged commands of a proven session (``control``, ``session``). A value out of
range is refused with ``OUT_OF_RANGE``, not clamped, and does not renew the lease. The reply is
``HEAT_REFUSED`` and the cause, or the state of heat:

======  ====  ===============  =================================================================
offset  type  name             meaning
======  ====  ===============  =================================================================
0       u8    state            BOOT_TEST ... LOCKED
1       u8    cause            of the last pause, end, refusal or fault
2       u8    info             INFO_ bits
3       u8    sessions_left    today
4       i16   face_cdegc       hottest face sensor, 0.01 C
6       i16   core_cdegc
8       i16   target_cdegc     where the controller is heading now
10      u16   power_mw         electrical
12      u16   setpoint_cdegc
14      u16   lease_ms         left
16      u32   remaining_ms     of this session
20      u32   dose_umin        of this session, millionths of a CEM43 minute
24      u32   day_dose_umin    of the last 24 h, booked ones included
28      i16   a_cdegc          each sensor: A and C on one spot of the face,
30      i16   c_cdegc
32      i16   z_cdegc          second zone,
34      i16   h_cdegc          that of HW1
36      u16   duty_permille    of Q2; 0 while the switches are open
38      u8    permission       PERMIT_ constant
======  ====  ===============  =================================================================
"""

import struct

from ._compat import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compat import MutableBytes

HEAT_REQUEST = const(0x40)
HEAT_LEASE = const(0x41)
HEAT_CONFIRM = const(0x42)
HEAT_END = const(0x43)
HEAT_PERMIT = const(0x44)
HEAT_TIME = const(0x45)
HEAT_STATE = const(0x46)
HEAT_UNLOCK = const(0x47)

REQUEST_FORMAT = "<HB"
LEASE_FORMAT = "<HH"
PERMIT_FORMAT = "<B"
TIME_FORMAT = "<I"
BODY_BYTES = {
    HEAT_REQUEST: 3,
    HEAT_LEASE: 4,
    HEAT_CONFIRM: 0,
    HEAT_END: 0,
    HEAT_PERMIT: 1,
    HEAT_TIME: 4,
    HEAT_STATE: 0,
    HEAT_UNLOCK: 0,
}

BOOT_TEST = const(0)
OFF = const(1)
WAIT_BUTTON = const(2)
WARMUP = const(3)
HOLD = const(4)
PAUSED = const(5)
COOL = const(6)
LATCHED = const(7)
LOCKED = const(8)

PERMIT_NONE = const(0)  # no skin test yet, or it was failed
PERMIT_FULL = const(1)
PERMIT_FLAGGED = const(2)  # unlocked by a therapist, up to SETPOINT_FLAGGED_MAX

CAUSE_NONE = const(0)
# A session ended, or was refused.
STOPPED = const(1)
SESSION_DONE = const(2)
DOSE_USED = const(3)
BATTERY_LOW = const(4)
USB_POWER = const(5)
NO_ANSWER = const(6)
PAUSED_TOO_LONG = const(7)
PAUSED_TOO_OFTEN = const(8)
TIMER_EXPIRED = const(9)
NOT_PRESSED = const(10)
NOT_PERMITTED = const(11)
NOT_WORN = const(12)
NOT_RESTED = const(13)
NOT_SETTLED = const(14)
BUTTON_STUCK = const(15)
STORAGE = const(16)
NO_PAD = const(17)
NOT_PROVEN = const(18)
TOO_WARM = const(19)
BUSY = const(20)
# Heat pauses.
LEASE_OVER = const(32)
LEAD_OFF = const(33)
OFF_SKIN = const(34)
FACE_WARM = const(35)
LATE_TICK = const(36)
CONTACT_CHANGED = const(37)
# Faults latch.
FIRST_LATCH = const(64)
SENSOR_RANGE = const(64)
SENSOR_PAIR = const(65)
SENSOR_CORE = const(66)
SENSOR_SWAPPED = const(67)
SENSOR_FROZEN = const(68)
ADC_REFERENCE = const(69)
HEATER = const(70)
WATCHDOG = const(71)
CLOCK = const(72)
EXCEPTION = const(73)
FACE_HOT = const(74)
RISE = const(75)
SENSOR_ZONE = const(76)
HARDWARE_TRIP = const(77)
TRIP_TEST = const(78)
SUPPLY_HIGH = const(79)
SENSOR_TRIP = const(80)
CORE_SILENT = const(81)
RAIL = const(82)
# And these lock until the bench procedure.
FIRST_LOCK = const(96)
SWITCH_SHORT = const(96)
RESETS = const(97)
LATCHES = const(98)
LEDGER = const(99)

INFO_STILL_THERE = const(0x01)  # please confirm within a minute
INFO_SLOW_WARMUP = const(0x02)
INFO_COVERED = const(0x04)  # needs much less power than at first: a pillow, a hand
INFO_PROVEN = const(0x08)  # the switches and cut-offs passed their test

HEAT_STATE_FORMAT = "<BBBBhhhHHHIIIhhhhHB"
HEAT_STATE_BYTES = const(39)


def pack_heat_state_into(buffer: "MutableBytes", state: "tuple[int, ...]") -> None:
    """Write the fields of a ``HeatState``, in order, to the start of ``buffer``."""
    struct.pack_into(HEAT_STATE_FORMAT, buffer, 0, *state)
