"""`const` where there is no MicroPython; the development environment has a copy of its own."""

from __future__ import annotations

import runpy
import sys

import pytest

from faceloop_protocol import _compat


def test_const_is_its_value_in_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "micropython", None)
    const = runpy.run_path(_compat.__file__)["const"]
    assert const(7) == 7
