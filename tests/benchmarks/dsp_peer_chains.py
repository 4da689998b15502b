"""The peers of ``dsp_peers``: each library's own way to the same features, where it has one."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, iirnotch, sosfilt, tf2sos

__all__ = ["offline", "streams"]

Process = Callable[[NDArray[np.int32]], Any]
Make = Callable[..., Process]
WINDOW, ENERGY_WINDOW, HOLD = 200, 100, 40
INDEX_LIMIT = 1.62


def sections(fs: float, mains_hz: float) -> NDArray[np.float64]:
    """Return band-pass and nine notches, 13 rows."""
    rows = [butter(4, [20, 450], "bandpass", fs=fs, output="sos")]
    rows += [tf2sos(*iirnotch(k * mains_hz, 30, fs)) for k in range(1, 10)]
    return np.concatenate(rows)


class ScipyChain:
    """The whole chain with ``sosfilt`` and NumPy, state kept between blocks."""

    def __init__(
        self, fs: float, nch: int, mains: float, lsb: float, mvc: float, hi: float, lo: float,
        target: int,
    ) -> None:  # fmt: skip
        self.sos = sections(fs, mains)
        self.zi = np.zeros((13, 2, nch))
        self.lowpass = butter(2, 6, fs=fs, output="sos")
        self.low_zi = np.zeros((1, 2, nch))
        self.squares = np.zeros((WINDOW, nch))
        self.energies = np.zeros((ENERGY_WINDOW, nch))
        self.last = np.zeros((2, nch))
        self.lsb, self.mvc, self.hi, self.lo, self.target = lsb, mvc, hi, lo, target
        self.active = Switch(nch)
        self.alert = Switch(nch)

    def __call__(self, block: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
        y, self.zi = sosfilt(self.sos, block * self.lsb, axis=0, zi=self.zi)
        env, self.low_zi = sosfilt(self.lowpass, np.abs(y), axis=0, zi=self.low_zi)
        squares = np.concatenate([self.squares, y * y])
        total = np.cumsum(squares, axis=0)
        rms = np.sqrt((total[WINDOW:] - total[:-WINDOW]) / WINDOW)
        self.squares = squares[-WINDOW:]
        z = np.concatenate([self.last, y])
        self.last = z[-2:]
        energies = np.concatenate([self.energies, np.abs(z[1:-1] ** 2 - z[:-2] * z[2:])])
        total = np.cumsum(energies, axis=0)
        tkeo = (total[ENERGY_WINDOW:] - total[:-ENERGY_WINDOW]) / ENERGY_WINDOW
        self.energies = energies[-ENERGY_WINDOW:]
        share = rms / self.mvc
        left, right = share[:, 0::2], share[:, 1::2]
        with np.errstate(invalid="ignore"):
            asymmetry = (left - right) / (left + right)
        index = share / np.maximum(share[:, self.target : self.target + 1], 0.005)
        high, low = rms > self.hi, rms < self.lo
        above = index > INDEX_LIMIT
        return {"rms": rms, "env": env, "tkeo": tkeo, "on": self.active(high, low),
                "asymmetry": asymmetry, "index": index,
                "alert": self.alert(above, ~above)}  # fmt: skip


class Switch:
    """Double threshold with a hold, as whole arrays where nothing changes."""

    def __init__(self, nch: int) -> None:
        self.on = np.zeros(nch, bool)
        self.count = np.zeros(nch, int)

    def __call__(self, high: NDArray[Any], low: NDArray[Any]) -> NDArray[Any]:
        on = np.broadcast_to(self.on, high.shape)
        past = np.where(self.on, low, high)
        if not past.any():
            self.count[:] = 0
            return on
        on = np.array(on)
        for i in range(len(high)):
            past = np.where(self.on, low[i], high[i])
            self.count = np.where(past, self.count + 1, 0)
            flips = self.count >= HOLD
            if flips.any():
                self.on = self.on ^ flips
                self.count[flips] = 0
            on[i] = self.on
        return on


def scipy_sections(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
    """Bare ``sosfilt`` of the 13 sections."""
    sos, state = sections(fs, mains), [np.zeros((13, 2, nch))]

    def process(block: NDArray[np.int32]) -> Any:
        y, state[0] = sosfilt(sos, block * lsb, axis=0, zi=state[0])
        return y

    return process


def numba_chain(fs: float, nch: int, mains: float, lsb: float, mvc: float, hi: float,
                lo: float, target: int) -> Process:  # fmt: skip
    """The whole chain as one compiled loop over frames, channels and sections."""
    numba = importlib.import_module("numba")
    sos = sections(fs, mains)
    low = butter(2, 6, fs=fs, output="sos")[0]

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator]
    def run(x, sos, low, z, lz, sq, en, sums, at, last, on, count, alert, alert_count, out):  # type: ignore
        for i in range(x.shape[0]):
            for c in range(x.shape[1]):
                v = x[i, c] * lsb
                for k in range(13):
                    y = sos[k, 0] * v + z[k, 0, c]
                    z[k, 0, c] = sos[k, 1] * v - sos[k, 4] * y + z[k, 1, c]
                    z[k, 1, c] = sos[k, 2] * v - sos[k, 5] * y
                    v = y
                a = abs(v)
                e = low[0] * a + lz[0, c]
                lz[0, c] = low[1] * a - low[4] * e + lz[1, c]
                lz[1, c] = low[2] * a - low[5] * e
                sums[0, c] += v * v - sq[at[0], c]
                sq[at[0], c] = v * v
                p = abs(last[0, c] ** 2 - last[1, c] * v)
                sums[1, c] += p - en[at[1], c]
                en[at[1], c] = p
                last[1, c], last[0, c] = last[0, c], v
                rms = np.sqrt(max(sums[0, c], 0.0) / WINDOW)
                past = rms < lo if on[c] else rms > hi
                count[c] = count[c] + 1 if past else 0
                if count[c] >= HOLD:
                    on[c], count[c] = not on[c], 0
                out[0, i, c], out[1, i, c] = rms, e
                out[2, i, c], out[3, i, c] = sums[1, c] / ENERGY_WINDOW, on[c]
            for c in range(x.shape[1]):
                b = out[0, i, c ^ 1]
                out[4, i, c] = (out[0, i, c] - b) / (out[0, i, c] + b + 1e-12)
                index = out[0, i, c] / max(out[0, i, target], 0.005 * mvc)
                past = (index > INDEX_LIMIT) != alert[c]
                alert_count[c] = alert_count[c] + 1 if past else 0
                if alert_count[c] >= HOLD:
                    alert[c], alert_count[c] = not alert[c], 0
                out[5, i, c], out[6, i, c] = index, alert[c]
            at[0] = (at[0] + 1) % WINDOW
            at[1] = (at[1] + 1) % ENERGY_WINDOW

    state = (
        np.zeros((13, 2, nch)), np.zeros((2, nch)), np.zeros((WINDOW, nch)),
        np.zeros((ENERGY_WINDOW, nch)), np.zeros((2, nch)), np.zeros(2, np.int64),
        np.zeros((2, nch)), np.zeros(nch, np.bool_), np.zeros(nch, np.int64),
        np.zeros(nch, np.bool_), np.zeros(nch, np.int64),
    )  # fmt: skip
    outputs: dict[int, NDArray[np.float64]] = {}

    def process(block: NDArray[np.int32]) -> Any:
        n = block.shape[0]
        if n not in outputs:
            outputs[n] = np.empty((7, n, nch))
        run(block, sos, low, *state, outputs[n])
        return outputs[n]

    return process


def brainflow_rows(rows: NDArray[np.float64], fs: float, mains: float) -> None:
    """Band-pass, nine band-stops and mean, in place."""
    data_filter = importlib.import_module("brainflow.data_filter")
    filters, kind = data_filter.DataFilter, data_filter.FilterTypes.BUTTERWORTH
    for row in rows:
        filters.perform_bandpass(row, int(fs), 20.0, 450.0, 4, kind, 0)
        for k in range(1, 10):
            width = k * mains / 30 / 2
            filters.perform_bandstop(
                row, int(fs), k * mains - width, k * mains + width, 1, kind, 0
            )
        np.abs(row, out=row)
        filters.perform_rolling_filter(row, 100, 0)


def brainflow_again(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
    """The last second again, as it keeps no state."""
    kept = np.zeros((nch, round(fs)))

    def process(block: NDArray[np.int32]) -> Any:
        n = block.shape[0]
        kept[:, :-n] = kept[:, n:]
        kept[:, -n:] = block.T * lsb
        work = kept.copy()
        brainflow_rows(work, fs, mains)
        return work[:, -n:]

    return process


def brainflow_whole(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
    """The whole recording at once."""

    def process(counts: NDArray[np.int32]) -> Any:
        rows = np.ascontiguousarray(counts.T * lsb)
        brainflow_rows(rows, fs, mains)
        return rows

    return process


def mne_whole(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
    """MNE's band-pass and notches of a whole recording."""
    mne = importlib.import_module("mne")

    def process(counts: NDArray[np.int32]) -> Any:
        y = mne.filter.filter_data(counts.T * lsb, fs, 20, 450, method="iir", verbose="error")
        lines = mains * np.arange(1, 10)
        return mne.filter.notch_filter(y, fs, lines, verbose="error")

    return process


def mne_again(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
    """Band-pass of the last second again, as MNE keeps no state."""
    mne = importlib.import_module("mne")
    kept = np.zeros((nch, round(fs)))

    def process(block: NDArray[np.int32]) -> Any:
        n = min(block.shape[0], kept.shape[1])
        kept[:, :-n] = kept[:, n:]
        kept[:, -n:] = block[-n:].T * lsb
        y = mne.filter.filter_data(kept, fs, 20, 450, method="iir", verbose="error")
        return y[:, -n:]

    return process


def again(clean: Callable[[NDArray[np.float64], float], Any], seconds: float) -> Make:
    """Return a maker for a function of one channel that keeps no state: the last seconds again."""

    def make(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
        kept = np.random.default_rng(0).normal(0.0, 2.0, (nch, round(seconds * fs)))

        def process(block: NDArray[np.int32]) -> Any:
            n = min(block.shape[0], kept.shape[1])
            kept[:, :-n] = kept[:, n:]
            kept[:, -n:] = block[-n:].T * lsb
            return [clean(row, fs) for row in kept]

        return process

    return make


def whole(clean: Callable[[NDArray[np.float64], float], Any]) -> Make:
    """Return a maker for a function of one channel of a recording."""

    def make(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
        def process(counts: NDArray[np.int32]) -> Any:
            return [clean(counts[:, c] * lsb, fs) for c in range(nch)]

        return process

    return make


def streams() -> dict[str, Make]:
    """Return who can be timed block by block here."""
    found: dict[str, Make] = {"SciPy, whole chain": ScipyChain, "SciPy, sosfilt": scipy_sections}
    if importlib.util.find_spec("numba"):
        found["numba, whole chain in one loop"] = numba_chain
    if importlib.util.find_spec("brainflow"):
        found["BrainFlow, last second again"] = brainflow_again
    if importlib.util.find_spec("mne"):
        found["MNE, band-pass, last second again"] = mne_again
    if importlib.util.find_spec("neurokit2"):
        nk = importlib.import_module("neurokit2")
        found["NeuroKit2, emg_clean, last second again"] = again(
            lambda x, fs: nk.emg_clean(x, int(fs)), 1.0
        )
    if importlib.util.find_spec("biosppy"):
        st = importlib.import_module("biosppy.signals.tools")
        # Its emg() looks for onsets as well, and finds none in a second of rest.
        found["BioSPPy, filter of emg, last second again"] = again(
            lambda x, fs: st.filter_signal(x, "butter", "highpass", 4, 100, fs), 1.0
        )
    if libemg := libemg_filtering():
        found["LibEMG, filter, last 0.3 s again"] = libemg_again(libemg)
    return found


def offline() -> dict[str, Make]:
    """Return who can be timed with a whole recording here."""
    found: dict[str, Make] = {"SciPy, whole chain": ScipyChain, "SciPy, sosfilt": scipy_sections}
    if importlib.util.find_spec("numba"):
        found["numba, whole chain in one loop"] = numba_chain
    if importlib.util.find_spec("neurokit2"):
        nk = importlib.import_module("neurokit2")
        found["NeuroKit2, emg_clean"] = whole(lambda x, fs: nk.emg_clean(x, int(fs)))
    if importlib.util.find_spec("biosppy"):
        emg = importlib.import_module("biosppy.signals.emg")
        found["BioSPPy, emg"] = whole(lambda x, fs: emg.emg(x, fs, show=False))
    if importlib.util.find_spec("brainflow"):
        found["BrainFlow, band-pass, band-stops, mean"] = brainflow_whole
    if importlib.util.find_spec("mne"):
        found["MNE, band-pass and notches"] = mne_whole
    if libemg := libemg_filtering():
        found["LibEMG, filter"] = libemg_filter(libemg)
    return found


def libemg_filtering() -> Any:
    """Return LibEMG's module of filters, None where it is missing."""
    if importlib.util.find_spec("libemg") is None:
        return None
    # LibEMG 2.0.3 is older than NumPy 2.
    for name, successor in (("trapz", "trapezoid"), ("float_", "float64")):
        if not hasattr(np, name):
            setattr(np, name, getattr(np, successor))
    try:
        return importlib.import_module("libemg.filtering")
    except ImportError:
        # It wants many packages; those of its windows come after the filters.
        return sys.modules.get("libemg.filtering")


def libemg_chain(libemg: Any, fs: float, mains: float) -> Any:
    """Return LibEMG's band-pass and notches, which take all channels at once."""
    chain = libemg.Filter(sampling_frequency=int(fs))
    chain.install_filters({"name": "bandpass", "cutoff": [20, 450], "order": 4})
    for k in range(1, 10):
        chain.install_filters({"name": "notch", "cutoff": k * mains, "bandwidth": 3})
    return chain


def libemg_again(libemg: Any) -> Make:
    """Return a maker for LibEMG's filters over the last 0.3 s, as they keep no state."""

    def make(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
        chain, kept = libemg_chain(libemg, fs, mains), np.zeros((round(0.3 * fs), nch))

        def process(block: NDArray[np.int32]) -> Any:
            n = block.shape[0]
            kept[:-n] = kept[n:]
            kept[-n:] = block * lsb
            return chain.filter(kept)[-n:]

        return process

    return make


def libemg_filter(libemg: Any) -> Make:
    """Return a maker for LibEMG's band-pass and notches over a whole recording."""

    def make(fs: float, nch: int, mains: float, lsb: float, *_: Any) -> Process:
        chain = libemg_chain(libemg, fs, mains)

        def process(counts: NDArray[np.int32]) -> Any:
            return chain.filter(counts * lsb)

        return process

    return make
