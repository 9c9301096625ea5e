"""The threads that torch's parallel operations keep waiting, one team for every thread that calls.

GNU's OpenMP counts all teams of the process. Once they are more threads than processors, idle ones
go to sleep at once instead of waiting actively, and waking them costs more than a small operation
takes: a step of 200 microseconds takes 470 in a background thread after the main thread has
calculated something. See "GOMP_SPINCOUNT" in the manual of libgomp.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from pathlib import Path
from typing import Any

_MAPS = Path("/proc/self/maps")
_SOFT = 1  # omp_pause_soft: keep settings


def release_workers() -> None:
    """Let the calling thread's team go, for the good of the other threads' teams.

    Its next parallel operation makes a new one, so this changes nothing but speed. Does nothing
    where torch does not use GNU's OpenMP.
    """
    for library in _libraries():
        library.omp_pause_resource_all(_SOFT)


def release_workers_after_cells() -> None:
    """In a notebook, let the team of its thread go whenever a cell has run."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.events.register("post_run_cell", _after_cell)  # once, however often it is asked


def _after_cell(result: Any = None) -> None:
    release_workers()


@functools.cache
def _libraries() -> list[ctypes.CDLL]:
    """Return the copies of libgomp in this process; torch's is there as soon as torch is."""
    found = []
    for path in _loaded():
        try:
            library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            library.omp_pause_resource_all  # noqa: B018
        except (OSError, AttributeError):  # unloaded meanwhile, or older than OpenMP 5
            continue
        found.append(library)
    return found


def _loaded() -> set[str]:
    """Return the paths of the copies of libgomp in this process; wheels bring their own."""
    if not _MAPS.exists():
        return set()
    lines = _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if "libgomp" in line}
