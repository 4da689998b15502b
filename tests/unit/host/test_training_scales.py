"""Questionnaire arithmetic: acceptance tests T7 and T8 of the clinical reference, section 7."""

from __future__ import annotations

import pytest

from faceloop.errors import UsageError
from faceloop.training.scales import (
    FACE_DOMAIN_ITEMS,
    face_domain,
    face_total,
    fdi_physical,
    fdi_social,
    house_brackmann_aid,
    saq,
    sunnybrook,
)


def test_t7_sunnybrook_extremes() -> None:
    assert sunnybrook([5] * 5, 0, 0, 0, [0] * 5) == 100
    assert sunnybrook([1] * 5, 1, 2, 1, [0] * 5) == 0  # flaccid
    assert sunnybrook([1] * 5, 1, 2, 1, [3] * 5) == -15  # floor of the arithmetic


def test_t8_saq_face_and_fdi() -> None:
    assert [saq(total) for total in (9, 27, 45)] == [20, 60, 100]
    assert [face_domain(15 * answer, 15) for answer in (1, 3, 5)] == [0, 50, 100]
    assert [
        face_total({name: answer * n for name, n in FACE_DOMAIN_ITEMS.items()})
        for answer in (1, 3, 5)
    ] == [0, 50, 100]
    assert [fdi_physical(5 * answer) for answer in (5, 3, 0)] == [100, 50, -25]
    assert [fdi_social(5 * answer) for answer in (6, 1)] == [100, 0]


def test_face_total_weighs_domains_by_their_items() -> None:
    sums = {name: n for name, n in FACE_DOMAIN_ITEMS.items()}
    assert face_total({**sums, "social_function": 20}) == pytest.approx(100 * 4 / 15)
    assert face_total({**sums, "facial_comfort": 15}) == pytest.approx(100 * 3 / 15)


def test_fdi_counts_answered_items_only() -> None:
    assert fdi_physical(20, n_answered=4) == 100
    assert fdi_social(4, n_answered=4) == 0


def test_house_brackmann_aid_every_sum() -> None:
    assert [house_brackmann_aid(n) for n in range(9)] == [
        "VI", "V", "V", "IV", "IV", "III", "III", "II", "I"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sunnybrook([5] * 4, 0, 0, 0, [0] * 5), "movement has 4 numbers; 5"),
        (lambda: sunnybrook([6] * 5, 0, 0, 0, [0] * 5), "movement is 6; choose"),
        (lambda: sunnybrook([5] * 5, 2, 0, 0, [0] * 5), "rest_eye is 2"),
        (lambda: saq(8), "total is 8; choose a whole number from 9 to 45"),
        (lambda: saq(46), "46"),
        (lambda: face_domain(2, 3), "from 3 to 15"),
        (lambda: face_total({"oral_function": 2}), "a sum for each of"),
        (lambda: fdi_physical(26), "from 0 to 25"),
        (lambda: fdi_social(4), "from 5 to 30"),
        (lambda: house_brackmann_aid(True), "True"),
    ],
)
def test_number_out_of_range_is_one_sentence(call: object, words: str) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*$") as caught:
        call()  # type: ignore[operator]
    assert words in str(caught.value)
