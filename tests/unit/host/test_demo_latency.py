"""Cues against the truth: how late, and which never came."""

from __future__ import annotations

from typing import Any

import pytest

from faceloop.session.live import LiveEvent
from faceloop.tasks.demo import CUE_WITHIN_FRAMES, LATENCY_SNR_DB, cue_latencies_ms

END_FRAME = 60_000


def onset(frame: int, channel: int = 0, snr_db: float = 20.0, kind: str = "voluntary") -> Any:
    return {
        "frame": frame,
        "frame_3db": frame + 20,
        "channel": channel,
        "snr_db": snr_db,
        "kind": kind,
    }


def cue(frame: int, at_s: float, channel: int = 0) -> tuple[LiveEvent, float]:
    return LiveEvent("onset_cue", frame, channel=channel), at_s


def clock(frame: int) -> float:
    return frame / 2000


def found(
    cues: list[tuple[LiveEvent, float]], *truth: Any, end_frame: int = END_FRAME
) -> tuple[list[float], int]:
    return cue_latencies_ms(cues, list(truth), clock, end_frame)


def test_cue_is_late_by_the_time_since_the_power_had_doubled() -> None:
    latencies_ms, n_missed = found([cue(2030, 1.06), cue(2040, 1.08)], onset(2000))
    assert latencies_ms == [pytest.approx(50.0)]
    assert n_missed == 0


@pytest.mark.parametrize(
    "cues",
    [
        [],
        [cue(2030, 1.06, channel=1)],
        [cue(1999, 1.0)],
        [cue(2021 + CUE_WITHIN_FRAMES, 1.6)],
    ],
    ids=["none", "other muscle", "before it", "too late"],
)
def test_activation_without_a_cue_of_its_own_in_time_is_missed(cues: Any) -> None:
    assert found(cues, onset(2000)) == ([], 1)


def test_hits_do_not_hide_what_was_missed() -> None:
    cues = [cue(2030, 1.06), cue(12_030, 6.06)]
    latencies_ms, n_missed = found(cues, onset(2000), onset(7000), onset(12_000))
    assert (len(latencies_ms), n_missed) == (2, 1)


def test_faint_and_unreal_activations_are_not_asked_for() -> None:
    faint = onset(2000, snr_db=LATENCY_SNR_DB - 0.1)
    assert found([], faint, onset(2000, kind="blink"), onset(2000, kind="crosstalk")) == ([], 0)


def test_activation_at_the_very_end_still_had_time() -> None:
    over = onset(2000)["frame_3db"] + CUE_WITHIN_FRAMES
    assert found([], onset(2000), end_frame=over) == ([], 0)
    assert found([], onset(2000), end_frame=over + 1) == ([], 1)
