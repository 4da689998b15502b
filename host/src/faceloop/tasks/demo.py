"""A whole session on a virtual board, from electrodes to file, with an account of every frame."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faceloop.session.live import LiveEvent
from faceloop.session.live_session import LiveSession, SessionResult
from faceloop.session.montage import montage_named
from faceloop.session.store import Store
from faceloop.tasks.account import rounded, session_account
from faceloop.tasks.progress import Progress, Silent
from faceloop.tasks.virtual import ConverterClock, PairedBoard, paired_virtual_board
from faceloop.twin.launch import BoardSpec
from faceloop.twin.sources import make_source
from faceloop_protocol.info import Info

__all__ = ["DemoOptions", "demo"]

# An activation counts for the latency figure from this much above rest on (design section 11),
LATENCY_SNR_DB = 10.0
# and a cue belongs to it when it comes within this time.
CUE_WITHIN_FRAMES = 1000
# Kinds of truth that are a muscle becoming active (not a blink, not a neighbour's leak).
REAL_ACTIVATIONS = ("voluntary", "synkinesis", "estimate")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to play, through what air, for how long.

    Parameters
    ----------
    source : Path or None
        Recording to play into the electrodes; None plays the scripted face.
    scenario : str
        Of the scripted face.
    seconds : float or None
        None: to the end of the recording; 60 s of face without a screen, endless with one.
    seed : int
        Of the face and of the radio's losses.
    interval_ms, loss : float
        Connection interval; probability that a radio packet is lost and repeated.
    blackouts : tuple of (float, float)
        Start and length in seconds, counted from the start of the stream.
    out : Path or None
        Data folder; None takes the user's own.
    montage : str
    affected_side : str or None
    rest_s : float
        The wearer's rest is learnt from this much at the start.
    mains_hz : float or None
        None finds out.
    is_headless : bool
        Without a page the recording starts with the stream; with one, the person starts it.
    is_recording : bool
        False keeps nothing.
    extra_source : dict
        More settings of the scripted face.
    tap : Path or None
        File for what the converter put out, for comparison.
    """

    source: Path | None = None
    scenario: str = "synkinesis"
    seconds: float | None = None
    seed: int = 1
    interval_ms: float = 15.0
    loss: float = 0.0
    blackouts: tuple[tuple[float, float], ...] = ()
    out: Path | None = None
    montage: str = "guarded8"
    affected_side: str | None = "left"
    rest_s: float = 6.0
    tap: Path | None = None
    is_headless: bool = True
    is_recording: bool = True
    mains_hz: float | None = None
    extra_source: dict[str, Any] = field(default_factory=dict)


DEFAULT_SECONDS = 60.0


async def demo(
    options: DemoOptions,
    progress: Progress | None = None,
    show: Callable[[LiveSession], Any] | None = None,
) -> dict[str, Any]:
    """Run a session on a virtual board and return the account of it.

    Parameters
    ----------
    options : DemoOptions
    progress : Progress, optional
    show : callable, optional
        ``await show(session)`` presents the session until the person ends it.

    Returns
    -------
    dict
        JSON types; see ``host/README.md``.

    Raises
    ------
    FaceloopError
        In words for the user. Nothing recorded is lost and nothing keeps running.
    """
    progress = progress or Silent()
    montage = montage_named(options.montage)
    seconds = options.seconds
    if seconds is None and options.source is None and options.is_headless:
        seconds = DEFAULT_SECONDS
    source = _source(options, seconds)
    progress.step("Reading the source")
    # A source that cannot be played is refused here, before anything is started.
    length = (await asyncio.to_thread(make_source, source)).n_samples
    spec = BoardSpec(
        source=source,
        seed=options.seed,
        tap=options.tap,
        radio={
            "loss": options.loss,
            "blackouts": [list(blackout) for blackout in options.blackouts],
            "seed": options.seed,
        },
    )
    clock = ConverterClock()
    store = Store(options.out)
    progress.step("Starting the virtual board")
    async with paired_virtual_board(spec, interval_ms=options.interval_ms) as paired:
        session = LiveSession(
            paired.transport,
            paired.key_of,
            montage=montage,
            affected_side=options.affected_side,
            new_folder=store.new_session,
            rest_s=options.rest_s,
            mains_hz=options.mains_hz,
            electrode_clock=clock,
        )
        progress.step("Connecting")
        info = await session.start(is_recording=options.is_headless and options.is_recording)
        await paired.board.control("begin_blackouts")
        await paired.read_clock(clock)
        total_s = seconds if length is None else min(seconds or math.inf, length / 2000)
        try:
            await _play(session, paired, total_s, progress, show)
        finally:
            progress.step("Storing the recording")
            result = await session.finish()
        stats = await paired.board.control("stats")
        truth = (await paired.board.control("truth"))["onsets"]
    return _account(options, info, result, stats, truth, clock)


def _source(options: DemoOptions, seconds: float | None) -> dict[str, Any]:
    if options.source is not None:
        return {"kind": "recording", "path": str(options.source)}
    return {
        "kind": "face",
        "scenario": options.scenario,
        "seconds": seconds,
        "seed": options.seed,
        "affected": options.affected_side or "left",
        **options.extra_source,
    }


async def _play(
    session: LiveSession,
    paired: PairedBoard,
    total_s: float | None,
    progress: Progress,
    show: Callable[[LiveSession], Any] | None,
) -> None:
    showing = asyncio.ensure_future(show(session)) if show is not None else None
    ended = asyncio.ensure_future(session.wait_ended())
    progress.step("Live")
    try:
        while not ended.done() and (showing is None or not showing.done()):
            elapsed_s = session.frames_so_far / session.fs_hz
            progress.amount(elapsed_s, total_s)
            converter = (await paired.board.control("stats"))["converter"]
            if converter["source_done"]:
                break
            if total_s is not None and converter["conversions"] >= total_s * session.fs_hz:
                break
            await asyncio.sleep(0.05)
    finally:
        for task in (showing, ended):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if showing is not None and not showing.cancelled() and showing.exception() is not None:
            raise showing.exception()  # type: ignore[misc]


def _account(
    options: DemoOptions,
    info: Info,
    result: SessionResult,
    stats: dict[str, Any],
    truth: list[dict[str, Any]],
    clock: ConverterClock,
) -> dict[str, Any]:
    account = session_account(info, result, options.montage, options.affected_side)
    # Here the converter itself can be asked what it made, instead of the board.
    expected = int(stats["converter"]["conversions"])
    in_gaps = sum(n for _, n in result.gaps)
    account["frames_expected"] = expected
    account["frames_lost_silently"] = expected - result.frames_received - in_gaps
    kind = "to_screen" if result.drawn_cues else "to_host"
    latencies_ms = cue_latencies_ms(result.drawn_cues or result.cues, truth, clock)
    account["latency_ms"] = {
        "p50": rounded(float(np.percentile(latencies_ms, 50)), 1) if latencies_ms else None,
        "p95": rounded(float(np.percentile(latencies_ms, 95)), 1) if latencies_ms else None,
        "n": len(latencies_ms),
        "kind": kind,
    }
    return account


def cue_latencies_ms(
    cues: Sequence[tuple[LiveEvent, float]],
    truth: list[dict[str, Any]],
    clock: Callable[[int], float],
) -> list[float]:
    """Return the time from each clear activation at the electrode to its onset cue.

    An activation counts when it is at least 10 dB above rest; its moment is that at which its
    expected power has doubled.

    Parameters
    ----------
    cues : sequence of (LiveEvent, float)
        Cues with the monotonic time at which each was given or drawn.
    truth : list of dict
        Onsets of the source.
    clock : callable
        Frame to monotonic time of its conversion.
    """
    latencies_ms = []
    for onset in truth:
        if onset["snr_db"] < LATENCY_SNR_DB or onset["kind"] not in REAL_ACTIVATIONS:
            continue
        moment = onset["frame_3db"]
        given_s = [
            at_s
            for cue, at_s in cues
            if cue.channel == onset["channel"]
            and onset["frame"] <= cue.frame <= moment + CUE_WITHIN_FRAMES
        ]
        if given_s:
            latencies_ms.append(1000.0 * (min(given_s) - clock(moment)))
    return latencies_ms
