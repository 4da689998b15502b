"""The first page: when not to train, what this is, and the way on."""

from __future__ import annotations

from faceloop.ui.elements import tag
from faceloop.ui.shell import View

__all__ = ["WelcomeView"]


class WelcomeView(View):
    """Warnings first, then the start button."""

    title = "welcome.title"
    is_plain = True

    def build(self) -> None:
        """Put the page together."""
        text = self.text
        with tag("div", classes="fl-first"):
            tag("h1", text("welcome.title"), tabindex="-1", data_focus="")
            with tag("section", classes="fl-card fl-urgent", aria_labelledby="fl-stroke"):
                tag("h2", text("welcome.stroke_title"), id="fl-stroke")
                tag("p", text("welcome.stroke"))
                tag("p", self.words.emergency_numbers(), "fl-numbers")
            if self.state.earlier:
                with tag("section", classes="fl-card", role="status"):
                    for note in self.state.earlier:
                        tag("p", text.known(note))
            with tag("section", classes="fl-card", aria_labelledby="fl-what"):
                tag("h2", text("welcome.what_title"), id="fl-what")
                tag("p", text("welcome.not_a_device"))
                with tag("details"):
                    tag("summary", text("welcome.evidence_title"))
                    tag("p", text("welcome.evidence"))
            if self.state.notes:
                with tag("section", classes="fl-card", aria_labelledby="fl-note"):
                    tag("h2", text("welcome.note_title"), id="fl-note")
                    for note in self.state.notes:
                        tag("p", text.known(note))
            tag("p", text("welcome.hint"), "fl-quiet")
            with tag("div", classes="fl-start"):
                start = tag("button", text("welcome.start"), "fl-button fl-primary", type="button")
                start.on("click", self._start, args=[])
                look = tag("button", text("nav.signal"), "fl-button", type="button")
                look.on("click", lambda: self.shell.go("signal"), args=[])

    def _start(self) -> None:
        self.shell.go("today" if self.state.room.profile is not None else "profile")
