"""The synkinesis rule hop by hop, and on synthetic faces through the whole chain."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from faceloop_dsp import (
    Offset,
    Onset,
    Pair,
    RestReference,
    StreamCore,
    StreamFeatures,
    SynkinesisDetector,
    SynkinesisEvent,
)

EYE, MOUTH, CHIN, JAW = (0, 1), (2, 3), (4, 5), (6, 7)
EYE_TO_MOUTH = Pair("eye_to_mouth", EYE, MOUTH, 1.62, JAW)
MOUTH_TO_EYE = Pair("mouth_to_eye", MOUTH, EYE, 1.79, JAW)
PAIRS = (EYE_TO_MOUTH, MOUTH_TO_EYE)
REST_UV, SD_UV = 2.0, 0.2
REST = RestReference(
    60.0, np.full(8, REST_UV), np.full(8, SD_UV), np.zeros((8, 4)), np.ones(8), np.full(8, 30.0)
)


def features(*stretches: tuple[int, dict[int, float]]) -> StreamFeatures:
    """Return hops at rest but for the RMS given per channel; one (n_hops, levels) a stretch."""
    rows = []
    for n_hops, levels in stretches:
        row = np.full(8, REST_UV)
        for channel, rms_uv in levels.items():
            row[channel] = rms_uv
        rows += [row] * n_hops
    rms = np.array(rows, np.float32).reshape(-1, 8)
    at = np.arange(1, len(rows) + 1, dtype=np.int64) * 20 - 1
    return StreamFeatures(0, np.zeros((len(rows) * 20, 8), np.float32), at, rms, rms)


def detector(side: Any = "left", **options: Any) -> SynkinesisDetector:
    return SynkinesisDetector(PAIRS, side, REST, **options)


SMILE = {2: 20.0, 3: 30.0}
CLOSURE = {0: 20.0, 1: 30.0}


def begins(events: list[SynkinesisEvent]) -> list[tuple[str, str]]:
    return [(event.pair, event.side) for event in events if event.kind == "begin"]


def test_features_without_a_trace_are_refused_rather_than_judged_with_leaks() -> None:
    seen = StreamCore(trace=False).push(np.zeros((400, 8), np.int32))
    watch = detector()
    with pytest.raises(ValueError, match="trace=True"):
        watch.push(seen)
    with pytest.raises(ValueError, match="trace=True"):
        watch.check_rest([seen])
    assert watch.push(StreamCore(trace=False).push(np.zeros((5, 8), np.int32))) == []


def test_eye_joining_a_smile_is_mouth_to_eye() -> None:
    events = detector().push(features((20, {}), (50, {**SMILE, 0: 12.0, 1: 4.0}), (50, {})))
    assert [(e.kind, e.pair, e.side) for e in events] == [
        ("begin", "mouth_to_eye", "left"),
        ("end", "mouth_to_eye", "left"),
    ]
    begin, end = events
    assert begin.since_frame == 21 * 20 - 1
    assert begin.frame == 25 * 20 - 1  # held for 50 ms
    assert begin.index == pytest.approx(3.0)
    assert end.since_frame == begin.frame
    assert end.frame == 80 * 20 - 1  # quiet for 100 ms
    assert end.index == pytest.approx(3.0)


def test_mouth_joining_an_eye_closure_is_eye_to_mouth() -> None:
    events = detector().push(features((20, {}), (50, {**CLOSURE, 2: 10.0, 3: 4.0})))
    assert begins(events) == [("eye_to_mouth", "left")]


def test_right_side_affected_mirrors() -> None:
    smile = {2: 30.0, 3: 20.0, 0: 4.0, 1: 12.0}
    assert begins(detector("right").push(features((50, smile)))) == [("mouth_to_eye", "right")]
    assert begins(detector("left").push(features((50, smile)))) == []


@pytest.mark.parametrize("affected", [0, 1])
def test_unknown_side_is_found(affected: int) -> None:
    levels = {2 + affected: 20.0, 3 - affected: 30.0, affected: 12.0, 1 - affected: 4.0}
    side = ("left", "right")[affected]
    assert begins(detector(None).push(features((50, levels)))) == [("mouth_to_eye", side)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize("share", [0.999, 1.001])
def test_t4_classifier_flips_exactly_at_the_cutoff(pair: Pair, share: float) -> None:
    unaffected = 8.0
    levels = {
        pair.trained[0]: 30.0,
        pair.trained[1]: 40.0,
        pair.guard[0]: share * pair.cutoff * unaffected,
        pair.guard[1]: unaffected,
    }
    expected = [(pair.name, "left")] if share > 1 else []
    assert begins(detector().push(features((50, levels)))) == expected


@pytest.mark.parametrize("share", [0.999, 1.001])
def test_quiet_other_side_is_replaced_by_own_rest(share: float) -> None:
    """U in its noise: the index is A over A's own rest, and flips at the cut-off too."""
    levels = {**SMILE, 0: share * 1.79 * REST_UV, 1: 0.5 * REST_UV}
    events = detector(leak_share=0.0).push(features((50, levels)))
    assert begins(events) == ([("mouth_to_eye", "left")] if share > 1 else [])
    if share > 1:
        assert events[0].index == pytest.approx(share * 1.79)


def test_raised_tone_alone_does_not_respond() -> None:
    rest = RestReference(
        60.0,
        np.array([6.0, 2.0, 6.0, 2.0, 2, 2, 2, 2]),
        np.full(8, SD_UV),
        np.zeros((8, 4)),
        np.ones(8),
        np.full(8, 30.0),
    )
    watch = SynkinesisDetector(PAIRS, "left", rest)
    assert watch.push(features((50, {**SMILE, 0: 7.0, 1: 2.8}))) == []
    assert begins(watch.push(features((50, {**SMILE, 0: 12.0, 1: 2.8})))) == [
        ("mouth_to_eye", "left")
    ]


@pytest.mark.parametrize(("hops", "n_events"), [(4, 0), (5, 1)])
def test_response_counts_from_50_ms_on(hops: int, n_events: int) -> None:
    pulse = {**SMILE, 0: 12.0, 1: 4.0}
    watch = detector()
    assert len(begins(watch.push(features((10, SMILE), (hops, pulse), (30, SMILE))))) == n_events
    assert watch.n_events == n_events


@pytest.mark.parametrize(("hops", "n_events"), [(9, 1), (10, 2)])
def test_response_ends_after_100_ms_of_quiet(hops: int, n_events: int) -> None:
    pulse = {**SMILE, 0: 12.0, 1: 4.0}
    events = detector().push(features((20, pulse), (hops, SMILE), (20, pulse)))
    assert len(begins(events)) == n_events


def test_response_ends_when_the_index_falls() -> None:
    events = detector().push(
        features((20, {**SMILE, 0: 12.0, 1: 4.0}), (20, {**SMILE, 0: 12.0, 1: 9.0}))
    )
    assert [event.kind for event in events] == ["begin", "end"]


def test_no_movement_no_response() -> None:
    """A guard that is active alone is not synkinesis: a wink, a twitch."""
    assert detector().push(features((50, {0: 12.0, 1: 2.0}))) == []
    assert detector(None).push(features((50, {0: 12.0, 1: 2.0}))) == []


def test_both_muscles_active_only_the_fitting_pair_responds() -> None:
    """A smile with the eyes half closing on both sides: the mouth leads, so the eye is judged."""
    levels = {2: 20.0, 3: 40.0, 0: 30.0, 1: 10.0}
    assert begins(detector().push(features((50, levels)))) == [("mouth_to_eye", "left")]
    levels = {2: 30.0, 3: 10.0, 0: 20.0, 1: 40.0}
    assert begins(detector().push(features((50, levels)))) == [("eye_to_mouth", "left")]


def test_task_decides_which_pair_may_respond() -> None:
    levels = {2: 20.0, 3: 40.0, 0: 30.0, 1: 10.0}
    watch = detector()
    watch.set_task("eye_to_mouth")
    assert watch.task == "eye_to_mouth"
    assert watch.push(features((50, levels))) == []
    watch.set_task("mouth_to_eye")
    assert begins(watch.push(features((50, levels)))) == [("mouth_to_eye", "left")]
    watch.set_task("eye_to_mouth")
    assert [event.kind for event in watch.push(features((50, levels)))] == ["end"]
    watch.set_task(None)
    assert watch.task is None


def test_task_accepts_movement_of_the_affected_side_alone() -> None:
    levels = {2: 20.0, 0: 10.0}
    watch = detector()
    assert watch.push(features((50, levels))) == []
    watch.set_task("mouth_to_eye")
    assert begins(watch.push(features((50, levels)))) == [("mouth_to_eye", "left")]
    assert watch.push(features((50, {0: 1.9}), (50, {0: 10.0}))) != []
    assert begins(watch.push(features((50, {}), (50, {0: 10.0})))) == []  # nobody moves


@pytest.mark.parametrize(("guard_uv", "n_events"), [(4.0, 0), (5.0, 1)])
def test_leak_of_the_trained_muscle_is_not_a_response(guard_uv: float, n_events: int) -> None:
    levels = {2: 28.0, 3: 30.0, 0: guard_uv}  # 15 % of 28 uV over a rest of 2 uV: 4.7 uV
    assert len(begins(detector().push(features((50, levels))))) == n_events


def test_t12_jaw_clench_raises_no_response() -> None:
    """Common signal on the cheeks, leaking unequally, with the masseter over everything."""
    clench = {6: 180.0, 7: 170.0, 2: 50.0, 3: 20.0, 0: 9.0, 1: 3.0}
    for side in ("left", "right", None):
        assert detector(side).push(features((20, {}), (100, clench), (50, {}))) == []
    without = [Pair(pair.name, pair.trained, pair.guard, pair.cutoff) for pair in PAIRS]
    unguarded = SynkinesisDetector(without, "left", REST)
    assert unguarded.push(features((100, clench))) != []


def test_t12_veto_outlasts_the_clench_and_a_leaking_smile_does_not_veto() -> None:
    smile = {**SMILE, 0: 12.0, 1: 4.0}
    clenched = {**smile, 6: 100.0, 7: 100.0}
    events = detector().push(features((30, clenched), (50, smile)))
    assert begins(events) == [("mouth_to_eye", "left")]
    assert events[0].since_frame == 50 * 20 - 1  # 200 ms after the jaw
    leaking = {**smile, 6: 4.0, 7: 4.0}
    assert begins(detector().push(features((50, leaking)))) == [("mouth_to_eye", "left")]


def test_event_tells_how_long_the_guard_came_after_the_trained_muscle() -> None:
    pulse = features((20, {}), (50, {**SMILE, 0: 12.0, 1: 4.0}))
    onsets = (Onset(396, 3), Onset(404, 2), Onset(444, 0))
    begin = detector().push(pulse._replace(onsets=onsets))[0]
    assert begin.latency_ms == pytest.approx(20.0)  # after the same side's trained muscle
    assert begin.own_share == 1.0
    late = (Onset(396, 3), Onset(404, 2), Offset(420, 2), Onset(444, 0))
    begin = detector().push(
        pulse._replace(
            onsets=tuple(x for x in late if isinstance(x, Onset)), offsets=(Offset(420, 2),)
        )
    )[0]
    assert begin.latency_ms == pytest.approx(24.0)  # the other side's: this one ended
    assert np.isnan(detector().push(pulse)[0].latency_ms)


def test_rest_that_would_respond_raises_the_threshold_or_the_hold() -> None:
    restless = []
    for _ in range(30):
        restless += [(180, {}), (12, {0: 6.0, 1: 2.0}), (8, {})]
    watch = detector()
    checks = {check.pair: check for check in watch.check_rest([features(*restless)])}
    assert checks["mouth_to_eye"].per_h > 1000
    assert checks["mouth_to_eye"].per_h_expected <= 0.11
    assert checks["eye_to_mouth"].per_h < 0.1
    short = {**SMILE, 0: 6.0, 1: 2.0}
    assert begins(detector().push(features((12, short)))) == [("mouth_to_eye", "left")]
    assert watch.push(features((12, short))) == []
    assert begins(watch.push(features((20, {}), (80, {**SMILE, 0: 12.0, 1: 2.0})))) != []


def test_impossible_margin_is_refused() -> None:
    with pytest.raises(ValueError, match=r"margin of 0\.9"):
        detector(margin=0.9)


PULSE = {**SMILE, 0: 12.0, 1: 4.0}
LOST = dict.fromkeys(range(8), float("nan"))


def kinds(*stretches: tuple[int, dict[int, float]]) -> list[tuple[str, int]]:
    """Return kind and number of the hop of each event."""
    events = detector().push(features(*stretches))
    return [(event.kind, (event.frame + 1) // 20) for event in events]


def test_hold_starts_again_after_a_gap_and_only_once_the_rms_can_be_trusted() -> None:
    assert kinds((20, {}), (4, PULSE), (2, LOST), (30, PULSE)) == [("begin", 26 + 5 + 5)]
    assert kinds((20, {}), (4, PULSE), (2, LOST), (5, PULSE), (30, {})) == []


def test_response_goes_on_across_gaps() -> None:
    """A movement is one event, however often the radio fails meanwhile; three would alarm."""
    lossy = [(10, PULSE), (36, LOST), (10, PULSE), (100, LOST), (3, PULSE), (10, LOST)]
    assert kinds((20, {}), *lossy, (10, PULSE), (50, {})) == [
        ("begin", 25),
        ("end", 20 + 179 + 10),
    ]


def test_response_ends_in_a_gap_that_lasts() -> None:
    assert kinds((20, {}), (10, PULSE), (400, LOST), (20, PULSE)) == [
        ("begin", 25),
        ("end", 30 + 120),
        ("begin", 430 + 10),
    ]


def test_response_over_after_a_gap_has_ended() -> None:
    assert kinds((20, {}), (10, PULSE), (30, LOST), (50, {})) == [("begin", 25), ("end", 75)]


def test_index_never_comes_from_a_window_that_has_just_settled() -> None:
    spoilt = {**PULSE, 0: 120.0}
    stretches = (20, {}), (10, PULSE), (30, LOST), (5, spoilt), (10, PULSE), (50, {})
    begin, end = detector().push(features(*stretches))
    assert begin.index == end.index == pytest.approx(3.0)
    (begin,) = detector().push(features((30, LOST), (5, spoilt), (10, PULSE)))
    assert begin.index == pytest.approx(3.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_short_gaps_neither_add_nor_take_events(seed: int) -> None:
    """Scripted steps of a smile that closes the eye, through the whole chain."""
    lsb_uv = 0.024
    rng = np.random.default_rng(seed)
    level_uv = np.tile(np.full(8, 2.0), (14 * 2000, 1))
    for first_s in (8.0, 11.0):
        move = slice(round(first_s * 2000), round((first_s + 2.0) * 2000))
        level_uv[move, :4] = 12.0, 4.0, 20.0, 30.0
    counts = np.round(rng.normal(0, level_uv) / lsb_uv).astype(np.int32)
    gaps = {(at, int(rng.integers(20, 500))) for at in range(15_000, 27_000, 1_900)}
    found = []
    for lost in ([], sorted(gaps)):
        core = StreamCore(lsb_uv=lsb_uv, mains_hz=50.0)
        core.begin_rest()
        core.push(counts[:12_000])
        watch = SynkinesisDetector(PAIRS, "left", core.end_rest())
        events, at = [], 12_000
        for first, n in [*lost, (len(counts), 0)]:
            events += watch.push(core.push(counts[at:first]))
            events += watch.push(core.gap(n))
            at = first + n
        found.append(begins(events))
    assert found[0] == found[1] == [("mouth_to_eye", "left")] * 2


@pytest.mark.parametrize("muted", [0, 1, 2, 3, 6])
def test_muted_channel_never_invents_a_response(muted: int) -> None:
    """With the guard or the trained unaffected side unknown there is no verdict."""
    levels = {**SMILE, 0: 12.0, 1: 4.0, muted: float("nan")}
    expected = [("mouth_to_eye", "left")] if muted in (2, 6) else []
    assert begins(detector().push(features((50, levels)))) == expected


def test_unknown_rest_of_a_channel_silences_its_pairs() -> None:
    mean = np.full(8, REST_UV)
    mean[0] = np.nan
    rest = RestReference(
        60.0, mean, np.full(8, SD_UV), np.zeros((8, 4)), np.ones(8), np.full(8, 30.0)
    )
    watch = SynkinesisDetector(PAIRS, "left", rest)
    assert watch.push(features((50, {**SMILE, 0: 12.0, 1: 4.0}))) == []


def test_any_split_of_frames_gives_the_same_events() -> None:
    """The waveform, too, is judged hop by hop, wherever blocks begin and end."""
    rng = np.random.default_rng(5)
    level_uv = np.tile(np.full(8, 2.0), (9 * 2000, 1))
    level_uv[14_000:16_000, :4] = 12.0, 4.0, 20.0, 30.0
    signal_uv = rng.normal(0, level_uv)
    signal_uv[:, 0] += 0.2 * signal_uv[:, 2]
    counts = np.round(signal_uv / 0.024).astype(np.int32)
    found = []
    for sizes in ([2000], [7], [40, 1, 19, 333]):
        core = StreamCore(lsb_uv=0.024, mains_hz=50.0)
        core.begin_rest()
        core.push(counts[:12_000])
        watch = SynkinesisDetector(PAIRS, "left", core.end_rest())
        events, at, size = [], 12_000, itertools.cycle(sizes)
        while at < len(counts):
            n = next(size)
            if at == 15_000:  # a gap in the response, at a frame that no hop ends at
                events += watch.push(core.gap(133))
                at += 133
            n = min(n, 15_000 - at) if at < 15_000 else n
            events += watch.push(core.push(counts[at : at + n]))
            at += n
        found.append([dataclasses.replace(event, latency_ms=0.0) for event in events])
    assert found[0] == found[1] == found[2]
    assert begins(found[0]) == [("mouth_to_eye", "left")]
    assert 0.5 < found[0][0].own_share < 1.0


def test_any_split_of_hops_gives_the_same_events() -> None:
    whole = features((20, {}), (50, {**SMILE, 0: 12.0, 1: 4.0}), (50, {}), (60, {**CLOSURE, 2: 9}))
    watch = detector()
    events = []
    for i in range(whole.hop_frame.size):
        events += watch.push(
            whole._replace(hop_frame=whole.hop_frame[i : i + 1], rms_uv=whole.rms_uv[i : i + 1])
        )
    assert events == detector().push(whole)
    assert len(events) == 3


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("a", (0, 1), (2, 3), 1.0), "cut-off of 1"),
        (("a", (0, 1), (1, 2), 1.6), "must differ"),
        (("a", (0, 1), (2, 3), 1.6, (3, 4)), "must differ"),
    ],
)
def test_impossible_pair_is_refused(pair: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pair(*pair)


def test_impossible_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        SynkinesisDetector([EYE_TO_MOUTH, EYE_TO_MOUTH], "left", REST)
    with pytest.raises(ValueError, match="allowed are left, right"):
        SynkinesisDetector(PAIRS, "both", REST)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="uses channel 9"):
        SynkinesisDetector([Pair("x", (0, 1), (8, 9), 1.6)], None, REST)
    with pytest.raises(ValueError, match="no pair 'wink'"):
        detector().set_task("wink")


def face(signals: Any, movement: dict[int, float], seed: int) -> list[SynkinesisEvent]:
    """Play rest and ten movements of 1 s through the chain, with mains; return the events."""
    core = StreamCore(mains_hz=60.0)
    line = signals.mains(30, 59.9, 40.0)
    x = signals.emg(30, 2.0, seed=seed)
    bursts = signals.emg(30, 1.0, seed=seed + 500)
    for start in range(10 * 2000, 30 * 2000, 4000):
        for channel, rms_uv in movement.items():
            x[start : start + 2000, channel] += rms_uv * bursts[start : start + 2000, channel]
    counts = signals.counts(x + line)
    core.push(counts[:4000])
    core.begin_rest()
    core.push(counts[4000:16_000])
    watch = SynkinesisDetector(PAIRS, "left", core.end_rest())
    return watch.push(core.push(counts[16_000:]))


@pytest.mark.parametrize("seed", range(3))
def test_synthetic_synkinesis_is_found_each_time_and_a_clean_smile_never(
    signals: Any, seed: int
) -> None:
    events = face(signals, {2: 20.0, 3: 30.0, 0: 8.0}, seed)
    assert begins(events) == [("mouth_to_eye", "left")] * 10
    starts = np.arange(10 * 2000, 30 * 2000, 4000)
    latency_ms = (np.array([e.frame for e in events if e.kind == "begin"]) - starts) / 2
    assert np.median(latency_ms) < 110
    assert latency_ms.max() < 250
    assert face(signals, {2: 20.0, 3: 30.0}, seed) == []
    assert face(signals, {0: 20.0, 1: 30.0}, seed) == []


@pytest.mark.parametrize("seed", range(3))
def test_t12_synthetic_jaw_clench_raises_no_response(signals: Any, seed: int) -> None:
    clench = {6: 180.0, 7: 170.0, 2: 50.0, 3: 20.0, 0: 9.0, 1: 3.0}
    assert face(signals, clench, seed) == []
