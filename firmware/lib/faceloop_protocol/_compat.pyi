from collections.abc import Sequence as Sequence
from typing import Any as Any
from typing import TypeVar

_T = TypeVar("_T")

Bytes = bytes | bytearray | memoryview
MutableBytes = bytearray | memoryview

def const(value: _T) -> _T: ...
