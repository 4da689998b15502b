"""The file that opens the browser is private, and does not outlive its token by much."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import webbrowser
from pathlib import Path

import pytest

from faceloop.ui.access import LAUNCH_TOKEN_S
from faceloop.ui.launch_page import launch_folder, open_browser

KILLED = """
import os, signal
from faceloop.ui.launch_page import launch_folder, open_browser
with launch_folder() as folder:
    open_browser("http://127.0.0.1:1/#secret", folder)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", lambda uri: True)
    return tmp_path


def make_older(path: Path, age_s: float) -> None:
    now_s = time.time()
    os.utime(path, (now_s, now_s - age_s))


def test_what_a_killed_program_left_goes_at_the_next_start(tmp: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env={**os.environ, "BROWSER": "true"}, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp.glob("*/open.html")
    assert "secret" in left.read_text()
    make_older(left.parent, LAUNCH_TOKEN_S + 1)
    with launch_folder() as folder:
        assert list(tmp.iterdir()) == [folder]
    assert list(tmp.iterdir()) == []


def test_page_of_another_start_is_left_as_long_as_its_token_is_good(tmp: Path) -> None:
    with launch_folder() as other:
        open_browser("http://127.0.0.1:1/#other", other)
        with launch_folder():
            assert (other / "open.html").exists()
        make_older(other, LAUNCH_TOKEN_S + 1)
        with launch_folder():
            assert not other.exists()
    assert list(tmp.iterdir()) == []


def test_nothing_else_is_touched(tmp: Path) -> None:
    elsewhere = tmp / "elsewhere"
    elsewhere.mkdir()
    (tmp / "faceloop-page-link").symlink_to(elsewhere)
    (tmp / "faceloop-1000").mkdir()
    for path in tmp.iterdir():
        make_older(path, 1e6)
    before = set(tmp.iterdir())
    with launch_folder():
        pass
    assert set(tmp.iterdir()) == before
