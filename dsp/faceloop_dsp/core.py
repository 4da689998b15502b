"""The streaming core: counts of the converter in, traces, features and onsets out."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp._stream import StreamKernel
from faceloop_dsp.design import butterworth_bandpass, butterworth_lowpass
from faceloop_dsp.rest import HOP_S, RestRecorder, RestReference

__all__ = ["HOP_S", "MainsStatus", "Offset", "Onset", "StreamCore", "StreamFeatures"]

MEASURE_BAND_HZ = (20.0, 450.0)  # corners: van Boxtel, Psychophysiology 2001;38:22
ALERT_BAND_HZ = (30.0, 300.0)  # 1.5-2.5 ms earlier than the measurement path
ENVELOPE_HZ = 6.0
ENVELOPE_DIVISOR = 4  # the envelope's low-pass runs on means of four frames


class Onset(NamedTuple):
    """A channel became active; ``frame`` is where the detector decided."""

    frame: int
    channel: int


class Offset(NamedTuple):
    """A channel went quiet again; ``frame`` is where the detector decided."""

    frame: int
    channel: int


class MainsStatus(NamedTuple):
    """What the mains canceller does.

    ``nominal_hz`` is 50 or 60, None while off or (``auto``) not found yet; ``tracked_hz`` the line
    as the converter's clock sees it, NaN while off; ``is_present`` tells whether there is one.
    """

    nominal_hz: float | None
    tracked_hz: float
    is_present: bool


class StreamFeatures(NamedTuple):
    """What one block gave.

    Parameters
    ----------
    first_frame : int
        Index of the first frame of ``trace_uv``, counted from the start, lost frames included.
    trace_uv : ndarray of float32, shape (n_frames, n_channels)
        Band-passed 20-450 Hz (Butterworth 4, causal), mains removed. NaN in a gap, and while the
        input of a channel is at the rail.
    hop_frame : ndarray of int64, shape (n_hops,)
        Index of the last frame of each hop of 10 ms that ended in this block.
    rms_uv : ndarray of float32, shape (n_hops, n_channels)
        RMS over the 100 ms before the hop's end. NaN while a channel is muted, railed or settling.
    envelope_uv : ndarray of float32, shape (n_hops, n_channels)
        Rectified, low-passed at 6 Hz (Butterworth 2). NaN as above.
    onsets, offsets : tuple of Onset, tuple of Offset
        Changes of the alert path, in the order of their frames. Empty without a rest reference.
    """

    first_frame: int
    trace_uv: NDArray[np.float32]
    hop_frame: NDArray[np.int64]
    rms_uv: NDArray[np.float32]
    envelope_uv: NDArray[np.float32]
    onsets: tuple[Onset, ...] = ()
    offsets: tuple[Offset, ...] = ()


class StreamCore:
    """Filter, measure and watch a stream; any split into blocks gives bit-identical results.

    Parameters
    ----------
    fs_hz : float
        Frames per second, 1000-4000.
    n_channels : int
        1-8.
    lsb_uv : float
        Microvolts per count; the default is an ADS1298 at gain 12.
    mains_hz : float or "auto" or None
        Nominal line frequency (45-65), ``"auto"`` to choose 50 or 60 from the first seconds, None
        for no canceller.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Not safe for use by two threads at once; blocks are processed without holding the GIL.
    """

    def __init__(
        self,
        fs_hz: float = 2000.0,
        n_channels: int = 8,
        lsb_uv: float = 2.4 / 12 / (2**23 - 1) * 1e6,
        mains_hz: float | Literal["auto"] | None = "auto",
    ) -> None:
        if not (lsb_uv > 0.0 and np.isfinite(lsb_uv)):
            raise ValueError(f"a count of {lsb_uv:g} uV, it must be above 0")
        if mains_hz == "auto":
            line_hz = -1.0
        elif mains_hz is None:
            line_hz = 0.0
        elif isinstance(mains_hz, str) or not 45.0 <= mains_hz <= 65.0:
            raise ValueError(f"mains at {mains_hz!r}, allowed are 45-65 Hz, 'auto' and None")
        else:
            line_hz = float(mains_hz)
        self.fs_hz = fs_hz
        self.n_channels = n_channels
        self.lsb_uv = lsb_uv
        measure = butterworth_bandpass(4, *MEASURE_BAND_HZ, fs_hz)
        quick = butterworth_bandpass(1, *ALERT_BAND_HZ, fs_hz)
        lowpass = butterworth_lowpass(ENVELOPE_HZ, fs_hz / ENVELOPE_DIVISOR)
        self._kernel = StreamKernel(
            fs_hz,
            n_channels,
            lsb_uv * measure.gain,
            lsb_uv * quick.gain,
            list(zip(measure.a1.tolist(), measure.a2.tolist(), strict=True)),
            list(zip(quick.a1.tolist(), quick.a2.tolist(), strict=True)),
            (lowpass.gain, lowpass.a1, lowpass.a2),
            line_hz,
        )
        self._rest: RestReference | None = None
        self._recorder: RestRecorder | None = None

    def push(self, counts: NDArray[np.int32]) -> StreamFeatures:
        """Process the next frames.

        Parameters
        ----------
        counts : ndarray of int32, shape (n_frames, n_channels)
            Converter counts, C-contiguous, any number of frames.

        Returns
        -------
        StreamFeatures
            New arrays; ``counts`` is not modified.

        Raises
        ------
        ValueError
            If type or shape is wrong.
        """
        kernel = self._kernel
        first = kernel.frame
        recorder = self._recorder
        trace, hop_frame, rms, envelope, events, quick = kernel.push(counts, recorder is not None)
        if recorder is not None and quick is not None:
            recorder.add(rms, quick)
        if events:
            onsets, offsets = _sorted_out(events)
            return StreamFeatures(first, trace, hop_frame, rms, envelope, onsets, offsets)
        return StreamFeatures(first, trace, hop_frame, rms, envelope)

    def gap(self, n_frames: int) -> StreamFeatures:
        """Pass over lost frames: filters start anew, active channels end, features are NaN.

        Onsets resume 50 ms after the gap, the RMS 150 ms, the envelope 250 ms. Returned arrays are
        read-only.

        Parameters
        ----------
        n_frames : int
            Frames lost, not negative.
        """
        first = self._kernel.frame
        hop_frame, events = self._kernel.gap(n_frames)
        onsets, offsets = _sorted_out(events)
        nothing = np.float32(np.nan)
        rows = np.broadcast_to(nothing, (hop_frame.size, self.n_channels))
        trace = np.broadcast_to(nothing, (n_frames, self.n_channels))
        return StreamFeatures(first, trace, hop_frame, rows, rows, onsets, offsets)

    def set_muted(self, mask: int) -> None:
        """Mute the channels whose bit is set (electrode off): no features, no onsets.

        The trace goes on. A channel that is unmuted settles for 0.4 s before it counts again.
        """
        self._kernel.set_muted(mask)

    def begin_rest(self) -> None:
        """Record the wearer's rest from the next frame on, forgetting a recording under way."""
        self._recorder = RestRecorder(self.fs_hz, self.n_channels)

    def end_rest(self) -> RestReference:
        """End the recording of rest, use its reference from here on and return it.

        Raises
        ------
        RuntimeError
            If no rest is being recorded.
        ValueError
            If less than 3 s of it can be used; the recording then goes on.
        """
        if self._recorder is None:
            raise RuntimeError("no rest is being recorded: call begin_rest() first")
        reference = self._recorder.reference()
        self._recorder = None
        self.set_rest(reference)
        return reference

    def set_rest(self, reference: RestReference | None) -> None:
        """Use a rest reference for the alert path, or none: then there are no onsets."""
        if reference is None:
            nothing = np.zeros((self.n_channels, 4))
            self._kernel.set_alert(nothing, nothing[:, 0], nothing[:, 0])
        else:
            self._kernel.set_alert(
                reference.alert_whitening, reference.alert_sd_uv, reference.alert_threshold
            )
        self._rest = reference

    @property
    def rest(self) -> RestReference | None:
        """The rest reference in use."""
        return self._rest

    @property
    def is_resting(self) -> bool:
        """Whether a rest is being recorded."""
        return self._recorder is not None

    @property
    def rest_seconds(self) -> float:
        """Usable seconds of the rest being recorded so far (worst channel that counts), else 0."""
        return self._recorder.seconds if self._recorder is not None else 0.0

    @property
    def frame(self) -> int:
        """Index of the next frame."""
        return self._kernel.frame

    @property
    def active(self) -> int:
        """Bit mask of the channels that the alert path holds active now."""
        return self._kernel.active

    @property
    def mains(self) -> MainsStatus:
        """State of the mains canceller."""
        nominal, tracked, is_present = self._kernel.mains
        if not nominal:
            return MainsStatus(None, float("nan"), False)
        return MainsStatus(nominal, tracked, is_present)


def _sorted_out(
    events: list[tuple[int, int, bool]],
) -> tuple[tuple[Onset, ...], tuple[Offset, ...]]:
    return (
        tuple(Onset(frame, channel) for frame, channel, is_on in events if is_on),
        tuple(Offset(frame, channel) for frame, channel, is_on in events if not is_on),
    )
