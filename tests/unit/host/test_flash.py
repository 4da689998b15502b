"""What ``faceloop flash`` does around the copying, without a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faceloop.device import discovery
from faceloop.device.discovery import SerialPort
from faceloop.errors import DeviceBusy, DeviceNotFound, RemoteError, UsageError
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
    with pytest.raises(DeviceNotFound, match="cannot be opened"):
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
