"""A board that answers every heat command with the state a test has given it."""

from __future__ import annotations

from typing import Any

from faceloop.errors import HeatRefused
from faceloop_protocol import heat, reports


class Board:
    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.now = reports.HeatState(
            **dict.fromkeys(reports.HeatState._fields, 0)
            | {"state": heat.OFF, "permission": heat.PERMIT_FULL, "face_cdegc": 3400}
        )
        self.refusal: HeatRefused | None = None

    def say(self, **changes: int) -> None:
        self.now = self.now._replace(**changes)

    def __getattr__(self, name: str) -> Any:
        async def command(*arguments: Any) -> reports.HeatState:
            self.asked.append((name, *arguments))
            if name == "request" and self.refusal is not None:
                raise self.refusal
            if name == "permit":
                self.say(permission=arguments[0])
            if name == "request" and self.now.state == heat.OFF:
                self.say(state=heat.WAIT_BUTTON)  # an answer of OFF would mean that it is over
            return self.now

        return command
