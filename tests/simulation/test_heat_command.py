"""``faceloop heat simulate``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from faceloop.cli import app
from faceloop.errors import UsageError
from faceloop.output import heat_lines
from faceloop.tasks import heat as tasks_heat
from faceloop.tasks import heat_faults, heat_plot
from faceloop.twin.heat import campaign
from faceloop.twin.heat.faults import FAULTS, fault_named
from faceloop_protocol import heat as h

RUNNER = CliRunner()
HEALTHY = campaign.Run(
    fault=None,
    begun_in=h.WARMUP,
    max_skin_degc=39.0,
    dose_cem43=0.1,
    off_s=None,
    resumed_s=None,
    heated_s=None,
    n_tests=0,
    split_s=None,
    state=h.COOL,
    cause=h.SESSION_DONE,
    n_crashes=0,
)


def test_json_names_what_was_asked_for() -> None:
    done = RUNNER.invoke(
        app, ["heat", "simulate", "--wearers", "2", "--fault", "ntc_open", "--json"]
    )
    assert done.exit_code == 0
    result = json.loads(done.stdout)
    assert [run["wearer"] for run in result["runs"]] == [0, 1]
    for run in result["runs"]:
        assert run["state"] == "LATCHED"
        assert run["fault_to_off_s"] <= 0.5
        assert run["max_skin_degc"] < 43.0


def test_same_seed_gives_the_same_result() -> None:
    arguments = ["heat", "simulate", "--wearers", "3", "--fault", "fold", "--seed", "5", "--json"]
    assert RUNNER.invoke(app, arguments).stdout == RUNNER.invoke(app, arguments).stdout


def test_sessions_are_the_same_in_how_many_processes_they_are_played(tmp_path: Path) -> None:
    def play(n_processes: int, plot: Path | None) -> dict[str, object]:
        return tasks_heat.simulate(
            n_wearers=5, fault="ntc_open", state="WARMUP", plot=plot, n_processes=n_processes
        )

    assert play(2, None) == play(1, None)
    plot = tmp_path / "session.png"
    assert play(2, plot) == play(1, plot)


@pytest.mark.parametrize(
    ("n_wearers", "n_cores", "expected"),
    [(199, 8, 1), (200, 8, 2), (10_000, 8, 8), (10_000, None, 1)],
)
def test_every_core_plays_where_that_is_worth_it(
    n_wearers: int, n_cores: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def played(_: object, wearers: range, n_processes: int) -> list[list[dict[str, object]]]:
        asked.append(n_processes)
        return []

    monkeypatch.setattr(tasks_heat.os, "cpu_count", lambda: n_cores)
    monkeypatch.setattr(tasks_heat, "_played", played)
    tasks_heat.simulate(n_wearers=n_wearers)
    assert asked == [expected]


@pytest.mark.parametrize("wrong", [["--fault", "nonsense"], ["--state", "COOL"]])
def test_wrong_name_is_one_calm_line(wrong: list[str]) -> None:
    done = RUNNER.invoke(app, ["heat", "simulate", *wrong])
    assert done.exit_code == 2
    assert done.stderr.startswith("faceloop: There is no ")
    assert done.stderr.count("\n") == 1


def test_help_and_a_wrong_name_list_every_fault() -> None:
    helped = " ".join(RUNNER.invoke(app, ["heat", "simulate", "--help"]).stdout.split())
    wrong = RUNNER.invoke(app, ["heat", "simulate", "--fault", "nonsense"]).stderr
    names = ", ".join(fault.name for fault in FAULTS)
    assert f"What breaks: {names}." in helped
    assert wrong == f"faceloop: There is no fault 'nonsense'. Use all, none, or: {names}.\n"


@pytest.mark.parametrize("state", ["WARMUP", "HOLD", "PAUSED"])
@pytest.mark.parametrize("minutes", [1, 3])
def test_fault_begins_within_the_session_however_short(state: str, minutes: int) -> None:
    result = tasks_heat.simulate(fault="all", state=state, minutes=minutes)
    assert {run["begun_in"] for run in result["runs"]} == {state}
    assert result["missed"] == 0, [run for run in result["runs"] if run["missed"]]
    quick = [run for run in result["runs"] if run["row"] in (1, 5, 6, 7, 8, 9, 10)]
    assert {run["state"] for run in quick} == {"LATCHED", "LOCKED"}


def test_session_without_a_fault_is_measured_from_its_beginning() -> None:
    result = tasks_heat.simulate(minutes=1)
    (run,) = result["runs"]
    assert (result["minutes"], run["begun_in"], run["state"]) == (1, "WARMUP", "COOL")
    assert (run["fault_to_off_s"], run["within_s"], run["missed"]) == (None, None, [])
    # The warm-up counts; a fault's dose is counted from the fault on, here half a minute.
    late = tasks_heat.simulate(fault="breeze", minutes=1)["runs"][0]
    assert run["cem43"] > 1.5 * late["cem43"] > 0


def test_healthy_session_that_latches_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tasks_heat, "run_healthy", lambda bench, **how: dataclasses.replace(HEALTHY, cause=h.RISE)
    )
    assert tasks_heat.simulate()["missed"] == 1


def test_heat_that_comes_back_after_a_fault_is_not_off() -> None:
    fault = fault_named("pad_off")
    gone = dataclasses.replace(HEALTHY, off_s=0.0, state=h.COOL)
    assert campaign.misses(gone, fault) == []
    back = dataclasses.replace(gone, heated_s=fault.within_s + 0.25)
    assert campaign.misses(back, fault) == ["off after 60.25 s"]


def test_all_faults_are_found_and_the_fold_that_nothing_can_see_is_listed_apart() -> None:
    done = RUNNER.invoke(app, ["heat", "simulate", "--fault", "all"])
    assert done.exit_code == 0, done.stdout
    found, _, apart = done.stdout.partition("Apart, ")
    assert "not as it should be" not in found and "fold_unsensed" not in found
    assert "not as it should be: skin" in apart
    assert "1 of 1 with an unseen fold were too hot." in apart


def test_many_sessions_are_listed_by_row_and_what_was_missed_with_it() -> None:
    found = {"row": 2, "fault": "ntc_detached", "layer": "firmware"}
    run = {**found, "max_skin_degc": 39.0, "cem43": 0.1}
    fold = {**run, "row": 17, "fault": "fold_unsensed", "layer": "mechanical"}
    runs = [{**run, "wearer": n, "missed": ["off after 6.40 s"] * (n > 97)} for n in range(100)]
    runs += [{**fold, "wearer": n, "missed": ["skin 49.10 C"]} for n in range(30)]
    lines = list(heat_lines({"runs": runs, "plot": None, "missed": 2, "mechanical": 30}))
    at = next(n for n, line in enumerate(lines) if line.startswith("Apart, "))
    (row,) = [line for line in lines[:at] if "ntc_detached" in line]
    assert row.split()[:6] == ["2", "ntc_detached", "100", "2", "39.00", "0.100"]
    assert row.endswith("wearer 98: off after 6.40 s")
    (apart,) = [line for line in lines[at:] if "fold_unsensed" in line]
    assert apart.split()[:4] == ["17", "fold_unsensed", "30", "30"]
    assert not any("fold" in line for line in lines[:at])


def test_fault_that_the_electronics_miss_ends_with_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = dataclasses.replace(fault_named("ntc_open"), within_s=0.001)
    monkeypatch.setattr(heat_faults, "FAULTS", (late, fault_named("fold_unsensed")))
    done = RUNNER.invoke(app, ["heat", "simulate", "--fault", "all", "--json"])
    assert done.exit_code == 1
    result = json.loads(done.stdout)
    assert (result["missed"], result["mechanical"]) == (1, 1)


def test_plot_is_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "session.png"
    done = RUNNER.invoke(app, ["heat", "simulate", "--plot", str(picture)])
    assert done.exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "advice"),
    [("no/a.png", "make it first."), ("a.xyz", "ends in .png, not "), ("f.png", "another name")],
)
def test_picture_without_a_place_is_one_line_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, advice: str
) -> None:
    (tmp_path / "f.png").mkdir()
    monkeypatch.setattr(tasks_heat, "_wearer_runs", None)  # nothing is played
    done = RUNNER.invoke(app, ["heat", "simulate", "--plot", str(tmp_path / name)])
    assert done.exit_code == 2
    assert advice in done.stderr and done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["f.png"]


def test_disk_that_does_not_take_the_picture_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tasks_heat, "draw", full)
    done = RUNNER.invoke(app, ["heat", "simulate", "--plot", str(tmp_path / "a.png")])
    assert done.exit_code == 7
    assert "a.png cannot be written (No space left on device). Make room" in done.stderr


def test_result_is_said_without_a_negative_and_its_unit_in_words() -> None:
    done = RUNNER.invoke(app, ["heat", "simulate"])
    assert "1 of 1 sessions went as they should." in done.stdout
    assert "CEM43 is the skin's dose of heat: as many minutes at 43 C" in done.stdout


def test_missing_matplotlib_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match=r"pip install 'faceloop\[plot\]'"):
        heat_plot.check_picture(tmp_path / "a.png")
