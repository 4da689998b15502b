"""Chunks: whole, torn, flipped, embedded, random; and the header they carry."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop.errors import StorageError, UsageError
from faceloop.session import journal_format as jf
from faceloop.session.journal_format import Chunk, ChunkType, Damage, encode_chunk, scan
from faceloop.session.journal_header import JournalHeader
from faceloop_protocol.info import BOARD_VIRTUAL, Info

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))


@pytest.fixture(scope="session")
def kit() -> Any:
    return FAKE["RecordingKit"]()


def pieces(data: bytes, n_bytes: int) -> list[bytes]:
    return [data[i : i + n_bytes] for i in range(0, len(data), n_bytes)]


def covers_all(items: list[Chunk | Damage], data: bytes) -> bool:
    at = 0
    for item in items:
        if item.offset != at:
            return False
        at = item.end if isinstance(item, Chunk) else item.offset + item.n_bytes
    return at == len(data)


@pytest.fixture(scope="module")
def chunks() -> list[bytes]:
    return [
        encode_chunk(ChunkType.EVENT, i, i * 7 - 1, 1_700_000_000_000_000_000 + i, payload)
        for i, payload in enumerate((b"", b"{}", jf.MAGIC * 3, bytes(range(256)), b"end"))
    ]


def test_chunk_layout_is_the_documented_one() -> None:
    chunk = encode_chunk(ChunkType.PACKETS, 0x01020304, -1, 0x0506, b"ab")
    assert chunk[:4] == b"\xf1FLJ"
    assert chunk[4] == 2
    assert chunk[5:9] == b"\x02\0\0\0"
    assert chunk[9:13] == b"\x04\x03\x02\x01"
    assert chunk[13:21] == b"\xff" * 8
    assert chunk[21:29] == b"\x06\x05" + bytes(6)
    assert chunk[29:31] == b"ab"
    assert len(chunk) == 35


@pytest.mark.parametrize("n_bytes", [1, 2, 3, 7, 28, 64, 10_000])
def test_scan_any_split_returns_every_chunk(chunks: list[bytes], n_bytes: int) -> None:
    data = b"".join(chunks)
    found = list(scan(pieces(data, n_bytes)))
    assert [item.sequence for item in found if isinstance(item, Chunk)] == [0, 1, 2, 3, 4]
    assert covers_all(found, data)
    again = [
        encode_chunk(ChunkType(c.type), c.sequence, c.frame, c.host_time_ns, c.payload)
        for c in found
        if isinstance(c, Chunk)
    ]
    assert again == chunks
    assert data[found[3].payload_offset :][:256] == bytes(range(256))


def test_scan_cut_at_every_byte_returns_every_whole_chunk(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    ends = list(itertools.accumulate(map(len, chunks)))
    for n_bytes in range(len(data)):
        found = list(scan([data[:n_bytes]]))
        n_whole = sum(end <= n_bytes for end in ends)
        assert [c.sequence for c in found if isinstance(c, Chunk)] == list(range(n_whole))
        assert covers_all(found, data[:n_bytes])


def test_scan_every_bit_flipped_returns_all_other_chunks(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    ends = list(itertools.accumulate(map(len, chunks)))
    for bit in range(len(data) * 8):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        hit = sum(end <= bit // 8 for end in ends)
        found = list(scan([bytes(broken)]))
        assert [c.sequence for c in found if isinstance(c, Chunk)] == [
            i for i in range(len(chunks)) if i != hit
        ]
        assert covers_all(found, broken)


@pytest.mark.parametrize("noise", [b"x", jf.MAGIC, jf.MAGIC[:3], bytes(5000), jf.MAGIC * 50])
def test_scan_rubbish_between_chunks_is_named_and_passed_over(
    chunks: list[bytes], noise: bytes
) -> None:
    data = noise.join(chunks) + noise
    for n_bytes in (5, 4096):
        found = list(scan(pieces(data, n_bytes)))
        assert [c.sequence for c in found if isinstance(c, Chunk)] == [0, 1, 2, 3, 4]
        assert [d.n_bytes for d in found if isinstance(d, Damage)] == [len(noise)] * 5
        assert covers_all(found, data)


def test_scan_chunk_length_past_the_limit_is_damage() -> None:
    whole = encode_chunk(ChunkType.EVENT, 1, 0, 0, b"x" * jf.MAX_CHUNK_PAYLOAD_BYTES)
    assert [type(item) for item in scan([whole])] == [Chunk]
    with pytest.raises(StorageError, match="65537"):
        encode_chunk(ChunkType.EVENT, 1, 0, 0, b"x" * (jf.MAX_CHUNK_PAYLOAD_BYTES + 1))
    longer = bytearray(whole)
    longer[5:9] = (jf.MAX_CHUNK_PAYLOAD_BYTES + 1).to_bytes(4, "little")
    assert list(scan([bytes(longer) + bytes(9)])) == [Damage(0, len(longer) + 9)]


def test_scan_unknown_type_is_a_chunk() -> None:
    chunk = bytearray(encode_chunk(ChunkType.EVENT, 1, 0, 0, b"x"))
    chunk[4] = 99
    chunk[-4:] = jf._CRC.pack(jf.zlib.crc32(chunk[:-4]))
    (item,) = scan([bytes(chunk)])
    assert isinstance(item, Chunk)
    assert item.type == 99


@given(st.lists(st.binary(max_size=60) | st.just(jf.MAGIC), max_size=12))
def test_scan_random_bytes_never_raises_and_names_each_byte(blocks: list[bytes]) -> None:
    assert covers_all(list(scan(blocks)), b"".join(blocks))


@given(st.binary(max_size=300))
def test_payload_parsers_random_bytes_raise_storage_error_only(payload: bytes) -> None:
    for parse in (jf.decode_json, jf.decode_gap, jf.decode_end):
        with contextlib.suppress(StorageError):
            parse(payload)
    with contextlib.suppress(StorageError):
        list(jf.split_packets(payload))


def test_payloads_round_trip() -> None:
    assert jf.decode_gap(jf.encode_gap(1 << 40, 17)) == (1 << 40, 17)
    assert jf.decode_end(jf.encode_end(1 << 33)) == 1 << 33
    assert list(jf.split_packets(b"\x02ab\x01c")) == [(1, b"ab"), (4, b"c")]
    with pytest.raises(StorageError):
        list(jf.split_packets(b"\x02ab\x02c"))


def test_encode_json_not_finite_becomes_null() -> None:
    content = {"a": math.nan, "b": [math.inf, 1.5], "c": {"d": -math.inf}, "e": "é"}
    data = jf.encode_json(content)
    assert data.isascii()
    assert json.loads(data) == {"a": None, "b": [None, 1.5], "c": {"d": None}, "e": "é"}


def test_decode_json_deep_nesting_raises_storage_error() -> None:
    with pytest.raises(StorageError):
        jf.decode_json(b"[" * 60_000)


# -- the header ---------------------------------------------------------------------------------


def test_header_round_trip_keeps_everything(kit: Any) -> None:
    header = kit.header(extra={"programme": [1, 2]}, first_frame=1 << 33, montage="guarded8")
    assert JournalHeader.from_json(json.loads(jf.encode_json(header.to_json()))) == header


def test_header_from_info_takes_the_boards_word() -> None:
    info = Info(
        1,
        (0, 3, 1),
        BOARD_VIRTUAL,
        0x92,
        8,
        2000,
        12,
        23_841_861,
        4,
        256,
        16,
        0,
        b"\x01" * 8,
        7,
        "x",
    )
    labels = tuple(f"muscle_{i}" for i in range(8))
    header = JournalHeader.from_info(info, labels, stream_id=9, start_utc_ns=1_700_000_000 * 10**9)
    assert header.fs_hz == 2000
    assert header.lsb_uv == pytest.approx(0.023841861)
    assert (header.stream_id, header.board, header.firmware) == (9, "virtual", "0.3.1")
    assert header.device_id == "01" * 8
    assert header.start_local == header.start_utc


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ("a",) * 7},
        {"fs_hz": 1999},
        {"fs_hz": 0},
        {"lsb_uv": 0.0},
        {"lsb_uv": 1.0},
        {"pseudonym": ""},
        {"pseudonym": "Jane Doe"},
        {"pseudonym": "x" * 33},
        {"first_frame": -1},
        {"start_utc_ns": -1},
        {"start_utc_ns": 0},
        {"start_utc_ns": 1 << 62},
        {"utc_offset_s": 86_400},
    ],
)
def test_header_value_out_of_range_is_refused(kit: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        kit.header(**changes)
    content = json.loads(json.dumps({**kit.header().to_json(), **changes}))
    with pytest.raises(StorageError):
        JournalHeader.from_json(content)


@pytest.mark.parametrize("member", ["labels", "fs_hz", "lsb_uv", "stream_id", "start_utc_ns"])
@pytest.mark.parametrize("value", [None, True, "1", [1], {}])
def test_header_member_missing_or_of_wrong_type_is_refused(
    kit: Any, member: str, value: Any
) -> None:
    content = json.loads(json.dumps(kit.header().to_json()))
    with pytest.raises(StorageError):
        JournalHeader.from_json({**content, member: value})
    del content[member]
    with pytest.raises(StorageError):
        JournalHeader.from_json(content)


def test_header_of_another_version_says_update(kit: Any) -> None:
    content = json.loads(json.dumps(kit.header().to_json()))
    with pytest.raises(StorageError, match="Update faceloop"):
        JournalHeader.from_json({**content, "journal_version": 2})
    assert JournalHeader.from_json({**content, "new_member": 1}) == kit.header()


ODD_VALUES = (
    *(None, True, -1, 0, 1, 1 << 70, 0.5, 1e308, math.nan, math.inf, "", "X", "a b", "\ud800"),
    *([], {}, [""] * 8, ["\u2028"] * 8, [1] * 8, [[]], {"a": [{}]}),
)


@given(
    st.dictionaries(
        st.sampled_from(sorted(JournalHeader.__dataclass_fields__)), st.sampled_from(ODD_VALUES)
    )
)
def test_header_odd_members_raise_storage_error_only(changes: dict[str, Any]) -> None:
    base = {
        "labels": ["a"] * 8,
        "fs_hz": 2000,
        "lsb_uv": 0.02,
        "stream_id": 1,
        "start_utc_ns": 1_700_000_000_000_000_000,
        "journal_version": 1,
    }
    with contextlib.suppress(StorageError):
        header = JournalHeader.from_json({**base, **changes})
        assert header.start_local == header.start_utc
