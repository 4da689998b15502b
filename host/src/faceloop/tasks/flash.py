"""Puts the program on a board, over its cable."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from faceloop.device import discovery
from faceloop.device.board_prompt import BoardPrompt
from faceloop.device.command_client import CommandClient
from faceloop.device.frozen import frozen_version, heap_kib, start_frozen
from faceloop.device.install import Installed, choose, install
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver
from faceloop.errors import DeviceBusy, LinkError, NotAFaceloop, RemoteError, UsageError
from faceloop.tasks.program import (
    build,
    check_memory,
    check_micropython,
    main_file,
    profile_of,
    version,
)
from faceloop.tasks.progress import Progress, Silent
from faceloop_protocol.info import BOARD_NAMES, Info

__all__ = ["chosen_port", "flash"]

_ASK_S = 2.0
_START_S = 40.0
_AGAIN_S = 0.5


async def flash(
    port: str | None, board: str | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Compile the program, copy it, check it, start it, and wait until it answers.

    Where this very program is frozen into the board's MicroPython, nothing is copied: what was
    copied before is no longer started in its place.

    Parameters
    ----------
    port : str or None
        Serial port; None takes the only board on a cable.
    board : str or None
        Name of a profile; None finds out.
    progress : Progress or None

    Raises
    ------
    FaceloopError
        If it cannot be done. Whatever happens, the board starts a whole program: the new one, or
        the one that it had.
    """
    progress = progress or Silent()
    started_s = time.monotonic()
    port = chosen_port(port)
    progress.step("Looking at the board")
    now = await describe(port)
    if now is not None and now.stream_id:
        raise DeviceBusy(
            "A session runs on this board, or packets of one are still on it. End the session, or "
            "switch the board off and on, then flash it."
        )
    prompt = BoardPrompt(port)
    done, profile = await asyncio.to_thread(_copy, prompt, board, progress)
    progress.step("Starting the new program")
    info = await _wait_for(port)
    is_new = info is not None and tuple(info.firmware) == version()
    if info is None or not is_new or BOARD_NAMES.get(info.board) != profile:
        await asyncio.to_thread(_undo, prompt, done)
        raise RemoteError(
            "The new program does not answer as it should, so the board was given back the one "
            "that it had. "
            "Please report this, with what the board is."
        )
    return {
        "port": port,
        "board": profile,
        "device_id": info.device_id.hex(),
        "firmware_version": ".".join(map(str, info.firmware)),
        "interpreter": info.interpreter,
        "slot": done.slot,
        "files": done.n_files,
        "copied": done.n_copied,
        "bytes": done.n_bytes,
        "seconds": round(time.monotonic() - started_s, 1),
    }


def chosen_port(port: str | None) -> str:
    """Return the port to use.

    Raises
    ------
    UsageError
        If none is given and there is not exactly one board on a cable.
    """
    if port is not None:
        return port
    ports = discovery.serial_ports()
    if len(ports) == 1:
        return ports[0].path
    if not ports:
        raise UsageError(
            "No board on a cable. Connect it, or name its port: --port PORT. Boards that run: "
            "faceloop devices"
        )
    names = ", ".join(found.path for found in ports)
    raise UsageError(f"There are several boards on cables: {names}. Choose one with --port PORT.")


async def describe(port: str, timeout_s: float = _ASK_S) -> Info | None:
    """Ask the program on a board what it is; None when none answers.

    Raises
    ------
    DeviceNotFound, DeviceBusy
        If the port cannot be opened.
    """
    cable = SerialTransport(port)
    client = CommandClient(cable.send)
    await cable.open(Receiver(_ignore, client.on_reply, _ignore, lambda: None), 5.0)
    try:
        async with asyncio.timeout(timeout_s):
            return await client.describe()
    except (TimeoutError, NotAFaceloop):
        return None
    finally:
        await cable.close()


async def _wait_for(port: str) -> Info | None:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s:
        with contextlib.suppress(LinkError):  # a port that is not there again yet
            info = await describe(port)
            if info is not None:
                return info
        await asyncio.sleep(_AGAIN_S)
    return None


def _copy(prompt: BoardPrompt, board: str | None, progress: Progress) -> tuple[Installed, str]:
    """Do what needs the prompt; leave the board starting."""
    try:
        progress.step("Ending its program")
        prompt.enter()
        about = prompt.about()
        profile = profile_of(about, board)
        check_micropython(about, profile)
        if frozen_version(prompt) == version():
            done = start_frozen(prompt)
        else:
            if profile.needs_kib:
                check_memory(heap_kib(prompt), profile)
            progress.step("Compiling")
            files = build(profile, progress.amount)
            progress.step("Copying")
            done = install(prompt, files, main_file(), progress.amount)
    finally:
        prompt.reset()  # whatever has happened, it starts what it has
    return done, profile.name


def _undo(prompt: BoardPrompt, done: Installed) -> None:
    try:
        prompt.enter()
        choose(prompt, done.before)
    finally:
        prompt.reset()


def _ignore(data: bytes) -> None:
    """Nothing else is of interest."""
