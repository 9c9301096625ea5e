"""Handling of child processes that were killed, or that continue without this process.

A killed process in an uninterruptible system call, for instance to a GPU or a network file system,
ends only when the call returns, if ever. A process that has ended stays in the
system's process table until its parent has read its exit status.

The processes of a run lead process groups, which also contain the processes that they start, for
example those of data loaders. The whole group ends with its leader. The ID of a group can belong to
another group only after its leader's exit status has been read, so the group is ended before.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import suppress

logger = logging.getLogger(__name__)

CHECK = 1.0
"""Seconds between two checks of a forked process for the end of its parent."""

PATIENCE = 10.0
"""Seconds to wait for killed processes to end."""

UNKILLABLE = (
    "process {pid} was killed, but did not end within {seconds:g} s, probably because it is "
    "waiting for a device or a network file system; its memory and its GPU remain in use until it "
    "ends"
)


_lock = threading.RLock()
"""Lock that is held from the end of a process until its exit status has been read."""


def status(child: subprocess.Popen[bytes]) -> int | None:
    """Return the exit status of a process, or None while it runs; also end the rest of its group.

    Parameters
    ----------
    child : subprocess.Popen
    """
    with _lock:
        if child.returncode is None and _awaits_reading(child.pid):
            kill_group(child.pid)
        return child.poll()


def kill(children: Iterable[subprocess.Popen[bytes]]) -> None:
    """Kill processes and the rest of their groups, and wait until the processes have ended.

    Parameters
    ----------
    children : iterable of subprocess.Popen
    """
    children = list(children)
    for child in children:
        with _lock:
            if status(child) is None:
                kill_group(child.pid)
    await_end(children)


def kill_group(pid: int) -> None:
    """Kill a process whose exit status was not read, and the rest of its group if it leads one."""
    with suppress(OSError):
        if os.name == "posix" and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _awaits_reading(pid: int) -> bool:
    """Return True if a child process has ended and its exit status has not been read yet."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def end_forks_with_this_process() -> None:
    """Make processes that this process forks from now on end with it, unless they leave its group.

    Without this, a process of a data loader can wait forever to send a batch to a killed process.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_watch_parent)


def _watch_parent() -> None:
    parent, group = os.getppid(), os.getpgrp()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(CHECK)
        if os.getpgrp() == group:
            os._exit(1)

    with suppress(RuntimeError):  # no thread can be started
        threading.Thread(target=watch, name="end with parent", daemon=True).start()


def await_end(children: Iterable[subprocess.Popen[bytes]]) -> None:
    """Wait until killed processes have ended; warn about each one that takes too long.

    Parameters
    ----------
    children : iterable of subprocess.Popen
    """
    deadline = time.monotonic() + PATIENCE
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning(UNKILLABLE.format(pid=child.pid, seconds=PATIENCE))
            leave(child, status=-signal.SIGKILL)


def leave(child: subprocess.Popen[bytes], *, status: int = 0) -> None:
    """Let a process continue without this process, and read its exit status when it ends.

    Parameters
    ----------
    child : subprocess.Popen
    status : int
        The exit status that `child` has from now on.
    """
    if child.poll() is not None:
        return
    child.returncode = status  # so that Popen does not warn
    if os.name == "posix":
        with suppress(RuntimeError):  # Python is exiting; the system then reads the status
            threading.Thread(target=_reap, args=(child.pid,), daemon=True).start()


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            kill_group(pid)
        os.waitpid(pid, 0)
