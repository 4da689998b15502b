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
        Why it ended, in words; empty while it goes on.
    is_warming : bool
        The heater works: the button was pressed and the self-test passed.
    """

    is_on: bool
    is_over: bool = False
    skin_degc: float | None = None
    stop_reason: str = ""
    is_warming: bool = False


class Outputs(Protocol):
    """Where the engine's actions go. None of them may block or raise."""

    @property
    def has_heat(self) -> bool:
        """Whether there is a heat pad."""
        ...

    def vibrate(self, pattern: Vibration) -> None:
        """Let the board vibrate for a moment."""

    def ask_heat(self, request: HeatRequest) -> None:
        """Ask for heat: a person has to press the button on the board as well."""

    def end_heat(self, reason: str) -> None:
        """End heat now, whatever its state; harmless when it is off."""

    def begin_exercise(self) -> None:
        """Movements begin: heat ends, and none can begin until ``end_exercise``."""

    def end_exercise(self) -> None:
        """The movements are over."""

    def annotate(self, kind: str, text: str) -> None:
        """Write a mark at this moment into the recording, when there is one."""


class NoOutputs:
    """Nothing is connected."""

    has_heat = False

    def vibrate(self, pattern: Vibration) -> None:
        """Do nothing."""

    def ask_heat(self, request: HeatRequest) -> None:
        """Do nothing: there is no heat."""

    def end_heat(self, reason: str) -> None:
        """Do nothing: there is no heat."""

    def begin_exercise(self) -> None:
        """Do nothing: there is no heat."""

    def end_exercise(self) -> None:
        """Do nothing."""

    def annotate(self, kind: str, text: str) -> None:
        """Do nothing."""
