"""The weeks as calm lines: symmetry, the affected side, joining in; the table has the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from faceloop.training.trend import Week
from faceloop.ui.elements import tag
from faceloop.ui.texts import Texts

__all__ = ["TrendChart"]

WIDTH, HEIGHT, MARGIN = 320, 72, 8
DOT = 4
SIDE = 0.5
"""The affected side at a third of the other one, or at three times it; what is beyond stays at
the edge."""
LEAST_WEEKS = 2


class TrendChart:
    """Draws what at least two weeks have; else nothing.

    Parameters
    ----------
    weeks : sequence of Week
        Oldest first.
    text : Texts
    """

    def __init__(self, weeks: Sequence[Week], text: Texts) -> None:
        self._weeks = [week for week in weeks if math.isfinite(week.symmetry)]
        self._text = text
        if len(self._weeks) < LEAST_WEEKS:
            return
        most = max(1, math.ceil(max(week.synkinesis for week in self._weeks)))
        with tag("div", classes="fl-trend"):
            self._line("symmetry", [w.symmetry for w in self._weeks], (0.0, 1.0), text.percent)
            sides = [w.signed_asymmetry for w in self._weeks]
            if all(map(math.isfinite, sides)):
                self._line("side", sides, (-SIDE, SIDE), text.signed_percent)
            self._line(
                *("joined", [w.synkinesis for w in self._weeks], (0.0, float(most))),
                lambda value: text.number(value, 0 if value == most or value == 0 else 1),
            )
            with tag("p", classes="fl-trend-ends fl-quiet", aria_hidden="true"):
                tag("span", text.calendar_day(self._weeks[0].monday))
                tag("span", text.calendar_day(self._weeks[-1].monday))

    def _line(
        self,
        name: str,
        values: Sequence[float],
        limits: tuple[float, float],
        say: Callable[[float], str],
    ) -> None:
        text, (low, high) = self._text, limits
        title = text(f"results.{name}")
        scale = text("therapist.range", low=say(low), high=say(high))
        said = ", ".join(
            f"{text.calendar_day(week.monday)}: {say(value)}"
            for week, value in zip(self._weeks, values, strict=True)
        )
        tag("p", f"{title}, {scale}", "fl-trend-name")
        places = [
            (self._x(week), _y(min(max((value - low) / (high - low), 0.0), 1.0)))
            for week, value in zip(self._weeks, values, strict=True)
        ]
        with tag(
            *("svg", "", f"fl-trend-{name}"),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            aria_label=f"{title}: {said}",
        ):
            for share in (0.0, 0.5, 1.0):
                y = _y(share)
                tag("path", d=f"M{MARGIN} {y} H{WIDTH - MARGIN}", classes="fl-trend-rule")
            points = " L".join(f"{x} {y}" for x, y in places)
            tag("path", d=f"M{points}", classes="fl-trend-path")
            for x, y in places:
                tag("circle", cx=x, cy=y, r=DOT, classes="fl-trend-dot")

    def _x(self, week: Week) -> float:
        """Return where a week stands: weeks without training leave room."""
        first, last = self._weeks[0].monday, self._weeks[-1].monday
        share = (week.monday - first).days / max((last - first).days, 1)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)


def _y(share: float) -> float:
    return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)
