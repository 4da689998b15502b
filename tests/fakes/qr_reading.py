"""Reads a QR code back from the characters that draw it."""

from __future__ import annotations

from collections.abc import Sequence

MARGIN = 2
HALVES = {" ": (1, 1), "▄": (1, 0), "▀": (0, 1), "█": (0, 0)}  # 1 is dark


def modules(lines: Sequence[str]) -> list[list[int]]:
    """Return the rows of a code drawn light on dark, two rows to a line, without its margin."""
    rows: list[list[int]] = []
    for line in lines:
        assert line.startswith("\x1b[97;40m") and line.endswith("\x1b[0m"), line
        halves = [HALVES[character] for character in line[len("\x1b[97;40m") : -len("\x1b[0m")]]
        rows += [[upper for upper, _ in halves], [lower for _, lower in halves]]
    size = len(rows[0]) - 2 * MARGIN
    inside = rows[MARGIN : MARGIN + size]
    around = rows[:MARGIN] + rows[MARGIN + size :]
    assert not any(map(any, around)), "the margin is light"
    assert not any(any(row[:MARGIN] + row[-MARGIN:]) for row in inside)
    return [row[MARGIN:-MARGIN] for row in inside]
