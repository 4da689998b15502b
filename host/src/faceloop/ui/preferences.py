"""What the person has chosen: language, looks, sound. Kept beside the data."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from faceloop.errors import StorageError
from faceloop.session.disk import replace_file
from faceloop.ui.texts import LANGUAGES

__all__ = ["CHOICES", "PreferenceFile", "Preferences"]

FILE_NAME = "preferences.json"
# What each choice may be; the first is what it is without one.
CHOICES: dict[str, tuple[str, ...]] = {
    "language": ("", *LANGUAGES),
    "theme": ("auto", "light", "dark"),
    "palette": ("standard", "green_red", "plain"),
    "motion": ("auto", "reduced"),
    "text_size": ("100", "125", "150", "200"),
    "form": ("bars", "shape", "none"),
    "sound": ("on", "off"),
    "captions": ("on", "off"),
    "volume": ("60", *(str(step) for step in range(0, 101, 10) if step != 60)),
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """Each is one of ``CHOICES``.

    Parameters
    ----------
    language : str
        Empty: not chosen yet, the browser's language is used.
    theme, palette, motion : str
    form : str
        How a repetition is drawn.
    text_size, volume : str
        Per cent.
    sound, captions : str
        ``on`` or ``off``.
    """

    language: str = ""
    theme: str = "auto"
    palette: str = "standard"
    motion: str = "auto"
    text_size: str = "100"
    form: str = "bars"
    sound: str = "on"
    captions: str = "on"
    volume: str = "60"

    @classmethod
    def from_json(cls, value: Any) -> Preferences:
        """Return those in a file's content; what is not understood is as if never chosen."""
        known = value if isinstance(value, dict) else {}
        return cls(
            **{name: known[name] for name, all_ in CHOICES.items() if known.get(name) in all_}
        )


class PreferenceFile:
    """The preferences of this computer's user, written at each change.

    Parameters
    ----------
    folder : Path or None
        Data folder; None keeps them only as long as the app runs.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE_NAME if folder is not None else None
        self.now = self._read()

    def change(self, **changes: str) -> None:
        """Change some; values that are no choice are ignored.

        A disk that refuses loses nothing but the memory of it.
        """
        wanted = {name: value for name, value in changes.items() if value in CHOICES[name]}
        self.now = replace(self.now, **wanted)
        if self._path is None:
            return
        with contextlib.suppress(OSError, StorageError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(asdict(self.now), indent=1).encode())

    def _read(self) -> Preferences:
        if self._path is None:
            return Preferences()
        try:
            return Preferences.from_json(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return Preferences()
