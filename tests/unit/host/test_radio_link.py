"""The air model, on an injected clock: no event loop, no Bluetooth stack, no waiting."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable

import pytest

from faceloop.errors import UsageError
from faceloop.twin.radio.link import (
    REASON_LOCAL_HOST,
    REASON_TIMEOUT,
    Air,
    AirLink,
    Side,
    pdu_air_time_us,
    pdu_count,
)
from faceloop.twin.radio.settings import RadioSettings

INTERVAL_S = 0.015
TIMEOUT_S = 4.0


class FakeTimer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 100.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, when: float, callback: Callable[[], object], /) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self._timers and self._timers[0][0] <= end_s:
            when, _, timer = heapq.heappop(self._timers)
            self.now_s = max(self.now_s, when)
            if timer.callback is not None:
                timer.callback()
        self.now_s = end_s

    def stall(self, seconds: float) -> None:
        """Let time pass without anybody running, as on a busy machine."""
        self.now_s += seconds

    @property
    def pending(self) -> int:
        return sum(timer.callback is not None for _, _, timer in self._timers)


class Rig:
    """One link, and everything that came out of it with its time."""

    def __init__(self, timeout_s: float = TIMEOUT_S, **settings: object) -> None:
        self.clock = FakeClock()
        self.air = Air(RadioSettings(**settings), self.clock)  # type: ignore[arg-type]
        self.arrived: list[tuple[float, int]] = []
        self.left: list[int] = []
        self.ended: list[tuple[Side, int, float]] = []
        self.start_s = self.clock.now_s
        interval_s = self.air.interval_s(INTERVAL_S)
        self.link = AirLink(
            self.air,
            interval_s,
            self.air.timeout_s(timeout_s),
            (self._ender(Side.CENTRAL), self._ender(Side.PERIPHERAL)),
        )

    def _ender(self, side: Side) -> Callable[[int], None]:
        return lambda reason: self.ended.append((side, reason, self.elapsed_s))

    @property
    def elapsed_s(self) -> float:
        return self.clock.now_s - self.start_s

    def notify(self, number: int, payload_octets: int = 236) -> None:
        self.link.send(
            Side.PERIPHERAL,
            payload_octets + 7,
            lambda: self.arrived.append((self.elapsed_s, number)),
            lambda: self.left.append(number),
        )

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.arrived]


@pytest.mark.parametrize(
    ("payload", "pdu_octets", "pdus"),
    [(20, 27, 1), (21, 27, 2), (236, 27, 9), (237, 27, 10), (244, 27, 10), (244, 251, 1),
     (245, 251, 2), (1, 251, 1)],
)  # fmt: skip
def test_pdu_count_notification_costs_payload_plus_seven(
    payload: int, pdu_octets: int, pdus: int
) -> None:
    assert pdu_count(payload + 7, pdu_octets) == pdus == math.ceil((payload + 7) / pdu_octets)


def test_pdu_count_control_pdu_costs_one() -> None:
    assert pdu_count(0, 27) == 1


def test_pdu_air_time_matches_core_specification() -> None:
    # LE 1M: 8 us per octet; 37 octets + 80 us acknowledgement + 2 inter-frame spaces of 150 us.
    assert pdu_air_time_us(27) == 37 * 8 + 80 + 300
    assert pdu_air_time_us(251) == 261 * 8 + 80 + 300
    assert pdu_air_time_us(27, 2) == 38 * 4 + 44 + 300


def test_air_budget_is_what_fits_into_the_interval() -> None:
    air = Air(RadioSettings(), FakeClock())
    assert air.pdus_per_event(0.015) == 15000 // 676 == 22
    assert air.pdus_per_event(0.0075) == 11
    assert air.pdus_per_event(0.0001) == 1
    capped = Air(RadioSettings(pdus_per_event=6), FakeClock())
    assert capped.pdus_per_event(0.015) == 6


@pytest.mark.parametrize(
    ("payload", "pdu_octets", "low_kb", "high_kb"),
    # Radio arithmetic: 38.8 kB/s at most without data length extension, 98.9 with it.
    [(236, 27, 37.5, 38.8), (244, 27, 35.5, 36.9), (244, 251, 95.0, 98.9)],
)
def test_link_saturated_throughput_matches_radio_arithmetic(
    payload: int, pdu_octets: int, low_kb: float, high_kb: float
) -> None:
    rig = Rig(pdu_octets=pdu_octets)
    for number in range(6000):
        rig.notify(number, payload)
    rig.clock.advance(10.0)
    rate_kb = len(rig.arrived) * payload / 10.0 / 1e3
    assert low_kb <= rate_kb <= high_kb


def test_link_packet_waits_for_the_next_event_and_keeps_order() -> None:
    rig = Rig()
    rig.notify(0)
    rig.notify(1)
    rig.clock.advance(0.0149)
    assert rig.arrived == []
    rig.clock.advance(0.0002)
    assert rig.numbers == rig.left == [0, 1]


def test_link_packet_longer_than_the_budget_continues_in_the_next_event() -> None:
    rig = Rig(pdus_per_event=4)
    rig.notify(0)  # 9 PDUs: events 1, 2 and 3
    rig.clock.advance(2 * INTERVAL_S + 0.001)
    assert rig.arrived == []
    rig.clock.advance(INTERVAL_S)
    assert rig.arrived[0][0] == pytest.approx(3 * INTERVAL_S)


def test_link_two_directions_do_not_share_the_budget() -> None:
    rig = Rig(pdus_per_event=9)
    answers: list[float] = []
    rig.notify(0)
    rig.link.send(Side.CENTRAL, 27, lambda: answers.append(rig.elapsed_s))
    rig.clock.advance(INTERVAL_S + 0.001)
    assert rig.numbers == [0] and len(answers) == 1


@pytest.mark.parametrize("loss", [0.05, 0.3, 0.6])
def test_link_loss_is_latency_and_never_a_gap(loss: float) -> None:
    rig, quiet = Rig(loss=loss, seed=7), Rig()
    latency_s: dict[str, list[float]] = {"lossy": [], "quiet": []}
    for each, name in ((rig, "lossy"), (quiet, "quiet")):
        sent_s = []
        for number in range(300):
            sent_s.append(each.elapsed_s)
            each.notify(number)
            each.clock.advance(0.02)
        each.clock.advance(20.0)
        assert each.numbers == list(range(300))
        latency_s[name] = [at - sent for (at, _), sent in zip(each.arrived, sent_s, strict=True)]
    assert max(latency_s["quiet"]) <= INTERVAL_S + 1e-9
    assert sum(latency_s["lossy"]) > sum(latency_s["quiet"]) * (1 + loss)
    retransmitted = rig.air.counters.retransmitted
    # Every packet is tried until it gets through: expected p / (1 - p) extra attempts each.
    assert retransmitted / 300 == pytest.approx(loss / (1 - loss), rel=0.35)
    assert quiet.air.counters.retransmitted == 0
    assert rig.ended == []


def test_link_lost_attempt_ends_the_event_for_its_direction() -> None:
    rig = Rig(loss=0.5, seed=1)
    for number in range(200):
        rig.notify(number, 20)
    rig.clock.advance(INTERVAL_S + 0.001)
    in_first_event = len(rig.arrived)
    assert in_first_event < 22  # the budget: without loss all of it would be used
    rig.clock.advance(30.0)
    assert rig.numbers == list(range(200))


def test_link_same_seed_same_run() -> None:
    runs = []
    for _ in range(2):
        rig = Rig(loss=0.4, seed=11)
        for number in range(100):
            rig.notify(number)
        rig.clock.advance(10.0)
        runs.append(rig.arrived)
    other = Rig(loss=0.4, seed=12)
    for number in range(100):
        other.notify(number)
    other.clock.advance(10.0)
    assert runs[0] == runs[1] != other.arrived


def test_link_delay_is_added_and_keeps_order_when_it_shrinks() -> None:
    rig = Rig(delay_ms=40)
    rig.notify(0)
    rig.clock.advance(INTERVAL_S + 0.001)
    assert rig.arrived == [] and rig.left == [0]  # the buffer is free, the host has nothing yet
    rig.air.settings.change(delay_ms=0)
    rig.notify(1)
    rig.clock.advance(0.2)
    assert rig.numbers == [0, 1]
    assert rig.arrived[0][0] == pytest.approx(INTERVAL_S + 0.040)


def test_link_blackout_holds_packets_back_and_delivers_them_after() -> None:
    rig = Rig()
    rig.clock.advance(0.1)
    rig.air.settings.change(blackout=True)
    rig.notify(0)
    rig.clock.advance(3.0)
    assert rig.arrived == [] and rig.ended == []
    rig.air.settings.change(blackout=False)
    rig.clock.advance(0.1)
    assert rig.numbers == [0] and rig.ended == []
    assert rig.air.counters.dark_events >= 3.0 / INTERVAL_S - 1


def test_link_blackout_longer_than_supervision_timeout_ends_both_sides() -> None:
    rig = Rig()
    rig.clock.advance(1.0)
    rig.notify(0)
    rig.air.settings.change(blackout=True)
    rig.clock.advance(TIMEOUT_S - 0.02)
    assert rig.ended == []
    rig.clock.advance(0.04)
    assert [(side, reason) for side, reason, _ in rig.ended] == [
        (Side.CENTRAL, REASON_TIMEOUT),
        (Side.PERIPHERAL, REASON_TIMEOUT),
    ]
    assert rig.link.is_closed and rig.clock.pending == 0 and rig.air.links == []
    rig.air.settings.change(blackout=False)
    rig.clock.advance(1.0)
    assert rig.arrived == []
    assert rig.air.counters.timeouts == 1


def test_air_scheduled_blackouts_count_from_begin_schedule() -> None:
    rig = Rig(blackouts=((1.0, 0.5), (3.0, 0.1)))
    rig.clock.advance(1.2)
    rig.notify(0)
    rig.clock.advance(0.1)
    assert rig.numbers == [0]  # nothing is dark before the schedule begins
    begin_s = rig.clock.now_s
    rig.air.begin_schedule(begin_s)
    dark = [t for t in range(5, 4000, 10) if rig.air.is_dark(begin_s + t / 1e3)]
    assert dark == [*range(1005, 1500, 10), *range(3005, 3100, 10)]
    rig.clock.advance(1.1)
    rig.notify(1)
    rig.clock.advance(0.35)
    assert rig.numbers == [0]
    rig.clock.advance(0.1)
    assert rig.numbers == [0, 1]


def test_link_total_loss_ends_at_supervision_timeout() -> None:
    rig = Rig()
    rig.clock.advance(1.0)
    rig.air.settings.change(loss=1.0)
    rig.clock.advance(TIMEOUT_S + 0.03)
    assert [reason for _, reason, _ in rig.ended] == [REASON_TIMEOUT] * 2


def test_link_silenced_side_is_noticed_only_by_the_other_and_only_at_the_timeout() -> None:
    rig = Rig()
    rig.clock.advance(0.5)
    rig.notify(0)
    rig.link.silence(Side.PERIPHERAL)
    rig.clock.advance(TIMEOUT_S - 0.03)
    assert rig.ended == [] and rig.arrived == []
    rig.clock.advance(0.06)
    assert [(side, reason) for side, reason, _ in rig.ended] == [(Side.CENTRAL, REASON_TIMEOUT)]


def test_link_both_sides_silenced_closes() -> None:
    rig = Rig()
    rig.link.silence(Side.PERIPHERAL)
    rig.link.silence(Side.CENTRAL)
    assert rig.link.is_closed
    rig.clock.advance(10.0)
    assert rig.ended == []


def test_link_terminate_goes_through_the_air_and_drops_unsent_packets() -> None:
    rig = Rig()
    rig.notify(0)
    rig.link.terminate(Side.PERIPHERAL, 0x13)
    assert rig.ended == []
    rig.clock.advance(INTERVAL_S + 0.001)
    assert [(side, reason) for side, reason, _ in rig.ended] == [
        (Side.PERIPHERAL, REASON_LOCAL_HOST),
        (Side.CENTRAL, 0x13),
    ]
    assert rig.arrived == [] and rig.clock.pending == 0


def test_link_terminate_in_a_blackout_ends_at_the_supervision_timeout() -> None:
    rig = Rig(blackout=True)
    rig.link.terminate(Side.CENTRAL, 0x13)
    rig.clock.advance(TIMEOUT_S + 0.03)
    assert [(side, reason) for side, reason, _ in rig.ended] == [
        (Side.CENTRAL, REASON_LOCAL_HOST),
        (Side.PERIPHERAL, REASON_TIMEOUT),
    ]


def test_link_update_moves_the_pacing() -> None:
    rig = Rig()
    rig.clock.advance(0.001)
    rig.link.update(0.0075, 1.0)
    rig.notify(0)
    rig.clock.advance(0.0076)
    assert rig.arrived[0][0] == pytest.approx(0.0085)
    before = rig.air.counters.events
    rig.clock.advance(0.75)
    assert rig.air.counters.events - before == pytest.approx(100, abs=1)


def test_air_settings_override_interval_and_clamp_timeout() -> None:
    air = Air(RadioSettings(interval_ms=30, supervision_max_ms=2000), FakeClock())
    assert air.interval_s(0.015) == pytest.approx(0.030)
    assert air.timeout_s(4.0) == 2.0
    assert air.timeout_s(0.01) == pytest.approx(0.1)


def test_link_late_event_loop_makes_up_for_the_events_it_missed() -> None:
    rig = Rig()
    for number in range(40):
        rig.notify(number)
    rig.clock.stall(4.5 * INTERVAL_S)  # four events should have happened
    rig.clock.advance(0.0)
    assert rig.air.counters.events == 4
    assert len(rig.arrived) == 4 * 22 // 9
    rig.clock.stall(60.0)  # a suspended machine: not thousands of events, and no timeout either
    rig.clock.advance(0.0)
    assert rig.air.counters.events <= 12
    rig.clock.advance(0.1)
    assert rig.ended == []


@pytest.mark.parametrize(
    "change",
    [{"loss": 1.5}, {"loss": -0.1}, {"interval_ms": 5}, {"pdu_octets": 100}, {"stack": "zephyr"},
     {"pdus_per_event": 0}, {"delay_ms": -1}, {"blackouts": [(-1, 2)]}, {"colour": "blue"}],
)  # fmt: skip
def test_settings_refuse_nonsense_and_change_nothing(change: dict[str, object]) -> None:
    settings = RadioSettings()
    before = RadioSettings()
    with pytest.raises(UsageError, match=next(iter(change))):
        settings.change(seed=5, **change)
    assert settings == before
