"""Who trains: a pseudonym, the affected side, and the stage of recovery."""

from __future__ import annotations

from faceloop.errors import FaceloopError
from faceloop.training.message import message
from faceloop.training.profiles import Profile
from faceloop.training.stage import STAGES
from faceloop.ui.elements import Choice, tag
from faceloop.ui.shell import View

__all__ = ["ProfileView"]


class ProfileView(View):
    """Choose a profile, or make one."""

    name = "profile"
    title = "profile.title"
    is_plain = True

    def build(self) -> None:
        """Put the page together."""
        text, room = self.text, self.state.room
        self._name = ""
        # Only what the session says; nothing is guessed about a person.
        self._side: str = self.state.live.affected_side or ""
        self._stage = STAGES[0]  # asks for no movement: a more active one needs answers
        self._onset = ""
        self._has_returned = False
        with tag("div", classes="fl-first"):
            tag("h1", text("profile.title"), tabindex="-1", data_focus="")
            tag("p", text("profile.why"))
            if room.names():
                self._known()
            with tag("section", classes="fl-card", aria_labelledby="fl-new"):
                tag("h2", text("profile.new"), id="fl-new")
                tag("label", text("profile.name"), "fl-label", **{"for": "fl-name"})
                Choice(
                    *("text", "fl-name", "", self._take_name),
                    maxlength=24,
                    autocomplete="off",
                    spellcheck="false",
                    aria_describedby="fl-name-hint",
                )
                tag("p", text("profile.name_hint"), "fl-quiet", id="fl-name-hint")
                self._radios("side", self._side, ("left", "right"), self._take_side)
                tag("label", text("profile.onset"), "fl-label", **{"for": "fl-onset"})
                Choice("date", "fl-onset", "", self._take_onset)
                with tag("label", classes="fl-option"):
                    Choice("checkbox", "fl-back", "false", self._take_returned)
                    tag("span", text("profile.returned"))
                self._radios("stage", self._stage, STAGES, self._take_stage)
                tag("p", text("profile.stage_hint"), "fl-quiet")
                self._problem = tag("p", classes="fl-problem", role="alert")
                with tag("div"):
                    create = tag(
                        "button", text("profile.create"), "fl-button fl-primary", type="button"
                    )
                    create.on("click", self._create, args=[])
            with tag("div", classes="fl-actions"):
                back = tag("button", text("nav.signal"), "fl-button", type="button")
                back.on("click", lambda: self.shell.go("signal"), args=[])

    def _known(self) -> None:
        room = self.state.room
        with tag("section", classes="fl-card", aria_labelledby="fl-known"):
            tag("h2", self.text("profile.known"), id="fl-known")
            with tag("div", classes="fl-actions"):
                for name in room.names():
                    button = tag("button", name, "fl-button", type="button")
                    button.on("click", lambda name=name: self._choose(name), args=[])

    def _radios(self, what: str, value: str, values: tuple[str, ...], take: object) -> None:
        def label(value: str) -> str:
            if what == "side":
                return self.text(f"live.{value}")
            return self.text.say(message(f"train.stage.{value}.title"))

        with tag("fieldset", classes="fl-fieldset"):
            tag("legend", self.text(f"profile.{what}"), "fl-label")
            options = [(value, label(value)) for value in values]
            Choice("radio", f"fl-{what}", value, take, options)  # type: ignore[arg-type]

    def _take_name(self, value: str) -> None:
        self._name = value.strip().lower()

    def _take_side(self, value: str) -> None:
        self._side = value

    def _take_stage(self, value: str) -> None:
        self._stage = value  # type: ignore[assignment]

    def _take_onset(self, value: str) -> None:
        self._onset = value

    def _take_returned(self, value: str) -> None:
        self._has_returned = value == "true"

    def _choose(self, name: str) -> None:
        self.state.room.choose(name)
        self.shell.go("today")

    def _create(self) -> None:
        text, room = self.text, self.state.room
        if not self._name:
            self._problem.say(text("profile.name_bad", hint=text("profile.name_hint")))
            return
        if not self._side:
            self._problem.say(text("profile.choose_side"))
            return
        try:
            profile = Profile(
                self._name,
                self._side,  # type: ignore[arg-type]
                self._stage,
                room.montage.name,
                has_movement_returned=self._has_returned,
                onset=self._onset,
            )
        except FaceloopError as error:
            self._problem.say(text.refused(error))
            return
        if room.create(profile):
            self.shell.go("today")
        else:
            self._problem.say(text.refused(room.fault))
            room.fault = None
