"""What happened in a recording, in the order of its frames: alerts, notes, gaps, doubts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceloop.session.analysis import ELECTRODE_BACK_S
from faceloop.session.bdf_annotations import Annotation, clean_text
from faceloop.session.coverage import IntervalSet
from faceloop.session.journal_index import JournalEvent, JournalIndex
from faceloop.session.journal_signal import JournalSignal
from faceloop_protocol.limits import N_CHANNELS
from faceloop_protocol.stream import FLAG_DEGRADED, FLAG_HALF_RATE, FLAG_RESYNC, SHIFT_MASK

__all__ = ["Mark", "merge_runs", "timeline"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One entry of the timeline.

    Parameters
    ----------
    frame : int
        Full frame index.
    n_frames : int or None
        None for a moment.
    kind, text : str
        ``text`` is the annotation in the file.
    source : str
        ``session`` when it was recorded as an event, ``finaliser`` when it follows from packets.
    host_time_ns : int or None
    content : dict
        The event as recorded.
    """

    frame: int
    n_frames: int | None
    kind: str
    text: str
    source: str = "finaliser"
    host_time_ns: int | None = None
    content: dict[str, Any] = field(default_factory=dict)

    def annotation(self, start_frame: int, fs_hz: int) -> Annotation:
        """Return the entry as an annotation of a file that begins at ``start_frame``."""
        duration = self.n_frames
        return Annotation(
            max(self.frame - start_frame, 0) * 1_000_000 // fs_hz,
            None if duration is None else duration * 1_000_000 // fs_hz,
            clean_text(self.text) or "event",
        )

    def to_json(self, start_frame: int, fs_hz: int) -> dict[str, Any]:
        """Return the entry as a line of ``events.jsonl``."""
        line = {**self.content, "kind": self.kind, "source": self.source, "frame": self.frame}
        line["time_s"] = (self.frame - start_frame) / fs_hz
        if self.n_frames is not None:
            line["n_frames"] = self.n_frames
            line["duration_s"] = self.n_frames / fs_hz
        if self.host_time_ns is not None:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
                microseconds=self.host_time_ns // 1000
            )
            line["utc"] = moment.isoformat()
        return line


def timeline(index: JournalIndex, signal: JournalSignal, n_padding: int) -> list[Mark]:
    """Return every mark of a recording, sorted by frame.

    Parameters
    ----------
    index : JournalIndex
    signal : JournalSignal
        After a complete pass.
    n_padding : int
        Frames that fill up the last record, 0 for none.
    """
    marks = [_event_mark(event, index.header.labels) for event in index.events]
    marks += [
        Mark(first, n, "gap", f"gap n={n}") for first, n in signal.coverage.gaps(index.end_frame)
    ]
    marks += [Mark(first, n, "late", f"late n={n}") for first, n in _late_ranges(index, signal)]
    marks += [Mark(first, n, "conflict", f"conflict n={n}") for first, n in signal.conflicts]
    marks += _flag_marks(index)
    marks += _electrode_marks(index)
    if index.header.first_frame:
        text = f"begun at frame {index.start_frame}"
        marks.append(Mark(index.start_frame, None, "begun", text))
    if n_padding:
        marks.append(Mark(index.end_frame, n_padding, "padding", f"padding {n_padding}"))
    return sorted(marks, key=lambda mark: mark.frame)


def _event_mark(event: JournalEvent, labels: Sequence[str]) -> Mark:
    content = event.content
    kind = str(content.get("kind", "event"))
    words = [kind]
    channel = content.get("channel")
    if content.get("pair"):
        words.append(str(content["pair"]))
    if isinstance(channel, int) and 0 <= channel < len(labels):
        words.append(labels[channel])
    text = " ".join(words)
    if content.get("text"):
        text += f": {content['text']}"
    return Mark(event.frame, None, kind, text, "session", event.host_time_ns, content)


def _flag_marks(index: JournalIndex) -> list[Mark]:
    flags = index.flags
    marks = [
        Mark(first, n, "half_rate", "half rate")
        for first, n in _runs_where(index, (flags & FLAG_HALF_RATE) != 0)
    ]
    is_degraded = (flags & FLAG_DEGRADED) != 0
    shifts = flags & SHIFT_MASK
    for shift in np.unique(shifts[is_degraded]).tolist():
        marks += [
            Mark(first, n, "degraded", f"degraded shift={shift}")
            for first, n in _runs_where(index, is_degraded & (shifts == shift))
        ]
    resyncs = np.unique(index.first_frame[(flags & FLAG_RESYNC) != 0]).tolist()
    marks += [Mark(frame, None, "resync", "resync") for frame in resyncs]
    return marks


def _electrode_marks(index: JournalIndex) -> list[Mark]:
    off = index.lead_off_p | index.lead_off_n
    marks = []
    # A loose electrode flickers with every packet: one mark until it is back.
    back_frames = round(ELECTRODE_BACK_S * index.header.fs_hz)
    for channel in range(N_CHANNELS):
        is_off = (off >> channel) & 1 != 0
        # What came late was a gap to the live session: its marks keep to their own frames.
        runs = _runs_where(index, is_off & index.is_live, merge_frames=back_frames)
        runs += _runs_where(index, is_off & ~index.is_live)
        name = index.header.labels[channel]
        marks += [
            Mark(first, n, "electrode_off", f"electrode off {name}", content={"channel": channel})
            for first, n in runs
        ]
    return marks


def _late_ranges(index: JournalIndex, signal: JournalSignal) -> list[tuple[int, int]]:
    """Return what is there but came too late for the live session."""
    known = IntervalSet()
    live = index.is_live
    for first, n in zip(
        index.first_frame[live].tolist(), index.n_frames[live].tolist(), strict=True
    ):
        known.add(first, n)
    for first, n in signal.coverage.gaps(index.end_frame):
        known.add(first, n)
    return known.holes(index.start_frame, index.end_frame)


def _runs_where(
    index: JournalIndex, is_wanted: NDArray[np.bool_], merge_frames: int = 0
) -> list[tuple[int, int]]:
    return merge_runs(index.first_frame[is_wanted], index.n_frames[is_wanted], merge_frames)


def merge_runs(
    first: NDArray[np.int64], n: NDArray[np.int64], merge_frames: int = 0
) -> list[tuple[int, int]]:
    """Join ranges that touch, overlap or lie at most ``merge_frames`` apart.

    Parameters
    ----------
    first, n : ndarray of int64, shape (n_ranges,)
        ``first`` ascending.

    Returns
    -------
    list of (int, int)
        ``(first, n)``.
    """
    if not len(first):
        return []
    ends = np.maximum.accumulate(first + n)
    opens = np.flatnonzero(np.r_[True, first[1:] > ends[:-1] + merge_frames])
    starts = first[opens]
    closes = ends[np.r_[opens[1:] - 1, len(first) - 1]]
    return list(zip(starts.tolist(), (closes - starts).tolist(), strict=True))
