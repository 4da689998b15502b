"""The min/max pyramid against a plain search through all frames."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_dsp import StreamCore
from faceloop_dsp.pyramid import BASE_BIN_FRAMES, FACTOR, MinMaxPyramid, StreamPyramid


def noise(n_frames: int, n_channels: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(-(2**23), 2**23, (n_frames, n_channels)).astype(np.float32)


def bin_frames(n_frames: int, first: int, end: int, n_pixels: int) -> int:
    """Return the size of the bins such a view is made of; 1 is the frames themselves."""
    size, best = BASE_BIN_FRAMES, 1
    while size < n_frames and size * n_pixels <= end - first:
        best, size = size, size * FACTOR
    return best


def slow_view(x: Any, first: int, end: int, n_pixels: int) -> Any:
    size = bin_frames(len(x), first, end, n_pixels)
    rows = []
    for p in range(n_pixels):
        begin = first + p * (end - first) // n_pixels
        stop = max(first + (p + 1) * (end - first) // n_pixels, begin + 1)
        under = x[begin // size * size : -(-stop // size) * size]
        rows.append([np.fmin.reduce(under), np.fmax.reduce(under)])
    return np.array(rows)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_pyramid_equals_a_plain_search(data: Any) -> None:
    n = data.draw(st.integers(1, 20_000))
    channels = data.draw(st.sampled_from([1, 3, 8]))
    first = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(first + 1, n))
    pixels = data.draw(st.integers(1, 50))
    x = noise(n, channels, seed=n)
    shown = MinMaxPyramid(x).view(first, end, pixels)
    np.testing.assert_array_equal(shown, slow_view(x, first, end, pixels))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_stream_pyramid_in_any_parts_equals_a_plain_search(data: Any) -> None:
    n = data.draw(st.integers(1, 3000))
    channels = data.draw(st.sampled_from([1, 8]))
    low = noise(n, channels, seed=n)
    low[data.draw(st.integers(0, n - 1)) :: 7] = np.nan  # gaps
    high = low + 1.0
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    pyramid, at = StreamPyramid(channels), 0
    while at < n:
        end = min(n, at + int(rng.choice([0, 1, 2, 3, 5, 64, 1000])))
        pyramid.push(low[at:end], high[at:end])
        at = end
    first = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(first + 1, n))
    n_pixels = data.draw(st.integers(1, 50))
    size = 1
    while size * FACTOR * n_pixels <= end - first:
        size *= FACTOR
    shown = pyramid.view(first, end, n_pixels)
    for p in range(n_pixels):
        begin = first + p * (end - first) // n_pixels
        stop = max(first + (p + 1) * (end - first) // n_pixels, begin + 1)
        under = slice(begin // size * size, -(-stop // size) * size)
        np.testing.assert_array_equal(shown[p, 0], np.fmin.reduce(low[under]))
        np.testing.assert_array_equal(shown[p, 1], np.fmax.reduce(high[under]))


def test_stream_pyramid_shows_what_the_core_traced() -> None:
    core, pyramid = StreamCore(mains_hz=None), StreamPyramid()
    counts = (noise(4000, 8) / 2**10).astype(np.int32)
    parts = [core.push(counts[:1230]), core.gap(770), core.push(counts[1230:])]
    for part in parts:
        pyramid.push(part.low_uv, part.high_uv)
    assert pyramid.n_hops == (4000 + 770) // 20
    trace = np.concatenate([part.trace_uv for part in parts])[: pyramid.n_hops * 20]
    whole = pyramid.view(0, pyramid.n_hops, 1)[0]
    known = trace[: 1230 // 20 * 20], trace[2000:]  # a hop with a gap in it is not known
    np.testing.assert_array_equal(whole[0], np.fmin.reduce(np.concatenate(known)))
    np.testing.assert_array_equal(whole[1], np.fmax.reduce(np.concatenate(known)))


@pytest.mark.parametrize("shape", [(3, 7), (3,), (8,)])
def test_stream_pyramid_other_channels_are_refused(shape: tuple[int, ...]) -> None:
    wrong = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match="not \\(hops, 8\\)"):
        StreamPyramid().push(wrong, wrong)
    with pytest.raises(ValueError, match="allowed are 1-64"):
        StreamPyramid(65)
    with pytest.raises(ValueError, match="there are 0"):
        StreamPyramid().view(0, 1, 1)


@pytest.mark.parametrize("n_pixels", [1, 7, 300])
def test_pyramid_never_loses_a_peak_and_smears_it_by_one_bin_at_most(n_pixels: int) -> None:
    n = 300_000
    for at in (0, 63, 64, 4095, 150_001, n - 1):
        x = np.zeros((n, 8), np.float32)
        x[at, 5] = 7.0
        shown = MinMaxPyramid(x).view(0, n, n_pixels)[:, 1, 5]
        pixel = min(at * n_pixels // n, n_pixels - 1)
        lit = np.flatnonzero(shown)
        assert pixel in lit or pixel + 1 in lit
        assert len(lit) <= 2


def test_pyramid_passes_over_nan_and_says_when_nothing_is_known() -> None:
    x = noise(10_000, 8)
    x[:5000, 3] = np.nan
    x[7000:7100, 4] = np.nan
    pyramid = MinMaxPyramid(x)
    for pixels in (2, 10, 10_000):
        shown = pyramid.view(0, 10_000, pixels)
        np.testing.assert_array_equal(shown, slow_view(x, 0, 10_000, pixels))
    assert np.isnan(pyramid.view(0, 4000, 10)[:, :, 3]).all()
    assert np.isfinite(pyramid.view(6000, 8000, 2)).all()


def test_pyramid_reuses_what_it_is_given() -> None:
    pyramid = MinMaxPyramid(noise(5000, 8))
    out = np.empty((100, 2, 8), np.float32)
    assert pyramid.view(0, 5000, 100, out) is out
    np.testing.assert_array_equal(out, pyramid.view(0, 5000, 100))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((10, 8)), "float64"),
        (np.zeros((0, 8), np.float32), "shape"),
        (np.zeros(10, np.float32), "shape"),
        (np.zeros((10, 65), np.float32), "1-64 channels"),
        (np.zeros((10, 16), np.float32)[:, ::2], "C-contiguous"),
    ],
)
def test_pyramid_of_impossible_samples_is_refused(x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MinMaxPyramid(x)


@pytest.mark.parametrize("view", [(-1, 10, 5), (5, 5, 5), (0, 101, 5), (0, 10, 0)])
def test_impossible_view_is_refused(view: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="a view of"):
        MinMaxPyramid(np.zeros((100, 8), np.float32)).view(*view)


def test_view_into_the_wrong_array_is_refused() -> None:
    pyramid = MinMaxPyramid(np.zeros((100, 8), np.float32))
    for shape in ((10, 2, 7), (10, 1, 8), (9, 2, 8)):
        with pytest.raises(ValueError):
            pyramid.view(0, 100, 10, np.zeros(shape, np.float32))


def view_us(pyramid: Any, seconds: float) -> float:
    """Return the median time of views that walk through the hour."""
    n = min(round(seconds * 2000), pyramid.n_frames)
    out = np.empty((1000, 2, 8), np.float32)
    times = []
    for i in range(300):
        first = (pyramid.n_frames - n) * (i % 50) // 50
        started = time.perf_counter()
        pyramid.view(first, first + n, 1000, out)
        times.append(time.perf_counter() - started)
    return 1e6 * float(np.median(times))


@pytest.mark.benchmark
def test_any_view_of_an_hour_is_quick() -> None:
    """1000 pixels of 8 channels; the goal is 15 us for every length, on an idle machine."""
    x = np.zeros((3600 * 2000, 8), np.float32)
    x.reshape(-1, 2000, 8)[:] = noise(2000, 8)
    started = time.perf_counter()
    pyramid = MinMaxPyramid(x)
    print(f"\nbuilt in {1e3 * (time.perf_counter() - started):.1f} ms")
    for seconds in (0.5, 2, 8, 10, 31, 33, 60, 127, 600, 2000, 3600):
        print(f"{seconds:6g} s: {view_us(pyramid, seconds):5.1f} us")
    # Twenty times the goal: what a loop that missed its level would take, not a busy machine.
    assert view_us(pyramid, 3600) < 300
