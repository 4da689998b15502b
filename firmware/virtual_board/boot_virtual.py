"""Starts the virtual board; run by the unix port.

Reads FACELOOP_FLASH (littlefs image), FACELOOP_SHIM (this folder) and FACELOOP_RUN_MAIN ("0" after
a soft reset from the raw REPL, when a board does not run main.py).
"""

import _boot

_boot.run(globals())
