"""Control of the threads of torch's parallel operations: how many there are, and how they wait.

GNU's OpenMP (libgomp), which torch includes on Linux, keeps a team of threads for every calling
thread. The idle threads of a team wait actively (spin) for several milliseconds. If other programs
also use the processors, spinning threads delay the threads that they wait for: a step of 75
microseconds took up to a thousand times as long. `wait_briefly` and `sleep_while_idle` prevent
this. `limited` limits the number of threads that a function uses. `release_workers` ends a team
that is no longer needed. If the teams together have more threads than there are processors, libgomp
puts idle threads to sleep immediately, and waking them takes longer than a small operation. See
"GOMP_SPINCOUNT" in the manual of libgomp.
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
"""Number of checks for work before a thread sleeps; all checks take about 10 microseconds."""
ASKED = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
"""Environment variables that configure how threads wait; existing values are not changed."""


def wait_briefly() -> None:
    """Make idle OpenMP threads sleep soon if torch has not been imported yet.

    The function sets an environment variable that libgomp reads only when it is loaded. If torch
    is already imported, use `sleep_while_idle`.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in ASKED):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)


@functools.cache
def sleep_while_idle() -> bool:
    """Make idle OpenMP threads sleep soon if torch was imported before the workbench.

    libgomp puts idle threads to sleep immediately if its threads outnumber the processors.
    Therefore this function starts a thread with a large team. The thread is never used again, and
    needs only a little memory.

    Returns
    -------
    bool
        True if the additional thread was needed and could be started.
    """
    if any(name in os.environ for name in ASKED) or not _libraries():
        return False
    import torch  # not at the top: `wait_briefly` must run before torch is loaded

    ready = threading.Event()

    def keep() -> None:
        n = (os.cpu_count() or 1) + 1
        limited(torch.exp, n, n)(torch.zeros(n * 2**15))  # large enough to use all n threads
        ready.set()
        threading.Event().wait()

    thread = threading.Thread(target=keep, name="idle OpenMP threads", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread could be started; this costs only speed
        return False
    ready.wait(5)
    return True


def limited(run: Callable[[Given], Result], most: int, least: int = 1) -> Callable[[Given], Result]:
    """Return a function that calls `run` with a limited number of threads.

    After each call, the previous number of threads is restored for the calling thread. Other
    threads are not affected. In contrast, `torch.set_num_threads` also applies to threads that
    start later.

    Parameters
    ----------
    run : callable
        A function of one argument.
    most, least : int
        Bounds on the number of threads; equal bounds fix the number.

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
        library = mkl(wanted)  # the previous number; 0 means that OpenMP's number applies
        try:
            return run(given)
        finally:
            openmp(before)
            mkl(library)

    return call


@functools.cache
def _setters() -> tuple[Callable[[int], object], Callable[[int], int]]:
    """Return functions that set how many threads OpenMP and MKL use in the calling thread."""
    import torch

    folder = Path(torch.__file__).parent / "lib"
    for name in ("libtorch_cpu.so", "libtorch_cpu.dylib"):
        # The library that is linked with OpenMP and MKL gives access to their symbols. PyDLL keeps
        # the GIL, since the calls return immediately.
        try:
            library = ctypes.PyDLL(str(folder / name), mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            openmp = library.omp_set_num_threads
        except (OSError, AttributeError):
            continue
        openmp.argtypes, openmp.restype = [ctypes.c_int], None
        mkl = getattr(library, "MKL_Set_Num_Threads_Local", None)
        return openmp, mkl or (lambda n: 0)
    return torch.set_num_threads, lambda n: 0


def release_workers() -> None:
    """End the calling thread's team, so that idle threads of other teams spin before they sleep.

    The next parallel operation of the thread starts a new team, so only speed is affected. The
    function has no effect if torch does not use GNU's OpenMP.
    """
    for library in _libraries():
        library.omp_pause_resource_all(_SOFT)


def release_workers_after_cells() -> None:
    """Register a callback that ends the team of the notebook's thread after every cell."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.events.register("post_run_cell", _after_cell)  # repeated calls register it once


def _after_cell(result: Any = None) -> None:
    release_workers()


@functools.cache
def _libraries() -> list[ctypes.CDLL]:
    """Return the loaded copies of libgomp, including the copy that torch loads."""
    found = []
    for path in _loaded():
        try:
            library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            library.omp_pause_resource_all  # noqa: B018
        except (OSError, AttributeError):  # the copy was unloaded, or is older than OpenMP 5
            continue
        found.append(library)
    return found


def _loaded() -> set[str]:
    """Return the paths of all copies of libgomp in this process, including copies in wheels."""
    if not _MAPS.exists():
        return set()
    lines = _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if "libgomp" in line}


wait_briefly()
