"""`time` of the virtual board: as built in, but `sleep` serves scheduled callbacks meanwhile."""

from utime import *


def sleep(seconds):
    """Wait like a board does: interrupts are served during the wait."""
    sleep_ms(int(seconds * 1000))
