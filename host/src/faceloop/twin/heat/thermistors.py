"""The thermistors of the pad's face, and how any of the five breaks."""

from faceloop_heat.hal import IN_A, IN_C, IN_Z

__all__ = ["DETACHED", "FACE", "FROZEN", "OPEN", "SHORT"]

FACE = 1 << IN_A | 1 << IN_C | 1 << IN_Z
OPEN, SHORT, FROZEN, DETACHED = 1, 2, 3, 4
