"""For the therapist: behind a PIN, the stage, heat, and every number of the programme."""

from __future__ import annotations

from typing import Any

from faceloop.errors import FaceloopError
from faceloop.training.message import message
from faceloop.training.profiles import Profile
from faceloop.training.programme import Programme
from faceloop.training.programme_file import shipped_programme
from faceloop.training.stage import STAGES
from faceloop.ui.elements import Choice, tag
from faceloop.ui.goals_card import GoalsCard
from faceloop.ui.heat_card import HeatCard
from faceloop.ui.programme_editor import ProgrammeEditor
from faceloop.ui.review_card import ReviewCard
from faceloop.ui.shell import View

__all__ = ["TherapistView"]


class TherapistView(View):
    """The PIN is asked for at each visit and kept no longer than the page."""

    name = "therapist"
    title = "therapist.title"

    def build(self) -> None:
        """Put the page together."""
        self._pin = ""
        self._typed = ""
        self._is_short = False
        self._place = tag("div", classes="fl-first")
        self._draw()

    def _draw(self) -> None:
        self._place.clear()
        text, room = self.text, self.state.room
        with self._place:
            tag("h1", text("therapist.title"), tabindex="-1", data_focus="")
            self._problem = tag("p", classes="fl-problem", role="alert")
            programme = room.programme(is_short=self._is_short)
            if room.profile is None:
                tag("p", text("therapist.nobody"))
                choose = tag("button", text("profile.title"), "fl-button", type="button")
                choose.on("click", lambda: self.shell.go("profile"), args=[])
            elif programme is None:
                self._problem.say(text.refused(room.fault))
                room.fault = None
            elif not self._pin:
                self._ask()
            else:
                self._stage(room.profile)
                GoalsCard(self.state, self._pin)
                ReviewCard(self.state, self._pin)
                HeatCard(self.state, room.profile, self._pin)
                self._which_day()
                tag("p", text("therapist.sources"), "fl-quiet")
                shipped = shipped_programme(room.profile.stage, is_short=self._is_short)
                editor = ProgrammeEditor(self.words, programme, shipped, self._store)
                with tag("div", classes="fl-actions"):
                    save = tag(
                        "button", text("therapist.save"), "fl-button fl-primary", type="button"
                    )
                    save.on("click", editor.save, args=[])
                    usual = tag("button", text("therapist.all_usual"), "fl-button", type="button")
                    usual.on("click", editor.take_usual, args=[])
                    close = tag("button", text("therapist.close"), "fl-button", type="button")
                    close.on("click", self._lock, args=[])

    def _ask(self) -> None:
        text = self.text
        is_set = self.state.room.days.profiles.pin.is_set
        with tag("section", classes="fl-card"):
            tag("p", text("therapist.why"))
            key = "therapist.pin" if is_set else "therapist.choose_pin"
            tag("label", text(key), "fl-label", **{"for": "fl-pin"})
            Choice(
                *("password", "fl-pin", "", self._take_pin),
                inputmode="numeric",
                maxlength=12,
                autocomplete="off",
            )
            button = tag("button", text("therapist.open"), "fl-button fl-primary", type="button")
            button.on("click", self._open, args=[])

    def _take_pin(self, value: str) -> None:
        self._typed = value

    def _open(self) -> None:
        pin = self.state.room.days.profiles.pin
        try:
            if pin.is_set:
                pin.check(self._typed)
            else:
                pin.choose(self._typed)
        except FaceloopError as error:
            self._problem.say(self.text.refused(error))
            return
        self._pin, self._typed = self._typed, ""
        self._draw()

    def _lock(self) -> None:
        self._pin = ""
        self._draw()

    def _stage(self, profile: Profile) -> None:
        text = self.text
        with tag("section", classes="fl-card"), tag("fieldset", classes="fl-fieldset"):
            tag("legend", text("therapist.stage"), "fl-label")
            options = [(s, text.say(message(f"train.stage.{s}.title"))) for s in STAGES]
            Choice("radio", "fl-stage", profile.stage, self._take_stage, options)
            tag("label", text("profile.onset"), "fl-label", **{"for": "fl-onset"})
            Choice("date", "fl-onset", profile.onset, self._take_onset)
            if profile.stage == "flaccid":
                with tag("label", classes="fl-option"):
                    is_open = str(profile.is_unlocked_by_therapist).lower()
                    Choice("checkbox", "fl-unlock", is_open, self._take_unlock)
                    tag("span", text("therapist.unlock"))
                with tag("label", classes="fl-option"):
                    is_back = str(profile.has_movement_returned).lower()
                    Choice("checkbox", "fl-returned", is_back, self._take_returned)
                    tag("span", text("therapist.returned"))

    def _which_day(self) -> None:
        """Offer the numbers of the full day, or those of the short one."""
        text = self.text
        with tag("section", classes="fl-card"), tag("fieldset", classes="fl-fieldset"):
            tag("legend", text("therapist.day"), "fl-label")
            options = [(day, text(f"therapist.day_{day}")) for day in ("full", "short")]
            now = "short" if self._is_short else "full"
            Choice("radio", "fl-day", now, self._take_day, options)

    def _take_day(self, day: str) -> None:
        self._is_short = day == "short"
        self._draw()

    def _take_stage(self, stage: str) -> None:
        self._set(stage, False)

    def _take_onset(self, onset: str) -> None:
        room = self.state.room
        if room.profile is None:
            return
        name = room.profile.pseudonym
        try:
            room.days.profiles.set_onset(name, onset, self._pin)
        except FaceloopError as error:
            self._problem.say(self.text.refused(error))
            return
        room.choose(name)

    def _take_unlock(self, is_unlocked: str) -> None:
        profile = self.state.room.profile
        if profile is not None:
            self._set(profile.stage, is_unlocked == "true")

    def _take_returned(self, has_returned: str) -> None:
        profile = self.state.room.profile
        if profile is not None:
            is_unlocked = profile.is_unlocked_by_therapist
            self._set(profile.stage, is_unlocked, has_returned == "true")

    def _set(self, stage: Any, is_unlocked: bool, has_returned: bool | None = None) -> None:
        room = self.state.room
        if room.profile is None:
            return
        name = room.profile.pseudonym
        try:
            room.days.profiles.set_stage(
                name, stage, self._pin, is_unlocked=is_unlocked, has_returned=has_returned
            )
        except FaceloopError as error:
            self._problem.say(self.text.refused(error))
            return
        room.choose(name)
        self._draw()

    def _store(self, programme: Programme) -> None:
        room = self.state.room
        if room.profile is not None:
            room.days.profiles.set_programme(room.profile.pseudonym, programme, self._pin)
