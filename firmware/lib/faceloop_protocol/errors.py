"""The one exception of every parser in this package."""


class ProtocolError(ValueError):
    """Bytes that the protocol does not allow."""
