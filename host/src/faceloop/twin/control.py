"""control.sock: JSON lines in, one JSON line each back.

``{"op": NAME, ...}`` is answered by ``{"ok": true, ...}`` or ``{"ok": false, "error": TEXT}``.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from faceloop.errors import FaceloopError, UsageError

__all__ = ["ControlServer", "Handler"]

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any]], dict[str, Any] | Awaitable[dict[str, Any]]]
LINE_LIMIT_BYTES = 1 << 16


class ControlServer:
    """Serves requests from a table of handlers.

    Parameters
    ----------
    handlers : mapping of str to callable
        By ``op``; each takes the request without ``op`` and returns what goes into the answer.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, path: Path) -> None:
        """Listen on ``path``."""
        self._server = await asyncio.start_unix_server(
            self._serve, str(path), limit=LINE_LIMIT_BYTES
        )

    def close(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """Carry out one request line and return the answer."""
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise UsageError("A request is a JSON object with an 'op'.")
            op = request.pop("op", None)
            handler = self._handlers.get(op) if isinstance(op, str) else None
            if handler is None:
                raise UsageError(f"Unknown op {op!r}. There are: {', '.join(self._handlers)}.")
            result = handler(request)
            if not isinstance(result, dict):
                result = await result
        except (FaceloopError, ValueError, TypeError) as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, **result}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                reply = await self.answer(line)
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # hung up, or a line without end
            log.debug("control connection lost", exc_info=True)
        finally:
            self._writers.discard(writer)
            writer.close()
