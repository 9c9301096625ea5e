"""Functions that start runs in other processes, find them, and connect to them."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path

from workbench.errors import ArgumentError, ProcessError, SessionError, nearest
from workbench.extensions.planned_end import check_more
from workbench.hints import hinted
from workbench.interfaces import Session
from workbench.main_loop import MainLoop
from workbench.session.known_sessions import FINDERS, check_name, new_name
from workbench.session.remote.folder import LOG, RunFolder, announced, folders, write_private
from workbench.session.remote.job import database_for, is_trusted, pack
from workbench.session.remote.launcher import (
    Launched,
    Launcher,
    Unowned,
    launcher_of,
    saved_launcher,
)
from workbench.session.remote.lifecycle import SESSIONS, begin, close_link, register
from workbench.session.remote.session import RemoteSession
from workbench.utils.numbers import is_count

logger = logging.getLogger(__name__)

LINGER = 3600.0
"""Seconds that the processes of a paused or finished detached run wait for a notebook."""

NOT_FOUND = (
    "this user has no run named {given!r} in other processes, and no run whose log is in that "
    "file{known}{hint}. To read only a log, use SQLiteLog(path, read_only=True)"
)
TAKEN = (
    "a run named {name!r} is live on this machine; choose another name, or connect to it with "
    "workbench.attach({name!r})"
)


@hinted
def start(
    main_loop: MainLoop,
    *,
    epochs: int | None = None,
    batches: int | None = None,
    paused: bool = False,
    name: str | None = None,
    detached: bool = False,
    processes: int = 1,
    launcher: str | Launcher = "local",
    linger: float = LINGER,
) -> RemoteSession:
    """Train copies of a main loop in other processes; see `MainLoop.start`."""
    if epochs is not None or batches is not None:
        check_more(epochs, batches)
    if not is_count(processes):
        raise ArgumentError(f"processes must be a positive integer, not {processes!r}")
    if isinstance(linger, bool) or not isinstance(linger, (int, float)) or not linger >= 0:
        raise ArgumentError(f"linger must be a non-negative number of seconds, not {linger!r}")
    starter = launcher_of(launcher)
    check_name(name)
    taken = {folder.announced().get("name") for folder in announced() if folder.is_live()}
    if name in taken:
        raise SessionError(TAKEN.format(name=name))
    while name is None or name in taken:
        name = new_name()
    folder = RunFolder.create(name)
    try:
        write_private(folder.job, pack(main_loop, processes))
        facts = {
            "name": name,
            "secret": secrets.token_hex(32),
            "processes": processes,
            "detached": bool(detached),
            "linger": float(linger),
            "epochs": epochs,
            "batches": batches,
            "paused": bool(paused),
            "database": database_for(main_loop, folder.path / LOG),
            "trusted": is_trusted(main_loop),
            "directory": os.getcwd(),
            "launch": 0,
        }
        return begin(folder, facts, starter, lambda: RemoteSession(folder, starter, main_loop))
    except BaseException:
        folder.remove()
        raise


@hinted
def attach(run: str | os.PathLike[str]) -> RemoteSession:
    """Return a session that controls a run in other processes, even after a kernel restart.

    The run was started by ``main_loop.start(detached=True)`` or ``main_loop.start(processes=N)``,
    in this or another kernel of the same user. If its processes have ended, the session shows the
    whole log, and its ``restart()`` method continues from the last snapshot.

    Parameters
    ----------
    run : str or path
        The name of the run, or the database of its log.

    Returns
    -------
    RemoteSession

    Raises
    ------
    SessionError
        If there is no such run.
    ProcessError
        If the run is live, but does not answer.

    Examples
    --------
    >>> session = attach("digits")  # doctest: +SKIP
    >>> session.pause()  # doctest: +SKIP
    """
    path = str(Path(run).expanduser().absolute())
    runs = [(folder, folder.read()) for folder in folders()]
    found = [
        (folder.is_live(), place, folder)
        for place, (folder, facts) in enumerate(runs)
        if facts.get("name") == str(run) or facts.get("database") == path
    ]
    if not found:
        names = sorted({str(facts.get("name")) for _, facts in runs})
        known = f"; there are {', '.join(map(repr, names))}" if names else ""
        raise SessionError(
            NOT_FOUND.format(given=str(run), known=known, hint=nearest(str(run), names))
        )
    *_, folder = max(found, key=lambda one: one[:2])
    return _attached(folder)


def _attached(folder: RunFolder) -> RemoteSession:
    """Return this process's session for a run; create a session if there is none."""
    known: RemoteSession | None = SESSIONS.get(str(folder.path))
    if known is not None and known._link is not None and known._link.is_open:
        return known
    session = RemoteSession(folder, saved_launcher(folder))
    facts = folder.announced()
    if facts:
        try:
            session.connect(_unowned(folder), new=False)
        except ProcessError:
            if folder.is_live():
                raise
            folder.withdraw(facts["launch"])
    register(session)
    return session


def _unowned(folder: RunFolder) -> Launched:
    return Unowned(list(folder.read().get("pids", ())))


@hinted
def live() -> list[RemoteSession]:
    """Return sessions for this user's live runs on this machine; forget runs that have ended.

    Examples
    --------
    >>> all(isinstance(session, RemoteSession) for session in live())
    True
    """
    found = []
    for folder in announced():
        try:
            session = _attached(folder)
        except ProcessError as error:
            logger.warning("could not connect to the run in %s: %s", folder.path, error)
            continue
        if session._link is not None:
            found.append(session)
    return found


def _find() -> list[Session]:
    return list(live())


FINDERS.append(_find)


@atexit.register
def close_all() -> None:
    """Leave detached runs, and end all others; this function is called when Python exits."""
    for session in list(SESSIONS.values()):
        if session._link is not None:
            session._finalizer.detach()
            with suppress(Exception):
                close_link(session._link, session._folder, detached=session.detached)


@hinted
def remove(session: RemoteSession) -> None:
    """End the processes of a run that has ended, and delete its folder.

    The folder contains the snapshot, the outputs and the log. If the main loop already had a log in
    a database of its own, that database is kept.

    Raises
    ------
    SessionError
        If training has not ended, or if the run was restarted elsewhere.
    ProcessError
        If the processes do not end.
    """
    if not session.state.ended:
        raise SessionError(f"{session!r} has not ended; call stop() and wait() first")
    session.close(end=True)
    session._folder.remove()
