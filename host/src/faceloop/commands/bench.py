"""Commands about boards by themselves: which there are, their keys, program and tests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from faceloop import output
from faceloop.commands.working import working
from faceloop.errors import UsageError
from faceloop.options import BoardOptions, Json, SerialPort, finite, unfolded

__all__ = ["bench"]

bench = typer.Typer()


@bench.command()
def devices(
    *,
    seconds: Annotated[
        float,
        typer.Option(
            min=0.5, max=60.0, metavar="SECONDS", help="How long to listen.", callback=finite
        ),
    ] = 4.0,
    as_json: Json = False,
) -> None:
    """List boards in the air, on cables, virtual."""
    from faceloop.tasks.devices import devices as run

    with working(as_json) as progress:
        progress.step("Listening")
        result = asyncio.run(run(seconds))
    output.result(result, as_json, output.device_lines)


@bench.command()
def pair(
    *,
    serial: SerialPort = None,
    label: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Text of the board's QR label.")
    ] = None,
    therapist: Annotated[
        bool,
        typer.Option("--therapist", help="Have the board make its second key, for a therapist."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Learn a board's key, by cable or label.

    Over the cable a board gives its key once, and again when its button was held for 5 s.
    """
    from faceloop.tasks.pair import pair_by_cable, pair_by_label

    with working(as_json) as progress:
        if serial is not None and label is None:
            progress.step("Asking the board")
            result = asyncio.run(pair_by_cable(serial, is_therapist=therapist))
        elif label is not None and serial is None and not therapist:
            result = pair_by_label(label)
        else:
            raise UsageError(
                "Say how: --serial PORT with the board on a cable ('faceloop devices' lists the"
                " ports), or --label TEXT."
            )
    output.result(result, as_json, output.pair_lines)


@bench.command()
def flash(
    *,
    port: Annotated[
        str | None,
        typer.Option(metavar="PORT", help="Where the board is; found when it is the only one."),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            metavar="pico2w|esp32s3|virtual", help="What it must be; found out when not given."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Install or update a board's program.

    Over its USB cable, nobody wearing it. MicroPython 1.29 has to be on the board.
    """
    from faceloop.tasks.flash import flash as run
    from faceloop.tasks.program import PROFILES

    with working(as_json) as progress:
        if board is not None and board not in PROFILES:
            raise UsageError(f"There is no board {board}. There are: {', '.join(PROFILES)}.")
        result = asyncio.run(run(port, board, progress))
    output.result(result, as_json, output.flash_lines)


@bench.command()
@unfolded
def selftest(
    *,
    board: BoardOptions,
    seconds: Annotated[
        float,
        typer.Option(
            min=5.0,
            max=600.0,
            metavar="SECONDS",
            help="How long to stream; the clock is known to 5 ms over it, and judged from 50 s.",
            callback=finite,
        ),
    ] = 60.0,
    ask: Annotated[
        bool, typer.Option("--ask", help="A person is here: button, light and motor as well.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the report; made if need be.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Test a board and write a report.

    Noise, gain, channels, clock, link, battery. With the bench plug, or nothing on the electrodes.
    """
    from faceloop.tasks.selftest import SelfTestOptions
    from faceloop.tasks.selftest import selftest as run

    with working(as_json) as progress:
        options = SelfTestOptions(
            device=board.device,
            serial=board.serial,
            is_virtual=board.virtual,
            seconds=seconds,
            out=out,
        )
        result = asyncio.run(run(options, progress, output.ask if ask else None))
    output.result(result, as_json, output.selftest_lines)
    if not result["ok"]:
        raise typer.Exit(1)


@bench.command()
def doctor(*, as_json: Json = False) -> None:
    """Check that all faceloop needs is here."""
    from faceloop.tasks.doctor import doctor as run

    with working(as_json) as progress:
        progress.step("Checking")
        result = asyncio.run(run())
    output.result(result, as_json, output.doctor_lines)
    if not result["ok"]:
        raise typer.Exit(1)
