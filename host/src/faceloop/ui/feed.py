"""From the session's blocks to each browser's queue: reduce once, pack once, send to many."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faceloop.session.live import LiveBlock, LiveEvent, LiveView, MusclePair
from faceloop.ui import wire
from faceloop.ui.columns import ColumnReducer, Columns
from faceloop.ui.target import Target
from faceloop.ui.texts import Texts
from faceloop.ui.words import Words, guard_channel

__all__ = ["ClientQueue", "LiveFeed", "MuscleNow"]

# A message makes the browser paint once. Traces to look at are smooth with 30 a second; events
# never wait for the next. A bar that a movement is steered by moves with every frame of a screen
# of 60 a second: blocks come every 10 to 15 ms. Without a graphics card each painting is dear.
FLUSH_S = 0.033
GUIDED_FLUSH_S = 0.012
# At most 0.7 s of messages may wait for one browser; older ones are worthless for feedback.
QUEUE_LENGTH = 20
# Messages on their way that the browser has not acknowledged: 2 s at most. Without this limit the
# buffers of the loopback socket would hold minutes of stale signal for a stalled tab.
WINDOW = 60
AGES = 512
# Four reports a second and browser: the last ten seconds of one.
REPORTS = 40
# Reports come within 5 s, or are not believed.
FRAMES_KNOWN = 512
SMOOTHING_S = 0.4
# A symmetry is shown once a side has moved this long, and so long after both rest again.
SHOWN_AFTER_S = 0.15
HELD_S = 0.3
_ALERT_KINDS = frozenset({"onset_cue", "synkinesis"})


@dataclass(frozen=True, slots=True)
class MuscleNow:
    """One muscle as it is now, smoothed for reading; ``ratio`` is min/max of the sides, 0-1.

    NaN while both sides rest.
    """

    left_uv: float
    right_uv: float
    ratio: float


class ClientQueue:
    """What waits for one browser: bounded, oldest dropped and counted, age measured."""

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: deque[tuple[int, float, bytes]] = deque()
        self._ages_s: deque[float] = deque(maxlen=AGES)
        self._changed = asyncio.Event()
        self._sent = 0
        self._acked = 0
        self._sent_sequence: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, sequence: int, made_s: float, message: bytes) -> None:
        """Add a message; never waits."""
        if len(self._waiting) >= QUEUE_LENGTH:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((sequence, made_s, message))
        self._changed.set()

    async def get(self) -> tuple[float, bytes]:
        """Return the oldest message (time made, bytes) once the browser has room for it."""
        while not self._waiting or self._sent - self._acked >= WINDOW:
            self._changed.clear()
            await self._changed.wait()
        sequence, made_s, message = self._waiting.popleft()
        self._sent += 1
        self._sent_sequence.append((sequence, self._sent))
        return made_s, message

    def acknowledge(self, sequence: int) -> None:
        """Note the newest message that arrived; one that was never sent changes nothing."""
        if not any(sent == sequence for sent, _ in self._sent_sequence):
            return
        while self._sent_sequence:
            sent, count = self._sent_sequence.popleft()
            self._acked = count
            if sent == sequence:
                break
        self._changed.set()

    def note_age(self, age_s: float) -> None:
        """Note how old a message was when its send ended."""
        self._ages_s.append(age_s)

    def age_ms(self, percentile: float) -> float:
        """Return the age of what was sent lately, NaN before the first message."""
        return 1e3 * float(np.percentile(self._ages_s, percentile)) if self._ages_s else math.nan


class LiveFeed:
    """Read the session once and give every browser the same packed messages.

    Parameters
    ----------
    live : LiveView
    words : callable, optional
        Gives the words of alerts, in the language of the moment; English without it.

    Attributes
    ----------
    listener : callable or None
        Given every block, before it goes to any browser.
    guide : callable or None
        Gives what a repetition asks for at this moment; it goes out with the signal.
    asked : callable or None
        Gives the muscle that a repetition asks for at this moment, nothing without one.
    """

    def __init__(self, live: LiveView, words: Callable[[], Words] | None = None) -> None:
        self._live = live
        self._words = words if words is not None else lambda: Words(Texts())
        self._reducer = ColumnReducer(live.fs_hz, len(live.labels))
        self._clients: set[ClientQueue] = set()
        self._sequence = 0
        self._due_s = -math.inf
        self._pending: list[LiveBlock] = []
        self._events: list[LiveEvent] = []
        self._smooth = np.full((len(live.muscles), 3), np.nan)
        self._moving_s = np.zeros(len(live.muscles))
        self._resting_s = np.zeros(len(live.muscles))
        self._target = Target(live.muscles, live.affected_side)
        self.is_calibrated = False
        self.alerts = 0
        self._electrode_s: dict[int, float] = {}
        self._ages_s: deque[float] = deque(maxlen=REPORTS)
        self.listener: Callable[[LiveBlock], None] | None = None
        self.guide: Callable[[], wire.Guide | None] | None = None
        self.asked: Callable[[], str] | None = None

    def subscribe(self) -> ClientQueue:
        """Return a new browser's queue."""
        queue = ClientQueue()
        self._clients.add(queue)
        return queue

    @property
    def is_watched(self) -> bool:
        """Whether any browser follows the signal."""
        return bool(self._clients)

    def unsubscribe(self, queue: ClientQueue) -> None:
        """Forget a browser."""
        self._clients.discard(queue)

    def muscles_now(self) -> tuple[MuscleNow, ...]:
        """Return every muscle of ``live.muscles`` as it is now."""
        return tuple(MuscleNow(*map(float, row)) for row in self._smooth)

    def moved(self) -> MusclePair | None:
        """Return the muscle that is being moved, None at rest: what a symmetry is told of."""
        at = self._target.at
        if at is None or not math.isfinite(self._smooth[at, 2]):
            return None
        return self._live.muscles[at]

    def note_drawn(self, frame: int, drawn_s: float) -> None:
        """Note that a browser had the signal up to a message's last frame on screen."""
        electrode_s = self._electrode_s.get(frame)
        if electrode_s is not None:
            self._ages_s.append(drawn_s - electrode_s)

    def to_screen_ms(self) -> float:
        """Return the median time from electrode to screen of late, NaN before the first report."""
        return 1e3 * float(np.median(self._ages_s)) if self._ages_s else math.nan

    async def run(self) -> None:
        """Read blocks until the session ends."""
        async for block in self._live.blocks():
            self._take(block)

    def _take(self, block: LiveBlock) -> None:
        self.is_calibrated = block.is_calibrated
        self._follow(block)
        if self.listener is not None:
            self.listener(block)
        self.alerts += sum(event.kind == "synkinesis" for event in block.events)
        if not self._clients:
            self._pending.clear()
            self._events.clear()
            return
        self._pending.append(block)
        self._events.extend(block.events)
        guide = self.guide() if self.guide is not None else None
        now_s = time.monotonic()
        if now_s >= self._due_s:
            # From due time to due time, so that the rate holds whatever the blocks' own rhythm.
            step_s = FLUSH_S if guide is None else GUIDED_FLUSH_S
            self._due_s = max(self._due_s + step_s, now_s + step_s / 2)
            self._flush(now_s, guide)
        elif block.events:
            self._flush(now_s, guide)

    def _follow(self, block: LiveBlock) -> None:
        """Smooth what is read as text: only while a side moves, and held for a moment after."""
        seconds = len(block.trace_uv) / self._live.fs_hz
        step = min(1.0, seconds / SMOOTHING_S)
        for at, (row, pair) in enumerate(zip(self._smooth, self._live.muscles, strict=True)):
            ratio = block.symmetry.get(pair.muscle, math.nan)
            if math.isnan(ratio):
                self._moving_s[at] = 0.0
                self._resting_s[at] += seconds
                if self._resting_s[at] > HELD_S:
                    row[:] = math.nan
                continue
            self._resting_s[at] = 0.0
            self._moving_s[at] += seconds
            if math.isnan(row[2]) and self._moving_s[at] < SHOWN_AFTER_S:
                continue
            fresh = (block.envelope_uv[pair.left], block.envelope_uv[pair.right], ratio)
            for i, value in enumerate(fresh):
                is_first = math.isnan(row[i]) or math.isnan(value)
                row[i] = value if is_first else row[i] + step * (value - row[i])
        asked = self.asked() if self.asked is not None else ""
        self._target.take(self._smooth, block.rest_uv, asked)

    def _flush(self, now_s: float, guide: wire.Guide | None) -> None:
        newest = self._pending[-1]
        first_column, columns_uv = self._columns()
        events = tuple(self._worded(event) for event in self._events)
        self._pending.clear()
        self._events.clear()
        self._sequence += 1
        last_frame = newest.first_frame + len(newest.trace_uv) - 1
        self._electrode_s[last_frame] = newest.electrode_time_s
        if len(self._electrode_s) > FRAMES_KNOWN:
            del self._electrode_s[next(iter(self._electrode_s))]
        message = wire.pack_live(
            sequence=self._sequence,
            fs_hz=self._live.fs_hz,
            column_frames=self._reducer.column_frames,
            first_column=first_column,
            last_frame=last_frame,
            electrode_time_s=newest.electrode_time_s,
            columns_uv=columns_uv,
            envelope_uv=newest.envelope_uv,
            rest_uv=newest.rest_uv,
            symmetry=self._ratios(newest),
            events=events,
            is_calibrated=newest.is_calibrated,
            guide=guide,
        )
        for client in self._clients:
            client.put(self._sequence, now_s, message)

    def _columns(self) -> tuple[int, Columns]:
        """Reduce the waiting blocks; after a jump only what follows it goes into this message."""
        first_column = 0
        parts: list[Columns] = []
        for block in self._pending:
            start, columns_uv = self._reducer.push(block.first_frame, block.trace_uv)
            expected = first_column + sum(part.shape[1] for part in parts)
            if not parts or start != expected:
                first_column, parts = start, []
            parts.append(columns_uv)
        return first_column, np.concatenate(parts, axis=1)

    def _ratios(self, block: LiveBlock) -> NDArray[np.float32]:
        ratios = [block.symmetry.get(pair.muscle, math.nan) for pair in self._live.muscles]
        return np.array(ratios, np.float32)

    def _worded(self, event: LiveEvent) -> LiveEvent:
        """Name the channel and the words of an alert that the session left open."""
        if event.kind not in _ALERT_KINDS:
            return event
        muscles = self._live.muscles
        channel = guard_channel(event, muscles, self._live.affected_side)
        event = replace(event, channel=channel)
        return replace(event, text=self._words().alert_sentence(event, muscles))
