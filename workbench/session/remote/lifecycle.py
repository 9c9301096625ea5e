"""Functions that start, restart, fork and end the processes of a run for its session."""

from __future__ import annotations

import os
import secrets
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from workbench import interfaces
from workbench.errors import ProcessError, SessionError
from workbench.session.known_sessions import new_name, remember
from workbench.session.remote.folder import LOG, RunFolder
from workbench.session.remote.launcher import Launched, Launcher, Unowned, save_launcher
from workbench.session.remote.link import Link
from workbench.session.remote.values import RemoteCommand

REMOVED = "the folder {folder} of {name!r} was removed, so the run cannot be started again"
ELSEWHERE = "{name!r} was restarted elsewhere; workbench.attach({name!r}) connects to it"
LIVES_ON = (
    "the processes of {name!r} have not ended, although the connection to them was lost; "
    "workbench.attach({name!r}) connects to them again"
)
NOT_ENDED = (
    "the processes of {name!r} did not end within {seconds:g} s of the request; try again, or "
    "end the processes whose IDs are in session.processes"
)

GOODBYE = 10.0
"""Time limit, in seconds, for the processes to end after the session is closed."""


class RemoteRun(interfaces.Session, Protocol):
    """Session with the additional attributes that this module needs.

    `RemoteSession`, which uses this module, is the only implementation.
    """

    _folder: RunFolder
    _launcher: Launcher
    _run: dict[str, Any]
    _link: Link | None
    _finalizer: weakref.finalize[Any, Any]

    @property
    def folder(self) -> str:
        """The folder of the run."""

    def connect(self, launched: Launched, *, new: bool) -> None:
        """Connect to the processes of the run."""

    def _ask(self, name: str, *args: Any, **options: Any) -> RemoteCommand: ...


Run = TypeVar("Run", bound=RemoteRun)

SESSIONS: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
"""The sessions of this process, keyed by the folders of their runs."""

RUNNING: set[RemoteRun] = set()
"""Sessions whose runs continue; they stay in memory even if no variable refers to them."""


def begin(
    folder: RunFolder,
    facts: dict[str, Any],
    launcher: Launcher,
    make: Callable[[], Run],
) -> Run:
    """Start the processes of a run, and return the session that `make` creates for it."""
    with folder.starting(facts["name"]):
        folder.write(facts)
        save_launcher(folder, launcher)
        session = make()
        _launch(session, facts)
    register(session)
    return session


def _launch(session: RemoteRun, facts: dict[str, Any]) -> None:
    """Start the processes of a run, and connect to them."""
    folder = session._folder
    launched = session._launcher.launch(
        folder, facts["launch"], facts["processes"], detached=facts["detached"]
    )
    try:
        folder.write({**facts, "pids": launched.pids})
        session.connect(launched, new=True)
    except BaseException:
        launched.kill()
        folder.withdraw(facts["launch"])
        raise


def register(session: RemoteRun) -> None:
    """Add a session to the sessions of this process."""
    remember(session)
    SESSIONS[str(session._folder.path)] = session


def check_newest(session: RemoteRun) -> dict[str, Any]:
    """Return the current information about a run that was not removed or restarted elsewhere.

    Raises
    ------
    SessionError
        If the run was removed or restarted elsewhere.
    """
    facts = session._folder.read()
    if not facts:
        raise SessionError(REMOVED.format(name=session.name, folder=session.folder))
    if facts["launch"] != session._run["launch"]:
        raise SessionError(ELSEWHERE.format(name=session.name))
    return facts


def launch_again(session: RemoteRun, processes: int | None) -> None:
    """Start the processes of a run again, from the last snapshot, after the run has ended."""
    facts = check_newest(session)
    if session._folder.is_live():
        raise SessionError(LIVES_ON.format(name=session.name))
    facts["launch"] += 1
    facts["stays_paused"] = session._folder.rested.exists()
    facts["processes"] = facts["processes"] if processes is None else processes
    session._folder.write(facts)
    session._run = facts
    _launch(session, facts)
    session._folder.rested.unlink(missing_ok=True)


def start_fork(session: Run, iteration: int | None, branch: str | None, name: str | None) -> Run:
    """Start the processes of a fork; see `RemoteSession.fork`."""
    name = new_name() if name is None else name
    facts = check_newest(session)
    folder = RunFolder.create(name)
    try:
        command = session._ask("fork_into", str(folder.job), iteration, branch, facts["processes"])
        at = command.wait()
        own = Path(facts["database"]).parent == session._folder.path
        facts |= {
            "name": name,
            "secret": secrets.token_hex(32),
            "launch": 0,
            "branch": f"fork of {session.name} at {at:,}",
            "database": str(folder.path / LOG) if own else facts["database"],
        }
        make: Callable[[RunFolder, Launcher], Run] = type(session)
        launcher = session._launcher
        return begin(folder, facts, launcher, lambda: make(folder, launcher))
    except BaseException:
        folder.remove()
        raise


def end_processes(session: RemoteRun) -> None:
    """End the processes of a run, even if they would continue without this process.

    Raises
    ------
    SessionError
        If the run was restarted elsewhere.
    ProcessError
        If the processes do not end in time.
    """
    folder = session._folder
    if not folder.read():  # removed after its processes had ended
        return
    check_newest(session)
    if session._link is not None:
        session._finalizer.detach()
        session._link.close(GOODBYE)
    if folder.is_live():  # the connection had been closed earlier
        session.connect(Unowned(list(folder.read().get("pids", ()))), new=False)
        assert session._link is not None
        session._finalizer.detach()
        session._link.close(GOODBYE)
    RUNNING.discard(session)
    if folder.is_live():
        raise ProcessError(NOT_ENDED.format(name=session.name, seconds=GOODBYE))


def close_link(link: Link, folder: RunFolder, *, detached: bool) -> None:
    """Close a link, and end the processes that this process has started.

    The processes of a detached run continue. The folder of a run that has failed is kept, so that
    the run can be restarted.
    """
    if link.owner != os.getpid():  # in a forked process, the link belongs to the parent
        return
    if detached or isinstance(link.launched, Unowned):
        link.leave()
        return
    failed = link.has_failed
    link.close(GOODBYE)
    if not failed:
        folder.remove()
