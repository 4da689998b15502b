"""The cable's change from binary blocks to text: nothing binary follows a STOP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from faceloop.device import serial_transport as module
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver
from faceloop_protocol import control, serial_frame

STOP = bytes([control.STOP])
STOPPED = control.pack_reply(control.STOP, 0, control.OK, bytes(10))
ACK = bytes([control.ACK, 3, 3, 3, 3])  # 3 is Ctrl-C


class Port:
    """What is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


@pytest.fixture
def cable() -> Any:
    """A transport in binary mode on a port that nobody reads."""
    transport = SerialTransport("nowhere")
    transport._serial = Port()
    transport._receiver = Receiver(*[lambda _: None] * 3, lambda: None)
    transport._is_binary = True
    return transport


async def test_what_is_to_go_out_after_a_stop_waits_for_its_answer_and_is_text(cable):
    port = cable._serial
    await asyncio.gather(cable.send(ACK), cable.send(STOP))
    assert len(port.written) == 2
    assert all(block.endswith(b"\0") for block in port.written), "both binary"
    waiting = [asyncio.create_task(cable.send(ACK)) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert len(port.written) == 2
    cable._deliver(serial_frame.CHANNEL_CONTROL, STOPPED)
    await asyncio.gather(*waiting)
    line = serial_frame.encode_line(serial_frame.CHANNEL_CONTROL, ACK)
    assert port.written[2:] == [line] * 3
    assert b"\x03" not in line


async def test_stop_that_is_not_answered_is_sent_again_at_once_and_blocks_nobody_for_long(
    cable, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_STOP_ANSWER_S", 0.1)
    await cable.send(STOP)
    waiting = asyncio.create_task(cable.send(ACK))
    await asyncio.sleep(0)
    async with asyncio.timeout(0.05):
        await cable.send(STOP)
    assert not waiting.done()
    async with asyncio.timeout(1):
        await waiting
    assert len(cable._serial.written) == 3


def test_port_that_cannot_be_opened_says_why_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, there = str(tmp_path / "ttyACM9"), tmp_path / "ttyACM0"
    assert str(module.cannot_open(gone)) == (
        f"There is no port {gone}. Connect the board's USB cable; `faceloop devices` then names"
        " its port."
    )
    there.write_text("")
    assert str(module.cannot_open(str(there))).startswith(f"{there} is no serial port. ")
    there = Path("/dev/null")  # one that cannot be set to a rate
    assert "Plug the board's USB cable in again" in str(module.cannot_open(str(there)))
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)  # root may use everything
    assert f"Your account may not use {there}. Add it to the group" in str(
        module.cannot_open(str(there))
    )
