"""Launchers, which start the processes of a run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any, Protocol, runtime_checkable

from workbench.errors import ArgumentError, nearest
from workbench.session.remote.folder import RunFolder

NO_LAUNCHER = (
    "launcher must be 'local' or an object with the method launch(folder, number, processes, "
    "detached), not {given!r}{hint}"
)
TORCHRUN = (
    "; torchrun starts a script in all processes itself: torchrun --nproc_per_node 2 train.py, "
    "where the script calls main_loop.run()"
)


class Launched(Protocol):
    """Processes that a launcher has started.

    Attributes
    ----------
    pids : list of int
        The numbers that the operating system has given to the processes, by rank.
    """

    pids: list[int]

    def status(self, rank: int) -> int | None:
        """Return the exit status of a process (negative: minus a signal); None while it runs."""

    def kill(self) -> None:
        """End all processes at once, and wait for their end."""

    def leave(self) -> None:
        """Let the processes of a detached run continue without this process."""


@runtime_checkable
class Launcher(Protocol):
    """Object that starts the processes of a run."""

    def launch(self, folder: RunFolder, number: int, processes: int, *, detached: bool) -> Launched:
        """Start processes that call `workbench.session.remote.worker.main`, with ranks from 0.

        Parameters
        ----------
        folder : RunFolder
            The folder of the run.
        number : int
            The number of the launch, which increases with each restart.
        processes : int
        detached : bool
            True if the processes continue after the end of this process.
        """


class Local:
    """Launcher of processes on this machine, with the Python of this process."""

    def launch(
        self, folder: RunFolder, number: int, processes: int, *, detached: bool
    ) -> LocalProcesses:
        """Start processes; see `Launcher.launch`."""
        started: list[subprocess.Popen[bytes]] = []
        environment = {
            **{k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")},
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "PYTHONUNBUFFERED": "1",
            "LOCAL_WORLD_SIZE": str(processes),
        }
        command = [sys.executable, "-m", "workbench.session.remote.worker"]
        try:
            for rank in range(processes):
                path = folder.output(number, rank)
                output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                more = [] if detached else ["--lifeline"]
                with os.fdopen(output) as file:
                    started.append(
                        subprocess.Popen(
                            [*command, str(folder.path), str(number), str(rank), *more],
                            env={**environment, "LOCAL_RANK": str(rank)},
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
        return self._started[rank].poll()

    def kill(self) -> None:
        """End all processes at once, and wait for their end."""
        for one in self._started:
            one.kill()
        for one in self._started:
            one.wait()
            if one.stdin is not None:
                with contextlib.suppress(OSError):
                    one.stdin.close()

    def leave(self) -> None:
        """Let the processes continue without this process, which does not wait for their end."""
        for one in self._started:
            one.returncode = one.poll() or 0  # so that Popen does not warn


class Unowned:
    """Processes that another process has started, whose exit status is not known."""

    pids: list[int]

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids

    def status(self, rank: int) -> int | None:
        """Return None, since the exit status is not known."""
        return None

    def kill(self) -> None:
        """Leave the processes alone: another process can have their numbers now."""

    def leave(self) -> None:
        """Do nothing."""


LAUNCHERS: dict[str, type[Any]] = {"local": Local}


def launcher_of(given: object) -> Launcher:
    """Return a launcher, which can be given by name.

    Raises
    ------
    ArgumentError
        If it is not a launcher.
    """
    if isinstance(given, str) and given in LAUNCHERS:
        found: Launcher = LAUNCHERS[given]()
        return found
    if isinstance(given, Launcher) and not isinstance(given, (str, type)):
        return given
    hint = TORCHRUN if given == "torchrun" else ""
    hint = hint or (nearest(given, LAUNCHERS) if isinstance(given, str) else "")
    raise ArgumentError(NO_LAUNCHER.format(given=given, hint=hint))


def named_status(status: int) -> str:
    """Return an exit status in words.

    Examples
    --------
    >>> named_status(-9), named_status(1)
    ('it was killed by the signal SIGKILL', 'its exit status is 1')
    """
    if status >= 0:
        return f"its exit status is {status}"
    with contextlib.suppress(ValueError):
        return f"it was killed by the signal {signal.Signals(-status).name}"
    return f"it was killed by the signal {-status}"
