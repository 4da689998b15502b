"""The flash image: what goes in comes out, by littlefs and by MicroPython itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from littlefs import LittleFS

from faceloop.errors import UsageError
from faceloop.twin.firmware_files import board_files, firmware_root
from faceloop.twin.flash_image import (
    BLOCK_BYTES,
    IMAGE_BYTES,
    build_image,
    prepare_image,
    update_image,
)

FILES = [
    (PurePosixPath("/main.py"), b"print(1)\n"),
    (PurePosixPath("/lib/deep/er/module.py"), b"x = 1\n" * 2000),
    (PurePosixPath("/empty.txt"), b""),
]

READER = """
import vfs, os, json, binascii, hashlib
class Flash:
    def __init__(self, path):
        self.file = open(path, "r+b")
    def readblocks(self, block, buf, offset=0):
        self.file.seek(block * 4096 + offset); self.file.readinto(buf)
    def writeblocks(self, block, buf, offset=0):
        self.file.seek(block * 4096 + offset); self.file.write(buf)
    def ioctl(self, op, arg):
        return {4: %d, 5: 4096}.get(op, 0)
fs = vfs.VfsLfs2(Flash(%r))
vfs.mount(fs, "/flash")
found = {}
def walk(path):
    for name, kind, *_ in os.ilistdir(path):
        if kind == 0x4000:
            walk(path + "/" + name)
        else:
            with open(path + "/" + name, "rb") as file:
                digest = hashlib.sha256(file.read()).digest()
            found[(path + "/" + name)[6:]] = binascii.hexlify(digest).decode()
walk("/flash")
with open("/flash/written.bin", "wb") as file:
    file.write(b"from the board" * 100)
print(json.dumps(found))
"""


def content(image: bytes) -> dict[str, bytes]:
    filesystem = LittleFS(
        block_size=BLOCK_BYTES, block_count=IMAGE_BYTES // BLOCK_BYTES, mount=False
    )
    filesystem.context.buffer[:] = image
    filesystem.mount()
    found = {}
    for folder, _, names in filesystem.walk("/"):
        for name in names:
            path = str(PurePosixPath(folder, name))
            with filesystem.open(path, "rb") as file:
                found[path] = file.read()
    return found


def test_image_holds_the_files():
    image = build_image(FILES)
    assert len(image) == IMAGE_BYTES
    assert content(image) == {str(path): data for path, data in FILES}


def test_update_replaces_firmware_and_keeps_the_rest():
    image = build_image([*FILES, (PurePosixPath("/key"), b"secret")])
    image = update_image(image, [(PurePosixPath("/main.py"), b"print(2)\n")])
    found = content(image)
    assert found["/main.py"] == b"print(2)\n"
    assert found["/key"] == b"secret"
    assert found["/lib/deep/er/module.py"] == FILES[1][1]


def test_update_removes_modules_of_an_older_firmware():
    old = [(PurePosixPath("/boards/old.py"), b"1"), (PurePosixPath("/notes.txt"), b"2")]
    new = [(PurePosixPath("/boards/new.py"), b"3"), (PurePosixPath("/main.py"), b"4")]
    found = content(update_image(build_image(old), new))
    assert found == {"/boards/new.py": b"3", "/main.py": b"4", "/notes.txt": b"2"}


def test_files_that_do_not_fit_are_refused_by_name():
    with pytest.raises(UsageError, match=r"/big\.bin"):
        build_image([(PurePosixPath("/big.bin"), bytes(IMAGE_BYTES))])


@pytest.mark.parametrize("image", [b"", bytes(4096), bytes(IMAGE_BYTES)])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(UsageError, match="delete it"):
        update_image(image, FILES)


def test_micropython_reads_and_writes_the_image(tmp_path, micropython):
    import hashlib

    path = tmp_path / "flash.img"
    prepare_image(path, keep=False)
    script = tmp_path / "reader.py"
    script.write_text(READER % (IMAGE_BYTES // BLOCK_BYTES, str(path)))
    done = subprocess.run(
        [micropython, script], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    wanted = {
        str(target): hashlib.sha256(source.read_bytes()).hexdigest()
        for target, source in board_files()
    }
    assert json.loads(done.stdout) == wanted
    assert content(path.read_bytes())["/written.bin"] == b"from the board" * 100
    # What the board has written survives the next preparation, if it is to be kept.
    prepare_image(path, keep=True)
    assert content(path.read_bytes())["/written.bin"] == b"from the board" * 100
    prepare_image(path, keep=False)
    assert "/written.bin" not in content(path.read_bytes())


def test_image_takes_only_the_room_of_what_is_in_it(tmp_path):
    """As large as a Pico 2 W's file system, and no slower to write than its files are."""
    path = tmp_path / "flash.img"
    prepare_image(path, keep=False)
    about = path.stat()
    assert about.st_size == IMAGE_BYTES
    assert about.st_blocks * 512 < IMAGE_BYTES // 2


def test_image_has_the_firmware_and_the_protocol_but_no_shims():
    targets = {str(target) for target, _ in board_files()}
    assert {"/main.py", "/boards/virtual.py", "/lib/faceloop_protocol/__init__.py"} <= targets
    assert "/faceloop_device/app.py" in targets
    assert not any("virtual_board" in target or "__pycache__" in target for target in targets)
    assert all(source.is_file() for _, source in board_files())


def test_firmware_root_has_the_shims():
    names = {path.name for path in Path(firmware_root() / "virtual_board").iterdir()}
    assert {"machine.py", "rp2.py", "time.py", "bluetooth.py", "boot_virtual.py"} <= names
