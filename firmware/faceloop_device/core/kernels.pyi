# What callers may pass: the viper code itself takes pointers, which no Python type describes.
from array import array

_Words = bytearray | memoryview | array[int]
_Octets = bytes | bytearray | memoryview

ROW: int

def count_good(ring: _Words, word_mask: int, word: int, n_frames: int) -> int: ...
def store_frame(ring: _Words, word_mask: int, word: int, frame: _Octets, lost: int) -> None: ...
def take_mark(ring: _Words, word_mask: int, word: int) -> int: ...
def add_squares(
    ring: _Words, word_mask: int, word: int, n_frames: int, sums: array[int]
) -> int: ...
def halve(ring: _Words, word_mask: int, word: int, n_pairs: int, out: array[int]) -> None: ...
def straighten(ring: _Words, word_mask: int, word: int, n_words: int, out: array[int]) -> None: ...
def fold(
    u: int,
    v: int,
    i: int,
    frames: _Words,
    word: int,
    n_frames: int,
    shift: int,
    scratch: array[int],
) -> None: ...
def fit(
    i: int, size: int, k: int, scratch: array[int], n_frames: int, width: int, most_bits: int
) -> int: ...
def emit(
    acc: int,
    held: int,
    q: int,
    scratch: array[int],
    n_frames: int,
    width: int,
    out: bytearray,
    frames: _Words,
    at: int,
    flags: int,
    seq: int,
    first_frame: int,
    dropped: int,
) -> int: ...
def copy(target: bytearray, to: int, source: _Octets, start: int, n_bytes: int) -> None: ...
def number_blocks(blocks: bytearray, stream_id: int, first_frame: int, n_blocks: int) -> None: ...
def xor(target: bytearray, start: int, key: _Octets, n_bytes: int) -> None: ...
