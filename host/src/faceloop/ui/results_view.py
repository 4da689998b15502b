"""Results: today in words, symmetry and joining in side by side, ratings, and the weeks."""

from __future__ import annotations

import math
from datetime import date

from faceloop.errors import FaceloopError
from faceloop.training.message import message
from faceloop.training.ratings import MOST, RATINGS, rating_title
from faceloop.training.results import DayResult, MovementResult, day_words
from faceloop.training.trend import rating_changes, streak, trends, weeks
from faceloop.ui.elements import Choice, Text, tag
from faceloop.ui.questionnaire_card import QuestionnaireCard
from faceloop.ui.rating_table import RatingTable
from faceloop.ui.shell import View
from faceloop.ui.texts import DASH
from faceloop.ui.trend_chart import TrendChart

__all__ = ["ResultsView"]

MOST_WEEKS = 8


class ResultsView(View):
    """What the day came to, and what the weeks say."""

    name = "results"
    title = "nav.results"
    is_listed = True

    def build(self) -> None:
        """Put the page together."""
        text, room = self.text, self.state.room
        with tag("div", classes="fl-first"):
            tag("h1", text("nav.results"), tabindex="-1", data_focus="")
            result = room.result()
            if room.fault is not None:
                tag("p", text.refused(room.fault), "fl-problem", role="alert")
                room.fault = None
            with tag("section", classes="fl-card", aria_labelledby="fl-today"):
                tag("h2", text("results.today"), id="fl-today")
                if result is None:
                    tag("p", text("results.nothing"))
                else:
                    for word in day_words(result):
                        tag("p", text.say(word))
                    self._movements(result)
            if result is not None:
                self._ratings(result)
            self._weeks()
            if room.profile is not None:
                kept = room.days.profiles.questionnaires(room.profile.pseudonym)
                QuestionnaireCard(kept, text)

    def _movements(self, result: DayResult) -> None:
        text = self.text
        if not result.movements:
            return
        heads = ("movement", "clean", "symmetry", "side", "joined")
        with tag("div", classes="fl-table"), tag("table"):
            with tag("thead"), tag("tr"):
                for head in heads:
                    tag("th", text(f"results.{head}"), scope="col")
            with tag("tbody"):
                for movement in result.movements:
                    title = text.say(message(f"train.movement.{movement.movement}.title"))
                    with tag("tr"):
                        tag("th", title, scope="row")
                        clean = text("results.of", n=movement.clean, of=movement.scored)
                        self._cell("clean", clean)
                        self._cell("symmetry", self._symmetry(movement))
                        self._cell("side", text.signed_percent(movement.signed_asymmetry))
                        joined = text.number(movement.synkinesis_per_repetition, 1)
                        self._cell("joined", joined)
        tag("p", text("results.side_hint"), "fl-quiet")

    def _symmetry(self, movement: MovementResult) -> str:
        """Return the mean with its 95 % interval, where there is one."""
        text = self.text
        mean = text.percent(movement.symmetry)
        if not math.isfinite(movement.symmetry_low) or not math.isfinite(movement.symmetry_high):
            return mean
        low = text.number(100 * movement.symmetry_low)
        span = f"{low}\N{WORD JOINER}{DASH}\N{WORD JOINER}{text.percent(movement.symmetry_high)}"
        return f"{mean} ({span})"

    def _ratings(self, result: DayResult) -> None:
        text = self.text
        with tag("section", classes="fl-card", aria_labelledby="fl-ratings"):
            tag("h2", text("results.ratings"), id="fl-ratings")
            tag("p", text("results.ratings_hint"), "fl-quiet")
            with tag("div", classes="fl-ratings"):
                for name in RATINGS:
                    with tag("div"):
                        label = text.say(rating_title(name))
                        tag("label", label, "fl-label", **{"for": f"fl-rate-{name}"})
                        given = result.ratings.get(name)
                        self._rating(name, "" if given is None else str(given))
            tag("label", text("results.diary"), "fl-label", **{"for": "fl-diary"})
            Choice("text", "fl-diary", result.diary, self._note, maxlength=280)

    def _rating(self, name: str, given: str) -> None:
        def rate(value: str) -> None:
            self._rate(name, value)

        options = [("", DASH), *((str(n), str(n)) for n in range(MOST + 1))]
        Choice("select", f"fl-rate-{name}", given, rate, options)

    def _rate(self, name: str, value: str) -> None:
        if value.isdigit():
            self.state.room.say_of_today(
                lambda engine, now_s: engine.rate(name, int(value), now_s)
            )

    def _note(self, value: str) -> None:
        self.state.room.say_of_today(lambda engine, now_s: engine.note_diary(value))

    def _weeks(self) -> None:
        text, room = self.text, self.state.room
        if room.profile is None:
            return
        try:
            room.days.index.sync()
            rows = room.days.index.days(room.profile.pseudonym)
            rated = room.days.index.ratings(room.profile.pseudonym)
        except FaceloopError as error:
            tag("p", text.refused(error), "fl-problem", role="alert")
            return
        with tag("section", classes="fl-card", aria_labelledby="fl-trend"):
            tag("h2", text("results.trend"), id="fl-trend")
            tag("p", text.say(streak(rows, date.today()).word))
            for word in trends(rows):
                tag("p", text.say(word))
            shown = weeks(rows)[-MOST_WEEKS:]
            if not shown:
                return
            TrendChart(shown, text)
            # The lines above say how often what is counted: here a week has one line on a phone.
            with tag("div", classes="fl-table fl-weeks fl-trained"), tag("table"):
                with tag("thead"), tag("tr"):
                    for head in ("week", "days", "minutes", "symmetry", "side", "joined_week"):
                        tag("th", text(f"results.{head}"), scope="col")
                with tag("tbody"):
                    for week in shown:
                        with tag("tr"):
                            tag("th", text.day_of_year(week.monday), scope="row")
                            self._cell("days", str(week.days))
                            self._cell("minutes", text.number(max(week.minutes, 1.0)))
                            self._cell("symmetry", text.percent(week.symmetry))
                            self._cell("side", text.signed_percent(week.signed_asymmetry))
                            self._cell("joined_week", text.number(week.synkinesis, 1))
            RatingTable(rating_changes(rated), text)

    def _cell(self, head: str, shown: str) -> Text:
        """Build a cell that says its heading itself where the table has no room for a row."""
        return tag("td", shown, data_label=self.text(f"results.{head}"))
