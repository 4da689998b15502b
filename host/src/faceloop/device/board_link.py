"""One board, connected and proven, with a stream that survives a lost link."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from faceloop.background import end
from faceloop.device.command_client import CommandClient
from faceloop.device.heat_client import HeatClient
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver, Transport
from faceloop.errors import (
    AuthenticationError,
    DeviceBusy,
    DeviceFault,
    FaceloopError,
    LinkError,
    RemoteError,
)
from faceloop_protocol import control
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.info import Info
from faceloop_protocol.limits import (
    ACK_PERIOD_MS,
    ACK_PERIOD_PACKETS,
    ACKS_PER_S,
    HEADER_BYTES,
)
from faceloop_protocol.reports import BoardState, decode_state
from faceloop_protocol.selftest import SelfTestReport, decode_report
from faceloop_protocol.state import FAULT_EXCEPTION
from faceloop_protocol.stream import FLAG_ENCRYPTED, StreamHeader, counter_block, decode_header
from faceloop_protocol.texts import FAULT_TEXT

__all__ = ["GIVE_UP_S", "BoardLink", "LinkListener", "Packet"]

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
RETRY_S = 0.5
SELF_TEST_S = 60.0  # a slow computer's virtual board takes its time
SELF_TEST_POLL_S = 0.5
# A board reports its state once a second; a busy computer gets a second more.
REPORT_S = 2.0
# The board stops converting when nobody has fetched its stream for two minutes.
GIVE_UP_S = 120.0


@dataclass(frozen=True, slots=True)
class Packet:
    """A stream packet as it arrived, its payload in the clear.

    Parameters
    ----------
    plain : bytes
        Header (without FLAG_ENCRYPTED) and payload.
    header : StreamHeader
    arrival_s : float
        ``time.monotonic()`` of its arrival.
    """

    plain: bytes
    header: StreamHeader
    arrival_s: float


class LinkListener(Protocol):
    """Who uses the link. All calls come from the event loop."""

    def on_packet(self, packet: Packet) -> None:
        """Take a packet; order and completeness are the listener's business."""

    def on_state(self, state: BoardState) -> None:
        """Take the board's report."""

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        """``lost``, or ``back`` with what the board still holds."""

    def on_gone(self, error: FaceloopError) -> None:
        """The stream is no more, and why."""

    def next_seq(self) -> int:
        """Return the first packet (seq) that is still missing."""


class BoardLink:
    """Connection, session, acknowledgements and reconnection.

    Parameters
    ----------
    transport : Transport
    key_of : callable
        Gives the key for a device id, or None.
    listener : LinkListener
    give_up_s : float
        A lost board is looked for this long.
    """

    def __init__(
        self,
        transport: Transport,
        key_of: Callable[[bytes], bytes | None],
        listener: LinkListener,
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._transport = transport
        self._give_up_s = give_up_s
        self._key_of = key_of
        self._listener = listener
        self._client = CommandClient(transport.send)
        self.heat = HeatClient(self._exchange)
        self._receiver = Receiver(self._on_stream, self._on_reply, self._on_state, self._on_lost)
        self._stream_id = 0
        self._received = 0
        self._stored_seq = 0
        self._ack_due = asyncio.Event()
        self._ack_task: asyncio.Task[None] | None = None
        self._reconnect_task: asyncio.Task[None] | None = None
        # Packets that overtake the answer to START; None while no answer is awaited.
        self._early: list[tuple[bytes, float]] | None = None
        self._is_closing = False
        self._is_resuming = False
        self._report: asyncio.Future[BoardState] | None = None
        self.info: Info | None = None
        self.device_id = b""
        self.damaged_packets = 0
        self.reconnects = 0

    @property
    def name(self) -> str:
        """How to call the board in front of the user."""
        return self._transport.name

    @property
    def is_cabled(self) -> bool:
        """Whether the board is reached by cable."""
        return isinstance(self._transport, SerialTransport)

    @property
    def is_up(self) -> bool:
        """Whether the link stands right now."""
        return self._reconnect_task is None and self.info is not None

    async def connect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> Info:
        """Connect, ask the board what it is, prove the key."""
        try:
            await self._open(timeout_s)
        except BaseException:
            await self._transport.close()
            raise
        assert self.info is not None
        return self.info

    async def start_stream(self, mode: int, shift: int) -> int:
        """Start streaming; return the stream id."""
        self._begin(0)
        try:
            stream_id = await self._client.start(mode, shift)
        except BaseException:
            self._early = None
            raise
        self._run(stream_id)
        return stream_id

    async def take_over(self, stream_id: int, next_seq: int) -> control.StreamExtent | None:
        """Go on with a stream that an earlier process started; None when it is gone."""
        self._begin(next_seq)
        try:
            extent = await self._client.resume(stream_id, next_seq)
        except BaseException:
            self._early = None
            raise
        if extent is None:
            self._early = None
        else:
            self._run(stream_id)
        return extent

    async def stop_stream(self) -> control.StreamEnd:
        """Stop converting; what is still on the board keeps coming."""
        return await self._client.stop()

    async def finish_stream(self) -> None:
        """Everything is stored: free the board's ring."""
        await self._end_acks()
        self._stream_id = 0
        await self._client.command(control.CLOSE)

    async def set_mode(self, mode: int) -> None:
        """Choose short or full packets."""
        await self._client.command(control.SET_MODE, bytes([mode]))

    async def self_test(self) -> SelfTestReport:
        """Have the board test its front end, and return what it found: about five seconds.

        Raises
        ------
        RemoteError, DeviceBusy
            If it may not, or a stream is on the board.
        LinkError
            If it takes far too long.
        """
        await self._client.command(control.SELF_TEST)
        for _ in range(round(SELF_TEST_S / SELF_TEST_POLL_S)):
            await asyncio.sleep(SELF_TEST_POLL_S)
            with contextlib.suppress(DeviceBusy):
                return decode_report((await self._client.command(control.SELF_REPORT)).body)
        raise LinkError("The self-test does not end. Switch the board off and on.")

    async def vibrate(self, strength_pct: int, length_ms: int) -> None:
        """Run the motor for at most two seconds; 0 stops it."""
        body = struct.pack(control.VIBRATE_FORMAT, strength_pct, length_ms)
        await self._client.command(control.VIBRATE, body)

    async def request(self, first_seq: int, count: int) -> control.StreamExtent | None:
        """Ask for packets again."""
        return await self._client.resend(first_seq, count)

    def stored(self, seq: int) -> None:
        """Note that every packet before ``seq`` is safe; the board may forget it."""
        if seq != self._stored_seq:
            self._stored_seq = seq
            self._ack_due.set()

    async def disconnect(self) -> None:
        """End everything; raises nothing but its own cancellation, and then has ended it too."""
        self._is_closing = True
        tasks = (self._reconnect_task, self._ack_task)
        self._reconnect_task = self._ack_task = None
        try:
            await end(*tasks)
        finally:
            self._client.fail_all(LinkError("The link was closed."))
            await self._transport.close()
            self.info = None

    async def _exchange(self, op: int, body: bytes) -> control.Reply:
        # Not bound to one client: a new one comes with each connection.
        return await self._client.exchange(op, body)

    async def _open(self, timeout_s: float) -> None:
        await self._transport.open(self._receiver, timeout_s)
        self._client = CommandClient(self._transport.send)
        self.info = await self._client.describe()
        self.device_id = await self._client.prove(self._key_of)

    def _begin(self, next_seq: int) -> None:
        self._stream_id = 0
        self._early = []
        self._received = 0
        self._stored_seq = next_seq

    def _run(self, stream_id: int) -> None:
        self._stream_id = stream_id
        if self._ack_task is None:
            self._ack_task = asyncio.create_task(self._acknowledge(), name="faceloop-ack")
        early, self._early = self._early or [], None
        for data, arrival_s in early:
            self._decrypt(data, arrival_s)

    async def _end_acks(self) -> None:
        task, self._ack_task = self._ack_task, None
        await end(task)

    async def _acknowledge(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ACK_PERIOD_MS / 1000):
                    await self._ack_due.wait()
            self._ack_due.clear()
            if self._reconnect_task is None:
                # A failed acknowledgement is made good by the next one.
                with contextlib.suppress(LinkError):
                    await self._client.acknowledge(self._received, self._stored_seq)
            await asyncio.sleep(1 / ACKS_PER_S)

    def _on_stream(self, data: bytes) -> None:
        self._received += 1
        if self._received % ACK_PERIOD_PACKETS == 0:
            self._ack_due.set()
        arrival_s = time.monotonic()
        if self._is_resuming:
            return  # the board sends nothing of use before RESUME, and this host could not read it
        if self._stream_id:
            self._decrypt(data, arrival_s)
        elif self._early is not None:
            self._early.append((data, arrival_s))

    def _decrypt(self, data: bytes, arrival_s: float) -> None:
        try:
            header = decode_header(data)
        except ProtocolError:
            self.damaged_packets += 1
            return
        if header.flags & FLAG_ENCRYPTED:
            key = self._client.stream_key
            if key is None:
                self.damaged_packets += 1
                return
            start = counter_block(self._stream_id, header.first_frame)
            cipher = Cipher(algorithms.AES(key), modes.CTR(start)).encryptor()
            flags = header.flags & ~FLAG_ENCRYPTED
            data = (
                data[:1]
                + bytes([flags])
                + data[2:HEADER_BYTES]
                + cipher.update(data[HEADER_BYTES:])
            )
            header = header._replace(flags=flags)
        self._listener.on_packet(Packet(data, header, arrival_s))

    def _on_reply(self, data: bytes) -> None:
        self._client.on_reply(data)

    def _on_state(self, data: bytes) -> None:
        try:
            state = decode_state(data)
        except ProtocolError:
            return
        if self._report is not None and not self._report.done():
            self._report.set_result(state)
        self._listener.on_state(state)

    def _on_lost(self) -> None:
        self._client.fail_all(LinkError("The board is out of reach."))
        if self._is_closing or self._stream_id == 0 or self._reconnect_task is not None:
            return
        self._listener.on_link("lost", None)
        self._reconnect_task = asyncio.create_task(self._reconnect(), name="faceloop-reconnect")

    async def _reconnect(self) -> None:
        error: FaceloopError | None = None
        extent: control.StreamExtent | None = None
        try:
            async with asyncio.timeout(self._give_up_s):
                extent = await self._resume()
        except TimeoutError:
            error = LinkError(
                f"The board did not come back within {self._give_up_s:g} s. What was recorded "
                "until then is safe: switch the board on, bring it near and start again."
            )
        except FaceloopError as refusal:
            error = refusal
        except Exception as bug:  # whatever it is, the session has to end and keep its recording
            log.debug("reconnecting failed", exc_info=True)
            error = LinkError(
                f"The board could not be reached again ({type(bug).__name__}). What was "
                "recorded until then is safe: start again."
            )
        self._reconnect_task = None
        if error is not None:
            self._listener.on_gone(error)
        else:
            self.reconnects += 1
            self._listener.on_link("back", extent)

    async def _resume(self) -> control.StreamExtent:
        """Try until the stream goes on.

        Raises
        ------
        FaceloopError
            If it never will: another key, another program, another stream.
        """
        while True:
            self._is_resuming = True
            try:
                await self._open(CONNECT_TIMEOUT_S)
                self._received = 0
                self._is_resuming = False
                extent = await self._client.resume(self._stream_id, self._listener.next_seq())
            except AuthenticationError:
                raise
            except LinkError:
                await self._transport.close()
                await asyncio.sleep(RETRY_S)
                continue
            if extent is None:
                if await self._next_fault() == FAULT_EXCEPTION:
                    raise DeviceFault(
                        f"{FAULT_TEXT[FAULT_EXCEPTION]} What was recorded until then is safe.",
                        FAULT_EXCEPTION,
                    )
                raise RemoteError(
                    "The board has restarted or serves another computer now, so this session "
                    "has ended. What was recorded until then is safe: start again."
                )
            return extent

    async def _next_fault(self) -> int | None:
        """Return the fault in the board's next report, None when none comes."""
        self._report = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(REPORT_S):
                return int((await self._report).fault)
        except TimeoutError:
            return None
        finally:
            self._report = None
