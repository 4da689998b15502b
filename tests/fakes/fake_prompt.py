"""A board's prompt without a board: runs its scripts on a folder of this computer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from faceloop.device.board_prompt import TOOLS, About

ABOUT = About("rp2", "Raspberry Pi Pico 2 W with RP2350", (1, 29, 0), 6 | 3 << 8 | 7 << 10)


class Os:
    """What the scripts ask of MicroPython's ``os``, below a folder."""

    def __init__(self, root: Path) -> None:
        self.at: Callable[[str], Path] = lambda path: root / path.lstrip("/")

    def ilistdir(self, folder: str) -> Iterator[tuple[str, int]]:
        for entry in sorted(self.at(folder).iterdir()):
            yield entry.name, 0x4000 if entry.is_dir() else 0x8000

    def mkdir(self, folder: str) -> None:
        self.at(folder).mkdir()

    def rename(self, old: str, new: str) -> None:
        self.at(old).rename(self.at(new))

    def remove(self, path: str) -> None:
        self.at(path).unlink()


class FakePrompt:
    """Runs scripts; ``spoil`` may change what a script is before it runs, or raise."""

    def __init__(self, root: Path, about: About = ABOUT) -> None:
        self.scripts: list[str] = []
        self.spoil: Callable[[str], str] = lambda script: script
        self._about = about
        self._os = Os(root)
        self._names: dict[str, Any] = {"open": self._open}
        exec(TOOLS, self._names)
        self._names["os"] = self._os

    def about(self) -> About:
        return self._about

    def run(self, script: str) -> str:
        self.scripts.append(script)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(self.spoil(script), self._names)
        return said.getvalue()

    def _open(self, path: str, mode: str = "r") -> Any:
        return self._os.at(path).open(mode)
