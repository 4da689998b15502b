"""What the board remembers of an exception that ended its program.

``/faceloop.restart`` exists from the exception to the next start and counts the restarts in a
row; ``/faceloop.crash`` keeps the last traceback for whoever looks. Both are written after the
converter has stopped: an erase stops both cores.
"""

import os
import sys

from faceloop_device.core.settings import write_atomically

RESTART_FILE = "faceloop.restart"
CAUSE_FILE = "faceloop.crash"

# A fault that comes back at every start must not wear out the flash.
MAX_RESTARTS = 3
# A program that ran this long has done its work in between: its exception is a first one.
STEADY_MS = 60000


class Crash:
    """The board's memory of its last exception.

    Parameters
    ----------
    folder : str
        Where the files are, ended by a slash.
    """

    def __init__(self, folder="/"):
        self._restart_file = folder + RESTART_FILE
        self._cause_file = folder + CAUSE_FILE
        self._restarts = 0

    def take(self):
        """Return how many restarts in a row have led here, and forget it in the flash."""
        try:
            with open(self._restart_file) as file:
                self._restarts = int(file.read())
            os.remove(self._restart_file)
        except (OSError, ValueError):
            self._restarts = 0
        return self._restarts

    def keep(self, error, ran_ms, has_run):
        """Write down an exception after a run of ``ran_ms``; return whether to start again.

        It is not worth a restart when the parts could not even be made (``has_run`` is false),
        when it came back at once ``MAX_RESTARTS`` times, or when the flash takes nothing more:
        nobody would be told.
        """
        restarts = 1 if ran_ms > STEADY_MS else self._restarts + 1
        try:
            with open(self._cause_file, "w") as file:
                sys.print_exception(error, file)
            if not has_run or restarts > MAX_RESTARTS:
                return False
            write_atomically(self._restart_file, b"%d" % restarts)
        except OSError:
            return False
        return True
