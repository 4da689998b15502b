"""One browser on ``/ws/live``: a sender that may lag behind, and a reader of pings and reports."""

from __future__ import annotations

import asyncio
import contextlib
import time

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from faceloop.session.live import LiveView
from faceloop.ui import wire
from faceloop.ui.feed import ClientQueue, LiveFeed

__all__ = ["serve_live_socket"]

# A report may be held up by a busy loop, never by this much; older or later times are not ours.
OLDEST_REPORT_S = 5.0
POLICY_VIOLATION = 1008


async def serve_live_socket(
    live: LiveView, feed: LiveFeed, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one browser until it leaves. Host, Origin and cookie were checked before.

    Parameters
    ----------
    live : LiveView
        Told what was drawn and when.
    feed : LiveFeed
    scope, receive, send
        The ASGI websocket.
    """
    socket = WebSocket(scope, receive, send)
    await socket.accept()
    queue = feed.subscribe()
    sender = asyncio.create_task(_send_all(socket, queue), name="live socket sender")
    try:
        while True:
            await _answer(live, feed, socket, queue, await socket.receive_bytes())
    except (wire.WireError, KeyError):  # KeyError: a text message
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(POLICY_VIOLATION)
    except (WebSocketDisconnect, RuntimeError):
        pass  # gone; RuntimeError is Starlette's word for an answer to someone who left
    finally:
        feed.unsubscribe(queue)
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender


async def _send_all(socket: WebSocket, queue: ClientQueue) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            made_s, message = await queue.get()
            await socket.send_bytes(message)
            queue.note_age(time.monotonic() - made_s)


async def _answer(
    live: LiveView, feed: LiveFeed, socket: WebSocket, queue: ClientQueue, data: bytes
) -> None:
    message = wire.decode_client(data)
    if isinstance(message, wire.Ack):
        queue.acknowledge(message.sequence)
    elif isinstance(message, wire.Ping):
        now_s = time.monotonic()
        p50_ms, p99_ms = queue.age_ms(50), queue.age_ms(99)
        await socket.send_bytes(wire.pack_pong(message, now_s, queue.dropped, p50_ms, p99_ms))
    else:
        now_s = time.monotonic()
        if now_s - OLDEST_REPORT_S <= message.server_s:
            drawn_s = min(message.server_s, now_s)
            live.report_drawn(message.frame, drawn_s, is_cue=message.is_cue)
            if not message.is_cue:
                feed.note_drawn(message.frame, drawn_s)
