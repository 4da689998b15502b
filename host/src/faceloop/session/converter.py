"""Whose filter has passed a signal: decided when it is recorded, kept with it.

A converter's own filter droops towards the upper end of the band. Where it is known, the signal
core makes that good; a recording says whether it was.
"""

from __future__ import annotations

from typing import Final, Literal

from faceloop.session.journal_header import JournalHeader
from faceloop_protocol.info import FEATURE_SOFT_CAPTURE, Info

__all__ = [
    "CONVERTER_KEY",
    "CORRECTED_FS_HZ",
    "Converter",
    "converter_behind",
    "converter_in",
    "converter_of",
    "filter_text",
]

Converter = Literal["ads1298"]
CONVERTER_KEY = "converter"
"""In the ``extra`` of a journal's header; recordings without it were judged as they came."""
CORRECTED_FS_HZ = 2000
_ADS1298: Final = "ads1298"
# ID registers of ADS1298 and ADS1299, which share the filter (SBAS459, SBAS499). 0: it did not
# answer when the board began, as on a cable, where it has no power; no board has another part.
_IDS = (0x92, 0x3E, 0)
_PASSED = "none; sinc3 of the ADS129x"


def converter_of(info: Info) -> Converter | None:
    """Return what the core has to correct in counts of this board; None for nothing.

    A board that reads its converter by interrupts lets it convert at another rate.
    """
    is_corrected = (
        info.fs_hz == CORRECTED_FS_HZ
        and info.converter_id in _IDS
        and not info.features & FEATURE_SOFT_CAPTURE
    )
    return _ADS1298 if is_corrected else None


def converter_in(stored: object) -> Converter | None:
    """Return what a recording says under ``CONVERTER_KEY``, None for anything else."""
    return _ADS1298 if stored == _ADS1298 else None


def filter_text(header: JournalHeader) -> str:
    """Return what a BDF+ file says of the filters before it ("prefiltering")."""
    roll_off = f"-3 dB at {0.262 * header.fs_hz:.0f} Hz"
    if CONVERTER_KEY not in header.extra:
        return f"none; sinc3 of the converter, {roll_off}"
    has_passed = converter_in(header.extra[CONVERTER_KEY]) is not None
    return f"{_PASSED}, {roll_off}" if has_passed else "none"


def converter_behind(prefiltering: str) -> Converter | None:
    """Return whose filter it is, of what ``filter_text`` gave."""
    return _ADS1298 if prefiltering.startswith(_PASSED) else None
