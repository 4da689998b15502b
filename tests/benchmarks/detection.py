"""How early, how surely and how falsely activity is told. One seeded command prints it all.

    .venv/bin/python tests/benchmarks/detection.py                 the full form, about 10 minutes
    .venv/bin/python tests/benchmarks/detection.py --hours 2 --trials 100        a short one

What SNR, *Gaussian* and *tonic* rest are: `faceloop.twin.sources.steps`. Every wearer's thresholds
come from 60 s of their own rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
for folder in ("host/src", "dsp", "firmware/lib"):
    sys.path.insert(0, str(ROOT / folder))

from faceloop.session.analysis import REST_BEGINS_S, Analysis  # noqa: E402  (needs the path above)
from faceloop.session.live import LiveEvent  # noqa: E402
from faceloop.session.montage import MONTAGES  # noqa: E402
from faceloop.twin.sources.contaminants import NOISE_UV, Heart  # noqa: E402
from faceloop.twin.sources.face import FaceSource  # noqa: E402
from faceloop.twin.sources.face_script import Burst, FaceScript  # noqa: E402
from faceloop.twin.sources.steps import (  # noqa: E402
    RESTS,
    STEP_EVERY_S,
    add_steps,
    rest_uv,
    step_starts,
)
from faceloop_dsp import StreamCore  # noqa: E402

FS_HZ = 2000
N_CHANNELS = 8
Floats = NDArray[np.float32]


def counts(uv: Floats, lsb_uv: float) -> NDArray[np.int32]:
    """Return converter counts."""
    return np.rint(uv * np.float32(1 / lsb_uv)).astype(np.int32)


def wearer(kind: str, rng: np.random.Generator, rest_s: float = 60.0) -> StreamCore:
    """Return a core calibrated on a rest of this kind."""
    core = StreamCore(mains_hz=None)
    core.push(counts(rest_uv(kind, FS_HZ, rng), core.lsb_uv))
    core.begin_rest()
    core.push(counts(rest_uv(kind, round(rest_s * FS_HZ), rng), core.lsb_uv))
    core.end_rest()
    return core


@dataclass(frozen=True)
class Latency:
    """Latencies of one condition, milliseconds from the step; a miss counts as 400 ms."""

    found: float
    median_ms: float
    p95_ms: float


def step_latency(kind: str, snr_db: float, n_steps: int, seed: int) -> Latency:
    """Play steps of 0.5 s, every 2 s, to wearers of 100 steps a channel each."""
    rng = np.random.default_rng([seed, RESTS.index(kind), round(10 * snr_db)])
    latency: list[float] = []
    while len(latency) < n_steps:
        core = wearer(kind, rng)
        n = 25
        x = rest_uv(kind, round(n * STEP_EVERY_S * FS_HZ), rng)
        starts = step_starts(n, rng)
        add_steps(x, starts.tolist(), snr_db, rng)
        first = core.frame
        onsets = core.push(counts(x, core.lsb_uv)).onsets
        by_channel = [
            np.array([o.frame - first for o in onsets if o.channel == c], np.int64)
            for c in range(N_CHANNELS)
        ]
        for start in starts.tolist():
            for frames in by_channel:
                hits = frames[(frames > start) & (frames <= start + 0.4 * FS_HZ)]
                latency.append(float(hits[0] - start) / FS_HZ * 1e3 if hits.size else 400.0)
    values = np.array(latency)
    return Latency(
        float(np.mean(values < 400)),
        float(np.median(values)),
        float(np.quantile(values, 0.95)),
    )


def false_alerts(kind: str, hours: float, seed: int) -> Iterator[tuple[float, int]]:
    """Yield (hours so far, alerts so far, all eight channels) of wearers at rest, an hour each."""
    rng = np.random.default_rng([seed, 7, RESTS.index(kind)])
    done, alerts = 0.0, 0
    while done < hours:
        core = wearer(kind, rng)
        for _ in range(60):
            alerts += len(core.push(counts(rest_uv(kind, 60 * FS_HZ, rng), core.lsb_uv)).onsets)
            done += 1 / 60
            if done >= hours:
                break
        yield done, alerts


class TrialScript(FaceScript):
    """Movements of a trial, in turn, after a minute of rest; blinks as ever.

    ``step_uv`` is the level of every synkinetic response; ``pause_s`` the longest pause between
    two movements, None: 2.5-4.5 s.
    """

    movements: tuple[str, ...] = ()
    responses_uv: Floats = np.zeros(8, np.float32)
    pause_s: float | None = None

    def prepare(self, movements: tuple[str, ...], responses_uv: Floats, rest_s: float) -> None:
        self._round = movements
        self.responses_uv = responses_uv
        self._movements_until += round((rest_s - 8.0) * FS_HZ)

    def _burst(
        self, start: int, course: tuple[int, int, int], channel: int, effort: float, kind: str
    ) -> Burst:
        burst = super()._burst(start, course, channel, effort, kind)
        if kind != "synkinesis":
            return burst
        drive = self._wearer.drive_for(channel, float(self.responses_uv[channel]))
        return Burst(start, *course, channel, drive, kind, True)

    def _movement(self) -> list[Burst]:
        bursts = super()._movement()
        if self.pause_s is not None:
            end = max(burst.end for burst in bursts)
            self._movements_until = end + round((self._movements_until - end) * self.pause_s / 4.5)
        return bursts


@dataclass
class Trials:
    """What was found in trials of one kind."""

    n_responses: int = 0
    n_found: int = 0
    n_false: int = 0
    hours: float = 0.0
    latency_ms: list[float] | None = None


def trials(
    movements: tuple[str, ...],
    snr_db: float,
    seconds: float,
    seed: int,
    *,
    pause_s: float | None = None,
    leak: float | None = None,
    ecg_uv: float = 0.0,
    rest_s: float = 64.0,
    affected: str = "left",
) -> Trials:
    """Play one wearer's movements through the analysis that the app runs.

    Parameters
    ----------
    movements : tuple of str
        "+" marks a synkinetic one; see ``faceloop.twin.sources.face_script``.
    snr_db : float
        Power of a synkinetic response over rest, noise and tone included on both sides.
    leak : float or None
        Share of the trained muscle that reaches the guard of the affected side; None as drawn.
    ecg_uv : float
        R peaks up to this, different in each channel.
    """
    source = FaceSource("synkinesis", seed=seed, affected=affected)
    script = TrialScript(
        "synkinesis", seed, source.wearer, ("left", "right").index(affected), True, 0.0
    )
    rest_power = source.wearer.rest_uv**2 + NOISE_UV**2
    level = np.sqrt(rest_power * 10 ** (snr_db / 10) - NOISE_UV**2).astype(np.float32)
    script.prepare(movements, level, rest_s)
    script.pause_s = pause_s
    source.script = script
    side = ("left", "right").index(affected)
    if leak is not None:
        paths = tuple(
            replace(path, fraction=leak)
            if {path.source // 2, path.target // 2} == {0, 1}
            and path.target % 2 == side
            and path.source % 2 == side
            else path
            for path in source.wearer.crosstalk
        )
        source.wearer = replace(source.wearer, crosstalk=paths)
        source._crosstalk._paths = paths
    heart = Heart(seed)
    lsb_uv = StreamCore().lsb_uv
    analysis = Analysis(
        MONTAGES["guarded8"],
        affected,
        fs_hz=FS_HZ,
        lsb_uv=lsb_uv,
        converter="ads1298",
        rest_s=rest_s - 2.0 - REST_BEGINS_S,
    )
    peaks = np.random.default_rng([seed, 9]).uniform(0.2, 1.0, 8) * ecg_uv

    def play(n_seconds: float) -> list[LiveEvent]:
        events: list[LiveEvent] = []
        for _ in range(round(4 * n_seconds)):
            block = source.read(FS_HZ // 4)
            if ecg_uv:
                beat = heart.block(play.index) / np.abs(heart._peak_uv)[:, None] * peaks[:, None]
                block = block + np.rint(beat.T / lsb_uv).astype(np.int32)
            play.index += 1
            events += analysis.push(np.ascontiguousarray(block), 0, np.nan).events
        return [event for event in events if event.kind == "synkinesis"]

    play.index = 0  # type: ignore[attr-defined]
    play(rest_s - 1.0)
    rest = analysis.rest
    if rest is None:
        raise ValueError(f"wearer {seed} has no rest of {rest_s:g} s")
    # What is told when it is sure began that much earlier; the RMS trails by its window.
    late = 0.1 + max(check.hold_hops for check in rest.checks) / 100
    events = play(seconds)
    end = play.index * FS_HZ // 4
    result = Trials(hours=seconds / 3600, latency_ms=[])
    bursts = [b for b in script.bursts(0, end) if b.kind == "synkinesis" and b.end < end]
    taken = set()
    for burst in bursts:
        hits = [
            i
            for i, event in enumerate(events)
            if burst.start <= event.frame <= burst.end + late * FS_HZ
        ]
        taken.update(hits)
        result.n_responses += 1
        result.n_found += bool(hits)
        if hits and result.latency_ms is not None:
            result.latency_ms.append((events[hits[0]].frame - burst.start) / FS_HZ * 1e3)
    open_end = [b for b in script.bursts(0, end) if b.kind == "synkinesis" and b.end >= end]
    open_hits = {i for i, event in enumerate(events) for b in open_end if event.frame >= b.start}
    result.n_false = len(events) - len(taken | open_hits)
    return result


def all_trials(seconds: float, seeds: range, **options: Any) -> Trials:
    """Return the sum over wearers, left and right in turn."""
    total = Trials(latency_ms=[])
    for seed in seeds:
        one = trials(seconds=seconds, seed=seed, affected=("left", "right")[seed % 2], **options)
        total.n_responses += one.n_responses
        total.n_found += one.n_found
        total.n_false += one.n_false
        total.hours += one.hours
        total.latency_ms = (total.latency_ms or []) + (one.latency_ms or [])
    return total


CONDITIONS: dict[str, dict[str, Any]] = {
    "synkinesis 6 dB": {"movements": ("smile+", "eye_closure+"), "snr_db": 6.0},
    "synkinesis 10 dB": {"movements": ("smile+", "eye_closure+"), "snr_db": 10.0},
    "healthy movements": {"movements": ("smile", "eye_closure"), "snr_db": 6.0},
    "jaw clench": {"movements": ("jaw_clench",), "snr_db": 6.0},
    "pure crosstalk 20 %": {"movements": ("smile", "eye_closure"), "snr_db": 6.0, "leak": 0.2},
    "heart 150 uV, movements": {
        "movements": ("smile", "eye_closure"),
        "snr_db": 6.0,
        "ecg_uv": 150.0,
    },
    "heart 150 uV, rest": {"movements": (), "snr_db": 6.0, "ecg_uv": 150.0},
    "within 2 s of a clench": {
        "movements": ("jaw_clench", "smile+", "jaw_clench", "eye_closure+"),
        "snr_db": 6.0,
        "pause_s": 2.0,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, default=40.0)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wearers", type=int, default=20, help="of each trial condition")
    parser.add_argument("--trial-seconds", type=float, default=300.0, help="of each wearer")
    options = parser.parse_args()
    for name, condition in CONDITIONS.items():
        seeds = range(options.seed, options.seed + options.wearers)
        seen = all_trials(options.trial_seconds, seeds, **condition)
        found = (
            f"{seen.n_found} of {seen.n_responses} found"
            f" ({100 * seen.n_found / seen.n_responses:.1f} %), median"
            f" {np.median(seen.latency_ms or [np.nan]):.0f} ms"
            if seen.n_responses
            else "none to find"
        )
        print(f"{name}: {found}; {seen.n_false} false in {seen.hours:.2f} h", flush=True)
    for kind in RESTS:
        for snr_db in (3.0, 6.0, 10.0):
            step = step_latency(kind, snr_db, options.steps, options.seed)
            print(
                f"{kind} rest, {snr_db:g} dB: median {step.median_ms:.1f} ms, p95"
                f" {step.p95_ms:.1f} ms, found {100 * step.found:.1f} %",
                flush=True,
            )
    for kind in RESTS:
        *_, (hours, alerts) = false_alerts(kind, options.hours, options.seed)
        print(
            f"{kind} rest: {alerts} false alerts in {hours:.1f} h of 8 channels:"
            f" {alerts / hours:.2f} an hour",
            flush=True,
        )


if __name__ == "__main__":
    main()
