"""Who may use the app: a secret from an address, exchanged for a cookie that dies with the app."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

__all__ = ["LAUNCH_TOKEN_S", "Access"]

# Long enough to start a cold browser, too short to be found later in a history or a log.
LAUNCH_TOKEN_S = 60.0
_BYTES = 32  # 256 bit


class Access:
    """Secrets and browser sessions of one running app.

    There are two kinds of secret. The key is for the person's eyes: it is shown where faceloop was
    started and opens the app in any browser of this computer, as long as the app runs. A launch
    token is for a browser that faceloop itself opens: it goes through a file, works once and only
    for a minute.

    Parameters
    ----------
    port : int
        Cookies ignore ports, so the port is part of the cookie's name.
    clock_s : callable
        Monotonic seconds.

    Attributes
    ----------
    key : str
    """

    def __init__(self, port: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.cookie_name = f"fl_{port}"
        self.key = secrets.token_urlsafe(_BYTES)
        self._clock_s = clock_s
        self._launch: dict[str, float] = {}
        self._sessions: set[str] = set()

    def new_launch_token(self) -> str:
        """Return a token that opens the app once within the next minute."""
        token = secrets.token_urlsafe(_BYTES)
        self._launch[token] = self._clock_s() + LAUNCH_TOKEN_S
        return token

    def redeem(self, body: bytes) -> str | None:
        """Return a new session's ``Set-Cookie`` value for a login request's body, else None.

        Parameters
        ----------
        body : bytes
            JSON ``{"token": "..."}``, the key or a launch token.
        """
        try:
            request = json.loads(body)
        except ValueError:
            return None
        token = request.get("token") if isinstance(request, dict) else None
        if not isinstance(token, str):
            return None
        if not (_same(self.key, token) or self._launch_with(token)):
            return None
        session = secrets.token_urlsafe(_BYTES)
        self._sessions.add(session)
        return f"{self.cookie_name}={session}; Path=/; HttpOnly; SameSite=Strict"

    def _launch_with(self, token: str) -> bool:
        found = next((known for known in self._launch if _same(known, token)), None)
        return found is not None and self._launch.pop(found) >= self._clock_s()

    def is_known(self, cookie_header: str) -> bool:
        """Return whether a ``Cookie`` header holds a living session."""
        try:
            morsel = SimpleCookie(cookie_header).get(self.cookie_name)
        except CookieError:
            return False
        return morsel is not None and any(_same(known, morsel.value) for known in self._sessions)


def _same(known: str, given: str) -> bool:
    return hmac.compare_digest(known.encode(), given.encode())
