"""Which board this is, and its pins."""

import sys

_BOARDS = {"rp2": "pico2w", "linux": "virtual"}


def load():
    """Return the board's name and its module of pins."""
    name = _BOARDS[sys.platform]
    return name, getattr(__import__("boards." + name), name)
