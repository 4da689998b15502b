"""What `analyse` found as a Parquet table, one row for each channel of each file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faceloop.errors import StorageError, UsageError
from faceloop.tasks.new_file import check_folder

__all__ = ["check_table", "rows", "write_table"]


def rows(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each channel of a file that was read: of its file, then of itself."""
    of_file = ("file", "fs_hz", "analysed_fs_hz", "duration_s", "calibrated", "rest_source")
    table = []
    for file in content["files"]:
        for channel in file.get("channels", ()):
            own = {name: channel[name] for name in channel if name not in ("mains", "quality")}
            own["channel_fs_hz"] = own.pop("fs_hz")
            own["mains_frequency_hz"] = channel["mains"]["frequency_hz"]
            own["mains_peak_uv"] = channel["mains"]["peak_uv"]
            own["usable"] = channel["quality"]["usable"]
            own["bad_s"] = channel["quality"]["bad_s"]
            own["reasons"] = channel["quality"]["reasons"]
            table.append({name: file[name] for name in of_file} | own)
    return table


def check_table(path: Path) -> None:
    """Raise UsageError, before any work, if no table could be written there."""
    try:
        import pyarrow.parquet  # noqa: F401  (is it there?)
    except ImportError as error:
        raise UsageError(
            "A Parquet table needs the package pyarrow: pip install 'faceloop[parquet]'. Or take"
            " --json."
        ) from error
    if path.exists():
        raise UsageError(f"{path} exists already and is not written over: choose another name.")
    check_folder(path)


def write_table(content: dict[str, Any], path: Path) -> None:
    """Write the table; it appears whole or not at all.

    Raises
    ------
    StorageError
        If the disk does not take it.
    """
    import pyarrow
    import pyarrow.parquet

    numbers = pyarrow.list_(pyarrow.float64())
    types = {
        "onsets_s": numbers,
        "offsets_s": numbers,
        "cues_s": numbers,
        "onset_interval_s": pyarrow.list_(numbers),
        "band_hz": numbers,
        "reasons": pyarrow.list_(pyarrow.string()),
        "rest_source": pyarrow.string(),
        **dict.fromkeys(("file", "name", "muscle"), pyarrow.string()),
        **dict.fromkeys(("calibrated", "usable"), pyarrow.bool_()),
    }
    names = (
        *("file", "fs_hz", "analysed_fs_hz", "duration_s", "calibrated", "rest_source", "name"),
        *(
            "muscle",
            "channel_fs_hz",
            "band_hz",
            "onsets_s",
            "offsets_s",
            "onset_interval_s",
            "cues_s",
        ),
        *("rest_rms_uv", "rms_uv", "median_frequency_hz", "mains_frequency_hz", "mains_peak_uv"),
        *("usable", "bad_s", "reasons"),
    )
    schema = pyarrow.schema([(name, types.get(name, pyarrow.float64())) for name in names])
    temporary = path.with_name(path.name + ".part")
    try:
        pyarrow.parquet.write_table(
            pyarrow.Table.from_pylist(rows(content), schema=schema), temporary
        )
        temporary.rename(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"The table cannot be written to {path} ({error.strerror or error}). Make room, or"
            " choose another place."
        ) from error
