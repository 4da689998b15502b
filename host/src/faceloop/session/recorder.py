"""The recordings of one session: begun, fed, finished, and counted again in the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from faceloop.errors import StorageError
from faceloop.session.coverage import Coverage
from faceloop.session.recording import Recording
from faceloop.session.settings import Settings
from faceloop_dsp import RestReference
from faceloop_protocol.info import Info

__all__ = ["Recorder"]

Act = Callable[[Recording], object]


class Recorder:
    """At most one recording at a time.

    Making a recording's file takes a moment in which the stream goes on. What comes meanwhile is
    held back, so that a recording lacks nothing from the frame on that it was asked for.

    Parameters
    ----------
    new_folder : callable
        Makes the folder of a new recording.
    on_failure : callable
        Takes the ``StorageError`` that ended a recording.

    Attributes
    ----------
    finished : Path or None
        BDF+ file of the last recording that was finished.
    frames_recorded : int or None
        Frames in all finished files; None when no recording was ever begun.
    frames_unstored : int
        Frames that arrived while one of the finished recordings ran and are not in its file.
    """

    def __init__(
        self, new_folder: Callable[[], Path], on_failure: Callable[[StorageError], None]
    ) -> None:
        self._new_folder = new_folder
        self._on_failure = on_failure
        self._recording: Recording | None = None
        self._held: list[Act] | None = None
        self._held_seq = 0
        self._leaving: asyncio.Task[None] | None = None
        self.finished: Path | None = None
        self.frames_recorded: int | None = None
        self.frames_unstored = 0

    @property
    def is_recording(self) -> bool:
        """Whether a recording runs or is just being begun."""
        return self._recording is not None or self._held is not None

    @property
    def place(self) -> str:
        """Folder of the running recording, file of the last finished one, or nothing."""
        return str(self._recording.folder if self._recording is not None else self.finished or "")

    @property
    def warning(self) -> str:
        """What the user should know about the disk, empty while all is well."""
        return self._recording.warning if self._recording is not None else ""

    def hold(self, next_seq: int) -> None:
        """Hold back what ``keep`` is given until ``begin`` is through.

        Parameters
        ----------
        next_seq : int
            First packet that is still missing.
        """
        self._held = []
        self._held_seq = next_seq

    async def begin(
        self,
        info: Info,
        settings: Settings,
        stream_id: int,
        first_frame: int,
        rest: RestReference | None = None,
        folder: Path | None = None,
    ) -> None:
        """Begin a recording with ``first_frame``, after ``hold``.

        ``rest`` is the wearer's, if it is known by then; ``folder`` takes the place of a new one.

        Raises
        ------
        StorageError
            If the disk does not take it.
        """
        next_seq = self._held_seq
        try:
            recording = await asyncio.to_thread(
                lambda: Recording.begin(
                    folder or self._new_folder(),
                    info,
                    settings,
                    stream_id,
                    first_frame,
                    next_seq,
                    rest,
                )
            )
        except BaseException:
            self._held = None
            raise
        self._recording = recording
        self.frames_recorded = self.frames_recorded or 0
        held, self._held = self._held or [], None
        for act in held:
            self.keep(act)

    async def go_on(self, folder: Path, stream_id: int, next_seq: int) -> None:
        """Go on in a recording that an earlier process left.

        Raises
        ------
        FaceloopError
            If it is held by somebody, was ended, or the disk does not take it.
        """
        self._recording = await asyncio.to_thread(Recording.go_on, folder, stream_id, next_seq)
        self.frames_recorded = self.frames_recorded or 0

    def keep(self, act: Act) -> None:
        """Do ``act(recording)``, now or once the recording has begun; nothing without one."""
        if self._held is not None:
            self._held.append(act)
        elif self._recording is not None:
            try:
                act(self._recording)
            except StorageError as error:
                self._fail(error)

    def stored_seq(self, next_seq: int) -> int:
        """Return the packet before which the board may forget everything.

        Parameters
        ----------
        next_seq : int
            First packet that is still missing: without a recording nothing need be kept longer.
        """
        if self._held is not None:
            return self._held_seq
        return self._recording.stored_seq if self._recording is not None else next_seq

    async def sync(self) -> None:
        """Return when everything is on disk; a disk that fails ends the recording."""
        if self._recording is not None:
            try:
                await asyncio.to_thread(self._recording.sync)
            except StorageError as error:
                self._fail(error)

    async def finish(
        self, end_frame: int, coverage: Coverage, *, is_end_known: bool = True
    ) -> None:
        """End the recording and make its file; compare the file with what arrived.

        Parameters
        ----------
        end_frame : int
        coverage : Coverage
        is_end_known : bool
            False when the board may hold more, up to the end, that cannot be had.

        Raises
        ------
        StorageError
            If the disk fails; the journal stays and is finished at the next start.
        """
        recording, self._recording = self._recording, None
        if recording is None:
            return
        gaps = coverage.gaps(end_frame)
        summary = await asyncio.to_thread(recording.finish, end_frame, is_end_known=is_end_known)
        first, end = summary.first_frame, summary.end_frame
        in_gaps = sum(max(0, min(at + n, end) - max(at, first)) for at, n in gaps)
        self.frames_recorded = (self.frames_recorded or 0) + summary.frames_recorded
        self.frames_unstored += abs(end - first - in_gaps - summary.frames_recorded)
        self.finished = recording.path

    async def leave(self) -> None:
        """Let go; an unfinished recording is finished at the next start. Never raises."""
        recording, self._recording = self._recording, None
        self._held = None
        if recording is not None:
            await asyncio.to_thread(recording.leave)
        if self._leaving is not None:
            await asyncio.gather(self._leaving, return_exceptions=True)

    def _fail(self, error: StorageError) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            # Not here: closing waits for the threads of a disk that may hang.
            self._leaving = asyncio.create_task(asyncio.to_thread(recording.leave))
            self._on_failure(error)
