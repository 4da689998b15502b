"""chip.sock: how the virtual board's `machine` and `rp2` reach the front end, pins and ADC.

A request is ``<B op> <H length> <payload>``, little endian. Requests marked with an arrow are
answered by ``<H length> <payload>``; driving a pin is answered too, so that it has happened when
the board's program goes on. An event is ``<B pin> <B edge> <B count>``, only on the connection
that asked for it.

    ==  =====================================================  =================================
    op  payload                                                answer
    ==  =====================================================  =================================
    M   B pin, B mode, B pull, B level                         -> B 0: configure a pin
    P   B pin, B level                                         -> B 0: drive a pin
    R   B pin                                                  -> B level
    W   B pin, I frequency in Hz, H duty                       -> B 0: PWM
    A   B channel                                              -> H reading
    a   B channel, B how many                                  -> so many H readings
    X   B mode, I clock in Hz, bytes to send                   -> bytes received
    C   state machine: 4 B pins and side-set count, I clock,   -> B 0: state machine runs
        I EXECCTRL, I SHIFTCTRL, then H program words
    B   I ring size in bytes                                   -> B 0: a DMA channel takes over
    c                                                          -> B 0: state machine stops
    I   B pin, B edges                                         none: events of this pin from now
    e   B pin                                                  -> B edges that come of this pin
    i   B pin                                                  none: an event's handler is through
    D   I milliseconds                                         -> B 0: start the watchdog
    d                                                          none: feed it
    Z                                                          none: reset the board
    ==  =====================================================  =================================
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from pathlib import Path

from faceloop.twin.board_pins import FALLING, BoardPins
from faceloop.twin.frontend import Frontend
from faceloop.twin.pio import CaptureSetup, check_capture

__all__ = ["ChipServer"]

log = logging.getLogger(__name__)

IDLE_BLOCK_S = 20e-3
SPI_MODE = 1
HEADER = struct.Struct("<BH")
CAPTURE = struct.Struct("<BBBBIII")
DONE = b"\0"


class ChipServer:
    """Serves the board and keeps the conversions in step with the clock.

    Parameters
    ----------
    frontend, pins
        What the requests act on.
    reset : callable
        Called with ``"reset"`` or ``"watchdog"`` to restart the virtual machine.
    capture_block_s : float
        Converted frames reach the board so many seconds at a time.
    """

    def __init__(
        self,
        frontend: Frontend,
        pins: BoardPins,
        reset: Callable[[str], None],
        capture_block_s: float,
    ) -> None:
        self.frontend = frontend
        self.pins = pins
        self._reset = reset
        self._capture_block_s = capture_block_s
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline_s = 0.0
        self._pace = (False, False, False)
        self._watchdog: asyncio.TimerHandle | None = None
        self._watchdog_s = 0.0
        pins.on_edge = self._send_edge

    async def start(self, path: Path) -> None:
        """Listen on ``path``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Connection(self), str(path))

    def board_stopped(self, *, is_hard: bool) -> None:
        """Note that the virtual machine ended: capture ends; after a hard reset all pins float.

        A soft reset leaves the pins as they are, like MicroPython on the RP2350 does; the
        watchdog survives it too.
        """
        self.frontend.stop_capture()
        for connection in tuple(self._connections):
            connection.drop()
        if is_hard:
            self._stop_watchdog()
            self.pins.release()

    async def close(self) -> None:
        """Stop listening and all timers."""
        if self._timer is not None:
            self._timer.cancel()
        self._stop_watchdog()
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.drop()

    # -- requests ------------------------------------------------------------------------------

    def handle(self, connection: _Connection, op: int, payload: memoryview) -> bytes | None:
        """Carry out one request and return its answer, or None when it has none."""
        match chr(op):
            case "P":
                self.pins.write(payload[0], payload[1])
                return self._after(DONE)
            case "X":
                mode, sclk_hz = struct.unpack_from("<BI", payload)
                sent = bytes(payload[5:])
                if mode != SPI_MODE:
                    self.frontend.chip.violations["SPI mode is not 1"] += 1
                    return bytes(len(sent))
                return self._after(self.frontend.spi(sent, sclk_hz))
            case "R":
                return bytes([self.pins.read(payload[0])])
            case "A":
                return struct.pack("<H", self.pins.read_adc_u16(payload[0]))
            case "a":
                return struct.pack(f"<{payload[1]}H", *self.pins.convert(payload[0], payload[1]))
            case "M":
                self.pins.configure(*payload)
                return self._after(DONE)
            case "W":
                self.pins.set_pwm(*struct.unpack("<BIH", payload))
                return DONE
            case "C":
                self._start_capture(payload)
                return self._after(DONE)
            case "B":
                self.frontend.set_ring(*struct.unpack("<I", payload))
                return DONE
            case "c":
                self.frontend.stop_capture()
                return self._after(DONE)
            case "I":
                connection.edges[payload[0]] = payload[1]
                self.frontend.has_handler = self._drdy_listeners()
                return self._after(None)
            case "e":
                edges = [connection.edges.get(payload[0], 0) for connection in self._connections]
                return bytes([max(edges)])
            case "i":
                if payload[0] == self.pins.drdy:
                    self.frontend.handled()
                    self.frontend.pump()
                return self._after(None)
            case "D":
                (timeout_ms,) = struct.unpack("<I", payload)
                self._watchdog_s = timeout_ms / 1000
                self._feed_watchdog()
                return DONE
            case "d":
                if self._watchdog is not None:
                    self._feed_watchdog()
                return None
            case "Z":
                self._reset("reset")
                return None
        raise ValueError(f"unknown request {op:#04x}")

    def _start_capture(self, payload: memoryview) -> None:
        pins_and_registers: tuple[int, ...] = CAPTURE.unpack_from(payload)
        words = tuple(word for (word,) in struct.iter_unpack("<H", payload[CAPTURE.size :]))
        setup = CaptureSetup._make((*pins_and_registers, words))
        fs_hz = self.frontend.chip.fs_hz
        problem = check_capture(setup, *self.pins.capture_pins, fs_hz, self.pins.cut_off)
        if problem:
            log.error("the state machine captures nothing: %s", problem)
            self.frontend.chip.violations[f"capture program: {problem}"] += 1
        self.frontend.start_capture(delivers=not problem)

    def _after(self, answer: bytes | None) -> bytes | None:
        """Adjust the pacing after a request that may have changed what is due when."""
        pace = self._wanted_pace()
        if not self.frontend.is_converting or (self._timer is not None and pace == self._pace):
            return answer
        if self._timer is not None:
            self._timer.cancel()
        self._pace = pace
        self._deadline_s = asyncio.get_running_loop().time()
        self._schedule()
        return answer

    # -- pacing --------------------------------------------------------------------------------

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        is_capturing, has_listeners, is_handled = self._pace
        if has_listeners and not is_handled:
            self._deadline_s = self.frontend.next_due_s
        else:
            # On a grid, so that late wake-ups do not add up; the grid moves only when overrun.
            step_s = self._capture_block_s if is_capturing else IDLE_BLOCK_S
            self._deadline_s = max(self._deadline_s + step_s, loop.time())
        self._timer = loop.call_at(self._deadline_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.frontend.pump()
        if self.frontend.is_converting:
            self._pace = self._wanted_pace()
            self._schedule()

    def _wanted_pace(self) -> tuple[bool, bool, bool]:
        frontend = self.frontend
        return frontend.is_capturing, self._drdy_listeners(), frontend.is_handled

    def _drdy_listeners(self) -> bool:
        drdy = self.pins.drdy
        return any(connection.edges.get(drdy, 0) & FALLING for connection in self._connections)

    def _send_edge(self, pin: int, edge: int, count: int) -> None:
        for connection in tuple(self._connections):
            if connection.edges.get(pin, 0) & edge:
                connection.send(bytes([pin, edge, min(count, 255)]))

    # -- watchdog ------------------------------------------------------------------------------

    def _feed_watchdog(self) -> None:
        self._stop_watchdog()
        loop = asyncio.get_running_loop()
        self._watchdog = loop.call_later(self._watchdog_s, self._bite)

    def _stop_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def _bite(self) -> None:
        self._watchdog = None
        self._reset("watchdog")

    # -- connections ---------------------------------------------------------------------------

    def add(self, connection: _Connection) -> None:
        """Take note of a new connection."""
        self._connections.add(connection)

    def remove(self, connection: _Connection) -> None:
        """Forget a closed connection."""
        self._connections.discard(connection)
        self.frontend.has_handler = self._drdy_listeners()


class _Connection(asyncio.Protocol):
    """One connection of the board: splits the stream into requests."""

    def __init__(self, server: ChipServer) -> None:
        self.edges: dict[int, int] = {}
        self._server = server
        self._pending = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.remove(self)

    def data_received(self, data: bytes) -> None:
        self._pending += data
        start = 0
        with memoryview(bytes(self._pending)) as view:
            while len(view) - start >= HEADER.size:
                op, length = HEADER.unpack_from(view, start)
                end = start + HEADER.size + length
                if end > len(view):
                    break
                self._handle(op, view[start + HEADER.size : end])
                start = end
        del self._pending[:start]

    def _handle(self, op: int, payload: memoryview) -> None:
        try:
            answer = self._server.handle(self, op, payload)
        except (ValueError, IndexError, TypeError, struct.error):
            log.exception("bad request %r on chip.sock", chr(op))
            self.drop()
            return
        if answer is not None:
            self.send(struct.pack("<H", len(answer)) + answer)

    def send(self, data: bytes) -> None:
        """Send an answer or an event."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def drop(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
