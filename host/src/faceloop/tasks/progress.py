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


class Silent:
    """Listens to nothing."""

    def step(self, text: str) -> None:
        """Do nothing."""

    def amount(self, done: float, total: float | None) -> None:
        """Do nothing."""
