"""Threads of torch's parallel operations: how many, how they wait, and when they go.

GNU's OpenMP, which torch brings along on Linux, keeps a team of threads for every thread that
calls, and has idle ones wait actively for milliseconds. Where other programs use the processors
too, threads that spin take the time of those they wait for: a step of 75 microseconds took up to a
thousand times as long. Hence `wait_briefly` and `sleep_while_idle`. `limited` gives a function
fewer threads, and `release_workers` lets a team go that is not needed for now: libgomp counts all
teams of the process, and once they are more threads than processors, idle ones sleep at once, and
waking them costs more than a small operation takes. See "GOMP_SPINCOUNT" in the manual of libgomp.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")

_MAPS = Path("/proc/self/maps")
_SOFT = 1  # omp_pause_soft: keep settings

SPINS = 1000
"""How often an idle thread looks for work before it sleeps: about 10 microseconds."""
ASKED = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
"""Variables by which people say how threads wait; what they say is respected."""


def wait_briefly() -> None:
    """Have idle threads of OpenMP sleep soon, if torch has not been imported yet.

    libgomp reads the environment once, when it is loaded; `sleep_while_idle` serves later.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in ASKED):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)


@functools.cache
def sleep_while_idle() -> bool:
    """Have idle threads of OpenMP sleep soon, after torch was imported before the workbench.

    libgomp lets threads sleep at once where it keeps more of them than there are processors. A
    thread that keeps such a team and never uses it again takes nothing but some memory.

    Returns
    -------
    bool
        Whether such a thread was needed and could be made.
    """
    if any(name in os.environ for name in ASKED) or not _libraries():
        return False
    import torch  # not at the top: `wait_briefly` comes before torch is loaded

    ready = threading.Event()

    def keep() -> None:
        n = (os.cpu_count() or 1) + 1
        limited(torch.exp, n, n)(torch.zeros(n * 2**15))  # in as many parts
        ready.set()
        threading.Event().wait()

    thread = threading.Thread(target=keep, name="idle OpenMP threads", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no more threads: nothing but speed is lost
        return False
    ready.wait(5)
    return True


def limited(run: Callable[[Given], Result], most: int, least: int = 1) -> Callable[[Given], Result]:
    """Make a function that runs `run` with a limited number of threads for parallel operations.

    The calling thread has its own number back afterwards, and no other thread notices:
    `torch.set_num_threads` would also decide for threads that begin meanwhile.

    Parameters
    ----------
    run : callable
        Of one argument.
    most, least : int
        Bounds of the number of threads; equal ones fix it.

    Returns
    -------
    callable

    Examples
    --------
    >>> import torch
    >>> limited(lambda given: (given, torch.get_num_threads()), 1)("it runs on")
    ('it runs on', 1)
    """
    import torch

    count = torch.get_num_threads
    openmp, mkl = _setters()

    def call(given: Given) -> Result:
        before = count()
        if least <= before <= most:
            return run(given)
        wanted = most if before > most else least
        openmp(wanted)
        library = mkl(wanted)  # 0: as many as OpenMP
        try:
            return run(given)
        finally:
            openmp(before)
            mkl(library)

    return call


@functools.cache
def _setters() -> tuple[Callable[[int], object], Callable[[int], int]]:
    """Return what sets the number of threads of OpenMP and of MKL, for the calling thread only."""
    import torch

    folder = Path(torch.__file__).parent / "lib"
    for name in ("libtorch_cpu.so", "libtorch_cpu.dylib"):
        try:  # what torch was linked with is found through it; PyDLL, since nothing here waits
            library = ctypes.PyDLL(str(folder / name), mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            openmp = library.omp_set_num_threads
        except (OSError, AttributeError):
            continue
        openmp.argtypes, openmp.restype = [ctypes.c_int], None
        mkl = getattr(library, "MKL_Set_Num_Threads_Local", None)
        return openmp, mkl or (lambda n: 0)
    return torch.set_num_threads, lambda n: 0


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


wait_briefly()
