"""One question, asked of the supervisor with a control and without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

NEVER = 1 << 29  # a limit that nothing reaches

Answer = TypeVar("Answer")


def with_and_without(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Answer], *changes: tuple[Any, ...]
) -> tuple[Answer, Answer]:
    """Return the answers before and after these changes.

    Parameters
    ----------
    ask : callable
        Builds all that it needs anew each time.
    changes : tuple
        What ``monkeypatch.setattr`` takes: path within ``faceloop_heat`` and value, or owner, name
        and value.
    """
    before = ask()
    for change in changes:
        if isinstance(change[0], str):
            change = (f"faceloop_heat.{change[0]}", *change[1:])
        monkeypatch.setattr(*change)
    return before, ask()
