"""What the supervisor asks of the hardware.

An implementation has these methods:

``scan(inputs, probe)``
    Fill ``inputs``, an ``array("i")`` of ``N_INPUTS``, indexed by the ``IN_`` constants. Sensor
    codes are means of at least 64 conversions, full scale 65536, ratiometric. With
    ``PROBE_SWITCHES`` the two leakage currents are measured by closing one switch alone for at
    most 5 ms each; with ``PROBE_HEATER`` the heater's current with both closed for at most 5 ms,
    without it the current that flows as things are. What is not measured reads 0. Afterwards both
    switches are as ``drive`` left them. A button pressed at any time since the last scan counts.
    Sensor H has a rail of its own: the reference does not cancel out of its code, so of all
    sensors it alone moves with that, by what it changed since the front end measured it.
``drive(is_closed, duty_permille)``
    Q1 closed or open, duty of Q2. ``drive(False, 0)`` never fails.
``kick()``
    Kick the window watchdog.
``trip(which)``
    Force the input of HW1 (``TRIP_HW1``) or HW2 (``TRIP_HW2``) over its threshold; ``TRIP_NONE``
    releases it.
``clear_trip()``
    Pulse the reset of HW1's latch. Without effect while HW1 still sees a trip.
``load(slot)``, ``save(slot, record)``
    Read slot 0 or 1 of the safety record (None when it was never written), write it. Both raise
    OSError.
"""

from faceloop_protocol._compat import const

IN_A = const(0)  # sensors A and C on the same spot of the face of the pad,
IN_C = const(1)
IN_Z = const(2)  # second zone of the face,
IN_B = const(3)  # core of the heater,
IN_H = const(4)  # that of HW1, read through a buffer
IN_REFERENCE = const(5)  # fixed resistor
IN_SUPPLY_MV = const(6)  # under load while heating
IN_Q1_ONLY_MA = const(7)  # with only this switch closed
IN_Q2_ONLY_MA = const(8)
IN_HEATER_MA = const(9)  # with both closed, or as things are
IN_FRAMES = const(10)  # counted by the front end's own clock, modulo 2**24
IN_FLAGS = const(11)
IN_RAIL_MV = const(12)  # as the front end's own reference last saw it; -1: it has not
N_INPUTS = const(13)

FLAG_VBUS = const(0x01)
FLAG_LEAD_OFF = const(0x02)
FLAG_BUTTON = const(0x04)  # pressed
FLAG_HW1 = const(0x08)  # HW1 holds Q1 open
FLAG_HW2 = const(0x10)
FLAG_TIMER = const(0x20)  # the 30 min timer holds Q1 open

PROBE_NONE = const(0)
PROBE_SWITCHES = const(1)
PROBE_HEATER = const(2)

TRIP_NONE = const(0)
TRIP_HW1 = const(1)
TRIP_HW2 = const(2)

RESET_POWER_ON = const(0)
RESET_WATCHDOG = const(1)
RESET_OTHER = const(2)
