"""Set-up: contact, rest, coach and references on made-up levels, on a fake clock."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from faceloop.session.montage import MONTAGES, montage_named
from faceloop.training.hop import Hop
from faceloop.training.references import References
from faceloop.training.setup import COACH_TASKS, SetUp, SetUpTimes

UTC = "2026-11-29T08:00:00+00:00"
QUICK = SetUpTimes(contact_s=0.5, rest_s=3.0, contract_s=1.2, relax_s=1.0)


class Face:
    """Levels of a face that does as it is told; ``leads`` says which site each channel sits on."""

    def __init__(
        self,
        montage: str = "guarded8",
        *,
        leads: tuple[int, ...] = tuple(range(8)),
        weak: float = 0.7,
        leak: float = 0.2,
        rest_uv: float = 2.0,
        off: frozenset[int] = frozenset(),
        seed: int = 1,
    ) -> None:
        self.montage = montage_named(montage)
        self._leads, self._weak, self._leak = leads, weak, leak
        self._rest_uv, self.off = rest_uv, off
        self._random = random.Random(seed)

    def hop(self, view: Any) -> Hop:
        sites = [self._rest_uv] * 8
        if view.is_contracting:
            for pair in self.montage.muscles:
                share = 1.0 if COACH_TASKS[pair.muscle] == view.movement else self._leak
                sites[pair.left] += 30.0 * share * self._weak
                sites[pair.right] += 30.0 * share
        levels = [sites[self._leads[c]] * self._random.gauss(1, 0.08) for c in range(8)]
        for channel, label in enumerate(self.montage.labels):
            if channel in self.off or label == "unused":
                levels[channel] = math.nan
        return Hop(0, tuple(levels))


def through(face: Face, **options: Any) -> tuple[SetUp, float]:
    """Run set-up to its end; return it and how long it took."""
    options.setdefault("times", QUICK)
    setup = SetUp(face.montage, "left", 0.0, utc_now=lambda: UTC, **options)
    now_s = 0.0
    while not setup.is_done:
        now_s += 0.01
        setup.feed(face.hop(setup.view(now_s)), now_s)
        assert now_s < 400
    return setup, now_s


@pytest.mark.parametrize("montage", MONTAGES)
def test_set_up_takes_less_than_three_minutes(montage: str) -> None:
    setup = SetUp(montage_named(montage), "left", 0.0, utc_now=lambda: UTC)
    assert 60 < setup.planned_s < 180


def test_good_placement_gives_references_and_no_findings() -> None:
    setup, took_s = through(Face())
    assert took_s == pytest.approx(setup.planned_s, abs=0.5)
    references = setup.references
    assert references is not None and references.taken_utc == UTC
    assert references.rest_mean_uv[0] == pytest.approx(2.0, rel=0.05)
    assert references.comfortable_uv[3] == pytest.approx(32.0, rel=0.05)
    assert references.comfortable_uv[2] == pytest.approx(2 + 30 * 0.7, rel=0.05)
    view = setup.view(took_s)
    assert view.findings == () and view.title.key == "train.setup.done.title"
    assert [check.verdict for check in view.checks] == ["good"] * 8
    # SNR is that of the paper: mean RMS of contractions over mean RMS of the gaps.
    assert view.checks[3].snr_db == pytest.approx(20 * math.log10(32 / 2), abs=0.5)
    assert References.from_json(references.to_json()) == References.from_json(references.to_json())


def test_snr_shows_as_soon_as_a_muscle_has_done_its_three_contractions() -> None:
    face = Face()
    setup = SetUp(face.montage, "left", 0.0, utc_now=lambda: UTC, times=QUICK)
    seen: list[tuple[int, int, list[int]]] = []
    now_s = 0.0
    while not setup.is_done:
        now_s += 0.01
        setup.feed(face.hop(setup.view(now_s)), now_s)
        view = setup.view(now_s)
        assert set(view.contractions) == set(range(8))
        counts = (view.contractions[0], view.contractions[2])
        row = (*counts, [check.channel for check in view.checks])
        if row not in seen:
            seen.append(row)
        if view.part in ("contact", "rest"):
            assert not view.checks and not any(view.contractions.values())
    # Eye first, then smile: an electrode has its number when the last gap is through.
    assert seen[:5] == [(0, 0, []), (1, 0, []), (2, 0, []), (3, 0, []), (3, 0, [0, 1])]
    assert seen[5:9] == [(3, n, [0, 1]) for n in (1, 2, 3)] + [(3, 3, [0, 1, 2, 3])]
    assert seen[-1] == (3, 3, list(range(8)))
    done = {check.channel: check.snr_db for check in setup.view(now_s).checks}
    assert done[0] == pytest.approx(20 * math.log10(23 / 2), abs=0.5)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("pairs", list(combinations(range(4), 2)))
def test_leads_swapped_within_a_side_are_found(side: int, pairs: tuple[int, int]) -> None:
    first, second = (2 * pair + side for pair in pairs)
    leads = list(range(8))
    leads[first], leads[second] = second, first
    setup, now_s = through(Face(leads=tuple(leads)))
    findings = setup.view(now_s).findings
    assert setup.view(now_s).title.key == "train.setup.look.title"
    assert [(finding.kind, finding.channels) for finding in findings] == [
        ("swapped_leads", (first, second))
    ]
    names = {findings[0].message.params[key].key for key in ("electrode", "other")}
    labels = montage_named("guarded8").labels
    assert names == {f"train.electrode.{labels[c]}" for c in (first, second)}


@pytest.mark.parametrize("seed", range(6))
def test_face_that_does_not_move_is_not_told_of_swapped_leads(seed: int) -> None:
    class Still(Face):
        def hop(self, view: Any) -> Hop:
            return super().hop(replace(view, is_contracting=False))

    setup, now_s = through(Still(seed=seed))
    findings = setup.view(now_s).findings
    # And it is said once, not of each electrode.
    assert [(one.kind, one.channels) for one in findings] == [("no_answer", tuple(range(8)))]
    assert findings[0].message.key == "train.setup.no_answers"


def test_sides_swapped_are_asked_about_where_one_side_is_weak() -> None:
    leads = (1, 0, *range(2, 8))
    setup, now_s = through(Face(leads=leads, weak=0.35))
    assert [finding.kind for finding in setup.view(now_s).findings] == ["swapped_sides"]
    setup, now_s = through(Face(weak=0.35))
    assert setup.view(now_s).findings == ()


def test_electrode_beside_the_muscle_does_not_answer() -> None:
    face = Face(rest_uv=2.0)
    plain = face.hop

    def deaf(view: Any) -> Hop:
        levels = list(plain(view).level_uv)
        levels[2] = 2.0
        return Hop(0, tuple(levels))

    face.hop = deaf  # type: ignore[method-assign]
    setup, now_s = through(face)
    view = setup.view(now_s)
    assert [(finding.kind, finding.channels) for finding in view.findings] == [("no_answer", (2,))]
    assert view.checks[2].verdict == "weak"


def test_contact_waits_for_all_electrodes_and_can_be_skipped() -> None:
    face = Face(off=frozenset({5}))
    setup = SetUp(face.montage, "left", 0.0, utc_now=lambda: UTC, times=QUICK)
    for at in range(1, 1000):
        setup.feed(face.hop(setup.view(at / 100)), at / 100)
    view = setup.view(10.0)
    assert view.part == "contact" and view.is_good.index(False) == 5
    assert setup.can_go_on
    setup.go_on(10.0)
    now_s = 10.0
    while not setup.is_done:
        now_s += 0.01
        setup.feed(face.hop(setup.view(now_s)), now_s)
    assert setup.references is not None and math.isnan(setup.references.rest_mean_uv[5])
    assert setup.view(now_s).checks[5].verdict == "off"


def test_contact_that_flickers_begins_to_count_anew() -> None:
    face = Face()
    setup = SetUp(face.montage, "left", 0.0, utc_now=lambda: UTC, times=QUICK)
    for at in range(1, 500):
        face.off = frozenset({0}) if at % 40 == 0 else frozenset()
        setup.feed(face.hop(setup.view(at / 100)), at / 100)
    assert setup.view(5.0).part == "contact"


def test_rest_that_was_none_is_asked_for_again() -> None:
    face = Face()
    setup = SetUp(face.montage, "left", 0.0, utc_now=lambda: UTC, times=QUICK)
    now_s = 0.0
    while setup.view(now_s).part != "rest":
        now_s += 0.01
        setup.feed(face.hop(setup.view(now_s)), now_s)
    began_s = now_s
    while now_s < began_s + 3.05:
        now_s += 0.01
        moves = (now_s - began_s) % 2 > 0.6
        setup.feed(Hop(0, (20.0 if moves else 2.0,) * 8), now_s)
        assert setup.can_go_on == (setup.view(now_s).findings != ())
    view = setup.view(now_s)
    assert view.part == "rest" and view.findings[0].kind == "rest_restless"
    # A face that never rests: the person goes on, with what of the rests was quiet.
    assert setup.can_go_on
    setup.go_on(now_s)
    assert (setup.part, setup.findings, setup.can_go_on) == ("coach", (), False)
    while not setup.is_done:
        now_s += 0.01
        setup.feed(face.hop(setup.view(now_s)), now_s)
    assert setup.references is not None
    assert setup.references.rest_mean_uv == pytest.approx([2.0] * 8)


def test_short_set_up_takes_the_comfortable_movement_of_another_day() -> None:
    first, _ = through(Face())
    again, took_s = through(Face(seed=2), known=first.references, is_short=True)
    assert took_s == pytest.approx(3.5, abs=0.2)
    assert again.references is not None and first.references is not None
    assert again.references.comfortable_uv == first.references.comfortable_uv
    assert again.references.rest_mean_uv != first.references.rest_mean_uv


def test_references_of_another_montage_are_not_taken() -> None:
    first, _ = through(Face("minimal4"))
    again = SetUp(
        montage_named("guarded8"), "left", 0.0,
        utc_now=lambda: UTC, known=first.references, is_short=True,
    )  # fmt: skip
    assert again.planned_s > 100


def test_set_up_again_begins_anew() -> None:
    face = Face()
    setup, now_s = through(face)
    setup.again(now_s)
    view = setup.view(now_s)
    assert (view.part, view.checks, setup.references) == ("contact", (), None)
