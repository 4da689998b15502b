"""The drawing of the electrodes: each pair is one thing to see, with its own number."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import pytest

from faceloop.session.montage import MONTAGES
from faceloop.ui.face_picture import MIDDLE, RING, SITES, Site

# Between the rings of two pairs there is at least a contact's own width.
APART = 2 * RING + 10
NUMBER = 8  # half of what a number takes


def contacts(site: Site) -> tuple[tuple[int, int], tuple[int, int]]:
    return site.first, site.second


@pytest.mark.parametrize("name", MONTAGES)
def test_every_pair_of_a_montage_is_drawn_and_told_apart(name: str) -> None:
    sites = {pair.muscle: SITES[pair.muscle] for pair in MONTAGES[name].muscles}
    for (one, a), (other, b) in combinations(sites.items(), 2):
        nearest = min(math.dist(p, q) for p in contacts(a) for q in contacts(b))
        assert nearest >= APART, (one, other, nearest)
    for muscle, site in sites.items():
        # Both sides are drawn from the same midline and do not meet there either.
        assert min(x for x, _ in contacts(site)) >= RING + 2, muscle
        assert max(x for x, _ in (*contacts(site), site.label)) <= MIDDLE - NUMBER, muscle


@pytest.mark.parametrize("name", MONTAGES)
def test_number_stands_beside_its_own_pair_and_on_none(name: str) -> None:
    sites = {pair.muscle: SITES[pair.muscle] for pair in MONTAGES[name].muscles}
    for muscle, site in sites.items():
        own = min(math.dist(site.label, contact) for contact in contacts(site))
        assert RING + NUMBER <= own <= RING + 2 * NUMBER, (muscle, own)
    for (muscle, site), (other, another) in permutations(sites.items(), 2):
        own = min(math.dist(site.label, contact) for contact in contacts(site))
        nearest = min(math.dist(site.label, contact) for contact in contacts(another))
        assert nearest >= own + RING, (muscle, other, own, nearest)
