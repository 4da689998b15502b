"""What is installed on a real board is what the virtual board runs, under one version."""

from __future__ import annotations

import json
import runpy
import tomllib
from pathlib import Path
from typing import Any

from faceloop.twin.firmware_files import board_files

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"

PACKAGE: dict[str, Any] = json.loads((FIRMWARE / "package.json").read_text())


def test_package_lists_every_file_of_the_firmware() -> None:
    listed = {f"/{target}": FIRMWARE / source for target, source in PACKAGE["urls"]}
    wanted = {str(target): source.resolve() for target, source in board_files()}
    assert {target: source.resolve() for target, source in listed.items()} == wanted


def test_manifest_names_every_package_and_main() -> None:
    calls: list[tuple[str, str, str]] = []

    def note(kind: str) -> Any:
        return lambda name="", base_path="", **_: calls.append((kind, name, base_path))

    names = {kind: note(kind) for kind in ("metadata", "package", "module")}
    runpy.run_path(str(FIRMWARE / "manifest.py"), init_globals=names)
    places = {
        f"{base_path}/{name}".lstrip("/") for kind, name, base_path in calls if kind != "metadata"
    }
    targets = {str(target).lstrip("/") for target, _ in board_files()}
    assert places == {
        name
        if "/" not in name
        else "/".join(name.split("/")[: 2 if name.startswith("lib/") else 1])
        for name in targets
    }


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    device = runpy.run_path(str(FIRMWARE / "faceloop_device" / "__init__.py"))["VERSION"]
    versions: list[str] = []
    names: dict[str, Any] = {
        "metadata": lambda **about: versions.append(about["version"]),
        "package": lambda *_, **__: None,
        "module": lambda *_, **__: None,
    }
    runpy.run_path(str(FIRMWARE / "manifest.py"), init_globals=names)
    assert versions == [project]
    assert PACKAGE["version"] == project
    assert ".".join(str(part) for part in device) == project
