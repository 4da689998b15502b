"""What `demo` says of a radio, and keeps of a file, that somebody asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faceloop.errors import AuthenticationError, LinkError, UsageError
from faceloop.tasks import demo as module
from faceloop.tasks.demo import DemoOptions, demo
from faceloop.tasks.progress import Silent

DATA = Path(__file__).parents[2] / "data"
TOO_FAR = "faceloop-0510 was found but did not connect. Move closer and try again."


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


class Unreachable:
    """A session whose board is found but does not connect."""

    given: dict[str, Any]

    def __init__(self, transport: object, key_of: object, **options: Any) -> None:
        Unreachable.given = options

    async def start(self, *, is_recording: bool = False) -> None:
        raise LinkError(TOO_FAR)


@pytest.fixture(autouse=True)
def _no_board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @contextlib.asynccontextmanager
    async def paired(*_: object, **__: object) -> AsyncIterator[Any]:
        yield SimpleNamespace(transport=None, key_of=None)

    monkeypatch.setattr(module, "paired_virtual_board", paired)
    monkeypatch.setattr(module, "LiveSession", Unreachable)
    monkeypatch.setenv("FACELOOP_DATA", str(tmp_path))


async def said_of(options: DemoOptions) -> tuple[str, list[str]]:
    heard = Heard()
    with pytest.raises(LinkError) as refused:
        await demo(options, heard)
    return str(refused.value), heard.said


async def test_loss_that_was_asked_for_is_not_answered_with_move_closer() -> None:
    for loss in (0.5, 0.95):
        why, _ = await said_of(DemoOptions(loss=loss, seconds=5.0))
        assert why.startswith(f"With --radio-loss {loss}, ") and "closer" not in why
        assert "choose a smaller share" in why


async def test_board_that_does_not_connect_through_a_good_radio_is_as_it_is_told() -> None:
    for loss in (0.1, 0.49):
        assert (await said_of(DemoOptions(loss=loss, seconds=5.0)))[0] == TOO_FAR


async def test_wrong_key_is_told_whatever_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(self: Unreachable, *, is_recording: bool = False) -> None:
        raise AuthenticationError("The key does not fit.")

    monkeypatch.setattr(Unreachable, "start", refused)
    with pytest.raises(AuthenticationError):
        await demo(DemoOptions(loss=0.95, seconds=5.0))


async def test_blackout_after_the_end_is_told() -> None:
    blackouts = ((2.0, 10.0), (5.0, 1.0), (30.0, 2.0))
    _, said = await said_of(DemoOptions(seconds=5.0, blackouts=blackouts))
    assert [sentence.partition(" would")[0] for sentence in said] == [
        "The blackout from 5 s on",
        "The blackout from 30 s on",
    ]
    assert "ends at 5 s: begin it earlier, or play longer with --seconds." in said[0]
    _, said = await said_of(DemoOptions(seconds=None, is_headless=False, blackouts=blackouts))
    assert said == []  # it has no end


async def test_blackout_after_the_end_of_a_file_is_told() -> None:
    source = DATA / "limb_short_3s.edf"
    _, said = await said_of(DemoOptions(source=source, blackouts=((3.0, 1.0), (9.0, 1.0))))
    assert [sentence for sentence in said if "blackout" in sentence] == [
        "The blackout from 9 s on would begin after the session, which ends at 3.36 s: begin it"
        " earlier, or choose a longer file."
    ]
    # More than the file has may be asked for: it is the file that ends.
    _, said = await said_of(DemoOptions(source=source, seconds=60.0, blackouts=((9.0, 1.0),)))
    assert said[-1].endswith("ends at 3.36 s: begin it earlier, or choose a longer file.")
    _, said = await said_of(DemoOptions(seconds=7200.0, blackouts=((8000.0, 1.0),)))
    assert "ends at 7200 s: begin it earlier, or play longer" in said[0]


async def test_recording_keeps_what_the_file_calls_its_channels() -> None:
    await said_of(DemoOptions(source=DATA / "limb_shoulder_10ch_2khz.bdf"))
    assert len(Unreachable.given["played_labels"]) == 8
    await said_of(DemoOptions(source=DATA / "limb_short_3s.edf"))
    assert Unreachable.given["played_labels"] == ("EMG",)
    await said_of(DemoOptions(seconds=1.0))
    assert Unreachable.given["played_labels"] == ()


async def test_file_waits_for_somebody_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    async def begun(self: Unreachable, *, is_recording: bool = False) -> None:
        steps.append("begun")
        raise LinkError(TOO_FAR)

    async def attend(session: Any, play: Any, progress: Any, show: Any) -> Any:
        showing = asyncio.ensure_future(show(session))
        try:
            await play()
        finally:
            showing.cancel()

    async def show(session: Any, observer: Any, *, on_watched: Any, earlier: Any) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        steps.append("watched")
        on_watched()

    monkeypatch.setattr(Unreachable, "start", begun)
    monkeypatch.setattr(module, "attend", attend)
    options = DemoOptions(source=DATA / "limb_short_3s.edf", is_headless=False)
    with pytest.raises(LinkError):
        await demo(options, show=show)
    assert steps == ["watched", "begun"]


async def test_file_that_nobody_looked_at_is_said_not_to_have_been_played(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def attend(*_: Any) -> Any:
        return None, True

    monkeypatch.setattr(module, "attend", attend)
    monkeypatch.setattr(Unreachable, "info", None, raising=False)
    options = DemoOptions(source=DATA / "limb_short_3s.edf", is_headless=False)
    with pytest.raises(UsageError, match=r"was not played\. Open the address"):
        await demo(options, show=attend)

    async def attend_for_a_moment(session: Any, play: Any, progress: Any, show: Any) -> Any:
        await show(session)
        return None, True

    async def show(session: Any, observer: Any, *, on_watched: Any, earlier: Any) -> None:
        on_watched()

    monkeypatch.setattr(module, "attend", attend_for_a_moment)
    with pytest.raises(UsageError, match="ended before it had begun"):
        await demo(options, show=show)


@pytest.mark.parametrize("has_page", [False, True])
def test_another_made_up_source_acts_out_no_scenario(has_page: bool) -> None:
    options = DemoOptions(seed=3, extra_source={"kind": "steps", "rest": "tonic"})
    assert module._source(options, 20.0, has_page=has_page) == {
        "kind": "steps",
        "rest": "tonic",
        "seconds": 20.0,
        "seed": 3,
        "affected": "left",
    }


async def test_another_made_up_source_is_named_in_what_is_recorded() -> None:
    await said_of(DemoOptions(seconds=20.0, extra_source={"kind": "steps"}))
    assert Unreachable.given["played"] == "made-up steps on a plain rest"
