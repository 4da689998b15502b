"""The made-up face that does as it is told."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop.errors import UsageError
from faceloop.twin.sources import make_source
from faceloop.twin.sources.face import FaceSource
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
    with pytest.raises(UsageError, match="knows no option 'mood'"):
        make_source({"kind": "patient", "mood": "good"})


def test_patient_whom_nobody_tells_anything_is_the_scripted_face() -> None:
    patient, face = PatientSource(attending=False), FaceSource("synkinesis", None)
    assert np.array_equal(patient.read(60_000), face.read(60_000))


def test_patient_comes_to_rest_when_it_attends_and_acts_again_when_it_need_not() -> None:
    patient = quiet_patient(attending=False)
    rest = level(patient, 4000)
    in_hold = next(b for b in patient.script.bursts(0, 60_000) if b.start > 20_000)
    patient.read(in_hold.start + in_hold.rise + 100 - 4000)
    assert (level(patient, 600)[in_hold.channel] > 2 * rest[in_hold.channel]).all()
    patient.attend(is_on=True)
    patient.read(2000)  # what is made already, and the release
    for _ in range(10):
        assert (level(patient) < 1.3 * rest).all()
    before = len(patient.onsets)
    assert all(onset.end_frame <= 60_000 for onset in patient.onsets)
    now = patient._frame
    patient.attend(is_on=False)
    loudest = np.max([level(patient, 2000) / rest for _ in range(8)], axis=0)
    assert loudest.max() > 4
    told = patient.onsets[before:]
    assert told and all(now + 3000 < onset.frame for onset in told)
    patient.attend(is_on=False)  # again: nothing new


def test_face_joins_in_as_it_is_when_nobody_says_how_much() -> None:
    def joined(patient: PatientSource) -> list[int]:
        counts = []
        for _ in range(3):
            before = len(patient.onsets)
            patient.perform({**SMILE, "joins": None})
            patient.read(8000)
            new = patient.onsets[before:]
            counts.append(sum(onset.kind == "synkinesis" for onset in new))
        return counts

    assert joined(quiet_patient()) == [1, 1, 0]
    assert joined(quiet_patient(scenario="smile")) == [0, 0, 0]
