"""What Today says of a day's length: the parts add up to the whole."""

from __future__ import annotations

import pytest

from faceloop.training.programme import BlockSpec, planned_s
from faceloop.training.programme_file import shipped_programmes
from faceloop.ui.texts import Texts
from faceloop.ui.today_view import whole_minutes
from faceloop.ui.words import Words


@pytest.mark.parametrize("name", sorted(shipped_programmes()))
def test_parts_of_a_shipped_day_add_up_to_its_minutes(name: str) -> None:
    programme = shipped_programmes()[name]
    blocks = [block for block in programme.block if block.is_on]
    shown = whole_minutes(planned_s(block) for block in blocks)
    assert sum(shown) == round(programme.planned_s / 60)
    for block, minutes in zip(blocks, shown, strict=True):
        assert abs(minutes - planned_s(block) / 60) < 1, block.name


def test_no_part_is_shown_as_nothing() -> None:
    assert whole_minutes([20, 20]) == [1, 1]
    assert whole_minutes([]) == []


def test_the_two_parts_with_movements_have_names_of_their_own() -> None:
    blocks: tuple[BlockSpec, ...] = shipped_programmes()["synkinesis_day"].block
    names = [Words(Texts("en")).block_name(block) for block in blocks]
    assert len(set(names)) == len(names)
    assert "Movements without feedback, every 7 days" in names
