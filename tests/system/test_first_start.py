"""The first start of a board: it makes its key, and says it once, as text and as QR code."""

from __future__ import annotations

from typing import Any

import segno
from tests.fakes.qr_reading import modules

from faceloop.device.key_store import parse_label
from faceloop.twin.radio import Radio

LABEL = b"Label of this board: "
QR_LINES = 17  # 29 rows and the margin, two to a line
FORGET = b"import os; os.remove('/faceloop.key')\r"
RESTART = b"\x04"  # Ctrl-D
INTERRUPT = b"\x03"


async def test_label_is_printed_at_the_first_start_only(
    start_twin: Any, open_console: Any
) -> None:
    board = await start_twin(radio=Radio())
    console = open_console(board.tty)
    labels = set()
    for _ in range(2):
        console.send(INTERRUPT)
        await console.expect(b">>> ")
        console.send(FORGET)
        await console.expect(b">>> ")
        console.send(RESTART)
        await console.expect(LABEL)
        label = (await console.expect(b"\n")).decode().strip()
        device_id, key = parse_label(label)
        assert (len(device_id), len(key)) == (8, 16)
        labels.add(label)
        drawn = [(await console.expect(b"\n")).decode().rstrip() for _ in range(QR_LINES)]
        made = segno.make(label.upper(), error="m", version=3, mask=0, boost_error=False)
        assert modules(drawn) == [list(row) for row in made.matrix]
    assert len(labels) == 2, "another key each time it is made"
    console.send(INTERRUPT)
    await console.expect(b">>> ")
    console.send(RESTART)
    await console.expect(b"soft reboot")
    console.send(INTERRUPT)
    assert LABEL not in await console.expect(b">>> "), "it has its key"


FIRST_KEY = """
import bluetooth, os, sys
if "faceloop.key" in os.listdir("/"):  # the board's own program was quicker
    os.remove("/faceloop.key")
from boards import virtual
virtual.HAS_HEATER = False
from faceloop_device import board
from faceloop_device.core import keys
from faceloop_device.core.crash import Crash
class Source:
    urandom = staticmethod(lambda n: (print("key", bluetooth.BLE().active()), os.urandom(n))[1])
keys.os = Source
board.print_label = lambda device_id, key: print("label", len(key))
board.Board(Crash(), 0)
print(sorted(name for name in sys.modules if "heat" in name))
"""


async def test_key_is_made_with_the_radio_on_and_no_heater_costs_no_memory(
    start_twin: Any, mpremote: Any
) -> None:
    """Without its radio an ESP32 has no random numbers."""
    board = await start_twin(radio=Radio())
    code, output = await mpremote(board.tty, "exec", FIRST_KEY)
    assert code == 0, output
    assert output == "key True\nlabel 16\n[]\n"
