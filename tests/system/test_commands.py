"""Every command at its work: what it prints, what it leaves, its exit code.

`demo` and `analyse` have files of their own, `run` is in `tests/browser/test_demo_page.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RECORDING = Path(__file__).parents[1] / "data" / "limb_shoulder_10ch_2khz.bdf"
# Nothing but the file can be wrong: not the keys, the disk or the virtual board.
NEEDED = {"Python", "Signal core", "Virtual board", "Data folder", "Keys of paired boards"}


def complete(account: dict[str, Any], at_least: int) -> None:
    assert account["frames_recorded"] == account["frames_expected"] >= at_least
    assert account["frames_lost_silently"] in (0, None)
    assert account["gaps"] == []


async def pairing(home) -> None:
    """By cable, then by label; the key that each of them kept opens the board."""
    board = await home.start_board()
    air = {"FACELOOP_HCI": str(board.hci_path)}
    store = home.keys.path
    ((device_id, key),) = read_keys(store).items()
    store.unlink()
    done = await home.run("pair", "--serial", board.tty_path, "--json")
    assert (done.code, done.err) == (0, "")
    label = f"FL1:{device_id}:{key}"
    assert done.account == {"device_id": device_id, "stored_in": str(store), "label": label}
    assert read_keys(store) == {device_id: key}

    store.unlink()
    done = await home.run("pair", "--label", f"FL1:{device_id}:{key}")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"Board {device_id} is paired. Its key is in {store}.\n"
    assert store.stat().st_mode & 0o777 == 0o600
    done = await home.run("record", "--seconds", 1, "--json", **air)
    assert (done.code, done.err) == (0, "")
    complete(done.account, 2000)


async def looking_around(home) -> None:
    """One board, seen on the air and in this computer, by `devices` and by `doctor`."""
    board = await home.start_board()
    air = {"FACELOOP_HCI": str(board.hci_path)}
    ((device_id, _),) = read_keys(home.keys.path).items()
    name = "faceloop-" + (device_id[-2:] + device_id[-4:-2]).upper()
    done = await home.run("devices", "--seconds", 1, "--json", **air)
    assert (done.code, done.err) == (0, "")
    found = done.account["boards"]
    (seen,) = (entry for entry in found if entry["kind"] == "bluetooth")
    assert seen["name"] == name and seen["rssi_dbm"] < 0
    virtual = [entry["address"] for entry in found if entry["kind"] == "virtual"]
    assert str(board.tty_path) in virtual
    assert done.account["notes"] == []

    done = await home.run("doctor", "--json", **air)
    assert (done.code, done.err) == (0, "")
    checks = {check["name"]: check for check in done.account["checks"]}
    assert done.account["ok"]
    assert {name for name, check in checks.items() if check["is_needed"]} == NEEDED
    assert checks["Virtual board"]["text"].startswith("MicroPython 1.")
    assert checks["Keys of paired boards"]["text"] == f"1 in {home.keys.path}"
    assert checks["Bluetooth"]["text"] == name

    (home.folder / "file").write_text("")
    done = await home.run("doctor", FACELOOP_DATA=str(home.folder / "file"), **air)
    assert (done.code, done.err) == (1, "")
    (line,) = (line for line in done.out.splitlines() if line.startswith("NO "))
    assert "Data folder" in line and "is a file" in line
    assert done.out.endswith("Something that is needed is missing.\n")


async def virtual_record(home) -> None:
    done = await home.run("record", "--virtual", "--seconds", 2, "--json")
    assert (done.code, done.err) == (0, "")
    complete(done.account, 4000)
    assert Path(done.account["recording"]).is_file()
    assert not done.account["interrupted"]
    assert not home.keys.path.exists(), "the key of a board that lives this long is not kept"


async def replay(home) -> None:
    done = await home.run("replay", "--headless", "--json", "--seconds", 2, RECORDING)
    assert (done.code, done.err) == (0, "")
    account = done.account
    assert account["recording"] is None
    assert any("Only the first 8 of 10" in text for text in account["warnings"])
    complete(account, 4000)
    assert home.recordings() == [], "nothing is recorded"


def read_keys(path: Path) -> dict[str, str]:
    """Return the keys of the paired boards by their ids, both in hexadecimal digits."""
    return json.loads(path.read_text())


SCENARIOS = (pairing, looking_around, virtual_record, replay)


@pytest.fixture(scope="module")
def outcome_of(rig: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with rig.at_once(tmp_path_factory.mktemp("commands"), *SCENARIOS) as outcome_of:
        yield outcome_of


def test_pair_keeps_the_key_of_a_board_on_a_cable_or_of_its_label(outcome_of):
    outcome_of(pairing)


def test_devices_and_doctor_see_the_board_and_doctor_what_is_wrong(outcome_of):
    outcome_of(looking_around)


def test_record_with_a_virtual_board_makes_a_whole_recording(outcome_of):
    outcome_of(virtual_record)


def test_replay_plays_a_recording_and_records_nothing(outcome_of):
    outcome_of(replay)
