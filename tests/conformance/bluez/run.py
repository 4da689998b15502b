"""A real Linux kernel, BlueZ and unmodified bleak against the virtual board, in a QEMU guest.

    .venv/bin/python tests/conformance/bluez/run.py [--seconds N]

Needs ``qemu-system-x86`` and Debian's package archive (``apt-get download``); runs nothing as
root and installs nothing. The guest sees this machine's files read-only, and with them those of
BlueZ and of a kernel, unpacked into a folder of its own. Its Bluetooth adapter is a virtual one
whose HCI packets go to the virtual board's radio. There ``faceloop record`` runs as on anybody's
Linux. Its file is compared with what the converter put out, bit by bit. Prints what was found
and a verdict, and ends with 0 when all of it held: every frame is recorded, its bits those of the
converter. A gap that the board declared is not a silent loss, and a failure all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import edfio
import numpy as np

from faceloop.device.key_store import KeyStore
from faceloop.device.serial_transport import SerialTransport
from faceloop.device.transport import Receiver
from faceloop.twin.launch import BoardSpec, VirtualBoard

HERE = Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"
KERNEL = "linux-image-amd64"  # depends on the real one
PACKAGES = (
    *("bluez", "busybox-static", "dbus", "dbus-bin", "dbus-daemon", "dbus-system-bus-common"),
    *("libapparmor1", "libasound2", "libdbus-1-3", "libell0", "libglib2.0-0", "libreadline8"),
)
MODULE_FOLDERS = (
    *("kernel/drivers/virtio", "kernel/drivers/char/virtio_console.ko", "kernel/fs/9p"),
    *("kernel/net/9p", "kernel/fs/netfs", "kernel/fs/fscache", "kernel/fs/overlayfs"),
    *("kernel/drivers/bluetooth/hci_vhci.ko", "kernel/net/bluetooth/bluetooth.ko"),
    *("kernel/net/rfkill", "kernel/crypto", "kernel/lib", "kernel/arch/x86/crypto"),
)
OWN_FOLDERS = ("/tmp", "/run")  # what the guest has there is not this machine's
COARSEST_SHIFT = 6
GUEST_S = 1700.0  # beside other work; alone the guest is done in five minutes
JOB = """\
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/run PYTHONDONTWRITEBYTECODE=1
export PYTHONFAULTHANDLER=1
export FACELOOP_DATA=/run/data FACELOOP_CONFIG=/run/config
mkdir -p /run/dbus /var/lib/bluetooth; ip link set lo up 2>/dev/null
cp -r /mnt/out/config /run/config
port=$(ls /dev/vport* | head -1)
{python} {bridge} "$port" & sleep 2
dbus-daemon --system --fork
/usr/libexec/bluetooth/bluetoothd & sleep 3
btmgmt --timeout 5 info; bluetoothctl --version; uname -r
bluetoothctl --timeout 5 power on
{python} -c 'import bleak; print("bleak", bleak.__file__)'
{faceloop} devices --json > /mnt/out/devices.json 2> /mnt/out/devices.err
echo "devices: $?"; cat /mnt/out/devices.err
{faceloop} record --seconds {seconds} --json > /mnt/out/account.json 2> /mnt/out/record.err
echo "record: $?"; cat /mnt/out/record.err
cp /run/data/sessions/*/recording.bdf /mnt/out/ 2>/dev/null
"""


def unpack(cache: Path) -> tuple[Path, str]:
    """Fetch and unpack the packages once; return their folder and the kernel's version."""
    root = cache / "root"
    if not root.exists():
        shown = subprocess.run(
            ["apt-cache", "depends", KERNEL], capture_output=True, text=True, check=True
        ).stdout
        kernel = next(line.split()[-1] for line in shown.splitlines() if "Depends:" in line)
        archive = cache / "archive"
        archive.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", kernel, *PACKAGES], cwd=archive, check=True)
        draft = cache / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        for package in sorted(archive.glob("*.deb")):
            subprocess.run(["dpkg", "-x", package, draft], check=True)
        # Links into usr/ on this machine, and in the guest.
        for name in (name for name in ("bin", "sbin", "lib") if (draft / name).is_dir()):
            shutil.copytree(draft / name, draft / "usr" / name, dirs_exist_ok=True, symlinks=True)
            shutil.rmtree(draft / name)
        draft.rename(root)
    (version,) = [path.name for path in (root / "usr" / "lib" / "modules").iterdir()]
    return root, version


def newc(files: Iterator[tuple[str, int, bytes]]) -> bytes:
    """Return an archive of (name, mode, content) in the format that the kernel unpacks."""
    parts: list[bytes] = []
    for number, (name, mode, content) in enumerate((*files, ("TRAILER!!!", 0, b"")), 1):
        encoded = name.encode() + b"\0"
        numbers = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % value for value in numbers) + encoded
        parts += [head, bytes(-len(head) % 4), content, bytes(-len(content) % 4)]
    return b"".join(parts)


def initramfs(root: Path, version: str, folder: Path) -> Path:
    """Write the guest's first file system: busybox, modules, ``guest_init``."""
    base = f"lib/modules/{version}"
    usr = root / "usr"
    chosen = folder / "first"
    for name in MODULE_FOLDERS:
        source = usr / base / name
        for path in [source] if source.is_file() else source.rglob("*.ko"):
            target = chosen / path.relative_to(usr)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for name in ("modules.order", "modules.builtin"):
        shutil.copy(usr / base / name, chosen / base)
    busybox = usr / "bin" / "busybox"
    subprocess.run([busybox, "depmod", "-b", chosen, version], check=True)

    def files() -> Iterator[tuple[str, int, bytes]]:
        yield "init", 0o100755, (HERE / "guest_init").read_bytes()
        yield "bin", 0o040755, b""
        yield "bin/busybox", 0o100755, busybox.read_bytes()
        for path in sorted(chosen.rglob("*")):
            is_folder = path.is_dir()
            mode = 0o040755 if is_folder else 0o100644
            yield str(path.relative_to(chosen)), mode, b"" if is_folder else path.read_bytes()

    image = folder / "initramfs"
    image.write_bytes(newc(files()))
    return image


def qemu(
    root: Path, version: str, image: Path, out: Path, hci: Path, accelerator: str
) -> list[str]:
    """Return the command that starts the guest."""

    def shared(name: str, path: Path, *, is_writable: bool = False) -> list[str]:
        access = "" if is_writable else ",readonly=on"
        where = f"local,path={path},mount_tag={name},security_model=none,multidevs=remap{access}"
        return ["-virtfs", where]

    return [
        *(
            QEMU,
            "-accel",
            accelerator,
            # Without AVX2: NumPy 2.4 sorts with it, and under QEMU 7.2 that ends the process.
            "-cpu",
            "max,avx2=off",
            "-m",
            "1536",
            "-smp",
            "2",
            "-no-reboot",
            "-nographic",
        ),
        *("-kernel", str(root / "boot" / f"vmlinuz-{version}"), "-initrd", str(image)),
        *("-append", "console=ttyS0 quiet panic=1 tsc=unstable mitigations=off"),
        *("-chardev", f"socket,id=hci,path={hci}", "-device", "virtio-serial-pci"),
        *("-device", "virtserialport,chardev=hci,name=hci"),
        *("-net", "none", "-monitor", "none", "-serial", "stdio"),
        *shared("root", Path("/")),
        *shared("unpacked", root),
        *shared("out", out, is_writable=True),
    ]


async def pair(board: VirtualBoard, config: Path) -> None:
    """Fetch the board's key over its cable, as ``faceloop pair --serial`` does."""
    cable = SerialTransport(str(board.tty_path))
    await cable.open(Receiver(*[lambda _data: None] * 3, lambda: None), 5.0)
    try:
        KeyStore(config / "keys.json").put(*await cable.request_key())
    finally:
        await cable.close()


async def converse(arguments: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run board and guest; return what is known afterwards."""
    root, version = unpack(arguments.cache)
    image = initramfs(root, version, work)
    out = work / "out"
    out.mkdir()
    tap = work / "tap"
    spec = BoardSpec(
        source={"kind": "face", "scenario": "synkinesis", "seconds": None},
        tap=tap,
        radio={"interval_ms": None},
    )
    async with VirtualBoard(spec) as board:
        (out / "config").mkdir()
        await pair(board, out / "config")
        programs = Path(sys.executable).parent
        (out / "job.sh").write_text(
            JOB.format(
                python=programs / "python",
                faceloop=programs / "faceloop",
                bridge=HERE / "vhci_bridge.py",
                seconds=arguments.seconds,
            )
        )
        command = qemu(root, version, image, out, board.hci_path, arguments.accelerator)
        began_s = time.monotonic()
        guest = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(GUEST_S):
                await guest.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                guest.kill()
            await guest.wait()
        stats = await board.control("stats")
        took_s = time.monotonic() - began_s
    return judge(out, tap, stats, took_s)


def judge(out: Path, tap: Path, stats: dict[str, Any], took_s: float) -> dict[str, Any]:
    """Compare the recording with the converter's output."""
    text = (out / "account.json").read_text()
    if not text:
        return {"seconds": round(took_s, 1), "error": (out / "record.err").read_text()}
    account = json.loads(text)
    recording = edfio.read_bdf(out / "recording.bdf")
    got = np.stack([signal.digital for signal in recording.signals[:8]], axis=1)
    made = np.fromfile(tap, "<i4").reshape(-1, 8)
    n = account["frames_recorded"]
    equal = equal_frames(made, got, account["gaps"])
    return {
        "seconds": round(took_s, 1),
        "devices": json.loads((out / "devices.json").read_text()),
        "frames_expected": account["frames_expected"],
        "frames_recorded": n,
        "frames_lost_silently": account["frames_lost_silently"],
        "gaps": account["gaps"],
        "reconnects": account["reconnects"],
        "frames_equal_to_the_converter": equal,
        "links": stats["radio"]["links"],
        "notifications": stats["radio"]["board"].get("notifications"),
        "error": account["error"],
    }


def equal_frames(made: np.ndarray, got: np.ndarray, gaps: list[list[int]]) -> dict[int, int]:
    """Return how many recorded frames equal the converter's, by bits that were cut off.

    A slow guest's link may have cost detail: then only the highest bits are the same. What stands
    in the file where frames are missing is not looked at.
    """
    n = min(len(made), len(got))
    is_there = np.ones(n, bool)
    for first, n_missing in gaps:
        is_there[first : first + n_missing] = False
    made, got = made[:n][is_there], got[:n][is_there]
    return {
        shift: int((made >> shift == got >> shift).all(axis=1).sum())
        for shift in range(4, COARSEST_SHIFT + 1)
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--accelerator", default="tcg,thread=multi")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "faceloop-bluez")
    arguments = parser.parse_args()
    if shutil.which(QEMU) is None:
        print(f"{QEMU} is missing. Install it with: apt-get install qemu-system-x86")
        return 2
    if any(HERE.is_relative_to(folder) for folder in OWN_FOLDERS):
        print(f"The guest has a {OWN_FOLDERS[0]} of its own. Run this from a checkout elsewhere.")
        return 2
    arguments.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bz") as work:
        found = asyncio.run(converse(arguments, Path(work)))
    print(json.dumps(found, indent=1))
    failures = verdict(found)
    print(f"failed by the job's own rule: {'; '.join(failures)}" if failures else "passed")
    return 1 if failures else 0


def verdict(found: dict[str, Any]) -> list[str]:
    """Return what did not hold, in words."""
    if "frames_recorded" not in found:
        return [f"nothing was recorded: {found['error'] or 'the guest said nothing'}"]
    n, n_expected = found["frames_recorded"], found["frames_expected"]
    silent = found["frames_lost_silently"]
    # Whatever detail the link cost: the highest bits are always there.
    n_equal = found["frames_equal_to_the_converter"][COARSEST_SHIFT]
    return [
        words
        for is_failure, words in (
            (found["error"], f"error: {found['error']}"),
            (silent, f"{silent} frames lost silently"),
            (not n_expected, "no frame was converted"),
            (n != n_expected, f"{n} of {n_expected} frames recorded, gaps {found['gaps']}"),
            (n_equal != n, f"{n_equal} of {n} frames equal the converter's"),
        )
        if is_failure
    ]


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
