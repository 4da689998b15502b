"""What the engine may do outside: vibrate, ask for and end heat, mark the recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["HeatReport", "HeatRequest", "NoOutputs", "Outputs", "Vibration"]

Vibration = Literal["synkinesis", "phase", "done"]


@dataclass(frozen=True, slots=True)
class HeatRequest:
    """What the heat block asks for. The board decides, and a person presses its button."""

    target_degc: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class HeatReport:
    """What is known of the pad.

    Parameters
    ----------
    is_on : bool
        It heats, or may heat: anything but off. Unknown counts as on.
    is_over : bool
        A session that was asked for has ended.
    skin_degc : float or None
    stop_reason : str
        Why it ended: name of the state or fault; empty while it goes on.
    """

    is_on: bool
    is_over: bool = False
    skin_degc: float | None = None
    stop_reason: str = ""


class Outputs(Protocol):
    """Where the engine's actions go. None of them may block or raise."""

    def vibrate(self, pattern: Vibration) -> None:
        """Let the board vibrate for a moment."""

    def ask_heat(self, request: HeatRequest) -> None:
        """Ask for heat: a person has to press the button on the board as well."""

    def end_heat(self, reason: str) -> None:
        """End heat now, whatever its state; harmless when it is off."""

    def annotate(self, kind: str, text: str) -> None:
        """Write a mark at this moment into the recording, when there is one."""


class NoOutputs:
    """Nothing is connected."""

    def vibrate(self, pattern: Vibration) -> None:
        """Do nothing."""

    def ask_heat(self, request: HeatRequest) -> None:
        """Do nothing: no report will come, and the block ends by its time."""

    def end_heat(self, reason: str) -> None:
        """Do nothing: there is no heat."""

    def annotate(self, kind: str, text: str) -> None:
        """Do nothing."""
