"""Set-up: where the electrodes go, whether they hold, rest, and do they answer."""

from __future__ import annotations

import time

from nicegui import ui

from faceloop.session.live import LiveStatus
from faceloop.training.placement import ElectrodeCheck
from faceloop.training.setup import N_REPETITIONS, SetUpView
from faceloop.ui.elements import Photo, Text, tag
from faceloop.ui.face_picture import FacePicture
from faceloop.ui.shell import View

__all__ = ["SetupView"]

QUICK_S = 0.2


class SetupView(View):
    """The picture and the state of every electrode, and one thing to do at a time."""

    name = "setup"
    title = "nav.setup"
    is_listed = True

    def build(self) -> None:
        """Put the page together."""
        text = self.text
        with tag("div", classes="fl-train"):
            self._problem = tag("p", classes="fl-problem", role="alert")
            with tag("section", classes="fl-now", aria_label=text("live.now")):
                with tag("div", classes="fl-now-text", aria_live="polite"):
                    self._now = tag("h1", tabindex="-1", data_focus="")
                    self._why = tag("p")
                self._left = tag("p", classes="fl-remaining", aria_hidden="true")
            with tag("div", role="alert"):
                self._findings = tag("ul", classes="fl-findings")
            with tag("div", classes="fl-actions fl-steps"):
                is_known = self.state.room.profile is not None
                first = "setup.begin" if is_known else "profile.choose"
                self._begin = self._button(first, lambda: self._start(False), "fl-strong")
                self._short = self._button("setup.short", lambda: self._start(True))
                self._skip = self._button("setup.skip", self._go_on_anyway)
                self._again = self._button("setup.again", self._start_again)
                self._on = self._button(
                    "training.to_today", lambda: self.shell.go("today"), "fl-strong"
                )
            with tag("div", classes="fl-setup"):
                with tag("div", classes="fl-card fl-face-card"):
                    self._face = FacePicture(self.state.live.muscles, text("setup.picture"))
                with tag("div", classes="fl-setup-side"):
                    self._list()
                    self._photo_card()
        self._told: tuple[str, ...] = ()
        ui.timer(QUICK_S, self._follow)

    def refresh(self, status: LiveStatus) -> None:
        """Say what is new."""
        fault = self.text.known(self.state.fault)
        self._problem.say(fault or self.text.refused(self.state.room.fault))
        self._follow()

    def _list(self) -> None:
        text, live = self.text, self.state.live
        self._states: dict[int, Text] = {}
        with tag("section", classes="fl-card", aria_labelledby="fl-electrodes"):
            tag("h2", text("setup.electrodes"), id="fl-electrodes")
            with tag("ol", classes="fl-electrodes"):
                for pair in live.muscles:
                    for channel in (pair.left, pair.right):
                        name = self.words.channel_name(channel, live.muscles)
                        with tag("li", value=channel + 1):
                            tag("span", text.sentence_case(name))
                            self._states[channel] = tag("span", text("setup.state_unknown"))
            self._snr = tag("p", classes="fl-quiet")

    def _photo_card(self) -> None:
        text, room = self.text, self.state.room
        if room.profile is None:
            return
        self._takes = 0
        with tag("section", classes="fl-card", aria_labelledby="fl-photo"):
            tag("h2", text("setup.photo_title"), id="fl-photo")
            tag("p", text("setup.photo_why"), "fl-quiet")
            has_one = room.days.profiles.photo(room.profile.pseudonym) is not None
            self._photo = Photo(
                text("setup.photo_now"), text("setup.photo_last"), text("setup.photo_failed")
            )
            self._photo.show(stamp=_stamp() if has_one else "")
            self._photo.on("saved", self._saved, args=[])
            with tag("div", classes="fl-actions"):
                self._button("setup.photo_open", self._open_camera)
                self._shoot = self._button("setup.photo_take", self._take)
                self._shoot.set_shown(False)

    def _button(self, key: str, action: object, classes: str = "") -> Text:
        button = tag("button", self.text(key), f"fl-button {classes}".strip(), type="button")
        button.on("click", action, args=[])  # type: ignore[arg-type]
        return button

    def _start(self, is_short: bool) -> None:
        if self.state.room.profile is None:
            self.shell.go("profile")
            return
        self.state.room.begin_setup(is_short=is_short)
        self._follow()

    def _start_again(self) -> None:
        setup = self.state.room.setup
        if setup is not None:
            self.state.room.begin_setup()
        self._follow()

    def _go_on_anyway(self) -> None:
        room = self.state.room
        if room.setup is not None:
            room.setup.go_on(room.clock())
        self._follow()

    def _open_camera(self) -> None:
        self._photo.show(is_on=True)
        self._shoot.set_shown(True)

    def _take(self) -> None:
        self._takes += 1
        self._photo.show(take=self._takes)

    def _saved(self) -> None:
        self._photo.show(is_on=False, stamp=_stamp())
        self._shoot.set_shown(False)

    def _follow(self) -> None:
        room, text = self.state.room, self.text
        setup = room.setup
        part = setup.part if setup is not None else ""
        has_references = room.profile is not None and room.profile.known_references is not None
        self._begin.set_shown(setup is None)
        self._short.set_shown(setup is None and has_references)
        self._skip.set_shown(setup is not None and setup.can_go_on)
        self._again.set_shown(setup is not None)
        self._on.set_shown(part == "done")
        has_findings = setup is not None and part == "done" and bool(setup.findings)
        self._lead_to(self._again if has_findings else self._on)
        if setup is None:
            is_known = room.profile is not None
            title = "train.setup.contact.title" if is_known else "profile.first"
            self._now.say(text(title))
            self._why.say(text("today.setup_first" if is_known else "profile.first_why"))
            self._left.say("")
            self._show_contacts(None)
            return
        view = setup.view(room.clock())
        is_coach = view.part == "coach"
        self._now.say(text.say(view.instruction if is_coach else view.title))
        why = text.say(view.title if is_coach else view.instruction)
        if view.part == "contact":
            why = self.words.unfit_sentence(self.state.status(), self.state.live.muscles) or why
        self._why.say(why)
        is_counting = view.part in ("rest", "coach")
        self._left.say(text.number(view.remaining_s + 0.49) if is_counting else "")
        self._show_contacts(view)
        told = tuple(text.say(finding.message) for finding in view.findings)
        if told != self._told:
            self._told = told
            self._findings.clear()
            with self._findings:
                for sentence in told:
                    tag("li", sentence)

    def _lead_to(self, first: Text) -> None:
        """Let the eye go to the button that leads on."""
        for button in (self._again, self._on):
            if button is first:
                button.classes(add="fl-strong")
            else:
                button.classes(remove="fl-strong")

    def _show_contacts(self, view: SetUpView | None) -> None:
        text, status = self.text, self.state.status()
        checks = {check.channel: check for check in view.checks} if view is not None else {}
        contractions = view.contractions if view is not None else {}
        self._snr.say(self._about_snr(view))
        for channel, shown in self._states.items():
            state = _state_of(status, channel, checks.get(channel))
            self._face.show(channel, state)
            said = [text(f"setup.state_{state}")]
            if state in ("good", "check"):
                said += self._clear(checks.get(channel), contractions.get(channel, 0))
            shown.say(", ".join(said))
            shown.set_attribute("data-state", state)

    def _about_snr(self, view: SetUpView | None) -> str:
        """Return what the numbers mean, or what they wait for; a rest alone brings none."""
        if view is None or len(view.checks) < len(view.contractions):
            return self.text("setup.snr_before")
        setup = self.state.room.setup
        if setup is None or not view.checks:
            return ""
        return self.text("setup.snr_after", good=self.text.plain(setup.good_snr_db))

    def _clear(self, check: ElectrodeCheck | None, contractions: int) -> list[str]:
        """Return how clear a signal is, or how much of what that takes has been done."""
        if check is not None and check.snr_db == check.snr_db:
            return [f"{self.text.number(check.snr_db)} dB"]
        if contractions:
            return [self.text("results.of", n=contractions, of=N_REPETITIONS)]
        return []


def _state_of(status: LiveStatus, channel: int, check: ElectrodeCheck | None) -> str:
    """Return what is known of an electrode's contact now."""
    if status.link != "live" or channel >= len(status.lead_off):
        return "unknown"
    if status.lead_off[channel]:
        return "loose"
    if channel < len(status.unfit) and status.unfit[channel]:
        return "check"
    if check is not None:
        return {"good": "good", "weak": "check", "off": "loose"}[check.verdict]
    return "good"


def _stamp() -> str:
    """Return what makes the browser ask for the photo anew."""
    return str(time.time_ns())
