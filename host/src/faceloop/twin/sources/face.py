"""The scripted face: eight channels of facial EMG with known truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from faceloop.errors import UsageError
from faceloop.twin.sources import contaminants as extra
from faceloop.twin.sources.emg_carrier import BAND_HZ, BLOCK, EmgCarriers, emg_psd
from faceloop.twin.sources.face_muscles import LABELS, OCULI, draw_wearer
from faceloop.twin.sources.face_script import (
    REST_S,
    SCENARIOS,
    STEP_EVERY_S,
    Burst,
    FaceScript,
)
from faceloop.twin.sources.option_checks import check_range, check_seed, check_side
from faceloop.twin.sources.source import (
    FS_HZ,
    N_CHANNELS,
    CountArray,
    FloatArray,
    Onset,
    counts_from_uv,
)

__all__ = ["CONTAMINANTS", "FACE_OPTIONS", "FaceSource"]

CONTAMINANTS: dict[str, bool] = {
    "mains": True,
    "baseline": True,
    "crosstalk": True,
    "noise": True,
    "blink": True,
    "gain_error": True,
    "droop": True,
    "ecg": False,
    "movement": False,
    "pop": False,
}
"""Every contaminant and whether it is on by default."""

FACE_OPTIONS = (
    "scenario",
    "seconds",
    "seed",
    "affected",
    "contaminants",
    "mains_hz",
    "mains_uv",
    "clock_error",
    "blinks",
    "step_db",
    "step_every_s",
    "first_rest_s",
    "tone_factor",
)
_SYNKINETIC = ("synkinesis", "mixed")
_LEAST_CROSSTALK_DB = 3.0


class FaceSource:
    """A face that acts out a scenario, in the channel order of the ``guarded8`` montage.

    Counts depend on the options and the seed alone: bit for bit the same on every run and for
    every way of splitting the reads. Another make of processor may round a sine differently in
    its last bit, which moves about one count a day by one.

    Parameters
    ----------
    scenario : str
        ``rest``, ``smile``, ``eye_closure`` and ``jaw_clench`` (healthy face), ``synkinesis``
        (smile and eye closure in turn; on the affected side the eye joins the smile and the cheek
        joins the eye closure 0-30 ms later, with its own carrier and the same slow fluctuation),
        ``mixed`` (clean smile and eye closure, both synkinetic ones, jaw clench) or ``steps``
        (``orbicularis_oculi`` of the affected side jumps by ``step_db``). Each
        starts with rest.
    seconds : float or None
        Length; None is endless.
    seed : int
        0 or more.
    affected : str
        ``left`` or ``right``.
    contaminants : bool, mapping or None
        None: the defaults in ``CONTAMINANTS``. False: none, only clean EMG. True: all. A mapping
        changes single ones: ``{"mains": False, "ecg": True}``.
    mains_hz : float
        50 or 60.
    mains_uv : float or None
        Peak of the mains in every channel; None draws 15-80 uV for each.
    clock_error : float
        By how much the converter's clock is taken to run fast against the mains.
    blinks : bool
        Spontaneous blinks every 3-6 s after the first rest.
    step_db : float
        Power of a step over rest, in band, noise and tone included on both sides.
    step_every_s : float
        Mean time from one step to the next; a step takes a third of it.
    first_rest_s : float
        Rest with which it starts.
    tone_factor : float
        Multiplies all resting levels: 3 and more is a tonic face.

    Raises
    ------
    UsageError
        If an option is out of range.
    """

    fs_hz = FS_HZ
    n_channels = N_CHANNELS
    labels = LABELS
    warnings: tuple[str, ...] = ()
    script_type: type[FaceScript] = FaceScript

    def __init__(
        self,
        scenario: str = "synkinesis",
        seconds: float | None = None,
        seed: int = 1,
        affected: str = "left",
        contaminants: bool | Mapping[str, bool] | None = None,
        mains_hz: float = 60.0,
        mains_uv: float | None = None,
        clock_error: float = 1e-3,
        blinks: bool = True,
        step_db: float = 10.0,
        tone_factor: float = 1.0,
        step_every_s: float = STEP_EVERY_S,
        first_rest_s: float = REST_S,
    ) -> None:
        _check(scenario, seconds, seed, affected, mains_hz, mains_uv, clock_error, step_db)
        check_range("tone_factor", tone_factor, 0.1, 20.0)
        check_range("step_every_s", step_every_s, 0.5, 60.0)
        check_range("first_rest_s", first_rest_s, 0.0, 600.0)
        self.scenario = scenario
        self.n_samples = None if seconds is None else round(seconds * FS_HZ)
        self.contaminants = _choose(contaminants)
        side = ("left", "right").index(affected)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 100])))
        self.wearer = draw_wearer(rng, side if scenario in _SYNKINETIC else None, tone_factor)
        self._gain = 1 + rng.uniform(-0.02, 0.02, (N_CHANNELS, 1))
        self._seed = seed
        self._carriers = EmgCarriers(
            seed, self.wearer.f_low_hz, self.wearer.f_high_hz, self.wearer.n_units
        )
        self._mains = extra.Mains(seed, mains_hz, clock_error, mains_uv)
        self._baseline = extra.Baseline(seed)
        self._heart = extra.Heart(seed)
        self._crosstalk = extra.Crosstalk(self.wearer)
        self._droop = extra.ConverterDroop()
        self._rest_power = self.wearer.rest_uv**2 + self._noise_power
        eye = 2 * OCULI + side
        step_power = self._rest_power[eye] * 10 ** (step_db / 10) - self._noise_power
        self.script = self.script_type(
            scenario,
            seed,
            self.wearer,
            side,
            blinks,
            math.sqrt(max(step_power, 0.0)),
            step_every_s,
            first_rest_s,
        )
        self.rewind()

    @property
    def lead_off(self) -> tuple[int, int]:
        """Return no bits: every electrode is on."""
        return (0, 0)

    @property
    def _noise_power(self) -> float:
        return extra.NOISE_UV**2 if self.contaminants["noise"] else 0.0

    def rewind(self) -> None:
        """Start again from the first frame."""
        self._carriers.rewind()
        self._crosstalk.rewind()
        self._droop.rewind()
        self._n_blocks = 0
        self._frame = 0
        self._buffer = np.zeros((0, N_CHANNELS), dtype=np.int32)

    def read(self, n: int) -> CountArray:
        """Return the next counts, int32 of shape (up to n, 8); (0, 8) after the last."""
        if self.n_samples is not None:
            n = min(n, self.n_samples - self._frame)
        n = max(n, 0)
        parts = [self._buffer]
        have = len(self._buffer)
        while have < n:
            parts.append(self._next_counts())
            have += BLOCK
        joined = np.concatenate(parts) if len(parts) > 1 else self._buffer
        self._buffer = joined[n:]
        self._frame += n
        return np.ascontiguousarray(joined[:n])

    def truth_envelope(self, first: int, n: int) -> FloatArray:
        """Return the expected RMS of the clean EMG, without crosstalk or noise.

        Parameters
        ----------
        first, n : int
            First frame and number of frames; independent of what was read.

        Returns
        -------
        rms_uv : ndarray of float64, shape (n, 8)
            uV RMS in 20-450 Hz at the electrodes.
        """
        return np.ascontiguousarray(self._envelope(self.script.drive(first, n)).T)

    @property
    def onsets(self) -> Sequence[Onset]:
        """True onsets in order of frame; of an endless source, up to the last frame read."""
        end = self._frame if self.n_samples is None else self.n_samples
        found = []
        for burst in self.script.bursts(0, end):
            found.append(self._own_onset(burst))
            if self.contaminants["crosstalk"]:
                found += self._leaked_onsets(burst)
        return tuple(sorted((o for o in found if o.frame < end), key=lambda o: o.frame))

    def _envelope(self, drive: FloatArray) -> FloatArray:
        rest, span = self.wearer.rest_uv, self.wearer.max_uv - self.wearer.rest_uv
        return np.asarray(rest[:, None] + span[:, None] * drive ** self.wearer.exponent[:, None])

    def _next_counts(self) -> CountArray:
        index = self._n_blocks
        self._n_blocks += 1
        on = self.contaminants
        drive = self.script.drive(index * BLOCK, BLOCK)
        uv = self._carriers.next_block(drive) * self._envelope(drive)
        if on["crosstalk"]:
            uv = uv + self._crosstalk.next_block(uv)
        if on["noise"]:
            uv += extra.noise(self._seed, index)
        if on["mains"]:
            uv += self._mains.block(index)
        if on["baseline"]:
            uv += self._baseline.block(index)
        if on["blink"]:
            first = index * BLOCK
            # The lid's potential outlasts its muscle: look back by its whole length.
            recent = self.script.bursts(first - BLOCK - 200, first + BLOCK)
            uv += extra.blink_artefact(recent, index, self._seed)
        if on["ecg"]:
            uv += self._heart.block(index)
        if on["movement"]:
            uv += extra.movement_artefact(self._seed, index)
        if on["pop"]:
            uv += extra.electrode_pop(self._seed, index)
        if on["gain_error"]:
            uv *= self._gain
        if on["droop"]:
            uv = self._droop.next_block(uv)
        return counts_from_uv(np.ascontiguousarray(uv.T))

    def _own_onset(self, burst: Burst) -> Onset:
        channel = burst.channel
        rest_power = float(self._rest_power[channel])
        peak_power = float(self.wearer.rms_uv(channel, burst.drive)) ** 2 + self._noise_power
        rise = burst.drive * burst.shape(burst.start, burst.rise + 1)
        power = self.wearer.rms_uv(channel, rise) ** 2 + self._noise_power
        return Onset(
            frame=burst.start,
            channel=channel,
            muscle=LABELS[channel],
            snr_db=10 * math.log10(peak_power / rest_power),
            kind=burst.kind,
            frame_3db=burst.start + _first_doubled(power, rest_power),
            end_frame=burst.end,
        )

    def _leaked_onsets(self, burst: Burst) -> list[Onset]:
        found = []
        source = burst.channel
        f_hz = np.arange(*BAND_HZ, 1.0)
        psd = emg_psd(f_hz, self.wearer.f_low_hz[source], self.wearer.f_high_hz[source])
        kept = float((psd * self._crosstalk.gain(f_hz) ** 2).sum() / psd.sum())
        rise = burst.drive * burst.shape(burst.start, burst.rise + 1)
        source_power = self.wearer.rms_uv(source, rise) ** 2
        for path in self.wearer.crosstalk:
            if path.source != source:
                continue
            rest_power = float(self._rest_power[path.target])
            power = rest_power + kept * path.fraction**2 * source_power
            snr_db = 10 * math.log10(power[-1] / rest_power)
            near = self.script.bursts(burst.start - 200, burst.end)
            if snr_db < _LEAST_CROSSTALK_DB or any(b.channel == path.target for b in near):
                continue
            frame = burst.start + path.delay_samples
            found.append(
                Onset(
                    frame=frame,
                    channel=path.target,
                    muscle=LABELS[path.target],
                    snr_db=snr_db,
                    kind="crosstalk",
                    frame_3db=frame + _first_doubled(power, rest_power),
                    end_frame=burst.end + path.delay_samples,
                )
            )
        return found


def _first_doubled(power: FloatArray, rest_power: float) -> int:
    is_doubled = power >= 2 * rest_power
    return int(np.argmax(is_doubled)) if is_doubled.any() else len(power) - 1


def _choose(contaminants: bool | Mapping[str, bool] | None) -> dict[str, bool]:
    if contaminants is None:
        return dict(CONTAMINANTS)
    if isinstance(contaminants, bool):
        return dict.fromkeys(CONTAMINANTS, contaminants)
    unknown = sorted(set(contaminants) - set(CONTAMINANTS))
    if unknown:
        raise UsageError(
            f"There is no contaminant {unknown[0]!r}: choose from {', '.join(CONTAMINANTS)}."
        )
    return {**CONTAMINANTS, **{name: bool(is_on) for name, is_on in contaminants.items()}}


def _check(
    scenario: Any,
    seconds: Any,
    seed: Any,
    affected: Any,
    mains_hz: Any,
    mains_uv: Any,
    clock_error: Any,
    step_db: Any,
) -> None:
    if scenario not in SCENARIOS:
        raise UsageError(
            f"There is no scenario {scenario!r}: choose one of {', '.join(SCENARIOS)}."
        )
    check_side(affected)
    if seconds is not None:
        check_range("seconds", seconds, 1.0, 7 * 86400.0)
    check_seed(seed)
    if mains_hz not in (50, 60):
        raise UsageError(f"mains_hz is {mains_hz!r}: choose 50 or 60.")
    if mains_uv is not None:
        check_range("mains_uv", mains_uv, 0.0, 10_000.0)
    check_range("clock_error", clock_error, -0.01, 0.01)
    check_range("step_db", step_db, 0.5, 30.0)
