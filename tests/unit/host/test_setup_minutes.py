"""Set-up takes less than three minutes, with a person who takes their time: read and done.

The person does what the page says, late, and knows nothing else of the set-up. The clock is the
test's own, the times are the shipped ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.session.live import LiveBlock
from faceloop.training.profiles import Profile, Profiles
from faceloop.training.setup import COACH_TASKS, N_REPETITIONS
from faceloop.ui.texts import Texts

GERMAN = Texts("de")
MOST_S = 180.0
HOP_S = 0.01
REST_UV, MOVED_UV, LEAK_UV = 2.0, 30.0, 5.0
READS_S = 6.0  # the page, before the first button is pressed
REACTS_S = 0.5  # Median of a simple reaction is 0.3 s; of somebody who reads first, more.
LETS_GO_S = 0.4


class Person:
    """Reads the heading, and does what it says a moment later."""

    def __init__(self, open_page: Any) -> None:
        self.now_s = 0.0
        self.page = open_page(clock_s=lambda: self.now_s)
        self.moved = ""
        self._said, self._said_s = "", 0.0
        self._frame = 0
        self._rng = np.random.default_rng(4)
        self.cough_s: tuple[float, float] = (-1.0, -1.0)

    def heading(self) -> str:
        (heading,) = self.page.elements("h1")
        return str(heading.text)

    def wait(self, seconds: float) -> None:
        """Let time pass, and do what is asked for meanwhile."""
        for at in range(round(seconds / HOP_S)):
            if at % 20 == 0:  # as often as the page looks
                self.page.refresh()
                self._read()
            self._feel()
            self.now_s += HOP_S

    def _read(self) -> None:
        if (said := self.heading()) != self._said:
            self._said, self._said_s = said, self.now_s
        asked = next((task for task in TASKS if self._said in TASKS[task]), "")
        if self.now_s - self._said_s >= (REACTS_S if asked else LETS_GO_S):
            self.moved = asked

    def _feel(self) -> None:
        live, levels = self.page.state.live, np.full(8, REST_UV)
        for pair in live.muscles:
            if self.moved:
                is_meant = COACH_TASKS[pair.muscle] == self.moved
                levels[[pair.left, pair.right]] = MOVED_UV if is_meant else LEAK_UV
        if self.cough_s[0] <= self.now_s < self.cough_s[1]:
            levels[:] = MOVED_UV
        envelope_uv = levels * (1 + 0.08 * self._rng.standard_normal(8))
        self.page.state.room.take(
            LiveBlock(
                self._frame,
                np.zeros((20, 8), np.float32),
                envelope_uv.astype(np.float32),
                np.full(8, REST_UV, np.float32),
                {},
                self.now_s,
            )
        )
        self._frame += 20
        self.page.state.room.tick()


TASKS = {
    task: {
        GERMAN("train.setup.contract", movement=GERMAN(f"train.movement.{task}.title"), n=n, of=3)
        for n in range(1, N_REPETITIONS + 1)
    }
    for task in COACH_TASKS.values()
}


# Seconds after the rest's first moment, and how long: talk takes more than a rest may lose.
DISTURBED = {
    "nothing": None,
    "cough": (30.0, 2.0),
    "talk": (0.0, 32.0),
    "talk_later": (10.0, 32.0),
}


@pytest.mark.parametrize("disturbed", DISTURBED)
async def test_set_up_from_open_page_to_done_takes_less_than_three_minutes(
    open_page: Any, tmp_path: Path, disturbed: str
) -> None:
    profiles = Profiles(tmp_path)
    profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    person = Person(open_page)
    page, live = person.page, person.page.state.live
    page.go("setup")
    person.wait(READS_S)
    page.press(GERMAN("setup.begin"))
    cough = DISTURBED[disturbed]
    if cough is not None:  # two electrodes are loose and are pressed on, one after the other
        for loose in ((2, 5), (5,), ()):
            live.set_status(lead_off=tuple(channel in loose for channel in range(8)))
            person.wait(8.0 if loose else HOP_S)
        while person.heading() != GERMAN("train.setup.rest.title"):
            person.wait(0.2)
        after_s, long_s = cough
        person.cough_s = (person.now_s + after_s, person.now_s + after_s + long_s)
    done = GERMAN("train.setup.done.title")
    is_asked_again = False
    while person.heading() != done:
        person.wait(0.2)
        is_asked_again |= GERMAN("train.setup.rest_restless") in page.texts()
        assert person.now_s < MOST_S, person.heading()
    print(f"set-up, {disturbed}: {person.now_s:.0f} s")
    assert is_asked_again == disturbed.startswith("talk")
    setup = page.state.room.setup
    assert [check.verdict for check in setup.view(person.now_s).checks] == ["good"] * 8
    assert setup.findings == ()
    assert profiles.profile("anna").known_references is not None
    page.press(GERMAN("training.to_today"))
    assert person.heading() == GERMAN("nav.today")
