"""Time the signal core beside every other library that is installed here.

    .venv/bin/python tests/benchmarks/dsp_peers.py [--rounds 25] [--only 20] [--json FILE]

SciPy is always there; numba, BrainFlow, MNE, NeuroKit2, BioSPPy and LibEMG take part when they can
be imported. In every round each peer runs once, one after the other, so that a change of the clock
meets all; what counts are the ratios within a round, of which the median is printed. Also: this
core's portable build, its interface for people, an hour at once, any view of an hour.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
import adapter_equal_work
import adapter_product
import dsp_peer_chains

from faceloop_dsp import StreamCore, _stream
from faceloop_dsp.pyramid import MinMaxPyramid

FS_HZ, N_CHANNELS, MAINS_HZ = 2000.0, 8, 50.0
LSB_UV = 2.4 / 12 / (2**23 - 1) * 1e6
SETTINGS = (FS_HZ, N_CHANNELS, MAINS_HZ, LSB_UV, 100.0, 9.0, 6.0, 2)
BLOCKS = (10, 20, 200)
OFFLINE_S = 60.0
HOUR_S = 3600.0
WORK_S = 0.002  # a timed pass lasts at least so long
MOST_CALLS_S = 0.05  # and ends here, however many blocks are left
Counts = NDArray[np.int32]


def signal(seconds: float) -> Counts:
    """Return EMG bursts over noise and a line, counts of a converter."""
    rng = np.random.default_rng(1)
    n = round(seconds * FS_HZ)
    t = np.arange(n)[:, None] / FS_HZ
    size = np.where((t + 0.3 * np.arange(N_CHANNELS)) % 5.0 < 1.2, 40.0, 2.0)
    uv = rng.normal(0, 1, (n, N_CHANNELS)) * size + 20 * np.sin(2 * np.pi * 50.03 * t)
    return np.ascontiguousarray(np.round(uv / LSB_UV), np.int32)


def per_call_s(function: Callable[[Any], Any], blocks: list[Any]) -> float:
    """Return the seconds of one call, after a pass that warms up."""
    start = time.perf_counter()
    function(blocks[0])
    one = time.perf_counter() - start
    n = min(len(blocks), max(1, round(MOST_CALLS_S / one)))
    for block in blocks[1:n]:  # a pass that warms up
        function(block)
    calls, start = 0, time.perf_counter()
    while True:
        for block in blocks[:n]:
            function(block)
        calls += n
        took = time.perf_counter() - start
        if took >= WORK_S:
            return took / calls


def measure(work: dict[str, tuple[Callable[[Any], Any], list[Any]]], rounds: int) -> Any:
    """Return the times of all peers, one row a round."""
    return {
        name: times
        for name, times in zip(
            work,
            np.array(
                [[per_call_s(*work[name]) for name in work] for _ in range(rounds)]
            ).T.tolist(),
            strict=True,
        )
    }


def report(title: str, times: dict[str, list[float]], samples: int) -> dict[str, Any]:
    """Print a table with the ratios to our own two; return it."""
    own = [name for name in times if name.startswith("faceloop")]
    print(
        f"\n{title}\n{'':44}{'us':>12}{'ns/ch-s':>10}"
        + "".join(f"{'x ' + n[10:24]:>18}" for n in own)
    )
    rows: dict[str, Any] = {}
    for name, row in times.items():
        median = float(np.median(row))
        ratios = {n: float(np.median(np.divide(row, times[n]))) for n in own}
        rows[name] = {"us": median * 1e6, "us_min": min(row) * 1e6, "ratio_to": ratios}
        print(
            f"{name:44}{median * 1e6:12.3f}{median / samples * 1e9:10.2f}"
            + "".join(f"{ratios[n]:18.1f}" for n in own)
        )
    return rows


def frames24(counts: Counts) -> bytes:
    """Return the counts as the converter's bytes."""
    return counts.astype(">i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


def packets(counts: Counts) -> list[tuple[bytes, int, int]]:
    """Return packets of 20 frames of what is at rest, as the board sends them."""
    rice = importlib.import_module("faceloop_protocol.rice")
    found = []
    for i in range(0, 2000, 20):
        frames = (counts[i : i + 20] >> 4).tolist()
        found.append((rice.encode(frames, 4), 20, 4))
    return found


def streaming(n: int, counts: Counts) -> dict[str, tuple[Callable[[Any], Any], list[Any]]]:
    """Return what is timed with blocks of n frames."""
    n_blocks = max(10, 2000 // n)
    blocks = [np.ascontiguousarray(counts[i * n : (i + 1) * n]) for i in range(n_blocks)]
    work: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
        adapter_equal_work.NAME: (adapter_equal_work.make_stream(*SETTINGS), blocks),
        adapter_product.NAME: (adapter_product.make_stream(*SETTINGS), blocks),
    }
    if n == 20:
        with patch("faceloop_dsp.core.StreamKernel", _stream.StreamKernel):
            work["product, portable build"] = (adapter_product.make_stream(*SETTINGS), blocks)
        people = StreamCore(FS_HZ, N_CHANNELS, LSB_UV, MAINS_HZ)
        work["product, StreamCore.push with trace"] = (people.push, blocks)
        kernel = adapter_product.core(FS_HZ, N_CHANNELS, MAINS_HZ, LSB_UV, 6.0).kernel
        work["product from 24-bit frames"] = (kernel.push_frames24, [frames24(b) for b in blocks])
        other = adapter_product.core(FS_HZ, N_CHANNELS, MAINS_HZ, LSB_UV, 6.0).kernel
        rest = (np.random.default_rng(2).normal(0, 2.0, (2000, 8)) / LSB_UV).astype(np.int32)
        work["product from Rice packets"] = (lambda p: other.push_packet(*p), packets(rest))
    for name, make in dsp_peer_chains.streams().items():
        work[name] = (make(*SETTINGS), blocks)
    return work


def main() -> None:
    """Print the tables; write them as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--only", choices=[*map(str, BLOCKS), "offline", "hour"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    machine = (
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    print(f"{datetime.now(UTC):%Y-%m-%d} {machine}")
    result: dict[str, Any] = {"machine": machine, "command": " ".join(sys.argv)}
    for n in BLOCKS:
        if options.only in (None, str(n)):
            times = measure(streaming(n, signal(4.0)), options.rounds)
            result[f"block_{n}"] = report(f"blocks of {n} x 8, one call", times, n * N_CHANNELS)
    if options.only in (None, "offline"):
        counts = signal(OFFLINE_S)
        offline: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
            module.NAME: (module.make_offline(*SETTINGS), [counts])
            for module in (adapter_equal_work, adapter_product)
        }
        for name, make in dsp_peer_chains.offline().items():
            offline[name] = (make(*SETTINGS), [counts])
        times = measure(offline, max(3, options.rounds // 8))
        result["offline"] = report(f"{OFFLINE_S:g} s x 8 at once", times, counts.size)
    if options.only in (None, "hour"):
        result["hour"] = hour(max(3, options.rounds // 5))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def hour(rounds: int) -> dict[str, Any]:
    """Time an hour at once on one core, and a view of all of it in 1000 pixels."""
    counts = np.tile(signal(OFFLINE_S), (round(HOUR_S / OFFLINE_S), 1))
    kernel = adapter_product.core(FS_HZ, N_CHANNELS, MAINS_HZ, LSB_UV, 6.0).kernel
    kernel.push(counts)  # touches the pages of the results
    pyramid = MinMaxPyramid(counts.astype(np.float32))
    views = {
        "an hour": (0, len(counts)),
        "ten minutes": (10**6, 10**6 + 1_200_000),
        "ten seconds": (10**6, 10**6 + 20_000),
    }
    work: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
        f"product, {len(counts) / FS_HZ / 3600:g} hour at once": (kernel.push, [counts])
    }
    room = pyramid.view(0, len(counts), 1000)
    for name, (first, end) in views.items():
        work[f"view of {name}, 1000 pixels x 8"] = (
            lambda edges: pyramid.view(*edges, 1000, room), [(first, end)] * 100
        )  # fmt: skip
    rows = {}
    print(f"\nan hour x 8\n{'':44}{'median us':>14}{'least us':>14}")
    for name, times in measure(work, rounds).items():
        rows[name] = {"us": float(np.median(times)) * 1e6, "us_min": min(times) * 1e6}
        print(f"{name:44}{rows[name]['us']:14.1f}{rows[name]['us_min']:14.1f}")
    return rows


if __name__ == "__main__":
    main()
