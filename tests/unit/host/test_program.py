"""What goes onto which board, and which boards are refused."""

from __future__ import annotations

import dataclasses

import pytest

from faceloop.device.board_prompt import About
from faceloop.errors import UsageError
from faceloop.tasks.program import PROFILES, build, check_micropython, main_file, profile_of
from faceloop.twin.firmware_files import FIRMWARE_VARIABLE, board_files
from faceloop_protocol.info import BOARD_NAMES

PICO = About("rp2", "Raspberry Pi Pico 2 W with RP2350", (1, 29, 0), 6 | 3 << 8 | 7 << 10)
S3 = About("esp32", "Generic ESP32S3 module with ESP32S3", (1, 29, 0), 6 | 3 << 8 | 10 << 10)
TWIN = About("linux", "linux [GCC 14.2.1] version", (1, 29, 0), 6 | 3 << 8 | 2 << 10)


def test_profiles_are_the_boards_of_the_protocol() -> None:
    assert set(PROFILES) == set(BOARD_NAMES.values())


@pytest.mark.parametrize(("about", "name"), [(PICO, "pico2w"), (S3, "esp32s3"), (TWIN, "virtual")])
def test_board_is_recognised_and_taken(about: About, name: str) -> None:
    for wanted in (None, name):
        profile = profile_of(about, wanted)
        assert profile.name == name
        check_micropython(about, profile)


def test_another_board_than_named_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match="no ESP32-S3 but a Raspberry Pi Pico 2 W"):
        profile_of(PICO, "esp32s3")


@pytest.mark.parametrize(
    ("platform", "machine"),
    [
        ("rp2", "Raspberry Pi Pico W with RP2040"),
        ("esp32", "Generic ESP32C6 module with ESP32C6"),
        ("stm32", "NUCLEO-WB55 with STM32WB55RGV6"),
    ],
)
def test_board_that_faceloop_does_not_run_on_is_refused(platform: str, machine: str) -> None:
    with pytest.raises(UsageError, match="does not run on this board"):
        profile_of(dataclasses.replace(PICO, platform=platform, machine=machine), None)


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        ((1, 28, 9), False),
        ((1, 29, 0), True),
        ((1, 29, 3), True),
        ((1, 30, 0), True),
        ((2, 0), True),
    ],
)
def test_micropython_is_refused_before_1_29(version: tuple[int, ...], is_taken: bool) -> None:
    about = dataclasses.replace(PICO, version=version)
    if is_taken:
        check_micropython(about, PROFILES["pico2w"])
    else:
        with pytest.raises(UsageError, match=r"MicroPython 1\.28\.9, faceloop needs 1\.29"):
            check_micropython(about, PROFILES["pico2w"])


def test_build_for_another_processor_is_refused() -> None:
    risc_v = dataclasses.replace(PICO, mpy=6 | 3 << 8 | 11 << 10)
    with pytest.raises(UsageError, match="not the usual one"):
        check_micropython(risc_v, PROFILES["pico2w"])


def test_program_is_every_file_but_main_compiled_and_the_name_of_the_board() -> None:
    seen: list[tuple[int, int]] = []
    files = build(PROFILES["pico2w"], lambda done, total: seen.append((done, total)))
    sources = {str(target.with_suffix(".mpy")).lstrip("/") for target, _ in board_files()}
    assert set(files) == sources - {"main.mpy"} | {"boards/chosen.mpy"}
    assert all(content[:2] == b"M\x06" for content in files.values())
    assert b"pico2w" in files["boards/chosen.mpy"]
    # Only what is native says for which processor it is: armv7emsp, sub-version 3.
    assert files["faceloop_device/core/kernels.mpy"][2] == 7 << 2 | 3
    assert seen[-1] == (len(files), len(files))
    assert b"/faceloop.slot" in main_file()


def test_file_that_does_not_compile_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    import shutil
    from pathlib import Path

    from faceloop.twin.firmware_files import firmware_root

    folder = Path(str(tmp_path)) / "firmware"
    shutil.copytree(firmware_root(), folder)
    (folder / "boards" / "pico2w.py").write_text("def (")
    monkeypatch.setenv(FIRMWARE_VARIABLE, str(folder))
    with pytest.raises(UsageError, match=r"pico2w\.py does not compile"):
        build(PROFILES["virtual"])
