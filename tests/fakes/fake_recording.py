"""A board's packets, a journal's header and a disk that fails, for the tests of recordings."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from faceloop.session.bdf import finalise
from faceloop.session.journal_format import JOURNAL_NAME, ChunkType, encode_chunk, encode_json
from faceloop.session.journal_header import JournalHeader
from faceloop.session.summary import Summary
from faceloop_protocol import rice, stream

LABELS = (
    "orbicularis_oculi_l",
    "orbicularis_oculi_r",
    "zygomaticus_major_l",
    "zygomaticus_major_r",
    "mentalis_l",
    "mentalis_r",
    "masseter_l",
    "masseter_r",
)


class RecordingKit:
    """Makes packets whose samples follow from their frame index, and journals out of them."""

    labels = LABELS

    def header(self, **changes: Any) -> JournalHeader:
        values: dict[str, Any] = {
            "labels": LABELS,
            "fs_hz": 2000,
            "lsb_uv": 0.023841861,
            "stream_id": 0x12345678,
            # 2024-03-02 23:59:58.250375 UTC; the wall clock is one hour ahead, on another day.
            "start_utc_ns": 1_709_423_998_250_375_000,
            "utc_offset_s": 3600,
            "pseudonym": "P-07",
        }
        return JournalHeader(**{**values, **changes})

    def rows(self, first_frame: int, n: int, shift: int = 4) -> np.ndarray:
        """Values before the shift is undone, shape (n, 8): noise that depends on the frame."""
        frame = np.arange(first_frame, first_frame + n, dtype=np.uint64)[:, None]
        channel = np.arange(8, dtype=np.uint64)[None, :]
        mixed = (frame * np.uint64(2654435761) + channel * np.uint64(40503)) % np.uint64(1 << 32)
        noise = (mixed >> np.uint64(20)).astype(np.int64) % 7 - 3
        return (noise + 100 * np.arange(8)) >> (shift - 4)

    def counts(self, first_frame: int, n: int, shift: int = 4) -> np.ndarray:
        """Counts that end up in the file, shape (n, 8)."""
        return (self.rows(first_frame, n, shift) << shift).astype(np.int32)

    def packet(
        self,
        first_frame: int,
        n: int = 20,
        *,
        seq: int | None = None,
        flags: int = 0,
        shift: int = 4,
        lead_off_p: int = 0,
        lead_off_n: int = 0,
        rows: np.ndarray | None = None,
    ) -> bytes:
        if rows is None:
            rows = self.rows(first_frame, n, shift)
        head = bytearray(13)
        number = first_frame // 20 if seq is None else seq
        stream.pack_header_into(
            head, flags | shift, number, first_frame, 0, lead_off_p, lead_off_n, n
        )
        return bytes(head) + encoded(rows.astype(np.int64).tobytes(), shift)

    def packets_chunk(self, *packets: bytes, frame: int = 0) -> tuple[ChunkType, int, bytes]:
        """A PACKETS chunk for ``write_journal``."""
        payload = b"".join(bytes([len(packet)]) + packet for packet in packets)
        return ChunkType.PACKETS, frame, payload

    def write_journal(
        self, directory: Path, *chunks: tuple[ChunkType, int, bytes], **changes: Any
    ) -> Path:
        """Write a journal of two headers and ``(type, frame, payload)`` chunks."""
        head = encode_json(self.header(**changes).to_json())
        everything = [(ChunkType.HEADER, -1, head), (ChunkType.HEADER, -1, head), *chunks]
        path = directory / JOURNAL_NAME
        path.write_bytes(
            b"".join(
                encode_chunk(kind, i, frame, 1_709_423_999_000_000_000 + i * 1_000_000, payload)
                for i, (kind, frame, payload) in enumerate(everything)
            )
        )
        return path


@functools.cache
def encoded(rows: bytes, shift: int) -> bytes:
    """Encode once what many tests record, given as int64: the reference takes 0.4 ms a packet."""
    return rice.encode(np.frombuffer(rows, np.int64).reshape(-1, 8).tolist(), shift)


def fail_nth_call(monkeypatch: pytest.MonkeyPatch, name: str, nth: int, code: int) -> list[int]:
    """Let the n-th call of an ``os`` function fail; return a list that holds the call count."""
    real = getattr(os, name)
    count = [0]

    def call(*arguments: Any, **options: Any) -> Any:
        count[0] += 1
        if count[0] == nth:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **options)

    monkeypatch.setattr(os, name, call)
    return count


def finish(path: Path) -> tuple[Summary, edfio.Bdf, np.ndarray]:
    """Finalise and return summary, file and its counts without padding, shape (n, 8)."""
    out = path.parent / "recording.bdf"
    summary = finalise(path, out)
    recording = edfio.read_bdf(out)
    counts = np.stack([signal.digital for signal in recording.signals[:8]], axis=1)
    assert len(counts) == summary.frames_total + summary.frames_padding
    samples = counts[: summary.frames_total]
    assert summary.samples_sha256 == hashlib.sha256(samples.astype("<i4").tobytes()).hexdigest()
    assert summary.frames_recorded + summary.frames_missing == summary.frames_total
    assert json.loads((path.parent / "session.json").read_text()) == json.loads(
        json.dumps(summary.to_json())
    )
    return summary, recording, samples


def texts(recording: edfio.Bdf) -> list[str]:
    return [entry.text for entry in recording.annotations]
