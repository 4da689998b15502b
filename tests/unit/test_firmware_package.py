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


class Manifest:
    """What MicroPython's build makes of a manifest: the files it freezes, by their paths there.

    Ref: MicroPython 1.29, docs/reference/manifest.rst and tools/manifestfile.py: ``package`` takes
    every ``.py`` below ``base_path``/NAME, or the ``files`` there, ``module`` one file; both
    relative to the manifest.
    """

    def __init__(self, path: Path) -> None:
        self.frozen: dict[str, Path] = {}
        self.about: dict[str, Any] = {}
        self._folder = path.parent
        self.included: list[str] = []
        names = {
            "metadata": self.metadata,
            "package": self.package,
            "module": self.module,
            "include": self.included.append,
        }
        code = compile(path.read_text(), str(path), "exec")
        exec(code, {"__builtins__": {}, **names})

    def metadata(self, *, description: str, version: str) -> None:
        self.about = {"description": description, "version": version}

    def package(
        self,
        package_path: str,
        files: tuple[str, ...] | None = None,
        base_path: str = ".",
        opt: int | None = None,
    ) -> None:
        base = self._folder / base_path
        whole = sorted((base / package_path).rglob("*.py"))
        found = whole if files is None else [base / package_path / name for name in files]
        assert found, f"no package {package_path} in {base_path}"
        for source in found:
            self._freeze(source.relative_to(base).as_posix(), source)

    def module(self, module_path: str, base_path: str = ".", opt: int | None = None) -> None:
        assert module_path.endswith(".py")
        self._freeze(module_path, self._folder / base_path / module_path)

    def _freeze(self, target: str, source: Path) -> None:
        assert source.is_file() and target not in self.frozen
        self.frozen[target] = source.resolve()


def test_manifest_freezes_every_file_of_the_firmware_and_nothing_else() -> None:
    """But for the virtual board's pins; what lies in ``/lib`` of a flash has no folder here."""
    wanted = {
        str(target).lstrip("/").removeprefix("lib/"): source.resolve()
        for target, source in board_files()
        if target.name != "virtual.py"
    }
    manifest = Manifest(FIRMWARE / "manifest.py")
    assert manifest.frozen == wanted
    # A manifest takes the place of the port's own, without which a board does not start.
    assert manifest.included == ["$(PORT_DIR)/boards/manifest.py"]


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    device = runpy.run_path(str(FIRMWARE / "faceloop_device" / "__init__.py"))["VERSION"]
    assert Manifest(FIRMWARE / "manifest.py").about["version"] == project
    assert PACKAGE["version"] == project
    assert ".".join(str(part) for part in device) == project
