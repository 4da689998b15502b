"""What the board itself refuses, stops and remembers, whatever the host asks for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from faceloop.device import bluetooth
from faceloop.device.ble_transport import BleTransport
from faceloop.device.board_link import BoardLink, Packet
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver, Transport
from faceloop.errors import DeviceFault, FaceloopError, LinkError, RemoteError
from faceloop.twin.firmware_files import FIRMWARE_VARIABLE
from faceloop.twin.launch import BoardSpec, VirtualBoard
from faceloop_protocol import control, state
from faceloop_protocol.limits import COMMANDS_PER_S, SHIFT, UNAUTHENTICATED_LINK_MS
from faceloop_protocol.reports import BoardState
from faceloop_protocol.serial_frame import CHANNEL_CONTROL, encode_line

WAIT_S = 30.0  # three starts in a row take as many seconds on an idle machine
MAX_RESTARTS = 3
MOST_DISCONNECTS = 4
SLOW_PER_S = 8


class Host:
    """A host that keeps what the board says."""

    def __init__(self, transport: Transport, home: Any) -> None:
        self.states: list[BoardState] = []
        self.errors: list[FaceloopError] = []
        self.n_packets = 0
        self._next_seq = 0
        self.link = BoardLink(transport, home.keys.get, self)

    def on_packet(self, packet: Packet) -> None:
        self.n_packets += 1
        self._next_seq = (packet.header.seq + 1) & 0xFFFF
        self.link.stored(self._next_seq)

    def on_state(self, report: BoardState) -> None:
        self.states.append(report)

    def on_link(self, event: str, extent: control.StreamExtent | None) -> None:
        pass

    def on_gone(self, error: FaceloopError) -> None:
        self.errors.append(error)

    def next_seq(self) -> int:
        return self._next_seq

    async def start(self) -> int:
        return await self.link.start_stream(control.MODE_TRAINING, SHIFT)

    async def streams(self, n_packets: int = 20) -> None:
        """Wait for this many more packets."""
        wanted = self.n_packets + n_packets
        await until(lambda: self.n_packets >= wanted)

    async def reports(self, wanted: Callable[[BoardState], bool]) -> BoardState:
        """Wait for a report of this kind."""
        await until(lambda: bool(self.states) and wanted(self.states[-1]))
        return self.states[-1]


def ignore(data: bytes) -> None:
    """A stranger only holds the link."""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def by_cable(board: VirtualBoard, home: Any) -> AsyncIterator[Host]:
    host = Host(SerialTransport(str(board.tty_path)), home)
    await host.link.connect()
    try:
        yield host
    finally:
        await host.link.disconnect()


@contextlib.asynccontextmanager
async def by_air(board: VirtualBoard, home: Any) -> AsyncIterator[Host]:
    bluetooth.use_virtual(board.hci_path)
    host = Host(BleTransport(), home)
    try:
        await host.link.connect()
        yield host
    finally:
        await host.link.disconnect()
        await bluetooth.close()


async def converter(board: VirtualBoard) -> dict[str, Any]:
    answer = (await board.control("stats"))["converter"]
    assert isinstance(answer, dict)
    return answer


async def restarted(board: VirtualBoard) -> None:
    """Wait until a board has been reset."""
    async with asyncio.timeout(WAIT_S):
        while not (await board.control("stats"))["vm"]["resets"]:
            await asyncio.sleep(0.05)


async def assert_off(board: VirtualBoard) -> None:
    """Check that nothing acts on the wearer: no current into electrodes, no motor."""
    assert not (await converter(board))["is_alive"]
    assert (await board.control("stats"))["pins"]["motor_duty"] == 0


async def test_start_is_refused_on_usb_power_and_low_battery_unless_the_bench_plug_is_in(
    home: Any,
) -> None:
    board = await home.start_board()
    async with by_cable(board, home) as host:
        for world, is_allowed in (
            ({"usb_power": True}, False),
            ({"usb_power": True, "bench_plug": True}, True),
            ({"usb_power": False, "bench_plug": False, "battery_mv": 3400}, False),
            ({"usb_power": True, "bench_plug": True, "battery_mv": 3400}, False),
            ({"usb_power": False, "bench_plug": False, "battery_mv": 3600}, True),
        ):
            await board.control("world", **world)
            if is_allowed:
                await host.start()
                await host.streams()
                assert (await converter(board))["is_alive"]
                await host.link.stop_stream()
                await host.link.finish_stream()
            else:
                with pytest.raises(RemoteError, match="USB power is present or the battery"):
                    await host.start()
            await assert_off(board)


@pytest.mark.full  # a recording is below
async def test_cable_plugged_in_ends_the_stream_and_the_board_says_why(home: Any) -> None:
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.start()
        await host.streams()
        await board.control("world", usb_power=True)
        report = await host.reports(lambda report: report.fault == state.FAULT_USB_POWER)
        assert report.state == state.STATE_DRAINING  # what was captured can still be fetched
        await assert_off(board)
        n_conversions = (await converter(board))["conversions"]
        # Not restarted by itself when the cable goes, and all that was converted has come.
        await board.control("world", usb_power=False)
        await host.reports(lambda report: not report.power & state.POWER_USB)
        end = await host.link.stop_stream()
        await until(lambda: host.next_seq() == end.end_seq)
        assert end.end_frame == n_conversions
        await assert_off(board)
        await host.link.finish_stream()
        await host.start()
        await host.streams()
        await host.reports(lambda report: report.state == state.STATE_STREAMING)
        assert host.states[-1].fault == state.FAULT_NONE


async def test_cable_plugged_in_ends_a_recording_with_its_reason(home: Any) -> None:
    board = await home.start_board()
    host = await home.start("record", "--json", FACELOOP_HCI=str(board.hci_path))
    async with asyncio.timeout(WAIT_S + 10):
        while (await converter(board))["conversions"] < 4000:
            await asyncio.sleep(0.1)
    await board.control("world", usb_power=True)
    done = await host.done(30)
    assert "USB" in done.sentence(6)
    account = done.account
    assert account["error"]["exit_code"] == 6
    assert account["frames_recorded"] == account["frames_expected"] > 4000
    assert account["frames_lost_silently"] == 0
    (folder,) = home.recordings()
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events].count("fault") == 1


async def test_stream_is_closed_and_sent_again_only_for_the_link_that_has_it(home: Any) -> None:
    board = await home.start_board()
    async with by_air(board, home) as owner, by_cable(board, home) as other:
        stream_id = await owner.start()
        await owner.streams()
        for op, body in ((control.CLOSE, b""), (control.SET_MODE, b"\x01")):
            with pytest.raises(RemoteError, match="no stream is open"):
                await other.link._client.command(op, body)
        assert await other.link.request(0, 10) is None
        await owner.streams()
        extent = await owner.link.request(owner.next_seq(), 1)
        assert extent is not None
        assert (extent.stream_id, extent.is_running) == (stream_id, 1)
        assert other.n_packets == 0
        await owner.link.stop_stream()
        await owner.link.finish_stream()
        assert await owner.link.request(0, 10) is None


async def test_link_without_proof_is_cut_after_ten_seconds(home: Any) -> None:
    """Nobody keeps the owner out by holding the board's one connection."""
    board = await home.start_board()
    bluetooth.use_virtual(board.hci_path)
    gone = asyncio.Event()
    stranger = BleTransport()
    try:
        await stranger.open(Receiver(ignore, ignore, ignore, gone.set), 10.0)
        began_s = time.monotonic()
        async with asyncio.timeout(WAIT_S):
            await gone.wait()
        assert time.monotonic() - began_s > UNAUTHENTICATED_LINK_MS / 1000 - 1
    finally:
        await stranger.close()
        await bluetooth.close()


async def write_at_once(host: Host, ops: bytes) -> None:
    """Write commands without a body to the cable, waiting for no reply."""
    transport: Any = host.link._transport
    await transport._write(b"".join(encode_line(CHANNEL_CONTROL, bytes([op])) for op in ops))


async def test_flood_of_commands_is_refused_and_stop_is_heard_all_the_same(
    home: Any, mutated_firmware: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the board that takes eight a second: on a busy computer it does not even read twenty.

    The rate itself is tested by a clock of its own, tests/conformance/board/commands.py.
    """
    firmware = mutated_firmware(
        "faceloop_device/core/auth.py",
        "self.commands = Rate(COMMANDS_PER_S)",
        f"self.commands = Rate({SLOW_PER_S})",
    )
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    board = await home.start_board()
    async with by_air(board, home) as owner, by_cable(board, home) as other:
        await owner.start()
        await owner.streams()
        # They use up the turns, and all refusals but two.
        n = SLOW_PER_S + COMMANDS_PER_S - 2
        await write_at_once(other, bytes([control.DESCRIBE]) * n)
        with pytest.raises(LinkError, match="more commands in one second"):
            await other.link.request(0, 1)
        # The rate is the link's: the other one still asks and is answered.
        assert await owner.link.request(owner.next_seq(), 1) is not None
        # The board reads six at a time; a turn that has come meanwhile goes to the first of them.
        flood = bytes([control.DESCRIBE]) * (3 * COMMANDS_PER_S - 1) + bytes([control.STOP])
        await write_at_once(other, flood)
        await owner.reports(lambda report: report.state == state.STATE_DRAINING)
        await asyncio.sleep(1.0)
        await other.link._client.describe()


# Only before the first restart: the second session goes well.
AFTER_150_PACKETS = "not self._restarts and stream.ring.head >= 150"

BEAT = "self._supervisor.beat(TASK_PUMP)\n"  # at the end of each step
AFTER_HALF_A_SECOND = "time.ticks_diff(time.ticks_ms(), self._started_ms) > 500"

RAISE = (
    BEAT
    + """\
            if {when}:
                __import__("machine").Pin(12, 1, value=1)  # the motor
                raise ValueError("made to fail")
"""
)


async def test_exception_restarts_the_board_which_keeps_the_cause_and_says_so(
    home: Any, mutated_firmware: Any, monkeypatch: pytest.MonkeyPatch, mpremote: Any
) -> None:
    firmware = mutated_firmware(
        "faceloop_device/board.py", BEAT, RAISE.format(when=AFTER_150_PACKETS)
    )
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.start()
        await until(lambda: bool(host.errors))
        (error,) = host.errors
        assert isinstance(error, DeviceFault)
        assert error.code == state.FAULT_EXCEPTION
        assert str(error).startswith("The board's program failed and has started again.")
        assert host.states[-1].state == state.STATE_FAULT
        assert (await board.control("stats"))["vm"]["resets"] == 1
        await assert_off(board)
    await board.control("world", usb_power=True, bench_plug=True)
    async with by_air(board, home) as host:
        report = await host.reports(lambda report: True)
        assert report.fault == state.FAULT_EXCEPTION
        await host.start()
        await host.reports(lambda report: report.state == state.STATE_STREAMING)
        assert host.states[-1].fault == state.FAULT_NONE
    code, output = await mpremote(board.tty_path, "resume", "fs", "cat", ":/faceloop.crash")
    assert code == 0
    assert "ValueError: made to fail" in output


async def test_exception_at_every_start_ends_at_the_prompt_with_everything_off(
    home: Any,
    mutated_firmware: Any,
    monkeypatch: pytest.MonkeyPatch,
    mpremote: Any,
    open_console: Any,
) -> None:
    firmware = mutated_firmware(
        "faceloop_device/board.py", BEAT, RAISE.format(when=AFTER_HALF_A_SECOND)
    )
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    async with VirtualBoard(BoardSpec()) as board:
        console = open_console(board.tty_path)
        # Only the last of its lives says what it died of.
        await console.expect(b"ValueError: made to fail", WAIT_S)
        await console.expect(b">>> ", WAIT_S)
        console.close()
        stats = await board.control("stats")
        assert (stats["vm"]["resets"], stats["vm"]["state"]) == (MAX_RESTARTS, "running")
        await assert_off(board)
        code, output = await mpremote(board.tty_path, "resume", "eval", "6 * 7")
        assert (code, output) == (0, "42\n")


HANG = (
    BEAT
    + """\
            if {when}:
                __import__("machine").Pin(12, 1, value=1)  # the motor
                {hang}
"""
)


@pytest.mark.parametrize(
    "hang",
    ["while True: pass", pytest.param("await asyncio.sleep(1000)", marks=pytest.mark.full)],
)
async def test_watchdog_ends_a_hang_and_the_board_says_so(
    home: Any, mutated_firmware: Any, monkeypatch: pytest.MonkeyPatch, hang: str
) -> None:
    firmware = mutated_firmware(
        "faceloop_device/board.py",
        BEAT,
        HANG.format(when=AFTER_150_PACKETS, hang=hang),
    )
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.start()
        await restarted(board)
    async with by_air(board, home) as host:
        report = await host.reports(lambda report: True)
        await assert_off(board)  # it has looked whether the converter answers
        assert (report.fault, report.restarts) == (state.FAULT_HANG, 1)
        assert report.state == state.STATE_FAULT


@pytest.mark.full
async def test_memory_that_broken_links_cost_comes_back_when_nobody_needs_the_board(
    home: Any, mutated_firmware: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware = mutated_firmware(
        "faceloop_device/board.py", "LEFT_ALONE_S = 60\n", "LEFT_ALONE_S = 1\n"
    )
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.start()
    for _ in range(MOST_DISCONNECTS):
        async with by_air(board, home) as host:
            await host.reports(lambda report: True)
    await asyncio.sleep(4.0)
    assert (await board.control("stats"))["vm"]["resets"] == 0, "it keeps a stream for its host"
    async with by_air(board, home) as host:
        assert (await host.reports(lambda report: True)).disconnects > MOST_DISCONNECTS
        await host.start()  # lets go of the stream before
        await host.link.stop_stream()
        await host.link.finish_stream()
    await restarted(board)
    async with by_air(board, home) as host:
        report = await host.reports(lambda report: True)
        assert (report.disconnects, report.restarts, report.fault) == (0, 0, 0)


@pytest.mark.full
async def test_worn_board_gives_its_watchdog_up_for_the_cable(home: Any, mpremote: Any) -> None:
    board = await home.start_board()
    async with by_air(board, home) as host:
        await host.start()
        await host.streams(50)
        await host.link.stop_stream()
        await host.link.finish_stream()
    await board.control("world", usb_power=True)
    await restarted(board)
    async with by_air(board, home) as host:  # it runs: mpremote has something to interrupt
        await host.reports(lambda report: True)
    code, output = await mpremote(board.tty_path, "resume", "exec", "import time; time.sleep(7)")
    assert (code, output) == (0, "")
    assert (await board.control("stats"))["vm"]["resets"] == 1


async def test_nothing_is_written_to_the_flash_while_it_streams(home: Any, tmp_path: Any) -> None:
    flash = tmp_path / "flash.img"
    board = await home.start_board(flash=flash)
    before = flash.read_bytes()
    async with by_air(board, home) as host:
        await host.start()
        await host.streams(10)
        while_streaming = flash.read_bytes()
        assert while_streaming != before, "the watchdog's mark is written before"
        await host.streams(300)
        await host.link.request(host.next_seq(), 1)
        await host.reports(lambda report: report.uptime_s > 5)
        assert host.states[-1].uptime_s < 60, "of the board, not of the computer"
        assert flash.read_bytes() == while_streaming
        assert host.states[-1].gc_longest_ms >= 1
