"""Play a recording into the virtual board's converter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faceloop.files.counts import FS_HZ, N_CHANNELS
from faceloop.files.recording import open_file
from faceloop.twin.sources.source import Onset
from faceloop.twin.sources.stored_counts import StoredCounts

__all__ = ["RecordingSource"]

MAX_SECONDS = 2 * 3600.0
"""All of it is kept in memory, so that the board can be given it in real time."""


class RecordingSource(StoredCounts):
    """A recording as converter counts, as `faceloop.files.recording.open_file` gives them.

    Inputs without a signal have both their lead-off bits set.

    Parameters
    ----------
    path : str or Path
        EDF, EDF+, BDF, BDF+, CSV or gzipped CSV, told apart by content.
    fs_hz : float, optional
        Rate of a CSV file that does not state one.
    seconds : float, optional
        Plays only so much of it; without, to its end.

    Attributes
    ----------
    labels : tuple of str
        Eight names: the file's, then ``unconnected n``.
    warnings : tuple of str
        Sentences about what was assumed or left out; empty for a plain file.

    Raises
    ------
    SourceError
        If the file cannot be played; the message says why and what to do.
    """

    fs_hz = FS_HZ
    n_channels = N_CHANNELS

    def __init__(
        self, path: str | Path, fs_hz: float | None = None, seconds: float | None = None
    ) -> None:
        self.path = Path(path)
        recording = open_file(self.path, fs_hz, max_seconds=MAX_SECONDS)
        self._counts = recording.read()
        if seconds is not None:
            self._counts = self._counts[: round(seconds * FS_HZ)]
        self.n_samples: int | None = len(self._counts)
        self.n_recorded_channels = len(recording.fs_hz)
        self.recorded_fs_hz = recording.fs_hz
        self.labels = recording.labels
        self.warnings = recording.warnings
        if recording.n_channels > N_CHANNELS:
            left_out = (
                f"Only the first {N_CHANNELS} of {recording.n_channels} channels are played."
            )
            self.warnings = (left_out, *recording.warnings)
        self._lead_off = recording.lead_off
        self._onsets: tuple[Onset, ...] | None = None

    @property
    def lead_off(self) -> tuple[int, int]:
        """Bits of the inputs without a signal, alike for both electrodes of a pair."""
        return (self._lead_off, self._lead_off)

    @property
    def onsets(self) -> Sequence[Onset]:
        """Reference estimates of all onsets (see `faceloop.twin.sources.onset_reference`)."""
        if self._onsets is None:
            # On demand: only latency figures need it, and it takes a second per minute.
            from faceloop.twin.sources.onset_reference import find_onsets

            self._onsets = find_onsets(
                self._counts, self.labels, self.recorded_fs_hz, self._lead_off
            )
        return self._onsets
