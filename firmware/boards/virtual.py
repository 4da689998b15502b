"""Pins of the virtual board: those of the Pico 2 W that it stands for."""

from boards.pico2w import *

NAME = "virtual"
CAPTURE_RING_BITS = 15  # a computer that others use stands still longer than a chip
HAS_HEATER = True  # simulated, with its pad on skin
