"""Pins of the virtual board: those of the Pico 2 W that it stands for."""

from boards.pico2w import *

NAME = "virtual"
HAS_HEATER = True  # simulated, with its pad on skin
