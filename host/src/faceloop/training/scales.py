"""Questionnaires and grades: the arithmetic only, with totals or answers entered as numbers.

No item, answer or form of any scale is in here: none of them was confirmed free for software.
Sources: clinical reference section 4 (S39, S42, S44-S46).
"""

from __future__ import annotations

from collections.abc import Sequence

from faceloop.errors import UsageError
from faceloop.refusal import refusal

__all__ = [
    "FACE_DOMAIN_ITEMS",
    "HOUSE_BRACKMANN",
    "face_domain",
    "face_total",
    "fdi_physical",
    "fdi_social",
    "house_brackmann_aid",
    "saq",
    "sunnybrook",
    "sunnybrook_of_sums",
]

HOUSE_BRACKMANN = ("I", "II", "III", "IV", "V", "VI")
"""Six grades, best first: too coarse for training, entered by a clinician."""

FACE_DOMAIN_ITEMS = {
    "facial_movement": 3,
    "facial_comfort": 3,
    "oral_function": 2,
    "eye_comfort": 2,
    "lacrimal_control": 1,
    "social_function": 4,
}
"""Items of each FaCE domain, 15 in all: the weights of the total."""


def sunnybrook(
    movement: Sequence[int], rest_eye: int, rest_cheek: int, rest_mouth: int,
    synkinesis: Sequence[int],
) -> int:  # fmt: skip
    """Return the composite: 100 normal, 0 flaccid, -15 at worst. Ross and others 1996.

    Parameters
    ----------
    movement : sequence of int
        Five movements, 1 to 5 each.
    rest_eye, rest_cheek, rest_mouth : int
        0-1, 0-2, 0-1.
    synkinesis : sequence of int
        Five ratings, 0 to 3 each.
    """
    _check("movement", movement, 1, 5, count=5)
    _check("synkinesis", synkinesis, 0, 3, count=5)
    _check("rest_eye", [rest_eye], 0, 1)
    _check("rest_cheek", [rest_cheek], 0, 2)
    _check("rest_mouth", [rest_mouth], 0, 1)
    return sunnybrook_of_sums(sum(movement), rest_eye + rest_cheek + rest_mouth, sum(synkinesis))


def sunnybrook_of_sums(movement: int, rest: int, synkinesis: int) -> int:
    """Return the composite from the sums of its three parts: 5-25, 0-4, 0-15."""
    _check("movement", [movement], 5, 25)
    _check("rest", [rest], 0, 4)
    _check("synkinesis", [synkinesis], 0, 15)
    return 4 * movement - 5 * rest - synkinesis


def house_brackmann_aid(brow_and_mouth: int) -> str:
    """Return the grade that brow and mouth movement suggest, 0 to 8 together."""
    _check("brow_and_mouth", [brow_and_mouth], 0, 8)
    return {8: "I", 7: "II", 6: "III", 5: "III", 4: "IV", 3: "IV", 2: "V", 1: "V", 0: "VI"}[
        brow_and_mouth
    ]


def saq(total: int) -> float:
    """Return the SAQ score, 20 to 100, higher is worse, from the sum of nine items (1-5)."""
    _check("total", [total], 9, 45)
    return total / 45 * 100


def face_domain(total: int, n_items: int) -> float:
    """Return a FaCE domain, 0 to 100, higher is better, from the sum of its items (1-5)."""
    _check("n_items", [n_items], 1, 15)
    _check("total", [total], n_items, 5 * n_items)
    return (total - n_items) / (4 * n_items) * 100


def face_total(domains: dict[str, int]) -> float:
    """Return the FaCE total from the sum of each domain's items: domains weigh by item count.

    Parameters
    ----------
    domains : dict of str to int
        A sum for each of `FACE_DOMAIN_ITEMS`.
    """
    if set(domains) != set(FACE_DOMAIN_ITEMS):
        raise UsageError(refusal("face_domains", known=tuple(FACE_DOMAIN_ITEMS)))
    weighted = sum(
        face_domain(total, FACE_DOMAIN_ITEMS[name]) * FACE_DOMAIN_ITEMS[name]
        for name, total in domains.items()
    )
    return weighted / sum(FACE_DOMAIN_ITEMS.values())


def fdi_physical(total: int, n_answered: int = 5) -> float:
    """Return the FDI physical score from the sum of the answered items (0-5).

    It reaches -25 when everything was "not done for other reasons": that is how it is defined.
    """
    _check("n_answered", [n_answered], 1, 5)
    _check("total", [total], 0, 5 * n_answered)
    return (total - n_answered) / n_answered * 100 / 4


def fdi_social(total: int, n_answered: int = 5) -> float:
    """Return the FDI social score from the sum of the answered items (1-6)."""
    _check("n_answered", [n_answered], 1, 5)
    _check("total", [total], n_answered, 6 * n_answered)
    return (total - n_answered) / n_answered * 100 / 5


def _check(
    name: str, numbers: Sequence[int], lowest: int, highest: int, *, count: int | None = None
) -> None:
    if count is not None and len(numbers) != count:
        raise UsageError(refusal("count", name=name, given=len(numbers), needed=count))
    for number in numbers:
        is_whole = isinstance(number, int) and not isinstance(number, bool)
        if not is_whole or not lowest <= number <= highest:
            raise UsageError(
                refusal("whole_number", name=name, given=repr(number), low=lowest, high=highest)
            )
