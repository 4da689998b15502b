"""The eleven standard movements: which muscle moves, which stay quiet, which explains the rest.

Ref: Funk et al., Sci Rep 2024;14:19317, ten movements and rest (the Jena set), names and order.
Muscles to be trained and guarded are ours, from the anatomy and from what synkinesis joins where.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from faceloop.errors import UsageError
from faceloop.refusal import refusal
from faceloop.training.message import Message, message

__all__ = ["MOVEMENTS", "Movement", "movement_named"]


@dataclass(frozen=True, slots=True)
class Movement:
    """One standard movement.

    Parameters
    ----------
    name : str
    code : str
        Of the published set: ``CMS``.
    targets : tuple of str
        Muscles that move, best first: the first one with electrodes is measured.
    guards : tuple of str
        Muscles that stay quiet meanwhile.
    veto : str
        Muscle whose activity explains what the others show; empty for none.
    """

    name: str
    code: str
    targets: tuple[str, ...]
    guards: tuple[str, ...]
    veto: str = "masseter"

    @property
    def title(self) -> Message:
        """Its name for the patient."""
        return message(f"train.movement.{self.name}.title")

    @property
    def instruction(self) -> Message:
        """How to do it."""
        return message(f"train.movement.{self.name}.instruction")

    def target_in(self, muscles: Iterable[str]) -> str:
        """Return the muscle to be measured with electrodes on ``muscles``; empty if there is none.

        Rest has no target: any montage serves.
        """
        placed = set(muscles)
        return next((muscle for muscle in self.targets if muscle in placed), "")

    def guards_in(self, muscles: Iterable[str]) -> tuple[str, ...]:
        """Return the guard muscles that have electrodes."""
        placed = set(muscles)
        return tuple(muscle for muscle in self.guards if muscle in placed)


_EYE, _CHEEK, _CHIN, _BROW = "orbicularis_oculi", "zygomaticus_major", "mentalis", "frontalis"
_NOSE, _LIPS, _CORNER = "levator_labii_superioris", "orbicularis_oris", "depressor_anguli_oris"

MOVEMENTS: dict[str, Movement] = {
    movement.name: movement
    for movement in (
        Movement("rest", "R", (), (_EYE, _CHEEK, _CHIN, _BROW)),
        Movement("wrinkle_forehead", "WF", (_BROW,), (_EYE, _CHEEK, _CHIN)),
        Movement("close_eyes_gently", "CEN", (_EYE,), (_CHEEK, _CHIN)),
        Movement("close_eyes_firmly", "CEF", (_EYE,), (_CHEEK, _CHIN)),
        Movement("wrinkle_nose", "WN", (_NOSE, _CHEEK), (_EYE, _CHIN)),
        Movement("closed_mouth_smile", "CMS", (_CHEEK,), (_EYE, _CHIN)),
        Movement("open_mouth_smile", "OMS", (_CHEEK,), (_EYE, _CHIN)),
        # The jaw opens a little in these two and in the snarl, but does not clench.
        Movement("lip_pucker", "LP", (_LIPS, _CHIN), (_EYE, _CHEEK)),
        Movement("blow_out_cheeks", "BC", (_LIPS, _CHIN), (_EYE, _CHEEK)),
        Movement("snarl", "S", (_NOSE, _CHEEK), (_EYE, _CHIN)),
        Movement("depress_lower_lip", "DLL", (_CORNER, _CHIN), (_EYE, _CHEEK)),
    )
}


def movement_named(name: str) -> Movement:
    """Return a movement.

    Raises
    ------
    UsageError
        If there is none of that name; the message lists them.
    """
    try:
        return MOVEMENTS[name]
    except KeyError:
        raise UsageError(
            refusal("no_movement", given=repr(name), known=tuple(MOVEMENTS))
        ) from None
