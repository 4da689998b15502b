"""Everything the supervisor can be led to: no path heats without all that a start needs."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import Any

import pytest
from tests.fakes.fake_heater import FakeHeater, Rig
from tests.fakes.heat_world import EVENTS, STATED_MS, World

from faceloop_heat import hal, sensors, thermistor
from faceloop_protocol import heat as h
from faceloop_protocol import texts

START = ("open link", "permit", "request", "pass 12 s", "lease")
# From cold, from one step before heat, from heat, a pause and a latch.
BEGINNINGS = (
    (),
    START,
    (*START, "press"),
    (*START, "press", "warm", "pass 6 s"),
    (*START, "press", "z open"),
)


def play(path: tuple[str, ...]) -> World:
    world = World()
    for event in path:
        world.do(event)
    return world


# One part of each kind: a sensor, a cut-off, a switch, the heater. The others are explored three
# events deep only.
KINDS = ("z open", "hw1", "leak", "heater open", "lead off", "button down")
FEWER = tuple(event for event in EVENTS if event not in STATED_MS or event in KINDS)

Situation = tuple[object, ...]
KNOWN: set[Situation] = set()  # of this process


def ways_on(
    events: tuple[str, ...], kept: bytes, known: set[Situation] = KNOWN
) -> dict[Situation, bytes]:
    """Return the situations that these events lead to, and one way to be in each.

    What this process has returned before is left out: whoever asks has it.
    """
    ways: dict[Situation, bytes] = {}
    for event in events:
        after: World = pickle.loads(kept)
        after.do(event)
        after.forget()
        situation = after.situation()
        if situation not in known:
            known.add(situation)
            ways[situation] = after.kept()
    return ways


def remember_readings() -> None:
    """Look a code up once in this process: a table gives the same every time."""
    sensors.temperature_mdegc = cache(thermistor.temperature_mdegc)  # type: ignore[assignment]


def explore(events: tuple[str, ...], depth: int, map_: Any = map) -> tuple[set[Situation], int]:
    """Walk breadth-first through these events in every situation that is new."""
    KNOWN.clear()
    seen: set[Situation] = set()
    level = [play(path).kept() for path in BEGINNINGS]
    n_levels = 0
    while level and n_levels < depth:
        found, level = map_(partial(ways_on, events), level), []
        for ways in found:
            for situation, kept in ways.items():
                if situation not in seen:
                    seen.add(situation)
                    level.append(kept)
        n_levels += 1
    print(f"\n{len(seen)} situations, {n_levels} events deep")
    return seen, len(level)


@pytest.mark.risk("RC-22A")
def test_no_path_heats_without_all_that_a_start_needs() -> None:
    seen, _ = explore(EVENTS, 2)
    assert len(seen) > 1000
    assert {situation[0] for situation in seen} == set(range(len(texts.HEAT_STATE_NAMES)))


@pytest.mark.full
@pytest.mark.parametrize(
    ("events", "depth"), [(EVENTS, 3), (FEWER, 100)], ids=["all", "to the end"]
)
def test_no_situation_that_can_be_reached_leads_to_heat_without_them(
    events: tuple[str, ...], depth: int
) -> None:
    """Every event three deep, and those of ``FEWER`` in every situation until none is new."""
    with ProcessPoolExecutor(initializer=remember_readings) as pool:
        seen, n_left = explore(events, depth, partial(pool.map, chunksize=8))
    assert {situation[0] for situation in seen} == set(range(len(texts.HEAT_STATE_NAMES)))
    assert depth == 3 or n_left == 0


@pytest.mark.parametrize("missing", range(len(START) + 1))
def test_leaving_out_any_step_of_a_start_leaves_heat_off(missing: int) -> None:
    steps = (*START, "press")
    world = play(steps[:missing] + steps[missing + 1 :])
    world.let(8)
    # "pass 12 s" left out: the press comes in the self-test, or before the pad has settled.
    assert not world.rig.heater.is_q1_closed


def test_all_steps_of_a_start_heat() -> None:
    assert play((*START, "press")).rig.heater.is_q1_closed


# The judge has to be able to say no: one part of the supervisor less, and what it then finds.
@pytest.mark.parametrize(
    ("owner", "name", "without", "event", "found"),
    [
        ("consent", "has_lease", lambda *_: True, "pass 6 s", "without a lease"),
        ("consent", "is_lead_off", lambda *_: False, "lead off", "lead off"),
        ("session", "end_cause", lambda *_: h.CAUSE_NONE, "dose used", "dose used up"),
        ("session", "lead_cause", lambda *_: h.CAUSE_NONE, "", "never led"),
        ("checks", "fault", lambda *_: h.CAUSE_NONE, "hw1", "hw1"),
        ("checks", "fault", lambda *_: h.CAUSE_NONE, "heater open", "heater open"),
        ("checks", "fault", lambda *_: h.CAUSE_NONE, "clock wrong", "clock wrong"),
        ("sensors", "update", None, "a open", "a open"),
        ("sensors", "update", None, "a frozen", "a frozen"),
        ("sensors", "update", None, "z loose", "z loose"),
    ],
)
def test_judge_misses_no_missing_check(
    owner: str, name: str, without: Any, event: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = play((*START, "press"))
    part = getattr(world.rig.supervisor, owner)
    if without is None:
        whole = part.update
        without = lambda *args: whole(*args) and h.CAUSE_NONE  # noqa: E731
        monkeypatch.setattr(part, "has_jumped", lambda: False)
    monkeypatch.setattr(part, name, without)
    with pytest.raises(AssertionError, match=found):
        if event:
            world.do("warm")
            world.do(event)
        for _ in range(60):
            if owner != "consent" or name != "has_lease":
                world.do("lease")
            world.let(1)


def test_explorer_finds_a_supervisor_that_needs_no_press(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.supervisor import Supervisor

    def hasty(self: Supervisor) -> None:
        self._start()

    monkeypatch.setattr(Supervisor, "_step_wait", hasty)
    with pytest.raises(AssertionError, match="without a"):
        play((*START, "pass 1 s"))


def test_every_stated_time_is_an_event() -> None:
    assert set(STATED_MS) - {"usb"} <= set(EVENTS)


def test_fake_heater_is_what_the_supervisor_needs() -> None:
    assert {"scan", "drive", "kick", "trip", "clear_trip", "load", "save"} <= set(dir(FakeHeater))
    assert Rig(hal.RESET_POWER_ON).supervisor.state == h.BOOT_TEST
