"""Output codes of the ADS1298 for a register state: shorted, test, supply, temperature, electrode.

Ref: TI SBAS459K: input multiplexer (9.3.1.1), test signal (9.3.1.2), temperature sensor (9.3.1.3),
supply measurement (9.3.1.4), input-referred noise (table 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceloop.twin.ads1298 import Ads1298
from faceloop.twin.ads1298_registers import CH1SET, CONFIG2, F_CLK_HZ, LOFF_SENSN, LOFF_SENSP

__all__ = ["FULL_SCALE", "N_CHANNELS", "CodeGenerator", "pack_frames", "pack_words"]

CountArray = npt.NDArray[np.int32]

N_CHANNELS = 8
FULL_SCALE = 2**23 - 1
SOURCE_GAIN = 12
SOURCE_VREF_V = 2.4
AVDD_V = 3.0
DVDD_V = 3.3

ELECTRODE, SHORTED, RLD_MEASURE, MVDD, TEMPERATURE, TEST = range(6)

# Input-referred noise in microvolts RMS at 2 kSPS is sqrt(a^2 + (b / gain)^2): a and b solve the
# data sheet's 1.1 uV at gain 6 and 0.9 uV at gain 12. It falls with the square root of the rate
# (0.64 uV at 1 kSPS, gain 12; the data sheet says 0.63).
NOISE_INPUT_UV = 0.82
NOISE_OUTPUT_UV = 4.38


@dataclass(frozen=True)
class _Channel:
    index: int
    mux: int
    gain: int
    counts_per_v: float
    noise_counts: float


class CodeGenerator:
    """Computes what the converter puts out; keeps the noise generator.

    Parameters
    ----------
    chip : Ads1298
        Its registers are read anew when its ``version`` changes.
    seed : int
        Of the noise.
    die_degc : float
        Temperature of the chip.

    Attributes
    ----------
    dvdd_v : float
        Its digital supply.
    """

    def __init__(self, chip: Ads1298, seed: int = 0, die_degc: float = 28.0) -> None:
        self.die_degc = die_degc
        self.dvdd_v = DVDD_V
        self._chip = chip
        self._rng = np.random.default_rng(seed)
        self._version = -1
        self._channels: list[_Channel] = []

    @property
    def uses_electrodes(self) -> bool:
        """Whether any channel is switched to its electrode."""
        return any(channel.mux == ELECTRODE for channel in self._plan())

    def generate(
        self, first: int, n: int, electrode: CountArray | None, now_s: float
    ) -> CountArray:
        """Return the codes of conversions ``first`` to ``first + n - 1`` of the run.

        Parameters
        ----------
        first, n : int
            Number of the first conversion since the run began, and how many.
        electrode : ndarray of int32, shape (n, 8), or None
            Counts at gain 12 and 2.4 V, at the converter's data rate; needed when
            :attr:`uses_electrodes`.
        now_s : float
            Time, for the settling of the reference.

        Returns
        -------
        codes : ndarray of int32, shape (n, 8)
            Clipped to 24 bits; a powered-down channel is 0.
        """
        channels = self._plan()
        fraction = self._chip.reference_fraction(now_s)
        if fraction == 1.0 and self._is_plain:
            assert electrode is not None
            return np.clip(electrode, -FULL_SCALE - 1, FULL_SCALE)
        codes = np.zeros((n, N_CHANNELS))
        for channel in channels:
            if channel.mux == ELECTRODE:
                assert electrode is not None
                codes[:, channel.index] = self._electrode(channel, electrode[:, channel.index])
            else:
                volts = self._internal_v(channel, first, n)
                noise = self._rng.standard_normal(n) * channel.noise_counts
                codes[:, channel.index] = volts * channel.counts_per_v + noise
        # A reference that is off or still rising makes every code too large.
        codes /= max(fraction, 1e-3)
        return np.clip(np.rint(codes), -FULL_SCALE - 1, FULL_SCALE).astype(np.int32)

    def _plan(self) -> list[_Channel]:
        chip = self._chip
        if chip.version == self._version:
            return self._channels
        self._version = chip.version
        self._channels = []
        for index in range(N_CHANNELS):
            setting = chip.registers[CH1SET + index]
            gain = chip.profile.gains[setting >> 4 & 7]
            if setting & 0x80 or not gain:
                continue
            counts_per_v = gain * FULL_SCALE / chip.vref_v
            noise_uv = math.hypot(NOISE_INPUT_UV, NOISE_OUTPUT_UV / gain)
            noise_counts = noise_uv * 1e-6 * counts_per_v * math.sqrt(chip.fs_hz / 2000)
            mux = setting & 7
            self._channels.append(_Channel(index, mux, gain, counts_per_v, noise_counts))
        self._is_plain = (
            len(self._channels) == N_CHANNELS
            and all(c.mux == ELECTRODE and c.gain == SOURCE_GAIN for c in self._channels)
            and chip.vref_v == SOURCE_VREF_V
            and not (self._is_driven(LOFF_SENSP) or self._is_driven(LOFF_SENSN))
        )
        return self._channels

    def _is_driven(self, sense: int) -> int:
        """Return the bits of open inputs that the lead-off current pulls to a rail."""
        chip = self._chip
        if not chip.is_dc_lead_off_on:
            return 0
        open_bits = chip.lead_off_p if sense == LOFF_SENSP else chip.lead_off_n
        return open_bits & chip.registers[sense]

    def _electrode(
        self, channel: _Channel, counts: CountArray
    ) -> npt.NDArray[np.float64] | CountArray | int:
        bit = 1 << channel.index
        if self._is_driven(LOFF_SENSP) & bit:
            return FULL_SCALE
        if self._is_driven(LOFF_SENSN) & bit:
            return -FULL_SCALE - 1
        scale = channel.gain / SOURCE_GAIN * SOURCE_VREF_V / self._chip.vref_v
        if scale == 1.0:
            return counts
        return counts.astype(np.float64) * scale

    def _internal_v(
        self, channel: _Channel, first: int, n: int
    ) -> float | npt.NDArray[np.float64]:
        if channel.mux == MVDD:
            return self.dvdd_v / 4 if channel.index in (2, 3) else AVDD_V / 2
        if channel.mux == TEMPERATURE:
            return (145_300 + 490 * (self.die_degc - 25)) * 1e-6
        config2 = self._chip.registers[CONFIG2]
        if channel.mux == TEST and config2 & 0x10:
            amplitude_v = self._chip.vref_v / 2400 * (2 if config2 & 0x04 else 1)
            if config2 & 3 == 3:
                return amplitude_v
            period_s = 2 ** (20 if config2 & 3 == 1 else 21) / F_CLK_HZ
            half_periods = (first + np.arange(n)) / self._chip.fs_hz / (period_s / 2)
            return np.where(half_periods.astype(np.int64) % 2, -amplitude_v, amplitude_v)
        return 0.0


def pack_frames(status: int, codes: CountArray) -> bytes:
    """Return ``n`` frames of 27 bytes as the chip clocks them out.

    Parameters
    ----------
    status : int
        24-bit status word.
    codes : ndarray of int32, shape (n, 8)
    """
    words = pack_words(status, codes).astype(">u4")
    return words.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


def pack_words(status: int, codes: CountArray) -> npt.NDArray[np.uint32]:
    """Return frames as the state machine pushes them, shape (n, 9): 24 bits right-aligned."""
    words = np.empty((len(codes), 1 + N_CHANNELS), dtype=np.uint32)
    words[:, 0] = status
    words[:, 1:] = codes & 0xFF_FFFF
    return words
