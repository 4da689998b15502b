"""What the host makes of a board's answers, without a board."""

from __future__ import annotations

import struct

import pytest

from faceloop.device import command_client as module
from faceloop.device.command_client import CommandClient
from faceloop.errors import LinkError
from faceloop_protocol import PROTOCOL_VERSION, control
from faceloop_protocol.info import Info, pack_info
from faceloop_protocol.limits import MIN_MTU

ABOUT = Info(
    *(PROTOCOL_VERSION, (0, 1, 0), 1, 0x92, 8, 2000, 12, 23842, 4, 208, 32, 0, bytes(8), 0),
    "MicroPython 1.29.0",
)


def client_of(answers: list[bytes]) -> CommandClient:
    """Return a client whose board gives these answers, the last one for ever."""

    async def send(message: bytes, *, urgent: bool = False) -> None:
        client.on_reply(answers.pop(0) if len(answers) > 1 else answers[0])

    client = CommandClient(send)
    return client


def small(mtu: int) -> bytes:
    return control.pack_reply(control.DESCRIBE, 0, control.SMALL_MTU, struct.pack("<H", mtu))


async def test_mtu_that_is_agreed_on_a_moment_later_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MTU_AGAIN_S", 0.001)
    answer = control.pack_reply(control.DESCRIBE, 0, control.OK, pack_info(ABOUT))
    assert await client_of([small(23), small(23), answer]).describe() == ABOUT


async def test_mtu_that_stays_small_is_said_with_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MTU_S", 0.01)
    monkeypatch.setattr(module, "_MTU_AGAIN_S", 0.001)
    with pytest.raises(LinkError, match=f"has 185 bytes at most.*needs {MIN_MTU}"):
        await client_of([small(185)]).describe()
