"""The report of a self-test: one list of checks, as JSON and as a page to print."""

from __future__ import annotations

import dataclasses
import html
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from faceloop.errors import StorageError

__all__ = ["Check", "as_page", "judged", "write_report"]

_WORDS = {True: "passed", False: "failed", None: "not tested"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    id : str
    name : str
        What it is, for people.
    value : float, str or None
        What was found.
    unit : str
    low, high : float or None
        Limits, both allowed; None: there is none.
    ok : bool or None
        None: not tested.
    note : str
        Why not, or what was said.
    """

    id: str
    name: str
    value: float | str | None
    unit: str
    low: float | None
    high: float | None
    ok: bool | None
    note: str = ""

    def untested(self, why: str) -> Self:
        """Return the same, found but not judged."""
        return dataclasses.replace(self, ok=None, note=why)

    def answered(self, is_ok: bool, what: str) -> Self:
        """Return the same with the answer of a person."""
        return dataclasses.replace(self, ok=is_ok, value=what)


def judged(
    id_: str, name: str, value: float, unit: str, low: float | None, high: float | None
) -> Check:
    """Return a check of a number against its limits; what is no number fails."""
    if math.isnan(value):
        return Check(id_, name, None, unit, low, high, False, "could not be measured")
    is_ok = (low is None or value >= low) and (high is None or value <= high)
    return Check(id_, name, round(value, 3), unit, low, high, is_ok)


def write_report(
    folder: Path, about: Mapping[str, str], checks: Sequence[Check]
) -> dict[str, Any]:
    """Write a report and return it.

    Parameters
    ----------
    folder : Path
        Made if need be.
    about : mapping of str to str
        What was tested, and when; ``device_id`` and ``utc`` become the name of the files.
    checks : sequence of Check

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    name = f"{about['device_id']}-{about['utc'].replace(':', '')}"
    content: dict[str, Any] = {
        "ok": all(check.ok is not False for check in checks),
        **about,
        "checks": [dataclasses.asdict(check) for check in checks],
        "report": str(folder / f"{name}.html"),
        "report_json": str(folder / f"{name}.json"),
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_new(Path(content["report_json"]), json.dumps(content, indent=1))
        _write_new(Path(content["report"]), as_page(content))
    except OSError as error:
        raise StorageError(
            f"The report cannot be written into {folder} ({error.strerror or error}). Choose "
            "another folder with --out."
        ) from error
    return content


def _write_new(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


_STYLE = """
body { font: 11pt/1.4 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #111; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .15em .6em .15em 0; border-bottom: 1px solid #bbb; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.failed { font-weight: bold; }
@media print { body { margin: 0; } tr { break-inside: avoid; } }
"""


def as_page(content: Mapping[str, Any]) -> str:
    """Return a report as a page of HTML that needs nothing else."""
    rows = "\n".join(_row(check) for check in content["checks"])
    n_failed = sum(check["ok"] is False for check in content["checks"])
    n_untested = sum(check["ok"] is None for check in content["checks"])
    verdict = "Passed" if content["ok"] else f"Failed: {n_failed} of {len(content['checks'])}"
    if n_untested:
        verdict += f", {n_untested} not tested"
    facts = "\n".join(
        f"<tr><th>{name}</th><td>{html.escape(str(content[key]))}</td></tr>"
        for name, key in (
            ("Board", "board"),
            ("Serial number", "device_id"),
            ("Firmware", "firmware_version"),
            ("Interpreter", "interpreter"),
            ("Tested over", "link"),
            ("When (UTC)", "utc"),
        )
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Self-test of board {html.escape(content["device_id"])}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Self-test: {html.escape(verdict)}</h1>
<table>
{facts}
</table>
<h2>Checks</h2>
<table>
<tr><th>What</th><th>Found</th><th>Allowed</th><th>Result</th></tr>
{rows}
</table>
<p>faceloop is not a medical device. A passed self-test says that the board works as it was
designed; the design has not been reviewed.</p>
<p>Tested by: ______________________ &nbsp; Date: ______________</p>
</body>
</html>
"""


def _row(check: Mapping[str, Any]) -> str:
    word = _WORDS[check["ok"]]
    value = "" if check["value"] is None else f"{check['value']} {check['unit']}".strip()
    low, high = check["low"], check["high"]
    if low is not None and high is not None:
        allowed = f"{low:g} to {high:g}" if low != high else f"{low:g}"
    else:
        allowed = f"at least {low:g}" if low is not None else f"up to {high:g}" if high else ""
    result = f"{word}: {check['note']}" if check["note"] else word
    cells = (html.escape(str(text)) for text in (check["name"], value, allowed, result))
    name, shown, bounds, verdict = cells
    return (
        f'<tr class="{word.replace(" ", "-")}"><td>{name}</td><td class="number">{shown}</td>'
        f"<td>{bounds}</td><td>{verdict}</td></tr>"
    )
