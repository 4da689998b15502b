"""A made-up face that does as it is told while it runs: the patient of a rehearsed programme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faceloop.errors import UsageError
from faceloop.twin.sources.emg_carrier import BLOCK
from faceloop.twin.sources.face import FaceSource
from faceloop.twin.sources.face_muscles import MASSETER, MENTALIS, OCULI, ZYGOMATICUS, Wearer
from faceloop.twin.sources.face_script import Burst, FaceScript
from faceloop.twin.sources.source import FS_HZ

__all__ = ["PATIENT_OPTIONS", "PatientSource"]

PATIENT_OPTIONS = ("seed", "affected", "mains_hz", "mains_uv", "blinks", "contaminants")
# Muscle of each movement, and the one that joins in on the affected side.
MOVEMENTS = {
    "closed_mouth_smile": (ZYGOMATICUS, OCULI),
    "open_mouth_smile": (ZYGOMATICUS, OCULI),
    "close_eyes_gently": (OCULI, ZYGOMATICUS),
    "close_eyes_firmly": (OCULI, ZYGOMATICUS),
    "lip_pucker": (MENTALIS, OCULI),
    "clench": (MASSETER, MASSETER),
}
REACTION_S = 0.15
JOINS_AFTER_S = 0.02
LONGEST_S = 10.0
MOST_SHARE = 3.0


class PatientSource(FaceSource):
    """A synkinetic face at rest until `perform` is called.

    Parameters
    ----------
    seed, affected, mains_hz, mains_uv, blinks, contaminants
        As of `FaceSource`.
    """

    def __init__(self, seed: int = 1, affected: str = "left", **options: Any) -> None:
        super().__init__("synkinesis", None, seed, affected, **options)
        self._affected = ("left", "right").index(affected)
        self._told = _PatientScript(
            seed, self.wearer, self._affected, has_blinks=bool(options.get("blinks", True))
        )
        self.script = self._told

    def perform(self, request: Mapping[str, Any]) -> int:
        """Begin a movement a reaction time from now; return the frame at which it begins.

        Parameters
        ----------
        request : mapping
            ``movement``; ``share`` of a comfortable one, reached by each side as far as it can;
            ``rise_s``, ``hold_s``, ``release_s``; ``joins``, the share of the other muscle's
            comfortable movement with which it joins in on the affected side (default 0).

        Raises
        ------
        UsageError
            If it is no movement of this face, or a number is out of range.
        """
        known = {"movement", "share", "rise_s", "hold_s", "release_s", "joins"}
        unknown = sorted(set(request) - known)
        if unknown:
            raise UsageError(
                f"A patient knows no {unknown[0]!r}: tell {', '.join(sorted(known))}."
            )
        name = request.get("movement")
        if name not in MOVEMENTS:
            raise UsageError(
                f"This face does not do {name!r}: choose from {', '.join(MOVEMENTS)}."
            )
        share = _number(request, "share", MOST_SHARE)
        joins = _number({"joins": 0.0, **request}, "joins", MOST_SHARE)
        times = [_number(request, key, LONGEST_S) for key in ("rise_s", "hold_s", "release_s")]
        rise, hold, release = (max(round(time_s * FS_HZ), 1) for time_s in times)
        start = self._n_blocks * BLOCK + round(REACTION_S * FS_HZ)
        row, guard = MOVEMENTS[name]
        bursts = [
            self._burst(start, (rise, hold, release), 2 * row + side, share, "voluntary")
            for side in (0, 1)
        ]
        if joins > 0 and guard != row:
            late = start + round(JOINS_AFTER_S * FS_HZ)
            channel = 2 * guard + self._affected
            bursts.append(self._burst(late, (rise, hold, release), channel, joins, "synkinesis"))
        self._told.add(bursts)
        return start

    def _burst(
        self, start: int, course: tuple[int, int, int], channel: int, share: float, kind: str
    ) -> Burst:
        wearer = self.wearer
        rest_uv = float(wearer.rest_uv[channel])
        span_uv = float(wearer.comfortable_uv[channel] * wearer.strength[channel]) - rest_uv
        drive = wearer.drive_for(channel, rest_uv + share * max(span_uv, 0.0))
        return Burst(start, *course, channel, drive, kind, True)


class _PatientScript(FaceScript):
    """A face at rest to which movements are added; blinks come by themselves."""

    def __init__(self, seed: int, wearer: Wearer, affected: int, *, has_blinks: bool) -> None:
        super().__init__("rest", seed, wearer, affected, has_blinks, 0.0)

    def add(self, bursts: list[Burst]) -> None:
        """Add movements; they have not begun yet."""
        self._insert(bursts)


def _number(request: Mapping[str, Any], name: str, most: float) -> float:
    value = request.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most:
        return float(value)
    raise UsageError(f"{name} is {value!r}: choose 0 to {most:g}.")
