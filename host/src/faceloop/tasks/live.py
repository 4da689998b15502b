"""A session with a board: over the air, over a cable, or a virtual one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceloop.device.ble_transport import BleTransport
from faceloop.device.key_store import KeyStore
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Transport
from faceloop.errors import UsageError
from faceloop.session.live_session import LiveSession
from faceloop.session.montage import montage_named
from faceloop.session.store import Store
from faceloop.tasks.account import session_account
from faceloop.tasks.progress import Progress, Silent
from faceloop.tasks.virtual import paired_virtual_board
from faceloop.twin.launch import BoardSpec
from faceloop_protocol import control

__all__ = ["LiveOptions", "live"]


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Which board, whose face, how long.

    Parameters
    ----------
    device : str or None
        Name or address in the air; None with the two below unset takes the first board found.
    serial : str or None
        Serial port.
    is_virtual : bool
        Start a virtual board with the scripted face.
    montage : str
    affected_side : str or None
    rest_s : float
    mains_hz : float or None
    out : Path or None
        Data folder.
    seconds : float or None
        Record this long without a page; None leaves it to the person at the page.
    """

    device: str | None = None
    serial: str | None = None
    is_virtual: bool = False
    montage: str = "guarded8"
    affected_side: str | None = None
    rest_s: float = 10.0
    mains_hz: float | None = None
    out: Path | None = None
    seconds: float | None = None


async def live(
    options: LiveOptions,
    progress: Progress | None = None,
    show: Callable[[LiveSession], Any] | None = None,
) -> dict[str, Any]:
    """Run a session and return the account of it.

    Raises
    ------
    FaceloopError
        In words for the user. What was recorded stays on disk.
    """
    progress = progress or Silent()
    store = Store(options.out)
    montage = montage_named(options.montage)
    if sum((options.device is not None, options.serial is not None, options.is_virtual)) > 1:
        raise UsageError("Choose one board: --device, --serial or --virtual.")
    progress.step("Looking for unfinished recordings")
    await asyncio.to_thread(store.recover)
    async with _reachable(options, progress) as (transport, key_of):
        session = LiveSession(
            transport,
            key_of,
            montage=montage,
            affected_side=options.affected_side,
            new_folder=store.new_session,
            rest_s=options.rest_s,
            mains_hz=options.mains_hz,
            mode=control.MODE_TRAINING if show is not None else control.MODE_RECORDING,
        )
        progress.step("Connecting")
        info = await session.start(is_recording=show is None)
        progress.step("Live")
        try:
            if show is not None:
                await show(session)
            else:
                await _record(session, options.seconds or 0.0, progress)
        finally:
            progress.step("Storing the recording")
            result = await session.finish()
    return session_account(info, result, options.montage, options.affected_side)


async def _record(session: LiveSession, seconds: float, progress: Progress) -> None:
    ended = asyncio.ensure_future(session.wait_ended())
    try:
        while not ended.done():
            elapsed_s = session.frames_so_far / session.fs_hz
            progress.amount(elapsed_s, seconds)
            if elapsed_s >= seconds:
                return
            await asyncio.sleep(0.05)
    finally:
        ended.cancel()


@contextlib.asynccontextmanager
async def _reachable(
    options: LiveOptions, progress: Progress
) -> AsyncIterator[tuple[Transport, Callable[[bytes], bytes | None]]]:
    if options.is_virtual:
        progress.step("Starting the virtual board")
        source = {"kind": "face", "scenario": "synkinesis", "seconds": None}
        source["affected"] = options.affected_side or "left"
        async with paired_virtual_board(BoardSpec(source=source)) as paired:
            yield paired.transport, paired.key_of
    elif options.serial is not None:
        yield SerialTransport(options.serial), KeyStore().get
    else:
        yield BleTransport(options.device), KeyStore().get
