"""One cue at a time: of all that is true at a moment, the first in order and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from faceloop.training.feedback import CUES, Shape, Sound, cue_of, trial_feedback
from faceloop.training.guard import GuardVerdict
from faceloop.training.rules import CueSpec
from faceloop.training.trial import Levels

LABELS = tuple(f"zygomaticus_major_{side}" for side in ("l", "r"))


def moment() -> Any:
    """Everything that can be wrong in a hold, all at once."""
    return SimpleNamespace(
        bad_channels=(0,),
        bad_reason="pop",
        levels=Levels(affected_share=0.1, unaffected_share=0.9, effort=9.0),
        verdict=GuardVerdict(muscle="orbicularis_oculi", is_vetoed=True),
        is_moving=True,
        phase="hold",
        spec=SimpleNamespace(
            has_feedback=True, effort_limit=3.0, goal_share=0.8, band_share=0.25, cues=CueSpec()
        ),
    )


def test_most_important_cue_is_the_only_one() -> None:
    now = moment()
    told = []
    for put_right in (
        lambda: setattr(now, "bad_channels", ()),
        lambda: setattr(now, "verdict", GuardVerdict(muscle="orbicularis_oculi")),
        lambda: setattr(now, "verdict", GuardVerdict()),
        lambda: setattr(now, "levels", Levels(0.1, 0.9, 2.0)),
        lambda: setattr(now, "levels", Levels(0.8, 0.9, 2.0)),
    ):
        told.append(cue_of(now, LABELS).kind)
        put_right()
    told.append(cue_of(now, LABELS).kind)
    assert told == ["bad_contact", "jaw", "synkinesis", "effort", "uneven", "hold"]
    assert told == sorted(told, key=CUES.index)


def test_less_is_asked_for_well_above_the_band_though_no_limit_is_reached() -> None:
    now = moment()
    now.bad_channels, now.verdict = (), GuardVerdict()
    for phase, level, cue in (
        ("hold", 1.2, "hold"),  # 0.8 and a quarter of it is the band's edge, 1.0
        ("hold", 1.26, "effort"),
        ("rise", 1.26, "rise"),
    ):
        now.phase, now.levels = phase, Levels(level, level + 0.1, 2.0)
        assert cue_of(now, LABELS).kind == cue


def test_repetition_without_feedback_says_only_what_to_do() -> None:
    now = moment()
    now.bad_channels, now.verdict = (), GuardVerdict(muscle="orbicularis_oculi")
    now.spec.has_feedback = False
    assert cue_of(now, LABELS).kind == "hold"


def fed_back(affected: float, unaffected: float, side: Any = "left", guard: str = "") -> Any:
    """Return the feedback of a hold in which these are the levels; the target is 0.2."""
    now = moment()
    now.bad_channels, now.verdict = (), GuardVerdict(muscle=guard)
    now.levels = Levels(affected, unaffected, 2.0)
    now.spec.goal_share, now.spec.muscle = 0.2, "zygomaticus_major"
    now.goal_now = lambda now_s: 0.2
    return trial_feedback(now, 0.0, side, LABELS)


@pytest.mark.parametrize(
    ("affected", "unaffected", "pitch", "volume"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (0.1, 0.1, 0.25, 0.5),
        (0.2, 0.2, 0.5, 1.0),  # the target
        (0.3, 0.3, 0.75, 1.0),
        (0.9, 0.9, 1.0, 1.0),
        (0.1, 0.9, 0.25, 0.5),  # one side alone does not reach the tone
        (0.9, 0.1, 0.25, 0.5),
    ],
)
def test_tone_rises_with_the_side_that_does_less(
    affected: float, unaffected: float, pitch: float, volume: float
) -> None:
    sound = fed_back(affected, unaffected).sound
    assert (sound.pitch, sound.volume, sound.sign) == (
        pytest.approx(pitch),
        pytest.approx(volume),
        "",
    )


def test_muscle_that_joins_in_has_a_sign_of_its_own_and_makes_the_shape_ripple() -> None:
    quiet, joined = fed_back(0.2, 0.2), fed_back(0.2, 0.2, guard="orbicularis_oculi")
    assert (quiet.sound.sign, quiet.shape.ripple) == ("", 0.0)
    assert (joined.sound.sign, joined.shape.ripple) == ("synkinesis", 1.0)
    assert joined.sound.pitch == quiet.sound.pitch


@pytest.mark.parametrize(
    ("left", "right", "size", "lean"),
    [
        (0.2, 0.2, 1.0, 0.0),  # at the target, even
        (0.1, 0.1, 0.5, 0.0),
        (0.1, 0.3, 1.0, 0.5),
        (0.3, 0.1, 1.0, -0.5),
        (0.0, 0.2, 0.5, 1.0),
        (0.9, 0.9, 2.0, 0.0),  # no larger than twice
        (0.0, 0.04, 0.1, 0.0),  # at rest a ratio is one of noise
    ],
)
@pytest.mark.parametrize("side", ["left", "right"])
def test_shape_has_the_size_of_both_and_leans_to_the_side_that_does_more(
    left: float, right: float, size: float, lean: float, side: str
) -> None:
    """The person's left and right, whichever is the affected one."""
    affected, unaffected = (left, right) if side == "left" else (right, left)
    shape = fed_back(affected, unaffected, side).shape
    assert (shape.size, shape.lean) == (pytest.approx(size), pytest.approx(lean))
    shown = fed_back(affected, unaffected, side)
    assert (shown.left_share, shown.right_share) == (left, right)


def test_nothing_sounds_and_no_shape_is_drawn_where_the_signal_cannot_be_judged() -> None:
    now = moment()
    now.spec.muscle, now.goal_now = "zygomaticus_major", lambda now_s: 0.8
    muted = trial_feedback(now, 0.0, "left", LABELS)
    assert muted.is_muted and not muted.is_shown
    assert (muted.sound, muted.shape, muted.left_share) == (Sound(), Shape(), None)
