"""What the board does about a link that is too slow, and about conversions it never saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from faceloop.device import bluetooth
from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import BoardLink, Packet
from faceloop.errors import FaceloopError
from faceloop.tasks.virtual import paired_virtual_board
from faceloop.twin.launch import BoardSpec, VirtualBoard
from faceloop_protocol import control
from faceloop_protocol.limits import SHIFT
from faceloop_protocol.reports import BoardState
from faceloop_protocol.stream import FLAG_RESYNC, StreamHeader


class Host:
    """A host that keeps the headers of what comes."""

    def __init__(self, home: Any) -> None:
        self.states: list[BoardState] = []
        self.headers: list[StreamHeader] = []
        self.link = BoardLink(BleTransport(), home.keys.get, self)

    def on_packet(self, packet: Packet) -> None:
        self.headers.append(packet.header)
        self.link.stored(self.next_seq())

    def on_state(self, report: BoardState) -> None:
        self.states.append(report)

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        pass

    def on_gone(self, error: FaceloopError) -> None:
        raise error

    def next_seq(self) -> int:
        return (self.headers[-1].seq + 1) & 0xFFFF if self.headers else 0

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def streaming(board: VirtualBoard, home: Any) -> AsyncIterator[Host]:
    bluetooth.use_virtual(board.hci_path)
    host = Host(home)
    try:
        await host.link.connect()
        await host.link.start_stream(control.MODE_TRAINING, SHIFT)
        yield host
    finally:
        await host.link.disconnect()
        await bluetooth.close()


@pytest.mark.full  # half a minute; the rule itself is tested by tests/conformance/test_firmware.py
async def test_missed_conversion_is_counted_flagged_and_put_right(home: Any) -> None:
    board = await home.start_board(radio={"interval_ms": 15.0})
    async with streaming(board, home) as host:
        await asyncio.sleep(27.0)
        assert host.states[-1].slipped == 0
        made = [(await board.control("stats"))["converter"]["conversions"]]
        await board.control("miss_frames", n=2)
        # On a computer that is too busy just then it is not found: once more.
        with contextlib.suppress(TimeoutError):
            await host.until(lambda: host.states[-1].slipped > 0, 9.0)
        if not host.states[-1].slipped:
            await asyncio.sleep(20.0)
            made.append((await board.control("stats"))["converter"]["conversions"])
            await board.control("miss_frames", n=2)
            await host.until(lambda: host.states[-1].slipped > 0, 12.0)
        assert host.states[-1].slipped == host.states[-1].dropped == 2
        flagged = [header for header in host.headers if header.flags & FLAG_RESYNC]
        assert len(flagged) == 1
        before = host.headers[host.headers.index(flagged[0]) - 1]
        assert before.first_frame + before.n_frames + 2 == flagged[0].first_frame
        assert made[-1] - 4 < flagged[0].first_frame < made[-1] + 8 * 2000
        assert (before.dropped, flagged[0].dropped) == (0, 2)


@pytest.mark.full  # the ladder itself: tests/conformance
async def test_starved_radio_costs_detail_and_the_recording_says_which(
    home: Any, recording: Any, tmp_path: Path
) -> None:
    """Room for 6 kB a second where 15 are made: everything is given up, and got back."""
    tap = tmp_path / "tap.bin"
    spec = BoardSpec(
        source={"kind": "face", "scenario": "synkinesis", "seconds": None},
        tap=tap,
        radio={"interval_ms": 15.0},
    )
    async with paired_virtual_board(spec) as paired:
        session = await recording(paired)
        await asyncio.sleep(2.0)
        assert session.status().message == ""
        await paired.board.control("radio", pdus_per_event=2)
        async with asyncio.timeout(20.0):
            while "every second sample" not in session.status().message:
                await asyncio.sleep(0.02)
        await asyncio.sleep(1.0)
        await paired.board.control("radio", pdus_per_event=None)
        async with asyncio.timeout(25.0):
            while "coarser" not in session.status().message:  # one step back already
                await asyncio.sleep(0.02)
        result = await session.finish()
    assert result.recording is not None
    assert result.gaps == ()
    recording = edfio.read_bdf(result.recording)
    notes = [note.text for note in recording.annotations]
    for text in ("degraded shift=5", "degraded shift=6", "half rate"):
        assert text in notes, (text, notes)
    assert any("every second sample" in text for text in notes)
    got = np.stack([signal.digital for signal in recording.signals[:8]], axis=1)
    made = np.fromfile(tap, "<i4").reshape(-1, 8)
    (summary,) = tmp_path.glob("data/sessions/*/session.json")
    half = json.loads(summary.read_text())["half_rate"]
    assert sum(n for _, n in half) > 2000
    is_half = np.zeros(len(made), bool)
    for first, n in half:
        is_half[first : first + n] = True
        means = (made[first : first + n : 2] + made[first + 1 : first + n : 2]) >> 1
        expected = np.repeat(means >> 6 << 6, 2, axis=0)
        np.testing.assert_array_equal(got[first : first + n], expected)
    error = made[~is_half] - got[: len(made)][~is_half]
    assert error.min() == 0
    assert 32 <= error.max() < 64, "cut off by five and six bits, nothing else"
