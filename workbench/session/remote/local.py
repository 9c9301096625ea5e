"""Launcher that starts a run's processes on this machine, as child processes of the notebook."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from workbench.session.remote import children
from workbench.session.remote.folder import RunFolder

LIFELINE = "--lifeline"
"""Argument that makes a process end when its standard input is closed."""

LAUNCHED = ("RANK", "WORLD_SIZE")
"""Environment variables that launchers such as torchrun set for the processes they start."""


def threads_of_each(processes: int) -> int:
    """Return the number of threads for each process, so that the processes share the processors."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)) // processes)
    return max(1, (os.cpu_count() or 1) // processes)


def environment(processes: int, rank: int | None = None) -> dict[str, str]:
    """Return environment variables that let a process find the same modules as this process."""
    found = {
        **{name: value for name, value in os.environ.items() if name not in LAUNCHED},
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        "PYTHONUNBUFFERED": "1",
        "LOCAL_WORLD_SIZE": str(processes),
    }
    return found if rank is None else {**found, "LOCAL_RANK": str(rank)}


def command(folder: RunFolder, number: int, rank: int, *, detached: bool) -> list[str]:
    """Return the command that starts a process.

    Unless `detached` is True, the process ends when its standard input is closed.
    """
    start = [sys.executable, "-m", "workbench.session.remote.worker"]
    return [*start, str(folder.path), str(number), str(rank), *([] if detached else [LIFELINE])]


class Local:
    """Launcher that starts processes on this machine with this process's Python interpreter."""

    def launch(
        self, folder: RunFolder, number: int, processes: int, *, detached: bool
    ) -> LocalProcesses:
        """Start processes; see `Launcher.launch`."""
        started: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(processes):
                path = folder.output(number, rank)
                output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(output) as file:
                    started.append(
                        subprocess.Popen(
                            command(folder, number, rank, detached=detached),
                            env=environment(processes, rank),
                            cwd=folder.directory,
                            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                            stdout=file,
                            stderr=file,
                            start_new_session=True,
                        )
                    )
        except BaseException:
            LocalProcesses(started).kill()
            raise
        return LocalProcesses(started)


class LocalProcesses:
    """Processes that `Local` has started.

    Parameters
    ----------
    started : list of subprocess.Popen
    """

    def __init__(self, started: list[subprocess.Popen[bytes]]) -> None:
        self._started = started
        self.pids = [one.pid for one in started]

    def status(self, rank: int) -> int | None:
        """Return the exit status of a process; None while it runs."""
        return children.status(self._started[rank])

    def kill(self) -> None:
        """Kill all processes and those that they have started, and wait until they have ended."""
        children.kill(self._started)
        for one in self._started:
            if one.stdin is not None:
                with contextlib.suppress(OSError):
                    one.stdin.close()

    def leave(self) -> None:
        """Let the processes continue on their own; this process does not wait for them to end."""
        for one in self._started:
            children.leave(one)
