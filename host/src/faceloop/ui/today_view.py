"""Today: what the programme holds, and the ways to begin, to go on, and to set up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from faceloop.training.blocks import needs_signal
from faceloop.training.programme import Programme, planned_s
from faceloop.ui.elements import tag
from faceloop.ui.shell import View

__all__ = ["TodayView", "whole_minutes"]


class TodayView(View):
    """The start of a day."""

    name = "today"
    title = "nav.today"
    is_listed = True

    def build(self) -> None:
        """Put the page together."""
        text, room = self.text, self.state.room
        with tag("div", classes="fl-first"):
            tag("h1", text("nav.today"), tabindex="-1", data_focus="")
            self._problem = tag("p", text.refused(room.fault), "fl-problem", role="alert")
            room.fault = None
            if room.profile is None:
                tag("p", text("profile.first"))
                tag("p", text("profile.first_why"), "fl-quiet")
                self._button("profile.choose", lambda: self.shell.go("profile"), is_first=True)
                return
            is_left = self._left_day()
            programme = room.programme()
            if programme is not None:
                self._programme(programme, is_left=is_left)
            self._monthly()
            with tag("div", classes="fl-actions"):
                tag("p", room.profile.pseudonym, "fl-quiet")
                self._button("today.change", lambda: self.shell.go("profile"))

    def _programme(self, programme: Programme, *, is_left: bool) -> None:
        text, room = self.text, self.state.room
        profile = room.profile
        assert profile is not None
        blocks = room.due_today(programme)
        locked = [b for b in blocks if needs_signal(b) and not profile.lock.allows_targets]
        still_open = {b.name: planned_s(b) for b in blocks if b not in locked}
        open_minutes = dict(zip(still_open, whole_minutes(still_open.values()), strict=True))
        with tag("section", classes="fl-card", aria_labelledby="fl-programme"):
            tag("h2", text("today.programme", n=sum(open_minutes.values())), id="fl-programme")
            with tag("ol", classes="fl-blocks"):
                for block in blocks:
                    with tag("li"), tag("span", classes="fl-row"):
                        tag("span", self.words.block_name(block))
                        minutes = open_minutes.get(block.name)
                        later = text("today.later")
                        shown = later if minutes is None else text("today.minutes", n=minutes)
                        tag("span", shown, "fl-quiet")
            reason = profile.lock.reason
            if reason is not None:
                tag("p", text.say(reason))
            elif profile.known_references is None:
                tag("p", text("today.setup_first"))
            else:
                tag("p", text("today.setup_known"), "fl-quiet")
            needs_setup = reason is None and profile.known_references is None
            with tag("div", classes="fl-actions"):
                self._button("nav.setup", lambda: self.shell.go("setup"), is_first=needs_setup)
        if reason is not None:
            self._ask_about_movement()
        with tag("div", classes="fl-actions"):
            if room.is_under_way:
                self._button("today.go_on", lambda: self.shell.go("training"), is_first=True)
                return
            is_first = not needs_setup and not is_left
            self._button("today.begin", lambda: self._begin(False), is_first=is_first)
            short = room.programme(is_short=True)
            if short is not None:
                label = text("today.short", n=_minutes(short.planned_s))
                button = tag("button", label, "fl-button", type="button")
                button.on("click", lambda: self._begin(True), args=[])

    def _monthly(self) -> None:
        """Say what comes once a month and has its turn."""
        text, today = self.text, date.today()
        due = [one.kind for one in self.state.room.monthly() if one.is_due(today)]
        if not due:
            return
        with tag("section", classes="fl-card", aria_labelledby="fl-monthly"):
            tag("h2", text("today.monthly"), id="fl-monthly")
            for kind in due:
                tag("p", text(f"today.monthly_{kind}"))
            if "questionnaires" in due:
                with tag("div", classes="fl-actions"):
                    self._button("today.to_questionnaires", lambda: self.shell.go("results"))

    def _ask_about_movement(self) -> None:
        """Ask what only the person can see: whether movement has come back."""
        text = self.text
        with tag("section", classes="fl-card", aria_labelledby="fl-returned"):
            tag("h2", text("today.returned_title"), id="fl-returned")
            tag("p", text("today.returned_why"))
            with tag("div", classes="fl-actions"):
                self._button("today.returned", self._note_returned)

    def _note_returned(self) -> None:
        self.state.room.note_movement_returned()
        self.shell.go("today")

    def _left_day(self) -> bool:
        """Offer a day that was left; return whether it can be gone on with."""
        day = self.state.room.open_day()
        if day is None:
            return False
        with tag("section", classes="fl-card", aria_label=self.text("today.open_day")):
            tag("p", self.text("today.open_day"))
            with tag("div", classes="fl-actions"):
                if day.can_resume:
                    self._button("today.resume", lambda: self._resume(day.session), is_first=True)
                self._button("today.close", lambda: self._close(day.session))
        return day.can_resume

    def _button(self, key: str, action: object, *, is_first: bool = False) -> None:
        classes = "fl-button fl-primary" if is_first else "fl-button"
        button = tag("button", self.text(key), classes, type="button")
        button.on("click", action, args=[])  # type: ignore[arg-type]

    def _begin(self, is_short: bool) -> None:
        self._went(self.state.room.begin(is_short=is_short))

    def _resume(self, session: str) -> None:
        self._went(self.state.room.resume(session))

    def _close(self, session: str) -> None:
        self.state.room.close(session)
        self.shell.go("today")

    def _went(self, is_well: bool) -> None:
        self.shell.go("training" if is_well else "today")


def whole_minutes(seconds: Iterable[float]) -> list[int]:
    """Return parts of a day in whole minutes that add up to the whole day's.

    Parameters
    ----------
    seconds : iterable of float

    Returns
    -------
    list of int
        At least 1 each. What is short of the day's own minutes goes where most was cut off.
    """
    exact = [part / 60 for part in seconds]
    shown = [max(1, int(part)) for part in exact]
    by_cut = sorted(range(len(exact)), key=lambda i: shown[i] - exact[i])
    for i in by_cut[: max(0, round(sum(exact)) - sum(shown))]:
        shown[i] += 1
    return shown


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))
