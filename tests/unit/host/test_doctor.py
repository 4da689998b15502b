"""What `faceloop doctor` says of this computer."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from faceloop.errors import UsageError
from faceloop.tasks import doctor
from faceloop.twin import supervisor


def test_version_of_micropython_is_a_version() -> None:
    assert re.fullmatch(r"MicroPython \d+\.\d+\.\d+", doctor._virtual_board())


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise ModuleNotFoundError('no micropython_unix')", "no micropython_unix"),
        ("import sys; sys.exit(3)", "no reason given"),
    ],
)
def test_micropython_is_looked_for_where_the_virtual_board_starts_it(
    monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    def broken(boot_script: Path, heap_kib: int) -> list[str]:
        return [sys.executable, "-c", program]

    monkeypatch.setattr(supervisor, "virtual_machine_command", broken)
    with pytest.raises(OSError, match=reason) as refusal:
        doctor._virtual_board()
    assert "pip install faceloop" in str(refusal.value)


def test_data_folder_that_is_a_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "data"
    file.write_text("")
    monkeypatch.setenv("FACELOOP_DATA", str(file))
    with pytest.raises(UsageError, match="is a file"):
        doctor._data_folder()
