"""The link itself: packets nobody asked for, and ends that are not quiet."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from faceloop.device.board_link import BoardLink
from faceloop.errors import LinkError
from faceloop_protocol.stream import FLAG_ENCRYPTED, pack_header_into


def packet(seq: int) -> bytes:
    head = bytearray(13)
    pack_header_into(head, 4, seq, 20 * seq, 0, 0, 0, 20)
    return bytes(head) + bytes(20)


class Air:
    """A transport that carries nothing; ``close`` can be held up."""

    name = "nobody"

    def __init__(self) -> None:
        self.n_closed = 0

    async def send(self, message: bytes, *, urgent: bool = False) -> None:
        """Take it."""

    async def close(self) -> None:
        self.n_closed += 1


class Client:
    """Answers commands at once."""

    stream_key: bytes | None = None
    stream_id = 7

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.acknowledged: list[tuple[int, int]] = []
        self.on_start: Any = lambda: None

    async def start(self, mode: int, shift: int) -> int:
        self.on_start()
        if self.error is not None:
            raise self.error
        return self.stream_id

    async def resume(self, stream_id: int, next_seq: int) -> None:
        self.on_start()

    async def command(self, op: int, body: bytes = b"") -> None:
        """Take it."""

    async def acknowledge(self, received: int, stored_seq: int) -> None:
        self.acknowledged.append((received, stored_seq))

    def fail_all(self, error: Exception) -> None:
        """Nobody waits."""


class Listener:
    def __init__(self) -> None:
        self.packets: list[Any] = []

    @property
    def seqs(self) -> list[int]:
        return [packet.header.seq for packet in self.packets]

    def on_packet(self, packet: Any) -> None:
        self.packets.append(packet)

    def next_seq(self) -> int:
        return 0


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def link(client: Client, listener: Listener) -> Any:
    link = BoardLink(Air(), lambda device_id: None, listener)  # type: ignore[arg-type]
    link._client = client  # type: ignore[assignment]
    yield link
    await link.disconnect()


VECTORS = Path(__file__).parents[2] / "vectors" / "messages.json"
PACKETS = json.loads(VECTORS.read_text())["packet"]


@pytest.mark.parametrize("case", PACKETS, ids=lambda case: f"{len(case['plain']) // 2}_bytes")
async def test_encrypted_vector_arrives_in_the_clear(link, client, listener, case):
    client.stream_key = bytes.fromhex(case["stream_key"])
    client.stream_id = case["stream_id"]
    await link.start_stream(0, 4)
    link._on_stream(bytes.fromhex(case["encrypted"]))
    (packet,) = listener.packets
    plain = bytearray.fromhex(case["plain"])
    plain[1] &= ~FLAG_ENCRYPTED
    assert packet.plain == plain
    assert packet.header.first_frame == case["first_frame"]
    assert not packet.header.flags & FLAG_ENCRYPTED


async def test_packets_that_overtake_the_answer_to_start_are_kept(link, client, listener):
    client.on_start = lambda: [link._on_stream(packet(i)) for i in range(3)]
    await link.start_stream(0, 4)
    link._on_stream(packet(3))
    assert listener.seqs == [0, 1, 2, 3]


async def test_packets_after_the_end_of_a_stream_are_dropped(link, client, listener):
    await link.start_stream(0, 4)
    await link.finish_stream()
    for i in range(1000):
        link._on_stream(packet(i))
    assert not link._early, "nothing may pile up behind a stream that is over"
    assert listener.seqs == []
    await link.start_stream(0, 4)
    assert listener.seqs == [], "what came between two streams belongs to none"


async def test_packets_after_a_start_that_failed_are_dropped(link, client):
    client.error = LinkError("no")
    with pytest.raises(LinkError):
        await link.start_stream(0, 4)
    link._on_stream(packet(0))
    assert not link._early


async def test_packets_of_a_stream_that_is_gone_are_dropped(link, client):
    client.on_start = lambda: link._on_stream(packet(0))
    assert await link.take_over(7, 0) is None
    link._on_stream(packet(1))
    assert not link._early


async def test_disconnect_that_is_cancelled_ends_the_link_and_stays_cancelled(link):
    is_ending = asyncio.Event()
    may_end = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_ending.set()
            await may_end.wait()

    link._reconnect_task = reconnecting = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    leaving = asyncio.create_task(link.disconnect())
    await is_ending.wait()
    leaving.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with contextlib.suppress(asyncio.CancelledError):
        await reconnecting
    assert link._transport.n_closed == 1, "the link is closed all the same"


async def test_disconnect_is_quiet_about_what_the_reconnection_ran_into(link):
    async def fail() -> None:
        raise LinkError("no")

    link._reconnect_task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await link.disconnect()
    assert link._transport.n_closed == 1


@pytest.mark.parametrize("seq", [40_000, 65_535])
async def test_stored_packets_beyond_half_of_the_counter_are_acknowledged_as_they_are(
    link, client, seq
):
    await link.start_stream(0, 4)
    link.stored(seq)
    async with asyncio.timeout(5):
        while not client.acknowledged or client.acknowledged[-1][1] != seq:
            await asyncio.sleep(0)
