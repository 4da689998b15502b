"""Starts the program in the folder that ``faceloop flash`` filled last, else the one at the top.

The folders are ``/faceloop_a`` and ``/faceloop_b``; ``/faceloop.slot`` names one of them. A copy
that was interrupted has gone into the other one, so this still starts what worked before.
"""

import sys

_SLOT_FILE = "/faceloop.slot"
try:
    with open(_SLOT_FILE) as _file:
        _slot = _file.read(1)
except OSError:
    _slot = ""
if _slot in ("a", "b"):
    sys.path.insert(0, "/faceloop_" + _slot + "/lib")
    sys.path.insert(0, "/faceloop_" + _slot)

from faceloop_device.hal import outputs  # noqa: E402  the path leads to it only now

outputs.all_off()
try:
    from faceloop_device import app

    app.main()
finally:
    outputs.all_off()
