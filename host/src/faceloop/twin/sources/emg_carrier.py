"""Carriers: noise and motor-unit trains with the spectrum of surface EMG, unit RMS in band.

Ref: Shwedyk, Balasubramanian and Scott 1977, IEEE TBME 24:417; Stulen and De Luca 1981, IEEE
TBME 28:515: ``P(f) = k f_h^4 f^2 / ((f^2 + f_l^2) (f^2 + f_h^2)^2)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import fft

from faceloop.twin.sources.source import FS_HZ, N_CHANNELS, FloatArray

__all__ = ["BAND_HZ", "BLOCK", "EmgCarriers", "block_rng", "emg_psd", "median_frequency_hz"]

BAND_HZ = (20.0, 450.0)
BLOCK = 500
"""Frames of one internal block. Fixed: the random numbers of a block depend on its index only."""
_TAPS = 513
_TAIL = _TAPS - 1
_FFT = 1024
_GRID = 4096

# Interval statistics of a motor unit: gamma with CV 0.2, mean rates of tonic units.
_GAMMA_SHAPE = 25.0
_RATES_HZ = (8.0, 14.0)
_DRAWS = 10
_SPREAD = 3.0
"""Largest over smallest action potential of one muscle."""
_SPREAD_S = 0.012
"""Makes an action potential last about 12 ms (5-95 % of its energy), and with it the excess
kurtosis of 1, 3, 6, 10, 20 units about 7, 3, 1.6, 1, 0.6: what real facial tone shows."""
_MIX_DRIVE = (0.03, 0.10)
"""Between these drives single units drown in the interference pattern (about 10 % of maximum)."""


def block_rng(seed: int, stream: int, block: int) -> np.random.Generator:
    """Return the generator of one block of one stream; ``block`` may be -2 (warm-up)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream, block + 2])))


def emg_psd(f_hz: FloatArray, f_low_hz: float, f_high_hz: float) -> FloatArray:
    """Return the spectrum's shape at the given frequencies, largest value about 1."""
    f2 = f_hz**2
    shape = f_high_hz**4 * f2 / ((f2 + f_low_hz**2) * (f2 + f_high_hz**2) ** 2)
    return np.asarray(shape)


def median_frequency_hz(f_low_hz: float, f_high_hz: float) -> float:
    """Return the frequency that halves the power in band."""
    f_hz = np.arange(BAND_HZ[0], BAND_HZ[1] + 0.25, 0.25)
    power = np.cumsum(emg_psd(f_hz, f_low_hz, f_high_hz))
    return float(np.interp(0.5 * power[-1], power, f_hz))


class EmgCarriers:
    """Eight independent carriers, each with RMS 1 in 20-450 Hz at any drive.

    Above 10 % drive a carrier is Gaussian; below 3 % it is a sum of motor-unit trains (interval
    CV 0.2, amplitudes spread 1:3, both polarities); between, a power-preserving mixture. The
    action potential is the filter's own impulse response, so both share one spectrum.

    Parameters
    ----------
    seed : int
        Seed of the run.
    f_low_hz, f_high_hz : ndarray of float64, shape (8,)
        Corners of each channel's spectrum.
    n_units : sequence of int
        Motor units of each channel at rest.
    """

    def __init__(
        self, seed: int, f_low_hz: FloatArray, f_high_hz: FloatArray, n_units: Sequence[int]
    ) -> None:
        self._seed = seed
        grid_hz = np.asarray(fft.rfftfreq(_GRID, 1 / FS_HZ), dtype=np.float64)
        taps = np.stack(
            [_taps(emg_psd(grid_hz, f_low_hz[c], f_high_hz[c])) for c in range(N_CHANNELS)]
        )
        self._response = fft.rfft(taps, _FFT, axis=1)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 101])))
        shape = (N_CHANNELS, max(n_units))
        self._interval = FS_HZ / rng.uniform(*_RATES_HZ, shape)
        amplitude = _SPREAD ** rng.uniform(-0.5, 0.5, shape) * rng.choice([-1.0, 1.0], shape)
        for channel, n in enumerate(n_units):
            amplitude[channel, n:] = 0.0
        self._amplitude = amplitude / _train_rms(taps, self._interval, amplitude)[:, None]
        self._first_spike = rng.uniform(0, 1, shape) * self._interval - 2 * BLOCK
        self.rewind()

    def rewind(self) -> None:
        """Go back to block 0."""
        self._block = -2
        self._next_spike = self._first_spike.copy()
        self._noise_tail = np.zeros((N_CHANNELS, _TAIL))
        self._train_tail = np.zeros((N_CHANNELS, _TAIL))
        # Two blocks fill the filter's memory, so that frame 0 is as stationary as any other.
        self._inputs()
        self._inputs()

    def next_block(self, drive: FloatArray) -> FloatArray:
        """Return the next 500 samples of each carrier.

        Parameters
        ----------
        drive : ndarray of float64, shape (8, 500)
            Decides the mixture of units and noise, not the level.

        Returns
        -------
        carrier : ndarray of float64, shape (8, 500)
            Expected power in band 1.
        """
        noise, train = self._inputs()
        gaussian = fft.irfft(fft.rfft(noise, _FFT, axis=1) * self._response, _FFT, axis=1)
        units = fft.irfft(fft.rfft(train, _FFT, axis=1) * self._response, _FFT, axis=1)
        low, high = _MIX_DRIVE
        share = np.clip((drive - low) / (high - low), 0.0, 1.0)
        keep = slice(_TAIL, _TAIL + BLOCK)
        return np.asarray(np.sqrt(share) * gaussian[:, keep] + np.sqrt(1 - share) * units[:, keep])

    def _inputs(self) -> tuple[FloatArray, FloatArray]:
        """Return tail plus new block of the white noise and of the spike trains."""
        rng = block_rng(self._seed, 1, self._block)
        noise = np.concatenate([self._noise_tail, rng.standard_normal((N_CHANNELS, BLOCK))], 1)
        train = np.concatenate([self._train_tail, self._spikes(rng)], 1)
        self._noise_tail = noise[:, -_TAIL:]
        self._train_tail = train[:, -_TAIL:]
        self._block += 1
        return noise, train

    def _spikes(self, rng: np.random.Generator) -> FloatArray:
        start = self._block * BLOCK
        intervals = (
            rng.gamma(_GAMMA_SHAPE, 1 / _GAMMA_SHAPE, (*self._interval.shape, _DRAWS))
            * self._interval[..., None]
        )
        later = self._next_spike[..., None] + np.cumsum(intervals, axis=2)
        times = np.concatenate([self._next_spike[..., None], later], axis=2)
        fires = times < start + BLOCK
        # Ten intervals of at least 1/14 s cover a 0.25 s block with certainty.
        after = fires.sum(axis=2)[..., None]
        self._next_spike = np.take_along_axis(times, after, axis=2)[..., 0]
        channel, unit, _ = np.nonzero(fires)
        spikes = np.zeros((N_CHANNELS, BLOCK))
        np.add.at(
            spikes,
            (channel, (times[fires] - start).astype(np.int64)),
            self._amplitude[channel, unit],
        )
        return spikes


def _taps(psd: FloatArray) -> FloatArray:
    """Return a filter that gives white noise this spectrum, RMS 1 in band.

    Its impulse response is the action potential: delays that rise with frequency spread it.
    """
    f_hz = fft.rfftfreq(_GRID, 1 / FS_HZ)
    delay_s = _SPREAD_S * (np.clip(f_hz / 250.0, 0.0, 1.0) - 0.5)
    phase = -2 * np.pi * np.cumsum(delay_s) * f_hz[1]
    shape = fft.irfft(np.sqrt(psd) * np.exp(1j * phase), _GRID)
    taps = np.roll(shape, _TAPS // 2)[:_TAPS] * np.hanning(_TAPS + 2)[1:-1]
    gain2 = np.abs(fft.rfft(taps, _GRID)) ** 2
    is_in = (f_hz >= BAND_HZ[0]) & (f_hz <= BAND_HZ[1])
    return np.asarray(taps / np.sqrt(gain2[is_in].sum() * 2 / _GRID))


def _train_rms(taps: FloatArray, interval: FloatArray, amplitude: FloatArray) -> FloatArray:
    """Return the RMS in band of each channel's sum of filtered renewal trains.

    Ref: Cox and Lewis 1966, spectrum of a renewal process, with the characteristic function of
    the gamma distribution.
    """
    f_hz = fft.rfftfreq(_GRID, 1 / FS_HZ)
    is_in = (f_hz >= BAND_HZ[0]) & (f_hz <= BAND_HZ[1])
    gain2 = np.abs(fft.rfft(taps, _GRID, axis=1)[:, is_in]) ** 2
    cycles = f_hz[is_in] / FS_HZ * interval[..., None]
    phi = (1 + 2j * np.pi * cycles / _GAMMA_SHAPE) ** -_GAMMA_SHAPE
    density = np.real((1 + phi) / (1 - phi)) / interval[..., None]
    power = (amplitude[..., None] ** 2 * density * gain2[:, None, :]).sum(axis=(1, 2)) * 2 / _GRID
    return np.asarray(np.sqrt(power))
