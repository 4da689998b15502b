"""Lets asyncio on the unix port serve scheduled callbacks while it waits.

The unix port sleeps through a whole `poll` before it runs what an interrupt has scheduled, when
all pollables are file descriptors. One pollable that is not makes it poll in 1 ms slices.
"""

import io
import select


class _Never(io.IOBase):
    def ioctl(self, request, argument):
        # 3 is MP_STREAM_POLL; everything else, above all "get file descriptor", is refused.
        return 0 if request == 3 else -1


_never = _Never()


def install():
    """Patch asyncio's poller once; later calls do nothing."""
    import asyncio.core

    queue = asyncio.core.IOQueue
    if hasattr(queue, "_faceloop_wakeup"):
        return
    wait = queue.wait_io_event

    def wait_io_event(self, delay_ms):
        if not hasattr(self, "_faceloop_never"):
            self._faceloop_never = True
            self.poller.register(_never, select.POLLIN)
        wait(self, delay_ms)

    queue.wait_io_event = wait_io_event
    queue._faceloop_wakeup = True
