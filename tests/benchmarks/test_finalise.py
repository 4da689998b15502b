"""Time and memory that finishing a recording takes; the hour is the longest usual session."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.session.journal_format import ChunkType, encode_end, encode_json
from faceloop_protocol import stream

pytest.importorskip("resource")  # not on Windows

FAKE = runpy.run_path(str(Path(__file__).parents[1] / "fakes" / "fake_recording.py"))
PACKET_FRAMES = 20
# A process of its own: only so is its peak that of the finaliser.
MEASURE = """
import json, resource, sys, time
from pathlib import Path
from faceloop.session.bdf import finalise
def peak_mb():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    # ru_maxrss of a child begins with its parent's peak on Linux, VmHWM does not.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
before_mb = peak_mb()
begin = time.perf_counter()
summary = finalise(Path(sys.argv[1]), Path(sys.argv[2]))
took_s = time.perf_counter() - begin
print(json.dumps({"took_s": took_s, "peak_mb": peak_mb(), "before_mb": before_mb,
                  "frames": summary.frames_recorded, "missing": summary.frames_missing}))
"""


def write_journal(directory: Path, minutes: int) -> Path:
    """Write a journal of noise of about 80 counts, 10 packets a chunk, an event each second."""
    kit = FAKE["RecordingKit"]()
    noise = np.random.default_rng(1).normal(0, 5, (500, PACKET_FRAMES, 8)).round().astype(int)
    packets = [bytearray(kit.packet(0, PACKET_FRAMES, rows=rows)) for rows in noise]
    n_packets = minutes * 60 * 2000 // PACKET_FRAMES
    chunks = []
    for first in range(0, n_packets, 10):
        batch = []
        for i in range(first, first + 10):
            packet = packets[i % len(packets)]
            stream.pack_header_into(
                packet, 4, i & 0xFFFF, i * PACKET_FRAMES, 0, 0, 0, PACKET_FRAMES
            )
            batch.append(bytes(packet))
        chunks.append(kit.packets_chunk(*batch, frame=first * PACKET_FRAMES))
        if first % 100 == 0:
            event = encode_json({"kind": "onset_cue", "channel": 1})
            chunks.append((ChunkType.EVENT, first * PACKET_FRAMES, event))
    end_frame = n_packets * PACKET_FRAMES
    chunks.append((ChunkType.END, end_frame, encode_end(end_frame)))
    path: Path = kit.write_journal(directory, *chunks)
    return path


@pytest.mark.benchmark
@pytest.mark.parametrize("minutes", [3, pytest.param(60, marks=pytest.mark.full)])
def test_finalise_stays_within_time_and_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], minutes: int
) -> None:
    journal = write_journal(tmp_path, minutes)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, journal, tmp_path / "recording.bdf"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    with capsys.disabled():
        print(
            f"\nfinalise {minutes} min, journal {journal.stat().st_size / 1e6:.0f} MB:"
            f" {found['took_s']:.1f} s, peak {found['peak_mb']:.0f} MB"
            f" ({found['before_mb']:.0f} MB of it before)"
        )
    assert (found["frames"], found["missing"]) == (minutes * 120_000, 0)
    assert found["took_s"] <= 5 + 25 * minutes / 60
    # Only the headers of the packets are held, 40 MB an hour; samples come minute by minute.
    assert found["peak_mb"] <= 150 + 50 * minutes / 60
