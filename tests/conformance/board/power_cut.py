"""Power is cut at every byte that replacing a file writes: the old content or the new is there."""

import vfs

from faceloop_device.core import settings
from faceloop_device.core.kernels import copy

BLOCK = 256
N_BLOCKS = 16
ERASED = b"\xff" * BLOCK
OLD, NEW = bytes(range(16)), bytes(range(100, 140))


class Flash:
    """Erased to ones, and written byte by byte until the power goes; then nothing sticks.

    Allocates nothing: a file that was open at the cut is closed while the heap is collected.
    """

    def __init__(self, memory=None):
        self.memory = bytearray(memory) if memory else bytearray(b"\xff" * (BLOCK * N_BLOCKS))
        self.left = 1 << 30
        self.written = 0

    def readblocks(self, block, buf, offset=0):
        copy(buf, 0, self.memory, block * BLOCK + offset, len(buf))

    def writeblocks(self, block, buf, offset=0):
        n = min(len(buf), self.left)
        copy(self.memory, block * BLOCK + offset, buf, 0, n)
        self.left -= n
        self.written += n

    def ioctl(self, op, arg):
        if op == 4:
            return N_BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:  # an erase is cut as well: half of the block is gone
            n = min(BLOCK, self.left)
            copy(self.memory, arg * BLOCK, ERASED, 0, n)
            self.left -= n
            self.written += n
        return 0


def mount(flash):
    vfs.mount(vfs.VfsLfs2(flash, readsize=16, progsize=16, lookahead=16), "/cut")


def content():
    with open("/cut/key", "rb") as file:
        return file.read()


plain = Flash()
vfs.VfsLfs2.mkfs(plain, readsize=16, progsize=16, lookahead=16)
mount(plain)
settings.write_atomically("/cut/key", OLD)
vfs.umount("/cut")
base = bytes(plain.memory)

whole = Flash(base)
mount(whole)
settings.write_atomically("/cut/key", NEW)
vfs.umount("/cut")

old = new = 0
for cut_at in range(whole.written + 1):
    flash = Flash(base)
    mount(flash)
    flash.left = cut_at
    try:
        settings.write_atomically("/cut/key", NEW)
    except OSError:
        assert cut_at < whole.written
    vfs.umount("/cut")
    again = Flash(flash.memory)
    mount(again)
    got = content()
    assert got in (OLD, NEW), (cut_at, got)
    old += got == OLD
    new += got == NEW
    # and it can be written again, whatever the cut left behind
    settings.write_atomically("/cut/key", OLD)
    assert content() == OLD
    vfs.umount("/cut")
assert old > 50 and new >= 1
print("bytes", whole.written, "old", old, "new", new)
