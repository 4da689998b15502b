"""The page before the cookie, and how every page looks before its scripts run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from faceloop.ui.assets import PREFIX, asset
from faceloop.ui.elements import looks
from faceloop.ui.state import AppState
from faceloop.ui.texts import Texts, best_language

__all__ = ["entry_files", "html_attributes"]

_FILES = ("colors.css", "entry.css", "entry.js", "icon.svg")


def html_attributes(state: AppState) -> str:
    """Return the attributes of ``<html>``: right from the first paint."""
    shown = {f"data-{name}": value for name, value in looks(state.preferences.now).items()}
    pairs = {"lang": state.texts.language, **shown}
    return " ".join(f'{name}="{escape(value)}"' for name, value in pairs.items())


def entry_files(state: AppState, pages: Iterable[str]) -> Mapping[str, ASGIApp]:
    """Return what a browser without a cookie may read, by path. None of it names the session.

    Parameters
    ----------
    state : AppState
    pages : iterable of str
        Paths where the app can be entered; the way in leads on to the same page.
    """
    page = _EntryPage(state)
    return {path: page for path in pages} | {
        PREFIX + name: asset(PREFIX + name) for name in _FILES
    }


class _EntryPage:
    """Opening, or how to open it: in the chosen language, or the browser's own."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._template = bytes(asset(PREFIX + "entry.html").body).decode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self._state.preferences.now.language
        headers = dict(scope["headers"])
        accepted = headers.get(b"accept-language", b"").decode("latin-1")
        text = Texts(chosen or best_language(accepted))
        page = self._template
        for key in ("opening", "refused"):
            page = page.replace(f"[{key}]", escape(text(f"entry.{key}")))
        page = page.replace('lang="en"', f'lang="{text.language}"')
        await Response(page, media_type="text/html")(scope, receive, send)
