"""Signal sources of the virtual board: faces, recordings, steps, bench plug, open inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceloop.errors import UsageError
from faceloop.twin.sources.source import (
    FS_HZ,
    LSB_UV,
    N_CHANNELS,
    BenchPlug,
    Onset,
    OpenInputs,
    Source,
)

__all__ = ["FS_HZ", "LSB_UV", "N_CHANNELS", "Onset", "Source", "make_source"]

KINDS = ("face", "patient", "recording", "steps", "plug", "open")


def make_source(spec: Mapping[str, Any]) -> Source:
    """Build a source from a JSON-like description.

    Parameters
    ----------
    spec : mapping
        ``{"kind": "recording", "path": str, "fs_hz": float, "seconds": float}`` (``fs_hz`` only
        for a CSV file without a time column, ``seconds`` to end before the file does),
        ``{"kind": "open"}``, ``{"kind": "plug"}`` (with the bench plug's noise, ``seed``),
        ``{"kind": "steps", "seconds": float, ...}``, steps of known height on a plain rest, with
        the parameters of `faceloop.twin.sources.steps.StepSource`,
        ``{"kind": "patient", ...}``, a face that does as it is told, with the parameters of
        `faceloop.twin.sources.patient.PatientSource`, or ``{"kind": "face", ...}`` with those of
        `faceloop.twin.sources.face.FaceSource` by name: ``scenario``, ``seconds``, ``seed``,
        ``affected``, ``contaminants``, ``mains_hz``, ``clock_error``, ``blinks``, ``step_db``,
        ``tone_factor``. Keys other than ``kind`` may be left out, except ``path`` and
        the ``seconds`` of steps.

    Returns
    -------
    source : Source
        Positioned before its first frame.

    Raises
    ------
    UsageError
        If the description is wrong.
    SourceError
        If a recording cannot be played.
    """
    options = dict(spec)
    kind = options.pop("kind", None)
    known: tuple[str, ...]
    # Imported on demand: SciPy's signal package costs most of a second at start-up.
    if kind == "recording":
        from faceloop.twin.sources.recording import RecordingSource

        known = ("path", "fs_hz", "seconds")
        _refuse_unknown(kind, options, known)
        if "path" not in options:
            raise UsageError("A recording needs its file name: give 'path'.")
        return RecordingSource(**options)
    if kind == "face":
        from faceloop.twin.sources.face import FACE_OPTIONS, FaceSource

        _refuse_unknown(kind, options, FACE_OPTIONS)
        return FaceSource(**options)
    if kind == "plug":
        _refuse_unknown(kind, options, ("seed",))
        return BenchPlug(**options)
    if kind == "patient":
        from faceloop.twin.sources.patient import PATIENT_OPTIONS, PatientSource

        _refuse_unknown(kind, options, PATIENT_OPTIONS)
        return PatientSource(**options)
    if kind == "steps":
        from faceloop.twin.sources.steps import STEPS_OPTIONS, StepSource

        _refuse_unknown(kind, options, STEPS_OPTIONS)
        if "seconds" not in options:
            raise UsageError("Steps are made for a time: give 'seconds'.")
        return StepSource(**options)
    if kind == "open":
        _refuse_unknown(kind, options, ())
        return OpenInputs()
    raise UsageError(f"There is no signal source {kind!r}: choose one of {', '.join(KINDS)}.")


def _refuse_unknown(kind: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        allowed = ", ".join(known) or "nothing else"
        raise UsageError(f"A {kind} source knows no option {unknown[0]!r}: it takes {allowed}.")
