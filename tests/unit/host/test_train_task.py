"""`faceloop train`, as far as it is refused before a board is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceloop.errors import UsageError
from faceloop.tasks.train import TrainOptions, train


async def test_resume_without_a_day_that_was_left_makes_no_profile(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ghost has left no day to go on with"):
        await train(TrainOptions(profile="ghost", resume=True, out=tmp_path))
    assert not list(tmp_path.rglob("profile.json"))
