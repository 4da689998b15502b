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
_sockets = []


def wake_on(socket):
    """Let a wait end as soon as ``socket`` has something to read; whoever reads it."""
    _sockets.append(socket)


def install():
    """Patch asyncio's poller once; later calls do nothing."""
    import asyncio.core

    queue = asyncio.core.IOQueue
    if hasattr(queue, "_faceloop_wakeup"):
        return
    wait = queue.wait_io_event
    tasks = asyncio.core._task_queue

    def wait_io_event(self, delay_ms):
        if not hasattr(self, "_faceloop_never"):
            self._faceloop_never = True
            self.poller.register(_never, select.POLLIN)
        for socket in _sockets:
            if id(socket) not in self.map:
                # As if a task waited to write: what can be read wakes no task.
                self.map[id(socket)] = (None, socket)
                self.poller.register(socket, select.POLLIN)
            else:
                self.poller.modify(socket, select.POLLIN)
        wait(self, delay_ms)
        while delay_ms < 0 and not tasks.peek():
            for socket in _sockets:
                self.poller.modify(socket, select.POLLIN)
            wait(self, delay_ms)

    queue.wait_io_event = wait_io_event
    queue._faceloop_wakeup = True
