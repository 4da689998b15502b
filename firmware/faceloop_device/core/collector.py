"""When the heap may be collected while a stream runs: everything else waits meanwhile."""

import gc
import time

# Of the heap: below the first it is collected when nothing waits, below the second at once.
_LOW_PARTS = 4
_LAST_PARTS = 16
# "Nothing waits": less than a quarter of the capture ring is to be encoded yet.
_WAITING_PARTS = 4


class Collector:
    """Collects the heap at moments of its own choice while the automatic collector is off.

    Nothing is allocated between capture and notification, so that commands and the report once a
    second are all that uses up the heap.
    """

    def __init__(self):
        self.longest_ms = 0
        self.runs = 0

    def hold(self):
        """Collect now; from here on only ``look`` does. Called before the converter starts."""
        self._collect()
        gc.disable()

    def release(self):
        """The stream is over: the heap is collected whenever it is full."""
        gc.enable()

    def look(self, free_bytes, used_bytes, waiting_frames, ring_frames):
        """Collect if the heap needs it and the capture can wait; return whether it did."""
        heap_bytes = free_bytes + used_bytes
        if free_bytes * _LOW_PARTS > heap_bytes:
            return False
        is_critical = waiting_frames * _WAITING_PARTS > ring_frames
        if is_critical and free_bytes * _LAST_PARTS > heap_bytes:
            return False
        self._collect()
        return True

    def _collect(self):
        began_us = time.ticks_us()
        gc.collect()
        took_ms = (time.ticks_diff(time.ticks_us(), began_us) + 999) // 1000
        self.longest_ms = max(self.longest_ms, took_ms)
        self.runs += 1
