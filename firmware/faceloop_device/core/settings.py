"""What the board keeps in its flash: its keys.

Written to a new file and renamed, so that a power cut at any moment leaves the old or the new one.
"""

import os

KEY_FILE = "/faceloop.key"


BONDS_FILE = "/faceloop.bonds"


def forget_keys():
    """Factory reset: the next start makes a new key, and no paired host has it."""
    for path in (KEY_FILE, BONDS_FILE):
        try:
            os.remove(path)
        except OSError:
            pass


def write_atomically(path, content):
    """Replace a file by new content."""
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.rename(path + ".new", path)
