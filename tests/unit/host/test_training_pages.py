"""What the training's pages say, read without a browser."""

from __future__ import annotations

import runpy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceloop.training.cited import HODGES
from faceloop.training.days import Days
from faceloop.training.engine import DayEngine
from faceloop.training.fields import TABLES, fields_of, parts_of, usual_value
from faceloop.training.hop import Hop
from faceloop.training.profiles import Profile
from faceloop.training.programme import RetrainingBlock
from faceloop.training.programme_file import parse_programme, programme_with, shipped_programme
from faceloop.ui.texts import Texts

GERMAN = Texts("de")
FAKES = Path(__file__).parents[2] / "fakes"
programme_text = runpy.run_path(str(FAKES / "quick_programme.py"))["programme_text"]
# With the usual values of each block.
DAY = programme_text(
    *("settle", "heat", "moves", "use", "end"),
    name="own",
    stages=("synkinesis",),
    settle={"duration_s": 300, "rest_s": 60},
    heat={"kind": "heat", "is_on": True},
    moves={"kind": "retraining"},
    use={"kind": "function", "every_days": 7},
    end={"kind": "cool_down"},
)
STRETCH = programme_text(
    "massage", "cool_down", name="stretch", stages=("synkinesis",), massage={"repetitions": 1}
)


@pytest.fixture
def days(tmp_path: Path) -> Days:
    """Two days ago anna has done her weekly block."""
    days = Days(tmp_path, lambda: datetime.now(UTC) - timedelta(days=2))
    days.profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    days.profiles.pin.choose("2468")
    days.profiles.set_programme("anna", parse_programme(DAY, "own"), "2468")
    day = days.begin("anna")
    day.engine.start(0.0)
    for at in range(1, 200):
        day.engine.tick(100.0 * at)  # as if nobody did anything but wait
    assert day.engine.state == "done"
    day.leave()
    return days


async def test_today_lists_what_is_due_and_the_therapist_sees_how_often(
    days: Days, open_page: Any
) -> None:
    page = open_page()
    page.go("today")
    use = GERMAN("train.block.function.title")
    assert GERMAN("train.block.settle.title") in page.texts() and use not in page.texts()
    page.go("therapist")
    page.choose("fl-pin", "2468")
    page.press(GERMAN("therapist.open"))
    assert f"{use}, alle 7 Tage" in page.texts()


async def test_every_value_of_the_programme_can_be_changed_and_be_as_usual_again(
    days: Days, open_page: Any
) -> None:
    """Lists, choices and the rules of the whole programme; the numbers are tried elsewhere."""
    page = open_page()
    page.go("therapist")
    page.choose("fl-pin", "2468")
    page.press(GERMAN("therapist.open"))
    page.unfold()
    controls = {one.props["name"] for one in page.controls()}
    programme = days.profiles.programme("anna")
    for part, spec in parts_of(programme).items():
        name = f"all-{TABLES[part]}" if part in TABLES else part
        for field in fields_of(type(spec)):
            end = "-1" if field.shape == "list" else ""
            assert f"fl-{name}-{field.key}{end}" in controls
    page.choose("fl-moves-movements-1", "snarl")
    page.choose("fl-moves-movements-2", "")  # taken out
    page.choose("fl-moves-movements-4", "wrinkle_nose")  # added at the end
    page.choose("fl-moves-feedback", "none")
    page.choose("fl-moves-scale", "own")
    page.choose("fl-all-alert-active_sd", "4,5")
    page.press(GERMAN("therapist.save"))
    assert GERMAN("therapist.saved") in page.texts()
    changed = days.profiles.programme("anna")
    moves = parts_of(changed)["moves"]
    assert isinstance(moves, RetrainingBlock)
    assert moves.movements == ("snarl", "lip_pucker", "wrinkle_nose")
    assert (moves.feedback, moves.scale, changed.alert.active_sd) == ("none", "own", 4.5)
    assert f"Üblich: 3; 1 bis 10; {HODGES['source']}" in page.texts()
    for n in range(1, 5):
        page.choose(f"fl-moves-movements-{n}", "")
    page.press(GERMAN("therapist.save"))
    assert any(
        "Bewegungen, der Reihe nach" in said and "mindestens 1" in said for said in page.texts()
    )
    page.go("therapist")  # folded again
    page.choose("fl-pin", "2468")
    page.press(GERMAN("therapist.open"))
    page.press(GERMAN("therapist.all_usual"))
    page.unfold()
    (first,) = (one for one in page.controls() if one.props["name"] == "fl-moves-movements-1")
    assert first.props["value"] == "closed_mouth_smile"
    page.press(GERMAN("therapist.save"))
    assert GERMAN("therapist.saved") in page.texts()
    again, shipped = days.profiles.programme("anna"), shipped_programme("synkinesis")
    for part, spec in parts_of(again).items():
        for field in fields_of(type(spec)):
            assert getattr(spec, field.key) == usual_value(shipped, part, spec, field)


async def test_what_comes_once_a_month_is_on_today_until_it_was_done(
    days: Days, open_page: Any
) -> None:
    every = {("[monthly]", key): 1 for key in ("questionnaires_days", "review_days")}
    own = programme_with(days.profiles.programme("anna"), every)
    days.profiles.set_programme("anna", own, "2468")
    page = open_page()
    page.go("today")
    both = {GERMAN(f"today.monthly_{kind}") for kind in ("questionnaires", "review")}
    assert both <= {*page.texts()}
    days.profiles.questionnaires("anna").add("saq", 20, date.today())
    page.go("therapist")
    page.choose("fl-pin", "2468")
    page.press(GERMAN("therapist.open"))
    assert GERMAN("therapist.never_reviewed") in page.texts()
    page.press(GERMAN("therapist.reviewed"))
    today = GERMAN("therapist.last_review", day=GERMAN.calendar_day(date.today()))
    assert today in page.texts()
    page.go("today")
    assert not both & {*page.texts()}


async def test_both_blocks_that_are_left_out_are_said_then_and_in_the_results(
    days: Days, open_page: Any
) -> None:
    page = open_page()
    page.go("today")
    page.press(GERMAN("today.begin"))
    assert GERMAN("training.part", n=1, of=4) in page.texts()
    page.press(GERMAN("training.skip_block"))
    both = [
        GERMAN(f"train.left_out.{why}", block=GERMAN(f"train.block.{kind}.title"))
        for why, kind in (("no_pad", "heat"), ("not_set_up", "retraining"))
    ]
    assert " ".join(both) in page.texts()
    page.press(GERMAN("training.finish_yes"))
    page.go("results")
    assert {*both} <= {*page.texts()}


async def test_results_of_today_stay_after_the_day_was_closed(days: Days, open_page: Any) -> None:
    now = Days(days.store.root)
    day = now.begin("anna")
    day.engine.start(0.0)
    day.leave()
    now.close(day.session)
    page = open_page()
    page.go("results")
    assert GERMAN("results.nothing") not in page.texts()
    page.choose("fl-rate-pain", "4")
    page.choose("fl-diary", "Ein Satz.")
    result = now.result(day.session)
    assert (result.ratings, result.diary) == ({"pain": 4}, "Ein Satz.")


async def test_questionnaires_have_parts_a_direction_and_items_left_out(
    days: Days, open_page: Any
) -> None:
    page = open_page()
    page.go("results")
    assert any(GERMAN("results.higher_better") in said for said in page.texts())
    for field, typed in (("movement", "20"), ("rest", "2"), ("synkinesis", "4")):
        page.choose(f"fl-part-{field}", typed)
    page.press(GERMAN("results.keep"))
    assert {"66", "Bewegung 80; In Ruhe 10; Synkinesien 4"} <= {*page.texts()}
    page.choose("fl-scale", "fdi_physical")
    page.choose("fl-answered", "4")
    page.choose("fl-sum", "8")
    page.press(GERMAN("results.keep"))
    assert {"25", "Beantwortete Fragen: 4 von 5"} <= {*page.texts()}
    page.choose("fl-scale", "saq")
    assert GERMAN("results.lower_better") in page.texts()
    page.press(GERMAN("results.keep"))
    assert any("9 bis 45" in said for said in page.texts() if "SAQ" in said)


async def test_set_up_says_why_a_place_is_muted(days: Days, open_page: Any) -> None:
    page = open_page()
    page.go("setup")
    page.press(GERMAN("setup.begin"))
    page.state.live.set_status(unfit=("", "", "movement", "", "", "", "", ""))
    page.refresh()
    place = GERMAN.sentence_case(GERMAN("channel.left.zygomaticus_major"))
    assert GERMAN("unfit.movement", place=place) in page.texts()
    page.state.live.set_status(unfit=("",) * 8)
    page.refresh()
    assert GERMAN("train.setup.contact.instruction", seconds=0) in page.texts()


async def test_training_has_a_heading_that_is_read_out_when_it_changes(
    days: Days, open_page: Any
) -> None:
    page = open_page()
    page.go("today")
    page.press(GERMAN("today.begin"))
    (heading,) = page.elements("h1")
    assert "role" not in heading.props  # it would no longer be a heading
    around = heading.parent_slot.parent
    assert (around.props["role"], around.props["aria-live"]) == ("status", "polite")
    assert [child.tag for child in around.default_slot.children] == ["h1"]


async def test_own_rating_is_one_tap_after_the_block(days: Days, open_page: Any) -> None:
    page = open_page()
    days.profiles.set_programme("anna", parse_programme(STRETCH, "stretch"), "2468")
    page.go("today")
    page.press(GERMAN("today.begin"))
    assert "hidden" in group_of_numbers(page).props
    page.press(GERMAN("training.skip"))  # the stretch
    page.refresh()
    title = GERMAN("train.rate.title", rating=GERMAN("train.rating.pain.title"))
    assert title in page.texts()
    group = group_of_numbers(page)
    assert "hidden" not in group.props and group.props["aria-label"] == title
    page.press("3")
    assert page.state.room.result().ratings == {"pain": 3}
    assert title not in page.texts() and "hidden" in group.props


def group_of_numbers(page: Any) -> Any:
    return next(one for one in page.elements("div") if one.props.get("role") == "group")


async def test_training_says_that_the_signal_is_recorded(days: Days, open_page: Any) -> None:
    page = open_page()
    page.go("today")
    page.press(GERMAN("today.begin"))
    for is_recording in (True, False):
        page.state.live.set_status(is_recording=is_recording)
        page.refresh()
        assert (GERMAN("live.recording") in page.texts()) == is_recording


async def test_rest_that_never_comes_has_a_way_on(days: Days, open_page: Any) -> None:
    page = open_page()
    page.go("setup")
    page.press(GERMAN("setup.begin"))
    page.press(GERMAN("setup.skip"))
    assert GERMAN("setup.skip") not in page.texts()
    room = page.state.room
    restless = Hop(0, (20.0,) * 8)
    now_s = room.clock()
    for at in range(6100):
        loud = at % 100 > 20
        room.setup.feed(restless if loud else Hop(0, (2.0,) * 8), now_s + at / 100)
    page.refresh()
    assert GERMAN("train.setup.rest_restless") in page.texts()
    page.press(GERMAN("setup.skip"))
    assert room.setup.part == "coach"


@pytest.mark.parametrize("name", ["today", "setup"])
async def test_without_a_profile_a_page_asks_once_who_trains(name: str, open_page: Any) -> None:
    page = open_page()
    page.go(name)
    said = [text for text in page.texts() if text == GERMAN("profile.first")]
    assert said == [GERMAN("profile.first")]
    assert GERMAN("profile.first_why") in page.texts()
    assert GERMAN("profile.title") not in page.texts()
    page.press(GERMAN("profile.choose"))
    assert GERMAN("profile.title") in page.texts()


@pytest.mark.parametrize("is_finished", [True, False])
async def test_end_of_the_session_says_what_has_become_of_the_training(
    days: Days, open_page: Any, is_finished: bool
) -> None:
    page = open_page()
    page.state.room.begin()
    if is_finished:
        page.state.room.do(DayEngine.close)
    page.state.live.set_status(link="ended")
    page.refresh()
    trained, left = GERMAN("ended.trained"), GERMAN("ended.training_left")
    assert [text for text in page.texts() if text in (trained, left)] == [
        trained if is_finished else left
    ]
    assert GERMAN("ended.next") in page.texts()
    # Nothing to press: the program goes in a moment.
    assert [button.text for button in page.elements("button") if button.text] == []
    assert [link.props["href"] for link in page.elements("a")] == ["#fl-content"]


async def test_end_without_training_says_nothing_of_it(open_page: Any) -> None:
    page = open_page()
    page.state.live.set_status(link="ended")
    page.refresh()
    assert GERMAN("ended.nothing") in page.texts()
    assert not {GERMAN("ended.trained"), GERMAN("ended.training_left")} & {*page.texts()}


async def test_what_goes_on_stands_out_where_the_end_is_asked_for(open_page: Any) -> None:
    page = open_page()
    page.go("signal")
    buttons = {one.text: one.classes for one in page.elements("button")}
    assert "fl-primary" in buttons[GERMAN("live.end_no")]
    assert "fl-primary" not in buttons[GERMAN("live.end_yes")]
