"""Settings: language, looks and sound. What is chosen holds at once and is kept."""

from __future__ import annotations

from faceloop.ui.elements import Choice, tag
from faceloop.ui.preferences import CHOICES
from faceloop.ui.reminder_card import ReminderCard
from faceloop.ui.shell import View
from faceloop.ui.texts import LANGUAGES

__all__ = ["SettingsView"]


class SettingsView(View):
    """One column of choices, native controls only."""

    name = "settings"
    title = "settings.title"
    is_listed = True

    def build(self) -> None:
        """Put the page together."""
        text = self.text
        with tag("div", classes="fl-first"):
            tag("h1", text("settings.title"), tabindex="-1", data_focus="")
            tag("p", text("settings.kept"), "fl-quiet")
            with tag("section", classes="fl-card"):
                tag("label", text("settings.language"), "fl-label", **{"for": "fl-language"})
                Choice(
                    "select",
                    "fl-language",
                    text.language,
                    lambda value: self.shell.change(focus="#fl-language", language=value),
                    tuple(LANGUAGES.items()),
                )
            with tag("section", classes="fl-card", aria_labelledby="fl-looks"):
                tag("h2", text("settings.looks"), id="fl-looks")
                self._radios("theme")
                self._radios("palette", text("settings.palette_hint"))
                self._example()
                self._radios("text_size")
                self._radios("motion", text("settings.motion_hint"))
            with tag("section", classes="fl-card", aria_labelledby="fl-sound"):
                tag("h2", text("settings.sound"), id="fl-sound")
                self._radios("sound")
                tag("label", text("settings.volume"), "fl-label", **{"for": "fl-volume"})
                Choice(
                    "range",
                    "fl-volume",
                    self.state.preferences.now.volume,
                    lambda value: self.shell.change(volume=value),
                    min=0,
                    max=100,
                    step=10,
                )
                tag(
                    *("button", text("settings.try_sound"), "fl-button"),
                    type="button",
                    data_action="try-sound",
                )
                self._radios("captions")
            ReminderCard(self.state)
            therapist = tag("button", text("therapist.title"), "fl-button", type="button")
            therapist.on("click", lambda: self.shell.go("therapist"), args=[])

    def _radios(self, choice: str, hint: str = "") -> None:
        chosen = getattr(self.state.preferences.now, choice)
        with tag("fieldset", classes="fl-fieldset"):
            tag("legend", self.text(f"settings.{choice}"), "fl-label")
            if hint:
                tag("p", hint, "fl-quiet")
            Choice(
                "radio",
                f"fl-{choice}",
                chosen,
                lambda value: self.shell.change(**{choice: value}),
                [
                    (value, self.text(f"settings.{choice}_{value}"))
                    for value in sorted(CHOICES[choice], key=_as_listed)
                ],
            )

    def _example(self) -> None:
        """Show two bars in the chosen colours."""
        with tag(
            "div", classes="fl-example", role="img", aria_label=self.text("settings.example")
        ):
            for side in ("left", "right"):
                with tag("span", classes=f"fl-example-{side}"):
                    tag("span", self.text(f"live.{side}"))


def _as_listed(value: str) -> int:
    return int(value) if value.isdigit() else 0
