"""The patient's own ratings, 0 to 10: our own words, no questionnaire."""

from __future__ import annotations

from faceloop.errors import UsageError
from faceloop.refusal import Term, refusal
from faceloop.training.message import Message, message

__all__ = ["MOST", "RATINGS", "checked_rating", "rating_title"]

RATINGS: dict[str, bool] = {
    "pain": False,
    "tightness": False,
    "eating": True,
    "drinking": True,
    "speaking": True,
    "confidence": True,
}
"""Every rating, and whether more of it is better."""
MOST = 10


def checked_rating(name: str, rating: int) -> int:
    """Return the rating if it is one.

    Raises
    ------
    UsageError
        If there is no such rating, or it is no whole number from 0 to 10.
    """
    if name not in RATINGS:
        raise UsageError(refusal("no_rating", given=repr(name), known=tuple(map(_term, RATINGS))))
    if isinstance(rating, bool) or not isinstance(rating, int) or not 0 <= rating <= MOST:
        raise UsageError(
            refusal("whole_number", name=_term(name), given=repr(rating), low=0, high=MOST)
        )
    return rating


def rating_title(name: str) -> Message:
    """Return the name of a rating for the patient."""
    return message(f"train.rating.{name}.title")


def _term(name: str) -> Term:
    return Term(rating_title(name).key, name)
