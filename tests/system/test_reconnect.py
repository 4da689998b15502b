"""Links that break while packets flow: each time some are on their way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import edfio
import numpy as np

from faceloop.tasks.virtual import paired_virtual_board
from faceloop.twin.launch import BoardSpec

SHIFT = 4
N_BREAKS = 4


async def test_broken_links_cost_no_frame_and_damage_none(
    home: Any, recording: Any, tmp_path: Path
) -> None:
    tap = tmp_path / "tap.bin"
    spec = BoardSpec(source={"kind": "face", "scenario": "synkinesis", "seconds": None}, tap=tap)
    async with paired_virtual_board(spec) as paired:
        session = await recording(paired)
        for n in range(N_BREAKS):
            await asyncio.sleep(0.7)
            client = paired.transport._client
            assert client is not None
            await client.disconnect()
            async with asyncio.timeout(20):
                while session._link.reconnects <= n:
                    await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)
        result = await session.finish()
    assert result.reconnects == N_BREAKS
    assert result.gaps == ()
    assert result.recording is not None
    recording = edfio.read_bdf(result.recording)
    got = np.stack([signal.digital for signal in recording.signals[:8]], axis=1)
    made = np.fromfile(tap, "<i4").reshape(-1, 8) >> SHIFT << SHIFT
    assert len(made) == result.end_frame
    np.testing.assert_array_equal(got[: len(made)], made)
    notes = [note.text for note in recording.annotations]
    assert not [text for text in notes if text.startswith(("gap", "conflict"))]
