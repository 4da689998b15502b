"""Sensors that stand to each other as they did not when heat began: both sides of every limit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fakes.fake_heater import LINK, FakeHeater, Rig

from faceloop_heat import hal
from faceloop_protocol import heat as h
from faceloop_protocol import heat_limits as limits
from faceloop_protocol import texts

TICK = limits.TICK_MS
JUMP_TICKS = limits.JUMP_MS // TICK
PAIR_TICKS = limits.PAIR_MS // TICK
STATES = {"WARMUP": h.WARMUP, "HOLD": h.HOLD, "PAUSED": h.PAUSED}
NEAR_MDEGC = 10  # codes are 2 mC apart, and half of a pair rounds

# Sensor, direction, what it may be away from where it stood, ticks until it acts, cause.
SLOW = [
    ("a", 1, limits.SPOT_MDEGC, PAIR_TICKS, h.SENSOR_PAIR),
    ("a", -1, limits.SPOT_MDEGC, PAIR_TICKS, h.SENSOR_PAIR),
    ("c", -1, limits.SPOT_MDEGC, PAIR_TICKS, h.SENSOR_PAIR),
    ("h", 1, limits.SPOT_MDEGC, PAIR_TICKS, h.SENSOR_TRIP),
    ("h", -1, limits.SPOT_MDEGC, PAIR_TICKS, h.SENSOR_TRIP),
    ("z", 1, limits.ZONE_CHANGE_MDEGC, limits.ZONE_MS // TICK, h.SENSOR_ZONE),
]


def started(state: int, errors_mdegc: dict[str, int] | None = None) -> Rig:
    heater = FakeHeater()
    heater.errors_mdegc = errors_mdegc or {}
    rig = Rig(hal.RESET_POWER_ON, heater).brought_to(state)
    rig.tick(JUMP_TICKS)
    return rig


def creep(rig: Rig, name: str, mdegc: int) -> None:
    """Let a sensor drift so slowly that nothing jumps; a host that is away stays away."""
    step = 10 if mdegc > rig.heater.mdegc[name] else -10
    while rig.heater.mdegc[name] != mdegc:
        rig.heater.mdegc[name] += step
        rig.tick()


@pytest.mark.risk("RC-02", "RC-17")
@pytest.mark.parametrize("error_mdegc", [0, 300, -300])
@pytest.mark.parametrize(
    ("sensor", "sign", "limit_mdegc", "n_ticks", "cause"), SLOW, ids=lambda value: str(value)
)
@pytest.mark.parametrize("state", [h.WARMUP, h.HOLD], ids=["WARMUP", "HOLD"])
def test_slow_change_latches_beyond_its_limit_whatever_the_sensor_reads_wrong(
    state: int,
    sensor: str,
    sign: int,
    limit_mdegc: int,
    n_ticks: int,
    cause: int,
    error_mdegc: int,
) -> None:
    rig = started(state, {sensor: error_mdegc})
    creep(rig, sensor, 38_000 + sign * (limit_mdegc - NEAR_MDEGC))
    rig.tick(2 * n_ticks)
    assert rig.supervisor.is_heating(), texts.CAUSE_TEXT[rig.supervisor.cause]
    rig.heater.mdegc[sensor] += sign * 2 * NEAR_MDEGC
    rig.tick(n_ticks - 1)
    assert rig.supervisor.is_heating()
    rig.tick()
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.LATCHED, cause)
    assert not rig.heater.is_q1_closed


def test_slow_change_that_goes_back_in_time_is_forgotten() -> None:
    rig = started(h.HOLD)
    creep(rig, "a", 38_000 + limits.SPOT_MDEGC - NEAR_MDEGC)
    for _ in range(3):
        rig.heater.mdegc["a"] += 2 * NEAR_MDEGC
        rig.tick(PAIR_TICKS - 1)
        rig.heater.mdegc["a"] -= 2 * NEAR_MDEGC
        rig.tick()
    assert rig.supervisor.state == h.HOLD


@pytest.mark.parametrize("sensor", ["a", "c", "h"])
def test_change_in_a_pause_latches_before_any_resume(sensor: str) -> None:
    rig = started(h.PAUSED)
    rig.heater.mdegc[sensor] -= limits.SPOT_MDEGC + 2 * NEAR_MDEGC
    rig.has_host = True
    for _ in range(PAIR_TICKS):
        assert rig.supervisor.state == h.PAUSED
        assert not rig.heater.is_q1_closed
        rig.tick()
    assert rig.supervisor.state == h.LATCHED


# What loose sensors do: one falls within seconds, and stays below.
@pytest.mark.risk("RC-02")
@pytest.mark.parametrize(("over_mdegc", "latches"), [(-NEAR_MDEGC, False), (NEAR_MDEGC, True)])
def test_zone_that_falls_at_once_pauses_and_latches(over_mdegc: int, latches: bool) -> None:
    rig = started(h.HOLD)
    rig.heater.mdegc["z"] -= limits.ZONE_FALL_MDEGC + over_mdegc
    rig.tick(limits.JUMP_SCANS - 1)
    assert rig.supervisor.state == h.HOLD
    rig.tick()
    assert rig.supervisor.state == (h.PAUSED if latches else h.HOLD)
    rig.tick(PAIR_TICKS - limits.JUMP_SCANS - 1)
    assert rig.supervisor.state == (h.PAUSED if latches else h.HOLD)
    rig.tick()
    assert (rig.supervisor.cause == h.SENSOR_ZONE) is latches


def test_zone_that_came_down_slowly_is_skin_and_latches_nothing() -> None:
    rig = started(h.HOLD)
    creep(rig, "z", 38_000 - 2 * limits.ZONE_FALL_MDEGC)
    rig.tick(60)
    assert rig.supervisor.state == h.HOLD


def test_zone_that_was_lifted_and_is_put_back_is_a_pause_only() -> None:
    rig = started(h.HOLD)
    creep(rig, "z", 38_000 + 1_500)
    rig.heater.mdegc["z"] = 38_000
    rig.tick(limits.JUMP_SCANS)
    assert (rig.supervisor.state, rig.supervisor.cause) == (h.PAUSED, h.CONTACT_CHANGED)
    rig.heater.responses_mdegc = {"b": 15}
    seconds = limits.RISE_RETRY_MS // 1000 + 9
    rig.tick(4 * seconds)
    assert rig.supervisor.is_heating()


@pytest.mark.risk("RC-02", "RC-04")
@pytest.mark.parametrize(
    ("sensor", "limit_mdegc"), [("a", limits.JUMP_MDEGC), ("z", limits.JUMP_ZONE_MDEGC)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_jump_pauses_beyond_its_limit(sensor: str, limit_mdegc: int, sign: int) -> None:
    for over_mdegc, pauses in ((-NEAR_MDEGC, False), (NEAR_MDEGC, True)):
        rig = started(h.HOLD)
        rig.heater.mdegc[sensor] += sign * (limit_mdegc + over_mdegc)
        rig.tick(limits.JUMP_SCANS - 1)
        assert rig.supervisor.state == h.HOLD
        rig.tick()
        assert (rig.supervisor.cause == h.CONTACT_CHANGED) is pauses


def test_jump_takes_no_longer_than_its_window() -> None:
    for n_ticks, pauses in ((JUMP_TICKS - limits.JUMP_SCANS, True), (JUMP_TICKS - 1, False)):
        rig = started(h.HOLD)
        rig.heater.mdegc["a"] += limits.JUMP_MDEGC // 2 + NEAR_MDEGC
        rig.tick(n_ticks)
        rig.heater.mdegc["a"] += limits.JUMP_MDEGC // 2 + NEAR_MDEGC
        rig.tick(limits.JUMP_SCANS)
        assert (rig.supervisor.cause == h.CONTACT_CHANGED) is pauses


def crossings() -> Iterator[tuple[str, int, int, bool]]:
    """Sensor, its step, the core's, and whether these two have changed places."""
    step = limits.CROSS_MDEGC + NEAR_MDEGC
    for sensor in "ac":
        for sign in (1, -1):
            yield sensor, sign * step, -sign * step, True
            yield sensor, sign * (step - 2 * NEAR_MDEGC), -sign * (step - 2 * NEAR_MDEGC), False
            yield sensor, sign * step, -sign * (step // 2 + NEAR_MDEGC), True
            yield sensor, sign * step, -sign * (step // 2 - NEAR_MDEGC), False
            yield sensor, sign * step, 0, False
            yield sensor, sign * step, sign * step, False


@pytest.mark.risk("RC-04")
@pytest.mark.parametrize(("sensor", "step_mdegc", "core_mdegc", "is_swapped"), list(crossings()))
def test_readings_that_change_places_latch(
    sensor: str, step_mdegc: int, core_mdegc: int, is_swapped: bool
) -> None:
    rig = started(h.HOLD)
    rig.heater.mdegc[sensor] += step_mdegc
    rig.heater.mdegc["b"] += core_mdegc
    rig.tick(limits.JUMP_SCANS - 1)
    assert rig.supervisor.state == h.HOLD
    rig.tick()
    assert (rig.supervisor.cause == h.SENSOR_SWAPPED) is is_swapped


def test_nothing_is_judged_by_a_session_that_is_over() -> None:
    rig = started(h.HOLD)
    rig.supervisor.stop()
    rig.heater.face(33_000)
    rig.heater.mdegc["a"] += 600
    rig.tick(4 * 320)
    assert rig.supervisor.state == h.OFF
    rig.supervisor.ledger.clock_s += limits.REST_S
    assert rig.supervisor.request(LINK, 40_000, 10) == h.CAUSE_NONE
    rig.tick(48)
    rig.press()
    assert rig.supervisor.state == h.WARMUP
