"""Ctrl-C ends a session as its time would: file finished, account printed, exit code 0."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import edfio
import pytest

ABOUT_TWO_SECONDS_BYTES = 30_000


async def end_demo(home, number: signal.Signals) -> None:
    command = ("demo", "--headless", "--json", "--seconds", 60, "--tap", home.tap)
    host = await home.start(*command)
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    host.send(number)
    done = await host.done(20)
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["interrupted"]
    assert account["frames_recorded"] == account["frames_expected"] > 2000
    assert account["frames_lost_silently"] == 0
    home.check_recorded(account["recording"], account["frames_recorded"])


async def by_ctrl_c(home) -> None:
    await end_demo(home, signal.SIGINT)


async def by_the_system(home) -> None:
    await end_demo(home, signal.SIGTERM)


async def out_of_reach(home) -> None:
    board = await home.start_board()
    air = {"FACELOOP_HCI": str(board.hci_path)}
    host = await home.start("record", "--seconds", 60, "--json", **air)
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    await board.control("power", on=False)
    await home.wait_lost()
    host.send(signal.SIGINT)
    done = await host.done(20)
    assert (done.code, done.err) == (0, "")
    assert done.account["interrupted"]
    assert done.account["frames_recorded"] > 2000
    assert not done.account["end_known"]
    check_end_unknown(done.account["recording"])


def check_end_unknown(recording: str) -> None:
    """Check that the files of a session admit that more was measured than they hold."""
    folder = Path(recording).parent
    summary = json.loads((folder / "session.json").read_text())
    assert (summary["is_ended"], summary["is_end_known"]) == (True, False)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    (end,) = [event for event in events if event["kind"] == "end_unknown"]
    assert end["frame"] == summary["end_frame"]
    annotations = edfio.read_bdf(Path(recording)).annotations
    (end,) = [entry for entry in annotations if entry.text.startswith("end_unknown: the board")]
    assert end.onset == pytest.approx(summary["duration_s"], abs=0.001)
    assert not any("Nothing recorded is lost" in entry.text for entry in annotations)


async def demo_in_blackout(home) -> None:
    command = ("demo", "--headless", "--json", "--seconds", 60, "--radio-blackout", "2,1000")
    host = await home.start(*command, "--tap", home.tap)
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES // 2)
    await home.wait_lost()
    host.send(signal.SIGINT)
    done = await host.done(20)
    assert (done.code, done.err) == (0, "")
    account = done.account
    n_frames = account["frames_recorded"]
    assert (account["interrupted"], account["end_known"]) == (True, False)
    assert account["frames_lost_silently"] == 0
    assert account["duration_s"] == n_frames / 2000
    assert account["gaps"] == [[n_frames, account["frames_expected"] - n_frames]]
    assert account["gaps"][0][1] > 2 * 2000
    check_end_unknown(account["recording"])
    home.check_recorded(account["recording"], n_frames, missing_at_most=60 * 2000)
    analysed = await home.run("analyse", "--json", account["recording"])
    warnings = analysed.account["files"][0]["warnings"]
    assert [text for text in warnings if "Where the signal ended is not known" in text]


async def record_in_blackout(home) -> None:
    board = await home.start_board()
    host = await home.start("record", "--seconds", 60, FACELOOP_HCI=str(board.hci_path))
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    await board.control("radio", blackout=True)
    await home.wait_lost()
    host.send(signal.SIGINT)
    done = await host.done(20)
    assert (done.code, done.err) == (0, "")
    first, *others = done.out.splitlines()
    assert first.endswith(" s of signal from 8 channels.")
    assert others[0] == (
        "The board was out of reach when the session ended: what it still held is not in the"
        " recording."
    )


async def waited_for(home) -> None:
    """Its time is over, the board is out of reach: Ctrl-C for the first time is heard."""
    command = ("demo", "--headless", "--seconds", 2, "--radio-blackout", "1,1000")
    host = await home.start(*command, "--wait-s", 100)
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES // 4)
    await home.wait_lost()
    await asyncio.sleep(0.5)
    host.send(signal.SIGINT)
    done = await host.done(20)
    assert done.code == 0
    assert done.err == (
        "The board is not waited for any longer. The recording is being stored; faceloop then"
        " ends by itself.\n"
    )
    (folder,) = home.recordings()
    check_end_unknown(str(folder / "recording.bdf"))
    assert f"Recording: {folder / 'recording.bdf'}" in done.out
    assert "without a trace" not in done.out


async def three_times(home) -> None:
    """The first one waits for what the board still holds, which never comes.

    The second one only gets an answer, the third leaves.
    """
    board = await home.start_board()
    host = await home.start("record", "--seconds", 60, FACELOOP_HCI=str(board.hci_path))
    await home.wait_recorded(ABOUT_TWO_SECONDS_BYTES)
    await board.control("radio", blackout=True)
    for _ in range(3):
        await asyncio.sleep(0.3)
        await host.interrupt()
    done = await host.done(20)
    assert done.code == 130
    patience, leaving = done.err.splitlines()
    assert patience.startswith("The recording is being stored; faceloop then ends by itself.")
    assert leaving == "Leaving. What was recorded is safe."
    (folder,) = home.recordings()
    assert (folder / "recording.bdf").exists()


@pytest.fixture(scope="module")
def outcome_of(rig, tmp_path_factory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("interrupted")
    scenarios = (*(by_ctrl_c, out_of_reach, three_times, demo_in_blackout),)
    with rig.at_once(folder, *scenarios) as outcome:
        yield outcome


def test_ctrl_c_finishes_the_recording(outcome_of):
    outcome_of(by_ctrl_c)


@pytest.mark.full
async def test_termination_finishes_the_recording(home):
    await by_the_system(home)


def test_ctrl_c_does_not_wait_for_a_board_out_of_reach(outcome_of):
    outcome_of(out_of_reach)


def test_ctrl_c_in_a_blackout_tells_what_a_demo_measured_after_it(outcome_of):
    outcome_of(demo_in_blackout)


@pytest.mark.full
async def test_ctrl_c_in_a_blackout_says_that_the_end_of_a_recording_is_not_known(home):
    await record_in_blackout(home)


@pytest.mark.full
async def test_first_ctrl_c_ends_the_waiting_for_a_lost_board(home):
    await waited_for(home)


def test_second_ctrl_c_is_answered_and_the_third_leaves_and_loses_nothing(outcome_of):
    outcome_of(three_times)


async def test_ctrl_c_before_the_session_ends_what_was_started(home, rig):
    host = await home.start("demo", "--headless", "--seconds", 60)
    assert await asyncio.to_thread(
        rig.wait_until, lambda: any(home.tmp.glob("faceloop-*/*/hci.sock")), 20
    )
    host.send(signal.SIGINT)
    done = await host.done(20)
    assert done.code == 130
    assert "Traceback" not in done.err
    assert home.recordings() == []
