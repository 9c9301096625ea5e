"""Processes of this machine by their IDs, which the system gives to other processes later."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def exists(pid: int) -> bool:
    """Return True if a process runs.

    A process that has ended, but whose exit status was not taken, does not run. On systems without
    ``/proc``, it still counts as running.

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
    except OSError:  # it belongs to another user
        return True
    return True


def birth(pid: int) -> str | None:
    """Return text that identifies a process among all that have the same ID, one after another.

    It consists of the start of the system and that of the process. It is None if there is no such
    process, or on a system without ``/proc``.

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
        text = (PROC / str(pid) / "stat").read_text(errors="replace")  # a name can be any bytes
        return text.rpartition(")")[2].split()
    except OSError:
        return []
