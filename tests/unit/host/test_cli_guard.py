"""What escapes everything else becomes one sentence, and its traceback a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from faceloop.commands.working import working
from faceloop.errors import OUR_MISTAKE_EXIT_CODE, StorageError


def test_our_own_mistake_is_one_sentence_and_keeps_the_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended, working(as_json=True):
        raise KeyError("surprise")
    assert ended.value.exit_code == OUR_MISTAKE_EXIT_CODE
    text = capsys.readouterr().err
    assert text.startswith("faceloop: ") and text.count("\n") == 1 and "Traceback" not in text
    found = re.search(r"report it with (\S+)", text)
    assert found is not None
    log = Path(found.group(1))
    assert "surprise" in log.read_text()
    log.unlink()


def test_known_error_keeps_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, working(as_json=True):
        raise StorageError("The disk is full.")
    assert ended.value.exit_code == StorageError.exit_code
    assert capsys.readouterr().err == "faceloop: The disk is full.\n"
