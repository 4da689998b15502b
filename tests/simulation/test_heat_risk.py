"""The risk file of the heat pad is complete, and its controls were tested in this run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from faceloop_protocol import heat_limits

ROOT = Path(__file__).resolve().parents[2]
RISK: dict[str, Any] = yaml.safe_load((ROOT / "hardware" / "risk" / "heat.yaml").read_text())
CONTROLS = {control["id"]: control for control in RISK["controls"]}


def is_elsewhere(control: dict[str, Any]) -> bool:
    """Return whether a control is shown by tests of another folder, with it and without it.

    They run with the whole run, not with this folder; in a session that has them their results
    count here as well (``elsewhere_ran``).
    """
    if "test" not in control:
        return False
    text = (ROOT / control["test"]).read_text()
    for mark in ("risk", "mutation"):
        assert f'@pytest.mark.{mark}("{control["id"]}")' in text, (mark, control["test"])
    return True


def elsewhere_ran(control: dict[str, Any], request: pytest.FixtureRequest) -> bool:
    """Return whether the file that shows a control is in this session, whole or in part."""
    return any(item.path == ROOT / control["test"] for item in request.session.items)


@pytest.mark.parametrize("hazard", RISK["hazards"], ids=lambda hazard: hazard["id"])
def test_hazard_has_controls_that_are_no_label(hazard: dict[str, Any]) -> None:
    kinds = {CONTROLS[name]["kind"] for name in hazard["controls"]}
    assert kinds - {"label"}
    assert kinds & {"hardware", "mechanical"}
    assert hazard["p_after"] < hazard["p_before"]
    assert hazard["sev"] * hazard["p_after"] < 8 or hazard.get("residual")


def test_every_control_belongs_to_a_hazard() -> None:
    used = {name for hazard in RISK["hazards"] for name in hazard["controls"]}
    assert used == set(CONTROLS)
    assert len(CONTROLS) == len(RISK["controls"])


def test_limits_are_those_of_the_firmware() -> None:
    named = {name for control in RISK["controls"] for name in control["limits"]}
    assert named == set(RISK["limits"])
    assert {name: getattr(heat_limits, name) for name in named} == RISK["limits"]


def test_every_number_of_the_firmware_belongs_to_a_control_or_limits_nothing() -> None:
    numbers = {name for name in vars(heat_limits) if name.isupper() and name[0] != "_"}
    apart = [*RISK["settings"], *RISK["bars"]]
    assert sorted([*RISK["limits"], *apart]) == sorted(numbers)


def test_every_limit_that_is_wider_than_stated_is_one_of_the_limits() -> None:
    for item in RISK["wider"]:
        assert set(item) == {"row", "stated", "here", "limits"}
        assert item["limits"] and set(item["limits"]) <= set(RISK["limits"])


def test_what_is_built_is_shown_at_the_bench_as_well() -> None:
    built = [c for c in RISK["controls"] if c["kind"] in ("hardware", "mechanical")]
    assert [control["id"] for control in built if "bench" not in control] == []


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_control_was_tested_in_this_run(
    control: dict[str, Any],
    control_results: dict[str, list[bool]],
    request: pytest.FixtureRequest,
) -> None:
    if is_elsewhere(control) and not elsewhere_ran(control, request):
        return
    if {item.path.name for item in request.session.items} == {Path(__file__).name}:
        pytest.fail("Run the whole folder: pytest tests/simulation")
    results = control_results.get(control["id"], [])
    assert results, f"no test of {control['id']} ran"
    assert all(results)


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_control_taken_away_was_missed_in_this_run(
    control: dict[str, Any],
    mutation_results: dict[str, list[bool]],
    request: pytest.FixtureRequest,
) -> None:
    if is_elsewhere(control) and not elsewhere_ran(control, request):
        return
    results = mutation_results.get(control["id"], [])
    assert results, f"nothing takes {control['id']} away"
    assert all(results)
