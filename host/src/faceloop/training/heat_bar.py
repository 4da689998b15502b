"""A failed skin test counts for the whole computer: a second profile is no way around it.

``<data>/heat_failures.json`` counts the failures of everybody; each profile keeps how many there
were when it was tested, or when a therapist admitted it. Counted, not dated: no clock that is set
back brings heat back. It stays where a profile is deleted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from faceloop.session.disk import replace_file

__all__ = ["HeatBar", "Tested"]

FILE_NAME = "heat_failures.json"
_UNKNOWN = 1 << 30  # of a damaged file: whoever was not admitted since is barred


class Tested(Protocol):
    """A person, as `Profile` keeps them."""

    @property
    def heat_test(self) -> str:
        """What questions and skin test have come to."""

    @property
    def heat_failures(self) -> int:
        """How many were failed on this computer by then."""


class HeatBar:
    """The failures of one data folder.

    Parameters
    ----------
    root : Path
        Data folder.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / FILE_NAME
        self._n_noted = 0  # holds where no disk keeps it

    def count(self) -> int:
        """Return how many tests were failed on this computer."""
        try:
            n_kept = int(json.loads(self._path.read_bytes())["n"])
        except FileNotFoundError:
            n_kept = 0
        except (OSError, ValueError, TypeError, KeyError):
            n_kept = _UNKNOWN
        return max(n_kept, self._n_noted)

    def note_failure(self) -> None:
        """Count one more.

        Raises
        ------
        StorageError
            If it cannot be kept; it counts all the same, until the program ends.
        """
        self._n_noted = self.count() + 1
        replace_file(self._path, json.dumps({"n": self._n_noted}).encode())

    def bars(self, profile: Tested) -> bool:
        """Return whether a test was failed since this person was tested or admitted."""
        return profile.heat_failures < self.count()

    def may_be_tested(self, profile: Tested) -> bool:
        """Return whether questions and test are open to this person without a therapist.

        Whoever has passed before may pass again; whoever is new here may be the one who failed.
        """
        return profile.heat_test == "passed" or not self.bars(profile)
