"""Who may import whom (drawn in host/README.md): read from every import statement."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOST = ROOT / "host" / "src" / "faceloop"

# Each part of the host may import itself and the parts named here.
HOST_MAY_IMPORT = {
    "errors": set(),
    "device": {"errors", "quiet_bumble"},
    "session": {"errors", "device"},
    "training": {"errors", "session"},
    "twin": {"errors", "quiet_bumble"},
    "ui": {"errors", "session", "training"},
    "tasks": {"errors", "device", "session", "training", "twin", "ui"},
    "output": {"errors", "tasks", "session", "ui"},
    "quiet_bumble": set(),
    "cli": {"errors", "tasks", "output"},
}
ONLY_IN = {
    "bleak": "device",
    "serial": "device",
    "nicegui": "ui",
    "bumble": ("twin", "device", "quiet_bumble"),
}


def imported_modules(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module)
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    return modules


def part_of(path: Path) -> str:
    relative = path.relative_to(HOST)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


HOST_FILES = sorted(HOST.rglob("*.py"))


@pytest.mark.parametrize("path", HOST_FILES, ids=lambda path: str(path.relative_to(HOST)))
def test_host_module_imports_only_what_lies_below_it(path: Path) -> None:
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return
    allowed = HOST_MAY_IMPORT[part] | {part, "__init__", "firmware"}
    for module in imported_modules(path):
        top, _, rest = module.partition(".")
        if top == "faceloop" and rest:
            assert rest.partition(".")[0] in allowed, f"{part} must not import {module}"
        places = ONLY_IN.get(top)
        if places:
            assert part in (places if isinstance(places, tuple) else (places,)), (
                f"{part} must not import {top}"
            )
        assert top != "faceloop_device", "the host never imports the firmware"


@pytest.mark.parametrize("path", sorted((ROOT / "dsp").rglob("*.py*")), ids=lambda path: path.name)
def test_dsp_imports_nothing_of_ours_but_itself(path: Path) -> None:
    if path.suffix in (".pyx", ".pxi"):
        text = path.read_text()
        assert "import faceloop." not in text and "from faceloop." not in text
        assert (
            "faceloop_protocol" not in text
            or path.suffix == ".pxi"
            or "import"
            not in "".join(line for line in text.splitlines() if "faceloop_protocol" in line)
        )
        return
    if path.suffix != ".py":
        return
    for module in imported_modules(path):
        top = module.partition(".")[0]
        assert top not in ("faceloop", "faceloop_protocol", "faceloop_device", "scipy"), module


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "firmware" / "lib" / "faceloop_protocol").glob("*.py")),
    ids=lambda path: path.name,
)
def test_protocol_imports_only_what_both_interpreters_have(path: Path) -> None:
    allowed = {"struct", "binascii", "hashlib", "collections"}
    if path.name == "_compat.py":
        allowed.add("micropython")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module in allowed


DEVICE = ROOT / "firmware" / "faceloop_device"


@pytest.mark.parametrize(
    "path", sorted(DEVICE.rglob("*.py")), ids=lambda path: str(path.relative_to(DEVICE))
)
def test_firmware_keeps_hardware_out_of_its_core(path: Path) -> None:
    modules = imported_modules(path)
    assert not any(module.split(".")[0] in ("faceloop", "faceloop_dsp") for module in modules)
    folder = path.relative_to(DEVICE).parts[0]
    if folder == "core":
        hardware = {"machine", "rp2", "bluetooth", "esp32", "network"}
        assert not {module.split(".")[0] for module in modules} & hardware
        assert not any(module.startswith("faceloop_device.hal") for module in modules)
        assert not any(module.startswith("faceloop_device.drivers") for module in modules)
