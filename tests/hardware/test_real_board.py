"""A board on the bench: what only a real one can show. Without one these tests are skipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SECONDS = 30
# A crystal of 50 ppm at most, and half a minute tells it to about this.
WITHIN_PPM = 150.0


def test_real_board_passes_its_self_test(board: Callable[..., dict[str, Any]]) -> None:
    """The inputs shorted or open, as the bench procedure says."""
    report = board("selftest")
    assert [check for check in report["checks"] if check["ok"] is False] == []


def test_real_board_streams_half_a_minute_without_a_gap(
    board: Callable[..., dict[str, Any]],
) -> None:
    account = board("record", "--seconds", str(SECONDS))
    assert account["frames_lost_silently"] == 0
    assert account["gaps"] == []
    assert account["frames_recorded"] == account["frames_expected"] >= 2000 * (SECONDS - 1)
    assert abs(account["clock_ppm"]) <= WITHIN_PPM
    assert "MicroPython" in account["interpreter"]
