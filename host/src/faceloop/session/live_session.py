"""A session with a board: what arrives is kept, ordered, judged and shown."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from faceloop.device.board_link import BoardLink, Packet
from faceloop.device.clock_fit import ClockFit
from faceloop.device.transport import Transport
from faceloop.errors import FaceloopError, LinkError, RemoteError, StorageError
from faceloop.session.analysis import Analysis
from faceloop.session.assembler import Assembler
from faceloop.session.live import LiveBlock, LiveEvent, LiveStatus, MusclePair
from faceloop.session.montage import Montage
from faceloop.session.recording import Recording
from faceloop_dsp import decode_payload
from faceloop_protocol import control
from faceloop_protocol.info import Info
from faceloop_protocol.limits import HEADER_BYTES
from faceloop_protocol.state import FAULT_NONE, FAULT_TEXT, STATE_STREAMING, BoardState
from faceloop_protocol.stream import FLAG_HALF_RATE, SHIFT_MASK

__all__ = ["LiveSession", "SessionResult"]

# Missing packets that are not on their way by themselves after this are asked for.
ASK_AGAIN_S = 1.5
DRAIN_S = 60.0
# Between a frame's conversion and the earliest arrival of its packet: half a poll of the board
# and half a connection interval.
LEAST_DELAY_S = 0.006


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What a session came to.

    Parameters
    ----------
    end_frame : int
        Frames that the board says it captured.
    frames_received : int
        Different frames that arrived.
    gaps : tuple of (int, int)
        ``(first_frame, n)`` of what never arrived.
    frames_resent : int
        Frames that came late or again.
    bytes_per_s, clock_ppm : float
    alerts : tuple of LiveEvent
        Synkinesis events.
    cues : tuple of (LiveEvent, float)
        Onset cues with the monotonic time at which each was given.
    drawn_cues : tuple of (LiveEvent, float)
        The same with the time at which each became visible on a page.
    reconnects : int
    is_calibrated : bool
    recording : Path or None
        The finished BDF+ file.
    """

    end_frame: int
    frames_received: int
    gaps: tuple[tuple[int, int], ...]
    frames_resent: int
    bytes_per_s: float
    clock_ppm: float
    alerts: tuple[LiveEvent, ...]
    cues: tuple[tuple[LiveEvent, float], ...]
    drawn_cues: tuple[tuple[LiveEvent, float], ...]
    reconnects: int
    is_calibrated: bool
    recording: Path | None


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
    electrode_clock : callable or None
        Frame to ``time.monotonic()`` of its conversion, where it is known exactly (virtual board).
    """

    def __init__(
        self,
        transport: Transport,
        key_of: Callable[[bytes], bytes | None],
        *,
        montage: Montage,
        affected_side: str | None,
        new_folder: Callable[[], Path],
        rest_s: float = 5.0,
        mains_hz: float | None = None,
        mode: int = control.MODE_TRAINING,
        electrode_clock: Callable[[int], float] | None = None,
    ) -> None:
        self._link = BoardLink(transport, key_of, self)
        self._montage = montage
        self._affected_side = affected_side
        self._new_folder = new_folder
        self._rest_s = rest_s
        self._mains_hz = mains_hz
        self._mode = mode
        self._exact_clock = electrode_clock
        self._assembler = Assembler()
        self._clock = ClockFit(2000.0)
        self._analysis: Analysis | None = None
        self._recording: Recording | None = None
        self._finished: Path | None = None
        self._info: Info | None = None
        self._stream_id = 0
        self._state: BoardState | None = None
        self._status = "connecting"
        self._message = ""
        self._bytes = 0
        self._frames_resent = 0
        self._readers: set[_Reader] = set()
        self._alerts: list[LiveEvent] = []
        self._cues: list[tuple[LiveEvent, float]] = []
        self._recent_latency_ms: deque[float] = deque(maxlen=200)
        self._drawn_cues: list[tuple[LiveEvent, float]] = []
        self._lead_off = 0
        self._care_task: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._drained = asyncio.Event()
        self._missing_since: tuple[int, float] = (-1, 0.0)
        self._result: SessionResult | None = None

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
    def affected_side(self) -> str | None:
        """``left``, ``right`` or None when unknown."""
        return self._affected_side

    @property
    def fs_hz(self) -> float:
        """Frames per second."""
        return float(self._info.fs_hz) if self._info is not None else 2000.0

    @property
    def info(self) -> Info | None:
        """What the board said about itself."""
        return self._info

    @property
    def frames_so_far(self) -> int:
        """Frames of the live signal so far, gaps included."""
        return self._assembler.live_frame

    def status(self) -> LiveStatus:
        """Return the current status line."""
        frames = self._assembler.live_frame
        missing = self._assembler.coverage.n_missing(frames)
        state = self._state
        latency_ms = math.nan
        if self._recent_latency_ms:
            latency_ms = sorted(self._recent_latency_ms)[len(self._recent_latency_ms) // 2]
        recording = self._recording
        return LiveStatus(
            link=self._status,
            elapsed_s=frames / self.fs_hz,
            loss_pct=100.0 * missing / frames if frames else 0.0,
            frames_missing=missing,
            frames_resent=self._frames_resent,
            latency_ms=latency_ms,
            battery_pct=state.battery_pct if state is not None else -1,
            lead_off=tuple(bool(self._lead_off >> channel & 1) for channel in range(8)),
            is_recording=recording is not None,
            recording=str(recording.folder if recording is not None else self._finished or ""),
            device=self._link.name,
            message=self._message,
        )

    async def blocks(self, max_waiting: int = 64) -> AsyncIterator[LiveBlock]:
        """Yield blocks as they come; a slow reader loses the oldest ones, the recording does not."""
        reader = _Reader(max_waiting)
        self._readers.add(reader)
        try:
            while not self._ended.is_set():
                yield await reader.next()
        except _End:
            return
        finally:
            self._readers.discard(reader)

    async def start_recording(self) -> None:
        """Keep the session from here on."""
        if self._recording is not None or self._info is None or not self._stream_id:
            return
        self._recording = await asyncio.to_thread(
            Recording.begin,
            self._new_folder(),
            self._info,
            self._montage,
            self._affected_side,
            self._stream_id,
            self._assembler.live_frame,
        )

    async def stop_recording(self) -> None:
        """End the recording and finish its file."""
        recording, self._recording = self._recording, None
        if recording is not None:
            end_frame = self._assembler.live_frame
            self._finished = await asyncio.to_thread(recording.finish, end_frame)

    async def stop(self) -> None:
        """Stop the board and end the session."""
        await self.finish()

    def report_drawn(self, frame: int, drawn_time_s: float, *, is_cue: bool = False) -> None:
        """Note when the signal up to ``frame``, or the cue of the event there, was on screen."""
        if not is_cue:
            return
        for event, _ in reversed(self._cues):
            if event.frame == frame:
                self._drawn_cues.append((event, drawn_time_s))
                return

    # -- life -------------------------------------------------------------------------------

    async def start(self, *, is_recording: bool = False) -> Info:
        """Connect, prove the key, start the stream.

        Raises
        ------
        LinkError, RemoteError, StorageError
            In words for the user; nothing is left running.
        """
        try:
            info = self._info = await self._link.connect()
            self._clock = ClockFit(float(info.fs_hz))
            self._analysis = Analysis(
                self._montage,
                self._affected_side,
                fs_hz=float(info.fs_hz),
                lsb_uv=info.lsb_fv * 1e-9,
                mains_hz=self._mains_hz,
                rest_s=self._rest_s,
            )
            self._stream_id = await self._link.start_stream(self._mode, info.shift)
            self._status = "live"
            if is_recording:
                await self.start_recording()
        except BaseException:
            await self.abort()
            raise
        self._care_task = asyncio.create_task(self._care(), name="faceloop-care")
        return info

    async def finish(self) -> SessionResult:
        """Stop the stream, fetch what is still on the board, finish the recording, disconnect."""
        if self._result is not None:
            return self._result
        end_frame = self._assembler.live_frame
        try:
            if self._status == "live":
                with contextlib.suppress(LinkError, RemoteError):
                    end = await self._link.stop_stream()
                    end_seq, end_frame = self._assembler.finish(end)
                    await self._drain(end_seq)
                    await self._store_all()
                    await self._link.finish_stream()
            await self._store_all()
        finally:
            recording, self._recording = self._recording, None
            try:
                if recording is not None:
                    self._finished = await asyncio.to_thread(recording.finish, end_frame)
            finally:
                await self.abort()
        seconds = end_frame / self.fs_hz
        coverage = self._assembler.coverage
        self._result = SessionResult(
            end_frame=end_frame,
            frames_received=coverage.n_held,
            gaps=tuple(coverage.gaps(end_frame)),
            frames_resent=self._frames_resent,
            bytes_per_s=self._bytes / seconds if seconds else 0.0,
            clock_ppm=self._clock.ppm,
            alerts=tuple(self._alerts),
            cues=tuple(self._cues),
            drawn_cues=tuple(self._drawn_cues),
            reconnects=self._link.reconnects,
            is_calibrated=self._analysis is not None and self._analysis.is_calibrated,
            recording=self._finished,
        )
        return self._result

    async def abort(self) -> None:
        """Let go of everything; a recording stays on disk as it is and is finished at the next start."""
        task, self._care_task = self._care_task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._link.disconnect()
        recording, self._recording = self._recording, None
        if recording is not None:
            await asyncio.to_thread(recording.leave)
        self._status = "ended"
        self._ended.set()
        for reader in self._readers:
            reader.end()

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
        placed = self._assembler.add(packet)
        if placed.is_new and self._recording is not None:
            try:
                self._recording.append(packet.plain, self._assembler.next_seq)
            except StorageError as error:
                self._storage_failed(error)
        if placed.gap_before < 0:
            self._frames_resent += placed.n_frames
            return
        last_frame = placed.first_frame + placed.n_frames - 1
        self._clock.add(last_frame, packet.arrival_s)
        analysis = self._analysis
        if analysis is None:
            return
        at_electrode_s = self._electrode_time_s(last_frame)
        if placed.gap_before:
            self._show(analysis.gap(placed.gap_before, at_electrode_s))
        header = packet.header
        try:
            counts = decode_payload(
                packet.plain[HEADER_BYTES:], header.n_frames, header.flags & SHIFT_MASK
            )
        except ValueError:
            self._show(analysis.gap(placed.n_frames, at_electrode_s))
            return
        if header.flags & FLAG_HALF_RATE:
            counts = counts.repeat(2, axis=0)
        self._lead_off = header.lead_off_p | header.lead_off_n
        self._show(analysis.push(counts, self._lead_off, at_electrode_s))
        if not math.isnan(at_electrode_s):
            self._recent_latency_ms.append(1000.0 * (time.monotonic() - at_electrode_s))

    def on_state(self, state: BoardState) -> None:
        """Take the board's report."""
        self._state = state
        if self._recording is not None:
            with contextlib.suppress(FaceloopError):
                self._recording.append_state(state)
        if self._status == "live" and state.fault != FAULT_NONE and state.state != STATE_STREAMING:
            self._message = FAULT_TEXT.get(state.fault, "The board reports a fault.")

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        """Tell the person; note it in the recording."""
        frame = self._assembler.live_frame
        if event == "lost":
            self._status = "lost"
            self._message = "The board is out of reach. Nothing recorded is lost. Trying again."
            self._announce(LiveEvent("link_lost", frame, self._message))
        elif event == "back":
            self._status = "live"
            self._message = ""
            if extent is not None:
                self._settle(extent)
            self._announce(LiveEvent("link_back", frame, "The board is back."))
        else:
            self._status = "ended"
            self._message = "The board did not come back. What was recorded is safe."
            self._announce(LiveEvent("link_lost", frame, self._message))
            self._ended.set()
            for reader in self._readers:
                reader.end()

    # -- inside -----------------------------------------------------------------------------

    def _electrode_time_s(self, frame: int) -> float:
        if self._exact_clock is not None:
            return self._exact_clock(frame)
        return self._clock.arrival_s(frame) - LEAST_DELAY_S

    def _show(self, block: LiveBlock) -> None:
        now_s = time.monotonic()
        for event in block.events:
            if event.kind == "onset_cue":
                self._cues.append((event, now_s))
            elif event.kind == "synkinesis":
                self._alerts.append(event)
            self._record_event(event)
        for reader in self._readers:
            reader.put(block)

    def _announce(self, event: LiveEvent) -> None:
        self._record_event(event)

    def _record_event(self, event: LiveEvent) -> None:
        if self._recording is None or event.kind in ("gap", "synkinesis_end"):
            return
        try:
            self._recording.append_event(event)
        except StorageError as error:
            self._storage_failed(error)

    def _storage_failed(self, error: StorageError) -> None:
        recording, self._recording = self._recording, None
        self._message = f"Recording stopped: {error} What was recorded before is kept."
        if recording is not None:
            recording.fail()

    def _settle(self, extent: control.StreamExtent) -> None:
        for first, n in self._assembler.settle(extent):
            if self._recording is not None:
                with contextlib.suppress(FaceloopError):
                    self._recording.append_gap(first, n)

    async def _care(self) -> None:
        """Tell the board what is stored; ask for what stays away."""
        while True:
            await asyncio.sleep(0.1)
            self._report_stored()
            if self._status == "live" and self._link.is_up:
                with contextlib.suppress(FaceloopError):
                    await self._ask_for_missing()

    def _report_stored(self) -> None:
        recording = self._recording
        if recording is None:
            self._link.stored(self._assembler.next_seq)
        else:
            self._link.stored(recording.stored_seq)
            if recording.warning and not self._message:
                self._message = recording.warning

    async def _ask_for_missing(self) -> None:
        missing = self._assembler.missing_packets()
        if not missing:
            self._missing_since = (-1, 0.0)
            return
        first, count = missing[0]
        now_s = time.monotonic()
        if self._missing_since[0] != first:
            self._missing_since = (first, now_s)
        elif now_s - self._missing_since[1] > ASK_AGAIN_S:
            self._missing_since = (first, now_s)
            extent = await self._link.request(first, count)
            if extent is not None:
                self._settle(extent)

    async def _drain(self, end_seq: int) -> None:
        give_up_s = time.monotonic() + DRAIN_S
        while self._assembler.next_seq < end_seq and time.monotonic() < give_up_s:
            await asyncio.sleep(0.02)
            if self._assembler.missing_packets():
                continue
            near_end = self._assembler.next_seq
            if near_end < end_seq and self._missing_since[0] != near_end:
                self._missing_since = (near_end, time.monotonic())
            elif time.monotonic() - self._missing_since[1] > ASK_AGAIN_S:
                self._missing_since = (near_end, time.monotonic())
                extent = await self._link.request(near_end, end_seq - near_end)
                if extent is not None:
                    self._settle(extent)

    async def _store_all(self) -> None:
        recording = self._recording
        if recording is not None:
            await asyncio.to_thread(recording.sync)
        self._report_stored()


class _End(Exception):
    """The session is over."""


class _Reader:
    """Bounded queue of one screen; the oldest block goes when it is full."""

    def __init__(self, max_waiting: int) -> None:
        self._blocks: deque[LiveBlock] = deque(maxlen=max_waiting)
        self._has_news = asyncio.Event()
        self._is_over = False

    def put(self, block: LiveBlock) -> None:
        self._blocks.append(block)
        self._has_news.set()

    def end(self) -> None:
        self._is_over = True
        self._has_news.set()

    async def next(self) -> LiveBlock:
        while not self._blocks:
            if self._is_over:
                raise _End
            self._has_news.clear()
            await self._has_news.wait()
        return self._blocks.popleft()
