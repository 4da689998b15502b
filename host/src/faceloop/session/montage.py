"""Which channel sits on which muscle, and which muscles are watched together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from faceloop.errors import UsageError
from faceloop.refusal import refusal
from faceloop.session.live import MusclePair
from faceloop_dsp.pairs import EYE_TO_MOUTH_CUTOFF, MOUTH_TO_EYE_CUTOFF, Pair

__all__ = ["MONTAGES", "Montage", "montage_named"]

_UNUSED = "unused"


@dataclass(frozen=True)  # without slots: what follows from it is kept
class Montage:
    """A named arrangement of the eight channels.

    Parameters
    ----------
    name : str
    muscles : tuple of MusclePair
        In display order.
    pairs : tuple of faceloop_dsp.Pair
        Trained muscle and the one that should stay quiet meanwhile.
    """

    name: str
    muscles: tuple[MusclePair, ...]
    pairs: tuple[Pair, ...]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """One name per channel."""
        labels = [_UNUSED] * 8
        for muscle in self.muscles:
            labels[muscle.left] = f"{muscle.muscle}_l"
            labels[muscle.right] = f"{muscle.muscle}_r"
        return tuple(labels)

    @cached_property
    def guard_channels(self) -> frozenset[int]:
        """Channels of muscles that should stay quiet in some task."""
        return frozenset(channel for pair in self.pairs for channel in pair.guard)


def _montage(name: str, *muscles: tuple[str, str]) -> Montage:
    placed = tuple(
        MusclePair(muscle, 2 * i, 2 * i + 1, role) for i, (muscle, role) in enumerate(muscles)
    )
    at = {muscle.muscle: (muscle.left, muscle.right) for muscle in placed}
    eye, mouth = at["orbicularis_oculi"], at["zygomaticus_major"]
    veto = at.get("masseter")
    return Montage(
        name,
        placed,
        (
            Pair("eye_to_mouth", eye, mouth, EYE_TO_MOUTH_CUTOFF, veto),
            Pair("mouth_to_eye", mouth, eye, MOUTH_TO_EYE_CUTOFF, veto),
        ),
    )


MONTAGES = {
    montage.name: montage
    for montage in (
        _montage(
            "guarded8",
            ("orbicularis_oculi", "guard"),
            ("zygomaticus_major", "train"),
            ("mentalis", "train"),
            ("masseter", "veto"),
        ),
        _montage(
            "upper8",
            ("orbicularis_oculi", "guard"),
            ("zygomaticus_major", "train"),
            ("mentalis", "train"),
            ("frontalis", "train"),
        ),
        _montage("minimal4", ("orbicularis_oculi", "guard"), ("zygomaticus_major", "train")),
    )
}


def montage_named(name: str) -> Montage:
    """Return a montage.

    Raises
    ------
    UsageError
        If there is none of that name; the message lists them.
    """
    try:
        return MONTAGES[name]
    except KeyError:
        raise UsageError(refusal("no_montage", given=repr(name), known=tuple(MONTAGES))) from None
