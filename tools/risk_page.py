#!/usr/bin/env python3
"""Write the heat pad's risk file as a page to read, print and sign, with the build it belongs to.

.venv/bin/python tools/risk_page.py [FILE.html]     build/risk.html without a name
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
RISK = ROOT / "hardware" / "risk" / "heat.yaml"
STYLE = (
    "body{font:11pt sans-serif;margin:2em}table{border-collapse:collapse;margin-bottom:2em}"
    "td,th{border:1px solid #888;padding:.3em .5em;text-align:left;vertical-align:top}"
)


def main(arguments: list[str]) -> int:
    """Write the page; return the exit code."""
    path = Path(arguments[0]) if arguments else ROOT / "build" / "risk.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(yaml.safe_load(RISK.read_text()), build_id()))
    print(path)
    return 0


def build_id() -> str:
    """Return the commit, with a mark when files differ from it; ``unknown`` outside of git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def page(risk: dict[str, Any], build: str) -> str:
    """Return the HTML page of a risk file.

    Parameters
    ----------
    risk : dict
        ``hazards``, ``controls``, ``wider`` and ``limits`` as in ``hardware/risk/heat.yaml``.
    build : str
    """
    lines = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Risk file: heat pad</title>',
        f"<style>{STYLE}</style><h1>Risk file: heat pad</h1>",
        f"<p>Build {escape(build)}. Not reviewed by a clinician or an electrical-safety engineer.",
        "<h2>Hazards</h2>",
        *table(
            ("id", "situation", "harm", "severity", "before", "after", "controls", "residual"),
            (hazard(entry) for entry in risk["hazards"]),
        ),
        "<h2>Controls</h2>",
        *table(
            ("id", "kind", "control", "limits", "shown by"),
            (
                (c["id"], c["kind"], c["text"], limits_of(c, risk["limits"]), shown_by(c))
                for c in risk["controls"]
            ),
        ),
        *wider(risk["wider"], risk["limits"]),
    ]
    return "\n".join(lines) + "</html>\n"


def table(names: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    """Return the lines of a table."""
    yield "<table><tr>" + "".join(f"<th>{name}" for name in names)
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in row)
    yield "</table>"


def wider(entries: list[dict[str, Any]], values: dict[str, Any]) -> Iterator[str]:
    """Return the lines about limits that are wider than stated: whoever signs has to see them."""
    yield "<h2>Wider than the safety analysis</h2>"
    if not entries:
        yield "<p>No limit is."
        return
    yield (
        "<p>Rows are those of its fault list. Reasons and measurements: "
        "tests/benchmarks/RESULTS.md. Each one has to be agreed to before a person wears a pad."
    )
    yield from table(
        ("row", "stated", "here", "limits"),
        ((e["row"], e["stated"], e["here"], limits_of(e, values)) for e in entries),
    )


def hazard(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return the cells of a hazard; risk is severity times likelihood, before and after."""
    sev = entry["sev"]
    return (
        *(entry["id"], entry["situation"], entry["harm"], sev),
        *(sev * entry["p_before"], sev * entry["p_after"]),
        *(", ".join(entry["controls"]), entry.get("residual", "ok")),
    )


def limits_of(entry: dict[str, Any], values: dict[str, Any]) -> str:
    """Return the limits of an entry with their values."""
    return ", ".join(f"{name} = {values[name]}" for name in entry["limits"])


def shown_by(control: dict[str, Any]) -> str:
    """Return where to look for what shows that a control works."""
    tests = str(control.get("test", f'tests/simulation, marked risk("{control["id"]}")'))
    return f"{tests}; bench step {control['bench']}" if "bench" in control else tests


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
