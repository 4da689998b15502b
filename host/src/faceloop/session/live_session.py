"""A session with a board: what arrives is kept, ordered, judged and shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from faceloop.background import end
from faceloop.device.board_link import GIVE_UP_S, BoardLink, Packet
from faceloop.device.transport import Transport
from faceloop.errors import DeviceFault, FaceloopError, StorageError
from faceloop.session.analysis import Analysis
from faceloop.session.assembler import Assembler
from faceloop.session.block_reader import BlockReaders
from faceloop.session.converter import Converter, converter_of
from faceloop.session.detail_notes import DetailNotes
from faceloop.session.electrode_clock import ElectrodeClock
from faceloop.session.heat_session import HeatSession
from faceloop.session.left_recording import FindLeft, LeftRecording
from faceloop.session.live import LiveBlock, LiveEvent, LiveStatus, MusclePair, Side, radio_of
from faceloop.session.missing_packets import MissingPackets
from faceloop.session.montage import Montage
from faceloop.session.recorded_events import RecordedEvents
from faceloop.session.recorder import Recorder
from faceloop.session.recording import Recording
from faceloop.session.session_result import SessionResult
from faceloop.session.settings import Settings
from faceloop.session.stream_end import fetch_rest
from faceloop.session.verdicts import Verdicts
from faceloop_dsp import decode_payload
from faceloop_protocol import control
from faceloop_protocol.info import FEATURE_HEAT, Info
from faceloop_protocol.limits import FS_HZ, HEADER_BYTES
from faceloop_protocol.reports import BoardState
from faceloop_protocol.state import FAULT_NONE, STATE_STREAMING
from faceloop_protocol.stream import FLAG_HALF_RATE, SHIFT_MASK
from faceloop_protocol.texts import FAULT_TEXT

__all__ = ["LiveSession"]


class LiveSession:
    """One stream from START to its stored end; implements ``LiveView`` and ``LinkListener``.

    Parameters
    ----------
    transport : Transport
    key_of : callable
        Gives the key for a device id, or None.
    montage : Montage
    affected_side : str or None
    new_folder : callable
        Makes the folder of a new recording.
    rest_s : float
        Seconds of rest to learn from at the start.
    mains_hz : float or None
    mode : int
        ``control.MODE_TRAINING`` or ``MODE_RECORDING``.
    electrode_clock : callable or None
        Frame to ``time.monotonic()`` of its conversion, where it is known exactly (virtual board).
    give_up_s : float
        A board that is out of reach is waited for this long.
    played : str
        What a virtual board plays instead of a person; empty for a person.
    played_labels : tuple of str
        Of the file that it plays; see `Settings`.
    converter : callable
        Tells of a board whose filter its samples have passed; for a file that it plays another.

    Attributes
    ----------
    settings : Settings
        How its signal is judged.
    error : FaceloopError or None
        What ended the session or its recording before its time.
    left : LeftRecording or None
        The recording of an earlier process in which this session goes on.
    is_converting : bool
        Whether the board converts, and has not only kept the end of a stream that is over.
    """

    def __init__(
        self,
        transport: Transport,
        key_of: Callable[[bytes], bytes | None],
        *,
        montage: Montage,
        affected_side: Side | None,
        new_folder: Callable[[], Path],
        rest_s: float = 5.0,
        mains_hz: float | None = None,
        mode: int = control.MODE_TRAINING,
        electrode_clock: Callable[[int], float] | None = None,
        give_up_s: float = GIVE_UP_S,
        played: str = "",
        played_labels: tuple[str, ...] = (),
        converter: Callable[[Info], Converter | None] = converter_of,
    ) -> None:
        self._link = BoardLink(transport, key_of, self, give_up_s)
        self._montage = montage
        self.settings = Settings(
            montage=montage.name,
            affected_side=affected_side,
            rest_s=rest_s,
            mains_hz=mains_hz,
            played=played,
            played_labels=played_labels,
        )
        self._converter = converter
        self._mode = mode
        self._use(Assembler())
        self._clock = ElectrodeClock(electrode_clock)
        self._analysis: Analysis | None = None
        self._recorder = Recorder(new_folder, self._storage_failed)
        self._events = RecordedEvents(self._recorder, lambda: self._assembler.live_frame)
        self._info: Info | None = None
        self._stream_id = 0
        self._state: BoardState | None = None
        self._status = "connecting"
        self._message = ""
        self._bytes = 0
        self._frames_resent = 0
        self._begin_frame = 0
        self._readers = BlockReaders()
        self._verdicts = Verdicts()
        self._lead_off = 0
        self._detail = DetailNotes()
        self._care_task: asyncio.Task[None] | None = None
        self._heat = HeatSession(self._link.heat, self._events.keep_heat, self._events.note)
        self._heat_task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._finishing = asyncio.Lock()
        self._result: SessionResult | None = None
        self._is_patient = True
        self.error: FaceloopError | None = None
        self.left: LeftRecording | None = None
        self.is_converting = True

    # -- LiveView ---------------------------------------------------------------------------

    @property
    def muscles(self) -> tuple[MusclePair, ...]:
        """Muscles in display order."""
        return self._montage.muscles

    @property
    def labels(self) -> tuple[str, ...]:
        """One name per channel."""
        return self._montage.labels

    @property
    def affected_side(self) -> Side | None:
        """``left``, ``right`` or None when unknown."""
        return self.settings.affected_side

    @property
    def fs_hz(self) -> float:
        """Frames per second."""
        return float(self._info.fs_hz) if self._info is not None else float(FS_HZ)

    @property
    def info(self) -> Info | None:
        """What the board said about itself."""
        return self._info

    @property
    def heat(self) -> HeatSession | None:
        """The heat pad, None where the board has no heater."""
        return self._heat if self._info and self._info.features & FEATURE_HEAT else None

    @property
    def frames_so_far(self) -> int:
        """Frames of the live signal so far, gaps included."""
        return self._assembler.live_frame

    def status(self) -> LiveStatus:
        """Return the current status line."""
        frames = self._assembler.live_frame
        missing = self._assembler.coverage.n_missing(frames)
        analysis = self._analysis
        return LiveStatus(
            link=self._status,
            elapsed_s=frames / self.fs_hz,
            loss_pct=100.0 * missing / frames if frames else 0.0,
            frames_missing=missing,
            frames_resent=self._frames_resent,
            latency_ms=self._verdicts.latency_ms,
            battery_pct=self._state.battery_pct if self._state is not None else -1,
            radio=radio_of(self._state, self._link.is_cabled),
            lead_off=tuple(bool(self._lead_off >> channel & 1) for channel in range(8)),
            unfit=analysis.unfit if analysis is not None else ("",) * 8,
            is_restless=analysis is not None and analysis.is_restless,
            is_recording=self._recorder.is_recording,
            recording=self._recorder.place,
            device=self._link.name,
            message=self._message or self._detail.message,
        )

    def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        """Yield blocks as they come; a slow reader loses the oldest, the recording does not."""
        return self._readers.blocks(max_waiting)

    async def start_recording(self, folder: Path | None = None) -> None:
        """Keep the session from here on, in ``folder`` or in a new one."""
        if self._stream_id and not self._recorder.is_recording:
            self._recorder.hold(self._assembler.next_seq)
            await self._begin_recording(self._assembler.live_frame, folder)

    async def stop_recording(self) -> None:
        """End the recording and finish its file."""
        frame, coverage = self._assembler.live_frame, self._assembler.coverage
        await self._recorder.finish(frame, coverage, is_end_known=self._status == "live")

    async def stop(self) -> None:
        """Stop the board and end the session."""
        await self.finish()

    async def vibrate(self, strength_pct: int, length_ms: int) -> None:
        """Let the board vibrate, for at most two seconds."""
        if self._status == "live":
            await self._link.vibrate(strength_pct, length_ms)

    def annotate(self, text: str) -> None:
        """Write a mark at this moment into the recording, when there is one."""
        self._events.note("note", text)

    def report_drawn(self, frame: int, drawn_time_s: float, *, is_cue: bool = False) -> None:
        """Note when the signal up to ``frame``, or the cue of the event there, was on screen."""
        self._heat.note_presence()  # only a page that is seen draws
        if is_cue:
            self._verdicts.note_drawn(frame, drawn_time_s)

    # -- life -------------------------------------------------------------------------------

    async def start(
        self, *, is_recording: bool = False, find_left: FindLeft | None = None
    ) -> Info:
        """Connect, prove the key, start the stream.

        Parameters
        ----------
        is_recording : bool
        find_left : callable or None
            Gives the recording that was left while this board filled it. Then its stream and the
            recording go on, whatever ``is_recording`` says.

        Raises
        ------
        LinkError, RemoteError, StorageError
            In words for the user; nothing is left running.
        """
        try:
            info = self._info = await self._link.connect()
            self._clock.start(float(info.fs_hz))
            left = await find_left(info) if find_left is not None else None
            if left is None or not await self._go_on(left, info):
                self.settings = replace(self.settings, converter=self._converter(info))
                self._analysis = self.settings.analysis_on(info)
                if is_recording:
                    self._recorder.hold(self._assembler.next_seq)  # the first packet belongs to it
                self._stream_id = await self._link.start_stream(self._mode, info.shift)
                self._status = "live"
                if is_recording:
                    await self._begin_recording(0)
        except BaseException:
            await self.abort()
            raise
        self._care_task = asyncio.create_task(self._care(), name="faceloop-care")
        if self.heat is not None:
            self._heat_task = asyncio.create_task(self._heat.run(), name="faceloop-heat")
        return info

    async def finish(self, *, is_patient: bool = True) -> SessionResult:
        """Stop the stream, fetch what is still on the board, finish the recording, disconnect.

        Parameters
        ----------
        is_patient : bool
            Wait for a board that is out of reach right now; it may still hold a part.

        Raises
        ------
        StorageError
            If the disk fails; the journal stays and is finished at the next start.
        """
        if not is_patient:
            self.hurry()
        async with self._finishing:
            if self._result is None:
                self._result = await self._finish()
            return self._result

    def hurry(self) -> None:
        """Wait no longer for a board that is out of reach; a ``finish`` under way goes on."""
        self._is_patient = False

    async def _finish(self) -> SessionResult:
        end_frame: int | None = None
        try:
            if self._stream_id:
                end_frame, error = await fetch_rest(
                    *(self._link, self._assembler, self._missing, self._store_all),
                    status=lambda: self._status,
                    is_patient=lambda: self._is_patient,
                )
                self.error = self.error or error
            await self._store_all()
        finally:
            is_end_known = end_frame is not None or not self._stream_id
            end_frame = self._assembler.live_frame if end_frame is None else end_frame
            try:
                await self._recorder.finish(
                    end_frame, self._assembler.coverage, is_end_known=is_end_known
                )
            finally:
                await self.abort()
        seconds = (end_frame - self._begin_frame) / self.fs_hz
        return SessionResult.of(
            end_frame,
            self._assembler.coverage,
            self._recorder,
            self._verdicts,
            self._analysis,
            is_end_known=is_end_known,
            frames_resent=self._frames_resent,
            bytes_per_s=self._bytes / seconds if seconds else 0.0,
            clock_ppm=self._clock.ppm,
            reconnects=self._link.reconnects,
            error=self.error,
        )

    async def abort(self) -> None:
        """Let go of everything; a recording stays as it is and is finished at the next start."""
        tasks = [self._care_task, self._heat_task]
        self._care_task = self._heat_task = None
        try:
            await end(*tasks)
        finally:
            try:
                await self._link.disconnect()
            finally:
                await self._recorder.leave()
                self._status = "ended"
                self._ended.set()
                self._readers.end()

    async def wait_ended(self) -> None:
        """Return when the session is over, for whatever reason."""
        await self._ended.wait()

    # -- LinkListener -----------------------------------------------------------------------

    def next_seq(self) -> int:
        """Return the first packet that is still missing."""
        return self._assembler.next_seq & 0xFFFF

    def on_packet(self, packet: Packet) -> None:
        """Keep a packet, then judge and show it if it belongs to the live signal."""
        self._bytes += len(packet.plain)
        header = packet.header
        try:
            counts = decode_payload(
                packet.plain[HEADER_BYTES:], header.n_frames, header.flags & SHIFT_MASK
            )
        except ValueError:
            return  # damaged: it counts as missing and is asked for again
        placed = self._assembler.add(packet)
        if placed.is_new:
            next_seq = self._assembler.next_seq
            self._recorder.keep(lambda recording: recording.append(packet.plain, next_seq))
        if placed.gap_before < 0:
            self._frames_resent += placed.n_frames
            return
        last_frame = placed.first_frame + placed.n_frames - 1
        self._clock.add(last_frame, packet.arrival_s)
        analysis = self._analysis
        if analysis is None:
            return
        at_electrode_s = self._clock.time_s(last_frame)
        if placed.gap_before:
            self._show(analysis.gap(placed.gap_before, at_electrode_s))
        for text in self._detail.of(header.flags):
            self._events.keep(LiveEvent("note", placed.first_frame, text=text))
        if header.flags & FLAG_HALF_RATE:
            counts = counts.repeat(2, axis=0)
        self._lead_off = header.lead_off_p | header.lead_off_n
        self._show(analysis.push(counts, self._lead_off, at_electrode_s))
        rest, rest_frame = analysis.rest, analysis.rest_frame
        if rest is not None and rest_frame > placed.first_frame:  # it was learnt just now
            self._recorder.keep(lambda recording: recording.append_rest(rest, rest_frame - 1))
        self._verdicts.note_judged(at_electrode_s)

    def on_state(self, state: BoardState) -> None:
        """Take the board's report."""
        self._state = state
        self._recorder.keep(lambda recording: recording.append_state(state))
        has_stopped = state.fault != FAULT_NONE and state.state != STATE_STREAMING
        # A converter that falls silent because the session ends is no fault of the board.
        if has_stopped and self._status == "live" and not self._finishing.locked():
            self._fault(state.fault)

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        """Tell the person; note it in the recording."""
        if event == "lost":
            self._status = "lost"
            self._message = "The board is out of reach. What was recorded is safe. Trying again."
            self._events.note("link_lost", self._message)
        else:
            self._status = "live"
            self._message = ""
            if extent is not None:
                self._settle(extent)
            self._events.note("link_back", "The board is back.")

    def on_gone(self, error: FaceloopError) -> None:
        """End the session: its stream is no more."""
        self._status = "ended"
        self.error = self.error or error
        self._message = str(error)
        self._events.note("link_lost", self._message)
        self._ended.set()
        self._readers.end()

    # -- inside -----------------------------------------------------------------------------

    def _use(self, assembler: Assembler) -> None:
        self._assembler = assembler
        self._missing = MissingPackets(self._link, assembler, self._settle)

    async def _go_on(self, left: LeftRecording, info: Info) -> bool:
        """Go on in a recording that was left; False when the board has let go of its stream."""
        assembler = await asyncio.to_thread(left.assembler)
        self._use(assembler)
        begin_frame = assembler.live_frame
        # Of the whole recording is true what its header says.
        self.settings = replace(self.settings, converter=left.settings.converter)
        rest = left.rest.reference if left.rest and left.settings == self.settings else None
        self._analysis = self.settings.analysis_on(info, rest, begin_frame, begin_frame)
        await self._recorder.go_on(left.folder, left.header.stream_id, assembler.next_seq)
        extent = await self._link.take_over(left.header.stream_id, assembler.next_seq)
        if extent is None:
            await self._recorder.leave()
            self._use(Assembler())
            return False
        self.left = left
        self._begin_frame = begin_frame
        self._stream_id = left.header.stream_id
        self._status = "live"
        self.is_converting = bool(extent.is_running)
        self._settle(extent)
        if self.is_converting:
            await self._link.set_mode(self._mode)
        return True

    def _fault(self, code: int) -> None:
        if isinstance(self.error, DeviceFault):
            return  # told already
        self._message = FAULT_TEXT.get(code, "The board reports a fault.")
        self.error = self.error or DeviceFault(self._message, code)
        self._events.note("fault", self._message)

    def _show(self, block: LiveBlock) -> None:
        self._verdicts.take(block.events)
        for event in block.events:
            self._events.keep(event)
        self._readers.put(block)

    async def _begin_recording(self, first_frame: int, folder: Path | None = None) -> None:
        """Make the recording of what is held back since ``first_frame``."""
        assert self._info is not None
        rest = self._analysis.rest if self._analysis is not None else None
        await self._recorder.begin(
            self._info, self.settings, self._stream_id, first_frame, rest, folder
        )

    def _storage_failed(self, error: StorageError) -> None:
        self.error = self.error or error
        self._message = f"The recording has stopped. {error}"

    def _settle(self, extent: control.StreamExtent) -> None:
        for first, n in self._assembler.settle(extent):
            self._recorder.keep(partial(Recording.append_gap, first_frame=first, n_frames=n))

    async def _care(self) -> None:
        """Tell the board what is stored; ask for what stays away."""
        while True:
            await asyncio.sleep(0.1)
            self._report_stored()
            if self._status == "live" and self._link.is_up:
                with contextlib.suppress(FaceloopError):
                    await self._missing.ask()

    def _report_stored(self) -> None:
        self._link.stored(self._recorder.stored_seq(self._assembler.next_seq))
        if self._recorder.warning and not self._message:
            self._message = self._recorder.warning

    async def _store_all(self) -> None:
        await self._recorder.sync()
        self._report_stored()
