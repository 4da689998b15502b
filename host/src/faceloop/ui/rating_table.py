"""The patient's own ratings over the weeks: how they began, how they are now, and no verdict."""

from __future__ import annotations

from collections.abc import Sequence

from faceloop.training.ratings import rating_title
from faceloop.training.trend import RatingChange
from faceloop.ui.elements import tag
from faceloop.ui.texts import Texts

__all__ = ["RatingTable"]


class RatingTable:
    """A row for each rating; nothing without one.

    Parameters
    ----------
    changes : sequence of RatingChange
    text : Texts
    """

    def __init__(self, changes: Sequence[RatingChange], text: Texts) -> None:
        if not changes:
            return
        with tag("div", classes="fl-table fl-weeks"), tag("table"):
            with tag("thead"), tag("tr"):
                for head in ("rating", "rating_first", "rating_now"):
                    tag("th", text(f"results.{head}"), scope="col")
            with tag("tbody"):
                for change in changes:
                    with tag("tr"):
                        tag("th", text.say(rating_title(change.name)), scope="row")
                        tag("td", text.number(change.first, 1))
                        tag("td", text.number(change.last, 1))
