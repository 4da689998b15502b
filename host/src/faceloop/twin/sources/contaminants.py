"""What reaches the converter besides the muscles: mains, electrodes, amplifier, heart, eyes.

Each contaminant draws from its own random stream, so that switching one off leaves all others
bit for bit as they were. Every ``block`` returns microvolts of shape (8, 500), in order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from faceloop.twin.sources.emg_carrier import BAND_HZ, BLOCK, block_rng
from faceloop.twin.sources.face_muscles import OCULI, ZYGOMATICUS, Wearer
from faceloop.twin.sources.face_script import Burst
from faceloop.twin.sources.source import FS_HZ, N_CHANNELS, FloatArray

__all__ = [
    "NOISE_UV",
    "Baseline",
    "ConverterDroop",
    "Crosstalk",
    "Heart",
    "Mains",
    "blink_artefact",
    "electrode_pop",
    "movement_artefact",
    "noise",
]

NOISE_UV = 1.07
"""RMS in 20-450 Hz: two 33 kohm electrode resistors (0.70 uV) and the converter (0.8 uV)."""
_NOISE_STREAM, _POP_STREAM, _MOVEMENT_STREAM = 21, 22, 23
_CROSSTALK_HZ = 200.0
_MAX_DELAY = 4
_Shape = Callable[[FloatArray, np.random.Generator], FloatArray]


def _setup_rng(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))


class Mains:
    """Mains pick-up, its frequency wandering by 0.05 Hz and seen through a wrong clock.

    Parameters
    ----------
    seed : int
        Seed of the run.
    mains_hz : float
        50 or 60.
    clock_error : float
        By how much the converter runs fast: the line appears at ``mains_hz / (1 + clock_error)``.
    peak_uv : float or None
        Peak of the fundamental in every channel; None draws 15-80 uV for each.
    """

    # Supply voltage harmonics at the limits of EN 50160; electrodes pick up somewhat more.
    _HARMONICS = ((1, 1.0), (3, 0.05), (5, 0.06), (7, 0.05), (9, 0.015))
    _WANDER_HZ = 0.05

    def __init__(
        self, seed: int, mains_hz: float, clock_error: float, peak_uv: float | None
    ) -> None:
        rng = _setup_rng(seed, 103)
        drawn_uv = np.exp(rng.uniform(np.log(15.0), np.log(80.0), N_CHANNELS))
        peak = drawn_uv if peak_uv is None else np.full(N_CHANNELS, peak_uv)
        phase = rng.uniform(0, 2 * np.pi, (len(self._HARMONICS), N_CHANNELS))
        share = np.array([amount for _, amount in self._HARMONICS])[:, None]
        spread = rng.uniform(0.5, 2.0, (len(self._HARMONICS), N_CHANNELS))
        spread[0] = 1.0
        self._amplitude = share * spread * peak * np.exp(1j * phase)
        self._seen_hz = mains_hz / (1 + clock_error)
        # Slow wander: three sinusoids of 60-300 s; the phase is their integral, so no state.
        self._wander_hz = 1 / rng.uniform(60.0, 300.0, 3)
        self._wander_phase = rng.uniform(0, 2 * np.pi, 3)
        self._contact_hz = rng.uniform(0.005, 0.02, N_CHANNELS)
        self._contact_phase = rng.uniform(0, 2 * np.pi, N_CHANNELS)

    def block(self, index: int) -> FloatArray:
        """Return block ``index``."""
        t_s = (index * BLOCK + np.arange(BLOCK)) / FS_HZ
        depth_hz = self._WANDER_HZ / np.sqrt(3)
        angle = 2 * np.pi * self._seen_hz * t_s
        for wander_hz, phase in zip(self._wander_hz, self._wander_phase, strict=True):
            angle += depth_hz / wander_hz * np.sin(2 * np.pi * wander_hz * t_s + phase)
        line = np.exp(1j * angle)
        square = line * line
        uv = np.zeros((N_CHANNELS, BLOCK))
        power = line
        for row in range(len(self._HARMONICS)):
            a = self._amplitude[row]
            uv += np.real(a)[:, None] * power.real - np.imag(a)[:, None] * power.imag
            power = power * square
        t0_s = index * BLOCK / FS_HZ
        ends_s = np.array([t0_s, t0_s + BLOCK / FS_HZ])
        contact = 1 + 0.1 * np.sin(
            2 * np.pi * self._contact_hz[:, None] * ends_s + self._contact_phase[:, None]
        )
        ramp = np.arange(BLOCK) / BLOCK
        return np.asarray(uv * (contact[:, :1] + (contact[:, 1:] - contact[:, :1]) * ramp))


class Baseline:
    """Electrode offset (up to 25 mV), its drift (0.1-1.5 mV in 100 s) and 1/f noise below 1 Hz."""

    _N_TONES = 12

    def __init__(self, seed: int) -> None:
        rng = _setup_rng(seed, 104)
        self._offset_uv = rng.uniform(-25e3, 25e3, N_CHANNELS)
        drift_hz = 1 / rng.uniform(150.0, 400.0, (N_CHANNELS, 2))
        noise_hz = np.exp(rng.uniform(np.log(0.02), np.log(1.0), (N_CHANNELS, self._N_TONES)))
        self._tone_hz = np.concatenate([drift_hz, noise_hz], axis=1)
        drift_uv = np.exp(rng.uniform(np.log(50.0), np.log(750.0), (N_CHANNELS, 2)))
        noise_uv = rng.uniform(3.0, 12.0, (N_CHANNELS, 1)) * np.sqrt(0.05 / noise_hz)
        self._tone_uv = np.concatenate([drift_uv, noise_uv], axis=1)
        self._phase = rng.uniform(0, 2 * np.pi, self._tone_hz.shape)

    def block(self, index: int) -> FloatArray:
        """Return block ``index``."""
        # 40 points a second, linear between: the kinks stay below 0.1 uV.
        step = BLOCK // 10
        knots_s = (index * BLOCK + np.arange(11) * step) / FS_HZ
        angle = 2 * np.pi * self._tone_hz[..., None] * knots_s + self._phase[..., None]
        knots_uv = (self._tone_uv[..., None] * np.sin(angle)).sum(axis=1)
        knots_uv += self._offset_uv[:, None]
        ramp = np.arange(step) / step
        low, high = knots_uv[:, :-1, None], knots_uv[:, 1:, None]
        return np.asarray((low + (high - low) * ramp).reshape(N_CHANNELS, BLOCK))


class Crosstalk:
    """Leaks between channels: the same waveform, attenuated, low-passed at 200 Hz, delayed."""

    _DOUBLINGS = 5

    def __init__(self, wearer: Wearer) -> None:
        self._paths = wearer.crosstalk
        self._pole = float(np.exp(-2 * np.pi * _CROSSTALK_HZ / FS_HZ))
        self._memory = 2**self._DOUBLINGS - 1 + _MAX_DELAY
        self.rewind()

    def rewind(self) -> None:
        """Forget the past."""
        self._past = np.zeros((N_CHANNELS, self._memory))

    def gain(self, f_hz: FloatArray) -> FloatArray:
        """Return the low-pass's amplitude response."""
        z = np.exp(-2j * np.pi * f_hz / FS_HZ)
        return np.asarray(np.abs((1 - self._pole) / (1 - self._pole * z)))

    def next_block(self, emg_uv: FloatArray) -> FloatArray:
        """Return what the block's EMG leaks into each channel."""
        x = np.concatenate([self._past, emg_uv], axis=1)
        self._past = x[:, -self._memory :]
        # Sum of pole**k over 32 samples by doubling. Plain sums, not a library's convolution:
        # its order of additions, and so the last bit, differs between processors.
        soft = (1 - self._pole) * x
        for k in range(self._DOUBLINGS):
            shift = 2**k
            soft = soft[:, shift:] + self._pole**shift * soft[:, :-shift]
        leak = np.zeros((N_CHANNELS, BLOCK))
        for path in self._paths:
            begin = _MAX_DELAY - path.delay_samples
            leak[path.target] += path.fraction * soft[path.source, begin : begin + BLOCK]
        return leak


class ConverterDroop:
    """The converter's sinc3 roll-off (-3 dB at 0.262 fs) as five taps; delays by 1 ms."""

    # Least squares to sinc(f/fs)**3 over 0-0.3 fs (0.1 % off up to 450 Hz): middle, +-1, +-2.
    _TAPS = (0.7158, 0.1487, -0.0066)

    def __init__(self) -> None:
        self.rewind()

    def rewind(self) -> None:
        """Forget the past."""
        self._past: FloatArray | None = None

    def next_block(self, uv: FloatArray) -> FloatArray:
        """Return the filtered block."""
        if self._past is None:
            # Settled on the first value: the offset was there before the first conversion.
            self._past = np.repeat(uv[:, :1], 4, axis=1)
        x = np.concatenate([self._past, uv], axis=1)
        self._past = x[:, -4:]
        middle, near, far = self._TAPS
        pairs = near * (x[:, 1:-3] + x[:, 3:-1]) + far * (x[:, :-4] + x[:, 4:])
        return np.asarray(middle * x[:, 2:-2] + pairs)


class Heart:
    """ECG far from the heart: R peaks of 2-20 uV, 60-80 beats a minute, alike in all channels."""

    def __init__(self, seed: int) -> None:
        rng = _setup_rng(seed, 105)
        self._peak_uv = rng.uniform(2.0, 20.0, N_CHANNELS) * rng.choice([-1.0, 1.0], N_CHANNELS)
        self._interval_s = 60 / rng.uniform(60.0, 80.0)
        self._breath_hz = rng.uniform(0.2, 0.3)

    def block(self, index: int) -> FloatArray:
        """Return block ``index``."""
        t_s = (index * BLOCK + np.arange(BLOCK)) / FS_HZ
        # Breathing moves each beat by up to 4 % of the interval.
        beat = np.round(t_s / self._interval_s) + np.array([[-1], [0], [1]])
        beat_s = beat * self._interval_s
        beat_s += 0.04 * self._interval_s * np.sin(2 * np.pi * self._breath_hz * beat_s)
        t = t_s - beat_s
        wave = np.exp(-0.5 * (t / 0.011) ** 2)
        wave -= 0.25 * np.exp(-0.5 * ((t - 0.03) / 0.012) ** 2)
        wave += 0.2 * np.exp(-0.5 * ((t - 0.25) / 0.04) ** 2)
        return np.asarray(self._peak_uv[:, None] * wave.sum(axis=0))


def noise(seed: int, index: int) -> FloatArray:
    """Return block ``index`` of the front end's white noise, ``NOISE_UV`` in band."""
    sigma_uv = NOISE_UV / np.sqrt((BAND_HZ[1] - BAND_HZ[0]) / (FS_HZ / 2))
    rng = block_rng(seed, _NOISE_STREAM, index)
    return np.asarray(sigma_uv * rng.standard_normal((N_CHANNELS, BLOCK)))


def blink_artefact(bursts: list[Burst], index: int, seed: int) -> FloatArray:
    """Return block ``index`` of the slow lid and eye potentials of the given blinks.

    100-300 uV over 300 ms (below 10 Hz) at the eye, a tenth of it on the cheek.
    """
    uv = np.zeros((N_CHANNELS, BLOCK))
    first = index * BLOCK
    length = int(0.3 * FS_HZ)
    for burst in bursts:
        if burst.kind != "blink":
            continue
        rng = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence([seed, 106, burst.start, burst.channel]))
        )
        t = np.arange(first - burst.start, first - burst.start + BLOCK)
        phase = np.clip(t / length, 0.0, 1.0)
        bump = rng.uniform(100.0, 300.0) * 0.5 * (1 - np.cos(2 * np.pi * phase))
        side = burst.channel % 2
        uv[2 * OCULI + side] += bump
        uv[2 * ZYGOMATICUS + side] += 0.1 * bump
    return uv


def electrode_pop(seed: int, index: int) -> FloatArray:
    """Return block ``index`` of electrode pops: steps of 0.2-5 mV that decay, about 3 a minute."""
    return _events(seed, index, _POP_STREAM, _pop)


def movement_artefact(seed: int, index: int) -> FloatArray:
    """Return block ``index`` of cable and skin movement: 50-2000 uV, 1-8 Hz, about 3 a minute."""
    return _events(seed, index, _MOVEMENT_STREAM, _swing)


def _pop(t_s: FloatArray, rng: np.random.Generator) -> FloatArray:
    height_uv = np.exp(rng.uniform(np.log(200.0), np.log(5000.0))) * rng.choice([-1.0, 1.0])
    decay_s = rng.uniform(0.1, 0.5)
    return np.asarray(np.where(t_s >= 0, height_uv * np.exp(-np.maximum(t_s, 0) / decay_s), 0.0))


def _swing(t_s: FloatArray, rng: np.random.Generator) -> FloatArray:
    height_uv = np.exp(rng.uniform(np.log(50.0), np.log(2000.0)))
    length_s = rng.uniform(0.5, 2.0)
    swing_hz = rng.uniform(1.0, 8.0, 3)
    phase = rng.uniform(0, 2 * np.pi, 3)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.clip(t_s / length_s, 0.0, 1.0)))
    waves = np.sin(2 * np.pi * swing_hz[:, None] * t_s + phase[:, None]).sum(axis=0) / 3
    return np.asarray(height_uv * window * waves)


def _events(seed: int, index: int, stream: int, shape: _Shape) -> FloatArray:
    """Return what started in the last 12 blocks; one block in 80 starts an event."""
    uv = np.zeros((N_CHANNELS, BLOCK))
    frames = index * BLOCK + np.arange(BLOCK)
    for start_block in range(max(index - 12, 32), index + 1):
        rng = block_rng(seed, stream, start_block)
        if rng.uniform() < 1 / 80:
            channel = int(rng.integers(0, N_CHANNELS))
            start = start_block * BLOCK + int(rng.integers(0, BLOCK))
            uv[channel] += shape((frames - start) / FS_HZ, rng)
    return uv
