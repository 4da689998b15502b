"""One value of a programme on a page: its control, what it usually is, the way back to that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faceloop.training.fields import ProgrammeField
from faceloop.ui.elements import Choice, Text, tag
from faceloop.ui.texts import Texts

__all__ = ["FieldControl"]

NO_NAME = ""


class FieldControl:
    """Label, control, limits, usual value and source of one value.

    Parameters
    ----------
    texts : Texts
    field : ProgrammeField
    id_ : str
        Of the control; unique on the page.
    value, usual : object
        What it is now, and what it is without a therapist.
    on_change : callable
        Called whenever the person, or the way back, has changed it.
    """

    def __init__(
        self,
        texts: Texts,
        field: ProgrammeField,
        id_: str,
        value: Any,
        usual: Any,
        on_change: Callable[[], None],
    ) -> None:
        self.text, self.field = texts, field
        self._id, self._usual, self._on_change = id_, usual, on_change
        self._typed = self._written(value)
        self._slots: list[Choice] = []
        self.label = texts(f"therapist.field.{field.key}")
        wide = " fl-wide" if field.shape in ("list", "flag") else ""
        with tag("div", classes=f"fl-value{wide}"):
            getattr(self, f"_{field.shape}")()
            tag("p", self._about(), "fl-quiet", id=f"{id_}-about")
            name = texts("therapist.take_usual", name=self.label)
            self._back = tag("button", texts("therapist.usual_again"), "fl-button",
                             type="button", aria_label=name)  # fmt: skip
            self._back.on("click", self.take_usual, args=[])
        self._offer_usual()

    # -- what it says -----------------------------------------------------------------------------

    @property
    def range(self) -> str:
        """The limits of a number, in words."""
        low, high = (self.text.plain(limit or 0.0) for limit in (self.field.low, self.field.high))
        return self.text("therapist.range", low=low, high=high)

    def value(self) -> Any:
        """Return what is on the page as the schema wants it.

        Raises
        ------
        ValueError
            If a number was meant and none is there, or one out of its limits.
        """
        field, typed = self.field, self._typed
        if field.shape == "flag":
            return typed[0] == "true"
        if field.shape == "choice":
            return typed[0]
        if field.shape == "list":
            return tuple(name for name in typed if name != NO_NAME)
        given = float(typed[0].replace(",", "."))
        is_in = (
            field.low is not None and field.high is not None and field.low <= given <= field.high
        )
        if not is_in or (field.is_whole and given != int(given)):
            raise ValueError(typed[0])
        return int(given) if field.is_whole else given

    def take_usual(self) -> None:
        """Go back to the usual value."""
        self._typed = self._written(self._usual)
        if self.field.shape == "list":
            self._fill_slots()
        else:
            self._control.show(self._typed[0])
        self._offer_usual()
        self._on_change()

    # -- inside -----------------------------------------------------------------------------------

    def _written(self, value: Any) -> list[str]:
        if self.field.shape == "list":
            return list(value)
        if self.field.shape == "flag":
            return [str(value).lower()]
        return [value if self.field.shape == "choice" else f"{value:g}"]

    def _about(self) -> str:
        """Return what it usually is, its limits, and where that comes from."""
        usual = " · ".join(map(self._shown, self._written(self._usual)))
        limits = self.range if self.field.shape == "number" else ""
        about = (self.text("therapist.usual", usual=usual), limits, self.field.source)
        return "; ".join(filter(None, about))

    def _shown(self, value: str) -> str:
        field = self.field
        if field.known:
            return self.text(_name_key(field.key, value))
        if field.shape == "flag":
            return self.text("therapist.yes" if value == "true" else "therapist.no")
        return value.replace(".", self.text("number.decimal"))

    def _offer_usual(self) -> None:
        self._back.set_shown(self._typed != self._written(self._usual))

    def _take(self, value: str) -> None:
        self._typed = [value]
        self._offer_usual()
        self._on_change()

    def _number(self) -> None:
        field = self.field
        tag("label", self.label, "fl-label", **{"for": self._id})
        self._control = Choice(
            *("number", self._id, self._typed[0], self._take),
            min=f"{field.low:g}",
            max=f"{field.high:g}",
            step="1" if field.is_whole else "any",
            aria_describedby=f"{self._id}-about",
        )

    def _flag(self) -> None:
        with tag("label", classes="fl-option"):
            self._control = Choice(
                *("checkbox", self._id, self._typed[0], self._take),
                aria_describedby=f"{self._id}-about",
            )
            tag("span", self.label)

    def _choice(self) -> None:
        tag("label", self.label, "fl-label", **{"for": self._id})
        options = [(value, self._shown(value)) for value in self.field.known]
        self._control = Choice(
            *("select", self._id, self._typed[0], self._take, options),
            aria_describedby=f"{self._id}-about",
        )

    # A list is as many menus as it has names, and one more to add with; no name takes one out.

    def _list(self) -> None:
        with tag("fieldset", classes="fl-fieldset", aria_describedby=f"{self._id}-about"):
            tag("legend", self.label, "fl-label")
            self._place: Text = tag("ol", classes="fl-order")
        self._fill_slots()

    def _fill_slots(self) -> None:
        self._place.clear()
        self._slots = []
        for name in self._typed:
            self._add_slot(name)
        self._add_slot(NO_NAME)

    def _add_slot(self, name: str) -> None:
        n = len(self._slots)
        if n >= self.field.most:
            return
        options = [(NO_NAME, self.text("therapist.no_name"))]
        options += [(known, self._shown(known)) for known in self.field.known]
        with self._place, tag("li"):
            self._slots.append(
                Choice(
                    *("select", f"{self._id}-{n + 1}", name, self._taker(n), options),
                    aria_label=f"{self.label}, {n + 1}",
                )
            )

    def _taker(self, at: int) -> Callable[[str], None]:
        def take(name: str) -> None:
            self._typed += [NO_NAME] * (at + 1 - len(self._typed))
            self._typed[at] = name
            if at + 1 == len(self._slots) and name != NO_NAME:
                self._add_slot(NO_NAME)
            self._offer_usual()
            self._on_change()

        return take


def _name_key(field: str, name: str) -> str:
    """Return where a name that may be chosen is said; most are said to the patient as well."""
    if field == "movements":
        return f"train.movement.{name}.title"
    if field == "releases":
        return f"train.release.{name}.title"
    if field == "tasks":
        return f"train.function.{name}.title"
    return f"train.settle.{name}.title" if field == "style" else f"therapist.option.{field}.{name}"
