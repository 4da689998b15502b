"""The air between two Bluetooth LE controllers: a pure model, no Bluetooth stack in it.

One ``AirLink`` is one LE connection. It owns two FIFOs of packets and one timer per connection
interval. At each connection event both directions may send as many link-layer PDUs as fit into
the interval; a packet longer than the rest of the budget continues in the next event. An attempt
that is lost ends the event for its direction and the packet goes again in the next event, so a
lossy link is late, never holey. Time comes from the injected clock and chance from the seeded
generator, so that a run can be repeated exactly.

Simplification: the two directions have separate budgets. On the air they share the interval, but
what the host sends here is a few short acknowledgements that ride in otherwise empty packets.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Protocol

from faceloop.twin.radio.settings import RadioSettings

__all__ = [
    "REASON_LOCAL_HOST",
    "REASON_TIMEOUT",
    "Air",
    "AirCounters",
    "AirLink",
    "Clock",
    "Side",
    "Timer",
    "pdu_air_time_us",
    "pdu_count",
]

# HCI reasons of a disconnection, Core specification Vol 1 Part F.
REASON_TIMEOUT = 0x08
REASON_LOCAL_HOST = 0x16

_INTER_FRAME_SPACE_US = 150
# Events that a late event loop may make up for: the real air does not stop when a shared test
# machine does, and without this a loaded machine would look like a slow link.
_MAX_CATCH_UP = 8


class Side(IntEnum):
    """The two ends of a connection."""

    CENTRAL = 0
    PERIPHERAL = 1

    @property
    def other(self) -> Side:
        """The far end."""
        return Side(1 - self)


class Timer(Protocol):
    """What ``Clock.call_at`` returns."""

    def cancel(self) -> None:
        """Do not fire."""


class Clock(Protocol):
    """The part of an asyncio event loop that the air needs."""

    def time(self) -> float:
        """Now, in seconds of a monotonic clock."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call once, at ``when`` seconds of the same clock."""


@dataclass
class AirCounters:
    """What happened on the air since it exists."""

    events: int = 0
    dark_events: int = 0
    delivered: int = 0
    delivered_octets: int = 0
    retransmitted: int = 0
    timeouts: int = 0


def pdu_air_time_us(pdu_octets: int, phy_mbps: int = 1) -> int:
    """Return the time that one full data PDU and its empty acknowledgement take.

    A PDU has 10 octets around its payload on LE 1M (preamble 1, access address 4, header 2, CRC 3)
    and 11 on LE 2M (preamble 2). After each of the two packets comes an inter-frame space.
    """
    overhead_octets = 9 + phy_mbps
    packets_us = 8 * (pdu_octets + 2 * overhead_octets) // phy_mbps
    return packets_us + 2 * _INTER_FRAME_SPACE_US


def pdu_count(octets: int, pdu_octets: int) -> int:
    """Return how many link-layer PDUs carry an L2CAP packet of ``octets`` (header included).

    A notification of n bytes is n + 7 octets (ATT 3, L2CAP 4). Control PDUs (0 octets) cost one.
    """
    return max(1, -(-octets // pdu_octets))


@dataclass(slots=True)
class _Packet:
    octets: int
    pdus_left: int
    deliver: Callable[[], None]
    on_air: Callable[[], None] | None


class Air:
    """The medium all links share: its conditions, its dice, its counters."""

    def __init__(self, settings: RadioSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.rng = random.Random(settings.seed)
        self.counters = AirCounters()
        self.links: list[AirLink] = []
        self._schedule_start_s: float | None = None

    def begin_schedule(self, now_s: float) -> None:
        """Count the scheduled blackouts from ``now_s`` on."""
        self._schedule_start_s = now_s

    def is_dark(self, now_s: float) -> bool:
        """Return whether nothing gets through at this moment."""
        if self.settings.blackout:
            return True
        if self._schedule_start_s is None:
            return False
        since_s = now_s - self._schedule_start_s
        return any(start <= since_s < start + length for start, length in self.settings.blackouts)

    def loses(self) -> bool:
        """Throw the dice for one attempt to send."""
        return self.settings.loss > 0 and self.rng.random() < self.settings.loss

    def pdus_per_event(self, interval_s: float, phy_mbps: int = 1) -> int:
        """Return how many PDUs one direction may send in one connection event."""
        per_pdu_us = pdu_air_time_us(self.settings.pdu_octets, phy_mbps)
        fitting = max(1, int(interval_s * 1e6 + 0.5) // per_pdu_us)
        cap = self.settings.pdus_per_event
        return fitting if cap is None else min(fitting, cap)

    def interval_s(self, requested_s: float) -> float:
        """Return the interval a connection really gets."""
        forced_ms = self.settings.interval_ms
        return requested_s if forced_ms is None else forced_ms / 1e3

    def timeout_s(self, requested_s: float) -> float:
        """Return the supervision timeout a connection really gets."""
        low_ms, high_ms = self.settings.supervision_min_ms, self.settings.supervision_max_ms
        return min(max(requested_s, low_ms / 1e3), high_ms / 1e3)

    def stats(self) -> dict[str, int]:
        """Return the counters as a dictionary."""
        return asdict(self.counters)


class AirLink:
    """One LE connection on the air.

    Parameters
    ----------
    air : Air
        The medium.
    interval_s, timeout_s : float
        Connection interval and supervision timeout.
    on_end : pair of callables
        Called once per side (central, peripheral) with the HCI reason when the connection ends
        for that side; never for a side that was silenced.
    """

    def __init__(
        self,
        air: Air,
        interval_s: float,
        timeout_s: float,
        on_end: tuple[Callable[[int], None], Callable[[int], None]],
    ) -> None:
        self.air = air
        self.interval_s = interval_s
        self.timeout_s = timeout_s
        self.phy_mbps = 1
        self.is_closed = False
        self._on_end = on_end
        self._queues: tuple[deque[_Packet], deque[_Packet]] = (deque(), deque())
        # Packets between the air and the receiving host, by sender: (due time, packet).
        self._flying: tuple[deque[tuple[float, _Packet]], deque[tuple[float, _Packet]]] = (
            deque(),
            deque(),
        )
        self._landing_timers: list[Timer | None] = [None, None]
        self._silent: set[Side] = set()
        self._leaving: Side | None = None
        now_s = air.clock.time()
        self._last_heard_s = now_s
        self._next_s = now_s + interval_s
        self._timer = air.clock.call_at(self._next_s, self._on_timer)
        air.links.append(self)

    def send(
        self,
        side: Side,
        octets: int,
        deliver: Callable[[], None],
        on_air: Callable[[], None] | None = None,
    ) -> None:
        """Queue a packet at one side.

        Parameters
        ----------
        side : Side
            The sender.
        octets : int
            L2CAP octets in the packet; 0 for a link-layer control PDU.
        deliver : callable
            Called when the far host receives the packet.
        on_air : callable, optional
            Called when the packet has left the sender's controller (it frees a buffer there).
        """
        if self.is_closed or side in self._silent:
            return
        pdus = pdu_count(octets, self.air.settings.pdu_octets)
        self._queues[side].append(_Packet(octets, pdus, deliver, on_air))

    def queued(self, side: Side) -> int:
        """Return how many packets wait at one side."""
        return len(self._queues[side])

    def terminate(self, side: Side, reason: int) -> None:
        """Ask the far side to end the connection; unsent packets of this side are dropped.

        This side has ended when the request got through, or at the supervision timeout.
        """
        if self.is_closed or self._leaving is not None:
            return
        self._leaving = side

        def arrive() -> None:
            self.close()
            self._on_end[side](REASON_LOCAL_HOST)
            if side.other not in self._silent:
                self._on_end[side.other](reason)

        queue = self._queues[side]
        queue.clear()
        queue.append(_Packet(0, 1, arrive, None))

    def silence(self, side: Side) -> None:
        """Take one side away without a word: its power is gone."""
        self._silent.add(side)
        self._queues[side].clear()
        if len(self._silent) == 2:
            self.close()

    def update(self, interval_s: float, timeout_s: float) -> None:
        """Change the connection parameters, from the next event on."""
        self.interval_s = interval_s
        self.timeout_s = timeout_s
        soon_s = self.air.clock.time() + interval_s
        if not self.is_closed and soon_s < self._next_s:
            self._timer.cancel()
            self._next_s = soon_s
            self._timer = self.air.clock.call_at(soon_s, self._on_timer)

    def close(self) -> None:
        """Stop at once; nobody is told."""
        if self.is_closed:
            return
        self.is_closed = True
        self._timer.cancel()
        for timer in self._landing_timers:
            if timer is not None:
                timer.cancel()
        self.air.links.remove(self)

    def _on_timer(self) -> None:
        now_s = self.air.clock.time()
        for _ in range(_MAX_CATCH_UP):
            self._run_event(self._next_s)
            if self.is_closed:
                return
            self._next_s += self.interval_s
            if self._next_s > now_s:
                break
        else:
            self._next_s = now_s + self.interval_s
        self._timer = self.air.clock.call_at(self._next_s, self._on_timer)

    def _run_event(self, at_s: float) -> None:
        counters = self.air.counters
        counters.events += 1
        is_heard = False
        if self._silent or self.air.is_dark(at_s):
            counters.dark_events += 1
        else:
            budget = self.air.pdus_per_event(self.interval_s, self.phy_mbps)
            for side in Side:
                is_heard |= self._transmit(side, budget, at_s)
                if self.is_closed:
                    return
        if is_heard:
            self._last_heard_s = at_s
        elif at_s - self._last_heard_s >= self.timeout_s:
            self._time_out()

    def _transmit(self, side: Side, budget: int, at_s: float) -> bool:
        """Send from one side; return whether anything was heard of it."""
        queue = self._queues[side]
        if not queue:
            return not self.air.loses()
        is_heard = False
        while queue and budget:
            if self.air.loses():
                self.air.counters.retransmitted += 1
                break
            is_heard = True
            packet = queue[0]
            sent = min(budget, packet.pdus_left)
            packet.pdus_left -= sent
            budget -= sent
            if packet.pdus_left:
                break
            queue.popleft()
            self.air.counters.delivered += 1
            self.air.counters.delivered_octets += packet.octets
            if packet.on_air is not None:
                packet.on_air()
            self._hand_over(side, packet, at_s)
            if self.is_closed:
                break
        return is_heard

    def _hand_over(self, sender: Side, packet: _Packet, at_s: float) -> None:
        delay_s = self.air.settings.delay_ms / 1e3
        flying = self._flying[sender]
        if not delay_s and not flying:
            packet.deliver()
            return
        # A delay that was shortened meanwhile must not let a packet overtake another.
        due_s = max(at_s + delay_s, flying[-1][0] if flying else 0.0)
        flying.append((due_s, packet))
        if len(flying) == 1:
            self._arm_landing(sender)

    def _arm_landing(self, sender: Side) -> None:
        due_s = self._flying[sender][0][0]
        self._landing_timers[sender] = self.air.clock.call_at(due_s, lambda: self._land(sender))

    def _land(self, sender: Side) -> None:
        flying = self._flying[sender]
        now_s = self.air.clock.time()
        while flying and flying[0][0] <= now_s and not self.is_closed:
            flying.popleft()[1].deliver()
        if flying and not self.is_closed:
            self._arm_landing(sender)

    def _time_out(self) -> None:
        self.air.counters.timeouts += 1
        self.close()
        for side in Side:
            if side not in self._silent:
                is_leaving = side is self._leaving
                self._on_end[side](REASON_LOCAL_HOST if is_leaving else REASON_TIMEOUT)
