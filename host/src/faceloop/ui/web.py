"""The NiceGUI application: one per process, set up once, cleaned up after each use."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from nicegui import Client, core, ui
from nicegui import app as nicegui_app
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from faceloop.background import end
from faceloop.ui.ended_view import EndedView
from faceloop.ui.rooms import ROOMS
from faceloop.ui.shell import Shell
from faceloop.ui.state import AppState
from faceloop.ui.texts import best_language

__all__ = ["has_pages", "showing"]

_HEAD = """
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/colors.css">
<link rel="stylesheet" href="/assets/shell.css">
<link rel="stylesheet" href="/assets/faceloop.css">
<link rel="stylesheet" href="/assets/signal.css">
<link rel="stylesheet" href="/assets/training.css">
<link rel="stylesheet" href="/assets/heat.css">
"""
_socket_tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()


@asynccontextmanager
async def showing(state: AppState) -> AsyncIterator[FastAPI]:
    """Give the application whose pages show this session; leave no task of it behind."""
    web = _web_app()
    nicegui_app.state.faceloop = state
    try:
        yield web
    finally:
        nicegui_app.state.faceloop = None
        await end(*(task for task in _socket_tasks if not task.done()))
        core.sio.eio.start_service_task = True  # the next use starts it anew, on its own loop


def has_pages() -> bool:
    """Return whether any page is open in a browser."""
    return any(client.has_socket_connection for client in Client.instances.values())


@cache
def _web_app() -> FastAPI:
    web = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    ui.add_head_html(_HEAD, shared=True)

    for room in ROOMS:
        for view in room.views:
            _add_page(view.name)

    nicegui_app.config.socket_io_js_transports = ["websocket"]
    # Quasar's bar for running requests has no name a screen reader could say, and no use here.
    nicegui_app.config.quasar_config["loadingBar"] = {"skipHijack": True}
    ui.run_with(
        web,
        title="faceloop",
        language="en-US",
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        gzip_middleware_factory=None,
        show_welcome_message=False,
    )
    nicegui_app.add_exception_handler(404, _lead_back)
    _keep_socket_tasks()
    return web


async def _lead_back(request: Request, error: Exception) -> Response:
    """Lead from an address that no page has to the first one; a blank page would lead nowhere."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/")
    return PlainTextResponse("Not found.", 404)


def _keep_socket_tasks() -> None:
    """Remember the tasks of NiceGUI's socket server, which itself forgets them.

    Without this its service task outlives the app and a ping waits up to 4 s (engineio 4).
    """
    start = core.sio.eio.start_background_task

    def start_and_keep(target: Any, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = start(target, *args, **kwargs)
        _socket_tasks.add(task)
        return task

    core.sio.eio.start_background_task = start_and_keep


def _add_page(name: str) -> None:
    @ui.page(f"/{name}")
    def page(request: Request) -> None:
        _show(name, request)


def _show(name: str, request: Request) -> None:
    state = nicegui_app.state.faceloop
    assert isinstance(state, AppState)
    if not state.preferences.now.language:
        state.speak(best_language(request.headers.get("accept-language", "")))
    Shell(state, ROOMS, EndedView).go(name)
