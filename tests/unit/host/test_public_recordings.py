"""Recordings that cannot live here, for their size or licence: used where they are found."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.tasks.analyse import analyse

ROOT = Path(__file__).parents[3]
RECORDINGS = ROOT.parent / "shared" / "data" / "emg"
BENCHMARKS = ROOT / "tests" / "benchmarks"

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(
        not RECORDINGS.is_dir(), reason="the recordings are not beside the project"
    ),
]


def one(name: str) -> dict[str, Any]:
    (file,) = analyse([RECORDINGS / name], "guarded8", None)["files"]
    return dict(file)


def test_what_is_left_of_the_line_is_what_a_fit_with_hindsight_leaves() -> None:
    recording = runpy.run_path(str(BENCHMARKS / "mains.py"))["recording"]
    paths = sorted(RECORDINGS.glob("facial_cyton_*.bdf"))
    rows = [
        row
        for path in paths
        for row in recording(path, RECORDINGS / "reference" / f"{path.stem}.json")
    ]
    assert len(rows) >= 15
    assert max(ratio for _, ratio, _ in rows) <= 1.05


def test_steps_of_a_walk_are_counted_and_the_heart_on_them_is_not() -> None:
    (channel,) = one("limb_tibialis_56bursts_ecg.bdf")["channels"]
    assert abs(len(channel["onsets_s"]) - 56) <= 1
    assert "heart" in channel["quality"]["reasons"]
    assert channel["quality"]["usable"] is True


def test_onsets_lie_where_public_detectors_put_them() -> None:
    review = runpy.run_path(str(BENCHMARKS / "onset_accuracy.py"))["review"]
    rows = [
        row
        for path in sorted(RECORDINGS.glob("*.[eb]df"))
        if (RECORDINGS / "reference" / f"{path.stem}.json").exists()
        for row in review(path)[0]
    ]
    onset, low, high = np.array(rows).T
    off_s = np.maximum(np.maximum(low - onset, onset - high), 0.0)
    assert len(rows) > 800
    assert np.mean(off_s == 0.0) >= 0.75
    assert np.mean(off_s <= 0.05) >= 0.95


def test_open_input_clipped_muscle_and_heart_are_named() -> None:
    assert one("facial_cyton_p001_spoken.bdf")["channels"][4]["quality"]["reasons"] == ["flat"]
    assert "clipped" in one("limb_biceps_fatigue_1khz.edf")["channels"][0]["quality"]["reasons"]
    assert "heart" in one("noise_ecg_rest_1khz.edf")["channels"][0]["quality"]["reasons"]


@pytest.mark.parametrize("name", ["p001_spoken", "p003_mouthed", "p005_spoken", "p006_subvocal"])
def test_rest_and_line_of_a_low_cost_board_are_those_of_the_references(name: str) -> None:
    file = one(f"facial_cyton_{name}.bdf")
    facts = json.loads((RECORDINGS / "reference" / f"facial_cyton_{name}.json").read_text())
    for channel in file["channels"][:4]:
        reference = facts["channels"][channel["name"]]
        assert channel["rest_rms_uv"] == pytest.approx(reference["rest"]["rms"], rel=0.35)
        assert channel["mains"]["frequency_hz"] == pytest.approx(
            reference["mains"]["frequency_hz"], abs=0.03
        )
