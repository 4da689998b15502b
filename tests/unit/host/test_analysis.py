"""Live and offline in one: however the frames are cut into blocks, the verdicts are the same."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from faceloop.session.analysis import ELECTRODE_BACK_S, Analysis
from faceloop.session.montage import MONTAGES
from faceloop.twin.sources import LSB_UV, make_source

MONTAGE = MONTAGES["guarded8"]
BACK_FRAMES = round(ELECTRODE_BACK_S * 2000)
# (frames, counts are there, electrodes off)
Piece = tuple[int, bool, int]


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """Fourteen seconds of a face that smiles from the eighth on; the left eye closes."""
    source = make_source({"kind": "face", "scenario": "synkinesis", "seconds": 14, "seed": 3})
    return source.read(28_000)


def verdicts(face: np.ndarray, pieces: Iterable[Piece], side: Any = "left") -> tuple[Any, ...]:
    """Return all events but gaps, all onsets, the rest, and the trace."""
    analysis = Analysis(MONTAGE, side, fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
    at = 0
    events, onsets, traces = [], [], []
    for n, is_there, lead_off in pieces:
        if is_there:
            block = analysis.push(np.ascontiguousarray(face[at : at + n]), lead_off, math.nan)
        else:
            block = analysis.gap(n, math.nan)
        assert block.first_frame == at
        assert block.trace_uv.shape == (n, 8)
        at += n
        events += [event for event in block.events if event.kind != "gap"]
        onsets += analysis.onsets
        traces.append(block.trace_uv)
    rest = analysis.rest.as_dict() if analysis.rest is not None else None
    return repr(events), onsets, rest, np.concatenate(traces)


def cut(pieces: Iterable[Piece], sizes: Iterator[int]) -> Iterator[Piece]:
    for n, is_there, lead_off in pieces:
        while n:
            size = min(n, next(sizes))
            yield size, is_there, lead_off
            n -= size


def packets(seed: int) -> Iterator[int]:
    chooser = random.Random(seed)
    while True:
        yield chooser.randint(1, 40)


def blocks() -> Iterator[int]:
    while True:
        yield 2000


HISTORIES: dict[str, list[Piece]] = {
    "whole": [(28_000, True, 0)],
    "gap where the rest begins": [(3_990, True, 0), (25, False, 0), (23_985, True, 0)],
    "gap within the rest": [(7_001, True, 0), (3_333, False, 0), (17_666, True, 0)],
    "gap where the rest ends": [(13_999, True, 0), (203, False, 0), (13_798, True, 0)],
    "electrode off within the rest": [(6_007, True, 0), (501, True, 0x11), (21_492, True, 0)],
    "electrode off while smiling": [(16_650, True, 0), (33, True, 0x01), (11_317, True, 0)],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_analysis_packets_and_long_blocks_give_the_same(face: np.ndarray, name: str) -> None:
    history = HISTORIES[name]
    events, onsets, rest, trace = verdicts(face, cut(history, packets(1)))
    assert rest is not None and onsets
    for sizes in (packets(2), blocks()):
        others = verdicts(face, cut(history, sizes))
        assert others[0] == events
        assert others[1] == onsets
        assert others[2] == rest
        np.testing.assert_array_equal(others[3], trace)


def test_analysis_synkinesis_names_the_guard_of_the_affected_side(face: np.ndarray) -> None:
    for side in ("left", None):
        analysis = Analysis(MONTAGE, side, fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)  # type: ignore[arg-type]
        found = analysis.push(face, 0, math.nan).events
        alerts = [event for event in found if event.kind.startswith("synkinesis")]
        assert {(event.pair, event.channel) for event in alerts} == {("mouth_to_eye", 0)}
    mirrored = np.ascontiguousarray(face[:, [1, 0, 3, 2, 5, 4, 7, 6]])
    analysis = Analysis(MONTAGE, "right", fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
    found = analysis.push(mirrored, 0, math.nan).events
    assert {event.channel for event in found if event.kind == "synkinesis"} == {1}


def test_analysis_flickering_electrode_is_off_until_it_is_back(face: np.ndarray) -> None:
    """A file has one mark for what is no further apart; both mute the same frames."""
    flicker: list[Piece] = [(16_000, True, 0)]
    for pause in (20, 1, BACK_FRAMES, 300):
        flicker += [(40, True, 1), (pause, True, 0)]
    flicker.append((28_000 - sum(n for n, _, _ in flicker), True, 0))
    off = sum(n for n, _, _ in flicker[1:-2])
    merged: list[Piece] = [(16_000, True, 0), (off, True, 1), (12_000 - off, True, 0)]
    one, other = verdicts(face, flicker), verdicts(face, merged)
    assert one[:3] == other[:3]
    np.testing.assert_array_equal(one[3], other[3])
    assert one[0] != verdicts(face, [(28_000, True, 0)])[0], "it must have mattered"


def test_analysis_symmetry_is_known_only_while_a_side_moves(face: np.ndarray) -> None:
    """Before there is a rest nothing says whether a muscle moves; 3 SD alone flicker at rest."""
    analysis = Analysis(MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
    shown = [
        {name for name, ratio in block.symmetry.items() if math.isfinite(ratio)}
        for block in (
            analysis.push(np.ascontiguousarray(face[at : at + 20]), 0, math.nan)
            for at in range(0, 19_000, 20)
        )
    ]
    assert analysis.rest_frame == 14_000
    assert not set().union(*shown[: 14_000 // 20])
    at_rest = [len(muscles) for muscles in shown[14_200 // 20 : 16_400 // 20]]
    assert sum(at_rest) <= 5, "a flicker at most"
    assert "zygomaticus_major" in shown[17_600 // 20]
    assert "mentalis" not in shown[17_600 // 20]


def test_analysis_uses_a_given_rest_from_its_frame_on(face: np.ndarray) -> None:
    """As the session did: so a recording tells what was seen live."""
    learning = Analysis(MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
    expected = [*learning.push(face, 0, math.nan).events]
    given = Analysis(
        MONTAGE,
        "left",
        fs_hz=2000.0,
        lsb_uv=LSB_UV,
        rest=learning.rest,
        rest_frame=learning.rest_frame,
    )
    found = [*given.push(face, 0, math.nan).events]
    assert repr([event for event in expected if event.kind != "note"]) == repr(found)
    assert found


def test_analysis_bad_channel_mutes_itself_and_says_why_then_comes_back(face: np.ndarray) -> None:
    """A cable that swings from 9.0 to 9.4 s: not judged, and the others go on."""
    swung = face.copy()
    swing_uv = 1500.0 * np.sin(2 * np.pi * 2.5 * np.arange(800) / 2000.0)
    swung[18_000:18_800, 4] += np.round(swing_uv / LSB_UV).astype(np.int32)
    analysis = Analysis(MONTAGE, "left", fs_hz=2000.0, lsb_uv=LSB_UV, rest_s=5.0)
    told, level_uv = {}, {}
    for at in range(0, len(swung), 20):
        block = analysis.push(np.ascontiguousarray(swung[at : at + 20]), 0, math.nan)
        told[at + 20], level_uv[at + 20] = analysis.unfit, block.envelope_uv
    silent = [at for at, levels in level_uv.items() if at > 14_000 and math.isnan(levels[4])]
    assert {reasons[4] for at, reasons in told.items() if 18_200 <= at < 19_800} == {"movement"}
    assert silent[0] == 18_220  # from the end of the first bad tick on
    # Half a second in which the baseline is seen, half a second until it is believed again, then
    # the filters settle for 0.4 s, and the RMS looks back on 0.1 s.
    assert 18_800 + 2000 <= silent[-1] <= 18_800 + 3400
    assert silent == list(range(silent[0], silent[-1] + 20, 20))
    others = [levels[[0, 1, 2, 3, 5, 6, 7]] for at, levels in level_uv.items() if at > 14_000]
    assert np.isfinite(others).all()
    assert told[28_000] == ("",) * 8


def test_analysis_unfit_channel_is_muted_alike_however_the_frames_come(face: np.ndarray) -> None:
    hummed = face.copy()
    hum_uv = 3000.0 * np.sin(2 * np.pi * 50.0 * np.arange(800) / 2000.0)
    hummed[16_800:17_600, 0] += np.round(hum_uv / LSB_UV).astype(np.int32)
    history: list[Piece] = [(15_111, True, 0), (77, False, 0), (12_812, True, 0)]
    one, other = (verdicts(hummed, cut(history, sizes)) for sizes in (packets(5), blocks()))
    assert one[:3] == other[:3]
    np.testing.assert_array_equal(one[3], other[3])
    assert one[0] != verdicts(face, history)[0], "it must have mattered"
