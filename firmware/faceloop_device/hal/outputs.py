"""Everything that acts on the wearer, off: before anything else runs, and after everything."""

from machine import Pin

from faceloop_device.hal import board_pins


def all_off():
    """Motor off, no conversions, front end without power."""
    pins = board_pins.load()[1]
    for number in (pins.MOTOR, pins.AFE_START, pins.AFE_PWDN):
        Pin(number, Pin.OUT, value=0)
