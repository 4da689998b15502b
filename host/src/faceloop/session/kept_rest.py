"""The wearer's rest as the session learnt it: kept with the recording, for judging it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faceloop.session.journal_index import JournalIndex
from faceloop_dsp import RestReference
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["REST_KIND", "KeptRest", "kept_rest", "rest_event"]

REST_KIND = "rest"


@dataclass(frozen=True, slots=True, eq=False)
class KeptRest:
    """A rest reference and the moment from which on the session had it.

    Parameters
    ----------
    reference : RestReference
    frame : int
        Full frame index; that of the recording's start when it was learnt before.
    """

    reference: RestReference
    frame: int

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` takes."""
        return {"frame": self.frame, "reference": self.reference.as_dict()}

    @classmethod
    def from_json(cls, content: object) -> KeptRest | None:
        """Return what ``to_json`` gave; None when it is something else."""
        if not isinstance(content, dict):
            return None
        reference, frame = _reference(content.get("reference")), content.get("frame")
        if reference is None or not isinstance(frame, int):
            return None
        return cls(reference, frame)


def rest_event(reference: RestReference) -> dict[str, Any]:
    """Return the journal's event of a rest learnt while the recording runs."""
    return {"kind": REST_KIND, "reference": reference.as_dict()}


def kept_rest(index: JournalIndex) -> KeptRest | None:
    """Return the rest in a journal: in its header, else the first one learnt within it."""
    reference = _reference(index.header.extra.get(REST_KIND))
    if reference is not None:
        return KeptRest(reference, index.start_frame)
    for event in index.events:
        if event.content.get("kind") == REST_KIND:
            reference = _reference(event.content.get("reference"))
            if reference is not None:
                return KeptRest(reference, event.frame + 1)  # it was decided at the event's frame
    return None


def _reference(content: object) -> RestReference | None:
    if not isinstance(content, Mapping):
        return None
    try:
        reference = RestReference.from_dict(dict(content))
    except ValueError:
        return None
    return reference if reference.rms_mean_uv.size == N_CHANNELS else None
