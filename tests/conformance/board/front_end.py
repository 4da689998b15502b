"""How the front end is brought up: what is switched in which order, and what a failure leaves."""

import sys

CLOCK_US = 1000000 / 2048000  # of the converter
POWER_ON_US = (1 << 18) * CLOCK_US
RESET_US = 18 * CLOCK_US
POWER, CS, START, RESET = 1, 2, 3, 4

now_us = 0
RAIL_MV = 3170
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
    header = 0xC0
    registers = {}
    settings = []  # of channels 1 to 8, at each frame

    def __init__(self, *args, **options):
        pass

    def write(self, data):
        log.append((now_us, "spi", bytes(data)))
        if data[0] >> 5 == 2 and self.keeps:
            self.registers[data[0] & 31] = data[2]

    def write_readinto(self, data, buf):
        log.append((now_us, "spi", bytes(data)))
        if data[0] == ads1298.RDATA:
            buf[:] = self.frame()
            return
        register = data[0] & 31
        buf[2] = self.id if register == 0 else self.registers.get(register, 0)

    def frame(self):
        """Return a frame behind the byte of its command: DVDD/4 in channels 3 and 4."""
        assert Pin.levels[START] == 1, "nothing is converted"
        self.settings.append(bytes(self.registers[ads1298.CH1SET + n] for n in range(8)))
        full_mv = {0x92: 2400, 0x3E: 4500}[self.id]
        quarter = (RAIL_MV * (2**23 - 1) // (4 * full_mv)).to_bytes(3, "big")
        return bytes((0, self.header, 0, 0)) + bytes(6) + 2 * quarter + bytes(12)


class Machine:
    Pin, SPI = Pin, SPI


class Board:
    AFE_SPI = AFE_SCLK = AFE_DIN = AFE_DOUT = 0
    AFE_PWDN, AFE_CS, AFE_START, AFE_RESET = POWER, CS, START, RESET


class HeatedBoard(Board):
    HAS_HEATER = True


sys.modules["machine"] = Machine
from faceloop_device.drivers import ads1298  # noqa: E402  the machine has to be there first
from faceloop_device.hal.front_end import FrontEnd  # noqa: E402

ads1298.time = Time


def front_end(board=Board):
    made = FrontEnd(board)
    log[:] = []
    SPI.registers.clear()
    SPI.id, SPI.keeps, SPI.header = 0x92, True, 0xC0
    SPI.settings[:] = []
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


def rail_is_measured_before_anything_flows_on_a_board_with_a_heater():
    made = front_end()
    made._set_up(None)
    assert made.rail_mv == -1 and not SPI.settings
    for part_id in (0x92, 0x3E):
        made = front_end(HeatedBoard)
        SPI.id = part_id
        assert made.rail_mv == -1
        made._set_up(None)
        assert abs(made.rail_mv - RAIL_MV) <= 1, made.rail_mv
        part = made.converter._part
        assert set(SPI.settings) == {8 * bytes((part.gain_code(1) | 3,))}
        assert Pin.levels[START] == 0 and Pin.levels[POWER] == 1
        for channel in range(8):  # back at the electrodes, and so before what is sent last
            at = ads1298.CH1SET + channel
            assert SPI.registers[at] == part.gain_code(made.converter.gain)
        assert log[-1][2] == bytes((ads1298.RDATAC,)) or log[-2][2] == bytes((ads1298.RDATAC,))


def wrong_rail_is_measured_twice_and_the_better_reading_kept():
    # What the front end reads, one after the other; what is kept; how often it looked.
    for found, kept, n in (
        ((3201, 0), 3201, 1),
        ((3399, 0), 3399, 1),
        ((3200, 3300), 3300, 2),
        ((3200, 3100), 3200, 2),
        ((3400, 3205), 3205, 2),
        ((3400, 3150), 3400, 2),
        ((None, 3300), 3300, 2),
        ((3180, None), 3180, 2),
        ((None, None), -1, 2),
    ):
        made = front_end(HeatedBoard)
        left = list(found)

        def measure(left=left):
            value = left.pop(0)
            if value is None:
                raise ads1298.ConverterError("no frame")
            return value

        made.converter.measure_rail_mv = measure
        for begin, arguments in ((made._set_up, (None,)), (made.probe, ())):
            left[:] = found
            begin(*arguments)
            assert (made.rail_mv, len(found) - len(left)) == (kept, n), (found, made.rail_mv)


def rail_that_cannot_be_measured_takes_no_stream_away():
    made = front_end(HeatedBoard)
    made._set_up(None)
    assert made.rail_mv > 0
    SPI.header = 0x00
    made._set_up(None)
    assert made.rail_mv == -1, "of the time before"
    assert Pin.levels[POWER] == 1 and Pin.levels[START] == 0
    for channel in range(8):
        at = ads1298.CH1SET + channel
        assert SPI.registers[at] == made.converter._part.gain_code(made.converter.gain)
    made.probe()
    assert made.converter.id == 0x92 and Pin.levels[POWER] == 0


for test in (
    rail_is_measured_before_anything_flows_on_a_board_with_a_heater,
    wrong_rail_is_measured_twice_and_the_better_reading_kept,
    rail_that_cannot_be_measured_takes_no_stream_away,
    reset_waits_for_the_power_and_the_first_command_for_the_reset,
    failure_leaves_no_power,
):
    test()
    print("ok", test.__name__)
