"""What the virtual air and the board's Bluetooth stack are like."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from faceloop.errors import UsageError

__all__ = ["BOARD_ADDRESS", "RadioSettings"]

# A random static address (two top bits set): Bumble's link routes by random addresses only.
BOARD_ADDRESS = "C8:FA:CE:10:0B:01"


@dataclass
class RadioSettings:
    """Conditions of the air and of the board's radio.

    Attributes
    ----------
    interval_ms : float or None
        Connection interval forced on every connection, 7.5 to 4000 ms; None: the central decides.
    loss : float
        Probability, 0 to 1, that one attempt to send a packet fails. The whole connection event is
        then over for that direction and the packet goes again in the next one, as the link layer
        does: loss shows as latency, never as a gap.
    delay_ms : float
        Added between the air and the receiving host, in both directions.
    blackout : bool
        No connection events and no advertising while true.
    blackouts : tuple of (start_s, length_s)
        Scheduled blackouts, counted from the moment given to ``begin_schedule``.
    pdus_per_event : int or None
        Cap on the link-layer PDUs per direction and event; None: what fits into the interval.
    pdu_octets : int
        27 without data length extension (Pico 2 W), 251 with it (ESP32-S3).
    mtu : int
        Largest ATT MTU that the central's system agrees to, 23 to 517.
    seed : int
        Seed of every random choice.
    stack : {"btstack", "nimble"}
        How the port behaves under congestion. ``"btstack"`` (rp2): ``gatts_notify`` never says
        full, packets wait on the heap and leak at a disconnect; no pairing. ``"nimble"`` (ESP32):
        12 buffers, then ``OSError(ENOMEM)``.
    address : str
        Random static address of the board.
    supervision_min_ms, supervision_max_ms : float
        The central's supervision timeout is clamped to this range.
    rssi_dbm : int
        Reported for every advertisement and connection.
    """

    interval_ms: float | None = None
    loss: float = 0.0
    delay_ms: float = 0.0
    blackout: bool = False
    blackouts: tuple[tuple[float, float], ...] = field(default_factory=tuple)
    pdus_per_event: int | None = None
    pdu_octets: int = 27
    mtu: int = 517
    seed: int = 0
    stack: Literal["btstack", "nimble"] = "btstack"
    address: str = BOARD_ADDRESS
    supervision_min_ms: float = 100.0
    supervision_max_ms: float = 32000.0
    rssi_dbm: int = -55

    def __post_init__(self) -> None:
        self.blackouts = tuple((float(start), float(length)) for start, length in self.blackouts)
        self._check()

    def change(self, **changes: Any) -> None:
        """Change several settings at once; nothing changes if one of them is wrong.

        Raises
        ------
        UsageError
            If a name is unknown or a value is out of range.
        """
        names = {f.name for f in fields(self)}
        if unknown := sorted(set(changes) - names):
            raise UsageError(
                f"The radio has no setting {unknown[0]!r}; it has {', '.join(sorted(names))}."
            )
        checked = replace(self, **changes)
        for name in changes:
            setattr(self, name, getattr(checked, name))

    def _check(self) -> None:
        checks: tuple[tuple[bool, str, str], ...] = (
            (
                self.interval_ms is None or 7.5 <= self.interval_ms <= 4000,
                "interval_ms",
                "7.5 to 4000 ms, or None",
            ),
            (0 <= self.loss <= 1, "loss", "0 to 1"),
            (0 <= self.delay_ms <= 10_000, "delay_ms", "0 to 10000 ms"),
            (self.pdu_octets in (27, 251), "pdu_octets", "27 or 251"),
            (23 <= self.mtu <= 517, "mtu", "23 to 517"),
            (
                self.pdus_per_event is None or self.pdus_per_event >= 1,
                "pdus_per_event",
                "at least 1, or None",
            ),
            (self.stack in ("btstack", "nimble"), "stack", "'btstack' or 'nimble'"),
            (
                all(start >= 0 and length >= 0 for start, length in self.blackouts),
                "blackouts",
                "pairs of start and length, neither negative",
            ),
            (
                0 < self.supervision_min_ms <= self.supervision_max_ms,
                "supervision_min_ms",
                "above 0 and at most supervision_max_ms",
            ),
        )
        for is_valid, name, limit in checks:
            if not is_valid:
                given = getattr(self, name)
                raise UsageError(f"Radio setting {name} is {given!r}; it must be {limit}.")
