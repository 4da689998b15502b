"""How what is written in Cython is compiled: `pyproject.toml` names this to the build.

Cython writes the C, the compiler turns it into modules, and both take about as long: one works
while the other does. Cython itself is no thing for two threads at once: the module that all the
others share (`faceloop_dsp._views`) came out without some of its names now and then.
"""

from __future__ import annotations

import threading
from distutils.command import build_ext as compiler_build  # comes with setuptools

from setuptools import Extension
from setuptools.command import build_ext as cython_build

_at_cython = threading.Lock()


class _Compile(compiler_build.build_ext):
    """What comes after Cython: others may translate meanwhile."""

    def build_extension(self, ext: Extension) -> None:
        _at_cython.release()
        try:
            super().build_extension(ext)
        finally:
            _at_cython.acquire()


class BuildKernels(cython_build.build_ext, _Compile):
    """Translate one module at a time, and compile beside that."""

    command_name = "build_ext"  # by which pyproject.toml gives it its options

    def build_extension(self, ext: Extension) -> None:
        """Build a module; that of Cython goes on to `_Compile` when it has its C."""
        with _at_cython:
            super().build_extension(ext)

    def get_source_files(self) -> list[str]:
        """Return what a source archive needs beside the packages: no C that Cython writes."""
        written = self.shared_utility_qualified_name.rpartition(".")[2] + ".c"
        sources = [name for name in super().get_source_files() if not name.endswith(written)]
        return [*sources, "tools/compile.py"]
