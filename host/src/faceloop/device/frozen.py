"""The program that is frozen into a board's MicroPython: it runs from the flash of the chip.

MicroPython starts a frozen ``main.py`` in place of one in the file system. That one, as every
one, takes the folder that ``/faceloop.slot`` names; modules at the top of the file system come
before frozen ones as well.
"""

from __future__ import annotations

from faceloop.device.board_prompt import Prompt
from faceloop.device.install import Installed, choose, slot_of
from faceloop.errors import UsageError

__all__ = ["frozen_version", "heap_kib", "start_frozen"]

_PLACE = ".frozen"
_COPIED_BY_HAND = ("faceloop_device", "faceloop_heat", "faceloop_protocol", "boards")


def frozen_version(prompt: Prompt) -> tuple[int, ...]:
    """Return the version of the frozen program, empty where there is none."""
    return tuple(int(word) for word in prompt.run(f"_frozen({_PLACE!r})").split())


def heap_kib(prompt: Prompt) -> int:
    """Return how much memory MicroPython has for programs, in KiB, that in use included."""
    return int(prompt.run("_heap()")) // 1024


def start_frozen(prompt: Prompt) -> Installed:
    """Let the next start take the frozen program; nothing is copied.

    Raises
    ------
    UsageError
        If modules at the top of the file system would be taken in place of frozen ones.
    """
    there = prompt.run("_names('/')").split()
    if above := next((name for name in _COPIED_BY_HAND if name in there), None):
        raise UsageError(
            f"The program is part of this board's MicroPython, but /{above} on its flash would be "
            f"used in its place. Remove that (mpremote fs rm -r :{above}), then flash again."
        )
    before = slot_of(prompt)
    choose(prompt, "")
    return Installed("", before, 0, 0, 0)
