"""What sources refuse of their options, in the same words."""

from __future__ import annotations

from typing import Any

from faceloop.errors import UsageError

__all__ = ["check_range", "check_seed", "check_side"]


def check_range(name: str, number: Any, lowest: float, highest: float) -> None:
    """Refuse what is no number from ``lowest`` to ``highest``."""
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not is_number or not lowest <= number <= highest:
        raise UsageError(f"{name} is {number!r}: choose {lowest:g} to {highest:g}.")


def check_seed(seed: Any) -> None:
    """Refuse what is no whole number from 0 on."""
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UsageError(f"seed is {seed!r}: choose a whole number, 0 or more.")


def check_side(affected: Any) -> None:
    """Refuse what is no side of a face."""
    if affected not in ("left", "right"):
        raise UsageError(f"affected is {affected!r}: choose left or right.")
