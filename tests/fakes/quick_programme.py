"""The one quick programme of the tests: a day in seconds, block by block, as a file has it."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["BLOCKS", "QUICK", "programme_text"]

ALL_STAGES = ("flaccid", "paresis", "synkinesis", "relaxation")
BLOCKS: Mapping[str, Mapping[str, object]] = {
    "settle": {"kind": "settle", "duration_s": 6, "rest_s": 4},
    "massage": {
        "kind": "massage",
        "releases": ["cheek_release"],
        "hold_s": 5,
        "pause_s": 0,
    },
    "retraining": {
        "kind": "retraining",
        "movements": ["closed_mouth_smile"],
        "repetitions": 3,
        "rise_s": 1,
        "hold_s": 2,
        "release_s": 1,
        "rest_s": 1,
        "rest_longest_s": 4,
        "relax_first_s": 1,
        "scale": "own",
    },
    "function": {"kind": "function", "tasks": ["sip"], "task_s": 5},
    "cool_down": {"kind": "cool_down", "duration_s": 5, "rest_s": 4},
}


def programme_text(
    *names: str,
    name: str = "quick",
    stages: tuple[str, ...] = ALL_STAGES,
    **changes: Mapping[str, object],
) -> str:
    """Return a programme file.

    Parameters
    ----------
    *names : str
        Its blocks in order; those of ``BLOCKS`` without any. One of another name is given whole.
    name : str
    stages : tuple of str
    **changes : mapping
        Values of a block, by its name, in place of the quick ones or beside them.
    """
    lines = ["", "format = 1", f"name = {json.dumps(name)}", f"stages = {json.dumps(stages)}"]
    for block in names or tuple(BLOCKS):
        values = {"name": block, **BLOCKS.get(block, {}), **changes.get(block, {})}
        lines += ["[[block]]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join((*lines, ""))


QUICK = programme_text()
