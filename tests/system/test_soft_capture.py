"""A board without PIO, like an ESP32-S3: an interrupt for each frame, from electrode to file."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import numpy as np

from faceloop.session.journal_index import read_index
from faceloop.tasks.virtual import paired_virtual_board
from faceloop.twin.launch import BoardSpec
from faceloop_protocol.stream import FLAG_HALF_RATE, FLAG_RESYNC, decode_header

# So many edges pass before the handler is called, each time; the last are more than one packet.
LATE_BY = (1, 7, 12)
CALM_FRAMES = 250


async def test_every_frame_of_a_soft_interrupt_is_in_the_file_or_counted_as_lost(
    home: Any, rig: Any, recording: Any
) -> None:
    spec = BoardSpec(
        source={"kind": "face", "scenario": "synkinesis", "seconds": None},
        tap=home.tap,
        capture="irq",
        radio={"stack": "nimble"},
    )
    async with paired_virtual_board(spec) as paired:

        async def converted(n_more: int) -> None:
            end = home.n_converted() + n_more
            async with asyncio.timeout(30.0):
                while home.n_converted() < end:
                    await asyncio.sleep(0.02)

        session = await recording(paired)
        await converted(2 * CALM_FRAMES)
        for n in LATE_BY:
            await paired.board.control("miss_frames", n=n)
            await converted(n + CALM_FRAMES)
        result = await session.finish()

    made = rig.read_tap(home.tap)
    assert result.end_frame == 2 * len(made)  # the index counts at 2000 a second
    assert [n for _, n in result.gaps] == [2 * n for n in LATE_BY]
    is_lost = np.zeros(len(made), bool)
    for first, n in result.gaps:
        assert first % 2 == 0
        is_lost[first // 2 : (first + n) // 2] = True
    assert result.recording is not None
    counts, _ = rig.read_recording(result.recording)
    expected = np.where(is_lost[:, None], 0, made)
    np.testing.assert_array_equal(counts[: 2 * len(made)], np.repeat(expected, 2, axis=0))

    index = read_index(result.recording.with_name("journal.fllog"))
    journal = index.path.read_bytes()
    packets = zip(index.offset, index.n_bytes, strict=True)
    headers = [decode_header(journal[at : int(at) + int(n)]) for at, n in packets]
    assert all(header.flags & FLAG_HALF_RATE for header in headers)
    counted = []
    for before, header in itertools.pairwise(headers):
        n = header.dropped - before.dropped
        assert bool(header.flags & FLAG_RESYNC) == bool(n)
        if n:
            counted.append((header.first_frame - n, n))
    assert tuple(counted) == result.gaps
