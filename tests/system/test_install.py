"""The way to flash a board that firmware/README.md shows, on an empty virtual board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceloop.errors import LinkError
from faceloop.tasks.pair import pair_by_cable

ERASE = """
import os
def erase(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x8000:
            os.remove(path)
        elif path != "/shim":
            erase(path)
            os.rmdir(path)
erase("")
print(os.listdir("/"))
"""


@pytest.mark.full  # `faceloop flash` brings the same files in every run
async def test_package_makes_an_empty_board_a_faceloop(
    home: Any, mpremote: Callable[..., Any], root: Path
) -> None:
    board = await home.start_board()
    code, text = await mpremote(board.tty_path, "exec", ERASE)
    assert (code, text) == (0, "['shim']\n")
    package = root / "firmware" / "package.json"
    code, text = await mpremote(
        board.tty_path, "mip", "install", "--target", "/", package, timeout_s=90.0
    )
    assert code == 0, text
    assert (await mpremote(board.tty_path, "reset"))[0] == 0
    async with asyncio.timeout(20):
        while True:
            try:
                about = await pair_by_cable(str(board.tty_path))
                break
            except LinkError:  # not up yet
                await asyncio.sleep(0.2)
    assert len(bytes.fromhex(about["device_id"])) == 8
