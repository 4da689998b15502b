"""The ADS1298 model against its data sheet (TI SBAS459K, sections in comments)."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop.twin.ads1298 import Ads1298
from faceloop.twin.ads1298_codes import CodeGenerator, pack_frames, pack_words
from faceloop.twin.ads1298_registers import ADS1299, Opcode

SDATAC, RDATAC, RDATA = Opcode.SDATAC, Opcode.RDATAC, Opcode.RDATA
CONFIG1, CONFIG2, CONFIG3, LOFF, CH1SET = 1, 2, 3, 4, 5
FULL_SCALE = 2**23 - 1


class Bench:
    """A chip on a bench: chip select around every transfer, time by hand."""

    def __init__(self, clock, profile=None):
        self.clock = clock
        self.chip = Ads1298(self.clock, profile) if profile else Ads1298(self.clock)
        self.codes = CodeGenerator(self.chip, seed=1)
        self.clock.advance(0.2)

    def send(self, *data, sclk_hz=1_000_000):
        self.chip.select(0)
        received = self.chip.transfer(bytes(data), sclk_hz)
        self.chip.select(1)
        return received

    def read(self, address, count=1):
        return self.send(0x20 | address, count - 1, *bytes(count))[2:]

    def write(self, address, *values):
        self.send(0x40 | address, len(values) - 1, *values)

    def prepare(self, config1=0x84, channels=0x60, config3=0xC0):
        self.send(SDATAC)
        self.write(CONFIG3, config3)
        self.write(CONFIG1, config1)
        self.write(CH1SET, *[channels] * 8)
        self.clock.advance(0.2)

    def convert(self, n, electrode=None, first=0):
        return self.codes.generate(first, n, electrode, self.clock())


@pytest.fixture
def bench(fake_clock):
    return Bench(fake_clock)


# -- registers -----------------------------------------------------------------------------------

RESET_VALUES = {
    0x00: 0x92, 0x01: 0x06, 0x02: 0x00, 0x03: 0x40, 0x04: 0x00,
    **{0x05 + i: 0x00 for i in range(8)},
    0x0D: 0x00, 0x0E: 0x00, 0x0F: 0x00, 0x10: 0x00, 0x11: 0x00, 0x12: 0x00, 0x13: 0x00,
    0x14: 0x0F, 0x15: 0x00, 0x16: 0x00, 0x17: 0x00, 0x18: 0x00, 0x19: 0x00,
}  # fmt: skip


def test_registers_after_reset_have_data_sheet_values(bench):
    bench.send(SDATAC)
    assert dict(enumerate(bench.chip.registers)) == RESET_VALUES
    # GPIO reads back its pins: four inputs with nothing connected.
    assert bench.read(0, 26) == bytes(RESET_VALUES[i] for i in range(26))


@pytest.mark.parametrize(
    ("address", "written", "reads"),
    [
        (0x00, 0xFF, 0x92),  # ID is read only
        (0x01, 0xFF, 0xE7),  # CONFIG1 bits 4, 3 are 0
        (0x02, 0xFF, 0x37),  # CONFIG2 bits 7, 6, 3 are 0
        (0x03, 0xFF, 0xFE),  # CONFIG3 bit 6 is 1, bit 0 is read only
        (0x03, 0x00, 0x40),
        (0x04, 0xFF, 0xFF),
        (0x05, 0xFF, 0xF7),  # CHnSET bit 3 is 0
        (0x0C, 0xFF, 0xF7),
        (0x0D, 0xA5, 0xA5),
        (0x12, 0xFF, 0x00),  # LOFF_STATP, LOFF_STATN are read only
        (0x13, 0xFF, 0x00),
        (0x14, 0xA0, 0xA0),  # four outputs
        (0x14, 0xAF, 0x0F),  # four inputs: data bits show the pins
        (0x15, 0xFF, 0x1F),  # PACE bits 7..5 are 0
        (0x17, 0xFF, 0xEE),  # CONFIG4 bits 4, 0 are 0
        (0x19, 0xFF, 0xFF),
        (0x1A, 0xFF, 0x00),  # no such register
    ],
)
def test_wreg_changes_only_writable_bits(bench, address, written, reads):
    bench.send(SDATAC)
    bench.write(address, written)
    assert bench.read(address)[0] == reads


def test_wreg_across_read_only_registers_takes_dummy_bytes(bench):
    bench.send(SDATAC)
    bench.write(0x11, 0xAA, 0xFF, 0xFF, 0x00)
    assert bench.read(0x11, 4) == bytes([0xAA, 0, 0, 0])


def test_register_address_counts_up_and_wraps_at_five_bits(bench):
    bench.send(SDATAC)
    bench.write(0x19, 0x11, *[0xEE] * 6, 0xFF, 0x84)  # 19h, six holes, ID, CONFIG1
    assert bench.read(0x19, 9) == bytes([0x11, *[0] * 6, 0x92, 0x84])


@pytest.mark.parametrize("command", [(0x41, 0, 0x84), (0x20, 0, 0)])
def test_register_access_in_rdatac_is_ignored(bench, command):
    # 9.5.2.6: the device wakes up in RDATAC; SDATAC has to come first.
    assert bench.send(*command) == bytes(3)
    assert bench.chip.registers[CONFIG1] == 0x06
    assert sum(bench.chip.violations.values()) == 1
    bench.send(SDATAC)
    assert bench.read(0) == b"\x92"
    bench.send(RDATAC)
    assert bench.read(0) == b"\0"


def test_ignored_wreg_does_not_execute_its_data_as_commands(bench):
    bench.send(SDATAC)
    bench.write(LOFF, 0x55)
    bench.send(RDATAC)
    bench.send(0x44, 0x00, Opcode.RESET)
    assert bench.chip.registers[LOFF] == 0x55


def test_raising_chip_select_ends_a_command(bench):
    bench.send(SDATAC)
    bench.send(0x41)
    bench.send(0x00)  # would be the count
    bench.send(0x84)  # would be the value
    assert bench.chip.registers[CONFIG1] == 0x06


def test_command_bytes_closer_than_4_tclk_are_dropped(bench):
    # 9.5.2: multi-byte commands need 4 tCLK for each byte, SCLK up to 4.096 MHz without gaps.
    bench.send(SDATAC)
    bench.send(0x41, 0, 0x84, sclk_hz=4_200_000)
    assert bench.chip.registers[CONFIG1] == 0x06
    bench.send(0x41, 0, 0x84, sclk_hz=4_000_000)
    assert bench.chip.registers[CONFIG1] == 0x84


def test_without_chip_select_nothing_happens(bench):
    assert bench.chip.transfer(bytes([SDATAC, 0x20, 0, 0])) == bytes(4)
    assert bench.read(0) == b"\0"


def test_reset_command_restores_registers_and_rdatac(bench):
    bench.send(SDATAC)
    bench.write(LOFF, 0x55)
    bench.send(Opcode.RESET)
    assert bench.chip.registers[LOFF] == 0
    assert bench.read(0) == b"\0"  # RDATAC again


def test_reset_pin_restores_registers(bench):
    bench.send(SDATAC)
    bench.write(LOFF, 0x55)
    bench.chip.set_reset(0)
    assert bench.read(0) == b"\0"
    bench.chip.set_reset(1)
    assert bench.chip.registers[LOFF] == 0


def test_power_on_takes_2_to_18_clocks(fake_clock):
    clock = fake_clock
    chip = Ads1298(clock)
    clock.advance(0.127)
    assert not chip.is_alive
    clock.advance(0.002)
    assert chip.is_alive
    chip.set_pwdn(0)
    chip.set_pwdn(1)
    assert not chip.is_alive
    clock.advance(0.129)
    assert chip.is_alive


def test_pwdn_loses_registers(bench):
    bench.send(SDATAC)
    bench.write(LOFF, 0x55)
    bench.chip.set_pwdn(0)
    assert bench.chip.registers[LOFF] == 0


def test_ads1299_profile_has_its_own_id_and_resets(fake_clock):
    bench = Bench(fake_clock, ADS1299)
    bench.send(SDATAC)
    assert bench.read(0, 6) == bytes([0x3E, 0x96, 0xC0, 0x60, 0x00, 0x61])
    assert bench.chip.vref_v == 4.5
    assert bench.chip.fs_hz == 250


# -- rates, starting and stopping ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("config1", "fs_hz", "settle_tclk"),
    [
        (0x80, 32_000, 296), (0x81, 16_000, 584), (0x82, 8_000, 1160), (0x83, 4_000, 2312),
        (0x84, 2_000, 4616), (0x85, 1_000, 9224), (0x86, 500, 18440),
        (0x00, 16_000, 584), (0x04, 1_000, 9224), (0x06, 250, 36872),
    ],
)  # fmt: skip
def test_data_rate_and_settling_follow_config1(bench, config1, fs_hz, settle_tclk):
    bench.prepare(config1)
    assert bench.chip.fs_hz == fs_hz
    assert bench.chip.settle_s == pytest.approx(settle_tclk / 2_048_000, rel=1e-12)


def test_start_pin_edge_begins_a_run_and_low_ends_it(bench):
    assert not bench.chip.is_converting
    bench.chip.set_start(1)
    assert bench.chip.is_converting
    assert bench.chip.run == 1
    bench.chip.set_start(1)  # no edge
    assert bench.chip.run == 1
    bench.chip.set_start(0)
    assert not bench.chip.is_converting
    bench.chip.set_start(1)
    assert bench.chip.run == 2


def test_start_and_stop_opcodes(bench):
    bench.send(Opcode.START)
    assert bench.chip.is_converting
    bench.send(Opcode.STOP)
    assert not bench.chip.is_converting
    bench.chip.set_start(1)
    bench.send(Opcode.STOP)
    assert bench.chip.is_converting  # the pin wins


def test_standby_stops_until_wakeup_and_ignores_registers(bench):
    bench.prepare()
    bench.chip.set_start(1)
    run = bench.chip.run
    bench.send(Opcode.STANDBY)
    assert not bench.chip.is_converting
    bench.write(LOFF, 0x55)
    assert bench.chip.registers[LOFF] == 0
    bench.send(Opcode.WAKEUP)
    assert bench.chip.is_converting
    assert bench.chip.run == run + 1


def test_writing_config1_while_converting_restarts_the_filter(bench):
    bench.prepare()
    bench.chip.set_start(1)
    bench.write(CONFIG1, 0x85)
    assert bench.chip.run == 2
    bench.write(LOFF, 0x03)
    assert bench.chip.run == 2


# -- output codes --------------------------------------------------------------------------------


def test_electrode_at_gain_12_passes_counts_unchanged(bench):
    bench.prepare()
    counts = np.arange(80, dtype=np.int32).reshape(10, 8) - 40
    np.testing.assert_array_equal(bench.convert(10, counts), counts)


@pytest.mark.parametrize(("code", "gain"), list(enumerate((6, 1, 2, 3, 4, 8, 12))))
def test_gain_scales_the_electrode(bench, code, gain):
    bench.prepare(channels=code << 4)
    counts = np.full((4, 8), 120_000, dtype=np.int32)
    np.testing.assert_array_equal(bench.convert(4, counts), 120_000 * gain // 12)


def test_gain_12_lsb_is_23_84_nanovolt(bench):
    # Test signal of 1 mV: 1 mV / (2.4 V / 12 / (2^23 - 1)).
    bench.prepare(channels=0x65)
    bench.write(CONFIG2, 0x13)
    codes = bench.convert(4000)
    assert codes.mean() == pytest.approx(1e-3 / 23.8418607e-9, rel=1e-4)


@pytest.mark.parametrize(("config2", "amplitude_v"), [(0x10, 1e-3), (0x14, 2e-3)])
@pytest.mark.parametrize(("gain_code", "gain"), [(0x10, 1), (0x00, 6), (0x60, 12)])
def test_test_signal_is_a_square_of_the_documented_amplitude(
    bench, config2, amplitude_v, gain_code, gain
):
    bench.prepare(channels=gain_code | 5)
    bench.write(CONFIG2, config2)
    codes = bench.convert(4096)
    wanted = amplitude_v * gain * FULL_SCALE / 2.4
    assert codes[:900].mean() == pytest.approx(wanted, rel=0.01)
    assert codes[1100:2000].mean() == pytest.approx(-wanted, rel=0.01)


@pytest.mark.parametrize(("config2", "period_clocks"), [(0x10, 2**21), (0x11, 2**20)])
def test_test_signal_frequency(bench, config2, period_clocks):
    bench.prepare(channels=0x05)
    bench.write(CONFIG2, config2)
    codes = bench.convert(8192)[:, 0]
    edges = np.flatnonzero(np.diff(np.sign(codes)))
    assert np.diff(edges) == pytest.approx(period_clocks / 2_048_000 * 2000 / 2, abs=1)


def test_test_signal_is_continuous_across_blocks(bench):
    bench.prepare(channels=0x05)
    bench.write(CONFIG2, 0x11)
    pieces = [bench.convert(n, first=first) for first, n in ((0, 7), (7, 1000), (1007, 500))]
    signs = np.sign(np.concatenate(pieces)[:, 3])
    half = 2**20 / 2_048_000 * 2000 / 2
    np.testing.assert_array_equal(signs, np.where((np.arange(1507) // half) % 2, -1, 1))


@pytest.mark.parametrize(
    ("gain_code", "config1", "noise_uv"),
    [(0x00, 0x84, 1.1), (0x60, 0x84, 0.9), (0x60, 0x85, 0.63)],
)
def test_shorted_input_shows_the_noise_of_table_1(bench, gain_code, config1, noise_uv):
    bench.prepare(config1, gain_code | 1)
    gain = {0x00: 6, 0x60: 12}[gain_code]
    codes = bench.convert(20_000)
    assert codes.std() * 2.4e6 / gain / FULL_SCALE == pytest.approx(noise_uv, rel=0.03)
    assert abs(codes.mean()) < 1


def test_supply_measurement_differs_for_channels_3_and_4(bench):
    bench.prepare(channels=0x13)
    volts = bench.convert(100).mean(axis=0) * 2.4 / FULL_SCALE
    assert volts[[0, 1, 4, 5, 6, 7]] == pytest.approx(1.5, abs=1e-4)
    assert volts[[2, 3]] == pytest.approx(0.825, abs=1e-4)
    bench.codes.dvdd_v = 3.18
    volts = bench.convert(100).mean(axis=0) * 2.4 / FULL_SCALE
    assert volts[[0, 1, 4, 5, 6, 7]] == pytest.approx(1.5, abs=1e-4)
    assert volts[[2, 3]] == pytest.approx(0.795, abs=1e-4)


def test_temperature_sensor_follows_its_formula(bench):
    bench.prepare(channels=0x14)
    bench.codes.die_degc = 35.0
    microvolts = bench.convert(1000).mean() * 2.4e6 / FULL_SCALE
    assert (microvolts - 145_300) / 490 + 25 == pytest.approx(35.0, abs=0.01)


def test_powered_down_channel_reads_zero(bench):
    bench.prepare()
    bench.write(CH1SET + 2, 0x81)
    codes = bench.convert(5, np.full((5, 8), 7, dtype=np.int32))
    assert codes[:, 2].tolist() == [0] * 5
    assert codes[:, 3].tolist() == [7] * 5


def test_codes_clip_at_24_bits(bench):
    bench.prepare()
    counts = np.array([[2**25, -(2**25)] + [0] * 6], dtype=np.int32)
    assert bench.convert(1, counts)[0, :2].tolist() == [FULL_SCALE, -FULL_SCALE - 1]
    bench.prepare(channels=0x63)  # 1.5 V at gain 12 does not fit into 0.2 V
    assert (bench.convert(3)[:, 0] == FULL_SCALE).all()


def test_reference_off_or_rising_spoils_the_codes(bench):
    bench.prepare(config3=0x40)
    counts = np.full((1, 8), 1000, dtype=np.int32)
    assert bench.convert(1, counts)[0, 0] == 1_000_000
    bench.write(CONFIG3, 0xC0)
    bench.clock.advance(0.075)
    assert bench.convert(1, counts)[0, 0] == 2000
    bench.clock.advance(0.076)
    assert bench.convert(1, counts)[0, 0] == 1000


def test_same_seed_gives_same_noise(fake_clock):
    first, second = Bench(fake_clock), Bench(fake_clock)
    for bench in (first, second):
        bench.prepare(channels=0x01)
    np.testing.assert_array_equal(first.convert(50), second.convert(50))


# -- lead-off ------------------------------------------------------------------------------------


def lead_off(bench, loff=0x03, config4=0x02, sense_p=0xFF, sense_n=0xFF):
    bench.prepare()
    bench.write(LOFF, loff)
    bench.write(0x17, config4)
    bench.write(0x0F, sense_p, sense_n)
    bench.chip.set_lead_off(0b0000_0101, 0b1000_0000)


def test_status_word_carries_lead_off_bits(bench):
    lead_off(bench)
    assert bench.chip.status_word == 0xC05800
    assert bench.read(0x12, 2) == bytes([0x05, 0x80])


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"loff": 0x00}, 0xC00000),  # no DC detection
        ({"config4": 0x00}, 0xC00000),  # comparators off
        ({"sense_p": 0x04}, 0xC04800),
        ({"sense_n": 0x7F}, 0xC05000),
    ],
)
def test_lead_off_needs_source_comparator_and_sense_bit(bench, settings, status):
    lead_off(bench, **settings)
    assert bench.chip.status_word == status


def test_open_input_goes_to_the_rail_that_its_current_pulls_to(bench):
    lead_off(bench)
    codes = bench.convert(2, np.full((2, 8), 5, dtype=np.int32))
    assert codes[0].tolist() == [FULL_SCALE, 5, FULL_SCALE, 5, 5, 5, 5, -FULL_SCALE - 1]


def test_status_word_carries_gpio_outputs(bench):
    bench.prepare()
    bench.write(0x14, 0x90)
    assert bench.chip.status_word == 0xC00009


# -- frames --------------------------------------------------------------------------------------


def test_frame_is_status_then_channels_most_significant_byte_first():
    codes = np.array([[1, -1, FULL_SCALE, -FULL_SCALE - 1, 0, 0x123456, 2, 3]], dtype=np.int32)
    frame = pack_frames(0xC12345, codes)
    assert frame.hex(" ", 3) == "c12345 000001 ffffff 7fffff 800000 000000 123456 000002 000003"
    assert pack_words(0xC12345, codes)[0].tolist() == [
        0xC12345, 1, 0xFFFFFF, 0x7FFFFF, 0x800000, 0, 0x123456, 2, 3,
    ]  # fmt: skip


def test_rdatac_shifts_each_frame_out_once(bench):
    frame = bytes(range(27))
    bench.chip.latch(frame)
    assert bench.chip.drdy_level == 0
    assert bench.send(*bytes(30)) == frame + bytes(3)
    assert bench.chip.drdy_level == 1
    bench.chip.latch(frame)
    bench.chip.latch(frame[::-1])  # no FIFO: the older frame is lost
    assert bench.send(*bytes(27)) == frame[::-1]


def test_rdata_reads_one_frame_on_demand(bench):
    bench.send(SDATAC)
    frame = bytes(range(27))
    bench.chip.latch(frame)
    assert bench.send(*bytes(27)) == bytes(27)
    assert bench.send(RDATA, *bytes(27)) == b"\0" + frame
