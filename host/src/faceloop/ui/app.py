"""Serve the app on loopback inside a running asyncio loop, beside the session and the link."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from faceloop.errors import FaceloopError, UsageError
from faceloop.session.live import LiveView
from faceloop.training.board_outputs import BoardOutputs
from faceloop.training.day_recording import DayRecording
from faceloop.training.observer import Observer
from faceloop.training.setup import SetUpTimes
from faceloop.ui import assets
from faceloop.ui.access import Access
from faceloop.ui.entry import entry_files, html_attributes
from faceloop.ui.gate import PHOTO_PATH, Gate
from faceloop.ui.launch_page import launch_folder
from faceloop.ui.launch_page import open_browser as launch
from faceloop.ui.live_socket import serve_live_socket
from faceloop.ui.photo import serve_photo
from faceloop.ui.preferences import PreferenceFile
from faceloop.ui.reminder import CALENDAR_PATH, DailyReminder, serve_calendar
from faceloop.ui.rooms import ROOMS
from faceloop.ui.shell import REFRESH_S
from faceloop.ui.state import AppState
from faceloop.ui.training_room import TrainingRoom
from faceloop.ui.web import has_pages, showing

__all__ = ["serve"]

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PAGES = tuple(f"/{view.name}" for room in ROOMS for view in room.views)
LIVE_PATH = "/ws/live"
MAX_SOCKET_MESSAGE_BYTES = 64 * 1024
# After the end every open page gets its last words before the server goes.
FAREWELL_S = 2.0
TICK_S = 0.1


async def serve(
    live: LiveView,
    *,
    port: int = 0,
    open_browser: bool = True,
    on_ready: Callable[[str], None] | None = None,
    stay_open: bool = False,
    notes: Sequence[str] = (),
    earlier: Sequence[str] = (),
    on_watched: Callable[[], None] | None = None,
    data: Path | None = None,
    times: SetUpTimes | None = None,
    observer: Observer | None = None,
    records_days: bool = True,
) -> None:
    """Serve the web app until the session ends or this coroutine is cancelled.

    Runs in the caller's event loop, takes no signals, and leaves no task, socket or file behind.

    Parameters
    ----------
    live : LiveView
        The session to show. Not stopped on cancellation; that is the caller's.
    port : int
        0 picks a free one.
    open_browser : bool
        Open the user's browser.
    on_ready : callable, optional
        Called once with the address; it works in any browser of this computer until the end.
    stay_open : bool
        Go on serving after the session has ended.
    notes : sequence of str
        What is special about this session: the first is said on every page, all on the first page.
    earlier : sequence of str
        What became of earlier recordings; said on the first page.
    on_watched : callable, optional
        Called once a page shows the signal, or set-up or a day has begun.
    data : Path or None
        Data folder: choices, profiles, training days. None keeps them until the end only.
    times : SetUpTimes, optional
        Of the set-up.
    observer : callable, optional
        ``await observer(training)`` looks on while somebody trains.
    records_days : bool
        The signal of a day of training is kept with it, where there is a data folder.

    Raises
    ------
    UsageError
        If the port is taken, or an app is already served by this process.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_alone())
        listener = stack.enter_context(contextlib.closing(_listen(port)))
        folder = stack.enter_context(launch_folder())
        if data is None:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faceloop-")))
        else:
            root = data
        # Should the loop still hold a reader for this number, of a socket that something closed
        # behind its back, it would take ours for that one and never look at it.
        asyncio.get_running_loop().remove_reader(listener)
        port = listener.getsockname()[1]
        access = Access(port)
        outputs = BoardOutputs(live)
        room = TrainingRoom(live, root, outputs, times=times)
        stack.callback(room.leave)
        state = AppState(live, PreferenceFile(data), room, notes, earlier)
        async with showing(state) as web_app:
            gate = Gate(
                _Paths(state, web_app),
                access,
                port,
                entry_files(state, PAGES),
                lambda: html_attributes(state),
            )
            server = _Server(_config(gate))
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
            feeding = asyncio.create_task(_feed(state), name="live feed")
            ticking = asyncio.create_task(_tick(state, outputs), name="training clock")
            reminding = asyncio.create_task(DailyReminder(state).run(), name="reminder")
            works = [feeding, ticking, reminding]
            if records_days and data is not None:  # no data folder outlasts the page's end
                works.append(asyncio.create_task(_record(state), name="day recording"))
            if on_watched is not None:
                works.append(asyncio.create_task(_until_watched(state, on_watched)))
            if observer is not None:
                works.append(asyncio.create_task(_watch(observer, room), name="training observer"))
            try:
                await server.wait_until_ready(serving)
                if on_ready is not None:
                    on_ready(_address(port, access.key))
                if open_browser and _has_screen():
                    launch(_address(port, access.new_launch_token()), folder)
                await _until_over(state, serving, stay_open)
            finally:
                server.should_exit = True
                for work in works:
                    work.cancel()
                await asyncio.gather(serving, *works, return_exceptions=True)
                await outputs.close()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: Ctrl-C belongs to the caller's loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def wait_until_ready(self, serving: asyncio.Task[None]) -> None:
        """Return when requests are answered; raise what stopped the start."""
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({ready, serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if serving.done():
            serving.result()


class _Paths:
    """Our own few paths; everything else is NiceGUI's."""

    def __init__(self, state: AppState, app: ASGIApp) -> None:
        self._state = state
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "websocket" and path == LIVE_PATH:
            await serve_live_socket(self._state.live, self._state.feed, scope, receive, send)
        elif scope["type"] == "http" and path == PHOTO_PATH:
            await serve_photo(self._state.room, scope, receive, send)
        elif scope["type"] == "http" and path == CALENDAR_PATH:
            await serve_calendar(self._state, scope, receive, send)
        elif scope["type"] == "http" and path.startswith(assets.PREFIX):
            await assets.asset(path)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="on",
        ws="websockets-sansio",
        ws_max_size=MAX_SOCKET_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )


async def _feed(state: AppState) -> None:
    """Run the feed; a session that breaks is shown, not raised, so that the page can say so."""
    try:
        await state.feed.run()
    except FaceloopError as error:
        state.fault = str(error)


async def _tick(state: AppState, outputs: BoardOutputs) -> None:
    """Let the training's time pass, also while there is no signal."""
    while True:
        room = state.room
        outputs.follow_heat(room.engine, room.wearer, room.heat_permission)
        room.tick()
        await asyncio.sleep(TICK_S)


async def _until_watched(state: AppState, on_watched: Callable[[], None]) -> None:
    """Tell once that somebody looks at the signal, or that set-up or day need it."""
    while not state.feed.is_watched and state.room.listener is None:
        await asyncio.sleep(TICK_S)
    on_watched()


async def _record(state: AppState) -> None:
    """Record each day with its beginning and end; a disk that refuses is said, and no more."""
    recording, room = DayRecording(state.live), state.room
    while True:
        try:
            async with state.one_at_a_time:
                await recording.follow(room.day if room.is_under_way else None)
        except FaceloopError as error:
            room.fault = error
        await asyncio.sleep(TICK_S)


async def _watch(observer: Observer, room: TrainingRoom) -> None:
    """Let somebody look on; whoever cannot any more goes, and the training goes on."""
    try:
        await observer(room)
    except FaceloopError as error:
        log.warning("the training's observer has left: %s", error)


async def _until_over(state: AppState, serving: asyncio.Task[None], stay_open: bool) -> None:
    while not serving.done():
        state.status()
        if state.ended.is_set() and not stay_open:
            if has_pages():
                await asyncio.sleep(FAREWELL_S)
            return
        await asyncio.wait({serving}, timeout=REFRESH_S)


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle's delay off only for sockets that name TCP as their protocol; with the
    # default 0 one message in four reached the browser 15-40 ms late.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A port in TIME_WAIT may be used again; on Windows the option would let others share it.
    if os.name != "nt":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} cannot be used ({error.strerror}). Choose another, or 0 for a free one."
        ) from error
    return listener


_is_serving = False


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    global _is_serving
    if _is_serving:
        raise UsageError("This process already serves an app. Stop it first.")
    _is_serving = True
    try:
        yield
    finally:
        _is_serving = False


def _address(port: int, secret: str) -> str:
    # In the fragment: a browser never sends it, so it is in no log and no Referer.
    return f"http://{HOST}:{port}/#{secret}"


def _has_screen() -> bool:
    """Return whether there is a desktop; without one a browser would fill the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
