"""What must be known to read a recording, fixed before its first sample."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import faceloop_protocol
from faceloop.errors import StorageError, UsageError
from faceloop_protocol.info import BOARD_NAMES, Info
from faceloop_protocol.limits import N_CHANNELS

__all__ = ["JournalHeader"]

JOURNAL_VERSION = 1
# EDF has two digits for the year, 1985-2084; a day is left for the time zone.
_FIRST_START_NS = int(datetime(1985, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000_000
_LAST_START_NS = int(datetime(2084, 12, 31, tzinfo=UTC).timestamp()) * 1_000_000_000
_PSEUDONYM = re.compile(r"[A-Za-z0-9_.-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHeader:
    """Board, scale, montage and start of a recording.

    Parameters
    ----------
    labels : tuple of str
        Muscle and side of each of the eight channels, for example ``zygomaticus_major_l``.
    fs_hz : int
        Conversions per second; a multiple of 10.
    lsb_uv : float
        Microvolts per count at the electrode.
    stream_id : int
        Of the board's stream; frame indices mean something only within it.
    start_utc_ns : int
        UTC of the first frame, nanoseconds since 1970.
    utc_offset_s : int
        What the wall clock beside the wearer showed more than UTC.
    first_frame : int or None
        Full index of the first frame of the recording; None = the lowest one found.
    pseudonym : str
        1-32 of ``A-Z a-z 0-9 _ . -``; ``X`` = none. Never a name.
    montage, affected_side, board, firmware, device_id, interpreter : str
        Descriptive; empty when unknown.
    gain, converter_id, shift : int
        As the board reports them.
    extra : dict
        Anything else worth keeping, JSON types only.

    Raises
    ------
    UsageError
        If a value is out of range.
    """

    labels: tuple[str, ...]
    fs_hz: int
    lsb_uv: float
    stream_id: int
    start_utc_ns: int
    utc_offset_s: int = 0
    first_frame: int | None = None
    pseudonym: str = "X"
    montage: str = ""
    affected_side: str = ""
    board: str = ""
    firmware: str = ""
    device_id: str = ""
    interpreter: str = ""
    gain: int = 0
    converter_id: int = 0
    shift: int = 0
    protocol_version: int = faceloop_protocol.PROTOCOL_VERSION
    journal_version: int = JOURNAL_VERSION
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.labels) != N_CHANNELS:
            raise UsageError(
                f"A recording has {N_CHANNELS} channel names, {len(self.labels)} were given."
                " Choose a complete montage."
            )
        if not 10 <= self.fs_hz <= 100_000 or self.fs_hz % 10:
            raise UsageError(
                f"{self.fs_hz} conversions per second cannot be recorded: it must be a multiple"
                " of 10 from 10 to 100000."
            )
        if not 0 < self.lsb_uv < 1:
            raise UsageError(
                f"{self.lsb_uv} uV per count cannot be right. Update the board's firmware."
            )
        if not _PSEUDONYM.fullmatch(self.pseudonym):
            raise UsageError(
                f"{self.pseudonym!r} is no pseudonym: use 1 to 32 letters without accents, digits,"
                " hyphens, dots or underscores, and no real name."
            )
        if self.first_frame is not None and self.first_frame < 0:
            raise UsageError(
                f"A recording cannot begin at frame {self.first_frame}: use 0 or more."
            )
        if not _FIRST_START_NS <= self.start_utc_ns < _LAST_START_NS:
            raise UsageError("The computer's clock cannot be right. Set it, then record again.")
        if abs(self.utc_offset_s) >= 86_400:
            raise UsageError(
                f"A wall clock {self.utc_offset_s} s from UTC cannot be right. Set the time zone."
            )

    @classmethod
    def from_info(
        cls,
        info: Info,
        labels: tuple[str, ...],
        *,
        stream_id: int,
        first_frame: int | None = None,
        pseudonym: str = "X",
        montage: str = "",
        affected_side: str = "",
        start_utc_ns: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> JournalHeader:
        """Return the header for a board that described itself as ``info``, starting now.

        The wall clock's distance to UTC is that of this computer at the start.
        """
        start = time.time_ns() if start_utc_ns is None else start_utc_ns
        offset = datetime.fromtimestamp(start // 1_000_000_000).astimezone().utcoffset()
        return cls(
            labels=labels,
            fs_hz=info.fs_hz,
            lsb_uv=info.lsb_fv * 1e-9,
            stream_id=stream_id,
            start_utc_ns=start,
            utc_offset_s=int(offset.total_seconds()) if offset is not None else 0,
            first_frame=first_frame,
            pseudonym=pseudonym,
            montage=montage,
            affected_side=affected_side,
            board=BOARD_NAMES.get(info.board, str(info.board)),
            firmware="{}.{}.{}".format(*info.firmware),
            device_id=bytes(info.device_id).hex(),
            interpreter=info.interpreter,
            gain=info.gain,
            converter_id=info.converter_id,
            shift=info.shift,
            protocol_version=info.protocol_version,
            extra=dict(extra or {}),
        )

    @property
    def start_utc(self) -> datetime:
        """Start in UTC, cut to microseconds."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.start_utc_ns // 1000)

    @property
    def start_local(self) -> datetime:
        """Start on the wall clock beside the wearer, with its distance to UTC."""
        return self.start_utc.astimezone(timezone(timedelta(seconds=self.utc_offset_s)))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that ``from_json`` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> JournalHeader:
        """Return the header in a JSON object; unknown members are ignored.

        Raises
        ------
        StorageError
            If a member is missing, of a wrong type or out of range.
        """
        if content.get("journal_version") != JOURNAL_VERSION:
            raise StorageError(
                f"The journal has version {content.get('journal_version')}, this program reads"
                f" version {JOURNAL_VERSION}. Update faceloop."
            )
        values: dict[str, Any] = {}
        for member in fields(cls):
            if member.name not in content:
                continue  # a missing one either has a default or makes the call below fail
            value = content[member.name]
            if not _has_type(str(member.type), value):
                raise StorageError(
                    f"The journal's header holds {value!r} as {member.name}: it was not written"
                    " by faceloop."
                )
            values[member.name] = tuple(value) if isinstance(value, list) else value
        try:
            return cls(**values)
        except (TypeError, UsageError) as error:
            raise StorageError(
                f"The journal's header is incomplete or out of range ({error}): it was not"
                " written by faceloop."
            ) from error


def _has_type(annotation: str, value: Any) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    match annotation:
        case "tuple[str, ...]":
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        case "int":
            return is_integer
        case "int | None":
            return is_integer or value is None
        case "float":
            return is_integer or isinstance(value, float)
        case "str":
            return isinstance(value, str)
        case _:
            return isinstance(value, dict)
