"""The acceptance tests T1 to T12, which reproduce published numbers, are all there by name."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
LAST = 12


def test_each_published_number_has_a_test_of_its_name() -> None:
    names = {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^def (\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    missing = [
        f"T{n}"
        for n in range(1, LAST + 1)
        if not any(name.startswith(f"test_t{n}_") for name in names)
    ]
    assert missing == []
