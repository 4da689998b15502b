"""What a start proves, a resume proves again: nothing heats out of PAUSED before it passed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.fakes.fake_heater import (
    HEATER_MOHM,
    PULSE_TICKS,
    REST_TICKS,
    TEST_TICKS,
    FakeHeater,
    Rig,
)

from faceloop_heat import hal
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits

SELF_TEST_TICKS = 7  # the one that begins it, and six steps
FULL_MA = 3900 * 1000 // HEATER_MOHM


class Lame(FakeHeater):
    """Cut-offs that do not do what they should."""

    lame = ""

    def trip(self, which: int) -> None:
        is_lame = (which, self.lame) in ((hal.TRIP_HW1, "hw1 dead"), (hal.TRIP_HW2, "hw2 dead"))
        super().trip(hal.TRIP_NONE if is_lame else which)

    def clear_trip(self) -> None:
        if self.lame != "hw1 holds":
            super().clear_trip()

    def scan(self, inputs, probe) -> None:  # type: ignore[no-untyped-def]
        super().scan(inputs, probe)
        if self.lame == "q1 ignores them" and probe == hal.PROBE_HEATER:
            inputs[hal.IN_HEATER_MA] = FULL_MA


def paused(heater: FakeHeater | None = None) -> Rig:
    """In PAUSED with a lease that was away, and is back with the next tick."""
    rig = Rig(hal.RESET_POWER_ON, heater).brought_to(h.PAUSED)
    rig.tick(REST_TICKS)
    rig.has_host = True
    return rig


def resume(rig: Rig) -> int:
    """Let time go by until PAUSED ends; return the ticks that took.

    Power flows in the pulse of the second test, so long before the end, and at no other time.
    """
    powered = []
    for n in range(1, 60):
        rig.tick()
        if rig.supervisor.state != h.PAUSED:
            if rig.supervisor.is_heating():
                assert powered == [n - TEST_TICKS + tick for tick in PULSE_TICKS]
            return n
        if rig.heater.is_q1_closed:
            powered.append(n)
            assert len(powered) <= len(PULSE_TICKS)
    raise AssertionError("still paused")


@pytest.mark.risk("RC-35")
def test_resume_takes_both_tests_and_no_press() -> None:
    rig = paused()
    assert resume(rig) == TEST_TICKS
    assert rig.supervisor.state == h.WARMUP
    assert rig.heater.is_q1_closed
    assert not rig.heater.hw1_latched


@pytest.mark.risk("RC-07", "RC-20", "RC-21")
@pytest.mark.parametrize(
    ("lame", "cause"),
    [
        ("hw1 dead", h.TRIP_TEST),
        ("hw2 dead", h.TRIP_TEST),
        ("hw1 holds", h.HARDWARE_TRIP),
        ("q1 ignores them", h.TRIP_TEST),
    ],
)
def test_cut_off_that_died_on_the_way_latches_before_heat_comes_back(
    lame: str, cause: int
) -> None:
    heater = Lame()
    rig = paused(heater)
    heater.lame = lame
    resume(rig)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LATCHED, cause)
    assert not heater.is_q1_closed


@pytest.mark.risk("RC-07")
@pytest.mark.parametrize("switch", ["q1_ma", "q2_ma"])
@pytest.mark.parametrize("at_tick", range(SELF_TEST_TICKS))
def test_switch_that_shorts_during_the_test_locks(switch: str, at_tick: int) -> None:
    rig = paused()
    rig.tick(at_tick)
    setattr(rig.heater, switch, limits.LEAK_MA + 1)
    resume(rig)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LOCKED, h.SWITCH_SHORT)
    assert not rig.heater.is_q1_closed


@pytest.mark.parametrize(
    ("share_pct", "is_right"), [(84, False), (86, True), (114, True), (116, False)]
)
def test_heater_that_changed_in_a_pause_latches_before_heat_comes_back(
    share_pct: int, is_right: bool
) -> None:
    rig = paused()
    rig.heater.heater_ma = FULL_MA * 100 // share_pct
    resume(rig)
    assert rig.heater.is_q1_closed is is_right
    assert (rig.supervisor.state == h.WARMUP) is is_right
    assert is_right or rig.supervisor.cause == h.HEATER


@pytest.mark.risk("RC-08")
@pytest.mark.parametrize("at_tick", range(1, TEST_TICKS - limits.HEATER_BAD_SCANS))
def test_heater_that_breaks_during_the_test_latches_in_two_scans(at_tick: int) -> None:
    rig = paused()
    rig.tick(at_tick)
    rig.heater.heater_ma = 0
    bad_scans = 0
    while rig.supervisor.state == h.PAUSED:
        rig.tick()
        bad_scans += 1
    assert (rig.supervisor.state, rig.heater.is_q1_closed) == (h.LATCHED, False)
    assert rig.supervisor.cause in (h.HEATER, h.TRIP_TEST)
    # The first scans of the test look at the switches, and those with a cut-off forced at none.
    assert bad_scans <= (limits.HEATER_BAD_SCANS if at_tick >= SELF_TEST_TICKS else 4)


@pytest.mark.parametrize("at_tick", range(TEST_TICKS))
def test_trip_that_is_real_is_not_taken_for_the_forced_one(at_tick: int) -> None:
    rig = paused()
    rig.tick(at_tick)
    rig.heater.is_hw1_over = rig.heater.hw1_latched = True
    resume(rig)
    assert rig.supervisor.state == h.LATCHED
    assert not rig.heater.is_q1_closed


def stop(rig: Rig) -> None:
    rig.supervisor.stop()


def no_permission(rig: Rig) -> None:
    rig.supervisor.permit(1, h.PERMIT_NONE)


def cable(rig: Rig) -> None:
    rig.heater.flags |= hal.FLAG_VBUS


@pytest.mark.parametrize("end", [stop, no_permission, cable])
@pytest.mark.parametrize("at_tick", range(TEST_TICKS))
def test_end_during_the_test_lets_the_cut_offs_go(
    at_tick: int, end: Callable[[Rig], None]
) -> None:
    rig = paused()
    rig.tick(at_tick)
    end(rig)
    rig.tick()
    assert rig.supervisor.state == h.COOL
    rig.heater.flags = 0
    for _ in range(8):
        rig.tick()
        assert rig.supervisor.state in (h.COOL, h.OFF), "no trip of the test is left over"
        assert not rig.heater.is_q1_closed
    assert not rig.heater.hw1_latched


@pytest.mark.parametrize("at_tick", range(1, TEST_TICKS))
def test_fault_during_the_test_lets_the_cut_offs_go(at_tick: int) -> None:
    rig = paused()
    rig.tick(at_tick)
    rig.heater.raw["z"] = 65530
    resume(rig)
    assert rig.supervisor.state == h.LATCHED
    assert rig.supervisor.cause in (h.SENSOR_RANGE, h.HARDWARE_TRIP)
    assert not rig.heater.is_q1_closed
    rig.heater.raw.clear()
    rig.heater.face(33000)
    rig.heater.flags |= hal.FLAG_BUTTON
    rig.tick(24)
    assert rig.supervisor.state == h.OFF, "button and self-test clear it: nothing is held"


@pytest.mark.parametrize("at_tick", range(1, TEST_TICKS))
def test_cause_that_comes_back_during_the_test_keeps_heat_off(at_tick: int) -> None:
    rig = paused()
    rig.tick(at_tick)
    rig.heater.flags |= hal.FLAG_LEAD_OFF
    rig.tick(TEST_TICKS + 4)
    assert rig.supervisor.state == h.PAUSED
    rig.heater.flags &= ~hal.FLAG_LEAD_OFF
    on_ticks = limits.LEAD_ON_MS // limits.TICK_MS
    assert resume(rig) == on_ticks - 1 + TEST_TICKS, "and then the whole test once more"
    assert rig.heater.is_q1_closed


@pytest.mark.parametrize(("away_ms", "resumes"), [(29_250, True), (29_500, False)])
def test_lease_has_to_be_back_within_half_a_minute(away_ms: int, resumes: bool) -> None:
    rig = Rig().brought_to(h.PAUSED)  # and 500 ms in it
    rig.tick(away_ms // limits.TICK_MS)
    rig.has_host = True
    rig.tick(TEST_TICKS)
    assert rig.heater.is_q1_closed is resumes
    assert (rig.supervisor.cause == h.PAUSED_TOO_LONG) is not resumes


@pytest.mark.risk("RC-35")
def test_face_over_a_lowered_set_point_gets_no_power_of_a_test() -> None:
    rig = Rig().brought_to(h.PAUSED)
    rig.tick(REST_TICKS)
    rig.setpoint_mdegc = 36_000
    rig.has_host = True
    for _ in range(TEST_TICKS):
        rig.tick()
        assert not rig.heater.is_q1_closed


@pytest.mark.parametrize(("back_ticks", "heats"), [(119, True), (120, False)])
def test_cause_has_to_be_gone_within_30_s_and_the_test_takes_eight_more(
    back_ticks: int, heats: bool
) -> None:
    # A test that began in time goes on to its end: `wider` in the risk file tells of it.
    rig = Rig().brought_to(h.PAUSED)
    rig.heater.responses_mdegc = {"b": 15}
    n_ticks = rig.supervisor._state_ms // limits.TICK_MS
    rig.tick(back_ticks - n_ticks)
    rig.has_host = True
    n_ticks = back_ticks
    while rig.supervisor.state == h.PAUSED:
        rig.tick()
        n_ticks += 1
    assert rig.supervisor.state == (h.WARMUP if heats else h.COOL)
    assert n_ticks == back_ticks + TEST_TICKS * heats
    assert n_ticks * limits.TICK_MS <= limits.PAUSE_MAX_MS + 8000
