"""Fakes for the tests of the virtual board, and pages without a browser."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faceloop.training import pin

FAKES = Path(__file__).resolve().parents[2] / "fakes"


def load_fake(name: str) -> ModuleType:
    """Import ``tests/fakes/<name>.py``; importlib mode puts no folder on the path."""
    spec = importlib.util.spec_from_file_location(name, FAKES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def real_scrypt_n() -> Iterator[int]:
    """A PIN's hash is slow on purpose: here it is quick, and this is what it was."""
    real = pin.SCRYPT_N
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pin, "SCRYPT_N", 16)
        yield real


@pytest.fixture
def fake_clock() -> Any:
    """A clock that stands still until told."""
    return load_fake("fake_source").FakeClock()


@pytest.fixture
def make_counter_source() -> Any:
    """Makes sources whose frames are numbered."""
    return load_fake("fake_source").CounterSource


@pytest.fixture
def make_rig(
    tmp_path: Path, fake_clock: Any, make_counter_source: Any
) -> Iterator[Callable[..., Any]]:
    """Makes front ends by themselves; see ``front_end_rig.py``."""
    rig_class = load_fake("front_end_rig").Rig
    rigs: list[Any] = []

    def make(n_samples: int | None = None, source: Any = None, **options: Any) -> Any:
        source = source or make_counter_source(n_samples)
        rigs.append(rig_class(tmp_path, fake_clock, source, **options))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.frontend.close()


@pytest.fixture
def open_page(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens the app's pages in German, over the data in ``tmp_path``; see ``fake_page.py``."""
    page_class = load_fake("fake_page").Page
    live_class = load_fake("fake_live").FakeLive
    opened: list[Any] = []

    def begin(**room: Any) -> Any:
        opened.append(page_class(live_class(alerts=False), tmp_path, "de", **room))
        return opened[-1]

    yield begin
    for page in opened:
        page.close()
