"""A place that can take no recording is refused in one sentence, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceloop.errors import FaceloopError, StorageError, UsageError
from faceloop.tasks import data_folder
from faceloop.tasks import demo as demo_module
from faceloop.tasks import live as live_module
from faceloop.tasks.data_folder import checked_store
from faceloop.tasks.demo import DemoOptions, demo
from faceloop.tasks.live import LiveOptions, live


def test_folder_that_can_be_made_is_taken_and_not_made_yet(tmp_path: Path) -> None:
    assert checked_store(tmp_path / "new").root == tmp_path / "new"
    assert checked_store(tmp_path).root == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_users_own_folder_may_lack_its_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_DATA", str(tmp_path / "a" / "b"))
    assert checked_store(None).root == tmp_path / "a" / "b"


def test_missing_parent_of_a_named_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*/a to make b in\. Make it first"):
        checked_store(tmp_path / "a" / "b")


@pytest.mark.parametrize("at", ["", "sessions", "deeper"])
def test_file_in_the_place_of_a_folder_is_refused(
    tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    file = root
    if at == "sessions":
        root.mkdir()
        file = root / at
    file.write_text("")
    with pytest.raises(UsageError, match=r"is a file, and .* in a folder\. Give --out a folder"):
        checked_store(root / at if at == "deeper" else root)
    monkeypatch.setenv("FACELOOP_DATA", str(root))
    with pytest.raises(UsageError, match=r"is a file, .* Move the file away, or choose"):
        checked_store(None)


def test_folder_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root may write everywhere, the system's refusal is made up."""

    def refuse(dir: Path) -> None:
        assert dir == tmp_path
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(data_folder.tempfile, "TemporaryFile", refuse)
    with pytest.raises(StorageError, match=r"Nothing can be written into .*\(Permission denied\)"):
        checked_store(tmp_path / "new")


@pytest.mark.parametrize("is_demo", [True, False])
async def test_sessions_look_before_they_start_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_demo: bool
) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("something was started")

    monkeypatch.setattr(demo_module, "paired_virtual_board", never)
    monkeypatch.setattr(live_module, "BleTransport", never)
    out = tmp_path / "absent" / "data"
    with pytest.raises(FaceloopError, match="There is no folder"):
        await (demo(DemoOptions(out=out)) if is_demo else live(LiveOptions(out=out)))
