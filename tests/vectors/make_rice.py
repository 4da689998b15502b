"""Write ``rice.json``: stream payloads made by the reference codec, for its compiled twins.

Run from anywhere with the project installed: ``python tests/vectors/make_rice.py``. The board's
encoder, run by MicroPython, must turn ``frames`` into ``payload``. The reference codec, under both
interpreters, and the host's compiled decoder must turn ``payload`` back and refuse what stands
under ``refused``.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from faceloop_protocol import rice
from faceloop_protocol.errors import ProtocolError
from faceloop_protocol.limits import MAX_PAYLOAD_BYTES

TARGET = Path(__file__).with_name("rice.json")
N_CHANNELS = 8

Frames = list[list[int]]


def limits(shift: int) -> tuple[int, int]:
    """Return the least and the largest value that is left of a 24-bit count."""
    half = 1 << (23 - shift)
    return -half, half - 1


def walk(rng: random.Random, n: int, shift: int, steps: list[float]) -> Frames:
    """Return a random walk per channel with its own step size."""
    low, high = limits(shift)
    level = [rng.randint(low // 4, high // 4) for _ in range(N_CHANNELS)]
    frames = []
    for _ in range(n):
        level = [
            max(low, min(high, v + round(rng.gauss(0, s))))
            for v, s in zip(level, steps, strict=True)
        ]
        frames.append(list(level))
    return frames


def padding(frames: Frames, shift: int) -> int:
    """Return how many bits fill up the last byte."""
    columns = zip(*frames, strict=True)
    return -sum(rice.channel_bits(column, shift)[1] for column in columns) % 8


def valid_frames() -> list[tuple[str, int, Frames]]:
    """Return (name, shift, frames) of all payloads to encode."""
    rng = random.Random(20240229)
    cases: list[tuple[str, int, Frames]] = []
    for shift in range(8):
        low, high = limits(shift)
        mixed = [0, 0.4, 2, 8, 40, 300, 5000, (high - low) / 3]
        rng.shuffle(mixed)
        cases.append((f"mixed_shift{shift}", shift, walk(rng, 12, shift, mixed)))
        cases.append((f"single_frame_shift{shift}", shift, walk(rng, 1, shift, mixed)))
        rails = [[low if (i + c) % 2 else high for c in range(N_CHANNELS)] for i in range(5)]
        cases.append((f"rail_to_rail_shift{shift}", shift, rails))
        noise = [[rng.randint(low, high) for _ in range(N_CHANNELS)] for _ in range(4)]
        cases.append((f"noise_shift{shift}", shift, noise))
    low, high = limits(4)
    cases += [
        ("silence", 4, [[0] * N_CHANNELS] * 40),
        ("low_rail", 4, [[low] * N_CHANNELS] * 40),
        ("high_rail", 4, [[high] * N_CHANNELS] * 40),
        ("rest_40_frames", 4, walk(rng, 40, 4, [4, 5, 5, 6, 6, 7, 5, 4])),
        ("training_20_frames", 4, walk(rng, 20, 4, [40, 60, 50, 30, 20, 10, 5, 5])),
        ("two_frames", 4, walk(rng, 2, 4, [3.0] * N_CHANNELS)),
        ("minus_one", 4, [[-(i % 2)] * N_CHANNELS for i in range(20)]),
    ]
    spikes = [[0] * N_CHANNELS for _ in range(40)]
    spikes[11][2] = 2500  # one escape up and one down: k is 8, the quotient 19
    spikes[23][5] = -2500
    cases.append(("escapes", 4, spikes))
    # Quotients 13 to 17 around the escape at 15, between differences that keep k small.
    quotients = [[0] * N_CHANNELS for _ in range(40)]
    for c in range(N_CHANNELS):
        quotients[20][c] = 6 + c
        quotients[30][c] = -(4 + c)
    cases.append(("quotients_at_escape", 4, quotients))
    return cases


def refused_payloads(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return payloads that no decoder may take: cut, prolonged, out of range."""
    by_name = {case["name"]: case for case in cases}
    rest = by_name["rest_40_frames"]
    payload = bytes.fromhex(rest["payload"])
    n, shift = rest["n_frames"], rest["shift"]
    tries = [
        ("empty", b"", n, shift),
        ("cut_last_byte", payload[:-1], n, shift),
        ("cut_half", payload[: len(payload) // 2], n, shift),
        ("one_byte_more", payload + b"\0", n, shift),
        ("one_frame_more", payload, n + 1, shift),
        ("one_frame_less", payload, n - 1, shift),
        ("wrong_shift", payload, n, shift + 1),
        ("all_ones", b"\xff" * 64, n, shift),
    ]
    padded = next(case for case in cases if padding(case["frames"], case["shift"]))
    dirty = bytearray.fromhex(padded["payload"])
    dirty[-1] |= 1
    tries.append(("dirty_padding", bytes(dirty), padded["n_frames"], padded["shift"]))
    # Every channel starts at the high rail and climbs by one: k = 0, folded difference 2.
    over = 0
    for _ in range(N_CHANNELS):
        over = (over << 27) | (((1 << 19) - 1) << 3) | 0b110
    tries.append(("over_the_rail", over.to_bytes(27, "big"), 2, 4))
    single = by_name["single_frame_shift3"]
    dirty = bytearray.fromhex(single["payload"] + "01")
    tries.append(("byte_of_padding", bytes(dirty), 1, 3))

    refused = []
    for name, data, n_frames, data_shift in tries:
        try:
            rice.decode(data, n_frames, data_shift)
        except ProtocolError:
            refused.append(
                {"name": name, "shift": data_shift, "n_frames": n_frames, "payload": data.hex()}
            )
        else:
            raise AssertionError(f"the reference takes {name}")
    return refused


def build() -> dict[str, Any]:
    """Return the whole content of the file."""
    cases = []
    for name, shift, frames in valid_frames():
        payload = rice.encode(frames, shift)
        assert rice.decode(payload, len(frames), shift) == frames, name
        assert len(payload) <= MAX_PAYLOAD_BYTES, name
        cases.append(
            {
                "name": name,
                "shift": shift,
                "n_frames": len(frames),
                "frames": frames,
                "payload": payload.hex(),
            }
        )
    return {
        "made_by": "tests/vectors/make_rice.py with faceloop_protocol.rice",
        "frames": "values as sent: count >> shift",
        "cases": cases,
        "refused": refused_payloads(cases),
    }


def text() -> str:
    """Return the file's text: one case a line."""
    content = build()
    lines = []
    for key, value in content.items():
        if isinstance(value, list):
            rows = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in value)
            lines.append(f' "{key}": [\n{rows}\n ]')
        else:
            lines.append(f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="ascii")
