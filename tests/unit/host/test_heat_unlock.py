"""``faceloop heat unlock``: what it refuses before and after it has asked the board."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from faceloop.cli import app
from faceloop.errors import StorageError, UsageError
from faceloop.tasks import heat_unlock
from faceloop_protocol import heat, reports

RUNNER = CliRunner()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Say where: --serial PORT."),
        (["--bench-passed"], "Say where: --serial PORT."),
        (["--serial", "nowhere"], "Go through the bench procedure"),
    ],
)
def test_unlock_needs_a_cable_and_a_passed_procedure(options: list[str], sentence: str) -> None:
    done = RUNNER.invoke(app, ["heat", "unlock", *options])
    assert done.exit_code == UsageError.exit_code
    assert done.stdout == ""
    assert done.stderr.startswith("faceloop: ") and sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (heat.LATCHED, "hold the button for three seconds"),
        (heat.OFF, "nothing to unlock"),
        (heat.HOLD, "nothing to unlock"),
    ],
)
def test_what_is_not_locked_is_not_unlocked(state: int, sentence: str) -> None:
    told = reports.HeatState(**dict.fromkeys(reports.HeatState._fields, 0) | {"state": state})
    with pytest.raises(UsageError, match=sentence):
        heat_unlock._check_locked(told)


def test_unlocking_that_cannot_be_noted_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        heat_unlock._note(tmp_path / "file" / heat_unlock.LOG_NAME, {"event": "asked"})
    heat_unlock._note(tmp_path / "new" / heat_unlock.LOG_NAME, {"event": "asked"})
    assert (tmp_path / "new" / heat_unlock.LOG_NAME).read_text() == '{"event": "asked"}\n'
