"""The protocol package by its vectors, in CPython; `conformance` has MicroPython do the same."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[2]
VECTORS = TESTS / "vectors" / "messages.json"
CHECKS = runpy.run_path(str(TESTS / "conformance" / "board" / "messages.py"))
CONTENT = json.loads(VECTORS.read_text(encoding="ascii"))
CASES = [
    pytest.param(kind, case, id=f"{kind}-{number}")
    for kind, cases in CONTENT.items()
    if kind != "made_by" and kind not in CHECKS["BOARD_ONLY"]
    for number, case in enumerate(cases)
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_vector_holds(kind: str, case: dict[str, Any]) -> None:
    CHECKS["CHECKS"][kind](case)


def test_every_check_and_every_parser_has_vectors() -> None:
    assert set(CHECKS["CHECKS"]) == set(CONTENT) - {"made_by"}
    assert set(CHECKS["PARSERS"]) == {case["parser"] for case in CONTENT["refused"]}


def test_vectors_are_those_of_the_script() -> None:
    script = runpy.run_path(str(VECTORS.with_name("make_messages.py")))
    assert VECTORS.read_text(encoding="ascii") == script["text"]()
