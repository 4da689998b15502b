"""The faults of a simulated heat pad, by name; as light as ``--help`` has to be."""

from __future__ import annotations

from faceloop.errors import UsageError
from faceloop.twin.heat.faults import FAULTS, NO_FAULT, Fault, fault_named

__all__ = ["chosen_faults", "fault_names"]


def fault_names() -> str:
    """Return all names, to be read."""
    return ", ".join(fault.name for fault in FAULTS)


def chosen_faults(name: str) -> tuple[Fault, ...]:
    """Return what ``all``, ``none`` or a name stands for.

    Raises
    ------
    UsageError
        If there is none of that name; the message lists all.
    """
    if name == "all":
        return FAULTS
    if name == "none":
        return (NO_FAULT,)
    try:
        return (fault_named(name),)
    except KeyError:
        raise UsageError(
            f"There is no fault {name!r}. Use all, none, or: {fault_names()}."
        ) from None
