"""One recording: its journal while it runs, its BDF+ file afterwards."""

from __future__ import annotations

import contextlib
import math
import struct
from collections import deque
from pathlib import Path

from faceloop.errors import StorageError
from faceloop.session.bdf import BDF_NAME, finalise
from faceloop.session.journal import Journal
from faceloop.session.journal_format import END_UNKNOWN, JOURNAL_NAME
from faceloop.session.journal_header import JournalHeader
from faceloop.session.kept_rest import rest_event
from faceloop.session.live import LiveEvent
from faceloop.session.montage import montage_named
from faceloop.session.settings import Settings
from faceloop.session.summary import Summary
from faceloop_dsp import RestReference
from faceloop_protocol.heat import HEAT_STATE_BYTES, pack_heat_state_into
from faceloop_protocol.info import Info
from faceloop_protocol.reports import BoardState, HeatState
from faceloop_protocol.state import STATE_FORMAT

__all__ = ["FIRST_SEQ", "Recording"]

# In the header's ``extra``: the first packet that was missing when the recording began, as a
# running number; whoever goes on with it counts from there.
FIRST_SEQ = "first_seq"
END_UNKNOWN_TEXT = "the board was out of reach, what it still held is not here"


class Recording:
    """Appends to the journal and knows which packets are safe on disk.

    Parameters
    ----------
    folder : Path
    journal : Journal
    next_seq : int
        First packet that was still missing when the recording began.
    """

    def __init__(self, folder: Path, journal: Journal, next_seq: int = 0) -> None:
        self.folder = folder
        self._journal = journal
        # (ticket, first missing packet when it was appended): what a flush made safe
        self._tickets: deque[tuple[int, int]] = deque()
        # What is older than the recording is not in it, and need not be kept for it.
        self._stored_seq = next_seq

    @classmethod
    def begin(
        cls,
        folder: Path,
        info: Info,
        settings: Settings,
        stream_id: int,
        first_frame: int,
        next_seq: int,
        rest: RestReference | None = None,
    ) -> Recording:
        """Begin in a new, empty folder; ``rest`` is what the session knows already. Blocks."""
        header = JournalHeader.from_info(
            info,
            montage_named(settings.montage).labels,
            stream_id=stream_id,
            first_frame=first_frame,
            montage=settings.montage,
            affected_side=settings.affected_side or "",
            extra={**settings.to_extra(rest), FIRST_SEQ: next_seq},
        )
        return cls(folder, Journal.create(folder, header), next_seq)

    @classmethod
    def go_on(cls, folder: Path, stream_id: int, next_seq: int) -> Recording:
        """Go on in a recording that an earlier process left; what it has is on disk. Blocks.

        Raises
        ------
        SessionBusy, UsageError, StorageError
            As of ``Journal.reopen``.
        """
        return cls(folder, Journal.reopen(folder, stream_id), next_seq)

    @property
    def stored_seq(self) -> int:
        """Every packet before this one is safe; the board may forget it."""
        stored = self._journal.stored
        while self._tickets and self._tickets[0][0] <= stored:
            self._stored_seq = self._tickets.popleft()[1]
        return self._stored_seq

    @property
    def warning(self) -> str:
        """What the user should know about the disk, empty while all is well."""
        return self._journal.warning

    def append(self, plain_packet: bytes, next_seq: int) -> None:
        """Append a packet; ``next_seq`` is the first one missing now that it is here."""
        self._tickets.append((self._journal.append_packet(plain_packet), next_seq))

    def append_event(self, event: LiveEvent) -> None:
        """Append an alert, a cue, a note; nothing of before the recording."""
        if 0 <= event.frame < (self._journal.header.first_frame or 0):
            return
        content: dict[str, object] = {"kind": event.kind}
        if event.text:
            content["text"] = event.text
        if event.channel >= 0:
            content["channel"] = event.channel
        if event.pair:
            content["pair"] = event.pair
        if not math.isnan(event.index):
            content["index"] = round(event.index, 4)
        self._journal.append_event(content, event.frame)

    def append_rest(self, rest: RestReference, frame: int) -> None:
        """Append the wearer's rest, learnt up to ``frame``."""
        self._journal.append_event(rest_event(rest), frame)

    def append_state(self, state: BoardState) -> None:
        """Append the board's report."""
        self._journal.append_state(struct.pack(STATE_FORMAT, *state))

    def append_heat(self, state: HeatState, frame: int) -> None:
        """Append what the board told about heat."""
        body = bytearray(HEAT_STATE_BYTES)
        pack_heat_state_into(body, state)
        self._journal.append_heat(body, frame)

    def append_gap(self, first_frame: int, n_frames: int) -> None:
        """Append that frames will never come."""
        self._journal.append_gap(first_frame, n_frames)

    def sync(self) -> None:
        """Return when everything is on disk. Blocks."""
        self._journal.sync(timeout_s=30.0)

    @property
    def path(self) -> Path:
        """Its BDF+ file, there after ``finish``."""
        return self.folder / BDF_NAME

    def finish(self, end_frame: int, *, is_end_known: bool = True) -> Summary:
        """End the recording and write its BDF+ file. Blocks; returns what is in the file.

        Parameters
        ----------
        end_frame : int
        is_end_known : bool
            False when the board was out of reach: what it measured up to the end is not here.

        Raises
        ------
        StorageError
            If the disk fails; the journal stays and is finished at the next start.
        """
        if not is_end_known:
            with contextlib.suppress(StorageError):  # close raises it again, and lets go first
                self._journal.append_event(
                    {"kind": END_UNKNOWN, "text": END_UNKNOWN_TEXT}, end_frame
                )
        self._journal.close(end_frame)
        return finalise(self.folder / JOURNAL_NAME, self.path)

    def leave(self) -> None:
        """Let go without an end: the recording can be taken up or finished later. Blocks."""
        with contextlib.suppress(StorageError):
            self._journal.close()
