"""Launchers, which start the processes of a run."""

from __future__ import annotations

import contextlib
import pickle
import signal
from typing import Any, Protocol, runtime_checkable

import cloudpickle

from workbench.errors import ArgumentError, ProcessError, nearest
from workbench.session.remote.folder import RunFolder, write_private
from workbench.session.remote.local import Local
from workbench.session.remote.ray_launcher import Ray
from workbench.session.remote.torchrun import Torchrun

NO_LAUNCHER = (
    "launcher must be {names}, or an object with the method launch(folder, number, processes, "
    "detached), not {given!r}{hint}"
)
NOT_SAVED = "{launcher!r} could not be pickled: {error}"
UNUSABLE = (
    "the launcher that started this run cannot be used in this process ({reason}); "
    "restart the run in the notebook that started it, or where the launcher can be imported"
)


class Launched(Protocol):
    """Processes that a launcher has started.

    Attributes
    ----------
    pids : list of int
        The process IDs, in the order of the ranks.
    """

    pids: list[int]

    def status(self, rank: int) -> int | None:
        """Return the exit status of a process (negative after a signal), or None while it runs."""

    def kill(self) -> None:
        """Kill all processes, and wait until they have ended."""

    def leave(self) -> None:
        """Let the processes of a detached run continue without this process."""


@runtime_checkable
class Launcher(Protocol):
    """Object that starts the processes of a run.

    Examples
    --------
    A launcher can wrap another one, for example to report what it starts:

    >>> from workbench.session.remote.local import Local
    >>> class Telling:
    ...     def launch(self, folder, number, processes, *, detached) -> Launched:
    ...         print("processes:", processes)
    ...         return Local().launch(folder, number, processes, detached=detached)
    >>> isinstance(Telling(), Launcher)
    True
    """

    def launch(self, folder: RunFolder, number: int, processes: int, *, detached: bool) -> Launched:
        """Start processes with ranks from 0; each calls `workbench.session.remote.worker.main`.

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


class Unowned:
    """Processes that another process has started; their exit statuses are therefore unknown."""

    pids: list[int]

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids

    def status(self, rank: int) -> int | None:
        """Return None, since the exit status is not known."""
        return None

    def kill(self) -> None:
        """Do nothing: the process IDs may belong to other processes now."""

    def leave(self) -> None:
        """Do nothing."""


class Unusable:
    """Substitute for a launcher that this process cannot use.

    Parameters
    ----------
    reason : str
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def launch(self, folder: RunFolder, number: int, processes: int, *, detached: bool) -> Launched:
        """Raise an error.

        Raises
        ------
        ProcessError
        """
        raise ProcessError(UNUSABLE.format(reason=self.reason))


def save_launcher(folder: RunFolder, launcher: Launcher) -> None:
    """Write the launcher of a run to its folder, or the reason why it cannot be written."""
    try:
        data = cloudpickle.dumps(launcher)
    except Exception as error:
        data = cloudpickle.dumps(Unusable(NOT_SAVED.format(launcher=launcher, error=error)))
    write_private(folder.launcher, data)


def saved_launcher(folder: RunFolder) -> Launcher:
    """Return the launcher that started a run."""
    try:
        found: Launcher = pickle.loads(folder.launcher.read_bytes())
    except Exception as error:
        return Unusable(f"{type(error).__name__}: {error}")
    return found


LAUNCHERS: dict[str, type[Any]] = {"local": Local, "torchrun": Torchrun, "ray": Ray}


def launcher_of(given: object) -> Launcher:
    """Return a launcher; `given` is the launcher or its name.

    Raises
    ------
    ArgumentError
        If `given` is neither a launcher nor the name of one.
    """
    if isinstance(given, str) and given in LAUNCHERS:
        found: Launcher = LAUNCHERS[given]()
        return found
    if isinstance(given, Launcher) and not isinstance(given, (str, type)):
        return given
    hint = nearest(given, LAUNCHERS) if isinstance(given, str) else ""
    names = ", ".join(map(repr, LAUNCHERS))
    raise ArgumentError(NO_LAUNCHER.format(names=names, given=given, hint=hint))


def named_status(status: int) -> str:
    """Describe an exit status in words.

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
