"""The streaming core: counts of the converter in, traces, features and onsets out."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceloop_dsp.design import butterworth_bandpass, sinc3_correction
from faceloop_dsp.fatigue import FatigueMeter, MedianFrequency
from faceloop_dsp.kernel import Setup, StreamKernel
from faceloop_dsp.rest import HOP_S, RestRecorder, RestReference

__all__ = [
    "HOP_S",
    "MainsStatus",
    "Offset",
    "Onset",
    "StreamCore",
    "StreamFeatures",
    "hop_frames",
    "measure_band_hz",
]

MEASURE_BAND_HZ = (20.0, 450.0)  # corners: van Boxtel, Psychophysiology 2001;38:22
ALERT_BAND_HZ = (30.0, 300.0)  # 1.5-2.5 ms earlier than the measurement path
ENERGY_BAND_HZ = (30.0, 250.0)  # Teager-Kaiser: white noise above it would dominate
ENVELOPE_HZ = 6.0
GROUP_RATE_HZ = 500.0  # least rate of what runs on sums of frames: envelope, mains tracker
MIN_FS_HZ, MAX_FS_HZ = 250.0, 16000.0
TOP_SHARE = 0.45  # of the rate: where a band ends that would not fit below half of it

BytesLike = bytes | bytearray | memoryview

# Columns of a row of ``StreamKernel.hops``.
RMS, ENVELOPE, ENERGY, LOW, HIGH = range(5)


_NOTHING = np.empty((0, 0), np.float32)


class Onset(NamedTuple):
    """A channel became active.

    Parameters
    ----------
    frame : int
        Where the detector decided, counted from the start of the stream.
    channel : int
    """

    frame: int
    channel: int


class Offset(NamedTuple):
    """A channel went quiet again.

    Parameters
    ----------
    frame : int
        Where the detector decided, counted from the start of the stream.
    channel : int
    """

    frame: int
    channel: int


class MainsStatus(NamedTuple):
    """What the mains canceller does.

    Parameters
    ----------
    nominal_hz : float or None
        50 or 60, or what was asked for; None while off or (``auto``) not found yet.
    tracked_hz : float
        The line as the converter's clock sees it, NaN while off.
    is_present : bool
        Whether there is a line.
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
    tkeo_uv2 : ndarray of float32, shape (n_hops, n_channels)
        Mean magnitude of the Teager-Kaiser energy over 50 ms, behind a filter of 30-250 Hz. NaN
        like the RMS.
    low_uv, high_uv : ndarray of float32, shape (n_hops, n_channels)
        Extremes of the trace in the hop. NaN when a frame of it is missing or at the rail.
    median_frequency : tuple of MedianFrequency
        Of the half seconds that ended in this block, as it falls while a muscle tires. Empty
        without a trace.
    """

    first_frame: int
    trace_uv: NDArray[np.float32]
    hop_frame: NDArray[np.int64]
    rms_uv: NDArray[np.float32]
    envelope_uv: NDArray[np.float32]
    onsets: tuple[Onset, ...] = ()
    offsets: tuple[Offset, ...] = ()
    tkeo_uv2: NDArray[np.float32] = _NOTHING
    low_uv: NDArray[np.float32] = _NOTHING
    high_uv: NDArray[np.float32] = _NOTHING
    median_frequency: tuple[MedianFrequency, ...] = ()


class StreamCore:
    """Filter, measure and watch a stream; any split into blocks gives bit-identical results.

    Parameters
    ----------
    fs_hz : float
        Frames per second, 250-16000. Bands end at 0.45 ``fs_hz`` where they would not fit: the
        measurement at 450 Hz from 1000 Hz on, the alert path at 300 Hz from 667 Hz on. Below
        1 kHz the results are for orientation, as much of the EMG is not in the recording.
    n_channels : int
        1-8.
    lsb_uv : float
        Microvolts per count; the default is an ADS1298 at gain 12.
    mains_hz : float or "auto" or None
        Nominal line frequency (45-65), ``"auto"`` to choose 50 or 60 from the first seconds, None
        for no canceller.
    precision : "float32" or "float64"
        Numbers of the kernel: 32 bits for the stream, 64 to verify it at half the speed.
    converter : "ads1298" or None
        Corrects the droop of this converter's own filter (2.2 dB at 450 Hz when it sends 2000
        frames a second). Only for counts that come from it at ``fs_hz``.
    trace : bool
        Whether ``StreamFeatures`` has the cleaned signal; without, ``trace_uv`` has no rows, and
        a ``SynkinesisDetector`` refuses the features.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Not safe for use by two threads at once; long blocks are processed without holding the GIL.

    ``push`` makes new arrays. Who cannot spare some microseconds a block calls
    ``core.kernel.push`` instead, which returns the number of hops that ended and leaves their
    features in ``core.kernel.hops`` (columns ``RMS``, ``ENVELOPE``, ``ENERGY``, ``LOW`` and
    ``HIGH`` of this module).
    """

    def __init__(
        self,
        fs_hz: float = 2000.0,
        n_channels: int = 8,
        lsb_uv: float = 2.4 / 12 / (2**23 - 1) * 1e6,
        mains_hz: float | Literal["auto"] | None = "auto",
        *,
        precision: Literal["float32", "float64"] = "float32",
        converter: Literal["ads1298"] | None = None,
        trace: bool = True,
    ) -> None:
        if not (lsb_uv > 0.0 and np.isfinite(lsb_uv)):
            raise ValueError(f"a count of {lsb_uv:g} uV, it must be above 0")
        if not MIN_FS_HZ <= fs_hz <= MAX_FS_HZ:
            raise ValueError(
                f"{fs_hz:g} frames per second, allowed are {MIN_FS_HZ:g}-{MAX_FS_HZ:g}"
            )
        if mains_hz == "auto":
            line_hz = -1.0
        elif mains_hz is None:
            line_hz = 0.0
        elif isinstance(mains_hz, str) or not 45.0 <= mains_hz <= 65.0:
            raise ValueError(f"mains at {mains_hz!r}, allowed are 45-65 Hz, 'auto' and None")
        else:
            line_hz = float(mains_hz)
        if precision not in ("float32", "float64"):
            raise ValueError(f"a precision of {precision!r}, allowed are float32 and float64")
        if converter not in (None, "ads1298"):
            raise ValueError(f"a converter {converter!r}, allowed are 'ads1298' and None")
        self.fs_hz = fs_hz
        self.n_channels = n_channels
        self.lsb_uv = lsb_uv
        self.kernel = StreamKernel(
            _setup(fs_hz, n_channels, lsb_uv, line_hz, converter == "ads1298"),
            precision == "float64",
            trace,
        )
        self._hop_frames = hop_frames(fs_hz)
        self._has_trace = trace
        self._fatigue = FatigueMeter(fs_hz, n_channels)
        self._no_trace = np.empty((0, n_channels), np.float32)
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
            If number type or shape is wrong.
        TypeError
            If it is no array (a list, for instance).
        """
        first = self.kernel.frame
        return self._features(first, self.kernel.push(counts))

    def push_frames24(self, data: BytesLike) -> StreamFeatures:
        """Process frames of 24-bit big-endian counts, as the converter sends them.

        Parameters
        ----------
        data : bytes-like
            ``3 * n_channels`` bytes a frame, no status words.

        Raises
        ------
        ValueError
            If it does not hold whole frames.
        """
        first = self.kernel.frame
        return self._features(first, self.kernel.push_frames24(data))

    def push_packet(self, payload: BytesLike, n_frames: int, shift: int) -> StreamFeatures:
        """Decode a stream packet's payload and process its frames; see ``decode_payload``.

        Raises
        ------
        ValueError
            If the payload is malformed, and nothing is processed.
        """
        first = self.kernel.frame
        return self._features(first, self.kernel.push_packet(payload, n_frames, shift))

    def _features(self, first: int, n_hops: int) -> StreamFeatures:
        kernel, hop = self.kernel, self._hop_frames
        n_frames = kernel.frame - first
        trace, rms, envelope, energy, low, high = kernel.copies(n_hops, n_frames)
        if self._recorder is not None and kernel.quick is not None:
            self._recorder.add(rms, kernel.quick[:n_frames].astype(np.float32))
        at = first - first % hop + hop - 1
        onsets, offsets = _sorted_out(kernel.events) if kernel.n_events else ((), ())
        return StreamFeatures(
            first,
            self._no_trace if trace is None else trace,
            np.arange(at, at + n_hops * hop, hop, dtype=np.int64),
            rms,
            envelope,
            onsets,
            offsets,
            energy,
            low,
            high,
            () if trace is None else self._fatigue.push(trace),
        )

    def gap(self, n_frames: int) -> StreamFeatures:
        """Pass over lost frames: filters start anew, active channels end, features are NaN.

        Onsets resume 50 ms after the gap, the RMS 150 ms, the envelope 250 ms. Returned arrays are
        read-only.

        Parameters
        ----------
        n_frames : int
            Frames lost, not negative.
        """
        first = self.kernel.frame
        n_hops = self.kernel.gap(n_frames)
        begin = first // self._hop_frames + 1
        hop_frame = np.arange(begin, begin + n_hops, dtype=np.int64) * self._hop_frames - 1
        onsets, offsets = _sorted_out(self.kernel.events)
        nothing = np.float32(np.nan)
        rows = np.broadcast_to(nothing, (n_hops, self.n_channels))
        trace = np.broadcast_to(nothing, (n_frames if self._has_trace else 0, self.n_channels))
        windows = self._fatigue.gap(n_frames) if self._has_trace else ()
        return StreamFeatures(
            first, trace, hop_frame, rows, rows, onsets, offsets, rows, rows, rows, windows
        )

    def set_muted(self, mask: int) -> None:
        """Mute the channels whose bit is set (electrode off): no features, no onsets.

        The trace goes on. A channel that is unmuted settles for 0.4 s before it counts again.
        """
        self.kernel.set_muted(mask)

    def begin_rest(self) -> None:
        """Record the wearer's rest from the next frame on, forgetting a recording under way."""
        self._recorder = RestRecorder(self.fs_hz, self.n_channels)
        self.kernel.wants_quick = True

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
        self.kernel.wants_quick = False
        self.set_rest(reference)
        return reference

    def set_rest(self, reference: RestReference | None) -> None:
        """Use a rest reference for the alert path, or none: then there are no onsets."""
        if reference is None:
            nothing = np.zeros((self.n_channels, 4))
            self.kernel.set_alert(nothing, nothing[:, 0], nothing[:, 0])
        else:
            self.kernel.set_alert(
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
        return self.kernel.frame

    @property
    def active(self) -> int:
        """Bit mask of the channels that the alert path holds active now."""
        return self.kernel.active

    @property
    def mains(self) -> MainsStatus:
        """State of the mains canceller."""
        nominal, tracked, is_present = self.kernel.mains
        if not nominal:
            return MainsStatus(None, float("nan"), False)
        return MainsStatus(nominal, tracked, is_present)


def hop_frames(fs_hz: float) -> int:
    """Frames of a hop: 10 ms, or the whole number next to it."""
    return int(fs_hz * HOP_S + 0.5)


def _group_frames(fs_hz: float) -> int:
    """Frames of a sum: the most that divide a hop and leave 500 sums a second."""
    hop = hop_frames(fs_hz)
    fitting = [n for n in range(1, hop + 1) if hop % n == 0 and fs_hz / n >= GROUP_RATE_HZ]
    return max(fitting, default=1)


def measure_band_hz(fs_hz: float) -> tuple[float, float]:
    """Return the corners (Hz) of the measurement path at that rate."""
    return MEASURE_BAND_HZ[0], min(MEASURE_BAND_HZ[1], TOP_SHARE * fs_hz)


def _setup(fs_hz: float, n_channels: int, lsb_uv: float, line_hz: float, has_droop: bool) -> Setup:
    def band(low_hz: float, high_hz: float) -> tuple[float, float]:
        return low_hz, min(high_hz, TOP_SHARE * fs_hz)

    measure_hz = measure_band_hz(fs_hz)
    measure = butterworth_bandpass(4, *measure_hz, fs_hz)
    quick = butterworth_bandpass(1, *band(*ALERT_BAND_HZ), fs_hz)
    energy = butterworth_bandpass(1, *band(*ENERGY_BAND_HZ), fs_hz)
    group = _group_frames(fs_hz)
    return {
        "fs_hz": fs_hz,
        "n_channels": n_channels,
        "hop": hop_frames(fs_hz),
        "group": group,
        "mains_hz": line_hz,
        "scale_measure": lsb_uv * measure.gain,
        "scale_quick": lsb_uv * quick.gain,
        "a1": [*measure.a1.tolist(), *quick.a1.tolist()],
        "a2": [*measure.a2.tolist(), *quick.a2.tolist()],
        "energy": (energy.gain, float(energy.a1[0]), float(energy.a2[0])),
        "envelope_g": float(np.tan(np.pi * ENVELOPE_HZ * group / fs_hz)),
        "droop": sinc3_correction(measure_hz[1], fs_hz).tolist() if has_droop else None,
    }


def _sorted_out(
    events: list[tuple[int, int, bool]],
) -> tuple[tuple[Onset, ...], tuple[Offset, ...]]:
    return (
        tuple(Onset(frame, channel) for frame, channel, is_on in events if is_on),
        tuple(Offset(frame, channel) for frame, channel, is_on in events if not is_on),
    )
