"""Reminders: the calendar file byte by byte, when one is due, and words that are never run."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from faceloop.errors import UsageError
from faceloop.training import reminders
from faceloop.training.monthly import next_monthly
from faceloop.training.reminders import (
    CalendarSeries,
    calendar_text,
    is_due,
    notice_command,
    show_notice,
)
from faceloop.training.rules import MonthlySpec

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def text(title: str = "Time for a calm half hour") -> str:
    daily = CalendarSeries("18:30", date(2026, 11, 3), title, 30, "anna@faceloop")
    return calendar_text([daily], NOON)


def unfolded(content: str) -> list[str]:
    return content.replace("\r\n ", "").split("\r\n")


def test_calendar_repeats_daily_at_local_time_with_an_alarm() -> None:
    lines = unfolded(text())
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-2:] == ["END:VCALENDAR", ""]
    assert {
        "DTSTAMP:20261102T120000Z", "DTSTART:20261103T183000", "RRULE:FREQ=DAILY",
        "DURATION:PT30M", "ACTION:DISPLAY", "TRIGGER:PT0M", "UID:anna@faceloop",
        "SUMMARY:Time for a calm half hour",
    } <= set(lines)  # fmt: skip
    for name in ("VCALENDAR", "VEVENT", "VALARM"):
        assert lines.count(f"BEGIN:{name}") == lines.count(f"END:{name}") == 1


def test_calendar_has_a_series_for_each_reminder_with_its_interval() -> None:
    both = [
        CalendarSeries("18:30", date(2026, 11, 3), "daily", 30, "a"),
        CalendarSeries("18:30", date(2026, 11, 20), "monthly", 15, "b", every_days=30),
    ]
    lines = unfolded(calendar_text(both, NOON))
    assert lines.count("BEGIN:VCALENDAR") == 1 and lines.count("BEGIN:VEVENT") == 2
    assert {"RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY;INTERVAL=30"} <= set(lines)
    assert {"DTSTART:20261120T183000", "UID:b", "SUMMARY:monthly"} <= set(lines)


def test_what_comes_monthly_is_reminded_of_on_its_day_then_weekly_until_it_was_done() -> None:
    since, spec = date(2026, 1, 1), MonthlySpec()
    first, review = next_monthly(spec, since, {})
    assert (first.kind, review.kind) == ("questionnaires", "review")
    assert first.due == review.due == date(2026, 1, 31)
    days = [since + timedelta(days=n) for n in range(60)]
    assert [day.day for day in days if first.is_reminded(day)] == [31, 7, 14, 21, 28]
    assert not first.is_due(date(2026, 1, 30)) and first.is_due(date(2026, 2, 20))
    assert first.next_day(date(2026, 2, 20)) == date(2026, 2, 20)
    assert first.next_day(date(2026, 1, 5)) == first.due
    (later, _) = next_monthly(spec, since, {"questionnaires": date(2026, 2, 20)})
    assert later.due == date(2026, 3, 22)
    assert next_monthly(MonthlySpec(questionnaires_days=0, review_days=0), since, {}) == ()


@pytest.mark.parametrize(
    "title", ["Übung; jetzt, \\ bitte\nUID:x", "é" * 100, "a" * 200, "😀" * 40, ""]
)
def test_calendar_lines_are_short_and_words_cannot_break_out(title: str) -> None:
    content = text(title)
    assert all(len(line.encode()) <= 75 for line in content.split("\r\n"))
    lines = unfolded(content)
    assert len(lines) == 20
    assert sum(line.startswith("UID:") for line in lines) == 1
    summary = next(line for line in lines if line.startswith("SUMMARY:"))
    plain = summary.removeprefix("SUMMARY:").replace("\\n", "\n")
    for char in ";,\\":
        plain = plain.replace(f"\\{char}", char)
    assert plain == title


def test_reminder_is_due_once_a_day_and_not_after_training() -> None:
    at = NOON.replace(hour=18, minute=30)
    due = [is_due("18:30", at + timedelta(minutes=m), None, None) for m in (-1, 0, 60, 61)]
    assert due == [False, True, True, False]
    assert not is_due("18:30", at + timedelta(minutes=5), at, None)
    assert is_due("18:30", at, at - timedelta(days=1), None)
    assert not is_due("18:30", at, None, at.date())
    assert is_due("18:30", at, None, at.date() - timedelta(days=1))
    assert not is_due("", at, None, None)
    with pytest.raises(UsageError, match="write a time such as 18:30"):
        is_due("6 pm", at, None, None)


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_words_of_a_notice_are_arguments_of_their_own(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(reminders.shutil, "which", lambda name: f"/bin/{name}")
    command = notice_command('--x "; rm', "$(rm)")
    assert command is not None
    if platform == "linux":
        assert command[-3:] == ["--", '--x "; rm', "$(rm)"]
    elif platform == "darwin":
        assert "rm" not in command[2] and command[3:] == ['--x "; rm', "$(rm)"]
    else:
        assert command[-1] == '--x "; rm: $(rm)'


def test_computer_without_notices_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(reminders.shutil, "which", lambda name: None)
    assert not show_notice("a", "b")
    monkeypatch.setattr(reminders.shutil, "which", lambda name: f"/bin/{name}")

    def fails(command: Any) -> None:
        raise subprocess.TimeoutExpired(command, 5)

    assert not show_notice("a", "b", fails)
    shown: list[Any] = []
    assert show_notice("a", "b", shown.append)
    assert shown[0][0] == "/bin/notify-send"
