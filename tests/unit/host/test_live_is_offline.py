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
from faceloop.session.analysis import REST_TEXT, RESTLESS_TEXT, Analysis
from faceloop.session.live_session import LiveSession
from faceloop.session.montage import MONTAGES
from faceloop.session.recorded_signal import RecordedSignal
from faceloop.session.recording_reader import converter_of_file, open_recording
from faceloop.session.session_result import SessionResult
from faceloop.tasks.account import rest_check_account
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


def packets(counts: np.ndarray, kit: Any, *, is_whole: bool) -> list[bytes]:
    """Return them in the order of their arrival: some never come, some only at the end."""
    now, late = [], []
    for at in range(0, len(counts), 20):
        if at in GAP and not is_whole:
            continue
        is_late = at in LATE and not is_whole
        packet = kit.packet(
            at,
            20,
            rows=counts[at : at + 20] >> 4,
            flags=FLAG_LATE if is_late else 0,
            lead_off_p=2 if at in OFF and not is_whole else 0,
        )
        (late if is_late else now).append(packet)
    return [*now, *late]


async def recorded(counts: np.ndarray, info: Info, **options: Any) -> tuple[Seen, Any]:
    """Let a session record these counts; return what it saw, and its result."""
    is_whole = options.pop("is_whole", False)
    session = LiveSession(
        Air(),  # type: ignore[arg-type]
        lambda _: None,
        montage=MONTAGES["guarded8"],
        affected_side="left",
        new_folder=options.pop("new_folder"),
        rest_s=options.pop("rest_s", 6.0),
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
    for plain in packets(counts, FAKE["RecordingKit"](), is_whole=is_whole):
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


def with_heart(face: np.ndarray, peak_uv: float) -> np.ndarray:
    """Add an R peak every 0.8 s, unlike in each channel."""
    t_s = np.arange(len(face)) / 2000.0 % 0.8
    beat = np.exp(-0.5 * ((t_s - 0.4) / 0.011) ** 2)[:, None]
    share = np.array([1.0, 0.2, 0.7, 0.3, 0.5, 0.4, 0.3, 0.6])
    return face + (np.round(peak_uv * share * beat / 23841861e-9).astype(np.int32) >> 4 << 4)


def with_twitches(face: np.ndarray) -> np.ndarray:
    """Let the left eye twitch, shorter and longer, about once a second."""
    rng = np.random.default_rng(5)
    twitching = face.copy()
    for start in range(1_000, len(face) - 1_000, 1_700):
        n = int(rng.integers(300, 900))
        size = rng.uniform(400.0, 1_600.0)
        twitching[start : start + n, 0] += rng.normal(0.0, size, n).astype(np.int32) >> 4 << 4
    return twitching


async def test_rest_that_would_alert_by_itself_raises_the_threshold_live_and_from_the_file(
    tmp_path: Path,
) -> None:
    options = {"scenario": "rest", "seconds": 16, "seed": 4, "blinks": False}
    rest = make_source({"kind": "face", **options}).read(32_000) >> 4 << 4
    texts, accounts = [], []
    for name, counts in (
        ("calm", rest),
        ("heart", with_heart(rest, 150.0)),
        ("restless", with_twitches(rest)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        live, result = await recorded(
            counts, INFO, new_folder=lambda here=folder: here, rest_s=12.0, is_whole=True
        )
        texts += [event.text for event in live.events if event.kind == "note"]
        accounts.append(rest_check_account(result.rest_checks))
        (file,) = analyse([folder / "recording.bdf"], "guarded8", "left", rest_s=12.0)["files"]
        assert file["rest_check"] == accounts[-1]
        kept = open_recording(folder / "journal.fllog").rest
        assert kept is not None and repr(kept.reference.checks) == repr(result.rest_checks)
    assert texts == [REST_TEXT, REST_TEXT, RESTLESS_TEXT]
    calm, heart, restless = accounts
    assert [check["pair"] for check in calm] == ["eye_to_mouth", "mouth_to_eye"]
    assert all(check["expected_per_h"] <= 1.0 for check in calm)
    for check in heart:  # a beat is short: a longer hold is enough
        assert check["published_per_h"] > 100 and check["hold_ms"] > 50
        assert check["margin"] < 2.0 and check["expected_per_h"] <= 1.0
    assert restless[0] == calm[0], "the cheek was quiet"
    assert restless[1]["margin"] >= 2.0 and restless[1]["expected_per_h"] > 1.0
