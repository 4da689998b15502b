"""The program of the board, streaming to a real host, allocates nothing from capture to notify."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from faceloop.twin.firmware_files import FIRMWARE_VARIABLE

PROBE = Path(__file__).parent / "firmware_samples" / "allocation_probe.py"

# Where one part of a pump step ends: what stands there, and what is put before it.
LOOKS = (
    (
        "            position = stream.position() if stream.is_running else -1\n",
        "            probe.look(self, 2)\n",
    ),
    ("            if link is self.serial or time.", "            probe.look(self, 0)\n"),
    ("            await asyncio.sleep_ms(pause_ms if", "            probe.look(self, 1)\n"),
    ("            await asyncio.sleep_ms(1000)\n", "            probe.has_others = True\n"),
)
STEPS = 400


def with_probe(firmware: Path) -> Path:
    """Add the other looks and the probe to a copy of the firmware."""
    shutil.copy(PROBE, firmware / "faceloop_device")
    board = firmware / "faceloop_device" / "board.py"
    text = board.read_text()
    for place, look in LOOKS[1:]:
        assert text.count(place) == 1, place
        text = text.replace(place, look + place)
    board.write_text("from faceloop_device.allocation_probe import probe\n" + text)
    return firmware


@pytest.mark.slow
async def test_capture_to_notify_allocates_nothing_in_the_program_that_ships(
    home: Any, mutated_firmware: Any, monkeypatch: pytest.MonkeyPatch, mpremote: Any
) -> None:
    place, look = LOOKS[0]
    firmware = with_probe(mutated_firmware("faceloop_device/board.py", place, look + place))
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    board = await home.start_board(world={"usb_power": True, "bench_plug": True})
    done = await home.run("record", "--seconds", 8, "--json", FACELOOP_HCI=str(board.hci_path))
    assert (done.code, done.err) == (0, "")
    assert done.account["frames_recorded"] == done.account["frames_expected"] > 8 * 2000
    code, output = await mpremote(
        board.tty_path, "resume", "exec",
        "from faceloop_device.allocation_probe import report; report()",
    )  # fmt: skip
    assert code == 0, output
    print(output)
    found = re.search(r"steps (\d+) packets (\d+)\n", output)
    assert found is not None, output
    steps, packets = map(int, found.groups())
    parts = {
        name: (int(n_bytes), int(counted))
        for name, n_bytes, counted in re.findall(r"(\w+) (-?\d+) bytes in (\d+)", output)
    }
    assert {name: n_bytes for name, (n_bytes, _) in parts.items()} == dict.fromkeys(
        ("path", "serve", "wait"), 0
    )
    assert steps == STEPS
    assert packets > 100
    assert all(counted > STEPS / 2 for _, counted in parts.values())
