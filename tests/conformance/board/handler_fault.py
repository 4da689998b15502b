"""An exception in the Bluetooth handler: the board goes on, its state says so, the cause is kept.

Takes a folder.
"""

import os
import struct
import sys

import fake_board
from naps import Loop

folder = sys.argv[1]
fake_board.install("pico2w", folder)
from faceloop_device import board as program  # noqa: E402
from faceloop_device.core.crash import CAUSE_FILE, Crash  # noqa: E402
from faceloop_protocol import state  # noqa: E402

_CONNECT, _WRITE = 1, 3
CONTROL = 6


class Radio(fake_board.BLE):
    """A read goes wrong while there is ``trouble``."""

    trouble = None
    told = b""

    def gatts_register_services(self, services):
        return ((1, 2, 3), (4,), (5, CONTROL, 7, 8, 9))

    def gatts_read(self, handle):
        if Radio.trouble is not None:
            raise Radio.trouble
        return b"message"

    def gatts_write(self, handle, value):
        if handle == 7:
            Radio.told = bytes(value)

    def gatts_notify(self, conn, handle, body=None):
        pass

    gatts_indicate = gatts_notify

    def gap_disconnect(self, conn):
        pass


def report():
    """Let a second go by; return the fault and how many messages were refused."""
    status.send(None)
    assert len(Radio.told) == state.STATE_BYTES
    return Radio.told[1], struct.unpack("<H", Radio.told[53:55])[0]


def kept():
    """Return what the file of causes says, and remove it."""
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        return ""
    os.remove(path)
    return text


path = folder + "/" + CAUSE_FILE
fake_board.Bluetooth.BLE = Radio
program.print_label = lambda device_id, key: None
program.Board._probe = lambda self: 0x92  # nobody is there to answer, which would be the fault
program.asyncio = Loop
board = program.Board(Crash(folder + "/"), 0)
board._power.bits = lambda: 0
event = board.ble._irq
pump, status = board.pump(), board.status()
pump.send(None)
assert report() == (state.FAULT_NONE, 0)

event(_CONNECT, (7, 0, b"address"))
board.stream_link = board.ble
board.stream.is_running = True
for words in ("the first", "another"):
    Radio.trouble = ValueError(words)
    event(_WRITE, (7, CONTROL))
assert report() == (state.FAULT_RADIO, 0) and kept() == "", "no flash is written while it streams"
board.stream.is_running = False
assert report() == (state.FAULT_RADIO, 0)
cause = kept()
assert "ValueError: the first" in cause and "_irq" in cause, cause
Radio.trouble = None
event(_WRITE, (7, CONTROL))
assert board.ble.inbox.get() == b"message", "still at work"

# START clears the fault; a later exception is told again, but the flash is written once.
board.on_started(board.ble)
assert report() == (state.FAULT_NONE, 0)
Radio.trouble = MemoryError()
event(_WRITE, (7, CONTROL))
assert report() == (state.FAULT_RADIO, 0) and kept() == ""

# A flood that the inbox has no places for is counted where the host sees it.
Radio.trouble = None
for _ in range(20):
    event(_WRITE, (7, CONTROL))
board.serial.inbox.refused = 2
assert report() == (state.FAULT_RADIO, 5 + 2)

# A Ctrl-C is for the program, and no fault.
faults = board.ble.handler_faults
Radio.trouble = KeyboardInterrupt()
event(_WRITE, (7, CONTROL))
assert board.ble.handler_faults == faults
try:
    pump.send(None)
    raise AssertionError("swallowed")
except KeyboardInterrupt:
    print("ok")
