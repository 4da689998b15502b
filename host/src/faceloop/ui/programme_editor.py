"""For the therapist: every value of a programme, as its schema has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faceloop.errors import FaceloopError
from faceloop.training.fields import TABLES, fields_of, parts_of, usual_value
from faceloop.training.programme import Programme
from faceloop.training.programme_file import programme_with
from faceloop.training.spec import Spec
from faceloop.ui.elements import Text, tag
from faceloop.ui.field_control import FieldControl
from faceloop.ui.words import Words

__all__ = ["ProgrammeEditor"]

OF_THE_FULL_DAY = ("[setup]", "[monthly]")
"""Read from the full day's programme, also on a short day."""


class ProgrammeEditor:
    """A fold for each table and block, with a control for each of its values.

    Parameters
    ----------
    words : Words
    programme : Programme
        As it is now.
    shipped : Programme
        As it comes with faceloop: what is usual.
    save : callable
        Given a programme, stores it.

    Raises
    ------
    FaceloopError
        What ``save`` raises is said on the page.
    """

    def __init__(
        self,
        words: Words,
        programme: Programme,
        shipped: Programme,
        save: Callable[[Programme], None],
    ) -> None:
        self._words, self.text = words, words.text
        self._programme, self._shipped, self._store = programme, shipped, save
        self._folds: dict[str, Text] = {}
        self._grids: dict[str, Text] = {}
        self._filled: set[str] = set()
        self._unseen: dict[tuple[str, str], Any] = {}  # changes that no control shows yet
        self._controls: dict[tuple[str, str], FieldControl] = {}
        self._changed: set[tuple[str, str]] = set()
        for part in self._parts():
            self._part(part)
        # Beside the button: the head of the page may be far away.
        self._problem = tag("p", classes="fl-problem", role="alert")
        self._told = tag("p", role="status")

    def save(self) -> None:
        """Store what was changed, or say beside the button why that cannot be."""
        self._told.say("")
        self._problem.say("")
        changes = dict(self._unseen)
        for part, key in self._controls:
            if (part, key) in self._changed:
                try:
                    changes[part, key] = self._controls[part, key].value()
                except ValueError:
                    self._refuse(part, self._controls[part, key])
                    return
        try:
            changed = programme_with(self._programme, changes)
            self._store(changed)
        except FaceloopError as error:
            self._problem.say(self.text.refused(error))
            return
        self._changed.clear()
        self._unseen.clear()
        self._programme = changed
        self._told.say(self.text("therapist.saved"))

    def take_usual(self) -> None:
        """Go back to what is usual everywhere; it holds once it is saved."""
        for part, spec in self._parts().items():
            for field in fields_of(type(spec)):
                if part in self._filled:
                    self._controls[part, field.key].take_usual()
                else:
                    usual = usual_value(self._shipped, part, spec, field)
                    self._unseen[part, field.key] = usual
        self._problem.say("")
        self._told.say(self.text("therapist.usual_everywhere"))

    def _parts(self) -> dict[str, Spec]:
        """Return the tables and blocks that are on the page."""
        parts = parts_of(self._programme)
        hidden = OF_THE_FULL_DAY if self._programme.is_short else ()
        return {part: spec for part, spec in parts.items() if part not in hidden}

    def _part(self, part: str) -> None:
        # Folded: open they are many screens of a phone, and all of them at once a slow page.
        self._folds[part] = tag("details", classes="fl-card fl-fold")
        with self._folds[part]:
            with tag("summary"):
                tag("h2", self._title(part))
            self._grids[part] = tag("div", classes="fl-numbers-grid")
        self._folds[part].on("toggle", lambda: self._fill(part), args=[])

    def _fill(self, part: str) -> None:
        """Build the controls of a part when it is opened for the first time."""
        if part in self._filled:
            return
        self._filled.add(part)
        name = f"all-{TABLES[part]}" if part in TABLES else part
        spec = parts_of(self._programme)[part]
        with self._grids[part]:
            for field in fields_of(type(spec)):
                at = part, field.key
                self._controls[at] = FieldControl(
                    self.text,
                    field,
                    f"fl-{name}-{field.key}",
                    self._unseen.get(at, getattr(spec, field.key)),
                    usual_value(self._shipped, part, spec, field),
                    self._noter(part, field.key),
                )

    def _title(self, part: str) -> str:
        if part in TABLES:
            return self.text(f"therapist.table.{TABLES[part]}")
        block = next(block for block in self._programme.block if block.name == part)
        return self._words.block_name(block)

    def _noter(self, part: str, key: str) -> Callable[[], None]:
        return lambda: self._changed.add((part, key))

    def _refuse(self, part: str, control: FieldControl) -> None:
        sentence = self.text("therapist.out_of_range", name=control.label, range=control.range)
        self._problem.say(f"{self._title(part)}: {sentence}")
        self._folds[part].set_attribute("open", "")
