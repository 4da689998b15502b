"""A virtual board like an ESP32-S3: frames by soft interrupt at half the rate, and pairing.

Its radio has to be of that kind as well (``stack`` "nimble"). On the board's flash this file
takes the place of ``boards/virtual.py``.
"""

from boards.pico2w import *  # noqa: F403  its pins, and the next lines in place of some

NAME = "virtual"
CAPTURE = "irq"
RING_KIB = 96
HAS_BONDING = True
