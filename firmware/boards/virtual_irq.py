"""A virtual board that captures like an ESP32-S3: by soft interrupt, at half the rate.

On the board's flash this file takes the place of ``boards/virtual.py``.
"""

from boards.pico2w import *  # noqa: F403  its pins, and the next lines in place of some

NAME = "virtual"
CAPTURE = "irq"
RING_KIB = 96
