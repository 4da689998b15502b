"""Tasks of a board gone round by hand: each ``sleep_ms`` ends a round and allocates nothing."""


class Nap:
    """One round of a task ends here."""

    def __iter__(self):
        return self

    __await__ = __iter__

    def __init__(self):
        self.is_over = True
        self._end = StopIteration()

    def __next__(self):
        self.is_over = not self.is_over
        if self.is_over:
            self._end.__traceback__ = None
            raise self._end


class Loop:
    """Stands for ``asyncio``.

    Tasks that sleep at once must not ask for the same time: each time has one nap.
    """

    naps = {ms: Nap() for ms in (1, 2, 3, 4, 5, 25, 100, 250, 1000)}
    asked_ms = 0  # what was asked for last

    @staticmethod
    def sleep_ms(ms):
        Loop.asked_ms = ms
        return Loop.naps[ms]
