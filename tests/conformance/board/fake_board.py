"""The hardware's modules of a whole board, with nothing behind them: the converter is silent."""

import sys


class Pin:
    IN = OUT = PULL_UP = 0
    IRQ_FALLING = 4
    levels = {}  # what outputs were set to last, by number

    def __init__(self, *args, **options):
        self.number = args[0]
        self._level = 1 if len(args) > 2 else 0  # pulled up: nobody presses
        if "value" in options:
            self.value(options["value"])

    def value(self, level=None):
        if level is not None:
            Pin.levels[self.number] = level
        return self._level

    def irq(self, handler=None, trigger=0):
        pass


class ADC:
    def __init__(self, pin):
        pass

    def read_u16(self):
        return 37000  # a cell of 3.7 V


class SPI:
    """Nobody answers: every register reads 0."""

    def __init__(self, *args, **options):
        pass

    def init(self, **options):
        pass

    def write(self, data):
        pass

    def write_readinto(self, data, buf):
        for at in range(len(buf)):
            buf[at] = 0


class PWM:
    def __init__(self, pin, **options):
        pass

    def duty_u16(self, duty=None):
        return 0


class Machine:
    PWRON_RESET, WDT_RESET = 1, 3
    Pin, ADC, SPI, PWM = Pin, ADC, SPI, PWM
    unique_id = staticmethod(lambda: bytes(8))
    reset_cause = staticmethod(lambda: 1)


class PCNT:
    INCREMENT = 1

    def __init__(self, *args, **options):
        pass


class Esp32:
    PCNT = PCNT


class PIO:
    OUT_LOW = SHIFT_LEFT = JOIN_RX = 0


class DMA:
    pass


class Rp2:
    PIO, DMA = PIO, DMA
    asm_pio = staticmethod(lambda **options: lambda program: bytes(16))


class UUID:
    def __init__(self, text):
        pass

    def __iter__(self):
        return iter(bytes(16))


class BLE:
    def irq(self, handler):
        self.handler = handler

    def active(self, is_on):
        pass

    def config(self, **options):
        pass

    def gatts_register_services(self, services):
        return tuple([tuple([0 for _ in table]) for _, table in services])

    def gatts_set_buffer(self, handle, n_bytes):
        pass

    def gatts_write(self, handle, value):
        pass

    def gap_advertise(self, interval_us, data, resp_data):
        pass


class Bluetooth:
    BLE, UUID = BLE, UUID


class Chosen:
    pass


def install(name, folder):
    """Put the modules where ``import`` finds them, and the board's files into ``folder``."""
    Chosen.NAME = name
    for module, stub in (
        ("machine", Machine),
        ("esp32", Esp32),
        ("rp2", Rp2),
        ("bluetooth", Bluetooth),
        ("boards.chosen", Chosen),
    ):
        sys.modules[module] = stub
    from faceloop_device.core import settings

    settings.KEY_FILE = folder + settings.KEY_FILE
    settings.BONDS_FILE = folder + settings.BONDS_FILE
