"""Modules of an ESP32 and a converter without hardware, for the capture by soft interrupt.

They ask the chip that the last ``make_stream`` was given. It listens to the handler of the
data-ready pin, counts pulses and fills what is read:

    chip.listen(handler, pin)   chip.count_from_zero()   chip.count(highest)
    chip.read(buf)              chip.begin()             chip.end()
"""

import sys

chip = None


class Pin:
    IN = OUT = 0
    IRQ_FALLING = 4

    def __init__(self, number, *args, **options):
        self.number = number

    def value(self, level=None):
        pass

    def irq(self, handler, trigger=0):
        chip.listen(handler, self)


class PCNT:
    """Counts edges, from zero to ``max``, which is zero again."""

    INCREMENT = 1

    def __init__(self, unit, pin, falling, max):
        assert (unit, falling) == (0, PCNT.INCREMENT)
        self.max = max

    def init(self, value):
        assert value == 0
        chip.count_from_zero()

    def start(self):
        pass

    def value(self):
        return chip.count(self.max)


class SPI:
    def __init__(self, *args, **options):
        pass

    def init(self, **options):
        pass

    def readinto(self, buf):
        chip.read(buf)


class Converter:
    def __init__(self, spi, cs, start, reset, rate_step):
        assert rate_step == 1

    def bring_up(self):
        pass

    close_registers = open_registers = bring_up

    def start_conversions(self):
        chip.begin()

    def stop_conversions(self):
        chip.end()


class FakeMachine:
    Pin = Pin
    SPI = SPI


class FakeEsp32:
    PCNT = PCNT


class Board:
    AFE_DRDY = AFE_PWDN = AFE_CS = AFE_START = AFE_RESET = AFE_SPI = 0
    AFE_SCLK = AFE_DIN = AFE_DOUT = 0
    CAPTURE_RING_BITS = 14


sys.modules["machine"] = FakeMachine
sys.modules["esp32"] = FakeEsp32
from faceloop_device.core.stream import Stream  # noqa: E402  the machine has to be there first
from faceloop_device.hal import capture_esp32, front_end  # noqa: E402

front_end.Ads1298 = Converter


def make_stream(new_chip, ring_bytes):
    """Return a stream whose capture hangs on this chip, and that capture."""
    global chip
    chip = new_chip
    capture = capture_esp32.Capture(Board)
    return Stream(capture, ring_bytes), capture
