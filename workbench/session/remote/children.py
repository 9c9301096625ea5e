"""Handling of child processes that were killed, or that continue without this process.

A killed process in an uninterruptible system call, for instance to a GPU or a network file system,
ends only when the call returns, if ever. A process that has ended stays in the
system's process table until its parent has read its exit status.
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

PATIENCE = 10.0
"""Seconds to wait for killed processes to end."""

UNKILLABLE = (
    "process {pid} was killed, but did not end within {seconds:g} s, probably because it is "
    "waiting for a device or a network file system; its memory and its GPU remain in use until it "
    "ends"
)


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
        os.waitpid(pid, 0)
