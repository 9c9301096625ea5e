"""Folders of runs in other processes, and the list of live runs on this machine.

The folder of a run contains the pickled main loop, the secret, the output of the processes, the
last snapshot for a restart and, unless the main loop has a database, the log. Only the user can
read the folder. A file in the folder ``live`` beside it announces a process that notebooks can
connect to.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.config import config
from workbench.errors import ProcessError, SessionError
from workbench.session.remote.identity import birth, exists
from workbench.session.remote.wire import answers
from workbench.utils.atomic import replacing

JOB, RUN, SNAPSHOT, LOG = "job.pkl", "run.json", "snapshot.pkl", "log.sqlite"
LAST_LOG, LAUNCHER, RESTED = "last_log.json", "launcher.pkl", "rested"
LIVE = "live"
STARTING = "starting"
NOT_OURS = (
    "the folder {path} belongs to another user, who could read or replace the pickled main loop "
    "of a run; set config.runs_path to a folder of your own"
)
OPEN = (
    "other users can write to the folder {path} ({mode}), and could replace the pickled main loop "
    "of a run; call `chmod go-w {path}`, or set config.runs_path to another folder"
)
NO_DIRECTORY = (
    "the run was started in the directory {directory}, which no longer exists; create it again "
    "before restarting the run, since relative paths in the main loop refer to it"
)

BEING_STARTED = (
    "another notebook or thread is starting the processes of {name!r} at this moment; "
    "workbench.attach({name!r}) connects to them when they are ready"
)


class RunFolder:
    """Folder of one run.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, name: str) -> RunFolder:
        """Create the folder of a new run."""
        root = runs_folder()
        plain = re.sub(r"[^\w.-]", "_", name)[:40]
        path = root / f"{plain}-{secrets.token_hex(4)}"
        path.mkdir(mode=0o700)
        return cls(path)

    @property
    def job(self) -> Path:
        """The file with the pickled main loop."""
        return self.path / JOB

    @property
    def snapshot(self) -> Path:
        """The file with the state that a restart continues from."""
        return self.path / SNAPSHOT

    @property
    def launcher(self) -> Path:
        """The file with the pickled launcher, for restarts by other notebooks."""
        return self.path / LAUNCHER

    @property
    def rested(self) -> Path:
        """A file that exists if the processes ended after a long pause."""
        return self.path / RESTED

    @property
    def directory(self) -> str:
        """The working directory of the notebook that started the run, and of its processes.

        Runs that were started by an earlier version have not stored this directory. For these runs,
        the working directory of the current process is used.

        Raises
        ------
        ProcessError
            If the directory no longer exists.
        """
        found = str(self.read().get("directory", os.getcwd()))
        if not os.path.isdir(found):
            raise ProcessError(NO_DIRECTORY.format(directory=found))
        return found

    @property
    def last_log(self) -> str | None:
        """The identity of the run's log, as stored by `note_log`; None if none is stored."""
        return _json_in(self.path / LAST_LOG).get("uuid")

    def note_log(self, uuid: str) -> None:
        """Store the identity of the run's log."""
        write_private(self.path / LAST_LOG, json.dumps({"uuid": uuid}).encode())

    @property
    def announcement(self) -> Path:
        """The file that announces the live run."""
        return self.path.parent / LIVE / f"{self.path.name}.json"

    def output(self, launch: int, rank: int) -> Path:
        """Return the file with the output of a process."""
        return self.path / f"output-{launch}-{rank}.txt"

    def meeting_place(self, launch: int) -> Path:
        """Return the file that the processes of a launch use to find each other."""
        return self.path / f"meeting-{launch}"

    def write(self, facts: Mapping[str, Any]) -> None:
        """Write information about the run."""
        write_private(self.path / RUN, json.dumps(facts).encode())

    def read(self) -> dict[str, Any]:
        """Return the information about the run, or ``{}`` if the folder has no information."""
        return _json_in(self.path / RUN)

    def announce(self, facts: Mapping[str, Any]) -> None:
        """Announce that notebooks on this machine can connect to the run."""
        self.announcement.parent.mkdir(mode=0o700, exist_ok=True)
        found = {**facts, "host": socket.gethostname(), "birth": birth(facts["pid"])}
        write_private(self.announcement, json.dumps(found).encode())

    def announced(self) -> dict[str, Any]:
        """Return the announced information, or ``{}`` if the run is not live on this machine.

        If several machines share the folder, the runs of other machines do not count as live.
        """
        found = _json_in(self.announcement)
        return found if found.get("host") == socket.gethostname() else {}

    def is_live(self) -> bool:
        """Return True if the process that announced itself is still running."""
        found = self.announced()
        if not found or not exists(found["pid"]):
            return False
        return found.get("birth") in (None, birth(found["pid"])) and answers(found["port"])

    @contextlib.contextmanager
    def starting(self, name: str) -> Iterator[None]:
        """Prevent other notebooks and threads from starting the run while the context is active.

        The lock is always released when this process ends. There is no lock on systems other than
        POSIX.

        Raises
        ------
        SessionError
            If another notebook or thread is already starting the processes.
        """
        if os.name != "posix":
            yield
            return
        import fcntl

        descriptor = os.open(self.path / STARTING, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise SessionError(BEING_STARTED.format(name=name)) from None
        try:
            yield
        finally:
            os.close(descriptor)

    def withdraw(self, launch: int) -> None:
        """Remove the announcement, if it belongs to the given launch on this machine."""
        if self.announced().get("launch") == launch:
            self.announcement.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder and the announcement."""
        self.announcement.unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def __repr__(self) -> str:
        return f"<RunFolder {self.path}>"


def runs_folder() -> Path:
    """Return the folder of all runs; if necessary, create it so that only the user can read it.

    The permissions of an existing folder are not changed.

    Raises
    ------
    ProcessError
        If the folder belongs to another user, or if other users can write to it.
    """
    root: Path = config.runs_path
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        found = root.stat()
        if found.st_uid != os.getuid():
            raise ProcessError(NOT_OURS.format(path=root))
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
            raise ProcessError(OPEN.format(path=root, mode=stat.filemode(found.st_mode)))
    return root


def folders() -> list[RunFolder]:
    """Return the folders of all of the user's runs, from the oldest to the newest."""
    root = runs_folder()
    found = []
    for path in root.glob(f"*/{RUN}"):
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            found.append((path.stat().st_mtime, path))
    return [RunFolder(path.parent) for _, path in sorted(found)]


def announced() -> Iterator[RunFolder]:
    """Yield the folders of the runs that are announced as live on this machine."""
    root = runs_folder()
    for path in sorted((root / LIVE).glob("*.json"), key=lambda one: one.name):
        folder = RunFolder(root / path.stem)
        if not folder.path.is_dir():
            path.unlink(missing_ok=True)
        elif folder.announced():
            yield folder


def write_private(path: Path, data: bytes) -> None:
    """Write a file, completely or not at all, so that only the user can read it."""
    with replacing(path, ProcessError) as temporary:
        os.chmod(temporary, 0o600)
        temporary.write_bytes(data)


def _json_in(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text())
        if isinstance(found, dict):
            return found
    return {}
