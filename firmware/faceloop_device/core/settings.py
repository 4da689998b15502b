"""What the board keeps in its flash: its key.

Written to a new file and renamed, so that a power cut at any moment leaves the old or the new one.
"""

import os

from faceloop_protocol.limits import KEY_BYTES

KEY_FILE = "/faceloop.key"


def load_or_make_key():
    """Return the board's 16-byte key; at first boot it comes from the hardware random source."""
    try:
        with open(KEY_FILE, "rb") as file:
            key = file.read()
        if len(key) == KEY_BYTES:
            return key
    except OSError:
        pass
    key = os.urandom(KEY_BYTES)
    write_atomically(KEY_FILE, key)
    return key


def forget_key():
    """Factory reset: the next start makes a new key, and no paired host has it."""
    try:
        os.remove(KEY_FILE)
    except OSError:
        pass


def write_atomically(path, content):
    """Replace a file by new content."""
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.rename(path + ".new", path)
