"""The app's own scripts, styles and pictures, read once from the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from starlette.responses import Response

__all__ = ["PREFIX", "asset"]

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PREFIX = "/assets/"


@cache
def _all() -> dict[str, tuple[bytes, str]]:
    folder = files("faceloop.ui") / "static"
    return {
        item.name: (item.read_bytes(), _TYPES[PurePosixPath(item.name).suffix])
        for item in folder.iterdir()
        if PurePosixPath(item.name).suffix in _TYPES
    }


def asset(path: str) -> Response:
    """Return the response for ``/assets/<name>``: a name of the packaged list, nothing else."""
    found = _all().get(path.removeprefix(PREFIX)) if path.startswith(PREFIX) else None
    if found is None:
        return Response("Not found.", 404, media_type="text/plain")
    body, media_type = found
    return Response(body, media_type=media_type)
