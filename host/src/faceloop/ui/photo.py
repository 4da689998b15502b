"""The placement photo: kept on this computer, shown to the page, and nothing else."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from faceloop.errors import FaceloopError
from faceloop.training.profiles import MOST_PHOTO_BYTES
from faceloop.ui.training_room import TrainingRoom

__all__ = ["serve_photo"]

_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


async def serve_photo(room: TrainingRoom, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request for, or with, the photo of whoever trains now.

    Host, Origin, method and cookie were checked before.
    """
    answer = await _answer(room, scope, receive)
    await answer(scope, receive, send)


async def _answer(room: TrainingRoom, scope: Scope, receive: Receive) -> Response:
    if room.profile is None:
        return PlainTextResponse("Nobody is chosen.", 404)
    name, profiles = room.profile.pseudonym, room.days.profiles
    if scope["method"] == "POST":
        data = await _body(receive)
        if data is None:
            return PlainTextResponse("The photo is too large.", 413)
        try:
            profiles.keep_photo(name, data)
        except FaceloopError as error:
            return PlainTextResponse(str(error), 400)
        return Response(status_code=204)
    path = profiles.photo(name)
    if path is None:
        return PlainTextResponse("There is no photo.", 404)
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix])


async def _body(receive: Receive) -> bytes | None:
    """Return the request's body, None for one that is too long."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MOST_PHOTO_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)
