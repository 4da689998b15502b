"""Messages handed from an interrupt to the tasks: fixed places, nothing allocated in between."""


class Inbox:
    """First in, first out; when it is full the newest message is refused; the state counts."""

    def __init__(self, n_places=16):
        self._places = [None] * n_places
        self._n = n_places
        self._read = 0
        self._write = 0
        self.refused = 0

    def put(self, message):
        """Add a message (called from the interrupt)."""
        following = (self._write + 1) % self._n
        if following == self._read:
            self.refused += 1
            return
        self._places[self._write] = message
        self._write = following

    def get(self):
        """Return the oldest message, or None."""
        if self._read == self._write:
            return None
        message = self._places[self._read]
        self._places[self._read] = None
        self._read = (self._read + 1) % self._n
        return message

    def clear(self):
        """Forget all messages."""
        while self.get() is not None:
            pass
