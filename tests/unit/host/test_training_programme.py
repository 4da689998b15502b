"""Programmes: what is shipped, what a file may say, and what is said about a wrong one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from faceloop.errors import UsageError
from faceloop.session.montage import MONTAGES
from faceloop.training.blocks import steps_of
from faceloop.training.fields import FIXED, fields_of, parts_of, usual_value
from faceloop.training.movements import MOVEMENTS, movement_named
from faceloop.training.programme import Programme, RetrainingBlock, json_schema
from faceloop.training.programme_file import (
    SHIPPED,
    changed_programme,
    parse_programme,
    programme_text,
    programme_with,
    read_programme,
    shipped_programme,
    shipped_programmes,
)
from faceloop.training.references import References
from faceloop.training.score import ScoredHop, ScoreRule, score
from faceloop.training.setup import SetUpTimes
from faceloop.training.stage import STAGES, Stage, StageLock

GOOD = """
format = 1
name = "mine"
stages = ["synkinesis"]

[[block]]
name = "moves"
kind = "retraining"
repetitions = 4
"""


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_full_and_a_five_minute_day(stage: Stage) -> None:
    full, short = shipped_programme(stage), shipped_programme(stage, is_short=True)
    assert full.stages == short.stages == (stage,)
    assert 20 * 60 <= full.planned_s <= 40 * 60
    assert 4 * 60 <= short.planned_s <= 5.5 * 60


def test_full_day_of_retraining_takes_half_an_hour_and_has_every_block() -> None:
    for stage in ("paresis", "synkinesis"):
        day = shipped_programme(stage)  # type: ignore[arg-type]
        daily = Programme(
            name="x", stages=day.stages, block=tuple(b for b in day.block if b.every_days == 1)
        )
        assert daily.planned_s / 60 == pytest.approx(30, abs=1)
        kinds = [block.kind for block in day.block]
        assert set(kinds) == {
            "settle", "heat", "massage", "retraining", "function", "cool_down"
        }  # fmt: skip
        heat = next(block for block in day.block if block.kind == "heat")
        assert not heat.is_on  # a therapist turns it on


def test_care_for_the_eye_comes_first_before_movement_has_returned() -> None:
    for is_short in (False, True):
        day = shipped_programme("flaccid", is_short=is_short)
        first, settle = steps_of(day.block[0], (), StageLock("flaccid"))
        assert (first.id, settle.id) == ("eye_care", "settle")
        assert first.title.key == "train.eye_care.title"
        assert day.planned_s >= first.duration_s + settle.duration_s
    assert len(steps_of(shipped_programme("synkinesis").block[0], (), StageLock("flaccid"))) == 1


def test_shipped_files_are_named_as_their_programme() -> None:
    assert {path.stem for path in SHIPPED.glob("*.toml")} == set(shipped_programmes())


def test_programme_written_and_read_again_is_the_same() -> None:
    for programme in shipped_programmes().values():
        text = programme_text(programme)
        assert parse_programme(text, "again") == programme
        assert len(text.splitlines()) > 20  # every key is there to be changed


def test_schema_names_every_key_and_its_limits() -> None:
    schema = json_schema()["$defs"]["RetrainingBlock"]["properties"]
    assert set(schema) == set(RetrainingBlock.model_fields)
    assert (schema["hold_s"]["minimum"], schema["hold_s"]["maximum"]) == (1, 15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("repetitions = 4", "repetitions = 40"), "repetitions is 40; it must be at most 20"),
        (("repetitions = 4", "repetitions = 0"), "repetitions is 0; it must be at least 1."),
        (("repetitions = 4", "repetition = 4"), "block moves: repetition is not known here."),
        (("repetitions = 4", "repetitions = 4.5"), "block moves: repetitions is 4.5: "),
        (("repetitions = 4", 'hold_s = "long"'), 'block moves: hold_s is "long": '),
        (("repetitions = 4", "hold_s = nan"), "block moves: hold_s is NaN"),
        (("repetitions = 4", "effort_limit = 5"), "effort_limit is 5; it must be at most 3."),
        (("repetitions = 4", "goal_share = 0.7"), "goal_share is 0.7; it may be at most"),
        (("repetitions = 4", 'movements = ["grin"]'), "'grin' is not known; choose from: wrinkle"),
        (("repetitions = 4", "movements = []"), "movements must have at least 1 entries."),
        (('kind = "retraining"', 'kind = "sport"'), 'block moves.kind is "sport"; choose '),
        (('kind = "retraining"', ""), "block moves.kind is missing."),
        (('name = "moves"', ""), "block number 1: name is missing. Add it."),
        (('name = "moves"', 'name = "My moves"'), 'name is "My moves"; use lower-case'),
        (('["synkinesis"]', '["better"]'), "stages.0 is \"better\"; choose 'flaccid'"),
        (("format = 1", "format = 2"), "format is 2; choose 1."),
        (("format = 1", "format ="), "mine.toml is no TOML file: "),
    ],
)  # fmt: skip
def test_wrong_programme_is_one_sentence_with_file_key_and_limit(
    change: tuple[str, str], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(UsageError, match=r"^[^\n]*$") as caught:
        read_programme(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith(".")


def test_two_blocks_of_one_name_and_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two blocks are called 'moves'"):
        parse_programme(GOOD + GOOD[GOOD.index("[[block]]") :], "mine")
    with pytest.raises(UsageError, match="cannot be read"):
        read_programme(tmp_path / "none.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (1 << 19))
    with pytest.raises(UsageError, match="524288 bytes"):
        read_programme(tmp_path / "large.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(UsageError, match="UTF-8"):
        read_programme(tmp_path / "latin.toml")


def test_one_number_is_changed_within_its_limits() -> None:
    day = shipped_programme("synkinesis")
    changed = changed_programme(day, "retraining", "hold_s", 4)
    assert next(b for b in changed.block if b.name == "retraining").hold_s == 4  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="hold_s is 99; it must be at most 15"):
        changed_programme(day, "retraining", "hold_s", 99)
    with pytest.raises(UsageError, match="no block 'x'"):
        changed_programme(day, "x", "hold_s", 4)
    with pytest.raises(UsageError, match="no 'hold'"):
        changed_programme(day, "retraining", "hold", 4)


def test_numbers_of_set_up_are_part_of_the_programme() -> None:
    day = shipped_programme("synkinesis")
    assert SetUpTimes.of(day.setup) == SetUpTimes()
    own = programme_with(
        day,
        {("[setup]", "rest_s"): 40, ("[setup]", "good_snr_db"): 12, ("settle", "rest_s"): 50},
    )
    assert (own.setup.rest_s, own.setup.good_snr_db, own.block[0].rest_s) == (40, 12, 50)  # type: ignore[union-attr]
    assert parse_programme(programme_text(own), "again") == own
    times = SetUpTimes.of(own.setup)
    assert (times.rest_s, times.good_snr_db, times.least_snr_db) == (40, 12, 6)
    with pytest.raises(UsageError, match=r"setup\.rest_s is 5; it must be at least 20"):
        changed_programme(day, "[setup]", "rest_s", 5)
    with pytest.raises(UsageError, match="least_snr_db is 11; it may be at most good_snr_db"):
        changed_programme(day, "[setup]", "least_snr_db", 11)
    with pytest.raises(UsageError, match=r"\[setup\] has no 'rest'"):
        changed_programme(day, "[setup]", "rest", 5)


def test_every_value_is_a_field_with_limits_or_names_and_its_default_is_one_of_them() -> None:
    """What the page offers and the file says is read from the schema: nothing is left out."""
    for programme in shipped_programmes().values():
        for part, spec in parts_of(programme).items():
            fields = fields_of(type(spec))
            assert {field.key for field in fields} == set(type(spec).model_fields) - {*FIXED}
            for field in fields:
                assert field.about, (part, field.key)
                now = getattr(spec, field.key)
                assert usual_value(programme, part, spec, field) == now
                if field.shape == "number":
                    assert field.low is not None and field.high is not None
                    assert field.low <= field.default <= field.high
                elif field.shape != "flag":
                    names = now if field.shape == "list" else [now]
                    assert names and set(names) <= set(field.known)


def test_limits_of_a_field_are_those_that_the_programme_keeps() -> None:
    """One step inside and one outside, for every number there is."""
    day = shipped_programme("synkinesis")
    for part, spec in parts_of(day).items():
        for field in fields_of(type(spec)):
            if field.shape != "number":
                continue
            assert field.low is not None and field.high is not None
            for limit, step in ((field.low, -1), (field.high, 1)):
                beyond = limit + (step if field.is_whole else 0.01 * step)
                with pytest.raises(UsageError, match=f"{field.key} is "):
                    changed_programme(day, part, field.key, beyond)


def test_rules_of_a_programme_reach_what_judges_by_them() -> None:
    day = shipped_programme("synkinesis")
    own = programme_with(
        day,
        {
            ("[alert]", "active_sd"): 4,
            ("[alert]", "active_factor"): 1.25,
            ("[score]", "together_full"): 0.9,
            ("[cue]", "uneven_ratio"): 0.3,
            ("retraining", "movements"): ["snarl"],
            ("retraining", "feedback"): "live",
        },
    )
    assert parse_programme(programme_text(own), "again") == own
    references = References((2.0,) * 8, (0.5,) * 8, (32.0,) * 8, "guarded8")
    assert references.active_above_uv(0, day.alert) == 3.5
    assert references.active_above_uv(0, own.alert) == 4.0
    even = [ScoredHop("hold", 1.0, 0.24, 0.3, 0.9)] * 100
    marks = [
        score(even, ScoreRule(0.27, 0.25, 3.0, 3.0, marks=one.score)).together
        for one in (day, own)
    ]
    assert marks == [1.0, pytest.approx(0.45 / 0.55)]
    for change, told in (
        ((("[alert]", "quiet_sd"), 3.5), "quiet_sd is 3.5; it may be at most active_sd, 3"),
        ((("[score]", "together_none"), 0.8), "together_none is 0.8; it may be at most"),
        ((("retraining", "fades_to"), 0.2), "fades_from is 0.5; it may be at most fades_to"),
        ((("retraining", "scale"), "both"), "scale is \"both\"; choose 'unaffected', 'own'"),
        ((("retraining", "movements"), ["rest"]), "'rest' is not known; choose from: wrinkle"),
    ):
        with pytest.raises(UsageError) as caught:
            programme_with(day, {change[0]: change[1]})
        assert told in str(caught.value)


def test_comments_of_shipped_files_name_no_other_default() -> None:
    for path in SHIPPED.glob("*.toml"):
        assert tomllib.loads(path.read_text())["format"] == 1
        assert path.read_text().startswith("# The ")


def test_movements_are_the_eleven_of_the_published_set() -> None:
    codes = [movement.code for movement in MOVEMENTS.values()]
    assert codes == ["R", "WF", "CEN", "CEF", "WN", "CMS", "OMS", "LP", "BC", "S", "DLL"]
    for movement in MOVEMENTS.values():
        assert not set(movement.targets) & set(movement.guards)
        assert movement.veto == "masseter"
    with pytest.raises(UsageError, match="no movement 'grin'"):
        movement_named("grin")


def test_every_montage_trains_smile_and_eyes_with_a_guard() -> None:
    for montage in MONTAGES.values():
        muscles = [pair.muscle for pair in montage.muscles]
        for name in ("closed_mouth_smile", "close_eyes_gently"):
            movement = movement_named(name)
            assert movement.target_in(muscles) and movement.guards_in(muscles)
    assert movement_named("lip_pucker").target_in(["zygomaticus_major"]) == ""


def test_flaccid_stage_locks_targets_until_movement_or_therapist() -> None:
    lock = StageLock("flaccid")
    assert not lock.allows_targets and lock.reason is not None
    assert lock.with_movement_returned().allows_targets
    assert StageLock("flaccid", is_unlocked_by_therapist=True).allows_targets
    for stage in ("paresis", "synkinesis", "relaxation"):
        assert StageLock(stage).allows_targets and StageLock(stage).reason is None  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no stage 'cured'"):
        StageLock("cured")  # type: ignore[arg-type]
