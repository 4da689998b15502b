"""Wishes, lease and presence of a heat session, against a board that answers at once."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import HeatRefused, LinkError
from faceloop.session.heat_session import EXERCISE, PRESENCE_S, SILENT, HeatSession, HeatView
from faceloop_protocol import heat, reports, texts

Board = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_heat_board.py"))["Board"]


class Rig:
    def __init__(self) -> None:
        self.board: Any = Board()
        self.now_s = 100.0
        self.readings: list[reports.HeatState] = []
        self.events: list[tuple[str, str]] = []
        self.session = HeatSession(
            self.board,
            self.readings.append,
            lambda kind, text: self.events.append((kind, text)),
            lambda: self.now_s,
        )
        self.session.wear("anna", heat.PERMIT_FULL)

    async def steps(self, n: int, step_s: float = 0.25) -> list[Any]:
        """Return the commands of ``n`` steps."""
        begin = len(self.board.asked)
        for _ in range(n):
            await self.session.step()
            self.now_s += step_s
        return [name for name, *_ in self.board.asked[begin:]]


@pytest.fixture
def rig() -> Rig:
    return Rig()


async def test_lease_is_renewed_once_a_second_while_a_page_is_seen(rig: Rig) -> None:
    assert await rig.steps(2) == ["tell_time", "state", "state"]
    rig.session.note_presence()
    rig.session.ask(39.0, 10)
    rig.board.say(state=heat.WAIT_BUTTON)
    assert await rig.steps(9) == ["request", *["renew", "state", "state", "state"] * 2, "renew"]
    assert ("request", 39.0, 10) in rig.board.asked
    # The page is hidden: no beat any more.
    rig.now_s += PRESENCE_S
    assert set(await rig.steps(8)) == {"state"}
    rig.session.note_presence()
    assert "renew" in await rig.steps(1)


async def test_nobody_seen_means_no_lease_at_all(rig: Rig) -> None:
    rig.session.ask(39.0, 10)
    rig.board.say(state=heat.WAIT_BUTTON)
    assert "renew" not in await rig.steps(12)


async def test_exercise_ends_heat_and_none_begins_in_it(rig: Rig) -> None:
    rig.session.note_presence()
    rig.session.ask(39.0, 10)
    rig.board.say(state=heat.HOLD)
    await rig.steps(2)
    rig.session.begin_exercise()
    rig.board.say(state=heat.COOL, cause=heat.STOPPED)
    assert "end" in await rig.steps(1)
    rig.session.note_presence()
    rig.session.ask(39.0, 10)
    assert rig.session.view().problem == EXERCISE
    assert set(await rig.steps(6)) == {"state"}
    rig.session.end_exercise()
    rig.session.ask(39.0, 10)
    assert "request" in await rig.steps(1)


async def test_refusal_is_told_with_its_cause(rig: Rig) -> None:
    rig.board.refusal = HeatRefused("no test", heat.NOT_PERMITTED)
    rig.session.ask(39.0, 10)
    with pytest.raises(HeatRefused):
        await rig.session.step()


async def test_states_and_faults_become_events_and_every_answer_a_reading(rig: Rig) -> None:
    await rig.steps(2)
    rig.board.say(state=heat.WARMUP)
    await rig.steps(2)
    rig.board.say(state=heat.LATCHED, cause=heat.FACE_HOT)
    await rig.steps(1)
    assert rig.events == [
        ("heat", "WARMUP"),
        ("heat_fault", f"LATCHED: {texts.CAUSE_TEXT[heat.FACE_HOT]}"),
    ]
    assert len(rig.readings) == 6


async def test_what_is_not_known_counts_as_on(rig: Rig) -> None:
    assert rig.session.view().is_on
    rig.session.watch()
    await rig.steps(1)
    view = rig.session.view()
    assert not view.is_on and view.skin_degc == 34.0
    rig.now_s += 10
    view = rig.session.view()
    assert view.is_on and view.skin_degc is None and view.problem == SILENT


def test_heat_can_be_stopped_from_the_test_to_the_pause_and_while_the_board_is_silent() -> None:
    assert not HeatView().is_stoppable
    fields = dict.fromkeys(reports.HeatState._fields, 0)
    stoppable = {
        state
        for state in range(heat.LOCKED + 1)
        if HeatView(reports.HeatState(**(fields | {"state": state})), age_s=60.0).is_stoppable
    }
    off = {heat.OFF, heat.COOL, heat.LATCHED, heat.LOCKED}
    assert stoppable == set(range(heat.LOCKED + 1)) - off


async def test_end_of_what_was_asked_is_told_with_its_reason(rig: Rig) -> None:
    rig.session.note_presence()
    rig.session.ask(39.0, 10)
    rig.board.say(state=heat.HOLD)
    await rig.steps(2)
    assert not rig.session.view().is_over and rig.session.view().stop_reason == ""
    rig.board.say(state=heat.OFF, cause=heat.NO_ANSWER)
    await rig.steps(1)
    assert rig.session.view().is_over
    assert rig.session.view().stop_reason == texts.CAUSE_TEXT[heat.NO_ANSWER]
    rig.session.ask(39.0, 10)
    assert not rig.session.view().is_over


async def test_flagged_wearer_gets_less(rig: Rig) -> None:
    rig.session.wear("anna", heat.PERMIT_FLAGGED)
    assert rig.session.most_degc() == 38.5
    rig.session.wear("anna", heat.PERMIT_FULL)
    assert (rig.session.least_degc(), rig.session.most_degc()) == (36.0, 40.0)
    assert rig.session.most_minutes() == 15


async def test_board_is_told_what_its_wearer_may_have_before_it_is_asked(rig: Rig) -> None:
    rig.session.wear("anna", heat.PERMIT_NONE)
    assert await rig.steps(2) == ["tell_time", "permit", "state", "state"]
    assert rig.session.permission == heat.PERMIT_NONE
    rig.board.say(state=heat.COOL)
    await rig.steps(1)
    # The board is busy with something else: told with the request then.
    rig.session.wear("anna", heat.PERMIT_FLAGGED)
    assert rig.session.most_degc() == 38.5
    assert set(await rig.steps(3)) == {"state"}
    rig.session.note_presence()
    rig.session.ask(40.0, 10)
    assert (await rig.steps(1))[:2] == ["permit", "request"]
    assert ("request", 38.5, 10) in rig.board.asked


async def test_permission_the_board_has_already_is_not_written_again(rig: Rig) -> None:
    await rig.steps(1)
    assert set(await rig.steps(3)) == {"state"}
    rig.session.wear("ben", heat.PERMIT_FULL)
    assert set(await rig.steps(3)) == {"state"}


@pytest.mark.risk("RC-20B")
async def test_without_a_wearer_no_heat_is_asked_for_and_the_board_is_told(rig: Rig) -> None:
    # The board still holds what somebody else was allowed.
    assert rig.board.now.permission == heat.PERMIT_FULL
    rig.session.wear(None, heat.PERMIT_FULL)
    assert "permit" in await rig.steps(2)
    assert rig.board.now.permission == heat.PERMIT_NONE
    rig.session.note_presence()
    rig.session.ask(36.0, 1)
    assert set(await rig.steps(4)) == {"state"}
    view = rig.session.view()
    assert view.is_over and view.cause == heat.NOT_PERMITTED and view.problem


@pytest.mark.risk("RC-20B")
async def test_nobody_named_yet_is_no_wearer_either(rig: Rig) -> None:
    fresh = HeatSession(rig.board, lambda _: None, lambda *_: None, lambda: rig.now_s)
    fresh.note_presence()
    fresh.ask(36.0, 1)
    await fresh.step()
    assert not any(name == "request" for name, *_ in rig.board.asked)
    assert fresh.view().cause == heat.NOT_PERMITTED


async def test_board_that_did_not_hear_its_permission_is_told_again(rig: Rig) -> None:
    await rig.steps(1)
    hear = rig.board.permit

    async def lost(_: int) -> reports.HeatState:
        raise LinkError("The board is out of reach.")

    rig.board.permit = lost
    rig.session.wear(None, heat.PERMIT_NONE)
    with pytest.raises(LinkError):
        await rig.session.step()
    rig.board.permit = hear
    await rig.steps(1)
    assert rig.board.now.permission == heat.PERMIT_NONE


async def heated(rig: Rig) -> None:
    await rig.steps(1)
    rig.session.note_presence()
    rig.session.ask(39.0, 10)
    rig.board.say(state=heat.HOLD)
    await rig.steps(2)


@pytest.mark.parametrize("wearer", ["anna", "ben", None])
async def test_another_wearer_or_permission_ends_heat(rig: Rig, wearer: str | None) -> None:
    await heated(rig)
    # Somebody else may have as much, and did not ask for it.
    rig.session.wear(wearer, heat.PERMIT_FLAGGED if wearer == "anna" else heat.PERMIT_FULL)
    assert "end" in await rig.steps(1)
    rig.session.note_presence()
    assert "renew" not in await rig.steps(6)


async def test_what_one_has_asked_for_is_not_begun_for_another(rig: Rig) -> None:
    await rig.steps(1)
    rig.session.ask(39.0, 10)
    rig.session.wear("ben", heat.PERMIT_FULL)
    assert "request" not in await rig.steps(2)
    assert rig.session.view().is_over


async def test_wearer_who_changes_while_the_board_is_asked_ends_it(rig: Rig) -> None:
    await rig.steps(1)
    request = rig.board.request

    async def slow(*arguments: Any) -> reports.HeatState:
        state: reports.HeatState = await request(*arguments)
        rig.session.wear("ben", heat.PERMIT_FULL)
        return state

    rig.board.request = slow
    rig.session.note_presence()
    rig.session.ask(39.0, 10)
    asked = await rig.steps(3)
    assert asked.index("end") > asked.index("request") and "renew" not in asked
