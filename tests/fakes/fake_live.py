"""A session without a board: signals made up at real-time rate, and switches a test can turn.

Run it to look at the pages:  python tests/fakes/fake_live.py
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from faceloop.errors import StorageError
from faceloop.session.live import LiveBlock, LiveEvent, LiveStatus, MusclePair

FS_HZ = 2000.0
BLOCK_FRAMES = 20
MUSCLES = (
    MusclePair("orbicularis_oculi", 0, 1, "guard"),
    MusclePair("zygomaticus_major", 2, 3, "train"),
    MusclePair("mentalis", 4, 5, "train"),
    MusclePair("masseter", 6, 7, "veto"),
)
REST_UV = np.array([1.6, 1.9, 1.4, 1.5, 1.8, 1.7, 2.2, 2.1], np.float32)
# What each channel reaches at the top of a movement, microvolts RMS.
EFFORT_UV = np.array([6, 5, 32, 21, 12, 10.5, 4, 4], np.float32)
MOVE_PERIOD_S = 5.0


class FakeLive:
    """A ``LiveView`` of a face that smiles every five seconds; the left eye joins in each time.

    Attributes
    ----------
    drawn, drawn_cues : list of (int, float, float)
        (frame, drawn time, time the report arrived), in the order of the reports.
    sent : dict of int to float
        Electrode time of each event's frame.
    """

    def __init__(self, *, is_calibrated: bool = True, alerts: bool = True) -> None:
        self.muscles = MUSCLES
        self.labels = tuple(f"{pair.muscle}_{side}" for pair in MUSCLES for side in ("l", "r"))
        self.affected_side: str | None = "left"
        self.fs_hz = FS_HZ
        self.is_calibrated = is_calibrated
        self.has_alerts = alerts
        self.effort_uv = EFFORT_UV.copy()
        self.hold: float | None = None  # 0-1: a steady effort instead of the movement
        self.refuse_recording = False
        self.stop_takes_s = 0.0
        self.requests: list[str] = []
        self.drawn: list[tuple[int, float, float]] = []
        self.drawn_cues: list[tuple[int, float, float]] = []
        self.sent: dict[int, float] = {}
        self.frame = 0
        self._status = LiveStatus(
            link="live",
            latency_ms=31.4,
            battery_pct=84,
            radio="clear",
            device="faceloop virtual",
        )
        self._extra: deque[LiveEvent] = deque()
        self._rng = np.random.default_rng(7)
        self._stopped = asyncio.Event()

    def set_status(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)

    def cue(self, kind: str, *, channel: int = 0, text: str = "") -> int:
        """Let the next block bring an event at its last frame; return that frame."""
        frame = self.frame + BLOCK_FRAMES - 1
        self._extra.append(LiveEvent(kind, frame, text, channel, index=2.1))
        return frame

    def status(self) -> LiveStatus:
        return replace(self._status, elapsed_s=self.frame / FS_HZ)

    async def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        start_s = time.monotonic()
        while not self._stopped.is_set():
            last = self.frame + BLOCK_FRAMES
            due_s = start_s + last / FS_HZ
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if self._status.link == "lost":
                start_s += BLOCK_FRAMES / FS_HZ
                await asyncio.sleep(BLOCK_FRAMES / FS_HZ)
                continue
            yield self._block(due_s)

    def _block(self, due_s: float) -> LiveBlock:
        first = self.frame
        self.frame += BLOCK_FRAMES
        phase_s = first / FS_HZ % MOVE_PERIOD_S
        lift = max(0.0, math.sin(math.pi * (phase_s - 1.5) / 2.5)) if 1.5 < phase_s < 4 else 0.0
        lift = lift if self.hold is None else self.hold
        rms_uv = np.hypot(REST_UV, self.effort_uv * np.float32(lift)).astype(np.float32)
        trace_uv = self._rng.standard_normal((BLOCK_FRAMES, 8), np.float32) * rms_uv
        noise = 1 + 0.04 * self._rng.standard_normal(8)
        envelope_uv = (rms_uv * noise).astype(np.float32)
        symmetry = {}
        for pair in MUSCLES:
            left, right = envelope_uv[pair.left], envelope_uv[pair.right]
            is_active = max(left, right) > 2 * REST_UV[pair.left]
            symmetry[pair.muscle] = (
                float(min(left, right) / max(left, right)) if is_active else math.nan
            )
        events = self._events(first, phase_s)
        for event in events:
            self.sent[event.frame] = due_s - (self.frame - 1 - event.frame) / FS_HZ
        return LiveBlock(
            first_frame=first,
            trace_uv=trace_uv,
            envelope_uv=envelope_uv,
            rest_uv=REST_UV if self.is_calibrated else np.full(8, np.nan, np.float32),
            symmetry=symmetry,
            electrode_time_s=due_s,
            events=events,
            is_calibrated=self.is_calibrated,
        )

    def _events(self, first: int, phase_s: float) -> tuple[LiveEvent, ...]:
        step_s = BLOCK_FRAMES / FS_HZ
        events = list(self._extra)
        self._extra.clear()
        if self.has_alerts and self.is_calibrated:
            for at_s, kind in ((2.0, "onset_cue"), (2.1, "synkinesis"), (3.6, "synkinesis_end")):
                if at_s <= phase_s < at_s + step_s:
                    events.append(LiveEvent(kind, first + BLOCK_FRAMES - 1, channel=0, index=2.1))
        return tuple(events)

    async def start_recording(self, folder: Path | None = None) -> None:
        self.requests.append("start recording")
        await asyncio.sleep(0.05)
        if self.refuse_recording:
            raise StorageError("The disk is nearly full. Free some space, then record again.")
        place = folder or "/home/me/faceloop/sessions/2026-03-01-a1"
        self.set_status(is_recording=True, recording=str(place))

    async def stop_recording(self) -> None:
        await asyncio.sleep(0.05)
        self.set_status(is_recording=False, recording="")

    async def stop(self) -> None:
        self.requests.append("stop")
        await asyncio.sleep(self.stop_takes_s)
        self.set_status(link="ended", is_recording=False, recording="")
        self._stopped.set()

    def report_drawn(self, frame: int, drawn_time_s: float, *, is_cue: bool = False) -> None:
        reports = self.drawn_cues if is_cue else self.drawn
        reports.append((frame, drawn_time_s, time.monotonic()))


if __name__ == "__main__":
    from faceloop.ui.app import serve

    asyncio.run(serve(FakeLive(), open_browser=False, on_ready=lambda url: print(url, flush=True)))
