"""What ``faceloop flash`` does around the copying, without a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faceloop.device import discovery
from faceloop.device.board_prompt import About
from faceloop.device.discovery import SerialPort
from faceloop.errors import DeviceBusy, DeviceNotFound, RemoteError, UsageError
from faceloop.output import flash_lines
from faceloop.tasks import flash as module
from faceloop_protocol import PROTOCOL_VERSION
from faceloop_protocol.info import BOARD_ESP32S3, BOARD_PICO2W, Info


def info(
    board: int = BOARD_PICO2W, stream_id: int = 0, version: tuple[int, ...] = (7, 1, 0)
) -> Info:
    numbers = (PROTOCOL_VERSION, version, board, 0x92, 8, 2000, 12, 23842, 4, 256, 32, 0)
    return Info(*numbers, bytes(8), stream_id, "MicroPython 1.29.0")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, load_fake: Any, tmp_path: Path) -> Any:
    """A board that keeps files; ``answers`` are what it says when asked, the last one for ever."""
    fake = load_fake("fake_prompt")

    class Bench(fake.FakePrompt):  # type: ignore[misc, name-defined]
        answers: list[Info | None] = [None]
        log: list[str] = []

        def enter(self) -> None:
            self.log.append("enter")

        def reset(self) -> None:
            self.log.append(f"reset {self.slot()}")

        def slot(self) -> str:
            path = tmp_path / "faceloop.slot"
            return path.read_text() if path.exists() else "-"

    board = Bench(tmp_path)
    board.answers, board.log = [None], []

    async def describe(port: str) -> Info | None:
        return board.answers.pop(0) if len(board.answers) > 1 else board.answers[0]

    monkeypatch.setattr(module, "BoardPrompt", lambda port: board)
    monkeypatch.setattr(module, "describe", describe)
    monkeypatch.setattr(module, "build", lambda profile, progress: {"app.mpy": b"program"})
    monkeypatch.setattr(module, "version", lambda: (7, 1, 0))
    monkeypatch.setattr(module, "_START_S", 0.05)
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    return board


async def test_empty_board_is_flashed_and_started(bench: Any) -> None:
    bench.answers = [None, info()]
    done = await module.flash("port")
    assert bench.log == ["enter", "reset a"]
    assert (done["board"], done["slot"], done["copied"]) == ("pico2w", "a", 1)
    assert done["device_id"] == "00" * 8


@pytest.mark.parametrize(
    "said",
    [None, info(BOARD_ESP32S3), info(version=(7, 0, 9))],
    ids=["silence", "another board", "the old one"],
)
async def test_program_that_does_not_answer_as_it_should_is_taken_back(
    bench: Any, said: Info | None
) -> None:
    bench.answers = [info()]
    await module.flash("port")
    bench.log.clear()
    bench.answers = [info(), said]
    with pytest.raises(RemoteError, match="given back the one that it had"):
        await module.flash("port")
    assert bench.log == ["enter", "reset b", "enter", "reset a"]


async def frozen_board(bench: Any, monkeypatch: pytest.MonkeyPatch, version: str) -> Any:
    """An ESP32-S3 that was flashed once, then was given a MicroPython with this program in it."""
    bench.answers = [info()]
    await module.flash("port")
    bench.log.clear()
    bench._about = About("esp32", "ESP32S3", (1, 29, 0), 6 | 3 << 8 | 10 << 10)
    bench.answers = [info(), info(BOARD_ESP32S3)]
    says = {"_frozen('.frozen')": version, "_heap()": str(246 * 1024)}
    run = bench.run
    monkeypatch.setattr(bench, "run", lambda script: says.get(script) or run(script))
    return bench


async def test_frozen_program_is_started_and_nothing_copied(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = await frozen_board(bench, monkeypatch, "7 1 0\n")
    done = await module.flash("port")
    assert board.log == ["enter", "reset -"], "the copied program no longer comes before it"
    assert (done["board"], done["slot"], done["files"], done["copied"]) == ("esp32s3", "", 0, 0)
    assert list(flash_lines(done))[1].startswith("The program is part of its MicroPython")


async def test_frozen_program_that_does_not_answer_leaves_what_was_there(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = await frozen_board(bench, monkeypatch, "7 1 0\n")
    board.answers = [info(), None]
    with pytest.raises(RemoteError, match="given back the one that it had"):
        await module.flash("port")
    assert board.log == ["enter", "reset -", "enter", "reset a"]


async def test_frozen_program_is_not_hidden_by_one_that_was_copied_by_hand(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    board = await frozen_board(bench, monkeypatch, "7 1 0\n")
    (tmp_path / "faceloop_device").mkdir()
    with pytest.raises(UsageError, match="/faceloop_device on its flash would be used in its"):
        await module.flash("port")
    assert board.log == ["enter", "reset a"]


@pytest.mark.parametrize("version", ["", "7 0 9\n"], ids=["none frozen", "an older one frozen"])
async def test_board_without_room_is_refused_before_anything_is_copied(
    bench: Any, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    board = await frozen_board(bench, monkeypatch, version)
    board.scripts.clear()
    with pytest.raises(UsageError, match=r"has 246 KiB of memory.*needs \d+ when it is copied"):
        await module.flash("port")
    assert board.log == ["enter", "reset a"]
    assert not [script for script in board.scripts if script.startswith("_put")]


async def test_board_with_room_gets_the_program_copied(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ESP32-S3 with memory beside the chip."""
    board = await frozen_board(bench, monkeypatch, "")
    monkeypatch.setattr(module, "heap_kib", lambda prompt: 8000)
    done = await module.flash("port")
    assert (done["board"], done["slot"], board.log) == ("esp32s3", "b", ["enter", "reset b"])


async def test_session_on_the_board_is_not_interrupted(bench: Any) -> None:
    bench.answers = [info(stream_id=7)]
    with pytest.raises(DeviceBusy, match="End the session"):
        await module.flash("port")
    assert bench.log == []


async def test_refused_board_is_started_again(bench: Any) -> None:
    with pytest.raises(UsageError, match="no ESP32-S3"):
        await module.flash("port", "esp32s3")
    assert bench.log == ["enter", "reset -"]


async def test_port_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(DeviceNotFound, match=r"There is no port /dev/no-such-port\. Connect the"):
        await module.flash("/dev/no-such-port")


def test_only_board_on_a_cable_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[SerialPort] = []
    monkeypatch.setattr(discovery, "serial_ports", lambda: found)
    assert module.chosen_port("this one") == "this one"
    with pytest.raises(UsageError, match="No board on a cable"):
        module.chosen_port(None)
    found.append(SerialPort("/dev/ttyACM0", "a board"))
    assert module.chosen_port(None) == "/dev/ttyACM0"
    found.append(SerialPort("/dev/ttyACM1", "another"))
    with pytest.raises(UsageError, match="/dev/ttyACM0, /dev/ttyACM1"):
        module.chosen_port(None)
