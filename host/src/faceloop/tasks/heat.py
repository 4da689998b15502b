"""Heat sessions on a simulated pad, under the board's own supervisor."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from faceloop.errors import StorageError, UsageError
from faceloop.tasks.heat_faults import chosen_faults
from faceloop.tasks.heat_plot import check_picture, draw
from faceloop.tasks.progress import Progress, Silent
from faceloop.twin.heat._bench import Bench
from faceloop.twin.heat.board import make_bench
from faceloop.twin.heat.campaign import (
    HEATING_STATES,
    Run,
    fault_moment_s,
    misses,
    run_fault,
    run_healthy,
)
from faceloop.twin.heat.faults import NO_FAULT, Fault
from faceloop.twin.heat.wearer import Wearer, nominal_wearer, random_wearer
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.texts import CAUSE_TEXT, HEAT_STATE_NAMES

__all__ = ["simulate"]

Trace = tuple[float, int, float, float, float, float]
SETPOINT_DEGC = limits.SETPOINT_MAX_MDEGC / 1000
# A process takes half a second to start, a session hundredths.
LEAST_RUNS_PER_PROCESS = 100


def simulate(
    *,
    n_wearers: int = 1,
    fault: str = "none",
    state: str = "HOLD",
    minutes: int = 10,
    seed: int = 1,
    plot: Path | None = None,
    n_processes: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return ``{"runs": [...], "missed": n, ...}``, one entry for each wearer and fault.

    ``missed`` counts what the electronics should have found; ``mechanical`` apart from it what no
    sensor can see and the pad's carrier has to prevent.

    Parameters
    ----------
    n_wearers : int
        The first is the nominal one, the others are random.
    fault : str
        Name of a fault, ``all`` or ``none``.
    state : str
        WARMUP, HOLD or PAUSED: when the fault begins, at ``fault_moment_s``.
    minutes : int
        Of the session at its temperature.
    seed : int
        Of the random wearers.
    plot : Path, optional
        PNG file with the first run's temperatures.
    n_processes : int, optional
        None takes every core where that is worth it; the result is the same.

    Raises
    ------
    UsageError
        If the fault or the state does not exist, or there is no place for the picture.
    StorageError
        If the picture cannot be written all the same.
    """
    if plot is not None:
        check_picture(plot)
    progress = progress or Silent()
    chosen = chosen_faults(fault)
    if state not in HEATING_STATES:
        raise UsageError(f"There is no state {state!r}. Use {', '.join(HEATING_STATES)}.")
    n_runs = n_wearers * len(chosen)
    if n_processes is None:
        n_processes = min(os.cpu_count() or 1, n_runs // LEAST_RUNS_PER_PROCESS)
    runs: list[dict[str, Any]] = []
    progress.step("Simulating")
    first_trace: list[Trace] = []
    play = partial(_wearer_runs, fault=fault, state=state, minutes=minutes, seed=seed)
    if plot is not None:
        runs += play(0, trace=first_trace)
    others = range(0 if plot is None else 1, n_wearers)
    for played in _played(play, others, n_processes):
        runs += played
        # In seconds of simulated warmth, which is what the bar counts.
        progress.amount(60.0 * minutes * len(runs), 60.0 * minutes * n_runs)
    if plot is not None:
        try:
            draw(first_trace, plot, f"{runs[0]['fault']} in {state}")
        except OSError as error:
            raise StorageError(
                f"{plot} cannot be written ({error.strerror or error}). Make room, or choose"
                " another place."
            ) from None
    return {
        "n_wearers": n_wearers,
        "fault": fault,
        "state": state,
        "minutes": minutes,
        "seed": seed,
        "missed": sum(1 for run in runs if run["missed"] and run["layer"] != "mechanical"),
        "mechanical": sum(1 for run in runs if run["missed"] and run["layer"] == "mechanical"),
        "runs": runs,
        "plot": str(plot) if plot is not None else None,
    }


def _played(
    play: partial[list[dict[str, Any]]], wearers: range, n_processes: int
) -> Iterator[list[dict[str, Any]]]:
    """Play these wearers in order, here or in processes of their own."""
    if n_processes < 2:
        yield from map(play, wearers)
        return
    # Started anew: a copy of this one would hold the locks of its threads.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_processes, fresh) as pool:
        yield from pool.map(play, wearers, chunksize=20)


def _wearer_runs(
    index: int,
    *,
    fault: str,
    state: str,
    minutes: int,
    seed: int,
    trace: list[Trace] | None = None,
) -> list[dict[str, Any]]:
    """Play the session of one wearer with each fault; ``trace`` takes the first one's."""
    wearer = nominal_wearer() if index == 0 else random_wearer(_rng(seed, index))
    runs: list[dict[str, Any]] = []
    for one in chosen_faults(fault):
        bench = make_bench(wearer, seed=seed + index)
        bench.trace = trace if not runs else None
        run, missed = _judged(one, bench, wearer, state, minutes)
        runs.append(_entry(index, one, run, missed))
    return runs


def _judged(
    fault: Fault, bench: Bench, wearer: Wearer, state: str, minutes: int
) -> tuple[Run, list[str]]:
    """Play one session; return what became of it and what was missed."""
    if fault is NO_FAULT:
        run = run_healthy(bench, setpoint_degc=SETPOINT_DEGC, minutes=minutes)
        return run, misses(run, fault)
    run = run_fault(
        fault,
        wearer,
        HEATING_STATES[state],
        setpoint_degc=SETPOINT_DEGC,
        minutes=minutes,
        bench=bench,
    )
    left_s = 60.0 * minutes - (0.0 if state == "WARMUP" else fault_moment_s(minutes))
    return run, misses(run, fault, in_pause=state == "PAUSED", left_s=left_s)


def _rng(seed: int, index: int) -> np.random.Generator:
    return np.random.default_rng([seed, index])


def _entry(index: int, fault: Fault, run: Run, missed: list[str]) -> dict[str, Any]:
    return {
        "wearer": index,
        "fault": fault.name,
        "row": fault.row,
        "begun_in": HEAT_STATE_NAMES[run.begun_in],
        "max_skin_degc": round(run.max_skin_degc, 3),
        "cem43": round(run.dose_cem43, 5),
        "fault_to_off_s": None if run.until_s is None else round(run.until_s, 3),
        "within_s": fault.within_s or None,
        "state": HEAT_STATE_NAMES[run.state],
        "cause": run.cause,
        "cause_text": CAUSE_TEXT[run.cause],
        "layer": fault.layer,
        "missed": missed,
    }
