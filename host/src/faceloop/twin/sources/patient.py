"""A made-up face that does as it is told while it runs: the patient of a rehearsed programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from faceloop.errors import UsageError
from faceloop.twin.sources.emg_carrier import BLOCK
from faceloop.twin.sources.face import FACE_OPTIONS, FaceSource
from faceloop.twin.sources.face_muscles import MASSETER, MENTALIS, OCULI, ZYGOMATICUS
from faceloop.twin.sources.face_script import Burst, FaceScript
from faceloop.twin.sources.source import FS_HZ

__all__ = ["PATIENT_OPTIONS", "PatientSource"]

PATIENT_OPTIONS = (*FACE_OPTIONS, "attending")
# Row of each movement, and that of the muscle that joins in on the affected side. The fourth pair
# of electrodes is where the montage has it: on the jaw, or on the brow.
MOVEMENTS = {
    "wrinkle_forehead": (MASSETER, OCULI),
    "close_eyes_gently": (OCULI, ZYGOMATICUS),
    "close_eyes_firmly": (OCULI, ZYGOMATICUS),
    "wrinkle_nose": (ZYGOMATICUS, OCULI),
    "closed_mouth_smile": (ZYGOMATICUS, OCULI),
    "open_mouth_smile": (ZYGOMATICUS, OCULI),
    "lip_pucker": (MENTALIS, OCULI),
    "blow_out_cheeks": (MENTALIS, OCULI),
    "snarl": (ZYGOMATICUS, OCULI),
    "depress_lower_lip": (MENTALIS, OCULI),
    "clench": (MASSETER, MASSETER),
}
REACTION_S = 0.15
JOINS_AFTER_S = 0.02
LONGEST_S = 15.0
MOST_SHARE = 3.0
FREE_AGAIN_S = 2.0
"""After nobody tells the face what to do any more, it takes so long to its own next movement."""
# Of a synkinetic face, as shares of the movement: it joins in, less, and not at all.
OWN_JOINS = (0.8, 0.6, 0.0)


class _PatientScript(FaceScript):
    """A face that acts out its scenario, or rests while it attends and does what it is told."""

    _acts: tuple[str, ...] | None = None

    def add(self, bursts: list[Burst]) -> None:
        """Add movements; they have not begun yet."""
        self._insert(bursts)

    def attend(self, now: int) -> None:
        """Rest from here on, but for blinks; what is in progress comes to its end."""
        if self._acts is None:
            self._acts = self._round
        self._round = ()
        self._bursts = [ended for burst in self._bursts if (ended := _ended(burst, now))]

    def act(self, now: int) -> None:
        """Go on with the scenario, a moment after ``now``."""
        if self._acts is None:
            return
        self._round, self._acts = self._acts, None
        self._movements_until = now + round(FREE_AGAIN_S * FS_HZ)
        # What is known already has been filled up without movements.
        self._fill()


class PatientSource(FaceSource):
    """A face that does what it is told when it attends, and acts out its scenario when not.

    Parameters
    ----------
    scenario : str
    attending : bool
        From the start: it rests until `perform` is called.
    **options
        As of `FaceSource`.
    """

    script_type = _PatientScript
    script: _PatientScript

    def __init__(
        self,
        scenario: str = "synkinesis",
        *,
        attending: bool = True,
        affected: str = "left",
        **options: Any,
    ) -> None:
        super().__init__(scenario, affected=affected, **options)
        self._affected = ("left", "right").index(affected)
        self._n_performed = 0
        if attending:
            self.attend(is_on=True)

    def attend(self, *, is_on: bool) -> None:
        """Come to rest and wait for what is asked; or go on with the scenario."""
        now = self._n_blocks * BLOCK
        if is_on:
            self.script.attend(now)
        else:
            self.script.act(now)

    def perform(self, request: Mapping[str, Any]) -> int:
        """Begin a movement a reaction time from now; return the frame at which it begins.

        Parameters
        ----------
        request : mapping
            ``movement``; ``share`` of a comfortable one, reached by each side as far as it can;
            ``rise_s``, ``hold_s``, ``release_s``; ``joins``, the share of the other muscle's
            comfortable movement with which it joins in on the affected side (default 0; None: as
            this face is).

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
        if request.get("joins", 0.0) is None:
            joins = self._own_joins() * share
        else:
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
        self.script.add(bursts)
        return start

    def _own_joins(self) -> float:
        self._n_performed += 1
        if self.wearer.affected_side is None:
            return 0.0
        return OWN_JOINS[(self._n_performed - 1) % len(OWN_JOINS)]

    def _burst(
        self, start: int, course: tuple[int, int, int], channel: int, share: float, kind: str
    ) -> Burst:
        wearer = self.wearer
        rest_uv = float(wearer.rest_uv[channel])
        span_uv = float(wearer.comfortable_uv[channel] * wearer.strength[channel]) - rest_uv
        drive = wearer.drive_for(channel, rest_uv + share * max(span_uv, 0.0))
        return Burst(start, *course, channel, drive, kind, True)


def _ended(burst: Burst, now: int) -> Burst | None:
    """Return what is left of a burst that is given up at a frame."""
    if burst.kind == "blink" or burst.end <= now:
        return burst
    if burst.start >= now:
        return None
    held = min(max(now - burst.start - burst.rise, 0), burst.hold)
    return replace(burst, hold=held)


def _number(request: Mapping[str, Any], name: str, most: float) -> float:
    value = request.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most:
        return float(value)
    raise UsageError(f"{name} is {value!r}: choose 0 to {most:g}.")
