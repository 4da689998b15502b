"""A program is copied to a board beside the one that it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faceloop.device.install import SLOT_FILE, choose, install
from faceloop.errors import LinkError

FILES = {
    "faceloop_device/app.mpy": bytes(range(256)) * 30,
    "lib/faceloop_protocol/limits.mpy": b"limits",
    "lib/empty.mpy": b"",
}
MAIN = b"start\n"


@pytest.fixture
def board(tmp_path: Path, load_fake: Any) -> Any:
    prompt = load_fake("fake_prompt").FakePrompt(tmp_path)
    prompt.root = tmp_path
    return prompt


def slot(board: Any) -> str:
    path = board.root / SLOT_FILE.lstrip("/")
    return path.read_text() if path.exists() else ""


def program(board: Any, folder: str) -> dict[str, bytes]:
    root = board.root / folder
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_program_goes_into_the_folder_that_does_not_start(board: Any) -> None:
    done = install(board, FILES, MAIN)
    assert (done.before, done.slot, slot(board)) == ("", "a", "a")
    assert (done.n_files, done.n_copied) == (3, 3)
    assert done.n_bytes == sum(map(len, FILES.values()))
    assert program(board, "faceloop_a") == FILES
    assert (board.root / "main.py").read_bytes() == MAIN
    newer = {**FILES, "faceloop_device/app.mpy": b"new"}
    done = install(board, newer, MAIN)
    assert (done.before, done.slot, slot(board)) == ("a", "b", "b")
    assert program(board, "faceloop_b") == newer
    assert program(board, "faceloop_a") == FILES, "untouched"


def test_what_is_there_is_not_copied_again_and_what_is_too_much_goes(board: Any) -> None:
    install(board, {**FILES, "faceloop_device/old.mpy": b"old"}, MAIN)
    install(board, FILES, MAIN)
    done = install(board, FILES, MAIN)
    assert (done.slot, done.n_copied) == ("a", 0)
    assert program(board, "faceloop_a") == FILES


def test_progress_counts_bytes_to_the_end(board: Any) -> None:
    seen: list[tuple[int, int]] = []
    install(board, FILES, MAIN, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == sum(map(len, FILES.values()))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("path", ["app.mpy", "main.py.new", "slot.new"])
def test_file_that_the_board_does_not_keep_changes_nothing_that_starts(
    board: Any, path: str
) -> None:
    install(board, FILES, MAIN)

    def damage(script: str) -> str:
        is_it = script.startswith("_put") and path in script
        return f"_put({script.split(',')[0][5:]}, 'AAAA', 'wb')" if is_it else script

    board.spoil = damage
    with pytest.raises(LinkError, match="did not keep"):
        install(board, {**FILES, "faceloop_device/app.mpy": b"new"}, b"other start")
    assert slot(board) == "a"
    assert program(board, "faceloop_a") == FILES


def test_choice_can_be_taken_back(board: Any) -> None:
    done = install(board, FILES, MAIN)
    choose(board, done.before)
    assert slot(board) == ""
    choose(board, "")
    done = install(board, FILES, MAIN)
    assert done.slot == "a"
