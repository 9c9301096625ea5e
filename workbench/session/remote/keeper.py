"""`Keeper`, which writes the newest snapshot of a run to disk, for a restart after a failure."""

from __future__ import annotations

import logging
import threading
import time

from workbench.errors import LogError
from workbench.log import SQLiteLog
from workbench.session.reach import usable
from workbench.session.remote.folder import RunFolder, write_private
from workbench.session.remote.job import saved_state
from workbench.session.session import Session
from workbench.session.snapshots import Snapshot, snapshot_of

logger = logging.getLogger(__name__)

NOT_WRITTEN = "the snapshot for a restart was not written; trying again: {error}"

GAP = 1.0
"""Minimum number of seconds between two writes."""

SHARE = 0.05
"""Maximum fraction of its time that the thread spends writing files."""


class Keeper:
    """Thread that writes the newest snapshot to a file, and the log's identity to another file.

    Parameters
    ----------
    session : Session
    folder : RunFolder
    found : int, optional
        The iteration of the snapshot on disk that the run continues from.

    Attributes
    ----------
    problem : str
        The reason why the last snapshot was not written; empty if it was.
    """

    def __init__(self, session: Session, folder: RunFolder, found: int | None = None) -> None:
        self._session = session
        self._found = found
        self._folder = folder
        self._noted = ""
        self._written: tuple[str, Snapshot | None] = "", None
        self._writing = threading.Lock()
        self.problem = ""

    def iteration(self) -> int | None:
        """Return the iteration of the snapshot on disk, or None if there is none."""
        snapshot = self._written[1]
        return self._found if snapshot is None else snapshot.iteration

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._work, name="snapshots on disk", daemon=True).start()

    def _work(self) -> None:
        pause = GAP
        while True:
            time.sleep(pause)
            start = time.monotonic()
            try:
                self.note_log()
                self._write_newest()
                self.problem = ""
            except Exception as error:
                text = NOT_WRITTEN.format(error=f"{type(error).__name__}: {error}")
                if text != self.problem:
                    logger.exception(text)
                self.problem = text
            pause = max(GAP, (time.monotonic() - start) / SHARE)

    def note_log(self) -> None:
        """Store the identity of the run's log, which changes when the run is rewound."""
        uuid = self._session.log.h_uuid
        if uuid != self._noted:
            self._folder.note_log(uuid)
            self._noted = uuid

    def _write_newest(self) -> None:
        session = self._session
        rewinder, log = session._worker.rewinder, session.log
        uuid, branch = log.h_uuid, rewinder.history.branch
        done = log.status["iterations_done"]
        found = usable(rewinder.taker.ring, branch, done)
        if found and uuid == log.h_uuid and branch is rewinder.history.branch:
            self.write(found[-1], uuid)

    def finish(self, seconds: float) -> None:
        """Prevent further writing; wait at most `seconds` for a file that is being written."""
        self._writing.acquire(timeout=seconds)

    def write(self, snapshot: Snapshot, uuid: str) -> None:
        """Write a snapshot, unless it is already on disk."""
        with self._writing:
            if self._written == (uuid, snapshot):
                return
            log = self._session.log
            if isinstance(log, SQLiteLog):
                try:
                    log.flush()
                except LogError:  # from a full disk, or an earlier record that is now omitted
                    log.flush()
            write_private(self._folder.snapshot, saved_state(snapshot, uuid))
            self._written = uuid, snapshot


def last_snapshot(session: Session) -> Snapshot | None:
    """Return a snapshot of the state at the end of training, or None if it cannot be taken.

    If several processes keep parts of the state, all of them must call this function together.
    """
    rewinder = session._worker.rewinder
    if not rewinder.taker.able:
        return None
    history = rewinder.history
    return snapshot_of(
        session.main_loop, history.changes, history.branch, in_hand=session.main_loop._run.in_hand
    )
