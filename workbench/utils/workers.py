"""The threads that torch's parallel operations keep waiting, one team for every thread that calls.

GNU's OpenMP counts all teams of the process. Once they are more threads than processors, idle ones
go to sleep at once instead of waiting actively, and waking them costs more than a small operation
takes: a step of 200 microseconds takes 470 in a background thread after the main thread has
calculated something. See "GOMP_SPINCOUNT" in the manual of libgomp.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_SOFT = 1  # omp_pause_soft: keep settings


def release_workers() -> None:
    """Let the calling thread's team go, for the good of the other threads' teams.

    Its next parallel operation makes a new one, so this changes nothing but speed. Does nothing
    where torch does not use GNU's OpenMP.
    """
    for path in _loaded():
        try:
            library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            library.omp_pause_resource_all(_SOFT)
        except (OSError, AttributeError):  # unloaded meanwhile, or older than OpenMP 5
            continue


def _loaded() -> set[str]:
    """Return the paths of the copies of libgomp in this process; wheels bring their own."""
    if not _MAPS.exists():
        return set()
    lines = _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if "libgomp" in line}
