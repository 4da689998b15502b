"""A recording whose host went away: found again, and gone on with on the same board."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from faceloop.device.board_link import Packet
from faceloop.errors import StorageError
from faceloop.session.assembler import Assembler
from faceloop.session.journal_format import (
    JOURNAL_NAME,
    ChunkType,
    Damage,
    decode_gap,
    split_packets,
)
from faceloop.session.journal_header import JournalHeader
from faceloop.session.journal_index import read_index, scan_file
from faceloop.session.kept_rest import KeptRest, kept_rest
from faceloop.session.recording import FIRST_SEQ
from faceloop.session.settings import Settings
from faceloop.session.store import Store
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.info import Info
from faceloop_protocol.stream import decode_header

__all__ = ["FindLeft", "LeftRecording", "left_recordings"]


@dataclass(frozen=True, slots=True)
class LeftRecording:
    """An unfinished recording that says enough of its stream to be gone on with.

    Parameters
    ----------
    folder : Path
    header : JournalHeader
    settings : Settings
    first_seq : int
        First packet that was missing when it began, as a running number.
    first_frame : int
    rest : KeptRest or None
        The wearer's, as it was known in it.
    """

    folder: Path
    header: JournalHeader
    settings: Settings
    first_seq: int
    first_frame: int
    rest: KeptRest | None

    @property
    def age_s(self) -> float:
        """Seconds since something was written to it."""
        try:
            return time.time() - (self.folder / JOURNAL_NAME).stat().st_mtime
        except OSError:
            return 0.0

    def is_on(self, info: Info) -> bool:
        """Whether its stream is the one that a board has now."""
        return (
            self.header.stream_id == info.stream_id != 0
            and self.header.device_id == bytes(info.device_id).hex()
        )

    def assembler(self) -> Assembler:
        """Return order and completeness of what is on disk. Blocks.

        Raises
        ------
        StorageError
            If the journal cannot be read.
        """
        assembler = Assembler(self.first_seq, self.first_frame)
        for chunk in scan_file(self.folder / JOURNAL_NAME):
            if isinstance(chunk, Damage):
                continue  # its packets are missing, and are asked for like any other
            try:
                if chunk.type == ChunkType.PACKETS:
                    for _, packet in split_packets(chunk.payload):
                        assembler.add(Packet(b"", decode_header(packet), 0.0))
                elif chunk.type == ChunkType.GAP:
                    assembler.coverage.declare_lost(*decode_gap(chunk.payload))
            except (StorageError, ProtocolError):
                continue
        return assembler


FindLeft = Callable[[Info], Awaitable[LeftRecording | None]]


def left_recordings(store: Store) -> list[LeftRecording]:
    """Return those that may be gone on with, newest first. Blocks."""
    found = (_left(entry.path) for entry in store.sessions() if entry.state == "unfinished")
    return [left for left in found if left is not None][::-1]


def _left(folder: Path) -> LeftRecording | None:
    """Return what a journal's header says; None where it was ended, or says too little."""
    try:
        index = read_index(folder / JOURNAL_NAME)
    except StorageError:
        return None  # whoever finishes it says why it cannot be read
    header = index.header
    settings = Settings.from_header(header.to_json())
    first_seq = header.extra.get(FIRST_SEQ)
    if index.is_ended or settings is None or not isinstance(first_seq, int):
        return None
    return LeftRecording(folder, header, settings, first_seq, index.start_frame, kept_rest(index))
