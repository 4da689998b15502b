"""Onsets in review against 13 public detectors on recordings.

    .venv/bin/python tests/benchmarks/onset_accuracy.py [--printed] path/to/recordings

The folder holds .edf and .bdf files and ``reference/<name>.json`` with the
detectors' bursts: quartiles of their onsets, and which bursts are ``certain`` (found by at least
80 % of the detectors, at least five times rest). For each certain burst the nearest of our onsets
counts. Recordings go through the resampler and the signal core like a wearer's, their mains
frequency given; with --printed the onsets are those that `faceloop analyse` prints when nothing is
given.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
for folder in ("host/src", "dsp", "firmware/lib"):
    sys.path.insert(0, str(ROOT / folder))

from faceloop.tasks.analyse import analyse  # noqa: E402  (needs the path above)
from faceloop.twin.sources.recording import RecordingSource  # noqa: E402  (needs the path above)
from faceloop_dsp import StreamCore  # noqa: E402
from faceloop_dsp.onset_review import find_bursts, whole_bursts, without_delay  # noqa: E402

FS_HZ = 2000
NEAR_S = 0.05


Row = tuple[float, float, float]


def printed(path: Path) -> tuple[list[Row], dict[str, tuple[int, int]]]:
    """Return the same of what ``faceloop analyse`` prints."""
    facts = json.loads((path.parent / "reference" / f"{path.stem}.json").read_text())
    (file,) = analyse([path], "guarded8", None)["files"]
    rows, counted = [], {}
    for (name, channel), found in zip(facts["channels"].items(), file["channels"], strict=False):
        if "consensus" in channel:
            onsets = np.array(found["onsets_s"])
            counted[name] = (len(onsets), len(onsets))
            rows += nearest_rows(onsets, channel)
    return rows, counted


def review(path: Path) -> tuple[list[Row], dict[str, tuple[int, int]]]:
    """Return (onset, lower, upper quartile) of certain bursts, and pieces and bursts found."""
    facts = json.loads((path.parent / "reference" / f"{path.stem}.json").read_text())
    source = RecordingSource(path)
    core = StreamCore(mains_hz=float(facts["mains_hz"]))
    trace = core.push(source.read(source.n_samples or 0)).trace_uv
    rows, counted = [], {}
    for i, (name, channel) in enumerate(facts["channels"].items()):
        if "consensus" not in channel or i >= source.n_recorded_channels:
            continue
        bursts = find_bursts(without_delay(trace[:, i], FS_HZ), FS_HZ)
        whole = whole_bursts(bursts, FS_HZ)
        counted[name] = (len(bursts), len(whole))
        onsets = np.array([b.onset for b in whole]) / FS_HZ
        rows += nearest_rows(onsets, channel)
    return rows, counted


def nearest_rows(onsets_s: NDArray[np.float64], channel: dict[str, Any]) -> list[Row]:
    """Return the nearest onset and both quartiles of each certain burst."""
    rows = []
    for burst in channel["consensus"]["bursts"]:
        if burst["certain"]:
            on = burst["on"]
            distance = np.abs(onsets_s - on["median_s"])
            nearest = float(onsets_s[np.argmin(distance)]) if onsets_s.size else float("inf")
            rows.append((nearest, on["q25_s"], on["q75_s"]))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--printed", action="store_true", help="as `faceloop analyse` prints them")
    options = parser.parse_args()
    if not options.folder:
        parser.error("name the folder of recordings")
    every = []
    for path in sorted(Path(options.folder).glob("*.[eb]df")):
        reference = path.parent / "reference" / f"{path.stem}.json"
        if not reference.exists():
            continue
        rows, counted = (printed if options.printed else review)(path)
        if rows:
            print(f"{path.stem:32s} {summary(rows)}", flush=True)
            every += rows
        for name, (pieces, whole) in counted.items():
            print(f"    {name}: {whole} bursts of {pieces} pieces")
    print(f"{'all':32s} {summary(every)}")


def summary(rows: list[Row]) -> str:
    onset, low, high = np.array(rows).T
    off = np.maximum(np.maximum(low - onset, onset - high), 0.0)
    return (
        f"{len(rows):4d} certain bursts: {100 * np.mean(off == 0):5.1f} % between the quartiles,"
        f" {100 * np.mean(off <= NEAR_S):5.1f} % within 50 ms of them"
    )


if __name__ == "__main__":
    main()
