"""Is everything here that faceloop needs? One line for each thing, with what to do if not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faceloop.device import discovery
from faceloop.device.key_store import KeyStore
from faceloop.errors import FaceloopError
from faceloop.tasks.data_folder import checked_store

__all__ = ["doctor"]

_ROOM_BYTES = 2_000_000_000
_HEAP_KIB = 64
_START_TIMEOUT_S = 20.0
_VERSION_SCRIPT = (
    "import sys; print('MicroPython', '.'.join(map(str, sys.implementation.version[:3])))"
)
_NO_MICROPYTHON = (
    "MicroPython does not start on this computer ({}). The virtual board needs Linux; "
    "install again with: pip install faceloop"
)


async def doctor(*, scan_s: float = 2.0) -> dict[str, Any]:
    """Return ``{"ok": bool, "checks": [{"name", "ok", "is_needed", "text"}]}``.

    ``ok`` is true when everything that is needed everywhere is there; Bluetooth and a board are
    needed only for a session with hardware.
    """
    checks: list[dict[str, Any]] = []

    def check(name: str, look: Callable[[], str], *, is_needed: bool = True) -> None:
        try:
            checks.append({"name": name, "ok": True, "is_needed": is_needed, "text": look()})
        except (FaceloopError, OSError, ImportError, subprocess.SubprocessError) as error:
            checks.append({"name": name, "ok": False, "is_needed": is_needed, "text": str(error)})

    check("Python", _python)
    check("Signal core", _signal_core)
    check("Virtual board", _virtual_board)
    check("Data folder", _data_folder)
    check("Keys of paired boards", _keys)
    check("Serial ports", _serial, is_needed=False)
    try:
        found = await asyncio.wait_for(discovery.scan(scan_s), scan_s + 5)
        names = ", ".join(board.name for board in found) or "works; no board in reach"
        checks.append({"name": "Bluetooth", "ok": True, "is_needed": False, "text": names})
    except (FaceloopError, TimeoutError) as error:
        text = str(error) or "Bluetooth does not answer. Switch it off and on."
        checks.append({"name": "Bluetooth", "ok": False, "is_needed": False, "text": text})
    return {
        "ok": all(entry["ok"] for entry in checks if entry["is_needed"]),
        "checks": checks,
    }


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _signal_core() -> str:
    import numpy as np

    from faceloop_dsp import StreamCore

    features = StreamCore().push(np.zeros((40, 8), dtype=np.int32))
    return f"works ({features.trace_uv.shape[0]} frames filtered)"


def _virtual_board() -> str:
    try:
        import pty

        from faceloop.twin.supervisor import virtual_machine_command
    except ImportError as error:  # no such terminals here
        raise OSError(_NO_MICROPYTHON.format(error)) from error
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "version.py"
        script.write_text(_VERSION_SCRIPT)
        outer, inner = pty.openpty()  # it ends with its terminal, so it wants one
        try:
            done = subprocess.run(
                virtual_machine_command(script, _HEAP_KIB),
                stdin=inner,
                capture_output=True,
                text=True,
                timeout=_START_TIMEOUT_S,
                start_new_session=True,
            )
        finally:
            os.close(inner)
            os.close(outer)
    if done.returncode:
        reasons = (done.stderr + done.stdout).strip().splitlines()
        raise OSError(_NO_MICROPYTHON.format(reasons[-1] if reasons else "no reason given"))
    return done.stdout.strip()


def _data_folder() -> str:
    root = checked_store(None).root
    place = root
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < _ROOM_BYTES:
        raise OSError(f"Only {free / 1e9:.1f} GB are free for {root}. Free some space.")
    return f"{root}, {free / 1e9:.0f} GB free"


def _keys() -> str:
    store = KeyStore()
    return f"{store.count()} in {store.path}"


def _serial() -> str:
    ports = discovery.serial_ports()
    if not ports:
        raise OSError("No board on a cable.")
    return ", ".join(port.path for port in ports)
