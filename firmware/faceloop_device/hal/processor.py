"""The processor itself: its number, and starting the program afresh."""

import machine

from faceloop_protocol.limits import DEVICE_ID_BYTES


def device_id():
    """Return the board's number as 8 bytes, from the one that its chip was made with."""
    return (bytes(machine.unique_id()) + bytes(DEVICE_ID_BYTES))[:DEVICE_ID_BYTES]


def restart():
    """Leave the program by SystemExit; MicroPython then starts it again with an empty memory."""
    machine.soft_reset()
