"""Everything the supervisor can be led to: no path heats without all that a start needs."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import Any

import pytest
from tests.fakes.fake_heater import FakeHeater, Rig
from tests.fakes.heat_situation import situation
from tests.fakes.heat_world import EVENTS, STATED_MS, World, play

from faceloop_heat import hal, sensors, thermistor
from faceloop_heat.leadtest import CORE, PULSE_TICK
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits
from faceloop_protocol import texts

START = ("open link", "permit", "request", "pass 12 s", "lease")
PAUSE = (*START, "press", "warm", "pass 6 s")  # the lease runs out
# From cold, from one step before heat, from heat, a pause, the second of power that ends it, and a
# latch.
BEGINNINGS = (
    (),
    START,
    (*START, "press"),
    PAUSE,
    (*PAUSE, "renewed 6 s"),
    (*START, "press", "z open"),
)


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
        there = situation(after)
        if there not in known:
            known.add(there)
            ways[there] = after.kept()
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
            for there, kept in ways.items():
                if there not in seen:
                    seen.add(there)
                    level.append(kept)
        n_levels += 1
    print(f"\n{len(seen)} situations, {n_levels} events deep")
    return seen, len(level)


@pytest.mark.risk("RC-22A")
def test_no_path_heats_without_all_that_a_start_needs() -> None:
    seen, _ = explore(EVENTS, 2)
    assert len(seen) > 1000
    assert {there[0] for there in seen} == set(range(len(texts.HEAT_STATE_NAMES)))


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
    assert {there[0] for there in seen} == set(range(len(texts.HEAT_STATE_NAMES)))
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


RESUMED = (*PAUSE, *["renewed 6 s"] * 3)


def test_host_that_renews_brings_heat_back() -> None:
    world = play(RESUMED)
    assert world.rig.heater.is_q1_closed and world.rig.supervisor.session._is_resumed
    assert not play((*PAUSE, "pass 12 s", "lease")).rig.heater.is_q1_closed


def pause_six_times() -> World:
    world = play(RESUMED)
    for _ in range(limits.PAUSES_MAX):
        for event in ("pass 6 s", *["renewed 6 s"] * 3):
            world.do(event)
    return world


def test_judge_counts_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.session import Session

    world = pause_six_times()
    assert not world.rig.heater.is_q1_closed
    assert len(world.facts.paused_ms) == limits.PAUSES_MAX + 1
    monkeypatch.setattr(Session, "is_pause_too_many", lambda *_: False)
    with pytest.raises(AssertionError, match="too many pauses"):
        pause_six_times()


def set_(path: str, value: int) -> Callable[[Any], None]:
    """Return what gives this part of a supervisor this value."""
    *parts, last = path.split(".")

    def change(supervisor: Any) -> None:
        owner = supervisor
        for part in parts:
            owner = getattr(owner, part)
        setattr(owner, last, value)

    return change


# What one of these is decides what comes next: two worlds that differ in it are not one situation.
@pytest.mark.parametrize(
    ("path", "change"),
    [
        (PAUSE, set_("_is_testing", True)),
        (PAUSE, set_("cause", h.OFF_SKIN)),
        (PAUSE, set_("checks._cold_ms", limits.LEAD_REST_MS)),
        (PAUSE, set_("_leadtest._ahead", CORE)),
        (PAUSE, set_("checks._n_rises", 1)),
        (PAUSE, set_("consent._on_ms", 0)),
        (PAUSE, lambda supervisor: supervisor.session.is_pause_too_many(supervisor._up_ms)),
        ((*PAUSE, "renewed 6 s"), set_("_is_leading", False)),
        ((*PAUSE, "renewed 6 s"), set_("_leadtest._n_ticks", PULSE_TICK - 1)),
        ((*PAUSE, "renewed 6 s"), set_("_leadtest._pulse_ms", limits.LEAD_TEST_MS)),
        (RESUMED, set_("_leadtest._ahead", CORE)),
        (RESUMED, set_("checks._n_rises", 1)),
        (RESUMED, set_("session._is_lead_judged", False)),
        (RESUMED, lambda supervisor: supervisor.session.is_pause_too_many(supervisor._up_ms)),
        ((*PAUSE, "z open", "pass 1 s"), set_("consent._is_press_fresh", True)),
    ],
)
def test_situations_that_lead_on_differently_are_apart(
    path: tuple[str, ...], change: Callable[[Any], object]
) -> None:
    world = play(path)
    before = situation(world)
    change(world.rig.supervisor)
    assert situation(world) != before


def test_resumed_heat_is_apart_until_the_core_has_led_again() -> None:
    world = play((*PAUSE, "renewed 6 s", "renewed 6 s"))
    before = situation(world)
    world.rig.supervisor.session._is_resumed = False
    assert situation(world) != before


def test_every_stated_time_is_an_event() -> None:
    assert set(STATED_MS) - {"usb"} <= set(EVENTS)


def test_fake_heater_is_what_the_supervisor_needs() -> None:
    assert {"scan", "drive", "kick", "trip", "clear_trip", "load", "save"} <= set(dir(FakeHeater))
    assert Rig(hal.RESET_POWER_ON).supervisor.state == h.BOOT_TEST
