"""The totals of questionnaires, or the sums of their parts, on the results page."""

from __future__ import annotations

from datetime import date

from faceloop.errors import FaceloopError
from faceloop.training.questionnaires import QUESTIONNAIRES, Entry, Questionnaires
from faceloop.ui.elements import Choice, tag
from faceloop.ui.texts import DASH, Texts

__all__ = ["QuestionnaireCard"]

MOST_ENTRIES = 12


class QuestionnaireCard:
    """Enter a total or the sums of its parts, and see those of before.

    Parameters
    ----------
    kept : Questionnaires
    text : Texts
    """

    def __init__(self, kept: Questionnaires, text: Texts) -> None:
        self._kept = kept
        self._text = text
        self._name = next(iter(QUESTIONNAIRES))
        self._typed: dict[str, str] = {}
        with tag("section", classes="fl-card", aria_labelledby="fl-scales"):
            tag("h2", text("results.scales"), id="fl-scales")
            tag("p", text("results.scales_hint"), "fl-quiet")
            with tag("div"):
                tag("label", text("results.scale"), "fl-label", **{"for": "fl-scale"})
                options = [(name, text(f"results.scale_{name}")) for name in QUESTIONNAIRES]
                Choice("select", "fl-scale", self._name, self._take_name, options)
            self._way = tag("p", classes="fl-quiet")
            self._fields = tag("div", classes="fl-questionnaire")
            self._problem = tag("p", role="alert")
            keep = tag("button", text("results.keep"), "fl-button", type="button")
            keep.on("click", self._keep, args=[])
            self._table = tag("div", classes="fl-table")
        self._ask()
        self._draw()

    def _ask(self) -> None:
        """Build the fields of the chosen questionnaire."""
        known, text = QUESTIONNAIRES[self._name], self._text
        better = text(f"results.{'higher' if known.is_higher_better else 'lower'}_better")
        self._way.say(f"{better} {text('results.parts_hint')}" if known.parts else better)
        self._typed = {}
        self._fields.clear()
        with self._fields:
            for part, limits in known.parts.items():
                self._field(f"part_{part}", limits.lowest, limits.highest)
            if known.n_items:
                self._field("answered", 1, known.n_items)
                self._field("sum", *known.limits(known.n_items))
            else:
                self._field("total", known.lowest, known.highest)

    def _field(self, key: str, low: int, high: int) -> None:
        def take(typed: str) -> None:
            self._typed[key] = typed

        text, id_ = self._text, f"fl-{key}".replace("_", "-")
        span = text("therapist.range", low=low, high=high)
        with tag("div"):
            tag("label", f"{text(f'results.{key}')}, {span}", "fl-label", **{"for": id_})
            Choice("number", id_, "", take, step=1)

    def _take_name(self, name: str) -> None:
        self._name = name
        self._problem.say("")
        self._ask()

    def _number(self, key: str) -> int | None:
        try:
            return int(self._typed.get(key, ""))
        except ValueError:
            return None

    def _keep(self) -> None:
        known = QUESTIONNAIRES[self._name]
        parts = {part: self._number(f"part_{part}") for part in known.parts}
        sums = {part: number for part, number in parts.items() if number is not None}
        total = self._number("sum" if known.n_items else "total")
        n_answered = self._number("answered") if known.n_items else None
        try:
            self._kept.add(self._name, total, date.today(), sums=sums, n_answered=n_answered)
        except FaceloopError as error:
            self._problem.say(self._text.refused(error))
            return
        self._problem.say("")
        self._ask()
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
        heads = ("scale", "day", "score", "better", "parts")
        with self._table, tag("table"):
            with tag("thead"), tag("tr"):
                for head in heads:
                    tag("th", text(f"results.{head}"), scope="col")
            with tag("tbody"):
                for entry in reversed(entries):
                    is_higher = QUESTIONNAIRES[entry.name].is_higher_better
                    cells = (
                        text.calendar_day(entry.day),
                        text.number(entry.score),
                        text(f"results.{'higher' if is_higher else 'lower'}"),
                        self._parts(entry),
                    )
                    with tag("tr"):
                        tag("th", text(f"results.scale_{entry.name}"), scope="row")
                        for head, cell in zip(heads[1:], cells, strict=True):
                            tag("td", cell, data_label=text(f"results.{head}"))

    def _parts(self, entry: Entry) -> str:
        """Return the sub-scores, or of how many items the score is."""
        text = self._text
        if entry.parts:
            return "; ".join(
                f"{text(f'results.part_{part}')} {text.number(score)}"
                for part, score in entry.parts.items()
            )
        n_items = QUESTIONNAIRES[entry.name].n_items
        if n_items:
            answered = text("results.of", n=entry.n_answered, of=n_items)
            return f"{text('results.answered')}: {answered}"
        return DASH
