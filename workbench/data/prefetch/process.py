"""Client in the training process that controls a reading process.

The reading process is a new interpreter, because a process with threads cannot be forked safely. It
does not run the user's script again. It receives the stream once; each request contains an epoch, a
position and the edits. It sends batches through a pipe, and waits when it is too far ahead.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import IO

from workbench.data.edits import Edits
from workbench.data.files import one_line
from workbench.data.prefetch.thread import ReadAhead
from workbench.data.streams import AbstractDataStream, Data
from workbench.errors import DataError, PrefetchError

# Ctrl+C interrupts every process of the terminal, but only the main loop must react to it.
PROGRAM = (
    "import pickle, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from workbench.data.prefetch.worker import main; main()"
)

_inherited: list[Worker] = []
"""Workers inherited by a forked process; they are left open, because their pipes may be locked."""


class Worker:
    """Client of one reading process.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to read; the process receives a copy.

    Raises
    ------
    DataError
        If the stream cannot be pickled.
    """

    def __init__(self, data_stream: AbstractDataStream) -> None:
        self._name = repr(data_stream)
        self._parcel: bytes | None = _packed(data_stream)
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._owner = os.getpid()
        self.idle = True

    @property
    def usable(self) -> bool:
        """True if the process is waiting for a request and was not inherited by a fork."""
        return self.idle and self._owner == os.getpid() and self._process.poll() is None

    def iterate(self, epoch: int, start: int, edits: Edits | None = None) -> Iterator[Data]:
        """Yield the batches of an epoch from batch `start` onwards, as the process sends them.

        If `edits` is not None, they replace the edits in the process's copy of the stream.
        """
        self.idle = False
        requests, answers = self._pipes()
        position = start
        try:
            if self._parcel is not None:
                pickle.dump(sys.path, requests)
                requests.write(self._parcel)
                self._parcel = None
            pickle.dump((epoch, start, edits), requests)
            requests.flush()
            while True:
                kind, content = pickle.load(answers)
                if kind != "batch":
                    break
                yield content
                position += 1
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise PrefetchError(
                f"the process that reads ahead for {self._name} {self._ending()} before it sent "
                f"batch {position} of epoch {epoch} ({one_line(error)}); see its messages on the "
                "standard error stream, or read again to start another process"
            ) from None
        self.idle = True
        if kind == "error":
            raise _rebuilt(*content)

    def kill(self) -> None:
        """Kill the process immediately."""
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Stop the process and close its pipes."""
        if self._owner != os.getpid():
            _inherited.append(self)
            return
        self.kill()
        for pipe in self._pipes():
            with contextlib.suppress(OSError):  # a broken pipe may have unsent data
                pipe.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin is not None and self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _ending(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "sent an invalid message"
        if code < 0:
            return f"was stopped by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"


class WorkerPool:
    """Pool of a stream's idle reading processes; it usually holds at most one process.

    A pool is empty after unpickling, and a forked process does not use the reading processes that
    it inherits.

    Attributes
    ----------
    reading : dict of ReadAhead to Worker
        The process that each active iterator reads from.
    """

    def __init__(self) -> None:
        self.reading: dict[ReadAhead[Data], Worker] = {}
        self._workers: list[Worker] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._workers)

    def take(self, data_stream: AbstractDataStream) -> Worker:
        """Return an idle process, or a new process if none is idle."""
        with self._lock:
            while self._workers:
                worker = self._workers.pop()
                if worker.usable:
                    return worker
                worker.close()
        return Worker(data_stream)

    def give_back(self, worker: Worker) -> None:
        """Keep a process for later use if it is waiting for a request; otherwise stop it."""
        if worker.usable:
            with self._lock:
                self._workers.append(worker)
        else:
            worker.close()

    def close(self) -> None:
        """Stop all processes, whether idle or busy."""
        for ahead, worker in tuple(self.reading.items()):
            ahead.abandon()
            worker.close()  # closes the pipes, which an unfinished iterator would keep open
        with self._lock:
            _close_all(self._workers)

    def __reduce__(self) -> tuple[type[WorkerPool], tuple[()]]:
        return WorkerPool, ()


def _close_all(workers: list[Worker]) -> None:
    while workers:
        workers.pop().close()


def _packed(data_stream: AbstractDataStream) -> bytes:
    import cloudpickle

    try:
        parcel: bytes = cloudpickle.dumps(data_stream)
    except Exception as error:  # pickling a user's class can raise any error
        raise DataError(
            f"with workers='process', a stream must support pickling, but {data_stream!r} does not "
            f"({one_line(error)}); use Prefetch(..., workers='thread')"
        ) from error
    return parcel


def _rebuilt(pickled: bytes | None, text: str) -> BaseException:
    """Return the error that the process raised, with its original traceback as a note."""
    error: BaseException
    if pickled is None:
        error = PrefetchError(
            "reading ahead failed with an error that cannot be pickled; its traceback follows"
        )
    else:
        error = pickle.loads(pickled)
    error.add_note(f"\nIn the process that reads ahead:\n\n{text}")
    return error
