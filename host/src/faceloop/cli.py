"""The command line: parses, calls, prints. Everything it does is in ``faceloop.tasks``."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from faceloop import output
from faceloop.commands.arguments import named, sentence
from faceloop.commands.bench import bench
from faceloop.commands.heat import heat
from faceloop.commands.programme import programme
from faceloop.commands.working import working
from faceloop.errors import UsageError
from faceloop.options import (
    AirOptions,
    BoardOptions,
    DemoFaceOptions,
    DemoSeconds,
    FaceOptions,
    Headless,
    Json,
    Recording,
    Recordings,
    Seconds,
    StoreOptions,
    TrainingOptions,
    unfolded,
)

__all__ = ["app", "main"]

# The made-up face and most recordings begin with a short rest; nobody has to be told to rest.
PLAYED_FACE = FaceOptions(rest_s=5.0)
MADE_UP = "A demonstration: the face is made up."
ACTS_SYNKINESIS = (
    "It rests for 8 seconds, then smiles and closes its eyes by turns. On the affected"
    " side the other muscle joins in, and the page says so."
)
PRESSES = "Where heat waits for the button on the board, the made-up person presses it."
PLAYED = "A recording is played, as if it came from a face now."
BEGINS_WITH_PAGE = "It begins once you open the live signal or start training."

# What typer raises for an option or argument that it cannot take.
_WrongArguments: Any = typer.BadParameter.__base__

app = typer.Typer(
    name="faceloop",
    epilog="To begin: faceloop demo",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        print(f"faceloop {importlib.metadata.version('faceloop')}")
        raise typer.Exit


@app.callback()
def about(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_say_version, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Facial retraining with surface EMG of both sides. Not a medical device."""


@app.command()
@unfolded
def demo(
    *,
    headless: Headless = False,
    seconds: DemoSeconds = None,
    played: DemoFaceOptions,
    air: AirOptions,
    face: FaceOptions = PLAYED_FACE,
    store: StoreOptions,
    as_json: Json = False,
) -> None:
    """Try it all without hardware.

    A live session on a virtual board: real firmware, simulated chip, skin and radio.
    """
    from faceloop.tasks.demo import DemoOptions
    from faceloop.tasks.demo import demo as run

    with working(as_json) as progress:
        options = DemoOptions(
            source=played.source,
            scenario=played.scenario,
            seconds=seconds,
            seed=played.seed,
            interval_ms=air.radio_interval_ms,
            loss=air.radio_loss,
            blackouts=air.blackouts,
            out=store.out,
            montage=face.montage,
            affected_side=face.side,
            rest_s=face.rest_s,
            mains_hz=face.line_hz,
            tap=played.tap,
            clock_ppm=played.clock_ppm,
            is_headless=headless,
            wait_s=store.wait_s,
        )
        show = None if headless else output.page(progress, _notes(played), store.out)
        result = asyncio.run(run(options, progress, show))
    _end_session(result, as_json)


@app.command()
@unfolded
def run(
    *,
    board: BoardOptions,
    face: FaceOptions,
    store: StoreOptions,
    as_json: Json = False,
) -> None:
    """Train with a board: a live session, a page."""
    _live(board, face, store, as_json, has_page=True)


@app.command()
@unfolded
def record(
    *,
    seconds: Seconds = None,
    board: BoardOptions,
    face: FaceOptions,
    store: StoreOptions,
    as_json: Json = False,
) -> None:
    """Record a session without a page."""
    _live(board, face, store, as_json, seconds=seconds)


def _live(
    board: BoardOptions,
    face: FaceOptions,
    store: StoreOptions,
    as_json: bool,
    *,
    has_page: bool = False,
    seconds: float | None = None,
) -> None:
    from faceloop.tasks.live import LiveOptions, live

    with working(as_json) as progress:
        options = LiveOptions(
            device=board.device,
            serial=board.serial,
            is_virtual=board.virtual,
            montage=face.montage,
            affected_side=face.side,
            rest_s=face.rest_s,
            mains_hz=face.line_hz,
            out=store.out,
            seconds=seconds,
            wait_s=store.wait_s,
        )
        notes = (MADE_UP, ACTS_SYNKINESIS, PRESSES) if board.virtual else ()
        show = output.page(progress, notes, store.out) if has_page else None
        result = asyncio.run(live(options, progress, show))
    _end_session(result, as_json)


@app.command()
@unfolded
def train(
    *,
    headless: Annotated[
        bool, typer.Option("--headless", help="Rehearse it: a made-up patient, no page.")
    ] = False,
    training: TrainingOptions,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Data folder to record into; made if need be."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Rehearse a day of training.

    Set-up and a whole programme on a virtual board, with a patient who does as the page would say.
    What was done is kept at once; a day that was left goes on with --resume.
    """
    from faceloop.tasks.train import TrainOptions
    from faceloop.tasks.train import train as rehearse

    with working(as_json) as progress:
        if not headless:
            raise UsageError(
                "For a day with a page start faceloop run or faceloop demo. --headless rehearses"
                " one without a page."
            )
        options = TrainOptions(
            profile=training.profile,
            stage=training.stage,
            affected_side=training.side,
            montage=training.montage,
            programme=training.programme,
            is_short=training.short,
            resume=training.resume,
            rest_s=training.rest_s,
            contract_s=training.contract_s,
            seed=training.seed,
            out=out,
        )
        result = asyncio.run(rehearse(options, progress))
    output.result(result, as_json, output.training_lines)
    if result["error"] is not None:
        output.error(result["error"]["message"])
        raise typer.Exit(result["error"]["exit_code"])
    if result["frames_lost_silently"]:
        raise typer.Exit(1)


@app.command()
@unfolded
def replay(
    file: Recording,
    *,
    headless: Headless = False,
    seconds: Seconds = None,
    face: FaceOptions = PLAYED_FACE,
    as_json: Json = False,
) -> None:
    """Play a recording and look at it live.

    It goes through a virtual board, as if it came from a face. Nothing is recorded.
    """
    from faceloop.tasks.demo import DemoOptions
    from faceloop.tasks.demo import demo as run_demo

    with working(as_json) as progress:
        options = DemoOptions(
            source=file,
            seconds=seconds,
            montage=face.montage,
            affected_side=face.side,
            rest_s=face.rest_s,
            mains_hz=face.line_hz,
            is_headless=headless,
            is_recording=False,
        )
        show = (
            None
            if headless
            else output.page(progress, (PLAYED, BEGINS_WITH_PAGE), records_days=False)
        )
        result = asyncio.run(run_demo(options, progress, show))
    _end_session(result, as_json)


@app.command()
@unfolded
def analyse(
    files: Recordings,
    *,
    face: FaceOptions = PLAYED_FACE,
    jobs: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Files to analyse at the same time.")
    ] = 1,
    parquet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a Parquet table, one row for each channel."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure recordings.

    Rest, onsets, symmetry and synkinesis, by the same signal core that runs live.
    """
    from faceloop.tasks.analyse import analyse as run
    from faceloop.tasks.analysis_lines import analysis_lines
    from faceloop.tasks.analysis_table import check_table, write_table

    with working(as_json) as progress:
        if parquet is not None:
            check_table(parquet)
        result = run(
            files,
            face.montage,
            face.side,
            rest_s=face.rest_s,
            mains_hz=face.line_hz,
            jobs=jobs,
            progress=progress,
        )
        if parquet is not None:
            write_table(result, parquet)
    output.result(result, as_json, lambda content: analysis_lines(content, parquet))
    unread = [file["exit_code"] for file in result["files"] if "error" in file]
    if unread:
        raise typer.Exit(unread[0])


# In the order of --help, behind the commands of this file.
app.add_typer(bench)
app.add_typer(programme, name="programme")
app.add_typer(heat, name="heat")


def main() -> NoReturn:
    """Run the ``faceloop`` command and leave with its exit code."""
    command: Any = typer.main.get_command(app)
    arguments = sys.argv[1:]
    names, what = named(command, arguments)
    if len(names) == len(arguments) and hasattr(what, "commands"):
        arguments = [*arguments, "--help"]  # which of its commands has still to be said
    try:
        code = command.main(arguments, prog_name="faceloop", standalone_mode=False)
        output.flush()
    except SystemExit:  # what typer makes of a pipe that nobody reads any more
        code = output.unwritable(None)
    except BrokenPipeError:
        code = output.unwritable(None)
    except OSError as error:
        code = output.unwritable(error)
    except _WrongArguments as error:
        output.error(f"{sentence(error)} Try: {' '.join(('faceloop', *names))} --help")
        code = UsageError.exit_code
    except KeyboardInterrupt:
        code = 130
    # All is said and stored: a Ctrl-C that comes now only makes the leaving shorter.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(code or 0))
    sys.exit(code)


def _notes(played: DemoFaceOptions) -> tuple[str, ...]:
    """Return what is special about a demonstration."""
    from faceloop.tasks.demo import DEFAULT_SCENARIO

    if played.source is not None:
        return (PLAYED, BEGINS_WITH_PAGE)
    if played.scenario in (None, DEFAULT_SCENARIO):
        return (MADE_UP, ACTS_SYNKINESIS, PRESSES)
    return (MADE_UP, PRESSES)


def _end_session(result: dict[str, Any], as_json: bool) -> None:
    """Print the account of a session; leave with the code of what went wrong in it."""
    output.result(result, as_json, output.session_lines)
    if result["error"] is not None:
        output.error(result["error"]["message"])
        raise typer.Exit(result["error"]["exit_code"])
    if result["frames_lost_silently"]:
        raise typer.Exit(1)
