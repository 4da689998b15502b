"""The risk file as a page: everything is on it, with its limits and the build."""

from __future__ import annotations

import runpy
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

import yaml

from faceloop_protocol import heat_limits

ROOT = Path(__file__).resolve().parents[3]
RISK: dict[str, Any] = yaml.safe_load((ROOT / "hardware" / "risk" / "heat.yaml").read_text())
page = runpy.run_path(str(ROOT / "tools" / "risk_page.py"))["page"]


def test_page_has_every_hazard_control_and_limit_and_the_build(tmp_path: Path) -> None:
    path = tmp_path / "risk.html"
    tool = ROOT / "tools" / "risk_page.py"
    subprocess.run([sys.executable, str(tool), str(path)], check=True, stdout=subprocess.PIPE)
    html = path.read_text()
    for entry in (*RISK["hazards"], *RISK["controls"]):
        assert f"<tr><td>{entry['id']}<td>" in html
    for control in RISK["controls"]:
        assert f"risk(&quot;{control['id']}&quot;)" in html or control["test"] in html
        assert "bench" not in control or f"; bench step {control['bench']}" in html
    for name in RISK["limits"]:
        assert f"{name} = {getattr(heat_limits, name)}" in html
    assert "<p>Build " in html and "<p>Build ." not in html
    entries = [*RISK["hazards"], *RISK["controls"], *RISK["wider"]]
    assert html.count("<tr>") == 3 + len(entries)


def test_page_shows_every_limit_that_is_wider_than_stated_with_its_number() -> None:
    html = page(RISK, "1")
    heading = "<h2>Wider than the safety analysis</h2>"
    assert html.count(heading) == 1
    shown = html[html.index(heading) :]
    for entry in RISK["wider"]:
        numbers = ", ".join(f"{name} = {RISK['limits'][name]}" for name in entry["limits"])
        cells = (entry["row"], entry["stated"], entry["here"], numbers)
        assert "<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in cells) in shown


def test_page_says_when_no_limit_is_wider() -> None:
    assert "<p>No limit is." in page({**RISK, "wider": []}, "1")
    assert "<p>No limit is." not in page(RISK, "1")
