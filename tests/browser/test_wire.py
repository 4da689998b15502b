"""The binary messages: Python and JavaScript agree byte for byte, and nothing else is accepted."""

from __future__ import annotations

import base64
import contextlib
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.async_api import Page

from faceloop.session.live import LiveEvent
from faceloop.ui import wire

browser_test = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


def message(**changes: Any) -> bytes:
    columns_uv = np.arange(8 * 3 * 2, dtype=np.float32).reshape(8, 3, 2) - 24
    columns_uv[7, 1] = np.nan
    columns_uv[6, 2] = (-5000.0, 5000.0)
    fields: dict[str, Any] = {
        "sequence": 2**32 + 7,
        "fs_hz": 2000.0,
        "column_frames": 10,
        "first_column": 500_000_000,
        "last_frame": 5_000_000_034,
        "electrode_time_s": 123456.789,
        "columns_uv": columns_uv,
        "envelope_uv": np.array([1, 2, 3, 4, 5, 6, 7, np.nan], np.float32),
        "rest_uv": np.full(8, np.nan, np.float32),
        "symmetry": np.array([0.25, np.nan, 1, 0], np.float32),
        "events": (
            LiveEvent("synkinesis", 5_000_000_030, "Linkes Auge – läuft mit", 0, index=1.75),
            LiveEvent("onset_cue", -1),
            LiveEvent("unheard of", 3, channel=999),
        ),
        "is_calibrated": True,
    }
    return wire.pack_live(**(fields | changes))


def test_header_layout_is_the_documented_one() -> None:
    data = message()
    assert struct.unpack_from("<BBBBI", data) == (1, 1, 8, 1, 7)
    assert struct.unpack_from("<ddd", data, 8) == (5e9, 5_000_000_034, 123456.789)
    assert struct.unpack_from("<HHBBH", data, 40) == (10, 3, 4, 3, 0)
    assert len(data) == 48 + 32 + 32 + 16 + 8 * 3 * 4 + 3 * 16 + len(
        "Linkes Auge – läuft mit".encode()
    )


def test_long_text_is_cut_between_characters() -> None:
    data = message(events=(LiveEvent("note", 0, "ä" * 400),))
    (text_bytes,) = struct.unpack_from("<H", data, len(message(events=())) + 2)
    assert text_bytes == wire.MAX_TEXT_BYTES
    data = message(events=(LiveEvent("note", 0, "x" + "ä" * 400),))
    assert data[-(wire.MAX_TEXT_BYTES - 1) :].decode() == "x" + "ä" * 249


GUIDE = wire.Guide(
    "hold", 0.25, 0.5, 0.125, 0.375, math.nan, 0.375, 2.5, pitch=0.75, volume=0.0, is_muted=True
)


def test_guide_follows_the_events() -> None:
    data, without = message(guide=GUIDE), message()
    assert len(data) == len(without) + 40
    assert data[3] == 1 | 2
    tail = struct.unpack_from("<BBHfffffffff", data, len(without))
    assert tail[:7] == (3, 1 | 2, 0, 0.25, 0.5, 0.125, 0.375)
    assert math.isnan(tail[7]) and tail[8:] == (0.375, 2.5, 0.75, 0.0)


DECODE = """async (text) => {
  const { decode } = await import("/assets/wire.js");
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const m = decode(bytes.buffer);
  const plain = (v) => (Number.isNaN(v) ? "nan" : v);
  for (const k of ["envelopeUv", "restUv", "symmetry", "columns"]) m[k] = [...m[k]].map(plain);
  if (m.guide) m.guide.shares = m.guide.shares.map(plain);
  m.events = m.events.map((e) => ({ ...e, index: plain(e.index) }));
  return m;
}"""


class TestInTheBrowser:
    pytestmark = browser_test

    async def test_browser_decodes_the_guide(self, train: Page) -> None:
        text = base64.b64encode(message(guide=GUIDE)).decode()
        guide = (await train.evaluate(DECODE, text))["guide"]
        assert guide["phase"] == "hold" and guide["shares"] == ["nan", 0.375]
        assert (guide["isShown"], guide["isMuted"], guide["isJoined"]) == (True, True, False)
        assert [
            guide[name]
            for name in ("goal", "hold", "low", "high", "remainingS", "pitch", "volume")
        ] == [
            *(0.25, 0.5, 0.125, 0.375),
            *(2.5, 0.75, 0.0),
        ]

    async def test_browser_decodes_what_the_server_packs(self, train: Page) -> None:
        got = await train.evaluate(DECODE, base64.b64encode(message()).decode())
        assert got["sequence"] == 7
        assert got["isCalibrated"] is True
        assert (got["firstColumn"], got["lastFrame"]) == (500_000_000, 5_000_000_034)
        assert (got["fsHz"], got["columnFrames"], got["nColumns"]) == (2000, 10, 3)
        assert got["electrodeTimeS"] == 123456.789
        assert got["envelopeUv"] == [1, 2, 3, 4, 5, 6, 7, "nan"]
        assert got["restUv"] == ["nan"] * 8
        assert got["symmetry"] == [0.25, "nan", 1, 0]
        counts = [(value - 24) * 10 for value in range(48)]
        counts[44:46] = [wire.GAP, wire.GAP]  # channel 7, column 1
        counts[40:42] = [wire.GAP + 1, -wire.GAP - 1]  # channel 6, column 2: clipped
        assert got["columns"] == counts
        assert [event["kind"] for event in got["events"]] == ["synkinesis", "onset_cue", "note"]
        assert got["events"][0] == {
            "kind": "synkinesis",
            "channel": 0,
            "index": 1.75,
            "frame": 5_000_000_030,
            "text": "Linkes Auge – läuft mit",
        }
        assert [event["channel"] for event in got["events"]] == [0, -1, -1]

    async def test_browser_decodes_a_pong(self, train: Page) -> None:
        data = wire.pack_pong(wire.Ping(12.5), 99.25, 3, 0.5, 4.0)
        got = await train.evaluate(
            "async (text) => (await import('/assets/wire.js')).decode("
            "Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)",
            base64.b64encode(data).decode(),
        )
        assert got == {
            "type": 2,
            "dropped": 3,
            "clientMs": 12.5,
            "serverS": 99.25,
            "queueP50Ms": 0.5,
            "queueP99Ms": 4,
        }

    async def test_server_decodes_what_the_browser_encodes(self, train: Page) -> None:
        got = await train.evaluate(
            """async () => {
              const w = await import("/assets/wire.js");
              const all = [w.encodePing(1.5), w.encodeDrawn(2 ** 40, 77.125, 40, true),
                           w.encodeAck(4294967295)];
              return all.map((b) => [...new Uint8Array(b)]);
            }"""
        )
        assert [wire.decode_client(bytes(data)) for data in got] == [
            wire.Ping(1.5),
            wire.Drawn(2**40, 77.125, 40.0, True),
            wire.Ack(2**32 - 1),
        ]

    async def test_both_sides_name_the_same_kinds(self, train: Page) -> None:
        kinds = await train.evaluate("async () => (await import('/assets/wire.js')).EVENT_KINDS")
        assert tuple(kinds) == wire.EVENT_KINDS


GOOD = (
    struct.pack("<BBHId", 0x10, 1, 0, 0, 5.0),
    struct.pack("<BBBBfdd", 0x11, 1, 1, 0, 40.0, 100.0, 5.0),
    struct.pack("<BBHI", 0x12, 1, 0, 9),
)


@pytest.mark.parametrize("data", GOOD)
def test_truncated_doubled_or_wrong_version_is_refused(data: bytes) -> None:
    wire.decode_client(data)
    for length in range(len(data)):
        with pytest.raises(wire.WireError):
            wire.decode_client(data[:length])
    for wrong in (data + data, data + b"\0", data[:1] + b"\2" + data[2:]):
        with pytest.raises(wire.WireError):
            wire.decode_client(wrong)


@pytest.mark.parametrize(
    ("is_cue", "fps", "frame", "server_s"),
    [
        (0, 40.0, math.nan, 5.0),
        (0, 40.0, -1.0, 5.0),
        (0, 40.0, 2.0**53, 5.0),
        (0, 40.0, 1.0, math.inf),
        (0, math.nan, 1.0, 5.0),
        (2, 40.0, 1.0, 5.0),
    ],
)
def test_drawn_out_of_range_is_refused(
    is_cue: int, fps: float, frame: float, server_s: float
) -> None:
    with pytest.raises(wire.WireError):
        wire.decode_client(struct.pack("<BBBBfdd", 0x11, 1, is_cue, 0, fps, frame, server_s))


@given(st.binary(max_size=40), st.sampled_from((b"", b"\x10\x01", b"\x11\x01", b"\x12\x01")))
def test_any_bytes_decode_or_raise_one_class(data: bytes, head: bytes) -> None:
    with contextlib.suppress(wire.WireError):
        wire.decode_client(head + data)
