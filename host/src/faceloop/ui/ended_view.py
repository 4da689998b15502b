"""The last page: the session is over, and where its recordings are."""

from __future__ import annotations

import re

from faceloop.ui.elements import tag
from faceloop.ui.shell import View
from faceloop.ui.words import clock

__all__ = ["EndedView"]


class EndedView(View):
    """Said by a server that is about to go: nothing here leads anywhere."""

    name = "ended"
    title = "ended.title"
    is_plain = True
    has_choices = False

    def build(self) -> None:
        """Put the page together."""
        text, state = self.text, self.state
        self.shell.end_presence()
        status = state.status()
        with tag("div", classes="fl-first"):
            tag("h1", text("ended.title"), tabindex="-1", data_focus="")
            with tag("section", classes="fl-card"):
                tag("p", text.known(status.message) or text("ended.why"))
                tag("p", self._how_long(clock(status.elapsed_s)), "fl-quiet")
                tag("p", self.words.recordings_sentence(len(state.recordings)))
                for place in state.recordings:
                    _path(place)
                self._training()
                tag("p", text("ended.next"))
                for note in state.notes[:1]:
                    tag("p", text.known(note), "fl-quiet")

    def _training(self) -> None:
        """Say what has become of a day of training."""
        engine = self.state.room.engine
        if engine is not None:
            is_over = engine.state == "done"
            tag("p", self.text("ended.trained" if is_over else "ended.training_left"))

    def _how_long(self, shown: str) -> str:
        """Return how long there was a signal, and how much of it was recorded here."""
        recorded_s = self.state.recorded_s
        if recorded_s < 1:
            return self.text("ended.signal", time=shown)
        return self.text("ended.signal_recorded", time=shown, recorded=clock(recorded_s))


def _path(place: str) -> None:
    """Show where a file is: lines break between folders, and copying gives the plain path."""
    pieces = re.findall(r"[^/\\]*[/\\]*", place)
    with tag("code"):
        for piece in filter(None, pieces):
            tag("span", piece)
