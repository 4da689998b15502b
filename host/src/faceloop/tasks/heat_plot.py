"""A picture of one heat session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faceloop.errors import UsageError
from faceloop.tasks.new_file import check_folder
from faceloop_protocol import heat_limits as limits

__all__ = ["check_picture", "draw"]

Sample = tuple[float, int, float, float, float, float]


def check_picture(path: Path) -> None:
    """Raise UsageError, before any work, if no picture could be drawn or written there."""
    try:
        import matplotlib.figure  # noqa: F401  (is it there?)
    except ImportError:
        raise UsageError(
            "Pictures need matplotlib. Install it: .venv/bin/pip install 'faceloop[plot]'"
        ) from None
    if path.suffix.lower() != ".png":
        raise UsageError(f"The picture is a PNG: choose a name that ends in .png, not {path}.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder: choose another name for the picture.")
    check_folder(path)


def draw(trace: Sequence[Sample], path: Path, title: str) -> None:
    """Write a PNG with core, face, skin and power over time.

    Parameters
    ----------
    trace : sequence of (s, state, core C, face C, skin C, W)
    path : Path
    title : str

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    minutes = [sample[0] / 60 for sample in trace]
    figure = Figure(figsize=(9, 6), layout="constrained")
    warm, power = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for column, name in ((2, "core"), (3, "face of the pad"), (4, "skin")):
        warm.plot(minutes, [sample[column] for sample in trace], label=name)
    warm.axhline(limits.FACE_LATCH_MDEGC / 1000, color="0.5", linestyle="--", label="43 °C")
    warm.set_ylabel("°C")
    warm.set_title(title)
    warm.legend(loc="lower right")
    power.plot(minutes, [sample[5] for sample in trace])
    power.set_ylabel("W")
    power.set_xlabel("min")
    figure.savefig(path, format="png", dpi=120)
