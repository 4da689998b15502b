"""Power is cut while a program is copied to a board: it starts the old one or the new one, whole.

Takes a file of JSON: ``tools`` (what the board is told first), ``main`` (the file that starts the
program), ``top`` (whether the old one is at the top of the flash), ``old``, ``beside`` (what is in
the other folder), ``new`` (path in the program's folder, and its content as hexadecimal),
``scripts`` (what ``faceloop flash`` has run).
"""

import binascii
import json
import sys

import vfs

from faceloop_device.core.kernels import copy

BLOCK = 512
N_BLOCKS = 96
ERASED = b"\xff" * BLOCK


class Flash:
    """As in ``power_cut.py``."""

    def __init__(self, memory=None):
        self.memory = bytearray(memory) if memory else bytearray(b"\xff" * (BLOCK * N_BLOCKS))
        self.left = 1 << 30
        self.written = 0

    def readblocks(self, block, buf, offset=0):
        copy(buf, 0, self.memory, block * BLOCK + offset, len(buf))

    def writeblocks(self, block, buf, offset=0):
        self._keep(block * BLOCK + offset, buf, len(buf))

    def ioctl(self, op, arg):
        if op == 4:
            return N_BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            self._keep(arg * BLOCK, ERASED, BLOCK)
        return 0

    def _keep(self, at, buf, length):
        n = min(length, self.left)
        copy(self.memory, at, buf, 0, n)
        self.left -= n
        self.written += n


def mount(flash):
    vfs.mount(vfs.VfsLfs2(flash, readsize=16, progsize=16, lookahead=16), "/")


def put(path, content):
    names["_folders"](path)
    with open(path, "wb") as file:
        file.write(content)


def run_all(is_again=False):
    for script in case["scripts"]:
        try:
            exec(script, names)
        except OSError:  # the host asks what is there before it removes anything
            if not (is_again and script.startswith("os.remove")):
                raise


def started():
    """Return the program that main.py would start, by path, as far as it is there."""
    kept = sys.path[:]
    sys.path[:] = ["", "/lib"]
    with open("/main.py") as file:
        text = file.read()
    exec(text[: text.index("from faceloop_device")], {})
    folders, sys.path[:] = sys.path[:], kept
    found = {}
    for folder in folders:
        if folder.endswith("lib"):
            continue
        for path in paths:
            try:
                with open(folder + "/" + path, "rb") as file:
                    found[path] = file.read()
            except OSError:
                pass
        if "faceloop_device/app.mpy" in found:
            break  # whatever lies in later folders is not asked for
    return found


with open(sys.argv[1]) as file:
    case = json.load(file)
old = {path: binascii.unhexlify(text) for path, text in case["old"].items()}
new = {path: binascii.unhexlify(text) for path, text in case["new"].items()}
paths = sorted(set(old) | set(new) | set(case["beside"]))
names = {"print": lambda *_, **__: None}
exec(case["tools"], names)
vfs.umount("/")

plain = Flash()
vfs.VfsLfs2.mkfs(plain, readsize=16, progsize=16, lookahead=16)
mount(plain)
put("/main.py", case["main"].encode())
put("/faceloop.key", b"k" * 16)
for path, content in old.items():
    put(("/" if case["top"] else "/faceloop_a/") + path, content)
if not case["top"]:
    put("/faceloop.slot", b"a")
for path, text in case["beside"].items():
    put("/faceloop_b/" + path, binascii.unhexlify(text))
assert started() == old
vfs.umount("/")
base = bytes(plain.memory)

whole = Flash(base)
mount(whole)
run_all()
assert started() == new
vfs.umount("/")

n_old = n_new = 0
for cut_at in range(0, whole.written + int(sys.argv[2]), int(sys.argv[2])):
    flash = Flash(base)
    mount(flash)
    flash.left = cut_at
    try:
        run_all()
    except OSError:
        assert cut_at < whole.written
    vfs.umount("/")
    again = Flash(flash.memory)
    mount(again)
    got = started()
    assert got in (old, new), (cut_at, got)
    with open("/faceloop.key", "rb") as file:
        assert file.read() == b"k" * 16
    n_old += got == old
    n_new += got == new
    if not cut_at % 3:
        run_all(is_again=True)  # flashing again goes on from there
        assert started() == new
    vfs.umount("/")
print("bytes", whole.written, "old", n_old, "new", n_new)
