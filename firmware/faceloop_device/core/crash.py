"""What the board remembers of an exception, or of a hang that ended its program.

``/faceloop.restart`` exists from the exception to the next start and counts the restarts in a
row; ``/faceloop.crash`` keeps the last cause for whoever looks. ``/faceloop.armed`` exists while
the watchdog runs: who finds it after a reset by the watchdog knows that the program hung. All are
written while the converter stands still: an erase stops both cores.
"""

import os
import sys

from faceloop_device.core.settings import write_atomically

RESTART_FILE = "faceloop.restart"
CAUSE_FILE = "faceloop.crash"
ARMED_FILE = "faceloop.armed"

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
        self._armed_file = folder + ARMED_FILE
        self._restarts = 0
        self._is_armed = False
        self.has_hung = False

    def take(self, is_watchdog_reset=False):
        """Return how many restarts in a row have led here, and forget it in the flash."""
        self._restarts = max(_take_count(self._restart_file), 0)
        n_before = _take_count(self._armed_file)
        self.has_hung = n_before >= 0 and is_watchdog_reset
        if self.has_hung:
            self._restarts = n_before + 1
            try:
                with open(self._cause_file, "w") as file:
                    file.write("The program hung; the watchdog reset the board.\n")
            except OSError:
                pass  # the state says it as well
        return self._restarts

    def give_up(self):
        """Let the next start stay off: the one after that, by hand, is a fresh one."""
        try:
            write_atomically(self._restart_file, b"%d" % (MAX_RESTARTS + 1))
        except OSError:
            pass  # then it starts once more

    def may_run(self):
        """Return whether the program is worth another start."""
        return self._restarts <= MAX_RESTARTS

    def arm(self, ran_ms):
        """Write down that the watchdog is about to be started, ``ran_ms`` after the start.

        Raises
        ------
        OSError
            If the flash takes nothing: a hang could not be told from a fresh start.
        """
        if not self._is_armed:
            restarts = 0 if ran_ms > STEADY_MS else self._restarts
            write_atomically(self._armed_file, b"%d" % restarts)
            self._is_armed = True

    def disarm(self):
        """The program ends in order, or with an exception that ``keep`` writes down."""
        if self._is_armed:
            _take_count(self._armed_file)
            self._is_armed = False

    def note(self, error):
        """Write down an exception, whether or not it ends the program; return whether it is."""
        try:
            with open(self._cause_file, "w") as file:
                sys.print_exception(error, file)
        except OSError:
            return False
        return True

    def keep(self, error, ran_ms, has_run):
        """Write down an exception after a run of ``ran_ms``; return whether to start again.

        It is not worth a restart when the parts could not even be made (``has_run`` is false),
        when it came back at once ``MAX_RESTARTS`` times, or when the flash takes nothing more:
        nobody would be told.
        """
        restarts = 1 if ran_ms > STEADY_MS else self._restarts + 1
        if not self.note(error) or not has_run or restarts > MAX_RESTARTS:
            return False
        try:
            write_atomically(self._restart_file, b"%d" % restarts)
        except OSError:
            return False
        return True


def _take_count(path):
    """Return the number in a file and remove it, -1 if there is none."""
    try:
        with open(path) as file:
            text = file.read()
        os.remove(path)
        return int(text)
    except (OSError, ValueError):
        return -1
