"""What `faceloop doctor` says of this computer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faceloop.errors import UsageError
from faceloop.tasks import doctor


def test_version_of_micropython_is_a_version() -> None:
    assert re.fullmatch(r"MicroPython \d+\.\d+\.\d+", doctor._virtual_board())


def test_data_folder_that_is_a_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "data"
    file.write_text("")
    monkeypatch.setenv("FACELOOP_DATA", str(file))
    with pytest.raises(UsageError, match="is a file"):
        doctor._data_folder()
