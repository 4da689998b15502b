"""How much heat, and what turns it off at once: a control of it that is taken away is missed."""

from __future__ import annotations

from array import array

import pytest
from tests.fakes.fake_heater import PULSE_TICKS, REST_TICKS, Rig
from tests.fakes.taken_away import NEVER, with_and_without

from faceloop.twin.heat.board import make_bench
from faceloop.twin.heat.wearer import nominal_wearer
from faceloop_heat import hal
from faceloop_protocol import heat_limits as limits
from faceloop_protocol.heat import HOLD, LATCHED, PAUSED


@pytest.mark.mutation("RC-23")
def test_areal_limit_taken_away_gives_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from faceloop_heat.output import Output

    inputs = array("i", [0] * hal.N_INPUTS)
    inputs[hal.IN_SUPPLY_MV] = 4350
    output = Output(make_bench(nominal_wearer()).pad, 60, 7350 * 97 // 100)
    change = ("output.AREAL_LIMIT_MW_PER_CM2", 100)
    before, after = with_and_without(monkeypatch, lambda: output.most_mw(inputs), change)
    assert before == 60 * limits.AREAL_LIMIT_MW_PER_CM2
    assert after > before


@pytest.mark.mutation("RC-35")
@pytest.mark.parametrize("begins", ["start", "resume"])
def test_set_point_taken_away_gives_full_power_over_it(
    begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloop_heat.heating import Heating

    def is_powered() -> bool:
        rig = Rig()
        if begins == "start":
            rig.setpoint_mdegc = limits.SETPOINT_MIN_MDEGC
            rig.heater.face(limits.SETPOINT_MIN_MDEGC + limits.FACE_OVER_RESUME_MDEGC)
            rig.asked().press()
            return rig.heater.is_q1_closed
        rig.brought_to(PAUSED)
        rig.tick(REST_TICKS)
        rig.setpoint_mdegc = limits.SETPOINT_MIN_MDEGC
        rig.has_host = True
        rig.tick(PULSE_TICKS[0])
        return rig.heater.is_q1_closed

    assert with_and_without(
        monkeypatch, is_powered, (Heating, "_is_too_warm", lambda _: False)
    ) == (False, True)


@pytest.mark.mutation("RC-35")
def test_second_of_the_test_taken_away_heats_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    def powered_ticks() -> int:
        rig = Rig().brought_to(PAUSED)
        rig.tick(REST_TICKS)
        rig.has_host = True
        n_powered = 0
        while rig.tick().supervisor.state == PAUSED:
            n_powered += rig.heater.is_q1_closed
        return n_powered

    change = ("leadtest.LEAD_TEST_MS", NEVER)
    before, after = with_and_without(monkeypatch, powered_ticks, change)
    assert before == limits.LEAD_TEST_MS // limits.TICK_MS
    assert after > before


@pytest.mark.mutation("RC-11")
def test_limit_of_a_late_tick_taken_away_heats_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        late_ms = limits.TICK_LATE_MS + 10
        rig.heater.frames_per_tick = late_ms * limits.FRAMES_PER_S // 1000
        rig.tick(elapsed_ms=late_ms)
        return rig.heater.is_q1_closed

    assert with_and_without(monkeypatch, heats, ("heating.TICK_LATE_MS", NEVER)) == (False, True)


@pytest.mark.mutation("RC-11")
def test_way_out_of_a_broken_tick_taken_away_leaves_the_switches_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from faceloop_heat.output import Output

    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        rig.heater.is_scan_broken = True
        with pytest.raises(RuntimeError):
            rig.tick()
        return rig.heater.is_q1_closed

    assert with_and_without(monkeypatch, heats, (Output, "off", lambda _: None)) == (False, True)


@pytest.mark.mutation("RC-24")
def test_limit_of_a_rise_taken_away_heats_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        rig.tick(44)
        rig.heater.face(38_000 + limits.RISE_MDEGC + 20)
        rig.tick()
        return rig.heater.is_q1_closed

    assert with_and_without(monkeypatch, heats, ("checks.RISE_MDEGC", NEVER)) == (False, True)


@pytest.mark.mutation("RC-24")
def test_comparison_with_the_core_taken_away_only_pauses_a_rise_by_power(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from faceloop_heat.checks import Checks

    def state() -> int:
        rig = Rig().brought_to(HOLD)
        rig.tick(44)
        rig.heater.face(38_000 + limits.RISE_MDEGC + 20)
        rig.heater.mdegc["b"] += 20
        rig.tick()
        return int(rig.supervisor.state)

    pause = Checks.pause

    def blind(self: Checks, *arguments: int) -> int:
        self._core_rise = -NEVER
        return int(pause(self, *arguments))

    change = (Checks, "pause", blind)
    assert with_and_without(monkeypatch, state, change) == (LATCHED, PAUSED)


@pytest.mark.mutation("RC-26")
@pytest.mark.parametrize(
    ("mdegc", "constants"),
    [
        (limits.FACE_PAUSE_MDEGC + 10, ["checks.FACE_PAUSE_MS"]),
        (limits.FACE_LATCH_MDEGC + 10, ["checks.FACE_PAUSE_MS", "checks.FACE_LATCH_MS"]),
    ],
)
def test_limits_of_the_face_taken_away_heat_on(
    mdegc: int, constants: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Slower than a rise, and the controller left out: what asks for power is what is wrong.
    monkeypatch.setattr("faceloop_heat.checks.RISE_MDEGC", NEVER)

    def heats() -> bool:
        rig = Rig().brought_to(HOLD)
        rig.heater.face(mdegc)
        rig.tick(limits.FACE_PAUSE_MS // limits.TICK_MS + 1)
        return rig.heater.is_q1_closed

    changes = [(constant, NEVER) for constant in constants]
    assert with_and_without(monkeypatch, heats, *changes) == (False, True)
