"""Heat as a recording keeps it: temperatures and power ten times a second, and what happened."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from faceloop.session.bdf_annotations import RECORDS_PER_S
from faceloop_protocol import heat, reports, texts
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.reports import HeatState

__all__ = [
    "HEAT_SIGNALS",
    "NO_READING",
    "HeatReading",
    "HeatSignal",
    "heat_signals",
    "heat_summary",
]

NO_READING = -30000
"""Digital value where the board told nothing: minus 300 degrees, minus 300 per cent."""
_OLDEST_S = 2.0


class HeatSignal(NamedTuple):
    """One signal beside the EMG, one sample in each record; one digital step is ``step``."""

    label: str
    transducer: str
    unit: str
    step: float
    field: str


HEAT_SIGNALS = (
    HeatSignal("Temp face", "hottest thermistor at the skin", "degC", 0.01, "face_cdegc"),
    HeatSignal("Temp core", "thermistor on the heater", "degC", 0.01, "core_cdegc"),
    HeatSignal("Temp A", "thermistor at the skin", "degC", 0.01, "a_cdegc"),
    HeatSignal("Temp C", "thermistor at the skin, same spot", "degC", 0.01, "c_cdegc"),
    HeatSignal("Temp Z", "thermistor at the skin, second zone", "degC", 0.01, "z_cdegc"),
    HeatSignal("Temp H", "thermistor of the cut-off", "degC", 0.01, "h_cdegc"),
    HeatSignal("Heat power", "electrical power of the pad", "mW", 1.0, "power_mw"),
    HeatSignal("Heat duty", "duty of the switch", "%", 0.1, "duty_permille"),
    HeatSignal("Heat state", "0 BOOT_TEST ... 8 LOCKED", "", 1.0, "state"),
)


class HeatReading(NamedTuple):
    """What the board told at a frame (full index)."""

    frame: int
    state: HeatState


def decode_reading(frame: int, payload: bytes) -> HeatReading | None:
    """Return a reading as the journal keeps it, None when it is unreadable."""
    try:
        return HeatReading(frame, reports.decode_heat_state(payload))
    except ProtocolError:
        return None


def heat_signals(
    readings: Sequence[HeatReading], start_frame: int, n_records: int, fs_hz: int
) -> NDArray[np.int32]:
    """Return digital samples, shape (n_records, n_signals): the newest reading at each record.

    A record in which nothing has been told for two seconds has ``NO_READING``.
    """
    samples = np.full((n_records, len(HEAT_SIGNALS)), NO_READING, np.int32)
    if not readings:
        return samples
    frames = np.array([reading.frame for reading in readings], np.int64)
    values = np.array(
        [[getattr(reading.state, s.field) for s in HEAT_SIGNALS] for reading in readings],
        np.int32,
    ).clip(-32000, 32767)
    order = np.argsort(frames, kind="stable")
    frames, values = frames[order], values[order]
    record_frames = fs_hz // RECORDS_PER_S
    ends = start_frame + record_frames * (1 + np.arange(n_records, dtype=np.int64))
    newest = np.searchsorted(frames, ends) - 1
    is_known = newest >= 0
    is_known[is_known] = ends[is_known] - frames[newest[is_known]] <= _OLDEST_S * fs_hz
    samples[is_known] = values[newest[is_known]]
    return samples


def heat_summary(
    readings: Sequence[HeatReading], start_frame: int, fs_hz: int
) -> dict[str, Any] | None:
    """Return what a report says about heat, None when the board told nothing of it.

    ``face_max_degc`` and ``core_max_degc`` over all readings; ``heated_s`` by readings with heat
    on, ``duty_mean_pct`` over that time; ``dose_cem43`` the largest of a session,
    ``day_dose_cem43`` the last; ``faults`` every latching cause with its words. ``changes``: every
    change of state or cause, ``at_s`` seconds after the beginning of the recording.
    """
    if not readings:
        return None
    heated_frames = 0
    duty_frames = 0
    for before, now in itertools.pairwise(readings):
        if before.state.state in (heat.WARMUP, heat.HOLD):
            n_frames = max(0, min(now.frame - before.frame, round(_OLDEST_S * fs_hz)))
            heated_frames += n_frames
            duty_frames += n_frames * before.state.duty_permille
    changes = [
        _change(reading, (reading.frame - start_frame) / fs_hz)
        for before, reading in itertools.pairwise((None, *readings))
        if reading is not None and (before is None or _is_change(before.state, reading.state))
    ]
    faults = {
        reading.state.cause: _words(reading.state.cause)
        for reading in readings
        if reading.state.state >= heat.LATCHED
    }
    states = [reading.state for reading in readings]
    last = states[-1]
    return {
        "readings": len(readings),
        "heated_s": heated_frames / fs_hz,
        "setpoint_degc": max(state.setpoint_cdegc for state in states) / 100,
        "face_max_degc": max(state.face_cdegc for state in states) / 100,
        "core_max_degc": max(state.core_cdegc for state in states) / 100,
        "power_max_w": max(state.power_mw for state in states) / 1000,
        "duty_mean_pct": duty_frames / heated_frames / 10 if heated_frames else 0.0,
        "duty_max_pct": max(state.duty_permille for state in states) / 10,
        "dose_cem43": max(state.dose_umin for state in states) / 1e6,
        "day_dose_cem43": last.day_dose_umin / 1e6,
        "ended": texts.CAUSE_TEXT.get(last.cause, ""),
        "faults": list(faults.values()),
        "changes": changes,
    }


def _is_change(before: HeatState, now: HeatState) -> bool:
    return (before.state, before.cause) != (now.state, now.cause)


def _change(reading: HeatReading, at_s: float) -> dict[str, Any]:
    state, cause = reading.state.state, reading.state.cause
    names = texts.HEAT_STATE_NAMES
    return {
        "at_s": round(at_s, 3),
        "state": names[state] if state < len(names) else f"state {state}",
        "cause": cause,
        "words": "" if cause == heat.CAUSE_NONE else _words(cause),
    }


def _words(cause: int) -> str:
    return texts.CAUSE_TEXT.get(cause, f"cause {cause}")
