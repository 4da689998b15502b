"""Everything that acts on the wearer, off: before anything else runs, and after everything."""

from machine import Pin

from faceloop_device.hal import board_pins


def all_off():
    """Heat off first, then the motor, no conversions, front end without power."""
    pins = board_pins.load()[1]
    if has_heater(pins):
        heat_off(pins)
    for number in (pins.MOTOR, pins.AFE_START, pins.AFE_PWDN):
        Pin(number, Pin.OUT, value=0)


def has_heater(pins):
    """Return whether this board has a heater's circuit."""
    return getattr(pins, "HAS_HEATER", False)


def heat_off(pins):
    """Open both switches of the heater, force no cut-off."""
    for number in (pins.HEAT_Q1, pins.HEAT_Q2, pins.HEAT_TRIP1, pins.HEAT_TRIP2):
        Pin(number, Pin.OUT, value=0)
