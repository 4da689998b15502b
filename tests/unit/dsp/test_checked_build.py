"""The kernels again, built to stop at an index out of range, undefined arithmetic, or memory that
is not theirs.

They work on pointers and on arrays inside C structures, where Cython's own bound checks see
nothing; the sanitizers of the C compiler do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from faceloop_dsp.kernel import BUILD

pytestmark = [pytest.mark.slow, pytest.mark.full]

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "dsp" / "faceloop_dsp"
V3 = "_stream_v3"
KERNELS = sorted(path.stem for path in SOURCE.glob("*.pyx") if path.stem != V3)
COMPILER = os.environ.get("CC", "gcc")
# Traps instead of messages, so that no run-time library of the sanitiser is needed.
CHECKS = (
    "-fsanitize=bounds,alignment,shift,signed-integer-overflow,null,vla-bound,unreachable",
    "-fsanitize-undefined-trap-on-error",
    "-DFACELOOP_CHECKED",
)
SANITIZE = (
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-DFACELOOP_CHECKED",
    "-g1",
)
# numpy's arrays have to come from malloc, whose blocks the sanitizer surrounds with fences. It
# cannot tell what Python keeps until its end from leaks.
SANITIZED = {"PYTHONMALLOC": "malloc", "ASAN_OPTIONS": "detect_leaks=0"}
# All that go through the kernels; those that judge what the numbers mean add nothing here.
TESTS = (
    "test_packets.py",
    "test_core.py",
    "test_cascade.py",
    "test_invariance.py",
    "test_pyramid.py",
    "test_mains.py",
    "test_fatigue.py",
)


def run(*command: object, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout


def build(package: Path, *flags: str, names: Sequence[str] = tuple(KERNELS)) -> None:
    """Build the kernels of a copied package in place, index checks of Cython on."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_path("include")
    compiling = []
    for name in names:
        source = package / f"{name}.pyx"
        text = source.read_text(encoding="utf-8")
        assert "boundscheck=False" in text.splitlines()[0]
        source.write_text(text.replace("boundscheck=False", "boundscheck=True"), encoding="utf-8")
        generated = package / f"{name}.c"
        run(sys.executable, "-m", "cython", "-3", source, "-o", generated, cwd=package)
        command = [COMPILER, "-shared", "-fPIC", "-O1", "-ffp-contract=off", *flags]
        command += ["-march=x86-64-v3"] if name == V3 else []
        command += [f"-I{include}", f"-I{package}", str(generated)]
        command += ["-o", str(package / f"{name}{suffix}"), "-lm"]
        compiling.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    for process in compiling:
        _, errors = process.communicate()
        assert process.returncode == 0, errors


def copy(folder: Path) -> Path:
    """Return a copy of the package without what was built of it."""
    package = folder / "faceloop_dsp"
    shutil.copytree(
        SOURCE, package, ignore=shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
    )
    return package


def run_tests(folder: Path, module: str, **environment: str) -> None:
    """Run the tests on the package in a folder, whose streams come from ``module``."""
    environment["PYTHONPATH"] = str(folder)
    where = "import faceloop_dsp.kernel as k, faceloop_dsp._packets as p; import sys; "
    where += "print(sys.modules[k.StreamKernel.__module__].__file__, p.__file__)"
    stream, packets = run(sys.executable, "-c", where, cwd=folder, **environment).split()
    assert Path(stream).is_relative_to(folder) and Path(packets).is_relative_to(folder)
    assert Path(stream).name.startswith(module + ".")
    # Only Python's output is caught, so that a sanitizer's report comes through.
    options = ("-q", "-x", "--capture=sys", "-p", "no:cacheprovider")
    chosen = ("-m", "not benchmark and not full")
    tests = [Path(__file__).parent / name for name in TESTS]
    done = run(sys.executable, "-m", "pytest", *options, *chosen, *tests, cwd=ROOT, **environment)
    print(done.splitlines()[-1])


@pytest.mark.parametrize("extra", [(), ("-DFACELOOP_SCALAR",)], ids=["vectors", "one by one"])
def test_unit_tests_pass_on_the_checked_build(tmp_path: Path, extra: tuple[str, ...]) -> None:
    package = copy(tmp_path)
    build(package, *CHECKS, *extra)
    (package / f"{V3}.py").write_text("from faceloop_dsp._stream import *\n")
    run_tests(tmp_path, "_stream", FACELOOP_DSP_BUILD="portable")


def test_kernels_touch_no_memory_that_is_not_theirs(tmp_path: Path) -> None:
    package = copy(tmp_path)
    # Where both builds can run, ``test_core`` looks at both.
    module, others = (V3, [V3]) if BUILD == "v3" else ("_stream", [])
    build(package, *SANITIZE, names=[*KERNELS, *others])
    libraries = [
        run(COMPILER, f"-print-file-name={library}", cwd=tmp_path).strip()
        for library in ("libasan.so", "libubsan.so")
    ]
    run_tests(
        tmp_path, module, FACELOOP_DSP_BUILD=BUILD, LD_PRELOAD=" ".join(libraries), **SANITIZED
    )
