"""What the command line prints: for people, or as one JSON object for machines."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn

from faceloop.errors import StorageError
from faceloop.tasks.progress import Progress as ProgressSink
from faceloop.tasks.progress import Silent
from faceloop_protocol.limits import FS_HZ

if TYPE_CHECKING:
    from faceloop.session.live import LiveView
    from faceloop.tasks.attendance import Observer, Presentation

__all__ = [
    "ask",
    "device_lines",
    "doctor_lines",
    "error",
    "flash_lines",
    "flush",
    "heat_lines",
    "keep_traceback",
    "page",
    "pair_lines",
    "progress",
    "result",
    "selftest_lines",
    "session_lines",
    "unlock_lines",
    "unwritable",
]

MOST_ALERTS = 6  # told one by one; --json and a recording have all of them
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def error(text: str) -> None:
    """Print an error, on one line, apart from any result."""
    with contextlib.suppress(OSError):  # the exit code still tells
        print(f"faceloop: {' '.join(text.split())}", file=sys.stderr)


def flush() -> None:
    """Write out what was printed; what cannot be written is an error here, not at the exit."""
    if sys.stdout is not None:  # closed by whoever started this
        sys.stdout.flush()


def unwritable(reason: OSError | None) -> int:
    """Say that the output cannot be written; return the exit code.

    Parameters
    ----------
    reason : OSError or None
        None when whoever read it has had enough, which needs no words.
    """
    with contextlib.suppress(OSError, ValueError):
        # What is still in the buffer would be tried again at the exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    if reason is not None:
        error(
            f"The output cannot be written ({reason.strerror or reason}). What was recorded is"
            " kept: send the output to another place."
        )
    return StorageError.exit_code


def keep_traceback() -> str:
    """Write the traceback of the error at hand to a file; return a sentence that says where."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="faceloop-error-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exc(file=file)
    return f"What was recorded is kept. Please report it with {file.name}"


def result(
    content: dict[str, Any], as_json: bool, lines: Callable[[dict[str, Any]], Iterable[str]]
) -> None:
    """Print a result, as JSON or as the lines that ``lines`` makes of it."""
    if as_json:
        print(json.dumps(content))
    else:
        for line in lines(content):
            print(line)


@contextlib.contextmanager
def progress(*, is_quiet: bool) -> Iterator[ProgressSink]:
    """Show progress on the error stream while the block runs.

    With ``is_quiet`` nothing is shown but where the page is.
    """
    if is_quiet or not _err.is_terminal:
        yield _Lines(is_quiet)
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        _KnownEnd(bar_width=30),
        TextColumn("{task.fields[amount]}", markup=False),
        console=_err,
        transient=True,
        refresh_per_second=4,
    )
    with bar:
        yield _Bar(bar)


class _Lines(Silent):
    """No progress, only what is said."""

    def __init__(self, is_quiet: bool) -> None:
        self.is_quiet = is_quiet

    def say(self, text: str) -> None:
        if not self.is_quiet:
            _print(text)

    def close(self, text: str) -> None:
        self.say(text)


class _KnownEnd(BarColumn):
    """A bar only for what has an end; one that runs to and fro says nothing."""

    def render(self, task: Task) -> Any:
        return super().render(task) if task.total is not None else ""


class _Bar:
    """A rich progress bar behind the tasks' interface."""

    is_quiet = False

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, amount="")

    def step(self, text: str) -> None:
        self._bar.update(self._task, description=text, total=None, completed=0, amount="")

    def amount(self, done: float, total: float | None) -> None:
        text = f"{done:.0f} s" if total is None else f"{done:.0f} of {total:.0f} s"
        self._bar.update(self._task, completed=done, total=total, amount=text)

    def say(self, text: str) -> None:
        _print(text)

    def close(self, text: str) -> None:
        self._bar.stop()  # gives the terminal its cursor back
        _print(text)


def _print(text: str) -> None:
    # The terminal may be what has just gone away.
    with contextlib.suppress(OSError):
        _err.print(text, markup=False, emoji=False)


def page(
    progress: ProgressSink,
    notes: Sequence[str] = (),
    data: Path | None = None,
    *,
    records_days: bool = True,
) -> Presentation:
    """Return a function that shows a session in the browser until the person ends it.

    Parameters
    ----------
    progress : Progress
        Told where the page is.
    notes : sequence of str
        What is special about this session: the first is said on every page, all on the first page.
    data : Path or None
        Data folder; None takes the user's own.
    records_days : bool
        The signal of a day of training is kept with it.
    """
    progress.step("Preparing the page")
    # Not once the signal runs: it takes a second in which nothing could be received.
    from faceloop.session.store import Store
    from faceloop.ui.app import serve

    root = Store(data).root

    async def show(
        session: LiveView,
        observer: Observer | None = None,
        *,
        earlier: Sequence[str] = (),
        on_watched: Callable[[], None] | None = None,
    ) -> None:
        def tell(url: str) -> None:
            _print(f"Open {url}")
            progress.say(
                "This address works on this computer until the session ends. Ctrl-C ends it."
            )

        await serve(
            session,
            on_ready=tell,
            notes=notes,
            earlier=earlier,
            on_watched=on_watched,
            data=root,
            observer=observer,
            records_days=records_days,
        )

    return show


def session_lines(content: dict[str, Any]) -> Iterator[str]:
    """Describe a session that has ended."""
    end_frame = round(content["duration_s"] * FS_HZ)
    missing = sum(n for at, n in content["gaps"] if at < end_frame)
    missing_after = sum(n for at, n in content["gaps"] if at >= end_frame)
    late = content["frames_resent"]
    what = f"{content['duration_s']:.1f} s of signal from 8 channels"
    if missing:
        yield f"{what}, {_seconds(missing)} of it missing."
    elif content["frames_lost_silently"] or not content["end_known"]:
        yield f"{what}."
    else:
        yield f"{what}, complete."
    if missing_after:
        yield f"Another {_seconds(missing_after)} that the board measured after it are missing."
    if not content["end_known"] and content["error"] is None:
        yield (
            "The board was out of reach when the session ended: what it still held is not in the"
            " recording."
            if content["recording"]
            else "The board was out of reach when the session ended."
        )
    if late:
        yield f"{_seconds(late)} of it came late and was put where it belongs."
    if content["frames_lost_silently"]:
        lost = content["frames_lost_silently"]
        yield f"{lost} frames were lost without a trace: please report this."
    if not content["calibrated"]:
        yield "No rest was learnt, so no alerts were given."
    yield from _alert_lines(content["alerts"], content["affected_side"])
    latency = content["latency_ms"]
    if latency["n"]:
        where = "screen" if latency["kind"] == "to_screen" else "computer"
        yield (
            f"From muscle to {where}: {latency['p50']:.0f} ms (median), "
            f"{latency['p95']:.0f} ms (95 %), {latency['n']} movements."
        )
    if content["recording"]:
        yield f"Recording: {content['recording']}"
    if content["continued"]:
        yield "It goes on where an interrupted run had left it."
    for earlier in content["recovered"]:
        if earlier["error"] is None:
            yield f"An earlier recording was finished: {earlier['recording']}"
        else:
            yield f"An earlier recording is still unfinished: {earlier['error']}"


def training_lines(content: dict[str, Any]) -> Iterator[str]:
    """Describe a day of training that has ended."""
    if not content["trials"]:
        yield f"The day is {content['outcome'].replace('_', ' ')}; no repetition was stored."
    else:
        clean = sum(trial["is_clean"] for trial in content["trials"])
        yield (
            f"{len(content['trials'])} repetitions, {clean} of them clean; the day is"
            f" {content['outcome']}."
        )
    if content.get("symmetry") is not None:
        yield (
            f"Symmetry {100 * content['symmetry']:.0f} %; another muscle joined in"
            f" {content['synkinesis_per_repetition']:.1f} times a repetition."
        )
    yield from session_lines(content)


def programme_lines(content: dict[str, Any]) -> Iterator[str]:
    """List programmes."""
    for entry in content["programmes"]:
        blocks = ", ".join(entry["blocks"])
        yield (
            f"{entry['name']}: {entry['minutes']:.0f} minutes for {', '.join(entry['stages'])}"
            f" ({blocks})"
        )


def _alert_lines(alerts: list[dict[str, Any]], side: str | None) -> Iterator[str]:
    if alerts:
        times = "once" if len(alerts) == 1 else f"{len(alerts)} times"
        where = f" on the {side}" if side else ""
        yield f"A quiet muscle joined in {times}{where}:"
    for alert in alerts[:MOST_ALERTS]:
        moved, _, guard = alert["pair"].partition("_to_")
        index = alert["index"]
        strength = "" if index is None else f", {index:.1f} times the other side"
        yield f"  {alert['t_s']:7.1f} s  the {guard} while the {moved} moved{strength}"
    if len(alerts) > MOST_ALERTS:
        yield f"  and {len(alerts) - MOST_ALERTS} more"


def _seconds(frames: int) -> str:
    return f"{frames / FS_HZ:.2f} s"


def device_lines(content: dict[str, Any]) -> Iterator[str]:
    """List boards."""
    for board in content["boards"]:
        yield f"{board['kind']:<10} {board['name']:<20} {board['address']}"
    if not content["boards"]:
        yield "No board found. Switch it on and bring it near, or try: faceloop demo"
    yield from content["notes"]


def flash_lines(content: dict[str, Any]) -> Iterator[str]:
    """Say what was put on a board."""
    yield (
        f"{content['board']} {content['device_id']} now has faceloop "
        f"{content['firmware_version']} ({content['interpreter']})."
    )
    if content["slot"]:
        yield (
            f"{content['copied']} of {content['files']} files copied, all "
            f"{content['bytes'] / 1024:.0f} KiB checked, {content['seconds']:.0f} s."
        )
    else:
        yield "The program is part of its MicroPython: nothing had to be copied."
    port = content["port"]
    yield f"Next: faceloop pair --serial {port}, then faceloop selftest --serial {port}"


def ask(question: str) -> bool:
    """Ask the person at the terminal; only a clear yes is one."""
    print(f"{question} [y/n] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def selftest_lines(content: dict[str, Any]) -> Iterator[str]:
    """List what a self-test found, what failed last."""
    checks = sorted(content["checks"], key=lambda check: check["ok"] is False)
    for check in checks:
        word = {True: "ok", False: "FAILED", None: "-"}[check["ok"]]
        value = "" if check["value"] is None else f"{check['value']} {check['unit']}".rstrip()
        note = f"  ({check['note']})" if check["note"] else ""
        yield f"{word:<7} {check['name']}: {value}{note}"
    verdict = "passed" if content["ok"] else "failed"
    yield f"Board {content['device_id']} {verdict}. Report to print: {content['report']}"


def pair_lines(content: dict[str, Any]) -> Iterator[str]:
    """Confirm a pairing; show the label while it is known."""
    if content["stored_in"] is not None:
        yield f"Board {content['device_id']} is paired. Its key is in {content['stored_in']}."
    else:
        yield f"A second key of board {content['device_id']}, for another computer. Kept nowhere:"
    if "label" in content:
        from faceloop.tasks.pair import qr_code

        yield content["label"]
        yield qr_code(content["label"])
        yield (
            "This is the board's label. Whoever has it can use the board: keep it with you, not on"
            " the board. The board shows it once; after that its button has to be held for 5 s."
        )


def heat_lines(content: dict[str, Any]) -> Iterator[str]:
    """List heat sessions; when there are many, the rows of the fault list."""
    apart = [run for run in content["runs"] if run["layer"] == "mechanical"]
    runs = [run for run in content["runs"] if run["layer"] != "mechanical"]
    if len(runs) > 60:
        yield f"{len(runs)} sessions, by the rows of the fault list:"
        yield from _heat_rows(runs)
    else:
        for run in runs:
            yield from _heat_run(run)
    if apart:
        yield "Apart, what no sensor can see and the pad's carrier has to prevent, not counted:"
        yield from (
            _heat_rows(apart)
            if len(apart) > 20
            else (line for run in apart for line in _heat_run(run))
        )
    if content["plot"]:
        yield f"Picture: {content['plot']}"
    if runs:
        yield f"{len(runs) - content['missed']} of {len(runs)} sessions went as they should."
    if apart:
        yield f"{content['mechanical']} of {len(apart)} with an unseen fold were too hot."
    yield "CEM43 is the skin's dose of heat: as many minutes at 43 C would do the same to it."


def _heat_rows(runs: list[dict[str, Any]]) -> Iterator[str]:
    """List how many sessions of each fault there were, what was missed, and the hottest skin."""
    yield "row fault              runs  missed  skin C    CEM43  first missed"
    by_fault: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for run in runs:
        by_fault.setdefault((run["row"], run["fault"]), []).append(run)
    for (row, fault), same in sorted(by_fault.items()):
        missed = [run for run in same if run["missed"]]
        first = f"wearer {missed[0]['wearer']}: {missed[0]['missed'][0]}" if missed else ""
        hottest_degc = max(run["max_skin_degc"] for run in same)
        most_cem43 = max(run["cem43"] for run in same)
        yield (
            f"{row:>3} {fault:<16} {len(same):>6}  {len(missed):>6}  {hottest_degc:>6.2f} "
            f"{most_cem43:>8.3f}  {first}".rstrip()
        )


def _heat_run(run: dict[str, Any]) -> Iterator[str]:
    off_s = run["fault_to_off_s"]
    off = "" if run["fault"] == "none" or off_s is None else f"off after {off_s:.2f} s"
    row = f"row {run['row']:>2} " if run["row"] else ""
    yield (
        f"{run['wearer']:>6} {row}{run['fault']:<14} skin {run['max_skin_degc']:.2f} C, "
        f"{run['cem43']:.3f} CEM43  {run['state']:<8} {off}  {run['cause_text']}"
    )
    for text in run["missed"]:
        yield f"       not as it should be: {text}"


def unlock_lines(content: dict[str, Any]) -> Iterator[str]:
    """Say what was unlocked, and what comes before the next heat."""
    yield f"The heater of board {content['device_id']} is unlocked."
    yield f"It was locked because: {content['cause_text']}"
    yield "Plug the pad in only with the cable out; its test runs before the next heat."
    yield f"Noted in {content['log']}."


def doctor_lines(content: dict[str, Any]) -> Iterator[str]:
    """List the checks."""
    for check in content["checks"]:
        mark = "ok " if check["ok"] else ("NO " if check["is_needed"] else "-  ")
        yield f"{mark} {check['name']:<22} {check['text']}"
    yield (
        "All that is needed is here." if content["ok"] else "Something that is needed is missing."
    )
