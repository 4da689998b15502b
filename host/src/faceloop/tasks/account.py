"""What a session came to, as JSON types: the same names in every command."""

from __future__ import annotations

import math
from typing import Any

from faceloop.session.live_session import SessionResult
from faceloop_protocol.info import Info

__all__ = ["rounded", "session_account"]


def session_account(
    info: Info, result: SessionResult, montage: str, affected_side: str | None
) -> dict[str, Any]:
    """Return what is known without a simulator.

    ``frames_expected`` is what the board says it captured; ``latency_ms`` cannot be known without
    the moment of the movement itself.
    """
    fs_hz = float(info.fs_hz)
    in_gaps = sum(n for _, n in result.gaps)
    return {
        "frames_expected": result.end_frame,
        "frames_recorded": result.frames_received,
        "frames_lost_silently": result.end_frame - result.frames_received - in_gaps,
        "gaps": [list(gap) for gap in result.gaps],
        "frames_resent": result.frames_resent,
        "bytes_per_s": round(result.bytes_per_s, 1),
        "clock_ppm": rounded(result.clock_ppm, 1),
        "alerts": [
            {
                "t_s": round(alert.frame / fs_hz, 4),
                "pair": alert.pair,
                "index": rounded(alert.index, 3),
            }
            for alert in result.alerts
        ],
        "latency_ms": {"p50": None, "p95": None, "n": 0, "kind": "to_host"},
        "calibrated": result.is_calibrated,
        "recording": str(result.recording) if result.recording is not None else None,
        "firmware_version": ".".join(str(part) for part in info.firmware),
        "interpreter": info.interpreter,
        "reconnects": result.reconnects,
        "duration_s": round(result.end_frame / fs_hz, 4),
        "montage": montage,
        "affected_side": affected_side,
    }


def rounded(number: float, digits: int) -> float | None:
    """Round for JSON; NaN and infinity become None."""
    return round(number, digits) if math.isfinite(number) else None
