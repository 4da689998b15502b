"""How the front end is brought up: what is switched in which order, and what a failure leaves."""

import sys

CLOCK_US = 1000000 / 2048000  # of the converter
POWER_ON_US = (1 << 18) * CLOCK_US
RESET_US = 18 * CLOCK_US
POWER, CS, START, RESET = 1, 2, 3, 4

now_us = 0
log = []  # (time, pin or "spi", level or bytes)


class Time:
    @staticmethod
    def sleep_ms(ms):
        global now_us
        now_us += 1000 * ms

    @staticmethod
    def sleep_us(us):
        global now_us
        now_us += us


class Pin:
    IN = OUT = 0
    levels = {}

    def __init__(self, number, *args, value=None):
        self.number = number
        if value is not None:
            self.value(value)

    def value(self, level):
        if self.levels.get(self.number) != level:
            log.append((now_us, self.number, level))
        self.levels[self.number] = level


class SPI:
    """An ADS1298 that keeps what is written, and has an id; both can be made to fail."""

    id = 0x92
    keeps = True
    registers = {}

    def __init__(self, *args, **options):
        pass

    def write(self, data):
        log.append((now_us, "spi", bytes(data)))
        if data[0] >> 5 == 2 and self.keeps:
            self.registers[data[0] & 31] = data[2]

    def write_readinto(self, data, buf):
        log.append((now_us, "spi", bytes(data)))
        register = data[0] & 31
        buf[2] = self.id if register == 0 else self.registers.get(register, 0)


class Machine:
    Pin, SPI = Pin, SPI


class Board:
    AFE_SPI = AFE_SCLK = AFE_DIN = AFE_DOUT = 0
    AFE_PWDN, AFE_CS, AFE_START, AFE_RESET = POWER, CS, START, RESET


sys.modules["machine"] = Machine
from faceloop_device.drivers import ads1298  # noqa: E402  the machine has to be there first
from faceloop_device.hal.front_end import FrontEnd  # noqa: E402

ads1298.time = Time


def front_end():
    made = FrontEnd(Board)
    log[:] = []
    SPI.registers.clear()
    SPI.id, SPI.keeps = 0x92, True
    return made


def reset_waits_for_the_power_and_the_first_command_for_the_reset():
    front_end()._set_up(None)
    switched = [(at, pin, level) for at, pin, level in log if pin in (POWER, RESET)]
    assert [entry[1:] for entry in switched] == [(POWER, 1), (RESET, 0), (RESET, 1)], switched
    powered_us, low_us, high_us = [entry[0] for entry in switched]
    assert low_us - powered_us >= POWER_ON_US
    assert high_us - low_us >= 2 * CLOCK_US
    sent = [(at, data) for at, what, data in log if what == "spi"]
    assert sent[0][0] - high_us >= RESET_US and sent[0][1] == bytes((ads1298.SDATAC,))
    assert sent[-1][1] == bytes((ads1298.RDATAC,))
    assert Pin.levels[POWER] == 1 and Pin.levels[START] == 0


def failure_leaves_no_power():
    def refuse():
        raise ValueError("a preparation that fails")

    for part_id, keeps, prepare in ((0, True, None), (0x92, False, None), (0x92, True, refuse)):
        for begin in ("_set_up", "probe"):
            made = front_end()
            SPI.id, SPI.keeps = part_id, keeps
            try:
                if begin == "probe":
                    made.probe()
                    assert prepare is not None
                else:
                    made._set_up(prepare)
                    raise AssertionError("it went well")
            except (ads1298.ConverterError, ValueError):
                pass
            assert (POWER, 1) in [entry[1:] for entry in log], "it was tried"
            assert Pin.levels[POWER] == 0, (begin, part_id, keeps)


for test in (
    reset_waits_for_the_power_and_the_first_command_for_the_reset,
    failure_leaves_no_power,
):
    test()
    print("ok", test.__name__)
