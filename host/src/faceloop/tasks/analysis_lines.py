"""What `faceloop analyse` found, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["analysis_lines"]


def analysis_lines(content: dict[str, Any], table: Path | None = None) -> Iterator[str]:
    """Describe analysed files, and where the table of them is."""
    for file in content["files"]:
        if "error" in file:
            yield f"{file['file']}: not analysed. {file['error']}"
            continue
        yield f"{file['file']}: {file['duration_s']:.1f} s at {file['fs_hz']:g} Hz"
        for warning in file["warnings"]:
            yield f"  {warning}"
        if not file["calibrated"]:
            yield (
                "  No rest was learnt, so synkinesis was not judged; bursts are counted from each"
                " channel's quietest moment."
            )
        quiet_word = "rest" if file["calibrated"] else "quietest"
        for channel in file["channels"]:
            rest = channel["rest_rms_uv"]
            rest_text = "no signal" if rest is None else f"{quiet_word} {rest:.1f} uV"
            onsets = f", {_count(channel['onsets_s'], 'burst')}" if channel["onsets_s"] else ""
            where = (channel["muscle"] or "").replace("_", " ")
            where = f"as {where}" if where else ""
            quality = channel["quality"]
            why = ", ".join(reason.replace("_", " ") for reason in quality["reasons"])
            doubt = "" if quality["usable"] else f"; not usable: {why or 'nothing was measured'}"
            yield f"  {channel['name']:<24} {where:<27} {rest_text}{onsets}{doubt}"
        for pair in file["pairs"]:
            if pair["muscle"] is not None:
                names = f"{pair['muscle'].replace('_', ' ')}, left / right"
                yield f"  {names}: {_symmetry(pair, is_calibrated=file['calibrated'])}"
        if file["alerts"] is not None:
            yield f"  {_count(file['alerts'], 'synkinesis event')}"
        elif file["calibrated"]:
            yield "  Synkinesis could not be judged: it takes both sides of two muscles of a pair."
        if file["gaps"]:
            missing_s = sum(n for _, n in file["gaps"]) / file["fs_hz"]
            yield f"  {missing_s:.1f} s are missing and were not judged"
        live = file["live"]
        if live is not None and live["late"]:
            late_s = sum(n for _, n in live["late"]) / file["fs_hz"]
            seen = "could not judge" if live["alerts"] is None else "counted"
            events = "" if live["alerts"] is None else f" {_count(live['alerts'], 'event')}"
            yield f"  {late_s:.1f} s came late; the live session {seen}{events}"
    if table is not None:
        yield f"Table: {table}"


def _symmetry(pair: dict[str, Any], *, is_calibrated: bool) -> str:
    moving, whole = pair["symmetry_ratio"], pair["whole"]["symmetry_ratio"]
    over_all = "" if whole is None else f"{whole:.0%} over the whole recording"
    if not is_calibrated:
        return f"symmetry {over_all}" if over_all else "symmetry not known"
    if moving is None:
        return "both sides at rest" + (f", {over_all}" if over_all else "")
    return f"symmetry {moving:.0%} in the {pair['active_s']:.1f} s in which it moved, {over_all}"


def _count(items: list[Any], noun: str) -> str:
    return f"{len(items)} {noun}" if len(items) == 1 else f"{len(items)} {noun}s"
