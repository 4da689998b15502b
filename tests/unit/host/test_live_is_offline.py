"""What a session saw live and what its recording says: the same numbers, to the last bit."""

from __future__ import annotations

import math
import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop.device.board_link import Packet
from faceloop.session.analysis import Analysis
from faceloop.session.live_session import LiveSession
from faceloop.session.montage import MONTAGES
from faceloop.session.recorded_signal import RecordedSignal
from faceloop.session.recording_reader import converter_of_file, open_recording
from faceloop.session.session_result import SessionResult
from faceloop.tasks.analyse import analyse
from faceloop.twin.sources import make_source
from faceloop_protocol.info import BOARD_VIRTUAL, FEATURE_SOFT_CAPTURE, Info
from faceloop_protocol.stream import FLAG_LATE, decode_header

FAKE = runpy.run_path(str(Path(__file__).parents[2] / "fakes" / "fake_recording.py"))
N_FRAMES = 30_000
GAP = range(20_000, 20_400)
LATE = range(23_000, 23_600)
OFF = range(24_000, 24_600)
INFO = Info(
    *(1, (0, 1, 0), BOARD_VIRTUAL, 0x92, 8, 2000, 12, 23841861, 4, 256, 32, 0),
    *(bytes(8), 77, "MicroPython"),
)


@dataclass
class Seen:
    """What an analysis said, block by block."""

    rms_uv: list[np.ndarray] = field(default_factory=list)
    trace_uv: list[np.ndarray] = field(default_factory=list)
    onsets: list[Any] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    ticks: list[Any] = field(default_factory=list)
    symmetry: dict[int, dict[str, float]] = field(default_factory=dict)
    unfit: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def take(self, analysis: Analysis, *blocks: Any) -> None:
        self.rms_uv.append(analysis.rms_uv)
        self.onsets += analysis.onsets
        self.ticks += analysis.ticks
        for block in blocks:
            self.trace_uv.append(block.trace_uv)
            self.events += [event for event in block.events if event.kind != "gap"]
            end = block.first_frame + len(block.trace_uv)
            self.symmetry[end] = block.symmetry
            self.unfit[end] = analysis.unfit


class Air:
    name = "nobody"

    async def send(self, message: bytes, *, urgent: bool = False) -> None:
        """Take it."""

    async def close(self) -> None:
        """Nothing is open."""


def packets(counts: np.ndarray, kit: Any) -> list[bytes]:
    """Return them in the order of their arrival: some never come, some only at the end."""
    now, late = [], []
    for at in range(0, len(counts), 20):
        if at in GAP:
            continue
        is_late = at in LATE
        packet = kit.packet(
            at,
            20,
            rows=counts[at : at + 20] >> 4,
            flags=FLAG_LATE if is_late else 0,
            lead_off_p=2 if at in OFF else 0,
        )
        (late if is_late else now).append(packet)
    return [*now, *late]


async def recorded(counts: np.ndarray, info: Info, **options: Any) -> tuple[Seen, Any]:
    """Let a session record these counts; return what it saw, and its result."""
    session = LiveSession(
        Air(),  # type: ignore[arg-type]
        lambda _: None,
        montage=MONTAGES["guarded8"],
        affected_side="left",
        new_folder=options.pop("new_folder"),
        rest_s=6.0,
        **options,
    )

    async def connect() -> Info:
        return info

    async def start_stream(*_: Any) -> int:
        return info.stream_id

    # The link to the board alone is missing: order, analysis, recorder and disk are the real ones.
    session._link.connect = connect  # type: ignore[method-assign]
    session._link.start_stream = start_stream  # type: ignore[method-assign]
    await session.start(is_recording=True)
    analysis = session._analysis
    assert analysis is not None
    seen, show = Seen(), session._show

    def tapped(block: Any) -> None:
        show(block)
        seen.take(analysis, block)

    session._show = tapped  # type: ignore[method-assign]
    for plain in packets(counts, FAKE["RecordingKit"]()):
        session.on_packet(Packet(plain, decode_header(plain), 0.0))
    await session._recorder.finish(len(counts), session._assembler.coverage)
    await session.abort()
    assert session.error is None
    result = SessionResult.of(
        len(counts),
        session._assembler.coverage,
        session._recorder,
        session._verdicts,
        analysis,
        is_end_known=True,
        frames_resent=0,
        bytes_per_s=0.0,
        clock_ppm=0.0,
        reconnects=0,
        error=None,
    )
    return seen, result


def seen_again(recording: RecordedSignal, block_frames: int) -> Seen:
    """Return what the recording says where late frames count as gaps."""
    assert recording.settings is not None
    analysis = recording.settings.analysis(recording.fs_hz, recording.lsb_uv)
    seen = Seen()
    for stretch in recording.stretches():
        for at in range(0, len(stretch.counts), block_frames):
            counts = np.ascontiguousarray(stretch.counts[at : at + block_frames])
            if stretch.is_missing or stretch.is_late:
                block = analysis.gap(len(counts), math.nan)
            else:
                block = analysis.push(counts, stretch.lead_off, math.nan)
            seen.take(analysis, block)
    return seen


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    source = make_source({"kind": "face", "scenario": "synkinesis", "seconds": 15, "seed": 3})
    return source.read(N_FRAMES) >> 4 << 4


@pytest.mark.parametrize("name", ["recording.bdf", "journal.fllog"])
async def test_recorded_session_gives_every_number_of_the_live_one(
    face: np.ndarray, tmp_path: Path, name: str
) -> None:
    live, result = await recorded(face, INFO, new_folder=lambda: tmp_path)
    recording = open_recording(tmp_path / name)
    assert (recording.n_frames, len(recording.missing), len(recording.late)) == (
        N_FRAMES,
        400,
        600,
    )
    assert {event.kind for event in live.events} >= {"note", "onset_cue", "synkinesis"}
    for block_frames in (20, 1_234):
        again = seen_again(recording, block_frames)
        for mine, theirs in ((live.rms_uv, again.rms_uv), (live.trace_uv, again.trace_uv)):
            np.testing.assert_array_equal(np.concatenate(mine), np.concatenate(theirs))
        assert again.onsets == live.onsets
        assert repr(again.events) == repr(live.events)
        assert [repr(tick) for tick in again.ticks] == [repr(tick) for tick in live.ticks]
        shared = again.symmetry.keys() & live.symmetry.keys()
        assert len(shared) > 5
        assert [repr(again.symmetry[at]) for at in sorted(shared)] == [
            repr(live.symmetry[at]) for at in sorted(shared)
        ]
        assert {at: again.unfit[at] for at in shared} == {at: live.unfit[at] for at in shared}
    assert any(math.isfinite(ratio) for at in live.symmetry.values() for ratio in at.values())
    (file,) = analyse([tmp_path / name], "guarded8", "left", rest_s=6.0)["files"]
    assert [alert["t_s"] for alert in file["live"]["alerts"]] == [
        round(alert.frame / 2000, 4) for alert in result.alerts
    ]


def level_uv(seen: Seen) -> float:
    """RMS of the whole, all channels."""
    rms_uv = np.concatenate(seen.rms_uv)[-400:]
    return float(np.sqrt(np.nanmean(np.square(rms_uv.astype(np.float64)))))


@pytest.mark.parametrize(
    ("info", "options", "expected"),
    [
        (INFO, {}, "ads1298"),
        (INFO._replace(converter_id=0x3E), {}, "ads1298"),
        (INFO._replace(converter_id=0), {}, "ads1298"),
        (INFO._replace(features=FEATURE_SOFT_CAPTURE), {}, None),
        (INFO._replace(fs_hz=1000), {}, None),
        (INFO._replace(converter_id=0x55), {}, None),
        (INFO, {"converter": lambda _: None}, None),
    ],
)
async def test_droop_is_made_good_of_what_passed_our_converter_and_the_file_says_so(
    face: np.ndarray, tmp_path: Path, info: Info, options: Any, expected: str | None
) -> None:
    live, _ = await recorded(face[:6_000], info, new_folder=lambda: tmp_path, **options)
    alone = tmp_path / "alone" / "mailed.bdf"
    alone.parent.mkdir()
    alone.write_bytes((tmp_path / "recording.bdf").read_bytes())
    for path in (tmp_path / "journal.fllog", tmp_path / "recording.bdf", alone):
        assert open_recording(path).converter == expected
    assert converter_of_file(alone) == expected
    settings = open_recording(tmp_path).settings
    assert settings is not None and settings.converter == expected
    if info.fs_hz == 2000:
        plain = Analysis(MONTAGES["guarded8"], "left", fs_hz=2000.0, lsb_uv=23841861e-9)
        bare = Seen()
        for at in range(0, 6_000, 20):
            bare.take(plain, plain.push(np.ascontiguousarray(face[at : at + 20]), 0, math.nan))
        share = level_uv(live) / level_uv(bare)
        # White noise and EMG of 60-180 Hz: a few per cent of it are in the droop.
        assert (1.01 < share < 1.15) if expected else share == 1.0
