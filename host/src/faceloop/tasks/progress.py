"""How a task tells its progress, without knowing who listens."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Takes what a task does now."""

    def step(self, text: str) -> None:
        """Name what is being done."""

    def amount(self, done: float, total: float | None) -> None:
        """Say how much of it is done; ``total`` None when there is no end."""

    def say(self, text: str) -> None:
        """Tell the person something that stays readable: a whole sentence."""

    def close(self, text: str) -> None:
        """Say a last sentence; nothing is shown after it."""


class Silent:
    """Listens to nothing."""

    def step(self, text: str) -> None:
        """Do nothing."""

    def amount(self, done: float, total: float | None) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def close(self, text: str) -> None:
        """Do nothing."""
