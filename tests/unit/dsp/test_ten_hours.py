"""Ten hours of use with artefacts of 300 mV: what is summed up has not drifted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faceloop_dsp import StreamCore

pytestmark = [pytest.mark.slow, pytest.mark.full]
MINUTES = 600


def test_rms_after_ten_hours_of_artefacts_of_300_mv_is_exact(signals: Any) -> None:
    minute = signals.counts(signals.emg(60, 1.0))
    # +-300 mV, as far as the converter goes, every two seconds.
    burst = np.where(np.arange(200) // 10 % 2, 8_300_000, -8_300_000).astype(np.int32)
    for at in range(0, len(minute) - 4000, 4000):
        minute[at : at + 200] = burst[:, None]
    core = StreamCore(mains_hz=50.0)
    for _ in range(MINUTES):
        core.kernel.push(minute)
    assert core.frame == MINUTES * len(minute)
    seen = core.push(signals.counts(signals.emg(4, 1.0, seed=2)))
    trace_uv = seen.trace_uv.astype(np.float64)
    worst = 0.0
    for frame, rms_uv in zip(seen.hop_frame[50:], seen.rms_uv[50:], strict=True):
        end = int(frame) - seen.first_frame + 1
        exact_uv = np.sqrt(np.mean(trace_uv[end - 200 : end] ** 2, axis=0))
        worst = max(worst, float(np.abs(rms_uv / exact_uv - 1.0).max()))
    print(f"RMS after {MINUTES / 60:g} h: off by {worst:.2g} at most")
    assert worst <= 1.1e-6
