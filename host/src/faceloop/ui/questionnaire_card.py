"""The totals of questionnaires on the results page."""

from __future__ import annotations

from datetime import date

from faceloop.errors import FaceloopError
from faceloop.training.questionnaires import QUESTIONNAIRES, Questionnaires
from faceloop.ui.elements import Choice, tag
from faceloop.ui.texts import Texts

__all__ = ["QuestionnaireCard"]

MOST_ENTRIES = 12


class QuestionnaireCard:
    """Enter a total, and see those of before.

    Parameters
    ----------
    kept : Questionnaires
    text : Texts
    """

    def __init__(self, kept: Questionnaires, text: Texts) -> None:
        self._kept = kept
        self._text = text
        self._name = next(iter(QUESTIONNAIRES))
        self._typed = ""
        with tag("section", classes="fl-card", aria_labelledby="fl-scales"):
            tag("h2", text("results.scales"), id="fl-scales")
            tag("p", text("results.scales_hint"), "fl-quiet")
            with tag("div", classes="fl-questionnaire"):
                with tag("div"):
                    tag("label", text("results.scale"), "fl-label", **{"for": "fl-scale"})
                    options = [(name, text(f"results.scale_{name}")) for name in QUESTIONNAIRES]
                    Choice("select", "fl-scale", self._name, self._take_name, options)
                with tag("div"):
                    tag("label", text("results.total"), "fl-label", **{"for": "fl-total"})
                    Choice("number", "fl-total", "", self._take_total, step=1)
            self._problem = tag("p", role="alert")
            keep = tag("button", text("results.keep"), "fl-button", type="button")
            keep.on("click", self._keep, args=[])
            self._table = tag("div", classes="fl-table")
        self._draw()

    def _take_name(self, name: str) -> None:
        self._name = name

    def _take_total(self, typed: str) -> None:
        self._typed = typed

    def _keep(self) -> None:
        known = QUESTIONNAIRES[self._name]
        try:
            total = int(self._typed)
        except ValueError:
            total = known.lowest - 1
        if not known.lowest <= total <= known.highest:
            low, high = known.lowest, known.highest
            self._problem.say(self._text("results.total_bad", low=low, high=high))
            return
        try:
            self._kept.add(self._name, total, date.today())
        except FaceloopError as error:
            self._problem.say(self._text.refused(error))
            return
        self._problem.say("")
        self._draw()

    def _draw(self) -> None:
        text = self._text
        try:
            entries = self._kept.entries()[-MOST_ENTRIES:]
        except FaceloopError as error:
            self._problem.say(text.refused(error))
            return
        self._table.clear()
        if not entries:
            return
        heads = ("scale", "day", "total", "score")
        with self._table, tag("table"):
            with tag("thead"), tag("tr"):
                for head in heads:
                    tag("th", text(f"results.{head}"), scope="col")
            with tag("tbody"):
                for entry in reversed(entries):
                    cells = (
                        text.calendar_day(entry.day),
                        str(entry.total),
                        text.number(entry.score),
                    )
                    with tag("tr"):
                        tag("th", text(f"results.scale_{entry.name}"), scope="row")
                        for head, cell in zip(heads[1:], cells, strict=True):
                            tag("td", cell, data_label=text(f"results.{head}"))
