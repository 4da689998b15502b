"""Recordings of any rate and length: clean resampling, piece by piece, in little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import edfio
import numpy as np
import pytest

from faceloop.errors import SourceError
from faceloop.files.recording import open_file
from faceloop.files.resample import Resampler, resample
from faceloop.twin.sources import make_source

RNG = np.random.default_rng(5)


def noise_uv(n: int) -> np.ndarray:
    return RNG.normal(0.0, 20.0, n)


@pytest.mark.parametrize("fs_hz", [250, 256, 512, 1000, 1024, 2048, 4000, 5000, 999.7, 2000.04])
def test_resample_sine_is_exact_and_keeps_length(fs_hz: float) -> None:
    tone_hz = 0.3 * min(fs_hz, 2000)
    n = int(fs_hz * 3)
    x = 100 * np.sin(2 * np.pi * tone_hz * np.arange(n) / fs_hz + 0.3)
    y = resample(x, fs_hz, 2000.0)
    assert len(y) == round(n * 2000 / fs_hz)
    expected = 100 * np.sin(2 * np.pi * tone_hz * np.arange(len(y)) / 2000 + 0.3)
    # The middle: at the ends no one knows how a tone goes on.
    inner = slice(600, -600)
    assert np.abs(y - expected)[inner].max() < 0.1


def test_resample_offset_and_trend_do_not_ring_at_the_ends() -> None:
    x = 30_000 + np.linspace(0, 500, 3000)
    y = resample(x, 1000.0, 2000.0)
    line = 30_000 + 500 * np.arange(6000) / 2 / 2999
    assert np.abs(y - line)[:-1].max() < 0.01


@pytest.mark.parametrize("fs_hz", [250, 999.7, 1926, 4000, 2000])
@pytest.mark.parametrize("sizes", [[1, 9000], [700, 3, 2000, 0, 5], [10_000]])
def test_resampling_piece_by_piece_is_resampling_at_once(fs_hz: float, sizes: list[int]) -> None:
    x = noise_uv(8000) + 300.0
    whole = resample(x, fs_hz, 2000.0)
    resampler, parts, at = Resampler(fs_hz, 2000.0, len(x)), [], 0
    for size in sizes:
        parts.append(resampler.push(x[at : at + size]))
        at += size
    parts.append(resampler.push(x[at:], is_last=True))
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-9)


def write_long_edf(path: Path, fs_hz: float, seconds: int) -> Path:
    """A second of one channel, again and again."""
    second = edfio.EdfSignal(noise_uv(round(fs_hz)), fs_hz, physical_dimension="uV")
    edfio.Edf([second]).write(path)
    short = path.read_bytes()
    head = bytearray(short[:512])
    head[236:244] = str(seconds).encode().ljust(8)
    path.write_bytes(bytes(head) + short[512:] * seconds)
    return path


def test_recording_of_hours_is_read_but_not_played(tmp_path: Path) -> None:
    path = write_long_edf(tmp_path / "long.edf", 250, 3 * 3600)
    assert open_file(path).n_frames == 3 * 3600 * 2000
    with pytest.raises(SourceError, match=r"lasts 3\.0 h, longer than the 2 h a virtual board"):
        make_source({"kind": "recording", "path": str(path)})


def test_long_recording_needs_little_memory(tmp_path: Path) -> None:
    path = write_long_edf(tmp_path / "long.edf", 1000, 1200)
    tracemalloc.start()
    try:
        n_frames = sum(len(block) for block in open_file(path).blocks())
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert n_frames == 1200 * 2000
    assert peak_bytes < 0.75 * n_frames * 8 * 4, "its counts alone are more"
