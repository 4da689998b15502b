"""Keys of paired boards, in a file that only this user can read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

from faceloop.errors import StorageError, UsageError
from faceloop_protocol.limits import KEY_BYTES

__all__ = ["HOW_TO_PAIR", "KeyStore", "label_of", "parse_label"]

HOW_TO_PAIR = (
    "Connect it by USB and run: faceloop pair --serial PORT ('faceloop devices' lists the ports)."
)


class KeyStore:
    """Device id to key.

    Parameters
    ----------
    path : Path or None
        JSON file; by default ``keys.json`` in the user's configuration folder, or in the folder
        that the environment variable ``FACELOOP_CONFIG`` names.
    """

    def __init__(self, path: Path | None = None) -> None:
        folder = os.environ.get("FACELOOP_CONFIG") or platformdirs.user_config_dir("faceloop")
        self.path = path or Path(folder) / "keys.json"

    def get(self, device_id: bytes) -> bytes | None:
        """Return the 16-byte key of a board, or None.

        Raises
        ------
        StorageError
            If the file cannot be read, or what it holds for this board is no key.
        """
        text = self._load().get(device_id.hex())
        if text is None:
            return None
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise StorageError(
                f"{self._line_of(device_id)} of {self.path} holds no key ({2 * KEY_BYTES} digits"
                f" and letters a to f) for this board. {HOW_TO_PAIR}"
            )
        return key

    def count(self) -> int:
        """Return how many boards are paired."""
        return len(self._load())

    def put(self, device_id: bytes, key: bytes) -> None:
        """Keep a key.

        Raises
        ------
        StorageError
            If the file cannot be written.
        """
        keys = self._load()
        keys[device_id.hex()] = key.hex()
        temporary = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                json.dump(keys, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise StorageError(
                f"The key cannot be saved in {self.path} ({error.strerror})."
            ) from error

    def _line_of(self, device_id: bytes) -> str:
        lines = self.path.read_text().splitlines()
        wanted = f'"{device_id.hex()}"'
        numbers = [number for number, line in enumerate(lines, 1) if wanted in line]
        return f"Line {numbers[-1]}" if numbers else "An entry"

    def _load(self) -> dict[str, str]:
        try:
            keys = json.loads(self.path.read_text())
            return {str(name): str(key) for name, key in keys.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            raise StorageError(
                f"The key file {self.path} cannot be read. Move it away and pair the boards again."
            ) from error


def label_of(device_id: bytes, key: bytes) -> str:
    """Return the text of a board's label, the opposite of ``parse_label``."""
    return f"FL1:{device_id.hex()}:{key.hex()}"


def parse_label(text: str) -> tuple[bytes, bytes]:
    """Return device id and key from the text of a board's QR label, ``FL1:<id>:<key>``.

    Raises
    ------
    UsageError
        If it is no such text.
    """
    parts = text.strip().split(":")
    try:
        if len(parts) == 3 and parts[0] == "FL1":
            device_id, key = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
            if len(device_id) == 8 and len(key) == KEY_BYTES:
                return device_id, key
    except ValueError:
        pass
    raise UsageError(
        "This is not the text of a board's label. It looks like FL1:<16 digits>:<32 digits>."
    )
