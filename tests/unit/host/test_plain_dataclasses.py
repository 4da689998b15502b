"""Dataclasses made faster behave like those of the standard library."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from faceloop.plain_dataclasses import plain_dataclasses

ORDINARY = dataclasses.dataclass
SOURCE = '''
import dataclasses
from dataclasses import dataclass, field


@dataclass
class Point:
    x: float
    y: float = 2.0
    seen: int = field(default=0, compare=False)
    secret: str = field(default="s", repr=False)


@dataclass
class Point3(Point):
    z: float = 3.0


class Renamed(Point3):
    pass


@dataclass()
class WithItsOwn:
    """Said by its author."""

    x: int

    def __repr__(self) -> str:
        return "own"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7


@dataclass
class OwnHash:
    x: int

    def __hash__(self) -> int:
        return 8


@dataclasses.dataclass(frozen=True, order=True)
class Frozen:
    x: int


@dataclasses.dataclass
class Node:
    next: object = None
'''


def made(name: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module  # where dataclasses look for the meaning of annotations
    try:
        exec(SOURCE, module.__dict__)
    finally:
        del sys.modules[name]
    return module


@pytest.fixture(scope="module")
def both() -> tuple[ModuleType, ModuleType]:
    """The same classes, made in the ordinary way and in ours."""
    ordinary = made("shapes")
    with plain_dataclasses():
        plain = made("shapes")
    return ordinary, plain


NAN = float("nan")
SAID: list[Callable[[Any], Any]] = [
    lambda m: repr(m.Point(1.0)),
    lambda m: repr(m.Renamed(1.0, seen=4)),
    lambda m: repr(m.WithItsOwn(1)),
    lambda m: repr(m.Frozen(1)),
    lambda m: (m.Point(1.0) == m.Point(1.0, seen=3), m.Point(1.0) == m.Point(1.5)),
    lambda m: (m.Point(1.0) != m.Point(1.0), m.Point(1.0) == m.Point(1.0, secret="t")),
    lambda m: (m.Point3(1.0) == m.Point(1.0), m.Point(1.0) == m.Point3(1.0)),
    lambda m: (m.Renamed(1.0) == m.Renamed(1.0), m.Renamed(1.0) == m.Point3(1.0)),
    lambda m: (m.Point(NAN) == m.Point(NAN), m.Point(1.0) == 1.0),
    lambda m: (m.WithItsOwn(1) == m.WithItsOwn(2), hash(m.WithItsOwn(1))),
    lambda m: (m.Frozen(1) < m.Frozen(2), hash(m.Frozen(1)) == hash(m.Frozen(1))),
    lambda m: (m.Point.__hash__, m.Renamed.__hash__, hash(m.OwnHash(1))),
    lambda m: m.OwnHash(1) == m.OwnHash(1),
    lambda m: (m.WithItsOwn.__doc__, m.Point.__match_args__, m.Point3.__match_args__),
    lambda m: dataclasses.asdict(dataclasses.replace(m.Point3(1.0), y=9.0)),
    lambda m: [field.name for field in dataclasses.fields(m.Renamed)],
]


@pytest.mark.parametrize("say", SAID)
def test_plain_dataclass_does_what_an_ordinary_one_does(
    both: tuple[ModuleType, ModuleType], say: Callable[[Any], Any]
) -> None:
    ordinary, plain = both
    assert say(plain) == say(ordinary)


def test_plain_dataclass_that_contains_itself_is_shown(
    both: tuple[ModuleType, ModuleType],
) -> None:
    node = both[1].Node()
    node.next = node
    assert repr(node) == "Node(next=...)"


def test_ordinary_dataclasses_are_back_afterwards() -> None:
    with pytest.raises(ZeroDivisionError), plain_dataclasses():
        assert dataclasses.dataclass is not ORDINARY
        raise ZeroDivisionError
    assert dataclasses.dataclass is ORDINARY


PROGRAM = """
import {first}
from bumble import hci
shared = hci.HCI_Reset_Command.__repr__ is hci.HCI_Disconnect_Command.__repr__
assert shared, "Bumble was loaded before faceloop.quiet_bumble"
"""


@pytest.mark.parametrize("first", ["faceloop.twin.radio", "faceloop.device.bluetooth"])
def test_bumble_is_loaded_with_plain_dataclasses(first: str) -> None:
    """By the board, and by a host that is told to use a virtual radio."""
    use = "\nfaceloop.device.bluetooth.use_virtual('nowhere')" if "device" in first else ""
    program = PROGRAM.replace("from bumble", f"{use}\nfrom bumble", 1).format(first=first)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
