"""What the mains canceller leaves, takes and follows; against fits on real recordings as well.

    .venv/bin/python tests/benchmarks/mains.py                      made signals only
    .venv/bin/python tests/benchmarks/mains.py path/to/recordings   and facial_cyton_*.bdf there

Made signals: EMG of 50 uV in bursts (0.5-2 s, pauses of 1-4 s) over 2 uV of rest noise, a line
of 20 uV with odd harmonics 20/k and even ones 6/k, 120 s, eight channels, first 20 s left out.
Attenuation: what is left of the line at rest. SDR: clean over error during bursts. Touched: power
that changes in bursts when there is no line at all. Bursts of the channels come apart, or all
together as in a movement of the whole face: then no quiet channel tells the line's frequency.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

ROOT = Path(__file__).parents[2]
for folder in ("host/src", "dsp", "firmware/lib"):
    sys.path.insert(0, str(ROOT / folder))

from faceloop.twin.sources.recording import RecordingSource  # noqa: E402  (needs the path above)
from faceloop_dsp import StreamCore  # noqa: E402

FS_HZ = 2000
SECONDS, DROPPED_S = 120, 20
Floats = NDArray[np.float64]


def emg_and_bursts(rng: np.random.Generator, together: bool) -> tuple[Floats, NDArray[np.bool_]]:
    """Return clean EMG with rest noise, shape (n_frames, 8), and where the bursts are."""
    n = SECONDS * FS_HZ
    white = np.fft.rfft(rng.standard_normal((n, 8)), axis=0)
    f = np.fft.rfftfreq(n, 1 / FS_HZ)[:, None]
    emg = np.fft.irfft(white * f / np.sqrt(f**2 + 60.0**2) / (f**2 + 180.0**2), n, axis=0)
    emg *= 50.0 / emg.std(axis=0)
    is_burst = np.zeros((n, 8), bool)
    for channel in range(8):
        at = 0.0
        while at < SECONDS:
            at += rng.uniform(1.0, 4.0)
            length = rng.uniform(0.5, 2.0)
            is_burst[round(at * FS_HZ) : round((at + length) * FS_HZ), channel] = True
            at += length
    if together:
        is_burst[:] = is_burst[:, :1]
    return emg * is_burst + rng.normal(0.0, 2.0, (n, 8)), is_burst


def line(hz: Floats, rng: np.random.Generator) -> Floats:
    """Return the line as every channel sees it, each with its own phases."""
    phase = 2 * np.pi * np.cumsum(hz)[:, None] / FS_HZ
    total = np.zeros((hz.size, 8))
    for k in range(1, 10):
        size = (20.0 if k % 2 else 6.0) / k
        total += size * np.sin(k * phase + rng.uniform(0, 2 * np.pi, 8))
    return total


def trace(uv: Floats, mains_hz: float | None) -> Floats:
    core = StreamCore(mains_hz=mains_hz)
    seen = core.push(np.rint(uv / core.lsb_uv).astype(np.int32)).trace_uv
    return seen[DROPPED_S * FS_HZ :].astype(np.float64)


def made(
    nominal_hz: float, hz: Floats, seed: int, together: bool = False
) -> tuple[float, float, float]:
    """Return attenuation (dB), SDR (dB) and the share of burst power touched."""
    rng = np.random.default_rng(seed)
    emg, is_burst = emg_and_bursts(rng, together)
    mains = line(hz, rng)
    is_burst = is_burst[DROPPED_S * FS_HZ :]
    clean = trace(emg, None)
    error = trace(emg + mains, nominal_hz) - clean
    before = trace(emg + mains, None) - clean
    touched = trace(emg, nominal_hz) - clean

    def power(x: Floats, where: NDArray[np.bool_]) -> float:
        return float(np.mean(x[where] ** 2))

    return (
        10 * np.log10(power(error, ~is_burst) / power(before, ~is_burst)),
        10 * np.log10(power(clean, is_burst) / power(error, is_burst)),
        power(touched, is_burst) / power(clean, is_burst),
    )


def recording(path: Path, reference: Path) -> list[tuple[str, float, float]]:
    """Return (channel, our RMS over the fit's, our rest over the fit's) of one recording.

    The reference filters forwards and backwards at 250 Hz and fits the line over 2 s windows with
    hindsight. To compare the removal alone, our trace goes backwards through the same band-pass.
    """
    facts = json.loads(reference.read_text())
    source = RecordingSource(path)
    core = StreamCore(mains_hz=float(facts["mains_hz"]))
    x = core.push(source.read(source.n_samples or 0)).trace_uv.astype(np.float64)
    top_hz = min(450.0, 0.45 * facts["fs"])
    forwards = signal.butter(4, [20.0, 450.0], "bandpass", fs=FS_HZ, output="sos")
    both = signal.butter(4, top_hz, "lowpass", fs=FS_HZ, output="sos")
    rows = []
    for i, (name, channel) in enumerate(facts["channels"].items()):
        if "mains_removed_by_fit" not in channel:
            continue
        y = signal.sosfilt(forwards, np.nan_to_num(x[::-1, i]))[::-1]
        y = signal.sosfiltfilt(both, y)
        fit = channel["mains_removed_by_fit"]
        rest = slice(*(round(channel["rest"][k] * FS_HZ) for k in ("from_s", "to_s")))
        rows.append(
            (
                name,
                float(np.sqrt(np.mean(y[FS_HZ:-FS_HZ] ** 2))) / fit["rms"],
                float(np.sqrt(np.mean(y[rest] ** 2))) / fit["rest_rms"],
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    t = np.arange(SECONDS * FS_HZ) / FS_HZ
    for nominal_hz in (50.0, 60.0):
        courses = {
            "steady": np.full(t.size, nominal_hz),
            "0.2 Hz off": np.full(t.size, nominal_hz + 0.2),
            "+-0.5 Hz in 60 s": nominal_hz + 0.5 * np.sin(2 * np.pi * t / 60),
            "+-0.05 Hz in 30 s": nominal_hz + 0.05 * np.sin(2 * np.pi * t / 30),
        }
        for name, hz in courses.items():
            for together in (False, True):
                left_db, sdr_db, touched = made(nominal_hz, hz, options.seed, together)
                print(
                    f"{nominal_hz:g} Hz {name:18s} bursts {'together' if together else 'apart':8s}"
                    f" left {left_db:6.1f} dB   SDR {sdr_db:5.1f} dB   touched"
                    f" {100 * touched:.2f} %",
                    flush=True,
                )
    if not options.folder:
        print("No folder of recordings given: made signals only.")
        return
    for path in sorted(Path(options.folder).glob("facial_cyton_*.bdf")):
        for name, rms, rest in recording(path, path.parent / "reference" / f"{path.stem}.json"):
            print(
                f"{path.stem:28s} {name:18s} RMS {rms:.3f} of the fit's, rest {rest:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
