"""What a finished recording holds, for those who do not want to read all of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from faceloop.session.heat_record import heat_summary
from faceloop.session.journal_format import encode_json
from faceloop.session.journal_index import JournalIndex
from faceloop.session.journal_signal import JournalSignal
from faceloop.session.kept_rest import kept_rest
from faceloop.session.timeline import Mark, merge_runs
from faceloop_protocol.reports import LEAST_STATE_BYTES, decode_state
from faceloop_protocol.stream import FLAG_HALF_RATE

__all__ = ["SUMMARY_NAME", "Summary", "summarise"]

SUMMARY_NAME = "session.json"
SUMMARY_VERSION = 1
_ALERTS = ("onset_cue", "synkinesis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a finished recording holds; the content of ``session.json``.

    Parameters
    ----------
    session : str
        Name of the session's folder.
    header : dict
        Of the journal: board, scale, montage, pseudonym.
    start_utc, start_local : str
        ISO 8601 time of the first frame. The file's start is ``start_local`` without its offset.
    first_frame, end_frame : int
        Full frame indices, end excluded.
    frames_total, frames_recorded, frames_missing : int
        ``end_frame - first_frame``, and how many of these are there and are not.
    gaps, late, conflicts, half_rate : list of [first, n]
        Missing frames; frames that the live session could not see because they came later; frames
        that came twice with different values; frames at half rate.
    frames_duplicate : int
        Frames that came more than once.
    frames_padding : int
        Copies of the last sample that fill up the file's last record.
    packets, packets_outside, packets_unreadable : int
    duration_s, completeness : float
        ``completeness`` is a fraction; 1 for an empty recording.
    samples_sha256 : str
        Of all ``frames_total`` frames as int32 counts, little-endian, frame-major, gaps as zeros.
    alerts : dict of str to int
        Onset cues and synkinesis events.
    events : dict of str to int
        All recorded events by kind.
    events_outside : int
        Events at a frame before the recording; they are in the journal only.
    is_ended : bool
        False when the recording stopped without being told to.
    is_end_known : bool
        False when the board may have measured more than is here: it was out of reach at the end,
        or the recording stopped without being told to.
    rest : dict or None
        The wearer's rest as the session learnt it, ``reference``, and the full index of the
        ``frame`` from which on it was used.
    board_state : dict or None
        The board's last report.
    heat : dict or None
        What ``heat_summary`` says; None when the board told nothing of heat.
    damage : list of [offset, n_bytes]
        Unreadable stretches of the journal.
    """

    session: str
    header: dict[str, Any]
    start_utc: str
    start_local: str
    first_frame: int
    end_frame: int
    frames_total: int
    frames_recorded: int
    frames_missing: int
    gaps: list[tuple[int, int]]
    late: list[tuple[int, int]]
    conflicts: list[tuple[int, int]]
    half_rate: list[tuple[int, int]]
    frames_duplicate: int
    frames_padding: int
    packets: int
    packets_outside: int
    packets_unreadable: int
    duration_s: float
    completeness: float
    samples_sha256: str
    alerts: dict[str, int]
    events: dict[str, int]
    events_outside: int
    is_ended: bool
    is_end_known: bool
    rest: dict[str, Any] | None
    board_state: dict[str, int] | None
    damage: list[tuple[int, int]]
    heat: dict[str, Any] | None
    summary_version: int = SUMMARY_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``session.json``."""
        return asdict(self)

    def encode(self) -> bytes:
        """Return the text of ``session.json``."""
        # Through the journal's encoder first: it turns what JSON has no word for into null.
        return json.dumps(json.loads(encode_json(self.to_json())), indent=1).encode()


def summarise(
    index: JournalIndex,
    signal: JournalSignal,
    marks: Sequence[Mark],
    samples_sha256: str,
    n_padding: int,
) -> Summary:
    """Return the summary of a recording, after a complete pass over its signal."""
    n_frames = index.end_frame - index.start_frame
    gaps = signal.coverage.gaps(index.end_frame)
    n_missing = sum(n for _, n in gaps)
    is_half_rate = (index.flags & FLAG_HALF_RATE) != 0
    events: dict[str, int] = {}
    for mark in marks:
        if mark.source == "session":
            events[mark.kind] = events.get(mark.kind, 0) + 1
    state = index.last_state
    rest = kept_rest(index)
    return Summary(
        session=index.path.parent.name,
        header=index.header.to_json(),
        start_utc=index.header.start_utc.isoformat(),
        start_local=index.header.start_local.isoformat(),
        first_frame=index.start_frame,
        end_frame=index.end_frame,
        frames_total=n_frames,
        frames_recorded=n_frames - n_missing,
        frames_missing=n_missing,
        gaps=gaps,
        late=[(mark.frame, mark.n_frames or 0) for mark in marks if mark.kind == "late"],
        conflicts=signal.conflicts,
        half_rate=merge_runs(index.first_frame[is_half_rate], index.n_frames[is_half_rate]),
        frames_duplicate=signal.coverage.n_duplicate,
        frames_padding=n_padding,
        packets=index.n_packets,
        packets_outside=index.n_outside,
        packets_unreadable=index.n_unreadable + signal.n_unreadable,
        duration_s=n_frames / index.header.fs_hz,
        completeness=(n_frames - n_missing) / n_frames if n_frames else 1.0,
        samples_sha256=samples_sha256,
        alerts={kind: events.get(kind, 0) for kind in _ALERTS},
        events=events,
        events_outside=index.n_events_outside,
        is_ended=index.is_ended,
        is_end_known=index.is_end_known,
        rest=rest.to_json() if rest is not None else None,
        board_state=decode_state(state)._asdict() if len(state) >= LEAST_STATE_BYTES else None,
        damage=[(piece.offset, piece.n_bytes) for piece in index.damage],
        heat=heat_summary(index.heat, index.start_frame, index.header.fs_hz),
    )
