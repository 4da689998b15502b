"""The front end in time: conversions are exact for any pumping, nothing is lost uncounted."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from faceloop.twin.ads1298_registers import Opcode
from faceloop.twin.dma_window import CAPACITY_FRAMES
from faceloop.twin.electrode_feed import ElectrodeFeed
from faceloop.twin.frontend import PATIENCE_S
from faceloop.twin.pulse_count import PulseCount

SETTLE_S = 4616 / 2_048_000


# -- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ppm", [0.0, 20.0, -50.0, 1000.0])
@pytest.mark.parametrize("elapsed_s", [0.0, 0.002, SETTLE_S + 1e-6, 0.01, 1.0, 60.0])
def test_conversions_are_exact_for_elapsed_time_and_ppm(make_rig, ppm, elapsed_s):
    rig = make_rig(clock_ppm=ppm)
    rig.start()
    rig.clock.advance(elapsed_s)
    fs_hz = 2000 * (1 + ppm * 1e-6)
    settled_s = elapsed_s - SETTLE_S / (1 + ppm * 1e-6)
    wanted = int(settled_s * fs_hz) + 1 if settled_s >= 0 else 0
    assert rig.frontend.stats()["conversions"] == wanted


def test_conversions_do_not_depend_on_when_they_are_pumped(make_rig):
    rig = make_rig(clock_ppm=20.0)
    rng = np.random.default_rng(3)
    rig.start()
    total, elapsed_s = 0, 0.0
    for step_s in rng.uniform(0, 0.02, 400):
        rig.clock.advance(step_s)
        elapsed_s += step_s
        total += rig.frontend.pump()
    assert total == rig.frontend.stats()["conversions"]
    assert total == int((elapsed_s - SETTLE_S / 1.00002) * 2000.04) + 1


def test_stats_give_the_time_of_the_first_conversion(make_rig):
    rig = make_rig(clock_ppm=20.0)
    started_s = rig.clock()
    rig.start()
    rig.clock.advance(5.0)
    stats = rig.frontend.stats()
    assert stats["t0_monotonic_s"] == started_s
    assert stats["first_conversion_s"] == pytest.approx(started_s + SETTLE_S / 1.00002, abs=1e-9)
    assert stats["fs_hz"] == pytest.approx(2000.04)
    assert stats["is_running"]


def test_a_long_pause_is_made_up_in_bounded_blocks(make_rig):
    rig = make_rig()
    rig.start()
    rig.clock.advance(60.0)
    assert rig.frontend.pump() == 119_996


# -- runs ----------------------------------------------------------------------------------------


def test_each_run_starts_counter_and_source_again(make_rig):
    rig = make_rig()
    rig.capture()
    for run in (1, 2, 3):
        rig.start()
        rig.clock.advance(0.1)
        rig.start(0)
        stats = rig.frontend.stats()
        assert (stats["run"], stats["conversions"]) == (run, 196)
        assert not stats["is_running"]
        written, words = rig.frames()
        assert written == 196 * run
        assert words[196 * (run - 1), 1] == 0
        assert words[written - 1, 1] == 16 * 195
        rig.clock.advance(0.05)


def test_shorted_run_does_not_consume_the_source(make_rig):
    rig = make_rig()
    rig.set_up(0x84, 0x01)
    rig.start()
    rig.clock.advance(1.0)
    assert rig.frontend.pump() == 1996
    assert rig.frontend.source.position == 0


def test_source_end_stops_conversions(make_rig):
    rig = make_rig(n_samples=100)
    rig.start()
    rig.clock.advance(1.0)
    stats = rig.frontend.stats()
    assert stats["conversions"] == 100
    assert stats["source_done"]
    assert not stats["is_running"]
    rig.start(0)
    rig.start()
    rig.clock.advance(0.01)
    assert not rig.frontend.stats()["source_done"]


def test_single_shot_converts_once(make_rig):
    rig = make_rig()
    rig.spi(Opcode.SDATAC)
    rig.spi(0x57, 0, 0x08)
    rig.start()
    rig.clock.advance(1.0)
    assert rig.frontend.stats()["conversions"] == 1


def test_pins_act_at_the_moment_they_change(make_rig):
    rig = make_rig()
    rig.start()
    rig.clock.advance(1.0)
    rig.start(0)  # nobody has pumped before
    rig.clock.advance(1.0)
    assert rig.frontend.stats()["conversions"] == 1996


# -- rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fs_hz", "wanted"),
    [
        (2000.0, [0, 16, 32, 48]),
        (1000.0, [8, 40, 72, 104]),  # mean of two frames
        (500.0, [24, 88, 152, 216]),
        (4000.0, [0, 0, 16, 16]),
    ],
)
def test_feed_brings_the_source_to_the_converters_rate(make_counter_source, fs_hz, wanted):
    feed = ElectrodeFeed(make_counter_source())
    assert feed.read(4, fs_hz)[:, 0].tolist() == wanted


@pytest.mark.parametrize("fs_hz", [500.0, 1000.0, 2000.0, 4000.0, 8000.0])
def test_feed_in_pieces_equals_feed_at_once(make_counter_source, fs_hz):
    whole = ElectrodeFeed(make_counter_source(90)).read(10_000, fs_hz)
    feed = ElectrodeFeed(make_counter_source(90))
    pieces = [feed.read(n, fs_hz) for n in (1, 2, 3, 5, 7, 11)]
    pieces.append(feed.read(10_000, fs_hz))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert len(whole) == 90 * fs_hz / 2000 // 1
    assert feed.is_done


# -- capture -------------------------------------------------------------------------------------


def test_captured_frames_have_status_and_codes(make_rig):
    rig = make_rig()
    rig.capture()
    rig.start()
    rig.clock.advance(0.0125)
    rig.frontend.pump()
    written, words = rig.frames()
    assert written == 21
    np.testing.assert_array_equal(words[:21, 0], 0xC00000)
    np.testing.assert_array_equal(words[:21, 1:], 16 * np.arange(21)[:, None] + np.arange(8))


def test_negative_codes_are_24_bits_right_aligned(make_rig, make_counter_source):
    source = make_counter_source()
    source.position = -5
    rig = make_rig(source=source)
    source.rewind = lambda: None
    rig.capture()
    rig.start()
    rig.clock.advance(0.0025)
    rig.frontend.pump()
    assert rig.frames()[1][0, 1] == 0xFFFFFF + 1 - 80


def test_nothing_is_captured_before_the_state_machine_runs(make_rig):
    rig = make_rig()
    rig.start()
    rig.clock.advance(0.1)
    rig.capture()
    rig.clock.advance(0.1)
    rig.frontend.stop_capture()
    rig.clock.advance(0.1)
    stats = rig.frontend.stats()
    assert stats["conversions"] == 596
    assert stats["captured_frames"] == rig.frames()[0] == 200


def test_overrun_keeps_the_newest_and_counts_the_lost(make_rig):
    rig = make_rig()
    rig.capture()
    rig.start()
    rig.clock.advance(0.1)
    rig.frontend.pump()
    rig.take(196)
    for _ in range(400):
        rig.clock.advance(0.005)
        rig.frontend.pump()
    written, words = rig.frames()
    assert written == 4196
    for frame in range(written - rig.RING_FRAMES, written):
        assert words[frame % CAPACITY_FRAMES, 1] == 16 * frame
    assert rig.frontend.stats()["overrun_frames"] == 4000 - rig.RING_FRAMES
    # Pumping again does not count the same frames twice.
    rig.clock.advance(0.005)
    rig.frontend.pump()
    assert rig.frontend.stats()["overrun_frames"] == 4010 - rig.RING_FRAMES
    rig.take(4206)
    rig.clock.advance(0.2)
    rig.frontend.pump()
    assert rig.frontend.stats()["overrun_frames"] == 4010 - rig.RING_FRAMES


def test_simulator_that_was_held_up_lets_the_board_take_it_in_pieces(make_rig):
    rig = make_rig()
    rig.capture()
    rig.start()
    rig.clock.advance(0.1)
    rig.frontend.pump()
    rig.take(rig.frames()[0])
    rig.clock.advance(0.7)
    pieces = []
    while sum(pieces) < 1400:
        pieces.append(rig.frontend.pump())
        assert rig.frontend.pump() == 0  # as long as the board has not taken them
        rig.take(rig.frames()[0])
    assert max(pieces) == pieces[0] == rig.RING_FRAMES // 4
    assert rig.frontend.stats()["held_back_frames"] == 1400 - pieces[0]
    assert rig.frontend.stats()["overrun_frames"] == 0
    # A board that does not take them loses them, as it would with a real converter.
    rig.clock.advance(0.7)
    piece = rig.frontend.pump()
    rig.clock.advance(2.0)
    assert rig.frontend.pump() == 5400 - piece
    assert rig.frontend.stats()["overrun_frames"] == 5400 - rig.RING_FRAMES


def test_a_board_in_time_loses_nothing(make_rig):
    rig = make_rig()
    rig.capture()
    rig.start()
    for _ in range(200):
        rig.clock.advance(0.1)
        rig.frontend.pump()
        rig.take(rig.frames()[0])
    assert rig.frontend.stats()["overrun_frames"] == 0
    assert rig.frontend.stats()["held_back_frames"] == 0


def test_memory_stays_bounded_when_nobody_reads(make_rig):
    rig = make_rig()
    rig.capture()
    size = rig.path.stat().st_size
    rig.start()
    for _ in range(20):
        rig.clock.advance(5.0)
        rig.frontend.pump()
    assert rig.path.stat().st_size == size


def test_spi_while_the_state_machine_runs_is_refused_and_noted(make_rig):
    rig = make_rig()
    rig.capture()
    assert rig.spi(Opcode.SDATAC, 0x20, 0, 0) == bytes(4)
    assert sum(rig.frontend.chip.violations.values()) == 1
    rig.frontend.stop_capture()
    rig.spi(Opcode.SDATAC)
    assert rig.spi(0x20, 0, 0)[2] == 0x92


def test_drdy_is_reported_once_per_conversion(make_rig):
    rig = make_rig()
    seen = []
    rig.frontend.on_drdy = seen.append
    rig.start()
    for _ in range(10):
        rig.clock.advance(0.0025)
        rig.frontend.pump()
    assert sum(seen) == rig.frontend.stats()["conversions"] == 46
    assert rig.frontend.chip.drdy_level == 0
    received = rig.spi(*bytes(27))
    assert received[:6].hex() == "c000000002d0"  # frame 45: 16 * 45
    assert rig.frontend.chip.drdy_level == 1


@pytest.fixture
def handled_rig(make_rig, tmp_path):
    """A rig whose board has a handler for data-ready, and at which pulses it was called."""
    pulses = tmp_path / "pulses"
    rig = make_rig(pulses=PulseCount(pulses))
    found = []
    rig.frontend.has_handler = True
    rig.frontend.on_drdy = lambda _: found.append(struct.unpack("<Q", pulses.read_bytes())[0])
    rig.start()
    rig.clock.advance(SETTLE_S + 1e-6)
    assert rig.frontend.pump() == 1
    return rig, found


def test_next_conversion_waits_until_the_handler_has_returned(handled_rig):
    rig, found = handled_rig
    for n in range(1, 20):
        assert found == list(range(1, n + 1))  # however long it took: one pulse, one call
        rig.clock.advance(0.004)
        assert rig.frontend.pump() == 0
        assert rig.frontend.is_handled
        assert rig.spi(*bytes(27))[3:6] == (16 * (n - 1)).to_bytes(3, "big")
        rig.frontend.handled()
        assert rig.frontend.pump() == 1


def test_a_handler_is_as_late_as_it_was_told_to_be(handled_rig):
    rig, found = handled_rig
    rig.frontend.miss_frames(3)
    rig.frontend.handled()
    for _ in range(6):
        rig.clock.advance(0.0005)
        rig.frontend.pump()
    assert found == [1, 5]
    assert rig.frontend.stats()["conversions"] == 5


def test_a_handler_that_never_returns_is_not_waited_for(handled_rig):
    rig, _ = handled_rig
    rig.frontend.pump()
    rig.clock.advance(PATIENCE_S + 0.1)
    rig.frontend.pump()
    assert rig.frontend.stats()["conversions"] == pytest.approx(2000 * (PATIENCE_S + 0.1), abs=2)
    rig.frontend.handled()
    rig.clock.advance(0.0005)
    assert rig.frontend.pump() == 1


# -- tap and truth -------------------------------------------------------------------------------


def test_tap_holds_what_was_converted_in_this_run(make_rig, tmp_path):
    tap = tmp_path / "tap"
    rig = make_rig(tap=tap)
    for seconds in (0.5, 0.1):
        rig.start()
        rig.clock.advance(seconds)
        rig.start(0)
    frames = np.fromfile(tap, dtype="<i4").reshape(-1, 8)
    np.testing.assert_array_equal(frames, 16 * np.arange(196)[:, None] + np.arange(8))


def test_tap_leaves_out_runs_without_electrodes(make_rig, tmp_path):
    rig = make_rig(tap=tmp_path / "tap")
    rig.set_up(0x84, 0x05)
    rig.start()
    rig.clock.advance(0.5)
    rig.frontend.pump()
    assert (tmp_path / "tap").read_bytes() == b""


def test_tap_of_a_run_outlasts_a_look_at_the_supplies(make_rig, tmp_path):
    rig = make_rig(tap=tmp_path / "tap")
    rig.start()
    rig.clock.advance(0.1)
    rig.start(0)
    before = (tmp_path / "tap").read_bytes()
    rig.set_up(0x84, 0x03)  # MVDD on every channel
    rig.start()
    rig.clock.advance(0.1)
    rig.start(0)
    assert (tmp_path / "tap").read_bytes() == before != b""


def test_truth_names_labels_and_length(make_rig):
    assert make_rig(n_samples=7).frontend.truth() == {
        "onsets": [],
        "labels": [f"count {i + 1}" for i in range(8)],
        "n_samples": 7,
    }
