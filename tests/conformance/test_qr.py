"""The QR code that a board draws of its label, beside that of an established encoder (segno)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import segno
from tests.fakes.qr_reading import modules

from faceloop.device.key_store import label_of

SCRIPT = Path(__file__).parent / "board" / "qr.py"
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MOST = 61


def by_segno(text: str) -> list[list[int]]:
    made = segno.make(
        text, version=3, error="m", mask=0, mode="alphanumeric", boost_error=False, micro=False
    )
    return [list(row) for row in made.matrix]


def ends_on_a_byte(n_chars: int) -> bool:
    """Return whether the data end there: segno fills one byte of zeros in between then."""
    return (4 + 9 + n_chars // 2 * 11 + n_chars % 2 * 6 + 4) % 8 == 0


def test_board_draws_the_code_that_another_encoder_draws(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    draw = random.Random(1)
    texts = [label_of(draw.randbytes(8), draw.randbytes(16)).upper() for _ in range(20)]
    for n_chars in range(1, MOST + 1):
        if not ends_on_a_byte(n_chars):
            texts.append("".join(draw.choices(CHARACTERS, k=n_chars)))
    path = tmp_path / "texts"
    path.write_text("\n".join(texts))
    lines = on_board(SCRIPT, str(path)).splitlines()
    assert len(lines) == len(texts) > 60
    for text, line in zip(texts, lines, strict=True):
        assert bytes.fromhex(line) == bytes(module for row in by_segno(text) for module in row), (
            text
        )


def test_text_that_does_not_fit_is_refused(on_board: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "texts"
    path.write_text("\n".join(["A" * MOST, "A" * (MOST + 1), "fl1:"]))
    drawn, *refused = on_board(SCRIPT, str(path)).splitlines()
    assert len(bytes.fromhex(drawn)) == 29 * 29
    assert len(refused) == 2 and all(line.startswith("refused: ") for line in refused)


def test_lines_for_a_terminal_show_every_row_and_a_margin(
    on_board: Callable[..., str], tmp_path: Path
) -> None:
    text = label_of(bytes(8), bytes(16)).upper()
    path = tmp_path / "texts"
    path.write_text(text)
    assert modules(on_board(SCRIPT, str(path), "lines").splitlines()) == by_segno(text)
