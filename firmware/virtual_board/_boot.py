"""What a real board's firmware does between reset and main.py: file system, boot.py, main.py."""

import os
import sys

import micropython
import vfs

_BOOTED = "\x1eboot\x1e"  # the supervisor waits for this and takes it out of the output
_BLOCK_BYTES = 4096
_PROMPT = "MICROPYINSPECT"  # read by the unix port when the script has ended


class _Flash:
    """The image file as a block device (extended interface)."""

    def __init__(self, path):
        self._file = open(path, "r+b")
        self._file.seek(0, 2)
        self._blocks = self._file.tell() // _BLOCK_BYTES

    def readblocks(self, block, buf, offset=0):
        self._file.seek(block * _BLOCK_BYTES + offset)
        self._file.readinto(buf)

    def writeblocks(self, block, buf, offset=0):
        self._file.seek(block * _BLOCK_BYTES + offset)
        self._file.write(buf)

    def ioctl(self, op, arg):
        if op == 4:
            return self._blocks
        if op == 5:
            return _BLOCK_BYTES
        return 0  # initialise, shut down, sync, erase: nothing to do


def _mount():
    flash = _Flash(os.getenv("FACELOOP_FLASH"))
    shim = vfs.VfsPosix(os.getenv("FACELOOP_SHIM"))
    try:
        files = vfs.VfsLfs2(flash)
    except OSError:  # as a board with an erased flash does
        vfs.VfsLfs2.mkfs(flash)
        files = vfs.VfsLfs2(flash)
    vfs.umount("/")
    vfs.mount(files, "/")
    vfs.mount(shim, "/shim", readonly=True)
    os.chdir("/")
    # Modules of these names that are built in are looked for in files first.
    sys.path[:] = ["", ".frozen", "/lib", "/shim"]


def _run(name, names):
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return
    try:
        exec(compile(source, name, "exec"), names)
    except SystemExit:
        os.unsetenv(_PROMPT)  # a board makes a soft reset now, it gives no prompt
        raise
    except BaseException as error:
        sys.print_exception(error)


def run(names):
    """Mount the flash, then run boot.py and main.py with the REPL's ``names``."""
    # Nothing to interrupt yet: a Ctrl-C now would end this file instead of the user's program.
    micropython.kbd_intr(-1)
    os.putenv(_PROMPT, "1")
    _mount()
    names.clear()
    names["__name__"] = "__main__"
    micropython.kbd_intr(3)
    try:
        sys.stdout.write(_BOOTED)  # from here on the supervisor may interrupt
        _run("boot.py", names)
        if os.getenv("FACELOOP_RUN_MAIN") != "0":
            _run("main.py", names)
    except KeyboardInterrupt as error:  # outside of the user's program: go to the prompt
        sys.print_exception(error)
