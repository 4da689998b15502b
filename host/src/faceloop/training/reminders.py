"""Reminders: a calendar file for any calendar, and a notice on the desktop while faceloop runs.

Words are given by the caller, in the patient's language. A reminder says no more than that it is
time: no name, nothing about health, since others may see the screen or the calendar.

Ref: RFC 5545 (iCalendar).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from faceloop.errors import UsageError
from faceloop.refusal import refusal

__all__ = [
    "CalendarSeries",
    "calendar_text",
    "is_due",
    "no_time_of_day",
    "notice_command",
    "show_notice",
]

LINE_OCTETS = 75
LATE_S = 3600.0
"""A reminder that was missed for longer, as while the computer slept, is not made up for."""
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class CalendarSeries:
    """An event that comes again.

    Parameters
    ----------
    time_of_day : str
        ``HH:MM``.
    first_day : date
    title : str
        The only words in it.
    minutes : int
        Length of the event.
    uid : str
        The same for a changed reminder, so that a calendar replaces the old one.
    every_days : int
    """

    time_of_day: str
    first_day: date
    title: str
    minutes: int
    uid: str
    every_days: int = 1


def calendar_text(series: Iterable[CalendarSeries], made_at: datetime) -> str:
    """Return an iCalendar file with events that come again, each with an alarm at its beginning.

    Times are local wherever the calendar is opened: it stays 18:30 in summer and in winter.

    Parameters
    ----------
    series : iterable of CalendarSeries
    made_at : datetime
        With its zone.
    """
    stamp = (made_at - (made_at.utcoffset() or timedelta())).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//faceloop//reminder//EN"]
    for one in series:
        lines += _event(one, stamp)
    return "".join(_folded(line) + "\r\n" for line in (*lines, "END:VCALENDAR"))


def _event(series: CalendarSeries, stamp: str) -> list[str]:
    hour, minute = _parsed(series.time_of_day)
    day = series.first_day
    start = datetime(day.year, day.month, day.day, hour, minute)
    interval = f";INTERVAL={series.every_days}" if series.every_days > 1 else ""
    return [
        "BEGIN:VEVENT",
        f"UID:{_escaped(series.uid)}",
        f"DTSTAMP:{stamp}",
        f"DTSTART:{start:%Y%m%dT%H%M%S}",
        f"DURATION:PT{max(series.minutes, 1)}M",
        f"RRULE:FREQ=DAILY{interval}",
        f"SUMMARY:{_escaped(series.title)}",
        "CLASS:PRIVATE",
        "TRANSP:TRANSPARENT",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:PT0M",
        f"DESCRIPTION:{_escaped(series.title)}",
        "END:VALARM",
        "END:VEVENT",
    ]


def is_due(
    time_of_day: str, now: datetime, last_reminded: datetime | None, last_trained: date | None
) -> bool:
    """Return whether to remind now: once a day, not after training, not long after the time.

    Parameters
    ----------
    time_of_day : str
        ``HH:MM``; empty for no reminders.
    now : datetime
        Local time.
    last_reminded : datetime or None
        In the same zone as ``now``.
    last_trained : date or None
    """
    if not time_of_day:
        return False
    hour, minute = _parsed(time_of_day)
    at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if not 0 <= (now - at).total_seconds() <= LATE_S or last_trained == now.date():
        return False
    return last_reminded is None or last_reminded < at


def notice_command(title: str, text: str) -> list[str] | None:
    """Return the command that shows a notice on this system, None where there is none.

    The words are arguments of their own everywhere: nothing in them is ever run.
    """
    if sys.platform == "darwin":
        script = (
            "on run argv\n"
            "display notification (item 2 of argv) with title (item 1 of argv)\n"
            "end run"
        )
        return ["osascript", "-e", script, title, text]
    if sys.platform == "win32":
        return ["msg", "*", "/TIME:60", f"{title}: {text}"] if shutil.which("msg") else None
    path = shutil.which("notify-send")
    return [path, "--app-name=faceloop", "--", title, text] if path else None


def show_notice(
    title: str,
    text: str,
    run: Callable[[Sequence[str]], None] = lambda command: _run(command),
) -> bool:
    """Show a notice on the desktop; return whether it was shown. Blocks for a moment."""
    command = notice_command(title, text)
    if command is None:
        return False
    try:
        run(command)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S)


def no_time_of_day(given: str) -> UsageError:
    """Return the refusal of what is no time of day."""
    return UsageError(refusal("reminder", given=repr(given)))


def _parsed(time_of_day: str) -> tuple[int, int]:
    try:
        parsed = datetime.strptime(time_of_day, "%H:%M")
    except ValueError:
        raise no_time_of_day(time_of_day) from None
    return parsed.hour, parsed.minute


def _escaped(text: str) -> str:
    for char in "\\;,":
        text = text.replace(char, f"\\{char}")
    return "\\n".join(text.splitlines())


def _folded(line: str) -> str:
    """Return a line in pieces of at most 75 octets, none of which cuts a character."""
    pieces: list[str] = []
    piece = ""
    for char in line:
        room = LINE_OCTETS - bool(pieces)  # a continuation begins with a space
        if len((piece + char).encode()) > room:
            pieces.append(piece)
            piece = ""
        piece += char
    return "\r\n ".join([*pieces, piece])
