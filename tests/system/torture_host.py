"""A host in a process of its own that treats its own packets badly, for the link torture.

    python torture_host.py FOLDER KEY_HEX SEED withhold=P duplicate=P delay=P

BoardLink, Assembler, MissingPackets and Journal are the product's. Between link and assembler it
withholds, repeats and delays packets. ``FOLDER/notes`` survives its death; running numbers:

    W seq frame   withheld
    A seq   came again after it had been withheld
    D seq   came again though it had not
    L seq   came for the first time, and late: the board had a backlog

Where a journal is already there it takes the stream over and goes on in it.

It prints one JSON object a line. It begins when told ``begin``, then takes ``break``, ``calm``,
``rough``, at last ``stop`` and ``weigh``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from collections import deque
from pathlib import Path
from typing import Any

from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import BoardLink, Packet
from faceloop.errors import FaceloopError, LinkError
from faceloop.session.assembler import Assembler
from faceloop.session.journal import JOURNAL_NAME, Journal
from faceloop.session.journal_format import ChunkType, split_packets
from faceloop.session.journal_header import JournalHeader
from faceloop.session.journal_index import scan_file
from faceloop.session.missing_packets import MissingPackets
from faceloop.session.montage import montage_named
from faceloop_dsp import decode_payload
from faceloop_protocol import control
from faceloop_protocol.limits import HEADER_BYTES, SHIFT
from faceloop_protocol.reports import BoardState
from faceloop_protocol.stream import FLAG_LATE, SHIFT_MASK, decode_header, seq_distance

LONGEST_DELAY_S = 0.25
MODES = ("withhold", "duplicate", "delay")


class Host:
    """LinkListener: from the link through the mangling into assembler and journal."""

    def __init__(self, folder: Path, key: bytes, seed: int, odds: dict[str, float]) -> None:
        self.folder = folder
        self.transport = BleTransport()
        self.link = BoardLink(self.transport, lambda _device: key, self)
        self.assembler = Assembler()
        self.missing = MissingPackets(self.link, self.assembler, self.settle)
        self.journal: Journal | None = None
        self.is_rough = True
        self.error: FaceloopError | None = None
        self.state: BoardState | None = None
        self._dice = random.Random(seed)
        self._odds = odds
        self._notes = os.open(folder / "notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._early: list[Packet] = []
        self._near = 0
        self._seen: set[int] = set()
        noted = [line.split() for line in (folder / "notes").read_text().splitlines()]
        self._withheld = {int(seq) for what, seq, *_ in noted if what == "W"}
        self._tickets: deque[tuple[int, int]] = deque()
        self._is_over = False

    # -- LinkListener ------------------------------------------------------------------------

    def next_seq(self) -> int:
        return self.assembler.next_seq & 0xFFFF

    def on_state(self, state: BoardState) -> None:
        self.state = state
        tell(
            "state",
            heap=state.heap_free_bytes,
            failures=state.send_failures,
            dropped=state.dropped,
            slipped=state.slipped,
            resyncs=state.resyncs,
            degrade=state.degrade,
        )

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        if extent is not None:
            self.settle(extent)
        tell(event)

    def on_gone(self, error: FaceloopError) -> None:
        self.error = error
        tell("gone", error=str(error))

    def on_packet(self, packet: Packet) -> None:
        if self._is_over:
            return
        seq = self._near + seq_distance(packet.header.seq, self._near & 0xFFFF)
        self._near = max(self._near, seq)
        is_first = seq not in self._seen and seq not in self._withheld
        if seq in self._withheld:
            self.note("A", seq)
        elif not is_first:
            self.note("D", seq)
        elif packet.header.flags & FLAG_LATE:
            self.note("L", seq)
        self._seen.add(seq)
        odds, dice = self._odds, self._dice.random()
        if not self.is_rough or not is_first:
            self.keep(packet)
        elif dice < odds["withhold"]:
            self.note("W", seq, packet.header.first_frame)
            self._withheld.add(seq)
        elif dice < odds["withhold"] + odds["duplicate"]:
            self.keep(packet)
            self.keep(packet)
        elif dice < sum(odds.values()):
            delay_s = self._dice.uniform(0.02, LONGEST_DELAY_S)
            asyncio.get_running_loop().call_later(delay_s, self.keep, packet)
        else:
            self.keep(packet)

    # -- inside ------------------------------------------------------------------------------

    def note(self, what: str, *numbers: int) -> None:
        os.write(self._notes, f"{what} {' '.join(map(str, numbers))}\n".encode())

    def keep(self, packet: Packet) -> None:
        if self.journal is None:
            self._early.append(packet)
            return
        header = packet.header
        decode_payload(packet.plain[HEADER_BYTES:], header.n_frames, header.flags & SHIFT_MASK)
        if self.assembler.add(packet).is_new:
            ticket = self.journal.append_packet(packet.plain)
            self._tickets.append((ticket, self.assembler.next_seq))

    def settle(self, extent: control.StreamExtent) -> None:
        for first, n in self.assembler.settle(extent):
            assert self.journal is not None
            self.journal.append_gap(first, n)

    async def begin(self) -> None:
        info = await self.link.connect()
        if (self.folder / JOURNAL_NAME).exists():
            stream_id = info.stream_id
            self.journal = Journal.reopen(self.folder, stream_id)
            for header in headers_in(self.folder / JOURNAL_NAME):
                self.assembler.add(Packet(b"", header, 0.0))
                self._near = self.assembler._near_seq
                self._seen.add(self._near + seq_distance(header.seq, self._near & 0xFFFF))
            extent = await self.link.take_over(stream_id, self.next_seq())
            assert extent is not None, "the stream is gone"
            self.settle(extent)
        else:
            stream_id = await self.link.start_stream(control.MODE_TRAINING, info.shift)
            montage = montage_named("guarded8")
            self.journal = Journal.create(
                self.folder,
                JournalHeader.from_info(info, montage.labels, stream_id=stream_id, first_frame=0),
            )
        for packet in self._early:
            self.keep(packet)
        tell("live")

    async def care(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            assert self.journal is not None
            while self._tickets and self._tickets[0][0] <= self.journal.stored:
                self.link.stored(self._tickets.popleft()[1] & 0xFFFF)
            if self.link.is_up:
                with contextlib.suppress(FaceloopError):
                    await self.missing.ask()

    async def break_link(self) -> None:
        before = self.link.reconnects
        client = self.transport._client
        if client is not None:
            await client.disconnect()
        while self.link.reconnects == before and self.error is None:
            await asyncio.sleep(0.02)
        tell("mended", reconnects=self.link.reconnects)

    async def stop(self) -> None:
        assert self.journal is not None
        for attempt in range(3):
            try:
                end_seq, end_frame = self.assembler.finish(await self.link.stop_stream())
                break
            except LinkError:
                if attempt == 2:
                    raise
        self.is_rough = False
        await asyncio.sleep(LONGEST_DELAY_S)
        await self.missing.fetch(end_seq, lambda: self.error is None)
        await asyncio.to_thread(self.journal.sync)
        await self.link.finish_stream()
        self.journal.close(end_frame)
        await asyncio.sleep(1.2)  # it is reported once more
        coverage = self.assembler.coverage
        tell("end", end_frame=end_frame, gaps=list(coverage.gaps(end_frame)))

    async def weigh(self) -> None:
        """Start another stream: the board collects its heap before, and then reports it."""
        self._is_over = True
        await self.link.start_stream(control.MODE_TRAINING, SHIFT)
        await asyncio.sleep(2.2)
        await self.link.stop_stream()
        await self.link.finish_stream()
        tell("weighed")


def headers_in(path: Path) -> Any:
    for chunk in scan_file(path):
        if getattr(chunk, "type", None) == ChunkType.PACKETS:
            for _, packet in split_packets(chunk.payload):
                yield decode_header(packet)


def tell(event: str, **details: Any) -> None:
    print(json.dumps({"event": event, **details}), flush=True)


async def main() -> None:
    folder, key, seed = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])
    odds = {name: 0.0 for name in MODES}
    odds.update((name, float(p)) for name, p in (word.split("=") for word in sys.argv[4:]))
    commands: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in os.read(0, 4096).decode().splitlines() or [""]:
            commands.put_nowait(line)

    loop.add_reader(0, read)
    tell("ready")
    assert await commands.get() == "begin"
    host = Host(folder, key, seed, odds)
    await host.begin()
    care = asyncio.create_task(host.care())
    while (command := await commands.get()) not in ("", "stop"):
        if command == "break":
            await host.break_link()
        else:
            host.is_rough = command == "rough"
    await host.stop()
    if await commands.get() == "weigh":
        await host.weigh()
    await host.link.disconnect()
    care.cancel()


asyncio.run(main())
