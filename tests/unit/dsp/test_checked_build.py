"""The kernels again, built to stop at an index out of range or undefined arithmetic."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.full]

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "dsp" / "faceloop_dsp"
KERNELS = sorted(path.stem for path in SOURCE.glob("*.pyx") if not path.stem.endswith("_v3"))
# Traps instead of messages, so that no run-time library of the sanitiser is needed.
CHECKS = (
    "-fsanitize=bounds,alignment,shift,signed-integer-overflow,null,vla-bound,unreachable",
    "-fsanitize-undefined-trap-on-error",
    "-DFACELOOP_CHECKED",
)
TESTS = (
    "test_packets.py",
    "test_core.py",
    "test_cascade.py",
    "test_invariance.py",
    "test_pyramid.py",
)


def build(package: Path, *flags: str) -> None:
    """Build the kernels of a copied package in place, index checks of Cython on."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_path("include")
    compiling = []
    for name in KERNELS:
        source = package / f"{name}.pyx"
        text = source.read_text(encoding="utf-8")
        assert "boundscheck=False" in text.splitlines()[0]
        source.write_text(text.replace("boundscheck=False", "boundscheck=True"), encoding="utf-8")
        generated = package / f"{name}.c"
        cython = [sys.executable, "-m", "cython", "-3", str(source), "-o", str(generated)]
        subprocess.run(cython, check=True, capture_output=True)
        command = [os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-O1", "-ffp-contract=off"]
        command += [*flags, f"-I{include}", f"-I{package}", str(generated)]
        command += ["-o", str(package / f"{name}{suffix}"), "-lm"]
        compiling.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    for process in compiling:
        _, errors = process.communicate()
        assert process.returncode == 0, errors


@pytest.mark.parametrize("extra", [(), ("-DFACELOOP_SCALAR",)], ids=["vectors", "one by one"])
def test_unit_tests_pass_on_the_checked_build(tmp_path: Path, extra: tuple[str, ...]) -> None:
    package = tmp_path / "faceloop_dsp"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    build(package, *CHECKS, *extra)
    (package / "_stream_v3.py").write_text("from faceloop_dsp._stream import *\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "FACELOOP_DSP_BUILD": "portable"}
    where = [sys.executable, "-c", "import faceloop_dsp; print(faceloop_dsp.__file__)"]
    found = subprocess.run(
        where, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert Path(found.strip()).is_relative_to(tmp_path)
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*pytest_command, *(str(Path(__file__).parent / name) for name in TESTS)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
