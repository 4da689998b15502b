"""The twin process: ``python -m faceloop.twin --dir DIR``. `faceloop.twin.launch` starts it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from faceloop.errors import FaceloopError, StorageError
from faceloop.twin.registry import NO_ROOM

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m faceloop.twin", description="A virtual board."
    )
    add = parser.add_argument
    add("--dir", type=Path, required=True, help="existing private directory; removed at the end")
    add("--owner-fd", type=int, help="pipe whose end of file ends this process")
    add("--lock-fd", type=int, help="locked file that marks the directory as in use; kept open")
    add("--name", default="faceloop", help="what this board is called; also seeds its identity")
    add("--source", type=json.loads, default={"kind": "open"}, help="signal source, JSON")
    add("--seed", type=int, default=0, help="of the converter's noise")
    add("--clock-ppm", type=float, default=20.0, help="error of the converter's crystal")
    add("--tap", type=Path, help="file that receives everything converted, int32, 8 channels")
    add("--radio", type=json.loads, default={}, help="radio settings, JSON")
    add("--world", type=json.loads, default={}, help="battery, USB, plug, leads, button, JSON")
    add("--flash", type=Path, help="flash image (default: in the directory)")
    add("--keep-flash", action="store_true", help="keep what an existing image stores")
    add("--heap-kib", type=int, default=argparse.SUPPRESS, help="MicroPython's heap")
    add("--capture", choices=("pio", "irq"), default="pio", help="as Pico 2 W, or as ESP32-S3")
    add("--block-ms", type=float, default=5.0, help="frames reach the board in blocks so long")
    add("--no-radio", action="store_true", help="a board without Bluetooth, for quick tests")
    add("--verbose", action="store_true", help="log everything")
    return parser


async def _run(options: dict[str, Any], owner_fd: int | None, has_radio: bool) -> None:
    running = asyncio.current_task()
    assert running is not None

    def end() -> None:
        if not running.cancelling():  # a second one must not cut the cleaning up short
            running.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, end)
    # Imported here: a request for help, or a wrong option, need not load signal libraries.
    from faceloop.twin.sources import make_source
    from faceloop.twin.twin import Twin, TwinOptions

    radio: Any = None
    if has_radio:
        from faceloop.twin.radio import Radio

        radio = Radio()
    source = make_source(options["source"])
    gc.freeze()
    gc.enable()
    twin = Twin(TwinOptions(**options), source, radio)
    try:
        await twin.run(owner_fd)
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("stopped by a signal")


def main(arguments: list[str] | None = None) -> int:
    """Run the twin; return an exit code."""
    parsed = vars(_parser().parse_args(arguments))
    gc.set_threshold(20_000, 20, 50)
    gc.disable()  # what is loaded stays: garbage is looked for among what comes after it
    logging.basicConfig(
        level=logging.DEBUG if parsed.pop("verbose") else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
    )
    owner_fd, has_radio = parsed.pop("owner_fd"), not parsed.pop("no_radio")
    if owner_fd is not None:
        # Ctrl-C in the user's terminal is the owner's business; the board follows its owner's end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parsed.pop("lock_fd")
    parsed["directory"] = parsed.pop("dir").resolve()
    try:
        asyncio.run(_run(parsed, owner_fd, has_radio))
    except FaceloopError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        # Said by the exit code alone: the log is on the same disk.
        return StorageError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
