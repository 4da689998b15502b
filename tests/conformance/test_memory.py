"""What the program takes of each board's memory, and whether that is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faceloop.tasks.program import PROFILES

ROOT = Path(__file__).parents[2]
MEMORY = Path(__file__).parent / "board" / "memory.py"

# Words have 64 bits here and 32 on a board. Of what is no buffer, the same files compiled and
# loaded by a MicroPython of 32 bits (1.29 for WebAssembly) took 0.71 to 0.72 of what they take
# here, on each of the boards. That port collects its heap only between two calls from outside:
# measured within one, as it was at first, garbage counts too and the ratio seems to be 0.96.
WORD_RATIO = 0.72
# Native code is part of the heap on a board, not here: kernels.py compiled for an RP2350 is a file
# of 7 kB, and as plain code, as it was in WebAssembly, 3.
NATIVE_KIB = 5
# Of a Pico 2 W's 520 KiB, what its MicroPython leaves for the heap, less what four broken links
# take for good until the board starts afresh, 9 kB each.
PICO_KIB = 436 - 36
# An ESP32-S3 without PSRAM: 246 KiB at the start (micropython/micropython 12141), of which the
# radio may take 50, an estimate.
RADIO_KIB = 50
ESP32S3_KIB = 246 - RADIO_KIB


def measured(on_board: Callable[..., str], board: str, folder: Path) -> tuple[float, float, float]:
    """Return KiB of modules, of all and of buffers, as a board would have them."""
    printed = on_board(MEMORY, *board.split(), str(ROOT / "firmware"), str(folder))
    modules, made, buffers = (int(number) / 1024 for number in printed.split())
    objects = (made - buffers) * WORD_RATIO + NATIVE_KIB
    return modules * WORD_RATIO + NATIVE_KIB, buffers + objects, buffers


@pytest.mark.parametrize("board", ["pico2w plain", "pico2w heater"])
def test_program_and_its_buffers_fit_a_pico(
    on_board: Callable[..., str], tmp_path: Path, board: str
) -> None:
    modules, made, buffers = measured(on_board, board, tmp_path)
    print(f"{board}: modules {modules:.0f}, buffers {buffers:.0f}, in all {made:.0f} KiB")
    assert made <= PICO_KIB


def test_program_fits_an_esp32s3_only_where_it_is_frozen(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    """Frozen modules run from the flash; a quarter of them is allowed for what they make."""
    modules, made, buffers = measured(on_board, "esp32s3 plain", tmp_path)
    print(f"modules {modules:.0f}, buffers {buffers:.0f}, in all {made:.0f} KiB")
    assert made > ESP32S3_KIB, "it fits from the file system: say so in firmware/README.md"
    assert made - 0.75 * modules <= ESP32S3_KIB
    # What `faceloop flash` asks of a board before it copies.
    assert made + RADIO_KIB <= PROFILES["esp32s3"].needs_kib < made + RADIO_KIB + 16
