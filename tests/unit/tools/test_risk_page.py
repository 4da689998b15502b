"""The risk file as a page: everything is on it, with its limits and the build."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from faceloop_protocol import heat_limits

ROOT = Path(__file__).resolve().parents[3]
RISK: dict[str, Any] = yaml.safe_load((ROOT / "hardware" / "risk" / "heat.yaml").read_text())


def test_page_has_every_hazard_control_and_limit_and_the_build(tmp_path: Path) -> None:
    path = tmp_path / "risk.html"
    tool = ROOT / "tools" / "risk_page.py"
    subprocess.run([sys.executable, str(tool), str(path)], check=True, stdout=subprocess.PIPE)
    page = path.read_text()
    for entry in (*RISK["hazards"], *RISK["controls"]):
        assert f"<tr><td>{entry['id']}<td>" in page
    for control in RISK["controls"]:
        assert f"risk(&quot;{control['id']}&quot;)" in page or control["test"] in page
        assert "bench" not in control or f"; bench step {control['bench']}" in page
    for name in RISK["limits"]:
        assert f"{name} = {getattr(heat_limits, name)}" in page
    assert "<p>Build " in page and "<p>Build ." not in page
    assert page.count("<tr>") == 2 + len(RISK["hazards"]) + len(RISK["controls"])
