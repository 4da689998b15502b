"""Cutting a recording where something about its frames changes."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop.session.recorded_signal import RecordedSignal, intervals


def signal(block_frames: int) -> RecordedSignal:
    counts = np.arange(100 * 8, dtype=np.int32).reshape(100, 8)
    return RecordedSignal(
        labels=("x",) * 8,
        fs_hz=2000.0,
        lsb_uv=0.02,
        n_frames=90,
        blocks=lambda: (counts[at : at + block_frames] for at in range(0, 100, block_frames)),
        lead_off=0x80,
        missing=intervals([(10, 5), (89, 4)]),
        late=intervals([(15, 5), (30, 40)]),
        electrode_off=(intervals([(12, 30)]), intervals([(12, 2)])),
    )


@pytest.mark.parametrize("block_frames", [1, 7, 10, 100, 1000])
def test_stretches_every_frame_once_with_what_is_known_of_it(block_frames: int) -> None:
    seen = []
    for stretch in signal(block_frames).stretches():
        for row in stretch.counts:
            seen.append((row[0] // 8, stretch.lead_off, stretch.is_missing, stretch.is_late))
    assert seen == [
        (
            at,
            0x80 | (12 <= at < 42) | (12 <= at < 14) << 1,
            10 <= at < 15 or at == 89,
            15 <= at < 20 or 30 <= at < 70,
        )
        for at in range(90)
    ]


def test_stretches_are_as_long_as_they_can_be() -> None:
    lengths = [len(stretch.counts) for stretch in signal(1000).stretches()]
    assert lengths == [10, 2, 2, 1, 5, 10, 12, 28, 19, 1]
