"""A session with a board: over the air, over a cable, or a virtual one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import GIVE_UP_S
from faceloop.device.key_store import KeyStore
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Transport
from faceloop.errors import UsageError
from faceloop.session.left_recording import left_recordings
from faceloop.session.live import Side
from faceloop.session.live_session import LiveSession
from faceloop.session.montage import montage_named
from faceloop.tasks.account import session_account
from faceloop.tasks.attendance import Presentation, attend
from faceloop.tasks.data_folder import checked_store
from faceloop.tasks.progress import Progress, Silent
from faceloop.tasks.recovery import recover, recovered_notes, start_or_go_on
from faceloop.tasks.virtual import paired_virtual_board
from faceloop.training.observer import Observer
from faceloop.twin.launch import BoardSpec
from faceloop_protocol import control

__all__ = ["LiveOptions", "live"]

POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
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
        Data folder; its parent must exist. None takes the user's own.
    seconds : float or None
        Record this long without a page; None until Ctrl-C or the board ends it. With a page the
        person ends it.
    wait_s : float
        A board that goes out of reach is waited for this long.
    """

    device: str | None = None
    serial: str | None = None
    is_virtual: bool = False
    montage: str = "guarded8"
    affected_side: Side | None = None
    rest_s: float = 10.0
    mains_hz: float | None = None
    out: Path | None = None
    seconds: float | None = None
    wait_s: float = GIVE_UP_S


async def live(
    options: LiveOptions,
    progress: Progress | None = None,
    show: Presentation | None = None,
) -> dict[str, Any]:
    """Run a session and return the account of it.

    A recording that an earlier run left open while this very board filled it is gone on with.

    Ctrl-C ends it as its time would. What ends it too early (the board gone, the disk full) is in
    the account as ``error``.

    Raises
    ------
    FaceloopError
        If there is no session at all, or its file cannot be made. What was recorded stays on disk.
    """
    progress = progress or Silent()
    montage = montage_named(options.montage)
    if sum((options.device is not None, options.serial is not None, options.is_virtual)) > 1:
        raise UsageError("Choose one board: --device, --serial or --virtual.")
    store = checked_store(options.out)
    left = await asyncio.to_thread(left_recordings, store)
    recovered = await recover(store, progress, [one.folder.name for one in left])
    async with _reachable(options, progress) as (transport, key_of, observer):

        def new_session() -> LiveSession:
            return LiveSession(
                transport,
                key_of,
                montage=montage,
                affected_side=options.affected_side,
                new_folder=store.new_session,
                rest_s=options.rest_s,
                mains_hz=options.mains_hz,
                mode=control.MODE_TRAINING if show is not None else control.MODE_RECORDING,
                give_up_s=options.wait_s,
                played="the made-up face" if options.is_virtual else "",
            )

        session, info, finished = await start_or_go_on(
            new_session, left, store, progress, is_recording=show is None
        )

        async def play() -> None:
            await _play(session, options.seconds, progress, has_page=show is not None)

        async def present(session: LiveSession) -> None:
            assert show is not None
            await show(session, observer, earlier=recovered_notes(recovered + finished))

        shown = present if show is not None else None
        result, is_interrupted = await attend(session, play, progress, shown)
    return session_account(
        info,
        result,
        montage=options.montage,
        affected_side=options.affected_side,
        is_interrupted=is_interrupted,
        recovered=recovered + finished,
        is_continued=session.left is not None,
    )


async def _play(
    session: LiveSession, seconds: float | None, progress: Progress, *, has_page: bool
) -> None:
    """Return when the time is over."""
    progress.step("Live")
    # On a page the person is told of an error and may go on without the recording.
    while has_page or session.error is None:
        elapsed_s = session.frames_so_far / session.fs_hz
        progress.amount(elapsed_s, seconds)
        if seconds is not None and elapsed_s >= seconds:
            return
        await asyncio.sleep(POLL_S)


@contextlib.asynccontextmanager
async def _reachable(
    options: LiveOptions, progress: Progress
) -> AsyncIterator[tuple[Transport, Callable[[bytes], bytes | None], Observer | None]]:
    """Give the way to the board, its key, and who follows the training: only a made-up face."""
    if options.is_virtual:
        progress.step("Starting the virtual board")
        from faceloop.tasks.made_up_patient import patient_of  # as in demo.py

        source = {"kind": "patient", "attending": False}
        source["affected"] = options.affected_side or "left"
        async with paired_virtual_board(BoardSpec(source=source)) as paired:
            yield paired.transport, paired.key_of, patient_of(paired.board)
    elif options.serial is not None:
        yield SerialTransport(options.serial), KeyStore().get, None
    else:
        yield BleTransport(options.device), KeyStore().get, None
