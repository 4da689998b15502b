"""The processor itself: its number, and starting the program afresh."""

import sys

import machine

from faceloop_protocol.limits import DEVICE_ID_BYTES

_CHIP_RESET = 0x4010002C
_HAD_POWER_ON = 0x30000
_HAD_RUN_LOW = 0x40000
_RUN_LOW_RESET = 4  # of the virtual board: what the register above says on a real one


def device_id():
    """Return the board's number as 8 bytes, from the one that its chip was made with.

    An ESP32's has 6. The zeros stand in front: the last bytes tell boards apart, and name them.
    """
    return (bytes(DEVICE_ID_BYTES) + bytes(machine.unique_id()))[-DEVICE_ID_BYTES:]


def is_watchdog_reset():
    """Return whether the watchdog (or ``machine.reset``) reset the board."""
    return machine.reset_cause() == machine.WDT_RESET


def heat_reset_cause(has_hung, is_restart):
    """Return what the heat supervisor should think of this start: a RESET_ constant.

    ``has_hung``: the board's own watchdog ended a program that hung. ``is_restart``: this start
    followed an exception, not a reset. The heater's watchdog pulls
    RUN, which MicroPython does not tell from power-on; the chip does.
    """
    # Here: a board without a heater has no memory to spare for it.
    from faceloop_heat.hal import RESET_OTHER, RESET_POWER_ON, RESET_WATCHDOG

    if has_hung:
        return RESET_WATCHDOG
    if is_restart:
        return RESET_OTHER
    cause = machine.reset_cause()
    if sys.platform == "rp2":
        # RP2350 datasheet, POWMAN CHIP_RESET: HAD_POR, HAD_BOR, HAD_RUN_LOW. Not tried on a board.
        chip_reset = machine.mem32[_CHIP_RESET]
        if chip_reset & _HAD_RUN_LOW and not chip_reset & _HAD_POWER_ON:
            return RESET_WATCHDOG
    elif cause == _RUN_LOW_RESET:
        return RESET_WATCHDOG
    return RESET_POWER_ON if cause == machine.PWRON_RESET else RESET_OTHER


def start_watchdog(timeout_ms):
    """Start the watchdog, which nothing but a reset of the chip stops; return it."""
    return machine.WDT(timeout=timeout_ms)


def reset():
    """Reset the chip, and with it the watchdog; never returns."""
    machine.reset()


def restart():
    """Leave the program by SystemExit; MicroPython then starts it again with an empty memory."""
    machine.soft_reset()
