"""Measures one stream of a board: noise, clock, arrivals, losses, what the link carries."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from faceloop.device.board_link import BoardLink, Packet
from faceloop.device.clock_fit import ClockFit
from faceloop.errors import FaceloopError, LinkError
from faceloop_dsp import decode_payload
from faceloop_protocol import control
from faceloop_protocol.info import Info
from faceloop_protocol.limits import HEADER_BYTES, N_CHANNELS
from faceloop_protocol.reports import BoardState
from faceloop_protocol.stream import FLAG_HALF_RATE, FLAG_LATE, SHIFT_MASK, seq_distance

__all__ = ["Bench", "Measured"]

_BAND_HZ = (20.0, 450.0)
_SETTLING_S = 1.5  # of the band-pass, and of the start
_SHIFT = 2  # 95 nV at gain 12: a tenth of the noise that is measured
_BURST_BYTES = 64_000
_BURST_S = 30.0
_DRAIN_S = 10.0
_REPORT_S = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a stream was like.

    Parameters
    ----------
    band_noise_nv : tuple of float
        RMS from 20 to 450 Hz, each channel, nV at the input.
    clock_ppm, clock_within_ppm : float
        How much faster the board's clock runs than this computer's, and how sure that is; NaN
        when the delays hid it.
    arrival_p95_ms : float
        How late packets come, over the soonest ones.
    jitter_ms : float
        Of arrivals at this computer: how far the soonest ones are from even steps, 95 of 100.
    n_missed : int
        Frames that never came, conversions that the capture missed, frames that were dropped.
    bytes_per_s : float
        Of the stream.
    goodput_bytes_per_s : float
        Of packets sent again as fast as the link takes them; NaN when there were too few.
    seconds : float
        Of signal.
    """

    band_noise_nv: tuple[float, ...]
    clock_ppm: float
    clock_within_ppm: float
    arrival_p95_ms: float
    jitter_ms: float
    n_missed: int
    bytes_per_s: float
    goodput_bytes_per_s: float
    seconds: float


class Bench:
    """A listener of a link that only measures; nothing is recorded."""

    def __init__(self) -> None:
        self.link: BoardLink | None = None
        self.state: BoardState | None = None
        self._packets: dict[int, Packet] = {}
        self._near_seq = 0
        self._again: list[tuple[float, int]] = []
        self._is_burst = False
        self._error: FaceloopError | None = None

    def on_packet(self, packet: Packet) -> None:
        """Take a packet."""
        if self._is_burst:
            self._again.append((packet.arrival_s, len(packet.plain)))
            return
        seq = self._near_seq + seq_distance(packet.header.seq, self._near_seq & 0xFFFF)
        self._near_seq = max(self._near_seq, seq)
        self._packets.setdefault(seq, packet)

    def on_state(self, report: BoardState) -> None:
        """Take the board's report."""
        self.state = report

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        """Take note of a lost link: a test goes on only over one that stands."""
        if event == "lost":
            self._error = LinkError("The link was lost during the test. Move closer, test again.")

    def on_gone(self, error: FaceloopError) -> None:
        """Take note of the end of the stream."""
        self._error = error

    def next_seq(self) -> int:
        """Return the first packet that is missing."""
        return (self._near_seq + 1) & 0xFFFF

    async def report(self) -> BoardState:
        """Return the board's next report.

        Raises
        ------
        LinkError
            If none comes.
        """
        self.state = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REPORT_S):
                while self.state is None:
                    await asyncio.sleep(0.02)
        if self.state is None:
            raise LinkError("The board does not report its state. Switch it off and on.")
        return self.state

    async def measure(
        self, link: BoardLink, info: Info, seconds: float, on_progress: Callable[[float], None]
    ) -> Measured:
        """Stream for a while and measure.

        Raises
        ------
        FaceloopError
            If the board refuses, or the link is lost.
        """
        self.link = link
        before = await self.report()
        await link.start_stream(control.MODE_RECORDING, _SHIFT)
        began_s = time.monotonic()
        try:
            while (passed_s := time.monotonic() - began_s) < seconds:
                self._raise()
                on_progress(passed_s)
                await asyncio.sleep(0.1)
            end = await link.stop_stream()
            end_seq = self._near_seq + seq_distance(end.end_seq, self._near_seq & 0xFFFF)
            await self._until(lambda: len(self._packets) >= end_seq, _DRAIN_S)
            goodput = await self._burst(link, end_seq)
        finally:
            with contextlib.suppress(FaceloopError):
                await link.stop_stream()
                await link.finish_stream()
        after = await self.report()
        n_uncounted = sum(
            (getattr(after, name) - getattr(before, name)) & 0xFFFF
            for name in ("slipped", "dropped")
        )
        return self._measured(info, end.end_frame, n_uncounted, goodput)

    async def _burst(self, link: BoardLink, end_seq: int) -> float:
        """Have the last packets sent again, and time them."""
        wanted = 0
        n_bytes = 0
        while n_bytes < _BURST_BYTES and wanted < end_seq:
            wanted += 1
            packet = self._packets.get(end_seq - wanted)
            n_bytes += len(packet.plain) if packet is not None else 0
        self._is_burst = True
        await link.request(end_seq - wanted, wanted)
        await self._until(lambda: len(self._again) >= wanted, _BURST_S)
        if len(self._again) < 2:
            return float("nan")
        took_s = self._again[-1][0] - self._again[0][0]
        # the first one is the start of the clock
        return sum(n for _, n in self._again[1:]) / took_s if took_s > 0 else float("nan")

    async def _until(self, is_over: Callable[[], bool], timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not is_over():
                    self._raise()
                    await asyncio.sleep(0.02)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _measured(self, info: Info, end_frame: int, n_uncounted: int, goodput: float) -> Measured:
        packets = [self._packets[seq] for seq in sorted(self._packets)]
        counts = np.zeros((end_frame, N_CHANNELS), dtype=np.int32)
        is_there = np.zeros(end_frame, dtype=bool)
        clock = ClockFit(info.fs_hz)
        arrivals: list[tuple[int, float]] = []
        n_bytes = 0
        for packet in packets:
            header = packet.header
            step = 2 if header.flags & FLAG_HALF_RATE else 1
            first, last = header.first_frame, header.first_frame + header.n_frames * step
            block = decode_payload(
                packet.plain[HEADER_BYTES:], header.n_frames, header.flags & SHIFT_MASK
            )
            counts[first:last] = np.repeat(block, step, axis=0)[: end_frame - first]
            is_there[first:last] = True
            n_bytes += len(packet.plain)
            if not header.flags & FLAG_LATE:
                clock.add(last, packet.arrival_s)
                arrivals.append((last, packet.arrival_s))
        seconds = end_frame / info.fs_hz
        late_ms = sorted(1000 * (at_s - clock.arrival_s(frame)) for frame, at_s in arrivals)
        return Measured(
            band_noise_nv=band_noise_nv(held(counts, is_there), info.fs_hz, info.lsb_fv),
            clock_ppm=clock.ppm,
            # Half a percent of a second is what the soonest packets of a busy computer differ by.
            clock_within_ppm=5e-3 / seconds * 1e6 if seconds else float("nan"),
            arrival_p95_ms=late_ms[int(0.95 * (len(late_ms) - 1))] if late_ms else float("nan"),
            jitter_ms=1000 * clock.jitter_s,
            n_missed=int(end_frame - is_there.sum()) + n_uncounted,
            bytes_per_s=n_bytes / seconds if seconds else 0.0,
            goodput_bytes_per_s=goodput,
            seconds=seconds,
        )


def held(counts: NDArray[np.int32], is_there: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return ``counts`` with the last value before it in each gap, without a beginning of gaps.

    For noise alone: a board without PIO may lose a frame in a hundred, and zeros in between would
    be steps of the inputs' offset.
    """
    if not is_there.any():
        return counts[:0]
    first = int(np.argmax(is_there))
    last_there = np.maximum.accumulate(np.where(is_there, np.arange(len(counts)), 0))
    return counts[last_there[first:]]


def band_noise_nv(counts: NDArray[np.int32], fs_hz: int, lsb_fv: int) -> tuple[float, ...]:
    """Return the RMS of each channel from 20 to 450 Hz.

    Parameters
    ----------
    counts : ndarray of int32, shape (n_frames, 8)
    fs_hz : int
        At least 1000.
    lsb_fv : int
        Femtovolt per count.

    Returns
    -------
    tuple of float
        nV at the input; NaN when there is less than a second beside the settling.
    """
    n_settling = int(_SETTLING_S * fs_hz)
    if len(counts) < n_settling + fs_hz:
        return (float("nan"),) * N_CHANNELS
    band = signal.butter(4, _BAND_HZ, "bandpass", fs=fs_hz, output="sos")
    passed = signal.sosfilt(band, counts - counts[0], axis=0)[n_settling:]
    return tuple(float(rms) * lsb_fv / 1e6 for rms in np.std(passed, axis=0))
