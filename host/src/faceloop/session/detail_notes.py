"""What the board gave up or found out, in words: the packets themselves only have flags."""

from __future__ import annotations

from faceloop_protocol.stream import FLAG_DEGRADED, FLAG_HALF_RATE, FLAG_RESYNC

__all__ = ["COARSE_TEXT", "HALF_RATE_TEXT", "RESYNC_TEXT", "DetailNotes"]

COARSE_TEXT = "The link is slow, so the signal comes in coarser steps. Move closer to the board."
HALF_RATE_TEXT = (
    "The link is very slow, so every second sample is left out. Move closer to the board."
)
DETAIL_BACK_TEXT = "The link keeps up again: every detail is back."
RESYNC_TEXT = "The board found that samples were missing here and has put the time right."


class DetailNotes:
    """Watches the flags of the live packets.

    Attributes
    ----------
    message : str
        What the signal lacks now, empty while it lacks nothing.
    """

    def __init__(self) -> None:
        self.message = ""

    def of(self, flags: int) -> list[str]:
        """Return what a packet's flags say that those before it did not."""
        message = ""
        if flags & FLAG_DEGRADED:  # a board that has no more than half the rate gives up nothing
            message = HALF_RATE_TEXT if flags & FLAG_HALF_RATE else COARSE_TEXT
        notes = []
        if message != self.message:
            self.message = message
            notes.append(message or DETAIL_BACK_TEXT)
        if flags & FLAG_RESYNC:
            notes.append(RESYNC_TEXT)
        return notes
