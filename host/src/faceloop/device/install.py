"""Puts a program on a board so that, whenever it is cut off, the board still starts a whole one.

The board has two folders for its program, and a file that names the one to start
(`firmware/main.py` reads it). The new program is copied into the other folder and read back; only
then the file is replaced, which littlefs does at once or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from faceloop.device.board_prompt import Prompt, board_files_of, sum_of, write_file
from faceloop.errors import LinkError

__all__ = ["SLOT_FILE", "Installed", "choose", "install", "slot_of"]

SLOT_FILE = "/faceloop.slot"
MAIN_FILE = "/main.py"


@dataclass(frozen=True, slots=True)
class Installed:
    """What was done.

    Parameters
    ----------
    slot : str
        ``a`` or ``b``: where the new program is; empty: frozen into the board's MicroPython.
    before : str
        What the board started until now; empty when that was at the top of its flash, or frozen.
    n_files, n_copied : int
        Files of the program, and how many of them were not there yet.
    n_bytes : int
        Of the whole program.
    """

    slot: str
    before: str
    n_files: int
    n_copied: int
    n_bytes: int


def install(
    prompt: Prompt,
    files: Mapping[str, bytes],
    main: bytes,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Installed:
    """Copy a program beside the one that the board has, and let the next start take it.

    Parameters
    ----------
    prompt : Prompt
    files : mapping of str to bytes
        Path inside the program's folder, such as ``faceloop_device/app.mpy``, and content.
    main : bytes
        The file that starts it.
    on_progress : callable
        Takes bytes done and bytes in all.

    Raises
    ------
    LinkError, StorageError
        If the board is gone, refuses, or did not keep what was written; it then starts the program
        that it had.
    """
    before = slot_of(prompt)
    slot = "b" if before == "a" else "a"
    folder = f"/faceloop_{slot}"
    wanted = {f"{folder}/{path}": content for path, content in files.items()}
    sums = {path: hashlib.sha256(content).hexdigest() for path, content in wanted.items()}
    there = board_files_of(prompt, folder)
    for path in there.keys() - wanted.keys():
        prompt.run(f"os.remove({path!r})")
    total = sum(map(len, wanted.values()))
    done = n_copied = 0
    for path, content in wanted.items():
        if there.get(path) != sums[path]:
            write_file(prompt, path, content)
            n_copied += 1
        done += len(content)
        on_progress(done, total)
    _check(sums, board_files_of(prompt, folder))
    # The same file starts a program at the top of the flash, so it may come first.
    _replace(prompt, MAIN_FILE, main)
    choose(prompt, slot)
    return Installed(slot, before, len(wanted), n_copied, total)


def slot_of(prompt: Prompt) -> str:
    """Return which folder the board starts; empty: what is at the top, or frozen."""
    slot = prompt.run(f"_get({SLOT_FILE!r})").strip()
    return slot if slot in ("a", "b") else ""


def choose(prompt: Prompt, slot: str) -> None:
    """Let the next start take this folder; with an empty ``slot`` what is at the top or frozen."""
    if slot:
        _replace(prompt, SLOT_FILE, slot.encode())
    else:
        prompt.run(f"try:\n os.remove({SLOT_FILE!r})\nexcept OSError:\n pass")


def _replace(prompt: Prompt, path: str, content: bytes) -> None:
    draft = f"{path}.new"
    write_file(prompt, draft, content)
    _check({draft: hashlib.sha256(content).hexdigest()}, sum_of(prompt, draft))
    prompt.run(f"_replace({path!r})")


def _check(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    wrong = [path for path, digest in wanted.items() if found.get(path) != digest]
    if wrong:
        raise LinkError(
            f"The board did not keep {wrong[0]} as it was sent. Flash it again, and use another "
            "board if that fails again. Until then it starts the program that it had."
        )
