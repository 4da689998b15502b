"""The command line: parses, calls, prints. Everything it does is in ``faceloop.tasks``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from faceloop import output
from faceloop.errors import OUR_MISTAKE_EXIT_CODE, FaceloopError, UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="faceloop",
    help="Facial retraining with surface EMG of both sides. Not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, nothing else.")]
Montage = Annotated[
    str, typer.Option(help="Which channel sits on which muscle: guarded8, upper8, minimal4.")
]
Affected = Annotated[
    str | None, typer.Option(metavar="left|right", help="Side of the face that is affected.")
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Data folder to record into.")]
Device = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name or address of a board in the air.")
]
SerialPort = Annotated[
    str | None, typer.Option("--serial", metavar="PORT", help="Board on a USB cable (bench).")
]
Virtual = Annotated[bool, typer.Option("--virtual", help="Start a virtual board and use it.")]
RestS = Annotated[
    float, typer.Option("--rest-s", min=0.0, help="Seconds of rest to learn from at the start.")
]
Mains = Annotated[
    float | None, typer.Option("--mains-hz", help="50 or 60; found out when not given.")
]


WaitS = Annotated[
    float,
    typer.Option("--wait-s", min=0.0, help="Wait this long for a board that went out of reach."),
]


@app.command()
def demo(
    *,
    headless: Annotated[
        bool, typer.Option("--headless", help="No page, only the result.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=1.0, help="How long to run.")] = None,
    source: Annotated[
        Path | None, typer.Option(metavar="FILE", help="EDF, BDF or CSV recording to play.")
    ] = None,
    scenario: Annotated[
        str, typer.Option(help="What the scripted face does when no recording is given.")
    ] = "synkinesis",
    seed: Annotated[int, typer.Option(help="Of the face and of the radio's losses.")] = 1,
    radio_interval_ms: Annotated[
        float, typer.Option(min=7.5, max=4000.0, help="Connection interval.")
    ] = 15.0,
    radio_loss: Annotated[
        float, typer.Option(min=0.0, max=0.95, help="Share of radio packets lost and repeated.")
    ] = 0.0,
    radio_blackout: Annotated[
        list[str] | None,
        typer.Option(metavar="START,LENGTH", help="Radio silence, in seconds; repeatable."),
    ] = None,
    montage: Montage = "guarded8",
    affected: Affected = "left",
    rest_s: RestS = 5.0,
    mains_hz: Mains = None,
    out: Out = None,
    wait_s: WaitS = 120.0,
    tap: Annotated[Path | None, typer.Option(hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Run a live session on a virtual board: real firmware, simulated chip, skin and radio."""
    from faceloop.tasks.demo import DemoOptions
    from faceloop.tasks.demo import demo as run

    options = DemoOptions(
        source=source,
        scenario=scenario,
        seconds=seconds,
        seed=seed,
        interval_ms=radio_interval_ms,
        loss=radio_loss,
        blackouts=tuple(_blackout(text) for text in radio_blackout or ()),
        out=out,
        montage=montage,
        affected_side=_side(affected),
        rest_s=rest_s,
        mains_hz=_line(mains_hz),
        tap=tap,
        is_headless=headless,
        wait_s=wait_s,
    )
    show = None if headless else output.page(is_quiet=as_json)
    with output.progress(is_quiet=as_json) as progress:
        result = _run(run(options, progress, show))
    _end_session(result, as_json)


@app.command()
def run(
    *,
    device: Device = None,
    serial: SerialPort = None,
    virtual: Virtual = False,
    montage: Montage = "guarded8",
    affected: Affected = None,
    rest_s: RestS = 10.0,
    mains_hz: Mains = None,
    out: Out = None,
    wait_s: WaitS = 120.0,
    as_json: Json = False,
) -> None:
    """Open the app with a live session on a board."""
    from faceloop.tasks.live import LiveOptions, live

    options = LiveOptions(
        device,
        serial,
        virtual,
        montage,
        _side(affected),
        rest_s,
        _line(mains_hz),
        out,
        None,
        wait_s,
    )
    with output.progress(is_quiet=as_json) as progress:
        result = _run(live(options, progress, output.page(is_quiet=as_json)))
    _end_session(result, as_json)


@app.command()
def record(
    *,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to record.")],
    device: Device = None,
    serial: SerialPort = None,
    virtual: Virtual = False,
    montage: Montage = "guarded8",
    affected: Affected = None,
    rest_s: RestS = 10.0,
    mains_hz: Mains = None,
    out: Out = None,
    wait_s: WaitS = 120.0,
    as_json: Json = False,
) -> None:
    """Record a session without a page."""
    from faceloop.tasks.live import LiveOptions, live

    options = LiveOptions(
        device,
        serial,
        virtual,
        montage,
        _side(affected),
        rest_s,
        _line(mains_hz),
        out,
        seconds,
        wait_s,
    )
    with output.progress(is_quiet=as_json) as progress:
        result = _run(live(options, progress, None))
    _end_session(result, as_json)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="EDF, BDF or CSV recording.")],
    *,
    montage: Montage = "guarded8",
    affected: Affected = None,
    rest_s: RestS = 5.0,
    mains_hz: Mains = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="No page, only the result.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Play a recording through a virtual board and look at it live; nothing is recorded."""
    from faceloop.tasks.demo import DemoOptions
    from faceloop.tasks.demo import demo as run_demo

    options = DemoOptions(
        source=file,
        montage=montage,
        affected_side=_side(affected),
        rest_s=rest_s,
        mains_hz=_line(mains_hz),
        is_headless=headless,
        is_recording=False,
    )
    show = None if headless else output.page(is_quiet=as_json)
    with output.progress(is_quiet=as_json) as progress:
        result = _run(run_demo(options, progress, show))
    _end_session(result, as_json)


@app.command()
def analyse(
    files: Annotated[list[Path], typer.Argument(help="EDF, BDF or CSV recordings.")],
    *,
    montage: Montage = "guarded8",
    affected: Affected = None,
    rest_s: RestS = 5.0,
    mains_hz: Mains = None,
    as_json: Json = False,
) -> None:
    """Measure recordings: rest, onsets, symmetry, synkinesis."""
    from faceloop.tasks.analyse import analyse as run

    with output.progress(is_quiet=as_json) as progress:
        result = _guard(
            run,
            files,
            montage,
            _side(affected),
            rest_s=rest_s,
            mains_hz=_line(mains_hz),
            progress=progress,
        )
    output.result(result, as_json, output.analysis_lines)


@app.command()
def devices(
    *,
    seconds: Annotated[float, typer.Option(min=0.5, max=60.0, help="How long to listen.")] = 4.0,
    as_json: Json = False,
) -> None:
    """List boards in the air, on cables, and virtual ones."""
    from faceloop.tasks.devices import devices as run

    with output.progress(is_quiet=as_json) as progress:
        progress.step("Listening")
        result = _run(run(seconds))
    output.result(result, as_json, output.device_lines)


@app.command()
def pair(
    *,
    serial: SerialPort = None,
    label: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Text of the board's QR label.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn a board's key, over its USB cable or from its label."""
    from faceloop.tasks.pair import pair_by_cable, pair_by_label

    if (serial is None) == (label is None):
        _fail(UsageError("Say how: --serial PORT with the board on a cable, or --label TEXT."))
    if serial is not None:
        with output.progress(is_quiet=as_json) as progress:
            progress.step("Asking the board")
            result = _run(pair_by_cable(serial))
    else:
        result = _guard(pair_by_label, label)
    output.result(result, as_json, output.pair_lines)


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Check that everything faceloop needs is here."""
    from faceloop.tasks.doctor import doctor as run

    with output.progress(is_quiet=as_json) as progress:
        progress.step("Checking")
        result = _run(run())
    output.result(result, as_json, output.doctor_lines)
    if not result["ok"]:
        raise typer.Exit(1)


heat = typer.Typer(
    help="The heat pad.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(heat, name="heat")


@heat.command()
def simulate(
    *,
    wearers: Annotated[
        int, typer.Option(min=1, max=100_000, help="The nominal one, then random ones.")
    ] = 1,
    fault: Annotated[
        str, typer.Option(metavar="NAME|all|none", help="What breaks; a wrong name lists all.")
    ] = "none",
    state: Annotated[
        str, typer.Option(metavar="WARMUP|HOLD|PAUSED", help="When it breaks.")
    ] = "HOLD",
    minutes: Annotated[
        int, typer.Option(min=1, max=15, help="Length of a session once it is warm.")
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the random wearers.")] = 1,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Picture of the first session.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Play heat sessions: the board's own supervisor on a simulated pad and skin."""
    from faceloop.tasks.heat import simulate as run

    with output.progress(is_quiet=as_json) as progress:
        result = _guard(
            run,
            n_wearers=wearers,
            fault=fault,
            state=state,
            minutes=minutes,
            seed=seed,
            plot=plot,
            progress=progress,
        )
    output.result(result, as_json, output.heat_lines)
    if result["missed"]:
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the ``faceloop`` command."""
    try:
        app(prog_name="faceloop")
    except KeyboardInterrupt:
        sys.exit(130)


def _run(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    return _guard(asyncio.run, work)


def _guard(call: Callable[..., dict[str, Any]], *arguments: Any, **options: Any) -> dict[str, Any]:
    """Call; an error of ours becomes one sentence and an exit code."""
    try:
        return call(*arguments, **options)
    except FaceloopError as error:
        _fail(error)
    except Exception as bug:  # the last net: no traceback for the user, but none lost either
        log = output.keep_traceback()
        output.error(
            f"faceloop stopped by a mistake of its own ({type(bug).__name__}: {bug}). {log}"
        )
        raise typer.Exit(OUR_MISTAKE_EXIT_CODE) from None


def _end_session(result: dict[str, Any], as_json: bool) -> None:
    """Print the account of a session; leave with the code of what went wrong in it."""
    output.result(result, as_json, output.session_lines)
    if result["error"] is not None:
        output.error(result["error"]["message"])
        raise typer.Exit(result["error"]["exit_code"])
    if result["frames_lost_silently"]:
        raise typer.Exit(1)


def _fail(error: FaceloopError) -> NoReturn:
    output.error(str(error))
    raise typer.Exit(error.exit_code)


def _side(text: str | None) -> Literal["left", "right"] | None:
    if text is None:
        return None
    if text == "left":
        return "left"
    if text == "right":
        return "right"
    _fail(UsageError(f"The affected side is left or right, not {text!r}."))


def _line(mains_hz: float | None) -> float | None:
    if mains_hz not in (None, 50.0, 60.0):
        _fail(UsageError(f"The mains have 50 or 60 Hz, not {mains_hz:g}."))
    return mains_hz


def _blackout(text: str) -> tuple[float, float]:
    try:
        start_s, length_s = (float(part) for part in text.split(","))
    except ValueError:
        _fail(UsageError(f"A blackout is START,LENGTH in seconds, for example 5,3; not {text!r}."))
    if start_s < 0 or length_s <= 0:
        _fail(
            UsageError(f"A blackout starts at 0 or later and lasts more than 0 s, not {text!r}.")
        )
    return start_s, length_s
