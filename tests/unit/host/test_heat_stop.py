"""Heat can be stopped from every page, read without a browser."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from faceloop.session.heat_session import HeatSession
from faceloop.ui.rooms import ROOMS
from faceloop.ui.texts import Texts
from faceloop_protocol import heat

BOARD = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_heat_board.py"))["Board"]
GERMAN = Texts("de")
STOP = GERMAN("heat.stop")
PAGES = [view.name for room in ROOMS for view in room.views]


def is_shown(page: Any) -> bool:
    (bar,) = (one for one in page.elements("div") if "fl-heat-stop" in one.classes)
    return "hidden" not in bar.props


async def test_every_page_stops_heat_while_there_is_any(open_page: Any) -> None:
    page, board = open_page(), BOARD()
    session = HeatSession(board, lambda _: None, lambda *_: None)
    page.refresh()
    assert not is_shown(page), "no heater"
    page.state.live.heat = session
    page.refresh()
    assert not is_shown(page), "nothing is known, nothing was asked for"
    session.watch()
    for state, is_stoppable in (
        (heat.OFF, False),
        (heat.WAIT_BUTTON, True),
        (heat.HOLD, True),
        (heat.PAUSED, True),
        (heat.LATCHED, False),
    ):
        board.say(state=state)
        await session.step()
        for name in PAGES:
            page.go(name)
            has_own = name == "heat"
            assert is_shown(page) is (is_stoppable and not has_own), (name, state)
            stops = [one for one in page.elements("button") if one.text == STOP]
            assert not is_stoppable or len(stops) == 1 + has_own


async def test_its_button_ends_heat(open_page: Any) -> None:
    page, board = open_page(), BOARD()
    session = page.state.live.heat = HeatSession(board, lambda _: None, lambda *_: None)
    session.watch()
    board.say(state=heat.HOLD)
    await session.step()
    page.go("today")
    assert GERMAN("heat.state.hold.title") in page.texts()
    board.asked.clear()
    page.press(STOP)
    await session.step()
    assert ("end",) in board.asked
