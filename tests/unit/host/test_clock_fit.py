from __future__ import annotations

import math
import random

import pytest

from faceloop.device.clock_fit import ClockFit


@pytest.mark.parametrize("ppm", [-120.0, -20.0, 0.0, 35.0, 400.0])
def test_ppm_is_found_through_radio_jitter(ppm: float) -> None:
    rng = random.Random(4)
    fit = ClockFit(2000.0)
    fs_hz = 2000.0 * (1 + ppm * 1e-6)
    for packet in range(6000):
        frame = 20 * packet + 19
        delay_s = 0.006 + 0.015 * rng.random() + (0.08 if rng.random() < 0.05 else 0.0)
        fit.add(frame, 1000.0 + frame / fs_hz + delay_s)
    assert fit.ppm == pytest.approx(ppm, abs=8.0)
    assert fit.arrival_s(100_000) == pytest.approx(1000.0 + 100_000 / fs_hz + 0.006, abs=0.002)


def test_a_blackout_does_not_bend_the_line() -> None:
    fit = ClockFit(2000.0)
    for packet in range(6000):
        frame = 20 * packet + 19
        sent_s = frame / 2000.0
        arrival_s = max(sent_s, 23.0) if 20.0 < sent_s < 23.0 else sent_s
        fit.add(frame, arrival_s + 0.005)
    assert abs(fit.ppm) < 5.0


def test_without_packets_nothing_is_claimed() -> None:
    fit = ClockFit(2000.0)
    assert math.isnan(fit.ppm)
    assert math.isnan(fit.arrival_s(0))


def test_delays_of_a_busy_start_are_not_taken_for_a_clock() -> None:
    """What piled up at first drains for more than half of the time: no clock runs 30 % fast."""
    fit = ClockFit(2000.0)
    for packet in range(300):
        frame = 20 * packet + 19
        late_s = max(0.0, 0.7 - 0.3 * frame / 2000.0)
        fit.add(frame, 50.0 + frame / 2000.0 + 0.01 + late_s)
    assert math.isnan(fit.ppm)
    assert fit.arrival_s(5999) == pytest.approx(50.0 + 5999 / 2000.0 + 0.01, abs=0.002)


def test_jitter_is_of_the_soonest_packets_and_not_of_single_ones() -> None:
    even, uneven = ClockFit(2000.0), ClockFit(2000.0)
    assert math.isnan(even.jitter_s)
    for n in range(4000):
        frame = 20 * n
        delay_s = 0.03 if n % 3 else 0.0  # single packets wait; some in each half second do not
        even.add(frame, frame / 2000.0 + delay_s)
        uneven.add(frame, frame / 2000.0 + delay_s + (0.012 if frame // 1000 % 4 == 3 else 0.0))
    assert even.jitter_s < 1e-6
    assert 0.011 < uneven.jitter_s < 0.013
