"""First ASGI layer: nothing behind it sees a request with a wrong Host, Origin, method or cookie.

What each check is for stands in docs of similar servers' accidents: DNS rebinding (Host),
cross-site websockets and forms (Origin, Sec-Fetch-Site), other users of the machine (cookie).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faceloop.ui.access import Access

__all__ = ["PHOTO_PATH", "Gate"]

LOGIN_PATH = "/session"
LOGIN_HEADER = "x-faceloop"
MAX_LOGIN_BYTES = 1024
SOCKET_PATH = "/_nicegui_ws"
# The one thing a page sends that is no message: the placement photo.
PHOTO_PATH = "/photo"

# The one style attribute of NiceGUI's own page template, "display: none", by hash.
_TEMPLATE_STYLE_HASH = "'sha256-ZdHxw9eWtnxUb3mk6tBS+gIiVUPE3pGM470keHPDFlE='"
_FIXED_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), usb=()",
}


def content_policy(host: str, nonce: str) -> str:
    """Return the content security policy of one response.

    NiceGUI's template has inline scripts and styles; they carry the response's own nonce, so
    neither 'unsafe-inline' nor 'unsafe-eval' is needed.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            f"style-src-attr 'unsafe-hashes' {_TEMPLATE_STYLE_HASH}",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' ws://{host}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


_HTML_TAG = re.compile(rb"<html[^>]*>")


class Gate:
    """Check, then pass on; add the security headers to whatever comes back.

    Parameters
    ----------
    app : ASGI application
        Everything else.
    access : Access
    port : int
    entry : Mapping of str to ASGI application
        What a browser without a cookie may read: the entry page and its files, by path.
    html_attributes : callable
        Gives what stands in the ``<html>`` tag of a page.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        port: int,
        entry: Mapping[str, ASGIApp],
        html_attributes: Callable[[], str],
    ) -> None:
        self.app = app
        self._html_attributes = html_attributes
        self._access = access
        self._entry = entry
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        reason = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if reason or not self._access.is_known(headers.get("cookie", "")):
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        policy = content_policy(headers.get("host", ""), nonce)
        answer = _Answer(send, policy, nonce, self._html_attributes)
        if reason:
            await PlainTextResponse(reason, 403)(scope, receive, answer)
            return
        app = await self._choose(scope, headers, receive)
        await app(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers) -> str:
        """Return why a request is refused whoever sends it; empty when it is not."""
        host = _only(headers.getlist("host"))
        if host not in self._hosts:
            return "This address is not served here."
        method = scope.get("method", "GET")
        is_login = scope["path"] == LOGIN_PATH
        is_socket = scope["type"] == "websocket"
        is_post_known = is_login or scope["path"] == PHOTO_PATH
        if method not in ("GET", "HEAD") and not (method == "POST" and is_post_known):
            return "This method is not allowed."
        if is_socket or method == "POST":
            if _only(headers.getlist("origin")) != f"http://{host}":
                return "This origin is not allowed."
            if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return "Requests from other sites are not allowed."
        if method == "POST" and headers.get(LOGIN_HEADER) != "1":
            return "A header is missing."
        if not is_socket and scope["path"].startswith(SOCKET_PATH):
            return "Only websockets are served here."
        return ""

    async def _choose(self, scope: Scope, headers: Headers, receive: Receive) -> ASGIApp:
        if scope["method"] == "POST" and scope["path"] == LOGIN_PATH:
            cookie = self._access.redeem(await _read(receive))
            if cookie is None:
                return PlainTextResponse(
                    "This address is of an earlier session, or not whole.", 403
                )
            return Response("{}", headers={"set-cookie": cookie}, media_type="application/json")
        if self._access.is_known(headers.get("cookie", "")):
            return self.app
        if scope["path"] in self._entry:
            return self._entry[scope["path"]]
        return PlainTextResponse("Open this page from faceloop.", 401)


class _Answer:
    """Add headers to a response; give a page its looks, its inline scripts and styles a nonce."""

    def __init__(
        self, send: Send, policy: str, nonce: str, html_attributes: Callable[[], str]
    ) -> None:
        self._html_attributes = html_attributes
        self._send = send
        self._policy = policy
        self._nonce = nonce
        self._start: Message | None = None
        self._body: bytes = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _FIXED_HEADERS.items():
                headers[name] = value
            headers["content-security-policy"] = self._policy
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message  # held back until the length is known
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            body = self._with_nonce(self._body)
            MutableHeaders(scope=self._start)["content-length"] = str(len(body))
            await self._send(self._start)
            message = {"type": "http.response.body", "body": body}
        await self._send(message)

    def _with_nonce(self, page: bytes) -> bytes:
        # Safe because every "<" in what a session or a person wrote reaches the page as "&lt;"
        # (NiceGUI's element list) and the rest of the page is ours or NiceGUI's template.
        attribute = f' nonce="{self._nonce}"'.encode()
        for start in (b"<script", b"<style"):
            page = page.replace(start, start + attribute)
        # Now, not before: the page itself may have found out the language.
        html = f"<html {self._html_attributes()}>".encode()
        return _HTML_TAG.sub(html, page, count=1)


def _only(values: Sequence[str]) -> str | None:
    return values[0] if len(values) == 1 else None


async def _read(receive: Receive) -> bytes:
    """Return the request body, or nothing when it is longer than any login."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        body += message.get("body", b"")
        if len(body) > MAX_LOGIN_BYTES:
            return b""
        if not message.get("more_body", False):
            return body
