"""``faceloop heat``: the heat pad, simulated and at the bench."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from faceloop import output
from faceloop.commands.working import working
from faceloop.errors import UsageError
from faceloop.options import Json, SerialPort
from faceloop.tasks.heat_faults import fault_names

__all__ = ["heat"]

heat = typer.Typer(help="The heat pad.")


@heat.command()
def simulate(
    *,
    wearers: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, metavar="NUMBER", help="The nominal one, then random ones."
        ),
    ] = 1,
    fault: Annotated[
        str,
        typer.Option(
            metavar="NAME|all|none",
            help=f"What breaks: {fault_names()}.",
        ),
    ] = "none",
    state: Annotated[
        str, typer.Option(metavar="WARMUP|HOLD|PAUSED", help="When it breaks.")
    ] = "HOLD",
    minutes: Annotated[
        int,
        typer.Option(
            min=1, max=15, metavar="MINUTES", help="Length of a session once it is warm."
        ),
    ] = 10,
    seed: Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Of the random wearers.")] = 1,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Picture of the first session (PNG).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Play heat sessions on a simulated pad.

    The board's own supervisor, on a simulated pad and skin, with or without a fault.
    """
    from faceloop.tasks.heat import simulate as run

    with working(as_json) as progress:
        result = run(
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


@heat.command()
def unlock(
    *,
    serial: SerialPort = None,
    bench_passed: Annotated[
        bool,
        typer.Option(
            "--bench-passed",
            help="The bench procedure was gone through since, and every step has passed.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Unlock a board's heater after the bench procedure.

    Over its USB cable only, with the pad unplugged, nobody wearing it. Each time is noted in the
    data folder.
    """
    from faceloop.tasks.heat_unlock import heat_unlock

    with working(as_json) as progress:
        if serial is None:
            raise UsageError("A heater is unlocked over its cable only. Say where: --serial PORT.")
        result = asyncio.run(heat_unlock(serial, has_passed=bench_passed, progress=progress))
    output.result(result, as_json, output.unlock_lines)
