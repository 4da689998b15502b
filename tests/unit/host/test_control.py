"""control.sock: each line gets one answer, whatever is in it."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from faceloop.errors import UsageError
from faceloop.twin.control import ControlServer


async def slow(request):
    await asyncio.sleep(0)
    return {"seen": request}


def refuse(request):
    raise UsageError("Not today.")


@pytest.fixture
def server():
    return ControlServer({"echo": lambda request: {"seen": request}, "slow": slow, "no": refuse})


@pytest.mark.parametrize("op", ["echo", "slow"])
async def test_answer_carries_what_the_handler_returns(server, op):
    line = json.dumps({"op": op, "x": 1}).encode()
    assert await server.answer(line) == {"ok": True, "seen": {"x": 1}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"[1]", "JSON object"),
        (b"{}", "Unknown op None. There are: echo, slow, no."),
        (b'{"op": ["echo"]}', "Unknown op"),
        (b'{"op": "no"}', "Not today."),
        (b"\xff\xfe", ""),
    ],
)
async def test_wrong_lines_are_answered_with_the_reason(server, line, words):
    answer = await server.answer(line)
    assert answer["ok"] is False
    assert words in answer["error"]


async def test_several_requests_on_one_connection(server, tmp_path):
    path = tmp_path / "c"
    await server.start(path)
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b'{"op": "echo", "n": 1}\nnonsense\n{"op": "echo", "n": 2}\n')
    answers = [json.loads(await reader.readline()) for _ in range(3)]
    assert [answer["ok"] for answer in answers] == [True, False, True]
    assert answers[2]["seen"] == {"n": 2}
    server.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_line_without_end_is_hung_up_on(server, tmp_path):
    path = tmp_path / "c"
    await server.start(path)
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"x" * 200_000)
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    server.close()
