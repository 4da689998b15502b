"""What the job with a real BlueZ calls a pass, without a guest."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

JOB = runpy.run_path(str(Path(__file__).parent / "bluez" / "run.py"))
FOUND: dict[str, Any] = {
    "frames_expected": 100,
    "frames_recorded": 100,
    "frames_lost_silently": 0,
    "gaps": 0,
    "frames_equal_to_the_converter": {4: 90, 5: 95, 6: 100},
    "error": None,
}


def test_verdict_of_a_whole_recording_is_a_pass() -> None:
    assert JOB["verdict"](FOUND) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames_expected": 120, "gaps": 1}, "100 of 120 frames recorded, gaps 1"),
        ({"frames_lost_silently": 3}, "3 frames lost silently"),
        ({"frames_equal_to_the_converter": {6: 99}}, "99 of 100 frames equal the converter's"),
        ({"error": "The link is gone."}, "error: The link is gone."),
    ],
)
def test_verdict_says_what_did_not_hold(change: dict[str, Any], words: str) -> None:
    assert JOB["verdict"]({**FOUND, **change}) == [words]


def test_verdict_without_a_recording_or_without_a_frame_is_a_failure() -> None:
    assert JOB["verdict"]({"seconds": 1.0, "error": "Segmentation fault"}) == [
        "nothing was recorded: Segmentation fault"
    ]
    nothing = {**FOUND, "frames_expected": 0, "frames_recorded": 0}
    nothing["frames_equal_to_the_converter"] = {6: 0}
    assert JOB["verdict"](nothing) == ["no frame was converted"]


def test_frames_are_compared_where_there_are_any() -> None:
    made = np.arange(800, dtype=np.int32).reshape(100, 8) << 6
    got = made.copy()
    got[10:15] = 0
    got[90] += 1 << 5
    assert JOB["equal_frames"](made, got, [[10, 5]]) == {4: 94, 5: 94, 6: 95}
    assert JOB["equal_frames"](made, made, [[10, 5]])[6] == 95, "missing frames are not recorded"


def test_guest_says_where_its_python_crashed() -> None:
    assert "export PYTHONFAULTHANDLER=1\n" in JOB["JOB"]
