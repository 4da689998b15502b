"""`faceloop demo --headless --json`: what it prints, how good it is, what it must notice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.session.assembler import Assembler, Placed
from faceloop.session.coverage import Coverage
from faceloop.session.live_session import LiveSession
from faceloop.session.recording import Recording
from faceloop.session.session_result import SessionResult
from faceloop.tasks.analyse import analyse
from faceloop.tasks.demo import DemoOptions, demo
from faceloop_protocol.stream import seq_distance

NUMBER = (int, float)
# Name and type of everything that the account has.
ACCOUNT = {
    "frames_expected": int,
    "frames_recorded": int,
    "frames_lost_silently": int,
    "gaps": list,
    "end_known": bool,
    "frames_resent": int,
    "bytes_per_s": NUMBER,
    "clock_ppm": NUMBER,
    "held_back_frames": int,
    "alerts": list,
    "latency_ms": dict,
    "calibrated": bool,
    "rest_check": list,
    "recording": str,
    "firmware_version": str,
    "interpreter": str,
    "reconnects": int,
    "duration_s": NUMBER,
    "montage": str,
    "affected_side": str,
    "interrupted": bool,
    "continued": bool,
    "recovered": list,
    "warnings": list,
    "error": type(None),
}
# Of an idle machine: only the page's own measurement runs beside.
P50_MS, P95_MS = 60.0, 90.0
CLOCK_PPM, CLOCK_TOLERANCE_PPM = 250.0, 60.0  # far from none and from what is usual


async def run_demo(home, *arguments: object) -> dict[str, Any]:
    done = await home.run("demo", "--headless", "--json", *arguments, timeout_s=90)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == 1, "one JSON object and nothing else"
    return done.account


def check_account(account: dict[str, Any]) -> None:
    for name, kind in ACCOUNT.items():
        assert isinstance(account[name], kind), name
    assert set(account) == set(ACCOUNT)
    latency = account["latency_ms"]
    assert set(latency) == {"p50", "p95", "n", "missed", "kind"}
    assert latency["kind"] == "to_host"
    assert account["firmware_version"].count(".") == 2
    assert "MicroPython" in account["interpreter"]
    assert 5_000 < account["bytes_per_s"] < 26_500


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("seconds", "n"), [(48, 15), pytest.param(60, 20, marks=pytest.mark.full)]
)
async def test_steps_are_cued_in_time_and_the_clock_is_known(home, seconds, n):
    account = await run_demo(
        home, "--seconds", seconds, "--scenario", "steps", "--seed", 1, "--clock-ppm", CLOCK_PPM
    )
    latency, ppm = account["latency_ms"], account["clock_ppm"]
    print(latency, ppm)  # shown with pytest -s, and when it fails
    check_account(account)
    assert account["calibrated"] and account["end_known"]
    assert account["frames_expected"] == account["frames_recorded"] == 2000 * seconds
    assert latency["n"] >= n
    assert latency["missed"] == 0
    assert latency["p50"] <= P50_MS
    assert latency["p95"] <= P95_MS
    assert abs(ppm - CLOCK_PPM) <= CLOCK_TOLERANCE_PPM


async def analysed(home, account: dict[str, Any]) -> dict[str, Any]:
    """Return what ``faceloop analyse`` finds in a demo's recording."""
    done = await home.run("analyse", account["recording"], "--affected", "left", "--json")
    assert (done.code, done.err) == (0, "")
    (file,) = done.account["files"]
    return file


def check_as_live(account: dict[str, Any], file: dict[str, Any]) -> None:
    """Check that the file tells what the live session saw, to the last digit."""
    assert file["live"]["alerts"] == account["alerts"]
    assert file["live"]["calibrated"] == account["calibrated"]
    assert file["gaps"] == account["gaps"] == []
    if not file["live"]["late"]:
        assert file["alerts"] == account["alerts"]


def is_among(alert: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    return any(abs(alert["t_s"] - other["t_s"]) < 0.1 for other in others)


SEEDED = ("--seconds", 13, "--scenario", "synkinesis", "--seed", 3)
OVER_ALERT = "7.4,2"


async def test_one_seed_gives_one_recording_and_one_set_of_alerts(home, rig):
    """What is judged live is what the same core finds in the file, late ranges left out.

    The blackout of one of them changes what was seen live, and nothing in the file.
    """
    runs = await asyncio.gather(
        run_demo(home, *SEEDED), run_demo(home, *SEEDED, "--radio-blackout", OVER_ALERT)
    )
    one, other = (rig.read_recording(account["recording"])[0] for account in runs)
    np.testing.assert_array_equal(one, other)

    clear, dark = files = await asyncio.gather(*(analysed(home, account) for account in runs))
    for account, file in zip(runs, files, strict=True):
        check_as_live(account, file)
    for name in ("alerts", "calibrated", "duration_s"):
        assert clear[name] == dark[name], name
    (alert, *_) = clear["alerts"]  # eight seconds of rest, then smiles that close the eye
    if not clear["live"]["late"]:  # a busy computer makes a radio late too
        assert is_among(alert, clear["live"]["alerts"])
    assert not is_among(alert, dark["live"]["alerts"])
    assert sum(n for _, n in dark["live"]["late"]) > 1000


@pytest.mark.full
async def test_blackout_changes_what_was_seen_live_and_the_file_says_how(home):
    """One falls into the rest that is learnt, one over the first alert, one after it."""
    blackouts = ("3,1.5", OVER_ALERT, "9.5,1.5")
    runs = await asyncio.gather(
        *(run_demo(home, *SEEDED, "--radio-blackout", blackout) for blackout in blackouts)
    )
    files = await asyncio.gather(*(analysed(home, account) for account in runs))
    for account, file in zip(runs, files, strict=True):
        assert sum(n for _, n in file["live"]["late"]) > 1000
        assert account["calibrated"]
        check_as_live(account, file)
        assert file["alerts"] == files[0]["alerts"], "the whole file, however it came"
    in_rest, over_alert, after_alert = files
    (alert, *_) = files[0]["alerts"]
    assert in_rest["live"]["alerts"][:1] != [alert], "another rest, another verdict"
    assert not is_among(alert, over_alert["live"]["alerts"])
    assert is_among(alert, after_alert["live"]["alerts"])


async def test_recording_begun_later_is_judged_by_the_rest_of_the_session(home):
    """As with the Record button, in the middle of a movement; one was begun before the rest."""
    seen: list[SessionResult] = []

    async def record(session: LiveSession, observer: object = None, **_: object) -> None:
        for begin, end in ((8_000, 16_400), (18_000, 26_000)):
            while session.frames_so_far < begin:
                await asyncio.sleep(0.02)
            await session.start_recording()
            while session.frames_so_far < end:
                await asyncio.sleep(0.02)
            await session.stop_recording()
        seen.append(await session.finish())

    options = DemoOptions(seconds=16.0, seed=3, affected_side="left", is_headless=False)
    account = await demo(options, show=record)
    (result,) = seen
    assert result.recording is not None
    folders = sorted(result.recording.parents[1].iterdir())
    first, second = analyse(folders, "guarded8", "left")["files"]
    for file, begin in ((first, 8_000), (second, 18_000)):
        assert file["rest_source"] == "session"
        assert not any("hardly a rest" in warning for warning in file["warnings"])
        assert any("made-up face (synkinesis)" in warning for warning in file["warnings"])
        assert file["live"]["exact"] is False
        summary = json.loads((Path(file["file"]) / "session.json").read_bytes())
        assert summary["header"]["board"] == "virtual"
        in_session = [
            alert["t_s"]
            for alert in account["alerts"]
            if 1.0 < alert["t_s"] - begin / 2000 < file["duration_s"] - 0.2
        ]
        start_s = summary["first_frame"] / 2000
        found = [start_s + alert["t_s"] for alert in file["alerts"]]
        for at_s in in_session:
            assert min(abs(at_s - other) for other in found) < 0.1
    assert second["alerts"], "eyes close in the smile that goes on"
    assert second["channels"][0]["rest_rms_uv"] == first["channels"][0]["rest_rms_uv"]


async def test_firmware_that_skips_a_frame_is_found_out(home, mutated_firmware, recording_path):
    """The board itself does not notice: only the converter's own count can tell."""
    firmware = mutated_firmware(
        "faceloop_device/core/frame_ring.py",
        "        self.read_word += n_frames * WORDS_PER_FRAME\n",
        "        self.read_word += n_frames * WORDS_PER_FRAME\n"
        "        if self.frame < 1500 <= self.frame + n_frames:\n"
        "            self.read_word += WORDS_PER_FRAME\n",
    )
    done = await home.run(
        *("demo", "--headless", "--json", "--source", recording_path, "--seconds", 2),
        FACELOOP_FIRMWARE=str(firmware),
    )
    assert (done.code, done.err) == (1, "")
    account = done.account
    assert account["frames_lost_silently"] == 1
    n_known = sum(n for _, n in account["gaps"])  # of a computer that was too busy
    assert account["frames_expected"] == account["frames_recorded"] + n_known + 1


async def short_demo() -> dict[str, Any]:
    return await demo(DemoOptions(scenario="rest", seconds=1.0))


async def test_host_that_hides_a_gap_is_found_out(home, monkeypatch):
    """A packet is taken for received but its frames are not there, and no gap is admitted."""
    add = Assembler.add

    def forgetful(assembler: Assembler, packet: Any) -> Placed:
        header = packet.header
        if header.seq != 40:
            return add(assembler, packet)
        seq = assembler._near_seq + seq_distance(header.seq, assembler._near_seq & 0xFFFF)
        assembler._seqs.add(seq, 1)
        assembler._live_frame = header.first_frame + header.n_frames
        return Placed(header.first_frame, header.n_frames, False, -1)

    monkeypatch.setattr(Assembler, "add", forgetful)
    monkeypatch.setattr(Coverage, "gaps", lambda coverage, head=None: [])
    account = await short_demo()
    assert account["frames_lost_silently"] == 20


async def test_recorder_that_drops_a_packet_is_found_out(home, monkeypatch):
    """It arrived, so the stream has no gap; the file lacks it."""
    append = Recording.append

    def forgetful(recording: Recording, plain_packet: bytes, next_seq: int) -> None:
        if next_seq != 41:
            append(recording, plain_packet, next_seq)

    monkeypatch.setattr(Recording, "append", forgetful)
    account = await short_demo()
    assert account["frames_lost_silently"] == 20
    assert account["frames_recorded"] == account["frames_expected"] - 20
    assert account["gaps"] == []


async def test_recording_begins_with_the_first_frame_however_slow_the_disk(home, monkeypatch):
    """Packets that come while the file is being made belong to it."""
    begin = Recording.begin.__func__

    def slow(cls: type, *arguments: Any) -> Recording:
        import time

        time.sleep(0.4)
        return begin(cls, *arguments)

    monkeypatch.setattr(Recording, "begin", classmethod(slow))
    account = await short_demo()
    assert account["frames_recorded"] == account["frames_expected"] >= 2000
    assert account["frames_lost_silently"] == 0


@pytest.mark.full
async def test_wearer_of_a_strangers_recording_has_no_affected_side(home, recording_path):
    account = await run_demo(home, "--seconds", 1, "--source", recording_path)
    assert account["affected_side"] is None


async def test_place_where_the_converters_output_cannot_go_is_named(home):
    done = await home.run("demo", "--headless", "--tap", "/nonexistent/x")
    text = done.sentence(2)
    assert text.startswith("The converter's output cannot be written to /nonexistent/x")
    assert home.recordings() == []


async def test_wrong_blackout_is_refused(home):
    done = await home.run("demo", "--headless", "--radio-blackout", "1,inf")
    assert "blackout" in done.sentence(2)
