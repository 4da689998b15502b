"""Every error that faceloop raises on purpose.

FaceloopError               base; the message is one sentence for the user plus what to do
|- UsageError               the caller asked for something that cannot be done     exit 2
|  `- SourceError           a file that cannot be played or analysed               exit 3
|- LinkError                the radio or the cable                                 exit 4
|  |- DeviceNotFound        no such board in reach                                 exit 4
|  |- DeviceBusy            another host holds the board                           exit 4
|  |- NotAFaceloop          something answered, but it is no faceloop              exit 4
|  `- AuthenticationError   the key does not fit                                   exit 5
|- RemoteError              the board sent something that breaks the protocol      exit 6
|  |- DeviceFault           the board reports a fault; carries its code            exit 6
|  `- HeatRefused           the board does not heat now; carries the cause          exit 6
`- StorageError             the disk                                               exit 7
"""

from __future__ import annotations

from faceloop.refusal import Refusal

__all__ = [
    "OUR_MISTAKE_EXIT_CODE",
    "AuthenticationError",
    "DeviceBusy",
    "DeviceFault",
    "DeviceNotFound",
    "FaceloopError",
    "HeatRefused",
    "LinkError",
    "NotAFaceloop",
    "RemoteError",
    "SourceError",
    "StorageError",
    "UsageError",
]


OUR_MISTAKE_EXIT_CODE = 70
"""Exit code when anything else escapes: a mistake of our own (EX_SOFTWARE of sysexits.h)."""


class FaceloopError(Exception):
    """Base class. ``str(error)`` is the English sentence for the user, as it stands.

    Parameters
    ----------
    *args : Refusal or str
        The sentence; a `Refusal` can be said in every language.
    """

    exit_code = 1

    @property
    def refusal(self) -> Refusal | None:
        """What the sentence is made of, None for one that is only known in English."""
        said = self.args[0] if self.args else None
        return said if isinstance(said, Refusal) else None


class UsageError(FaceloopError):
    """The request itself cannot be carried out."""

    exit_code = 2


class SourceError(UsageError):
    """A recording that cannot be read, played or analysed."""

    exit_code = 3


class LinkError(FaceloopError):
    """The radio or the cable failed."""

    exit_code = 4


class DeviceNotFound(LinkError):
    """No board of that name, address or port is in reach."""


class DeviceBusy(LinkError):
    """The board is in another host's hands."""


class NotAFaceloop(LinkError):
    """Something answered there, but it does not speak the protocol."""


class AuthenticationError(LinkError):
    """Host and board do not share a key."""

    exit_code = 5


class RemoteError(FaceloopError):
    """The board sent something that the protocol does not allow."""

    exit_code = 6


class DeviceFault(RemoteError):
    """The board reports a fault.

    Parameters
    ----------
    message : str
        What happened and what to do.
    code : int
        Fault code of ``faceloop_protocol``.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class HeatRefused(RemoteError):
    """The board does not heat now.

    Attributes
    ----------
    cause : int
        Of ``faceloop_protocol.heat``.
    """

    def __init__(self, message: str, cause: int) -> None:
        super().__init__(message)
        self.cause = cause


class StorageError(FaceloopError):
    """The disk is full, read-only or broken."""

    exit_code = 7
