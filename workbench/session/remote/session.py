"""`RemoteSession`, which controls a run in other processes as `Session` does in a thread."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from workbench.errors import LogError, SessionError, StateError, WaitInterrupted
from workbench.interfaces import State
from workbench.log import SQLiteLog, TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.session import display
from workbench.session.branch import check_iteration
from workbench.session.known_sessions import check_name, forget, remember
from workbench.session.known_variables import KnownVariables
from workbench.session.near_misses import missing
from workbench.session.remote.controls import Controls
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.launcher import Launched, Launcher, Unowned
from workbench.session.remote.lifecycle import (
    GOODBYE,
    RUNNING,
    check_newest,
    close_link,
    end_processes,
    launch_again,
    start_fork,
)
from workbench.session.remote.link import Link
from workbench.session.remote.values import RemoteCommand
from workbench.session.waits import wait_for_end
from workbench.utils.attributes import FixedAttributes
from workbench.utils.live_layer import show_live
from workbench.utils.numbers import check_finite, is_count
from workbench.utils.waiting import wait

STILL_RUNS = (
    "{session!r} has not ended, so restart() cannot start its processes again. Call stop() and "
    "wait() first"
)
NOT_TO_BE_SAVED = (
    "{session!r} is a connection to other processes, which cannot be copied or saved; save the run "
    "with session.save(path), or connect again with workbench.attach({session.name!r})"
)
WAIT_INTERRUPTED = (
    "wait() was interrupted, but training continues: {session!r}. Call its stop() method to end "
    "training"
)

RESTED = (
    "training was paused for so long that its processes have ended; restart() starts them again, "
    "paused"
)


class RemoteSession(FixedAttributes, Controls):
    """Controller of a main loop that runs in other processes.

    It has the methods and attributes of `workbench.session.Session`, except ``main_loop``: the
    processes train copies of the main loop, and the original in this process is not changed. To
    take over the trained state, load it: ``main_loop.load_state_dict(session.call(
    MainLoop.state_dict).wait())``. A function that is passed to `call`, and its result, must
    support pickling.

    If several processes train together, a command takes effect after the same batch in all of
    them. An evaluation that is in progress is completed first.

    ``main_loop.start(detached=True)`` and ``main_loop.start(processes=2)`` create such sessions,
    and `workbench.attach` creates a session for a run that already exists.

    Parameters
    ----------
    folder : RunFolder
        The folder of the run.
    launcher : Launcher
        The launcher for `restart`.
    main_loop : MainLoop, optional
        The main loop that the run was started from. Variables that are passed to methods are
        looked up in it.
    """

    if not TYPE_CHECKING:  # a type checker would allow any attribute
        __getattr__ = missing

    _called = "session"

    def __init__(
        self, folder: RunFolder, launcher: Launcher, main_loop: MainLoop | None = None
    ) -> None:
        self._folder = folder
        self._launcher = launcher
        self._run = folder.read()
        self._commands: list[RemoteCommand] = []
        self._variables = None if main_loop is None else KnownVariables(main_loop)
        self._log: SQLiteLog | None = None
        self._opening = threading.Lock()
        self._past: dict[str, Any] = {}
        self._link: Link | None = None

    @property
    def name(self) -> str:
        """The name of the session, which is unique in this process."""
        return str(self._run["name"])

    @property
    def folder(self) -> str:
        """The folder of the run, which contains the outputs of its processes."""
        return str(self._folder.path)

    @property
    def processes(self) -> Sequence[int]:
        """The process IDs, in the order of the ranks."""
        return [] if self._link is None else list(self._link.launched.pids)

    @property
    def detached(self) -> bool:
        """True if the run continues after the end of this process."""
        return bool(self._run["detached"])

    def connect(self, launched: Launched, *, new: bool) -> None:
        """Connect to the processes of the run; see `Link.open` for the arguments and errors."""
        self._run = self._folder.read()
        changed = _caller(weakref.WeakMethod(self._see_changes))
        link = Link(self._folder, launched, self._commands, changed)
        try:
            link.open(new=new)
        except BaseException:
            link.abandon()
            raise
        self._link = link
        remember(self)
        self._see_changes()
        self._finalizer = weakref.finalize(
            self, close_link, link, self._folder, detached=self.detached
        )
        self._finalizer.atexit = False  # at exit, `runs.close_all` closes all links

    def _see_changes(self) -> None:
        """Follow the log, and keep this object in memory while the run continues."""
        link = self._link
        if link is None:
            return
        if link.state.ended:
            RUNNING.discard(self)
        else:
            RUNNING.add(self)
        if self._log is not None:
            self._follow(self._log)

    def close(self, *, end: bool = False) -> None:
        """Close the connection, and end the processes if this process owns them.

        This process owns the processes that it has started, unless the run is detached. When they
        end, the folder of the run is deleted. It contains the last snapshot and, unless another
        database was chosen, the log. If the run has failed, the folder is kept: call
        `workbench.attach` with the name of the run to connect to it, or
        `workbench.session.remote.remove` to delete it.

        By default, processes that this process does not own continue. After the end of training, or
        during a pause, they wait `linger` seconds for a notebook before they end.

        Parameters
        ----------
        end : bool
            True to end these processes, too. Their log and their last snapshot are kept.

        Raises
        ------
        SessionError
            If `end` is True and the run was restarted elsewhere.
        ProcessError
            If `end` is True and the processes do not end.
        """
        RUNNING.discard(self)
        link = self._link
        if end and (link is None or self.detached or isinstance(link.launched, Unowned)):
            end_processes(self)
        elif link is not None:
            self._finalizer.detach()
            close_link(link, self._folder, detached=self.detached)
        if not self.state.ended:  # its state is no longer known
            forget(self)

    @property
    def state(self) -> State:
        """The current state of the session."""
        if self._link is None:
            if self._folder.rested.exists():
                return State.STOPPED
            finished = False
            with suppress(LogError):  # the run was removed
                finished = self.log.current_row.get("training_finished", False)
            return State.FINISHED if finished else State.FAILED
        return self._link.state

    @property
    def note(self) -> str:
        """The reason why the last run did not train, or why it ended during a pause.

        For a fork that is not ready yet, it is the reason for the delay. It also says why the log
        or a snapshot cannot be written, for example to a full disk, and names a process that is
        stopped, as by SIGSTOP. Otherwise, it is empty.
        """
        if self._link is None and self._folder.rested.exists():
            return RESTED
        stopped = "" if self._link is None else self._link.stopped
        return stopped or super().note

    @property
    def log(self) -> TrainingLogBase:
        """The log of the run, which the first process writes to a database."""
        with self._opening:
            if self._log is None:
                identity = self._fact("uuid", None) or self._folder.last_log
                self._log = SQLiteLog(
                    self._run["database"],
                    uuid=identity,
                    read_only=True,
                    trusted=bool(self._run.get("trusted", False)),
                )
        self._follow(self._log)  # since a message can be read before `_see_changes` is called
        return self._log

    def _follow(self, log: SQLiteLog) -> None:
        """Switch to the log of the current run; a new log begins when training begins again."""
        identity = self._fact("uuid", None)
        if identity is not None and log.h_uuid != identity:
            with suppress(LogError):  # not in the database yet; tried again at the next message
                log.follow(identity)

    def fork(
        self, iteration: int | None = None, *, branch: str | None = None, name: str | None = None
    ) -> RemoteSession:
        """Start a second run that pauses at an iteration of this run.

        The fork has the same number of processes. The datasets are copied. See `Session.fork`.

        Raises
        ------
        SessionError
            If `iteration` has not been reached or cannot be reached exactly, or if the main loop
            cannot be copied.
        """
        if iteration is not None:
            check_iteration(iteration)
        check_name(name)
        return start_fork(self, iteration, branch, name)

    def restart(self, processes: int | None = None) -> int:
        """Start the processes again, and continue from the last snapshot on disk.

        The results are the same as without an interruption, for any number of processes.
        Records after the snapshot are kept in the database, but no longer belong to the log.
        Commands that took effect after the snapshot are undone; issue them again. In any notebook,
        the run keeps its original launcher and its original working directory.

        Parameters
        ----------
        processes : int, optional
            The number of processes; by default the same number as before.

        Returns
        -------
        int
            The iteration where training continues.

        Raises
        ------
        SessionError
            If the run has not ended, if it was or is being restarted elsewhere, if its folder was
            removed, or if `processes` is not a positive integer.
        ProcessError
            If the processes cannot be started.
        """
        if not self.state.ended:
            raise SessionError(STILL_RUNS.format(session=self))
        if processes is not None and not is_count(processes):
            raise SessionError(f"processes must be a positive integer, not {processes!r}")
        check_newest(self)
        with self._folder.starting(self.name):
            check_newest(self)  # another notebook may have been faster
            if self._link is not None:
                self._finalizer.detach()
                self._link.close(GOODBYE)
            launch_again(self, processes)
        return int(self._fact("began_at", 0))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended; return False if the timeout expires first.

        Raises
        ------
        BaseException
            The error that ended training. Its traceback in the other process is added as a note.
        WaitInterrupted
            If waiting is interrupted; training continues. This error is a `KeyboardInterrupt`.
        """
        if timeout is not None:
            check_finite(timeout, "timeout", SessionError)
        if self._link is None:
            return True
        try:
            link = self._link
            ended = wait_for_end(self, lambda rest: link.wait(rest, wait), timeout)
        except KeyboardInterrupt:
            raise WaitInterrupted(WAIT_INTERRUPTED.format(session=self)) from None
        error = self.exception
        if ended and error is not None:
            raise error
        return ended

    def __repr__(self) -> str:
        return display.line(self)

    def _repr_html_(self) -> str:
        return display.table(self)

    _ipython_display_ = show_live

    def __reduce__(self) -> NoReturn:
        """Raise an error, because a connection cannot be copied or saved.

        Raises
        ------
        StateError
        """
        raise StateError(NOT_TO_BE_SAVED.format(session=self))


def _caller(method: weakref.WeakMethod[Callable[[], None]]) -> Callable[[], None]:
    """Return a function that calls a method, unless the method's object no longer exists."""

    def call() -> None:
        found = method()
        if found is not None:
            found()

    return call
