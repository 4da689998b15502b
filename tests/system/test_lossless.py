"""Every sample of the converter is in the file, in order and unchanged, whatever the air does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from faceloop.tasks.demo import DemoOptions, demo
from faceloop.twin.firmware_files import FIRMWARE_VARIABLE
from faceloop.twin.launch import VirtualBoard

# One step of what is sent: 2.4 V / 12 / (2^23 - 1), four bits dropped.
SENT_LSB_UV = 2.4e6 / 12 / (2**23 - 1) * 16


def check_complete(account: dict[str, Any], n_frames: int) -> None:
    assert account["frames_expected"] == n_frames
    assert account["frames_recorded"] == n_frames
    assert account["frames_lost_silently"] == 0
    assert account["gaps"] == []
    assert account["error"] is None


def check_same(rig, account: dict[str, Any], tap: Path, source: Path) -> None:
    """Compare the file with the converter's output bit by bit, with the source in microvolts."""
    counts, emg_uv = rig.read_recording(account["recording"])
    np.testing.assert_array_equal(counts, rig.read_tap(tap))
    played = edfio.read_bdf(source).signals[:8]
    played_uv = np.stack([signal.data for signal in played], axis=1)
    assert emg_uv.shape == played_uv.shape
    assert np.abs(emg_uv - played_uv).max() <= SENT_LSB_UV
    assert np.abs(played_uv).max() > 100 * SENT_LSB_UV, "a silent source would prove nothing"


@pytest.mark.full  # the next two do the same with a bad radio
async def test_recording_comes_back_sample_for_sample(home, rig, recording_path):
    done = await home.run(
        *("demo", "--headless", "--json", "--source", recording_path, "--tap", home.tap)
    )
    assert (done.code, done.err) == (0, "")
    check_complete(done.account, 11600)
    check_same(rig, done.account, home.tap, recording_path)


async def test_recording_comes_back_from_a_lossy_air(home, rig, recording_path, monkeypatch):
    stats = {}
    control = VirtualBoard.control

    async def listening(board, op, **request):
        reply = await control(board, op, **request)
        if op == "stats":
            stats.update(reply)
        return reply

    monkeypatch.setattr(VirtualBoard, "control", listening)
    account = await demo(DemoOptions(source=recording_path, loss=0.10, tap=home.tap))
    check_complete(account, 11600)
    check_same(rig, account, home.tap, recording_path)
    air = stats["radio"]["air"]
    assert 0.05 < air["retransmitted"] / (air["delivered"] + air["retransmitted"]) < 0.15


async def test_recording_comes_back_after_a_blackout(home, rig, recording_path):
    done = await home.run(
        *("demo", "--headless", "--json", "--source", recording_path, "--tap", home.tap),
        *("--radio-blackout", "1,3"),
    )
    assert (done.code, done.err) == (0, "")
    check_complete(done.account, 11600)
    check_same(rig, done.account, home.tap, recording_path)
    assert done.account["frames_resent"] > 2 * 2000  # what was held during the silence came late


@pytest.mark.benchmark  # catching up takes the board's processor; with none left it sends coarser
async def test_a_face_comes_back_from_a_blackout_as_long_as_the_promise(home, rig):
    """Eight seconds, the longest after which nothing may be missing."""
    done = await home.run(
        *("demo", "--headless", "--json", "--seconds", 14, "--tap", home.tap),
        *("--radio-blackout", "2,8"),
    )
    assert (done.code, done.err) == (0, "")
    check_complete(done.account, 28_000)
    counts, _ = rig.read_recording(done.account["recording"])
    np.testing.assert_array_equal(counts, rig.read_tap(home.tap))
    assert done.account["reconnects"] >= 1
    assert done.account["frames_resent"] > 6 * 2000


@pytest.mark.full  # a minute; the same of a real recording, shorter, is above
async def test_a_minute_of_face_comes_back_through_blackouts(face_minute, rig):
    async with asyncio.timeout(110):
        out, err = await asyncio.to_thread(face_minute.process.communicate)
    assert (face_minute.process.returncode, err) == (0, "")
    account = json.loads(out)
    check_complete(account, 120_000)
    counts, _ = rig.read_recording(account["recording"])
    np.testing.assert_array_equal(counts, rig.read_tap(face_minute.tap))
    assert account["reconnects"] >= 1
    assert account["frames_resent"] > 9 * 2000


@pytest.mark.full
async def test_a_dma_ring_as_small_as_a_real_boards_loses_only_what_is_counted(
    home: Any,
    rig: Any,
    mutated_firmware: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """16 KiB hold 228 ms; a computer that others use may stand still longer, a chip does not."""
    firmware = mutated_firmware("boards/virtual.py", "CAPTURE_RING_BITS = 15", "")
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(firmware))
    board = await home.start_board()
    air = {"FACELOOP_HCI": str(board.hci_path)}
    done = await home.run("record", "--seconds", 10, "--json", timeout_s=120, **air)
    account = done.account
    counts, _ = rig.read_recording(account["recording"])
    made = rig.read_tap(home.tap)
    assert account["frames_lost_silently"] == 0
    assert account["frames_expected"] == len(made) >= 20000
    is_there = np.ones(len(made), bool)
    for first, n in account["gaps"]:
        is_there[first : first + n] = False
    np.testing.assert_array_equal(counts[: len(made)][is_there], made[is_there])
    assert is_there.mean() > 0.9, account["gaps"]
