"""One cue at a time: of all that is true at a moment, the first in order and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from faceloop.training.feedback import CUES, cue_of
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
