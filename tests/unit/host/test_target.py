"""Of which muscle the symmetry is told: the one that is moved, not one that joins in."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceloop.session.analysis import Analysis
from faceloop.session.montage import MONTAGES
from faceloop.twin.sources import FS_HZ, LSB_UV, make_source
from faceloop.ui.feed import LiveFeed
from faceloop.ui.target import STAY, Target

MONTAGE = MONTAGES["guarded8"]
EYE, SMILE, CHIN, JAW = range(4)
REST_UV = np.full(8, 2.0)
SECONDS = 40
BLOCK = 20
# A movement of the made-up face is at its height from 0.3 s to 1.2 s after it began.
HEIGHT = (600, 2400)


def rows(**sides_uv: tuple[float, float]) -> np.ndarray:
    """Return what every muscle has, left and right; those not named rest."""
    now_uv = np.full((4, 3), np.nan)
    for name, (left, right) in sides_uv.items():
        at = {"eye": EYE, "smile": SMILE, "chin": CHIN, "jaw": JAW}[name]
        now_uv[at] = left, right, min(left, right) / max(left, right)
    return now_uv


def told(side: Any, *, asked: str = "", **sides_uv: tuple[float, float]) -> int | None:
    target = Target(MONTAGE.muscles, side)
    target.take(rows(**sides_uv), REST_UV, asked)
    return target.at


def test_muscle_that_joins_in_on_the_affected_side_is_not_the_target() -> None:
    # The eyes close, and on the left the smile muscle does more than either eye.
    closing = {"eye": (20.0, 24.0), "smile": (60.0, 5.0)}
    assert told("left", **closing) == EYE
    assert told(None, **closing) == EYE
    # The same levels with the right side affected are a smile that the right side hardly makes.
    assert told("right", **closing) == SMILE


def test_weak_side_is_the_reason_to_look_at_the_other_one() -> None:
    assert told("left", smile=(3.0, 40.0), eye=(4.0, 9.0)) == SMILE


def test_at_rest_and_without_a_rest_to_compare_with_there_is_none() -> None:
    assert told("left") is None
    target = Target(MONTAGE.muscles, "left")
    target.take(rows(smile=(9.0, 9.0)), np.full(8, np.nan))
    assert target.at is None


def test_clenched_jaw_that_leaks_into_the_cheeks_is_no_target() -> None:
    assert told("left", jaw=(80.0, 90.0), smile=(20.0, 30.0)) is None


def test_what_a_repetition_asks_for_is_the_target_whatever_is_stronger() -> None:
    asked = {"asked": "zygomaticus_major"}
    assert told("left", smile=(4.0, 5.0), eye=(30.0, 30.0), **asked) == SMILE
    assert told("left", jaw=(80.0, 90.0), smile=(4.0, 5.0), **asked) == SMILE


def test_two_muscles_about_as_active_do_not_take_turns() -> None:
    target = Target(MONTAGE.muscles, "left")
    target.take(rows(eye=(10.0, 10.0)), REST_UV)
    target.take(rows(eye=(10.0, 10.0), smile=(12.0, 0.95 * 10.0 * STAY)), REST_UV)
    assert target.at == EYE
    target.take(rows(eye=(10.0, 10.0), smile=(12.0, 1.05 * 10.0 * STAY)), REST_UV)
    assert target.at == SMILE


@pytest.mark.parametrize(
    ("scenario", "is_side_known", "affected"),
    [
        ("synkinesis", True, "left"),
        ("synkinesis", False, "right"),
        ("mixed", True, "right"),
        ("mixed", False, "left"),
        pytest.param("synkinesis", True, "right", marks=pytest.mark.full),
        pytest.param("synkinesis", False, "left", marks=pytest.mark.full),
        pytest.param("mixed", True, "left", marks=pytest.mark.full),
        pytest.param("mixed", False, "right", marks=pytest.mark.full),
    ],
)
async def test_made_up_face_is_told_by_the_muscle_that_its_script_moves(
    scenario: str, is_side_known: bool, affected: str
) -> None:
    source = make_source(
        {"kind": "face", "scenario": scenario, "seconds": SECONDS, "seed": 5, "affected": affected}
    )
    counts = source.read(round(SECONDS * FS_HZ))
    side: Any = affected if is_side_known else None
    analysis = Analysis(MONTAGE, side, fs_hz=FS_HZ, lsb_uv=LSB_UV, rest_s=5.0)

    async def blocks(max_waiting: int = 64) -> Any:
        for at in range(0, len(counts), BLOCK):
            yield analysis.push(np.ascontiguousarray(counts[at : at + BLOCK]), 0, math.nan)
            moved = feed.moved()
            seen.append("" if moved is None else moved.muscle)

    seen: list[str] = []
    feed = LiveFeed(
        SimpleNamespace(  # type: ignore[arg-type]
            muscles=MONTAGE.muscles,
            labels=MONTAGE.labels,
            fs_hz=float(FS_HZ),
            affected_side=side,
            blocks=blocks,
        )
    )
    await feed.run()
    moved_on_purpose = [
        (MONTAGE.labels[onset.channel][:-2], onset.frame_3db)
        for onset in source.onsets
        if onset.kind == "voluntary" and onset.frame_3db + HEIGHT[1] < len(counts)
    ]
    assert {muscle for muscle, _ in moved_on_purpose} >= {"zygomaticus_major", "orbicularis_oculi"}
    for muscle, frame in moved_on_purpose:
        window = seen[(frame + HEIGHT[0]) // BLOCK : (frame + HEIGHT[1]) // BLOCK]
        expected = "" if muscle == "masseter" else muscle
        assert Counter(window)[expected] >= 0.95 * len(window), (muscle, frame, Counter(window))
