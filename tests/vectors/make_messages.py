"""Write ``messages.json``: every message and every derived key beside its bytes.

Run from anywhere: ``python tests/vectors/make_messages.py``. Nothing of ours is imported. The
layouts are those of the tables in ``firmware/lib/faceloop_protocol``, written out here once more
field by field; digests, checksums and AES come from other people's libraries. A layout, label or
constant that is changed in the protocol package then fails under both interpreters.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import runpy
import uuid
import zlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TARGET = Path(__file__).with_name("messages.json")

Case = dict[str, Any]

# What is said of the front end has a file of its own.
SELF_TEST = runpy.run_path(str(TARGET.with_name("self_test_cases.py")))

KEY = bytes(range(16))
DEVICE_ID = bytes.fromhex("e6614c311b7e5a2f")
HOST_NONCE = bytes(range(0x20, 0x30))
DEVICE_NONCE = bytes(range(0xA0, 0xB0))
SERVICE = "6c1f0001-3f5e-4b0a-9d7c-5b2f8e41a9d3"


def u8(*values: int) -> bytes:
    """Return one byte for each value."""
    return bytes(values)


def u16(value: int) -> bytes:
    """Return two bytes, the low one first."""
    return value.to_bytes(2, "little")


def u32(value: int) -> bytes:
    """Return four bytes, the lowest first."""
    return value.to_bytes(4, "little")


def sha256(key: bytes, *parts: bytes) -> bytes:
    """Return HMAC-SHA256."""
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def sessions() -> list[Case]:
    """Proofs and keys of a session."""
    cases = []
    for key, device_id, host_nonce, device_nonce in (
        (KEY, DEVICE_ID, HOST_NONCE, DEVICE_NONCE),
        (bytes(16), bytes(8), bytes(16), bytes(16)),
        (b"\xff" * 16, b"\xff" * 8, b"\xff" * 16, b"\xff" * 16),
    ):
        covered = device_id + host_nonce + device_nonce
        cases.append(
            {
                "key": key.hex(),
                "device_id": device_id.hex(),
                "host_nonce": host_nonce.hex(),
                "device_nonce": device_nonce.hex(),
                "device_proof": sha256(key, b"fl1 device", covered)[:16].hex(),
                "host_proof": sha256(key, b"fl1 host", covered)[:16].hex(),
                "tag_key": sha256(key, b"fl1 tag", covered).hex(),
                "stream_key": sha256(key, b"fl1 stream", covered)[:16].hex(),
            }
        )
    return cases


def commands() -> list[Case]:
    """Tagged commands with their counters."""
    tag_key = sha256(KEY, b"fl1 tag", DEVICE_ID + HOST_NONCE + DEVICE_NONCE)
    cases = []
    for name, op, counter, layout, fields, body in (
        (
            "START",
            0x10,
            1,
            "START_FORMAT",
            [0, 4, 1_790_000_000_123],
            u8(0, 4) + (1_790_000_000_123).to_bytes(8, "little"),
        ),
        ("ACK", 0x11, 0x01020304, "ACK_FORMAT", [65535, 513], u16(65535) + u16(513)),
        ("RESEND", 0x12, 3, "RESEND_FORMAT", [65535, 2], u16(65535) + u16(2)),
        (
            "RESUME",
            0x13,
            256,
            "RESUME_FORMAT",
            [0xDEADBEEF, 7],
            u32(0xDEADBEEF) + u16(7),
        ),
        ("SET_MODE", 0x14, 0x7FFFFFFF, None, None, u8(1)),
        ("CLOSE", 0x15, 0xFFFFFFFF, None, None, b""),
        ("SELF_TEST", 0x16, 9, None, None, b""),
        ("SELF_REPORT", 0x17, 10, None, None, b""),
        ("VIBRATE", 0x20, 11, "VIBRATE_FORMAT", [80, 2000], u8(80) + u16(2000)),
    ):
        untagged = u8(op) + u32(counter) + body
        cases.append(
            {
                "name": name,
                "op": op,
                "counter": counter,
                "layout": layout,
                "fields": fields,
                "body": body.hex(),
                "tag_key": tag_key.hex(),
                "message": (untagged + sha256(tag_key, untagged)[:8]).hex(),
            }
        )
    return cases


def replies() -> list[Case]:
    """Replies, those with named bodies among them."""
    extent = u32(0xDEADBEEF) + u16(65530) + u32(99) + u16(4) + u32(0xFFFFFFFF) + u8(1)
    end = u32(0xDEADBEEF) + u16(0) + u32(123456)
    return [
        {
            "op": op,
            "counter": counter,
            "status": status,
            "kind": kind,
            "fields": fields,
            "body": body.hex(),
            "message": (u8(op | 0x80) + u32(counter) + u8(status) + body).hex(),
        }
        for op, counter, status, kind, fields, body in (
            (0x10, 1, 0, None, None, u32(0xDEADBEEF)),
            (0x11, 0xFFFFFFFF, 4, None, None, b""),
            (
                0x13,
                2,
                0,
                ["EXTENT_FORMAT", "StreamExtent"],
                [0xDEADBEEF, 65530, 99, 4, 0xFFFFFFFF, 1],
                extent,
            ),
            (0x03, 0, 0, ["END_FORMAT", "StreamEnd"], [0xDEADBEEF, 0, 123456], end),
        )
    ]


def counter_blocks() -> list[Case]:
    """First AES-CTR blocks; both numbers wrap at 2**32."""
    return [
        {
            "stream_id": stream_id,
            "first_frame": first_frame,
            "block": (
                u32(stream_id % 2**32) + u32(first_frame % 2**32) + b"fl1s" + bytes(4)
            ).hex(),
        }
        for stream_id, first_frame in (
            (0, 0),
            (1, 2),
            (0xDEADBEEF, 0xFFFFFFFF),
            (0xDEADBEEF, 2**32 + 5),
            (2**32 + 1, 0x01020304),
        )
    ]


def header(
    flags: int, seq: int, first_frame: int, dropped: int, p: int, n: int, n_frames: int
) -> bytes:
    """Return the 13 bytes of a stream header."""
    counters = u16(seq % 2**16) + u32(first_frame % 2**32) + u16(dropped % 2**16)
    return u8(0x11, flags) + counters + u8(p, n, n_frames)


def headers() -> list[Case]:
    """Stream headers; each counter meets its wrap."""
    cases = []
    for fields in (
        (0x84, 7, 123456, 3, 0x81, 0x42, 20),
        (0x04, 65535, 2**32 - 20, 65535, 0, 0xFF, 1),
        (0x04, 65536, 2**32, 65536, 0xFF, 0, 40),
        (0xFF, 65537, 2**32 + 20, 65539, 1, 0x80, 39),
    ):
        _, seq, first, dropped, *_ = fields
        wrapped = [seq % 2**16, first % 2**32, dropped % 2**16]
        cases.append(
            {
                "fields": list(fields),
                "decoded": [fields[0], *wrapped, *fields[4:]],
                "header": header(*fields).hex(),
            }
        )
    return cases


def packets() -> list[Case]:
    """Encrypted packets: one byte, whole blocks, the longest payload."""
    key = sha256(KEY, b"fl1 stream", DEVICE_ID + HOST_NONCE + DEVICE_NONCE)[:16]
    cases = []
    for stream_id, first_frame, n_bytes in (
        (1, 0, 1),
        (0xDEADBEEF, 0xFFFFFFFF, 16),
        (0xDEADBEEF, 20, 33),
        (0x01020304, 2**31, 223),
    ):
        plain = bytes(17 * i % 256 for i in range(n_bytes))
        block = u32(stream_id) + u32(first_frame) + b"fl1s" + bytes(4)
        encryptor = Cipher(algorithms.AES(key), modes.CTR(block)).encryptor()
        head = header(0x84, 5, first_frame, 0, 0, 0, 20)
        cases.append(
            {
                "stream_key": key.hex(),
                "stream_id": stream_id,
                "first_frame": first_frame,
                "plain": (head + plain).hex(),
                "encrypted": (head + encryptor.update(plain)).hex(),
            }
        )
    return cases


def infos() -> list[Case]:
    """What a board says about itself."""
    cases = []
    for version, firmware, board, converter, shift, ring_kib, features, stream_id, name in (
        (1, [0, 1, 2], 3, 0x92, 4, 256, 0, 99, "MicroPython 1.29.0; linux"),
        (255, [255, 0, 7], 1, 0, 7, 65535, 0x8007, 0xFFFFFFFF, ""),
    ):
        head = u8(version, *firmware, board, converter, 8) + u16(2000) + u8(12) + u32(23841861)
        head += u8(shift) + u16(ring_kib) + u8(32) + u16(features) + DEVICE_ID + u32(stream_id)
        assert len(head) == 32
        cases.append(
            {
                "fields": {
                    "protocol_version": version,
                    "firmware": firmware,
                    "board": board,
                    "converter_id": converter,
                    "n_channels": 8,
                    "fs_hz": 2000,
                    "gain": 12,
                    "lsb_fv": 23841861,
                    "shift": shift,
                    "ring_kib": ring_kib,
                    "window_packets": 32,
                    "features": features,
                    "device_id": DEVICE_ID.hex(),
                    "stream_id": stream_id,
                    "interpreter": name,
                },
                "body": (head + name.encode("ascii")).hex(),
            }
        )
    return cases


STATE_FIELDS = (
    ("state", 1),
    ("fault", 1),
    ("power", 1),
    ("battery_pct", 1),
    ("battery_mv", 2),
    ("lead_off_p", 1),
    ("lead_off_n", 1),
    ("uptime_s", 4),
    ("head_frame", 4),
    ("oldest_seq", 2),
    ("head_seq", 2),
    ("ring_used_bytes", 4),
    ("sent", 4),
    ("resent", 2),
    ("dropped", 2),
    ("send_failures", 2),
    ("resyncs", 2),
    ("bad_tags", 2),
    ("disconnects", 2),
    ("heap_free_bytes", 4),
    ("degrade", 1),
    ("restarts", 1),
    ("slipped", 2),
    ("gc_longest_ms", 2),
    ("presses", 1),
    ("long_presses", 1),
    ("radio", 1),
    ("refused", 2),
)
FIRST_STATE_BYTES = 44  # of the first boards; what they did not send reads 0


def states() -> list[Case]:
    """What a board reports: every field another number, then every field at its largest."""
    cases = []
    for numbers in (
        [(37 * i + 11) % 256 ** min(size, 2) for i, (_, size) in enumerate(STATE_FIELDS, 1)],
        [256**size - 1 for _, size in STATE_FIELDS],
    ):
        pairs = list(zip(STATE_FIELDS, numbers, strict=True))
        body = b"".join(number.to_bytes(size, "little") for (_, size), number in pairs)
        fields = {name: n for (name, _), n in pairs}
        assert len(body) == 55
        first = {name: n if i < 20 else 0 for i, (name, n) in enumerate(fields.items())}
        cases.append({"fields": fields, "body": body.hex(), "more": ""})
        cases.append({"fields": fields, "body": body.hex(), "more": "0102"})
        cases.append({"fields": first, "body": body[:FIRST_STATE_BYTES].hex(), "more": ""})
    return cases


def half_rates() -> list[Case]:
    """Means of two conversions, rounded down; one left over is left out."""
    return [
        {"counts": [[value] * 8 for value in column], "means": [[mean] * 8 for mean in means]}
        for column, means in (
            ([], []),
            ([5], []),
            ([5, 8, -5, -8, 1], [6, -7]),
            ([-(2**23), -(2**23), 2**23 - 1, 2**23 - 2], [-(2**23), 2**23 - 2]),
        )
    ]


def configs() -> list[Case]:
    """How a board is set up."""
    return [
        {
            "fields": {"mode": mode, "shift": shift, "gain": gain, "fs_hz": fs_hz},
            "body": (u8(mode, shift, gain) + u16(fs_hz)).hex(),
        }
        for mode, shift, gain, fs_hz in ((0, 4, 12, 2000), (1, 7, 255, 65535))
    ]


def serial_frames() -> list[Case]:
    """Frames over the cable, as text and in COBS."""
    cases = []
    for channel, message in (
        (1, b""),
        (1, b"\x04"),
        (2, bytes(12)),
        (3, b"\x00a\x00\x00b\x00"),
        (2, b"\x00".join(bytes([i]) * i for i in range(1, 20))),
        (2, bytes(range(1, 244))),
        (0, bytes(243)),
    ):
        body = u8(channel) + message
        frame = body + u32(zlib.crc32(body))
        assert len(frame) <= 248
        block = b"".join(u8(len(run) + 1) + run for run in frame.split(b"\0")) + b"\0"
        cases.append(
            {
                "channel": channel,
                "message": message.hex(),
                "frame": frame.hex(),
                "line": f"FL {frame.hex()}\n",
                "cobs": block.hex(),
            }
        )
    return cases


def advertised() -> list[Case]:
    """What a board sends into the air before anybody connects (Core Specification Supplement)."""
    cases = []
    for device_id, name in ((DEVICE_ID, "faceloop-2F5A"), (bytes(8), "faceloop-0000")):
        service = uuid.UUID(SERVICE).bytes[::-1]
        text = name.encode("ascii")
        cases.append(
            {
                "device_id": device_id.hex(),
                "name": name,
                "advertisement": (u8(2, 0x01, 0x06) + u8(17, 0x07) + service).hex(),
                "scan_response": (u8(len(text) + 1, 0x09) + text).hex(),
            }
        )
    return cases


def ids() -> list[Case]:
    """UUIDs by their names."""
    numbers = {"SERVICE": 1, "STREAM": 2, "CONTROL": 3, "STATE": 4, "CONFIG": 5, "INFO": 6}
    cases: list[Case] = [
        {"name": name, "uuid": SERVICE.replace("0001", f"{n:04x}")} for name, n in numbers.items()
    ]
    for name, number in (  # Bluetooth SIG, Assigned Numbers
        ("DEVICE_INFORMATION", 0x180A),
        ("MODEL_NUMBER", 0x2A24),
        ("SERIAL_NUMBER", 0x2A25),
        ("FIRMWARE_REVISION", 0x2A26),
        ("BATTERY", 0x180F),
        ("BATTERY_LEVEL", 0x2A19),
    ):
        cases.append({"name": name, "uuid": number})
    return cases


def refused() -> list[Case]:
    """Bytes that a parser may not take."""
    (info, *_), (state, *_), (config, *_) = infos(), states(), configs()
    self_test = SELF_TEST["self_tests"]()[0]
    frame = bytes.fromhex(serial_frames()[3]["frame"])
    damaged = frame[:2] + u8(frame[2] ^ 1) + frame[3:]
    head = header(4, 7, 0, 0, 0, 0, 20)
    return [
        {"parser": parser, "data": data.hex()}
        for parser, data in (
            ("info", bytes.fromhex(info["body"])[:31]),
            ("info", bytes.fromhex(info["body"]) + b"\xff\xfe"),  # no text
            ("state", bytes.fromhex(state["body"])[: FIRST_STATE_BYTES - 1]),
            ("self_test", bytes.fromhex(self_test["body"])[:-1]),
            ("config", bytes.fromhex(config["body"])[:-1]),
            ("config", bytes.fromhex(config["body"]) + b"\0"),
            ("tagged", bytes(12)),
            ("reply", b"\x90\0\0\0\0"),
            ("reply", b"\x10\0\0\0\0\0"),
            ("end", bytes(11)),
            ("header", head),
            ("header", head + bytes(224)),
            ("header", u8(0x12) + head[1:] + b"\0"),
            ("header", head[:12] + b"\0\0"),
            ("header", head[:12] + u8(41) + b"\0"),
            ("frame", frame[:4]),
            ("frame", frame[:-1]),
            ("frame", damaged),
            ("frame", bytes(249)),
            ("cobs", b"\x01\x00\x01"),
            ("cobs", b"\x05abc"),
            ("line", b"FL 0g\n"),
            ("line", b"FL 012\n"),
            ("line", b"FL 00\n"),
            ("line", b"FL " + damaged.hex().encode("ascii") + b"\n"),
        )
    ]


def text() -> str:
    """Return the file's text."""
    content = {
        "made_by": "tests/vectors/make_messages.py",
        "session": sessions(),
        "command": commands(),
        "reply": replies(),
        "counter_block": counter_blocks(),
        "header": headers(),
        "seq_distance": [
            {"newer": newer, "older": older, "distance": distance}
            for newer, older, distance in (
                (5, 3, 2),
                (3, 5, -2),
                (1, 65535, 2),
                (65535, 1, -2),
                (0x8000, 1, 0x7FFF),
                (0x8000, 0, -0x8000),
            )
        ],
        "packet": packets(),
        "info": infos(),
        "state": states(),
        "self_test": SELF_TEST["self_tests"](),
        "verdict": SELF_TEST["verdicts"](),
        "half_rate": half_rates(),
        "config": configs(),
        "serial": serial_frames(),
        "advertised": advertised(),
        "id": ids(),
        "refused": refused(),
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="ascii")
