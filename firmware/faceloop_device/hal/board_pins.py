"""Which board this is, and its pins."""

import sys

_BOARDS = {"rp2": "pico2w", "esp32": "esp32s3", "linux": "virtual"}


def name():
    """Return the profile that ``faceloop flash`` wrote, else the one that the chip suggests."""
    try:
        from boards.chosen import NAME  # pyright: ignore[reportMissingImports]  made when flashed

        return NAME
    except ImportError:
        return _BOARDS[sys.platform]


def load():
    """Return the board's name and its module of pins."""
    board = name()
    return board, getattr(__import__("boards." + board), board)
