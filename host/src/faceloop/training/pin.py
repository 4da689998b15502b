"""The therapist's PIN: what it protects is kept apart from what a patient does alone.

Only a slow hash of it is stored (scrypt, RFC 7914). Wrong tries are counted on disk, so that
starting the program again gives no new ones. It keeps a patient from changing limits by accident
or impatience; it is no protection against someone who can edit the files.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faceloop.errors import UsageError
from faceloop.refusal import Refusal, refusal
from faceloop.session.disk import replace_file, storage_error

__all__ = ["TherapistPin", "WrongPin"]

FILE_NAME = "therapist.json"
# 16 MiB: the least of OWASP's password storage sheet for scrypt (N 2^14 with r 8 and p 5).
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 14, 8, 5
SALT_BYTES, HASH_BYTES = 16, 32
LEAST_DIGITS, MOST_DIGITS = 4, 12
FREE_TRIES = 5
WAIT_S, LONGEST_WAIT_S = 30.0, 3600.0


class WrongPin(UsageError):
    """The PIN does not fit, or too many did not.

    Parameters
    ----------
    message : Refusal
    wait_s : float
        Before this nothing is tried.
    """

    def __init__(self, message: Refusal, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class TherapistPin:
    """The PIN of one data folder.

    Parameters
    ----------
    root : Path
        Data folder.
    utc_s : callable
        Seconds since 1970, for the waiting after wrong tries.
    """

    def __init__(self, root: Path, utc_s: Callable[[], float]) -> None:
        self._path = root / FILE_NAME
        self._utc_s = utc_s

    @property
    def is_set(self) -> bool:
        """Whether there is a PIN; until there is, anyone can choose it."""
        return self._path.exists()

    def choose(self, pin: str, old_pin: str | None = None) -> None:
        """Set the PIN, or change it with the old one.

        Raises
        ------
        UsageError
            If it is no PIN, or ``old_pin`` does not fit.
        StorageError
        """
        if self.is_set:
            self.check(old_pin or "")
        if not (pin.isascii() and pin.isdigit() and LEAST_DIGITS <= len(pin) <= MOST_DIGITS):
            raise UsageError(refusal("pin_length", least=LEAST_DIGITS, most=MOST_DIGITS))
        if len(set(pin)) == 1:
            raise UsageError(refusal("pin_repeated"))
        salt = secrets.token_bytes(SALT_BYTES)
        self._write({"salt": salt.hex(), "hash": _hash(pin, salt).hex(), "n_wrong": 0})

    def check(self, pin: str) -> None:
        """Return when the PIN fits.

        Raises
        ------
        WrongPin
            If it does not, or must not be tried yet.
        """
        if not self.is_set:
            raise WrongPin(refusal("pin_missing"))
        stored = self._read()
        n_wrong, last_s = int(stored.get("n_wrong", 0)), float(stored.get("wrong_utc_s", 0.0))
        since_s = self._utc_s() - last_s
        # A clock that was set back must not lock anyone out for longer than the wait itself.
        wait_s = _wait_s(n_wrong) - max(since_s, 0.0)
        if wait_s > 0:
            raise _too_many(wait_s)
        # Counted before it is known to be wrong: pulling the plug gives no free try.
        self._write({**stored, "n_wrong": n_wrong + 1, "wrong_utc_s": self._utc_s()})
        right = hmac.compare_digest(
            _hash(pin[: 2 * MOST_DIGITS], bytes.fromhex(stored["salt"])),
            bytes.fromhex(stored["hash"]),
        )
        if not right:
            wait_s = _wait_s(n_wrong + 1)
            raise _too_many(wait_s) if wait_s > 0 else WrongPin(refusal("pin_wrong"))
        self._write({**stored, "n_wrong": 0})

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_bytes())
            _ = bytes.fromhex(stored["salt"]), bytes.fromhex(stored["hash"])
        except OSError as error:
            raise storage_error(error, self._path) from error
        except (ValueError, KeyError, TypeError) as error:
            raise WrongPin(refusal("pin_damaged", path=self._path)) from error
        result: dict[str, Any] = stored
        return result

    def _write(self, stored: dict[str, Any]) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, self._path.parent) from error
        replace_file(self._path, json.dumps(stored).encode())


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        pin.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, dklen=HASH_BYTES,
        maxmem=64 << 20,
    )  # fmt: skip


def _too_many(wait_s: float) -> WrongPin:
    return WrongPin(refusal("pin_wait", n=math.ceil(wait_s)), wait_s)


def _wait_s(n_wrong: int) -> float:
    over = n_wrong - FREE_TRIES
    return 0.0 if over < 0 else float(min(WAIT_S * 2 ** min(over, 20), LONGEST_WAIT_S))
