"""Identification of processes on this machine, even if the system reuses their IDs."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def exists(pid: int) -> bool:
    """Return True if a process is running.

    A process that has ended is not running, even if its exit status has not been read yet. On
    systems without ``/proc``, such a process still counts as running.

    Examples
    --------
    >>> exists(os.getpid())
    True
    """
    described = _described(pid)
    if described:
        return described[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process belongs to another user
        return True
    return True


def is_stopped(pid: int) -> bool:
    """Return True if a process is stopped, as by SIGSTOP; False on systems without ``/proc``.

    Examples
    --------
    >>> is_stopped(os.getpid())
    False
    """
    return _described(pid)[:1] == ["T"]


def birth(pid: int) -> str | None:
    """Return text that distinguishes a process from earlier and later processes with the same ID.

    The text identifies the system's boot and the start of the process. The result is None if there
    is no such process, or on a system without ``/proc``.

    Examples
    --------
    >>> birth(os.getpid()) == birth(os.getpid())
    True
    """
    described = _described(pid)
    if not described:
        return None
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return f"{boot} {described[19]}"


def _described(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the name of the program."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")  # may not be valid UTF-8
        return text.rpartition(")")[2].split()
    except OSError:
        return []
