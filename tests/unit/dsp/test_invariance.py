"""What the chain owes to nature: gain, sign, side, and silence about what it does not know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceloop_dsp import RestReference, StreamCore, StreamFeatures

Counts = NDArray[np.int32]
N = 2400
MEASURED = ("rms_uv", "envelope_uv")


def face(seed: int, n: int = N) -> Counts:
    """Rest, a burst in all channels, a line."""
    rng = np.random.default_rng(seed)
    uv = rng.normal(0, 2, (n, 8)) + 5 * np.sin(np.arange(n) * 2 * np.pi * 0.02501)[:, None]
    uv[1000:1600] += rng.normal(0, 30, (600, 8)) * rng.uniform(0.2, 1.5, 8)
    return np.round(uv / 0.0238).astype(np.int32)


def analysed(counts: Counts, lsb_uv: float = 0.0238, **options: Any) -> StreamFeatures:
    core = StreamCore(lsb_uv=lsb_uv, mains_hz=50.0, **options)
    core.set_rest(
        RestReference(
            60.0, np.full(8, 2.0), np.full(8, 0.2), np.zeros((8, 4)), np.full(8, 3.0),
            np.full(8, 40.0),
        )
    )  # fmt: skip
    return core.push(counts)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_turned_electrodes_turn_the_trace_and_nothing_else(seed: int) -> None:
    counts = face(seed)
    seen, turned = analysed(counts), analysed(-counts)
    np.testing.assert_array_equal(turned.trace_uv, -seen.trace_uv)
    np.testing.assert_array_equal(turned.low_uv, -seen.high_uv)
    for name in (*MEASURED, "tkeo_uv2", "hop_frame"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(seen, name))
    assert (turned.onsets, turned.offsets) == (seen.onsets, seen.offsets)
    assert seen.onsets


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), order=st.permutations(range(8)))
def test_swapped_sides_swap_the_results(seed: int, order: list[int]) -> None:
    counts = face(seed)
    # Alone, as the line's frequency is a sum over the channels, which rounds in their order.
    seen, swapped = (
        StreamCore(mains_hz=None).push(x) for x in (counts, np.ascontiguousarray(counts[:, order]))
    )
    for name in ("trace_uv", *MEASURED, "tkeo_uv2", "low_uv", "high_uv"):
        np.testing.assert_array_equal(getattr(swapped, name), getattr(seen, name)[:, order])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), factor=st.sampled_from([0.1, 0.7, 1.62, 5.0]))
def test_gain_of_the_converter_scales_the_microvolts(seed: int, factor: float) -> None:
    counts = face(seed)
    seen = StreamCore(lsb_uv=0.0238, mains_hz=None).push(counts)
    scaled = StreamCore(lsb_uv=0.0238 * factor, mains_hz=None).push(counts)
    # Each of the two may err by the 1e-4 of 32-bit numbers, on its own: the scale is rounded, and
    # so is each step behind it.
    for name in MEASURED:
        np.testing.assert_allclose(
            getattr(scaled, name), factor * getattr(seen, name), rtol=2e-4, equal_nan=True
        )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    channel=st.integers(0, 7),
    at=st.integers(200, 1500),
    length=st.integers(1, 400),
    kind=st.sampled_from(["rail", "muted", "gap"]),
)
def test_nothing_known_stays_where_it_is_and_ends(
    seed: int, channel: int, at: int, length: int, kind: str
) -> None:
    counts = face(seed, 4000)
    core = StreamCore(mains_hz=50.0)
    parts = [core.push(counts[:at])]
    if kind == "rail":
        counts[at : at + length, channel] = 2**23 - 1
        parts.append(core.push(counts[at : at + length]))
    elif kind == "muted":
        core.set_muted(1 << channel)
        parts.append(core.push(counts[at : at + length]))
        core.set_muted(0)
    else:
        parts.append(core.gap(length))
    parts.append(core.push(counts[at + length :]))
    others = [c for c in range(8) if c != channel or kind == "muted"]
    for part in parts if kind != "gap" else (parts[0], parts[2]):
        assert np.isfinite(part.trace_uv[:, others]).all()
    late = parts[-1].hop_frame >= at + length + 1300  # 0.4 s to settle, 0.2 s of windows
    for name in (*MEASURED, "tkeo_uv2", "low_uv", "high_uv"):
        assert np.isfinite(getattr(parts[-1], name)[late]).all(), name
    assert late.any()


@pytest.mark.parametrize("kind", [memoryview, lambda x: x.view(type("Sub", (np.ndarray,), {}))])
def test_any_buffer_of_counts_gives_the_same(kind: Any) -> None:
    counts = face(1)
    seen = StreamCore(mains_hz=50.0).push(counts)
    other = StreamCore(mains_hz=50.0).push(kind(counts))
    assert other.trace_uv.tobytes() == seen.trace_uv.tobytes()


@pytest.mark.parametrize(
    "bad",
    [
        face(1).astype(np.uint32),
        face(1).astype(">i4"),
        face(1).astype(np.float32),
        face(1)[:, :7].copy(),
        face(1)[::2],
        np.asfortranarray(face(1)),
        face(1).reshape(-1, 8, 1),
        face(1)[0],
    ],
    ids=["unsigned", "big endian", "float", "seven", "strided", "columns", "3-d", "1-d"],
)
def test_block_of_another_kind_is_refused_and_changes_nothing(bad: Any) -> None:
    core = StreamCore(mains_hz=50.0)
    with pytest.raises((ValueError, BufferError)):
        core.push(bad)
    assert core.frame == 0
    whole = StreamCore(mains_hz=50.0).push(face(1))
    assert core.push(face(1)).trace_uv.tobytes() == whole.trace_uv.tobytes()


def test_copies_of_what_is_not_there_are_refused() -> None:
    core = StreamCore(mains_hz=50.0)
    n_hops = core.kernel.push(face(1)[:40])
    assert n_hops == 2
    with pytest.raises(ValueError, match="are not there"):
        core.kernel.copies(10**6, 40)
    with pytest.raises(ValueError, match="is not there"):
        core.kernel.copies(2, 10**6)
    with pytest.raises(ValueError, match="are not there"):
        core.kernel.copies(-1, 0)
