"""What a session costs on the air: the bars of the design, with the board's own encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faceloop.twin.sources import make_source
from faceloop.twin.sources.emg_carrier import emg_psd

SCRIPT = Path(__file__).parent / "board" / "link_bytes.py"
SECONDS, FS_HZ = 8, 2000
TRAINING, FULL = 20, 40  # frames asked of a packet
LSB_UV = 2.4e6 / 12 / (2**23 - 1)
BAND_HZ = (60.0, 130.0)
FULL_EFFORT_UV = 500.0  # RMS on all eight channels at once: nobody's face does that for long


def bytes_per_s(on_board: Callable[..., str], folder: Path, counts: np.ndarray) -> dict[int, int]:
    path = folder / "counts"
    path.write_bytes(counts.astype("<i4").tobytes())
    lines = on_board(SCRIPT, str(path), str(TRAINING), str(FULL)).splitlines()
    return {int(asked): int(n) for asked, n in map(str.split, lines)}


@pytest.fixture(scope="module")
def mixed() -> np.ndarray:
    """Rest, then movements of every strength: the middle of a scripted session."""
    source = make_source({"kind": "face", "scenario": "synkinesis", "seed": 5})
    return source.read(2 * SECONDS * FS_HZ)[SECONDS * FS_HZ // 2 : 3 * SECONDS * FS_HZ // 2]


def test_mixed_session(on_board: Callable[..., str], tmp_path: Path, mixed: np.ndarray) -> None:
    found = bytes_per_s(on_board, tmp_path, mixed)
    print(found)
    assert found[FULL] <= 14_200
    assert found[TRAINING] <= 15_800


def test_full_effort(on_board: Callable[..., str], tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    n = SECONDS * FS_HZ // 2
    spectrum = np.fft.rfft(rng.standard_normal((n, 8)), axis=0)
    hz = np.fft.rfftfreq(n, 1 / FS_HZ)
    shape = np.sqrt(emg_psd(hz, *BAND_HZ))
    emg = np.fft.irfft(spectrum * shape[:, None], n, axis=0)
    emg *= FULL_EFFORT_UV / emg.std(axis=0)
    found = bytes_per_s(on_board, tmp_path, np.round(emg / LSB_UV))
    print(found)
    assert max(found.values()) <= 26_500
