"""The board's keys: the owner's, made at the first start, and a second one for a therapist.

``/faceloop.key`` holds the owner's 16 bytes, one byte of flags, and the second key once there is
one. A board gives the owner's key over the cable until a host has proven it: from then on it takes
a hand on the button.

An ESP32's random source is one only while its radio is on (Espressif, "Random Number Generation"):
keys are made after that, and not where they are read.
"""

import os

from faceloop_device.core.settings import KEY_FILE, write_atomically
from faceloop_protocol.limits import KEY_BYTES
from faceloop_protocol.session import ROLE_OWNER, ROLE_THERAPIST

_CLAIMED = 1


class Keys:
    """Both keys.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path=KEY_FILE):
        self._path = path
        self.therapist = None
        self.is_claimed = False
        self.is_new = False
        self._is_changed = False
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            content = b""
        self.owner = content[:KEY_BYTES]
        if len(self.owner) == KEY_BYTES:
            self.is_claimed = content[KEY_BYTES : KEY_BYTES + 1] == b"\x01"
            second = content[KEY_BYTES + 1 :]
            if len(second) == KEY_BYTES:
                self.therapist = second
        else:
            self.owner = None
            self.is_new = True

    def make_owner(self):
        """Make the owner's key, at the first start; the radio has to be on."""
        self.owner = os.urandom(KEY_BYTES)
        self._keep()

    def of(self, role):
        """Return the key of a role, None when there is none."""
        if role == ROLE_OWNER:
            return self.owner
        return self.therapist if role == ROLE_THERAPIST else None

    def claim(self):
        """The owner's key has been proven: it is in somebody's hands. ``save`` writes that."""
        if not self.is_claimed:
            self.is_claimed = self._is_changed = True

    def save(self):
        """Write what has changed; not while the converter runs."""
        if self._is_changed:
            self._is_changed = False
            try:
                self._keep()
            except OSError:
                pass  # a full flash: known until the next start, and the session goes on

    def make_therapist(self):
        """Make the second key anew; the one before is worth nothing from now on. Return it.

        Raises
        ------
        OSError
            If the flash takes nothing.
        """
        before = self.therapist
        self.therapist = os.urandom(KEY_BYTES)
        try:
            self._keep()
        except OSError:
            self.therapist = before
            raise
        return self.therapist

    def _keep(self):
        flags = bytes((_CLAIMED if self.is_claimed else 0,))
        write_atomically(self._path, (self.owner or b"") + flags + (self.therapist or b""))
