"""Bluetooth bonds, where the port has pairing: they add privacy, nothing relies on them.

The stack asks for its secrets and gives new ones from an interrupt; they are written to the flash
later, in one file, when nothing runs. A stranger's bond is not taken: only within the minute that
a press of the button opens, or while the board is nobody's yet.
"""

import struct

from faceloop_device.core.settings import BONDS_FILE, write_atomically

# BLE_STORE_OBJ_TYPE_ of NimBLE: a bond's two halves. Others, such as its own identity, are the
# stack's affair.
_OUR_SECRET = 1
_PEER_SECRET = 2
_HEAD = "<BBH"  # type, length of the key, length of the value
_MOST_BYTES = 2048  # a secret takes about 80: three bonds, and room


class Bonds:
    """The stack's secrets.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path=BONDS_FILE):
        self._path = path
        self.is_open = False  # whether a new bond may be made now
        self.is_changed = False
        self._secrets = []  # (type, key, value)
        try:
            with open(path, "rb") as file:
                self._take(file.read())
        except OSError:
            pass

    def get(self, kind, index, key):
        """Return a secret by its key, or with ``key`` None the one of this number; None: no."""
        n = 0
        for secret in self._secrets:
            if secret[0] != kind:
                continue
            if (key is None and n == index) or (key is not None and secret[1] == key):
                return secret[2]
            n += 1
        return None

    def set(self, kind, key, value):
        """Keep a secret, or with ``value`` None forget it; return whether that was done."""
        known = [i for i, secret in enumerate(self._secrets) if secret[:2] == (kind, key)]
        if value is None:
            for i in known:
                self._secrets.pop(i)
                self.is_changed = True
            return bool(known)
        if not known and kind in (_OUR_SECRET, _PEER_SECRET) and not self.is_open:
            return False
        n_bytes = sum([len(secret[1]) + len(secret[2]) + 4 for secret in self._secrets])
        if not known and n_bytes + len(key) + len(value) + 4 > _MOST_BYTES:
            return False
        for i in known:
            self._secrets.pop(i)
        self._secrets.append((kind, key, value))
        self.is_changed = True
        return True

    def save(self):
        """Write what has changed; not while the converter runs."""
        if not self.is_changed:
            return
        self.is_changed = False  # first: the stack may change something while this writes
        content = b""
        for kind, key, value in self._secrets:
            content += struct.pack(_HEAD, kind, len(key), len(value)) + key + value
        try:
            write_atomically(self._path, content)
        except OSError:
            self.is_changed = True  # tried again; until then they are kept in memory

    def _take(self, content):
        at = 0
        while at + 4 <= len(content):
            kind, n_key, n_value = struct.unpack(_HEAD, content[at : at + 4])
            at += 4
            if at + n_key + n_value > len(content):
                return  # not ours: a file of ours is whole
            key = content[at : at + n_key]
            self._secrets.append((kind, key, content[at + n_key : at + n_key + n_value]))
            at += n_key + n_value
