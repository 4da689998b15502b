"""Ending the locked state of a board's heater: by cable, after the bench procedure, and noted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from faceloop.device.board_link import BoardLink
from faceloop.device.key_store import KeyStore
from faceloop.device.serial_transport import SerialTransport
from faceloop.errors import HeatRefused, UsageError
from faceloop.session.disk import storage_error, sync_file
from faceloop.tasks.bench import Bench
from faceloop.tasks.data_folder import checked_store
from faceloop.tasks.progress import Progress, Silent
from faceloop_protocol import heat, texts
from faceloop_protocol.reports import HeatState

__all__ = ["LOG_NAME", "heat_unlock"]

LOG_NAME = "heat-unlocks.jsonl"
PASS_FIRST = (
    "A locked heater has failed. Go through the bench procedure (hardware/bench.md) first. When"
    " every step has passed, unplug the pad, leave the cable in, and add --bench-passed."
)
STAYS_LOCKED = (
    "The board stays locked. Unplug the pad, leave the USB cable in, wait a second, and try again."
)


async def heat_unlock(
    port: str, *, has_passed: bool, out: Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Unlock the heater of the board on a cable; every unlocking is a line of a log.

    Parameters
    ----------
    port : str
        Where the board's cable is. There is no other way: the board refuses this by radio.
    has_passed : bool
        Whoever asks says that the bench procedure was gone through and passed.
    out : Path or None
        Data folder, for the log.

    Returns
    -------
    dict
        ``device_id``; ``cause`` and ``cause_text`` of the lock that was ended; ``log``.

    Raises
    ------
    UsageError
        If the procedure was not passed, or the heater is not locked.
    HeatRefused
        If the board stays locked: pad plugged in, no power on the cable.
    StorageError
        If it cannot be noted; the board then stays locked.
    """
    if not has_passed:
        raise UsageError(PASS_FIRST)
    progress = progress or Silent()
    log = checked_store(out).root / LOG_NAME
    link = BoardLink(SerialTransport(port), KeyStore().get, Bench(), give_up_s=1.0)
    progress.step("Connecting")
    info = await link.connect()
    try:
        before = await link.heat.state()
        _check_locked(before)
        entry = {
            "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "device_id": info.device_id.hex(),
            "firmware_version": ".".join(map(str, info.firmware)),
            "cause": before.cause,
            "cause_text": texts.CAUSE_TEXT.get(before.cause, ""),
        }
        progress.step("Unlocking")
        _note(log, {**entry, "event": "asked"})
        try:
            await link.heat.unlock()
        except HeatRefused as refusal:
            _note(log, {**entry, "event": "refused"})
            raise HeatRefused(STAYS_LOCKED, refusal.cause) from None
        _note(log, {**entry, "event": "unlocked"})
    finally:
        await link.disconnect()
    return {**entry, "log": str(log)}


def _check_locked(state: HeatState) -> None:
    if state.state == heat.LOCKED:
        return
    if state.state == heat.LATCHED:
        raise UsageError(
            "The heater is not locked. Its fault is cleared on the board: let the pad cool, put"
            " right what is wrong, and hold the button for three seconds."
        )
    raise UsageError("The heater of this board is not locked. There is nothing to unlock.")


def _note(log: Path, entry: dict[str, Any]) -> None:
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            sync_file(file.fileno())
    except OSError as error:
        raise storage_error(error, log) from error
