"""For the therapist: behind a PIN, the stage, heat, and every number of the programme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from faceloop.errors import FaceloopError
from faceloop.training.message import message
from faceloop.training.profiles import Profile
from faceloop.training.programme import BlockSpec, Programme, SetUpSpec
from faceloop.training.programme_file import programme_with
from faceloop.training.stage import STAGES
from faceloop.ui.elements import Choice, Text, tag
from faceloop.ui.goals_card import GoalsCard
from faceloop.ui.heat_card import HeatCard
from faceloop.ui.shell import View

__all__ = ["TherapistView"]


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of a block with its limits."""

    key: str
    value: float
    low: float
    high: float
    is_whole: bool


class TherapistView(View):
    """The PIN is asked for at each visit and kept no longer than the page."""

    name = "therapist"
    title = "therapist.title"

    def build(self) -> None:
        """Put the page together."""
        self._pin = ""
        self._typed = ""
        self._is_short = False
        self._changes: dict[tuple[str, str], str] = {}
        self._programme: Programme
        self._folds: dict[str, Text] = {}
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
                self._programme = programme
                self._folds = {}
                self._stage(room.profile)
                GoalsCard(self.state, self._pin)
                HeatCard(self.state, room.profile, self._pin)
                self._which_day()
                if not self._is_short:
                    self._set_up(programme.setup)
                for block in programme.block:
                    self._block(block)
                # Beside the button: the head of the page may be far away.
                self._save_problem = tag("p", classes="fl-problem", role="alert")
                self._told = tag("p", role="status")
                with tag("div", classes="fl-actions"):
                    save = tag(
                        "button", text("therapist.save"), "fl-button fl-primary", type="button"
                    )
                    save.on("click", self._save, args=[])
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
        self._changes.clear()
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
        self._changes.clear()
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
        self._changes.clear()
        self._draw()

    def _set_up(self, spec: SetUpSpec) -> None:
        """Offer the numbers of set-up: there is one for full and short days."""
        self._folds[""] = tag("details", classes="fl-card fl-fold")
        with self._folds[""]:
            with tag("summary"):
                tag("h2", self.text("nav.setup"))
            with tag("div", classes="fl-numbers-grid"):
                for number in _numbers(spec):
                    self._number("", number)

    def _block(self, block: BlockSpec) -> None:
        text = self.text
        heading = f"fl-block-{block.name}"
        # Folded: open they are many screens of a phone.
        self._folds[block.name] = tag("details", classes="fl-card fl-fold")
        with self._folds[block.name]:
            with tag("summary"):
                tag("h2", self.words.block_name(block), id=heading)
            with tag("label", classes="fl-option"):
                now = str(block.is_on).lower()
                Choice("checkbox", f"{heading}-is_on", now, self._taker(block.name, "is_on"))
                tag("span", text("therapist.field.is_on"))
            with tag("div", classes="fl-numbers-grid"):
                for number in _numbers(block):
                    self._number(block.name, number)

    def _number(self, block: str, number: _Number) -> None:
        text = self.text
        id_ = f"fl-{block or 'setup'}-{number.key}"
        with tag("div"):
            tag("label", text(f"therapist.field.{number.key}"), "fl-label", **{"for": id_})
            Choice(
                *("number", id_, f"{number.value:g}", self._taker(block, number.key)),
                min=f"{number.low:g}",
                max=f"{number.high:g}",
                step="1" if number.is_whole else "any",
                aria_describedby=f"{id_}-range",
            )
            tag("p", self._range(number), "fl-quiet", id=f"{id_}-range")

    def _range(self, number: _Number) -> str:
        low, high = (self.text.plain(limit) for limit in (number.low, number.high))
        return self.text("therapist.range", low=low, high=high)

    def _taker(self, block: str, key: str) -> Any:
        def take(value: str) -> None:
            self._changes[block, key] = value

        return take

    def _save(self) -> None:
        room, programme = self.state.room, self._programme
        self._told.say("")
        self._save_problem.say("")
        if room.profile is None:
            return
        changes: dict[tuple[str, str], bool | int | float] = {}
        for (block, key), value in self._changes.items():
            known = self._value(programme, block, key, value)
            if known is None:
                return
            changes[block, key] = known
        try:
            changed = programme_with(programme, changes)
            room.days.profiles.set_programme(room.profile.pseudonym, changed, self._pin)
        except FaceloopError as error:
            self._save_problem.say(self.text.refused(error))
            return
        self._changes.clear()
        self._programme = changed
        self._told.say(self.text("therapist.saved"))

    def _value(
        self, programme: Programme, block: str, key: str, value: str
    ) -> bool | int | float | None:
        """Return what was typed; None, and the reason on the page, where it cannot be."""
        if key == "is_on":
            return value == "true"
        spec = next((spec for spec in programme.block if spec.name == block), programme.setup)
        number = next(number for number in _numbers(spec) if number.key == key)
        try:
            given = float(value.replace(",", "."))
        except ValueError:
            given = float("nan")
        is_whole = given == int(given) if given == given and abs(given) < 1e9 else False
        if not number.low <= given <= number.high or (number.is_whole and not is_whole):
            name = self.text(f"therapist.field.{key}")
            sentence = self.text("therapist.out_of_range", name=name, range=self._range(number))
            where = (
                self.text("nav.setup")
                if isinstance(spec, SetUpSpec)
                else self.words.block_name(spec)
            )
            self._save_problem.say(f"{where}: {sentence}")
            self._folds[block].set_attribute("open", "")
            return None
        return int(given) if number.is_whole else given


def _numbers(block: BlockSpec | SetUpSpec) -> list[_Number]:
    """Return the numbers of a block in order, with the limits that the programme's schema has."""
    found = []
    for key, field in type(block).model_fields.items():
        value = getattr(block, key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low = next(m.ge for m in field.metadata if getattr(m, "ge", None) is not None)
        high = next(m.le for m in field.metadata if getattr(m, "le", None) is not None)
        found.append(_Number(key, value, low, high, field.annotation is int))
    return found
