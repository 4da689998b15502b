"""The made-up face that does as it is told."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop.errors import UsageError
from faceloop.twin.sources import make_source
from faceloop.twin.sources.patient import PatientSource

SMILE = {
    "movement": "closed_mouth_smile",
    "share": 1.0,
    "rise_s": 0.3,
    "hold_s": 1,
    "release_s": 0.3,
}


def quiet_patient(**options: object) -> PatientSource:
    return PatientSource(blinks=False, contaminants=False, **options)  # type: ignore[arg-type]


def level(patient: PatientSource, n: int = 4000) -> np.ndarray:
    """Return the RMS in counts of each channel over the next frames, without offsets."""
    counts = patient.read(n).astype(float)
    return np.asarray((counts - counts.mean(axis=0)).std(axis=0))


def test_patient_rests_until_told_and_rests_again() -> None:
    patient = quiet_patient()
    rest = level(patient)
    first = patient.perform(SMILE)
    assert 4000 < first < 5000  # after what is made already, and a reaction time
    patient.read(first - 4000 + 600)
    moving = level(patient, 2000)
    assert (moving[2:4] > 4 * rest[2:4]).all()
    assert (np.delete(moving, [2, 3]) < 1.5 * np.delete(rest, [2, 3])).all()
    patient.read(4000)
    assert (level(patient) < 1.3 * rest).all()


def test_other_muscle_joins_in_on_the_affected_side_only() -> None:
    for side, channel in (("left", 0), ("right", 1)):
        patient = quiet_patient(affected=side)
        rest = level(patient)
        first = patient.perform({**SMILE, "joins": 0.8})
        patient.read(first - 4000 + 700)
        moving = level(patient, 1600)
        assert moving[channel] > 3 * rest[channel]
        assert moving[1 - channel] < 1.5 * rest[1 - channel]
        kinds = {onset.kind for onset in patient.onsets}
        assert kinds == {"voluntary", "synkinesis"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"movement": "grin"}, "does not do 'grin'"),
        ({"share": 9}, "share is 9: choose 0 to 3"),
        ({"share": float("nan")}, "share is nan"),
        ({"hold_s": "long"}, "hold_s is 'long'"),
        ({"rise_s": True}, "rise_s is True"),
        ({"speed": 1}, "knows no 'speed'"),
    ],
)
def test_what_a_patient_cannot_do_is_one_sentence(change: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        quiet_patient().perform({**SMILE, **change})
    assert words in str(caught.value)


def test_patient_is_made_from_a_description() -> None:
    assert isinstance(make_source({"kind": "patient", "seed": 3}), PatientSource)
    with pytest.raises(UsageError, match="knows no option 'scenario'"):
        make_source({"kind": "patient", "scenario": "smile"})
