"""The append-only file that a recording goes into while it happens.

Whoever records only ever appends to memory. Two threads do the rest: one hands everything to the
system within ``WRITE_PERIOD_S`` or 4 KiB, which survives a killed process; the other makes the
disk hold it every ``SYNC_PERIOD_S`` and after each marker, which survives a power cut. ``stored``
follows the second, because only what it covers may be erased on the board.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from faceloop.errors import StorageError, UsageError
from faceloop.session.background_writer import (
    SYNC_PERIOD_S,
    WRITE_PERIOD_S,
    BackgroundWriter,
)
from faceloop.session.coverage import extend_frame
from faceloop.session.disk import (
    SessionLock,
    free_bytes,
    storage_error,
    sync_directory,
    sync_file,
    write_all,
)
from faceloop.session.journal_chunks import PendingChunks
from faceloop.session.journal_format import (
    JOURNAL_NAME,
    MAX_CHUNK_PAYLOAD_BYTES,
    NO_FRAME,
    ChunkType,
    encode_chunk,
    encode_end,
    encode_gap,
    encode_json,
)
from faceloop.session.journal_header import JournalHeader
from faceloop.session.journal_index import find_resume_point
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.reports import decode_state
from faceloop_protocol.stream import FLAG_ENCRYPTED, decode_header

__all__ = ["MIN_FREE_BYTES", "Journal"]

MIN_FREE_BYTES = 500_000_000
LOW_SPACE_MINUTES = 10.0
_FRAME_LIMIT = 1 << 62


class Journal:
    """One recording being written. Made by ``create`` or ``reopen``; thread-safe.

    The first failed system call ends the journal: what is on disk stays as it is, and every later
    call raises the same ``StorageError``. Nothing is retried, because after a failed fsync the
    system may have thrown the data away and still report success the next time.
    """

    def __init__(
        self,
        path: Path,
        fd: int,
        lock: SessionLock,
        header: JournalHeader,
        *,
        sequence: int,
        near_frame: int | None,
        now_utc_ns: Callable[[], int],
        write_period_s: float,
        sync_period_s: float,
    ) -> None:
        self.path = path
        self.header = header
        self._lock = lock
        self._near_frame = near_frame
        self._pending = PendingChunks(header, sequence, now_utc_ns)
        self._writer = BackgroundWriter(
            path,
            fd,
            self._pending.take,
            write_period_s=write_period_s,
            sync_period_s=sync_period_s,
        )
        self._changed = self._writer.changed  # guards the members above
        self._writer.start()

    @classmethod
    def create(
        cls,
        directory: Path,
        header: JournalHeader,
        *,
        min_free_bytes: int = MIN_FREE_BYTES,
        now_utc_ns: Callable[[], int] = time.time_ns,
        write_period_s: float = WRITE_PERIOD_S,
        sync_period_s: float = SYNC_PERIOD_S,
    ) -> Journal:
        """Begin a recording in an existing, empty session folder. Blocks for a disk flush.

        Raises
        ------
        SessionBusy
            If someone writes there already.
        StorageError
            If a journal exists, the disk has less than ``min_free_bytes`` left or fails.
        """
        free = free_bytes(directory)
        if free < min_free_bytes:
            raise StorageError(
                f"Only {free / 1e6:.0f} MB are free on the disk of {directory}, a recording needs"
                f" {min_free_bytes / 1e6:.0f} MB. Free some space or choose another data folder."
            )
        path = directory / JOURNAL_NAME
        lock = SessionLock(directory)
        lock.acquire()
        try:
            fd = _create_file(path, header, now_utc_ns())
        except BaseException:
            lock.release()
            raise
        journal = cls(
            path,
            fd,
            lock,
            header,
            sequence=2,
            near_frame=header.first_frame,
            now_utc_ns=now_utc_ns,
            write_period_s=write_period_s,
            sync_period_s=sync_period_s,
        )
        return journal

    @classmethod
    def reopen(
        cls,
        directory: Path,
        stream_id: int,
        *,
        now_utc_ns: Callable[[], int] = time.time_ns,
        write_period_s: float = WRITE_PERIOD_S,
        sync_period_s: float = SYNC_PERIOD_S,
    ) -> Journal:
        """Continue a recording whose host went away; a torn tail is cut off. Blocks.

        Parameters
        ----------
        directory : Path
            Session folder.
        stream_id : int
            Of the stream that is on the board now; must be the recorded one.

        Raises
        ------
        SessionBusy
            If someone writes there.
        UsageError
            If the recording was ended, or the board has begun another stream.
        StorageError
            If the journal is missing or has no readable header, or the disk fails.
        """
        path = directory / JOURNAL_NAME
        lock = SessionLock(directory)
        lock.acquire()
        fd = -1
        try:
            point = find_resume_point(path)
            if point.is_ended:
                raise UsageError(
                    f"The recording in {directory} was ended and cannot go on. Start a new one."
                )
            if point.header.stream_id != stream_id:
                raise UsageError(
                    f"The board was restarted since the recording in {directory} was made, so it"
                    " cannot go on. Start a new one."
                )
            try:
                fd = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
                os.ftruncate(fd, point.end_offset)
                sync_file(fd)
            except OSError as error:
                raise storage_error(error, path) from error
        except BaseException:
            if fd >= 0:
                os.close(fd)
            lock.release()
            raise
        journal = cls(
            path,
            fd,
            lock,
            point.header,
            sequence=point.next_sequence,
            near_frame=point.near_frame,
            now_utc_ns=now_utc_ns,
            write_period_s=write_period_s,
            sync_period_s=sync_period_s,
        )
        journal.append_event({"kind": "resumed", "text": "The recording was continued."})
        return journal

    # -- what the recorder calls; none of these touches the disk ------------------------------

    def append_packet(self, packet: bytes | bytearray | memoryview) -> int:
        """Append one decrypted stream packet, live or late.

        Returns
        -------
        int
            Its ticket: it is safe on disk as soon as ``stored >= ticket``.

        Raises
        ------
        UsageError
            If it is no stream packet or still marked as encrypted.
        StorageError
            If the journal has failed before.
        """
        packet = bytes(packet)
        try:
            header = decode_header(packet)
        except ProtocolError as error:
            raise UsageError(f"This is no packet to record: {error}.") from error
        if header.flags & FLAG_ENCRYPTED:
            raise UsageError("An encrypted packet cannot be recorded: decrypt it, clear its flag.")
        with self._changed:
            self._writer.check_usable()
            near = header.first_frame if self._near_frame is None else self._near_frame
            self._near_frame = frame = extend_frame(header.first_frame, near)
            self._pending.add_packet(packet, frame)
            return self._writer.note(is_ready=self._pending.has_whole_chunk)

    def append_event(self, event: dict[str, Any], frame: int = NO_FRAME) -> int:
        """Append an alert, a note, a change of settings; a marker: flushed to disk at once.

        Parameters
        ----------
        event : dict
            JSON types, with at least ``kind``; ``text`` is what a person reads.
        frame : int
            Full frame index, -1 when it has no place in the signal.

        Returns
        -------
        int
            Ticket, as of ``append_packet``.
        """
        if not isinstance(event.get("kind"), str) or not event["kind"]:
            raise UsageError("An event without a kind cannot be recorded: name its kind.")
        try:
            payload = encode_json(event)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"This event cannot be recorded: {error}.") from error
        if len(payload) > MAX_CHUNK_PAYLOAD_BYTES:
            raise UsageError(
                f"An event of {len(payload)} bytes cannot be recorded: at most"
                f" {MAX_CHUNK_PAYLOAD_BYTES} bytes fit."
            )
        if not NO_FRAME <= frame < _FRAME_LIMIT:
            raise UsageError(f"An event at frame {frame} cannot be recorded: use -1 for none.")
        return self._append_chunk(ChunkType.EVENT, frame, payload, is_marker=True)

    def append_state(self, body: bytes | bytearray | memoryview) -> int:
        """Append the body of the board's ``state`` message as it came."""
        body = bytes(body)
        try:
            frame = decode_state(body).head_frame
        except ProtocolError as error:
            raise UsageError(f"This is no state to record: {error}.") from error
        with self._changed:
            near = frame if self._near_frame is None else self._near_frame
        return self._append_chunk(ChunkType.STATE, extend_frame(frame, near), body)

    def append_heat(self, body: bytes | bytearray | memoryview, frame: int) -> int:
        """Append the body of the board's ``HeatState`` as it came, at a full frame index."""
        return self._append_chunk(ChunkType.HEAT, frame, bytes(body))

    def append_gap(self, first_frame: int, n_frames: int) -> int:
        """Append that frames will never come (full index); a marker."""
        if not (0 <= first_frame < _FRAME_LIMIT and 0 < n_frames < _FRAME_LIMIT):
            raise UsageError(f"A gap of {n_frames} frames at frame {first_frame} makes no sense.")
        payload = encode_gap(first_frame, n_frames)
        return self._append_chunk(ChunkType.GAP, first_frame, payload, is_marker=True)

    @property
    def appended(self) -> int:
        """Ticket of the newest entry."""
        return self._writer.appended

    @property
    def stored(self) -> int:
        """Every entry with a ticket up to this one is safe on disk."""
        return self._writer.stored

    @property
    def error(self) -> str:
        """Why the journal can no longer be written, empty while all is well."""
        return self._writer.error

    @property
    def minutes_left(self) -> float:
        """Minutes of recording that fit on the disk, as of the last flush."""
        return self._writer.minutes_left

    @property
    def warning(self) -> str:
        """What the user should know about the disk now, empty while all is well."""
        if self.minutes_left >= LOW_SPACE_MINUTES:
            return ""
        return (
            f"About {int(self.minutes_left)} minutes of recording still fit on the disk. Free"
            " some space or stop soon."
        )

    # -- waiting; call these from a thread ------------------------------------------------------

    def sync(self, timeout_s: float | None = None) -> None:
        """Return when everything appended so far is on disk. Blocks.

        Raises
        ------
        StorageError
            If the disk fails or does not answer within ``timeout_s``.
        """
        self._writer.sync(timeout_s)

    def wait_stored(self, ticket: int, timeout_s: float | None = None) -> None:
        """Return when ``stored >= ticket``, without hurry. Blocks; raises as ``sync``."""
        self._writer.wait_stored(ticket, timeout_s)

    def close(self, end_frame: int | None = None) -> None:
        """Write all that is left, flush it to disk and let go of the session. Blocks.

        Parameters
        ----------
        end_frame : int or None
            One past the last frame when the recording is ended on purpose; None leaves it open
            for ``reopen``.

        Raises
        ------
        StorageError
            If the journal has failed, now or before. The session is let go of all the same.
        """
        with self._changed:
            if self._writer.is_closing:
                return
            if end_frame is not None and not self.error:
                self._pending.add_header()
                self._pending.add(ChunkType.END, end_frame, encode_end(end_frame))
                self._writer.note(is_ready=True)
            self._writer.refuse_more()
        self._writer.close()
        self._lock.release()
        if self.error:
            raise StorageError(self.error)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            with contextlib.suppress(StorageError):  # the first error tells more
                self.close()

    # -- inside: callers hold self._changed -----------------------------------------------------

    def _append_chunk(
        self, kind: ChunkType, frame: int, payload: bytes, *, is_marker: bool = False
    ) -> int:
        with self._changed:
            self._writer.check_usable()
            self._pending.add(kind, frame, payload)
            return self._writer.note(is_ready=True, is_marker=is_marker)


def _create_file(path: Path, header: JournalHeader, now_utc_ns: int) -> int:
    payload = encode_json(header.to_json())
    copies = [encode_chunk(ChunkType.HEADER, i, NO_FRAME, now_utc_ns, payload) for i in (0, 1)]
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise StorageError(
            f"{path.parent} holds a recording already, and recordings are never overwritten."
            " Start a new one."
        ) from error
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        write_all(fd, b"".join(copies))
        sync_file(fd)
        sync_directory(path.parent)
    except OSError as error:
        os.close(fd)
        with contextlib.suppress(OSError):
            path.unlink()  # ours, and empty of anything worth keeping
        raise storage_error(error, path) from error
    return fd
