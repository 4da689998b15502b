"""Feeds the watchdog only while those tasks are seen to work that report to it.

Of the program they are ``pump`` and ``status``; what feeds need not be watched, and ``attend`` is
by the heat supervisor.
"""

LOOK_MS = 250
WATCHDOG_MS = 5000


class Supervisor:
    """Keeps count of which task has come round since the watchdog was fed last.

    Parameters
    ----------
    n_tasks : int
    """

    def __init__(self, n_tasks):
        self._all = (1 << n_tasks) - 1
        self._seen = 0
        self.watchdog = None

    def take(self, watchdog):
        """From now on feed this."""
        self.watchdog = watchdog

    def beat(self, task):
        """Note that task number ``task`` has come round."""
        self._seen |= 1 << task

    def look(self):
        """Feed the watchdog if each of them came round since it was fed last; return whether."""
        if self._seen != self._all:
            return False
        self._seen = 0
        if self.watchdog is not None:
            self.watchdog.feed()
        return True
