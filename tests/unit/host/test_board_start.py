"""A virtual board that cannot be started for want of room: one sentence that says where."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from faceloop.errors import StorageError
from faceloop.twin import __main__ as twin_process
from faceloop.twin import launch
from faceloop.twin.registry import NO_ROOM


def failing(number: int) -> Callable[..., NoReturn]:
    def fail(*_: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="fl") as folder:
        yield Path(folder)


@pytest.mark.parametrize("number", NO_ROOM)
async def test_full_temporary_folder_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(launch, "create_directory", failing(number))
    with pytest.raises(StorageError, match=r"no room in .*, or set TMPDIR to a folder with room"):
        await launch.VirtualBoard().start()


async def test_other_error_of_the_disk_is_not_called_a_lack_of_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "create_directory", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        await launch.VirtualBoard().start()


async def test_board_that_runs_out_of_room_while_it_starts_says_so_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, short_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(short_path))
    # Or it leaves what Python compiles cut off at the limit, for whoever imports it next.
    limited = (
        "import resource, sys; sys.dont_write_bytecode = True;"
        "from faceloop.twin.__main__ import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY));"
        "sys.exit(main())"
    )
    board = launch.VirtualBoard()
    spawn = board._spawn

    def spawn_limited(command: list[str], fds: tuple[int, int]) -> Any:
        return spawn([command[0], "-c", limited, *command[3:]], fds)

    monkeypatch.setattr(board, "_spawn", spawn_limited)
    with pytest.raises(StorageError, match=str(short_path)):
        await board.start()
    assert not board.directory.exists()


def test_only_a_lack_of_room_ends_the_process_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin_process.asyncio, "run", failing(errno.EIO))
    monkeypatch.setattr(twin_process, "_run", lambda *_: None)
    with pytest.raises(OSError, match="Input/output error"):
        twin_process.main(["--dir", "."])
