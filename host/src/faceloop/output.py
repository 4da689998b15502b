"""What the command line prints: for people, or as one JSON object for machines."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from faceloop.tasks.progress import Progress as ProgressSink
from faceloop.tasks.progress import Silent

if TYPE_CHECKING:
    from faceloop.session.live import LiveView

__all__ = [
    "analysis_lines",
    "device_lines",
    "doctor_lines",
    "error",
    "heat_lines",
    "keep_traceback",
    "page",
    "pair_lines",
    "progress",
    "result",
    "session_lines",
]

_err = Console(stderr=True, highlight=False, soft_wrap=True)


def error(text: str) -> None:
    """Print an error, on one line, apart from any result."""
    print(f"faceloop: {' '.join(text.split())}", file=sys.stderr)


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
    """Show progress on the error stream while the block runs."""
    if is_quiet or not _err.is_terminal:
        yield Silent()
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[amount]}"),
        console=_err,
        transient=True,
    )
    with bar:
        yield _Bar(bar)


class _Bar:
    """A rich progress bar behind the tasks' interface."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, amount="")

    def step(self, text: str) -> None:
        self._bar.update(self._task, description=text, total=None, completed=0, amount="")

    def amount(self, done: float, total: float | None) -> None:
        text = f"{done:.0f} s" if total is None else f"{done:.0f} of {total:.0f} s"
        self._bar.update(self._task, completed=done, total=total, amount=text)


def page(*, is_quiet: bool) -> Callable[[LiveView], Awaitable[None]]:
    """Return a function that shows a session in the browser until the person ends it."""

    async def show(session: LiveView) -> None:
        from faceloop.ui.app import serve

        def say(url: str) -> None:
            _err.print(f"Open {url}" + ("" if is_quiet else "   (Ctrl-C ends the session)"))

        await serve(session, on_ready=say)

    return show


def session_lines(content: dict[str, Any]) -> Iterator[str]:
    """Describe a session that has ended."""
    gaps = sum(n for _, n in content["gaps"])
    yield (
        f"{content['duration_s']:.1f} s of 8 channels, {gaps} frames missing, "
        f"{content['frames_resent']} sent again or late."
    )
    if content["recording"]:
        yield f"Recorded: {content['frames_recorded']} frames."
    if content["frames_lost_silently"]:
        lost = content["frames_lost_silently"]
        yield f"{lost} frames were lost without a trace: please report this."
    if not content["calibrated"]:
        yield "No rest was learnt, so no alerts were given."
    for alert in content["alerts"]:
        pair = alert["pair"].replace("_", " ")
        ratio = alert["index"]
        text = pair if ratio is None else f"{pair}, affected side {ratio:.1f} times the other"
        yield f"  {alert['t_s']:7.1f} s  {text}"
    latency = content["latency_ms"]
    if latency["n"]:
        where = "screen" if latency["kind"] == "to_screen" else "computer"
        yield (
            f"From muscle to {where}: {latency['p50']:.0f} ms (median), "
            f"{latency['p95']:.0f} ms (95 %), {latency['n']} movements."
        )
    if content["recording"]:
        yield f"Recording: {content['recording']}"
    for earlier in content["recovered"]:
        if earlier["error"] is None:
            yield f"An earlier recording was finished: {earlier['recording']}"
        else:
            yield f"An earlier recording is still unfinished: {earlier['error']}"


def analysis_lines(content: dict[str, Any]) -> Iterator[str]:
    """Describe analysed files."""
    for file in content["files"]:
        yield f"{file['file']}: {file['duration_s']:.1f} s at {file['fs_hz']:g} Hz"
        for warning in file["warnings"]:
            yield f"  {warning}"
        if not file["calibrated"]:
            yield "  No rest was found, so onsets and synkinesis were not judged."
        for channel in file["channels"]:
            rest = channel["rest_rms_uv"]
            rest_text = "no rest found" if rest is None else f"rest {rest:.1f} uV"
            onsets = f", {len(channel['onsets_s'])} onsets" if file["calibrated"] else ""
            where = channel["muscle"].replace("_", " ")
            yield f"  {channel['name']:<24} as {where:<24} {rest_text}{onsets}"
        for pair in file["pairs"]:
            ratio = pair["symmetry_ratio"]
            text = "both sides at rest" if ratio is None else f"symmetry {ratio:.0%}"
            yield f"  {pair['a'].replace('_', ' ')} / {pair['b'].replace('_', ' ')}: {text}"
        if file["calibrated"]:
            yield f"  {len(file['alerts'])} synkinesis events"


def device_lines(content: dict[str, Any]) -> Iterator[str]:
    """List boards."""
    for board in content["boards"]:
        yield f"{board['kind']:<10} {board['name']:<20} {board['address']}"
    if not content["boards"]:
        yield "No board found. Switch it on and bring it near, or try: faceloop demo"
    yield from content["notes"]


def pair_lines(content: dict[str, Any]) -> Iterator[str]:
    """Confirm a pairing."""
    yield f"Board {content['device_id']} is paired. Its key is in {content['stored_in']}."


def heat_lines(content: dict[str, Any]) -> Iterator[str]:
    """List heat sessions, the hottest first when there are many."""
    runs = content["runs"]
    shown = runs
    if len(runs) > 60:
        shown = sorted(runs, key=lambda run: -run["max_skin_degc"])[:20]
        yield f"{len(runs)} sessions; the 20 with the hottest skin:"
    for run in shown:
        off_s = run["fault_to_off_s"]
        off = "" if run["fault"] == "none" or off_s is None else f"off after {off_s:.2f} s"
        yield (
            f"{run['wearer']:>6} {run['fault']:<14} skin {run['max_skin_degc']:.2f} C, "
            f"{run['cem43']:.3f} CEM43  {run['state']:<8} {off}  {run['cause_text']}"
        )
        for text in run["missed"]:
            yield f"       not as it should be: {text}"
    if content["plot"]:
        yield f"Picture: {content['plot']}"
    yield f"{content['missed']} of {len(runs)} sessions were not as they should be."


def doctor_lines(content: dict[str, Any]) -> Iterator[str]:
    """List the checks."""
    for check in content["checks"]:
        mark = "ok " if check["ok"] else ("NO " if check["is_needed"] else "-  ")
        yield f"{mark} {check['name']:<22} {check['text']}"
    yield (
        "All that is needed is here." if content["ok"] else "Something that is needed is missing."
    )
