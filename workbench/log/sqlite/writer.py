"""Thread that writes a log to its database, a few times per second.

Recording only adds a job to a queue. The thread collects jobs for `INTERVAL` seconds and writes
them in one transaction, so that other processes see only complete jobs. If the database cannot be
written to, the jobs are kept and written later.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from workbench.errors import LogError
from workbench.log.sqlite.store import Job, Store
from workbench.log.sqlite.tables import Database

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.25
"""Seconds between two transactions; a killed process loses the jobs since the last transaction."""

OMISSIONS: Final = 10
"""Maximum number of omitted values that the error message of `Writer.flush` lists."""

FORKED = (
    "this log belongs to the process {owner}, the parent of this forked process, {pid}; open the "
    "log here again, or create another log"
)
NOT_WRITTEN = (
    "records could not be written: {error}. They are kept in memory, and writing is retried until "
    "the process ends"
)


class Writer:
    """Writer that executes jobs in order in a separate thread, which starts with the first job.

    Attributes
    ----------
    problem : str
        The reason why the last attempt failed; empty if it succeeded.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: deque[Job] = deque()
        self._some = threading.Event()
        self._at_once = threading.Event()
        self._closing = False
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self.problem = ""
        self._omitted: deque[str] = deque(maxlen=OMISSIONS)  # since the last `flush`

    @property
    def inherited(self) -> bool:
        """True if this process was forked from the writing process."""
        return os.getpid() != self._process

    def put(self, job: Job) -> None:
        """Add a job to the queue, without waiting.

        Raises
        ------
        LogError
            If this method is called in a forked process, which does not have the writing thread and
            cannot use the connection.
        """
        if self.inherited:
            raise LogError(FORKED.format(owner=self._process, pid=os.getpid()))
        self._jobs.append(job)
        if not self._some.is_set():
            self._some.set()
        if self._thread is None:
            try:
                self._start()
            except LogError as error:  # recording continues, and `flush` raises the error
                self._complain(str(error))

    def hurry(self) -> None:
        """Make the thread write the queued jobs immediately, and return without waiting for it."""
        self._at_once.set()

    def flush(self) -> None:
        """Wait until all queued jobs are in the database.

        Raises
        ------
        LogError
            If jobs cannot be written now, or if values have been omitted since the last call.
        """
        if self._thread is None and not self._jobs and not self._omitted:
            return
        written: Future[None] = Future()
        self.put(written)
        self._start()  # the thread may have ended, or may not have started
        self.hurry()
        written.result()

    def close(self) -> None:
        """Write the remaining jobs and stop the thread; a later job starts another thread."""
        if self._jobs:
            with suppress(LogError):
                self._start()
        thread = self._thread
        if thread is None:
            return
        self._closing = True
        self._some.set()
        self._at_once.set()
        if thread is not threading.current_thread():  # the garbage collector can run in any thread
            thread.join()

    def _start(self) -> None:
        """Start the thread unless it is running.

        Raises
        ------
        LogError
            If no thread can be created.
        """
        with self._starting:
            if self._thread is not None:
                return
            self._closing = False
            thread = threading.Thread(target=self._run, name="log writer", daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError as error:
                self._thread = None
                raise LogError(NOT_WRITTEN.format(error=error)) from error

    def _run(self) -> None:
        store: Store | None = None
        batch: list[Job] = []
        try:
            while True:
                self._some.wait()
                if not self._closing:
                    self._at_once.wait(INTERVAL)
                self._at_once.clear()
                self._some.clear()
                closing = self._closing
                while self._jobs:
                    batch.append(self._jobs.popleft())
                try:
                    with self._database.explained():
                        if store is None:
                            store = Store(self._database.connect())
                        self._database.check_there()
                        omitted = store.write_all(batch)
                except Exception as error:  # this thread must survive all errors
                    batch = self._postponed(batch, error)
                else:
                    self._answer(batch, omitted)
                    batch = []
                with self._starting:  # no job can be added inside this block
                    if closing and (batch or not self._jobs):
                        self._jobs.extendleft(reversed(batch))
                        batch = []
                        self._thread = None
                        return
                if batch:
                    self._some.set()
        except BaseException as error:
            batch = self._postponed(batch, error)
            raise
        finally:
            with self._starting:
                self._jobs.extendleft(reversed(batch))
                if self._thread is threading.current_thread():
                    self._thread = None
            if store is not None:
                with suppress(Exception):
                    store.connection.close()

    def _postponed(self, batch: list[Job], error: BaseException) -> list[Job]:
        """Raise the error in waiting threads, and return the jobs to write later."""
        text = NOT_WRITTEN.format(error=error if str(error) else repr(error))
        self._complain(text)
        for job in batch:
            if isinstance(job, Future):
                job.set_exception(LogError(text))
        return [job for job in batch if not isinstance(job, Future)]

    def _answer(self, batch: list[Job], omitted: list[str]) -> None:
        """Notify waiting threads, which raise an error if values have been omitted."""
        self.problem = ""
        for text in omitted:
            logger.error(text)
        self._omitted.extend(omitted)
        waiting = [job for job in batch if isinstance(job, Future)]
        for job in waiting:
            if self._omitted:
                job.set_exception(LogError("; ".join(self._omitted)))
            else:
                job.set_result(None)
        if waiting:
            self._omitted.clear()

    def _complain(self, text: str) -> None:
        """Log an error unless the previous attempt failed too."""
        if not self.problem:
            logger.error(text)
        self.problem = text
