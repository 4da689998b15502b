"""The processor itself: its number, and starting the program afresh."""

import machine

from faceloop_protocol.limits import DEVICE_ID_BYTES


def device_id():
    """Return the board's number as 8 bytes, from the one that its chip was made with."""
    return (bytes(machine.unique_id()) + bytes(DEVICE_ID_BYTES))[:DEVICE_ID_BYTES]


def is_watchdog_reset():
    """Return whether the watchdog (or ``machine.reset``) reset the board."""
    return machine.reset_cause() == machine.WDT_RESET


def start_watchdog(timeout_ms):
    """Start the watchdog, which nothing but a reset of the chip stops; return it."""
    return machine.WDT(timeout=timeout_ms)


def reset():
    """Reset the chip, and with it the watchdog; never returns."""
    machine.reset()


def restart():
    """Leave the program by SystemExit; MicroPython then starts it again with an empty memory."""
    machine.soft_reset()
