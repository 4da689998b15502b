"""What carries messages between host and board: a radio, a cable, or a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Receiver", "Transport"]


@dataclass(slots=True)
class Receiver:
    """Where a transport delivers what the board sends. Called in the event loop.

    Parameters
    ----------
    on_stream, on_reply, on_state : callable
        Take the bytes of a stream packet, a reply, a state report.
    on_lost : callable
        Called once, without arguments, when the link ends by itself.
    """

    on_stream: Callable[[bytes], None]
    on_reply: Callable[[bytes], None]
    on_state: Callable[[bytes], None]
    on_lost: Callable[[], None]


class Transport(Protocol):
    """One way to one board. ``open`` can be called again after the link was lost."""

    @property
    def name(self) -> str:
        """How to call the board in front of the user."""

    async def open(self, receiver: Receiver, timeout_s: float) -> None:
        """Connect and subscribe.

        Raises
        ------
        DeviceNotFound, DeviceBusy, NotAFaceloop, LinkError
            In words for the user.
        """

    async def send(self, message: bytes, *, urgent: bool = False) -> None:
        """Send a command; ``urgent`` ones are not confirmed by the link layer.

        Raises
        ------
        LinkError
            If the link is down.
        """

    async def close(self) -> None:
        """Disconnect; never raises."""
