"""A whole session on a virtual board, from electrodes to file, with an account of every frame."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faceloop.device.board_link import GIVE_UP_S
from faceloop.errors import (
    AuthenticationError,
    DeviceBusy,
    LinkError,
    NotAFaceloop,
    UsageError,
)
from faceloop.session.converter import converter_of
from faceloop.session.live import LiveEvent, Side
from faceloop.session.live_session import LiveSession
from faceloop.session.montage import montage_named
from faceloop.session.recording_reader import converter_of_file, resampling_notes
from faceloop.session.session_result import SessionResult
from faceloop.session.store import Store
from faceloop.tasks.account import rounded, session_account, silently_lost
from faceloop.tasks.attendance import Presentation, attend
from faceloop.tasks.data_folder import checked_store
from faceloop.tasks.progress import Progress, Silent
from faceloop.tasks.recovery import recover, recovered_notes
from faceloop.tasks.virtual import ConverterClock, PairedBoard, paired_virtual_board
from faceloop.twin.launch import BoardSpec
from faceloop.twin.sources import FS_HZ, N_CHANNELS, Source, make_source

__all__ = ["DEFAULT_SCENARIO", "DemoOptions", "demo"]

# An activation counts for the latency figure from this much above rest on unless told otherwise,
LATENCY_SNR_DB = 10.0
# and a cue belongs to it when it comes within this time.
CUE_WITHIN_FRAMES = 1000
# Kinds of truth that are a muscle becoming active (not a blink, not a neighbour's leak).
REAL_ACTIVATIONS = ("voluntary", "synkinesis", "estimate")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What to play, through what air, for how long.

    Parameters
    ----------
    source : Path or None
        Recording to play into the electrodes; None plays the scripted face.
    scenario : str or None
        Of the scripted face; None: `DEFAULT_SCENARIO`. Not together with ``source``.
    seconds : float or None
        None: to the end of the recording; 60 s of face without a screen, endless with one.
    seed : int
        Of the face and of the radio's losses.
    interval_ms, loss : float
        Connection interval; probability that a radio packet is lost and repeated.
    blackouts : tuple of (float, float)
        Start and length in seconds, counted from the start of the stream.
    out : Path or None
        Data folder; its parent must exist. None takes the user's own.
    montage : str
    affected_side : str or None
        None: left for the scripted face, unknown for a recording.
    rest_s : float
        The wearer's rest is learnt from this much at the start.
    mains_hz : float or None
        None finds out.
    is_headless : bool
        Without a page the recording starts with the stream; with one, the person starts it.
    is_recording : bool
        False keeps nothing.
    extra_source : dict
        More settings of the scripted face; with ``kind``, another made-up source in its place.
    least_snr_db : float
        An activation counts for the latency figure from this much above rest on.
    wait_s : float
        A board that goes out of reach is waited for this long.
    clock_ppm : float
        Error of the converter's crystal.
    tap : Path or None
        File for what the converter put out, for comparison.
    """

    source: Path | None = None
    scenario: str | None = None
    seconds: float | None = None
    seed: int = 1
    interval_ms: float = 15.0
    loss: float = 0.0
    blackouts: tuple[tuple[float, float], ...] = ()
    out: Path | None = None
    montage: str = "guarded8"
    affected_side: Side | None = None
    rest_s: float = 5.0
    clock_ppm: float = 20.0
    tap: Path | None = None
    is_headless: bool = True
    is_recording: bool = True
    mains_hz: float | None = None
    extra_source: dict[str, Any] = field(default_factory=dict)
    least_snr_db: float = LATENCY_SNR_DB
    wait_s: float = GIVE_UP_S


DEFAULT_SECONDS = 60.0
SEEN_BLOCK_MS, HEADLESS_BLOCK_MS = 2.0, 5.0  # see BoardSpec
DEFAULT_SCENARIO = "synkinesis"
SCRIPTED_SIDE: Side = "left"
# With half of the packets gone it is the loss that was asked for that is told of first.
HEAVY_LOSS = 0.5
NEVER_WATCHED = (
    "Nobody has looked at the page, so the recording was not played. Open the address that is"
    " printed, or play it without a page: --headless."
)
NEVER_BEGAN = "The session was ended before it had begun, so the recording was not played."
POLL_S = 0.2  # each asks the virtual board how far it is


async def demo(
    options: DemoOptions,
    progress: Progress | None = None,
    show: Presentation | None = None,
) -> dict[str, Any]:
    """Run a session on a virtual board and return the account of it.

    Ctrl-C ends it as its time would. What ends it too early (the board gone, the disk full) is in
    the account as ``error``.

    Parameters
    ----------
    options : DemoOptions
    progress : Progress, optional
    show : callable, optional
        Presents the session until the person ends it. The made-up face does what the training
        asks for then, and acts out its scenario while nothing is asked.

    Returns
    -------
    dict
        JSON types; see ``host/README.md``.

    Raises
    ------
    FaceloopError
        In words for the user, also where a file was to be played to somebody and the end came
        before. Nothing recorded is lost and nothing keeps running.
    """
    progress = progress or Silent()
    if options.source is not None and options.scenario is not None:
        raise UsageError(
            "A recording and a scenario of the made-up face cannot be played at once:"
            " leave --source or --scenario out."
        )
    montage = montage_named(options.montage)
    affected_side = options.affected_side or (SCRIPTED_SIDE if options.source is None else None)
    seconds = options.seconds
    if seconds is None and options.source is None and options.is_headless:
        seconds = DEFAULT_SECONDS
    # What cannot be played, or kept, is refused here, before anything is started.
    store = checked_store(options.out) if options.is_recording else Store(options.out)
    _check_tap(options.tap)
    source = _source(options, seconds, has_page=show is not None)
    if options.source is not None:
        progress.step(f"Reading {options.source.name}")
        # It enters behind the converter's filter, with what it was recorded with.
        recorded_with = await asyncio.to_thread(converter_of_file, options.source)
    played = await asyncio.to_thread(make_source, source)
    length = played.n_samples
    total_s = seconds if length is None else min(seconds or math.inf, length / FS_HZ)
    warnings = (*played.warnings, *_changes(played))
    for warning in warnings:
        progress.say(f"{options.source}: {warning}")
    is_whole_file = (
        options.source is not None
        and length is not None
        and (seconds is None or seconds * FS_HZ >= length)
    )
    too_late = _too_late(options.blackouts, total_s, is_whole_file=is_whole_file)
    for warning in too_late:
        progress.say(warning)
    warnings = (*warnings, *too_late)
    spec = BoardSpec(
        source=source,
        seed=options.seed,
        tap=options.tap,
        clock_ppm=options.clock_ppm,
        # Who looks on sees a movement a moment sooner.
        block_ms=HEADLESS_BLOCK_MS if options.is_headless else SEEN_BLOCK_MS,
        radio={
            "loss": options.loss,
            "blackouts": [list(blackout) for blackout in options.blackouts],
            "seed": options.seed,
        },
    )
    clock = ConverterClock()
    recovered = await recover(store, progress)
    progress.step("Starting the virtual board")
    async with paired_virtual_board(spec, interval_ms=options.interval_ms) as paired:
        session = LiveSession(
            paired.transport,
            paired.key_of,
            montage=montage,
            affected_side=affected_side,
            new_folder=store.new_session,
            rest_s=options.rest_s,
            mains_hz=options.mains_hz,
            electrode_clock=clock,
            give_up_s=options.wait_s,
            played=(
                _made_up(source) if options.source is None else f"the file {options.source.name}"
            ),
            played_labels=_labels(played),
            converter=(lambda _: recorded_with) if options.source is not None else converter_of,
        )
        is_watched = asyncio.Event()

        async def start() -> None:
            progress.step("Connecting")
            try:
                await session.start(is_recording=options.is_headless and options.is_recording)
            except (AuthenticationError, DeviceBusy, NotAFaceloop):
                raise
            except LinkError as error:
                if options.loss >= HEAVY_LOSS:  # nobody is too far away: it was asked for
                    raise LinkError(_lost(options.loss)) from error
                raise
            await paired.board.control("begin_blackouts")
            await paired.read_clock(clock)

        # A file is played once: it does not begin before there is somebody to see it.
        is_waiting = show is not None and options.source is not None
        if not is_waiting:
            await start()

        async def play() -> None:
            if is_waiting:
                progress.step("Waiting for the page to be opened")
                await is_watched.wait()
                await start()
            await _play(session, paired, total_s, progress, has_page=show is not None)

        async def present(session: LiveSession) -> None:
            # With it comes the whole training, for which a session without a page need not wait.
            from faceloop.tasks.made_up_patient import patient_of

            assert show is not None
            is_patient = source["kind"] == "patient"
            await show(
                session,
                patient_of(paired.board) if is_patient else None,
                earlier=recovered_notes(recovered),
                on_watched=is_watched.set,
            )

        shown = present if show is not None else None
        result, is_interrupted = await attend(session, play, progress, shown)
        info = session.info
        if info is None:
            raise UsageError(NEVER_BEGAN if is_watched.is_set() else NEVER_WATCHED)
        expected = await paired.conversions()
        if paired.gone is not None:  # asked five times a second: more may have come since
            expected = max(expected, result.end_frame)
        truth = await paired.truth()
    account = session_account(
        info,
        result,
        montage=options.montage,
        affected_side=affected_side,
        is_interrupted=is_interrupted,
        recovered=recovered,
        warnings=warnings,
    )
    account.update(_counted(expected, result))
    account["held_back_frames"] = paired.held_back_frames
    account["latency_ms"] = _latency(result, truth, clock, options.least_snr_db)
    return account


def _check_tap(tap: Path | None) -> None:
    """Look whether the converter's output can be written, as long as it is easy to say so."""
    if tap is not None:
        try:
            with tap.open("wb"):
                pass
        except OSError as error:
            raise UsageError(
                f"The converter's output cannot be written to {tap} ({error.strerror or error})."
                " Choose another file with --tap."
            ) from error


def _lost(loss: float) -> str:
    return (
        f"With --radio-loss {loss:g}, so many radio packets are lost that no session began."
        " Try again, or choose a smaller share, for example 0.3."
    )


def _too_late(
    blackouts: Sequence[tuple[float, float]], total_s: float | None, *, is_whole_file: bool
) -> tuple[str, ...]:
    """Return which blackouts a session of that length will not meet, in sentences."""
    longer = "choose a longer file" if is_whole_file else "play longer with --seconds"
    return tuple(
        f"The blackout from {start_s:g} s on would begin after the session, which ends at"
        f" {round(total_s, 2):.10g} s: begin it earlier, or {longer}."
        for start_s, _ in blackouts
        if total_s is not None and start_s >= total_s
    )


def _made_up(source: Mapping[str, Any]) -> str:
    """Return what is played where it is no file, in words."""
    if source["kind"] == "steps":
        return "made-up steps on a plain rest"
    return f"the made-up face ({source.get('scenario', source['kind'])})"


def _labels(played: Source) -> tuple[str, ...]:
    """Return what a recording calls the channels that are played; nothing of a made-up face."""
    n_recorded: int = getattr(played, "n_recorded_channels", 0)
    return tuple(played.labels[: min(n_recorded, N_CHANNELS)])


def _changes(played: Source) -> list[str]:
    """Return what is done to a recording so that the board can take it, in sentences."""
    rates_hz = getattr(played, "recorded_fs_hz", ())  # only of a recording
    changes = resampling_notes(rates_hz)
    if 0 < len(rates_hz) < N_CHANNELS:
        channels = "1 channel" if len(rates_hz) == 1 else f"{len(rates_hz)} channels"
        changes.append(f"{channels}; the others are electrodes that are off.")
    return changes


def _source(options: DemoOptions, seconds: float | None, *, has_page: bool) -> dict[str, Any]:
    if options.source is not None:
        return {"kind": "recording", "path": str(options.source), "seconds": seconds}
    made_up = {
        "seconds": seconds,
        "seed": options.seed,
        "affected": options.affected_side or SCRIPTED_SIDE,
        **options.extra_source,
    }
    if "kind" in options.extra_source:
        return made_up
    kind = {"kind": "patient", "attending": False} if has_page else {"kind": "face"}
    return {**kind, "scenario": options.scenario or DEFAULT_SCENARIO, **made_up}


async def _play(
    session: LiveSession,
    paired: PairedBoard,
    total_s: float | None,
    progress: Progress,
    *,
    has_page: bool,
) -> None:
    """Return when the time or the source is over."""
    progress.step("Live")
    # On a page the person is told of an error and may go on without the recording.
    while has_page or session.error is None:
        progress.amount(session.frames_so_far / session.fs_hz, total_s)
        conversions = await paired.conversions()
        if paired.gone is not None:
            session.on_gone(paired.gone)
            session.hurry()
        if paired.gone is not None or paired.is_source_done:
            return
        if total_s is not None and conversions >= total_s * session.fs_hz:
            return
        await asyncio.sleep(POLL_S)


def _counted(expected: int, result: SessionResult) -> dict[str, Any]:
    """Return the account against what the converter says that it made, instead of the board."""
    gaps = [list(gap) for gap in result.gaps]
    missing_tail = expected - result.end_frame
    if (result.error is not None or not result.is_end_known) and missing_tail > 0:
        # The session knows that it did not see the end: no silent loss, but a gap.
        gaps.append([result.end_frame, missing_tail])
        expected_here = result.end_frame
    else:
        expected_here = expected
    return {
        "frames_expected": expected,
        "frames_lost_silently": silently_lost(expected_here, result),
        "gaps": gaps,
    }


def _latency(
    result: SessionResult,
    truth: list[dict[str, Any]],
    clock: ConverterClock,
    least_snr_db: float,
) -> dict[str, Any]:
    kind = "to_screen" if result.drawn_cues else "to_host"
    cues = result.drawn_cues or result.cues
    latencies_ms, n_missed = cue_latencies_ms(cues, truth, clock, result.end_frame, least_snr_db)
    return {
        "p50": rounded(float(np.percentile(latencies_ms, 50)), 1) if latencies_ms else None,
        "p95": rounded(float(np.percentile(latencies_ms, 95)), 1) if latencies_ms else None,
        "n": len(latencies_ms),
        # Without a rest there can be no cue, and so none that did not come.
        "missed": n_missed if result.is_calibrated else 0,
        "kind": kind,
    }


def cue_latencies_ms(
    cues: Sequence[tuple[LiveEvent, float]],
    truth: list[dict[str, Any]],
    clock: Callable[[int], float],
    end_frame: int,
    least_snr_db: float = LATENCY_SNR_DB,
) -> tuple[list[float], int]:
    """Return how long after each clear activation at the electrode its onset cue came.

    An activation counts when it is at least ``least_snr_db`` above rest; its moment is that at
    which its expected power has doubled. Its cue comes within half a second of that, or it is
    missed: also when rest is still being learnt then, or the signal did not arrive.

    Parameters
    ----------
    cues : sequence of (LiveEvent, float)
        Cues with the monotonic time at which each was given or drawn.
    truth : list of dict
        Onsets of the source.
    clock : callable
        Frame to monotonic time of its conversion.
    end_frame : int
        An activation whose half second is not over by then is not missed.
    least_snr_db : float

    Returns
    -------
    latencies_ms : list of float
    n_missed : int
    """
    latencies_ms = []
    n_missed = 0
    for onset in truth:
        if onset["snr_db"] < least_snr_db or onset["kind"] not in REAL_ACTIVATIONS:
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
        elif moment + CUE_WITHIN_FRAMES < end_frame:
            n_missed += 1
    return latencies_ms, n_missed
