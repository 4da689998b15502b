"""What a session came to, as JSON types: the same names in every command."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from faceloop.session.live import LiveEvent
from faceloop.session.montage import montage_named
from faceloop.session.session_result import SessionResult
from faceloop_dsp.rest import HOP_S
from faceloop_dsp.rest_check import RestCheck
from faceloop_protocol.info import Info

__all__ = ["alert_account", "rest_check_account", "rounded", "session_account", "silently_lost"]


def session_account(
    info: Info,
    result: SessionResult,
    *,
    montage: str,
    affected_side: str | None,
    is_interrupted: bool,
    recovered: list[dict[str, Any]],
    is_continued: bool = False,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what is known without a simulator.

    ``frames_expected`` is what the board says it captured; where ``end_known`` is false it could
    not say so, and this is what arrived, with the gaps in it. ``frames_recorded`` is counted in
    the finished file, or on arrival where nothing is recorded. ``frames_lost_silently`` is what
    was expected, is not there, and is in no gap. ``latency_ms`` cannot be known without the
    moment of the movement itself. Where ``continued`` is true, an earlier run began the recording,
    and frames count from its start. ``warnings`` are about the recording that was played.
    ``error`` is None, or ``message`` and ``exit_code`` of what ended the session before its
    time.
    """
    fs_hz = float(info.fs_hz)
    error = result.error
    received = result.frames_received
    return {
        "frames_expected": result.end_frame,
        "frames_recorded": received if result.frames_recorded is None else result.frames_recorded,
        "frames_lost_silently": silently_lost(result.end_frame, result),
        "gaps": [list(gap) for gap in result.gaps],
        "end_known": result.is_end_known,
        "frames_resent": result.frames_resent,
        "bytes_per_s": round(result.bytes_per_s, 1),
        "clock_ppm": rounded(result.clock_ppm, 1),
        "alerts": [
            alert_account(alert, montage_named(montage).labels, fs_hz) for alert in result.alerts
        ],
        "latency_ms": {"p50": None, "p95": None, "n": 0, "missed": 0, "kind": "to_host"},
        "calibrated": result.is_calibrated,
        "rest_check": rest_check_account(result.rest_checks),
        "recording": str(result.recording) if result.recording is not None else None,
        "firmware_version": ".".join(str(part) for part in info.firmware),
        "interpreter": info.interpreter,
        "reconnects": result.reconnects,
        "duration_s": round(result.end_frame / fs_hz, 4),
        "montage": montage,
        "affected_side": affected_side,
        "interrupted": is_interrupted,
        "continued": is_continued,
        "recovered": recovered,
        "warnings": list(warnings),
        "error": (
            {"message": str(error), "exit_code": error.exit_code} if error is not None else None
        ),
    }


def alert_account(alert: LiveEvent, labels: Sequence[str], fs_hz: float) -> dict[str, Any]:
    """Return one synkinesis event: when, which pair, which muscle moved along, how much.

    Parameters
    ----------
    alert : LiveEvent
    labels : sequence of str
        Muscle and side of each channel.
    fs_hz : float
    """
    return {
        "t_s": round(alert.frame / fs_hz, 4),
        "pair": alert.pair,
        "muscle": labels[alert.channel] if alert.channel >= 0 else None,
        "index": rounded(alert.index, 3),
    }


def rest_check_account(checks: Iterable[RestCheck]) -> list[dict[str, Any]]:
    """Return what rest alone would trigger: false alerts an hour of each pair and side.

    ``published_per_h`` with the published threshold, ``expected_per_h`` with the ``margin`` on it
    and the ``hold_ms`` that the rest asks for; None for a rest of less than 10 s.
    """
    return [
        {
            "pair": check.pair,
            "side": check.side,
            "published_per_h": rounded(check.per_h, 2),
            "expected_per_h": rounded(check.per_h_expected, 2),
            "margin": rounded(check.margin, 3),
            "hold_ms": round(1000 * HOP_S * check.hold_hops),
            "rest_s": round(check.seconds, 1),
        }
        for check in checks
    ]


def silently_lost(expected: int, result: SessionResult) -> int:
    """Return how many of ``expected`` frames did not arrive, or were not kept, without a gap."""
    in_gaps = sum(n for _, n in result.gaps)
    return expected - result.frames_received - in_gaps + result.frames_unstored


def rounded(number: float, digits: int) -> float | None:
    """Round for JSON; NaN and infinity become None."""
    return round(number, digits) if math.isfinite(number) else None
