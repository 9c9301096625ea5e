"""Whether a file can be read without harm, found out in another process.

HDF5 keeps rows of variable length, and the names of axes, in heaps without checksums, and follows
what stands in a damaged one until the process is ended by the system, or for ever. Such things are
therefore read in another process first, once for each state of a file; what has been read there
can be read here.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from workbench.data.files import one_line
from workbench.errors import DataError, DataFileError

PATIENCE = 30.0
"""Seconds to wait for a sign of life; reading goes on in small steps."""

START = 120.0
"""Seconds that starting the process may take, on a busy machine."""

PROGRAM = (
    "import json, runpy, sys; path, sys.path[:] = json.loads(sys.stdin.readline()); "
    "runpy.run_path(path, run_name='__main__')"
)
DAMAGED = (
    "{path}: {what} cannot be read, since the file is damaged: the process that read it on trial "
    "{ended}"
)
NOT_STARTED = (
    "no process could be started to read an HDF5 file on trial ({reason}), which rows of variable "
    "length and names of axes need, since a damaged file could end this process"
)


class Examiner:
    """Reads files on trial, in a process that is started when it is first needed.

    Parameters
    ----------
    patience : float
        Seconds without a sign of life after which the process counts as lost.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._fine: set[tuple[object, ...]] = set()

    def check(self, path: Path, names: Sequence[str], *, rows: bool, what: str) -> None:
        """Read some data sets on trial, unless that has been done.

        Parameters
        ----------
        path : Path
            The file.
        names : sequence of str
            The data sets whose axes are read; ``"/"`` for the table of splits.
        rows : bool
            Whether to read their rows too.
        what : str
            What is read, for messages.

        Raises
        ------
        DataFileError
            If the process that read did not survive it.
        """
        status = path.stat()
        key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns, tuple(names), rows)
        if self._owner not in (0, os.getpid()):
            self._lock, self._process = threading.Lock(), None  # a fork has no process of its own
        with self._lock:
            if key in self._fine:
                return
            # this process waits for a while; that one ends a while later by itself
            request = {"path": str(path), "names": list(names), "rows": rows}
            ended = self._try({**request, "patience": 2 * self.patience})
            if ended is not None:
                raise DataFileError(DAMAGED.format(path=path, what=what, ended=ended))
            self._fine.add(key)

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process = None

    def _try(self, request: dict[str, object]) -> str | None:
        """Return how the process ended, or None if it lives on."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            while word := self._heard(process):
                if word == "done":
                    return None
        self.close()
        return "did not come to an end" if self._impatient else _ending(process.returncode)

    def _start(self) -> subprocess.Popen[str]:
        self.close()
        try:
            process = self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise DataError(NOT_STARTED.format(reason=one_line(error))) from None
        self._owner = os.getpid()
        program = Path(__file__).with_name("examiner.py")
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps([str(program), sys.path]) + "\n")
            process.stdin.flush()
        if self._heard(process, max(self.patience, START)) != "ready":
            self.close()
            raise DataError(NOT_STARTED.format(reason=f"exit code {process.returncode}"))
        return process

    def _heard(self, process: subprocess.Popen[str], patience: float | None = None) -> str:
        """Return the next word, or nothing if none comes."""
        self._impatient = False

        def give_up() -> None:
            self._impatient = True
            process.kill()

        timer = threading.Timer(self.patience if patience is None else patience, give_up)
        timer.daemon = True
        timer.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
        finally:
            timer.cancel()
        return str(json.loads(line)) if line.endswith("\n") else ""


def _ending(code: int) -> str:
    try:
        return f"ended with {signal.Signals(-code).name}"
    except ValueError:
        return f"ended with exit code {code}"


examiner = Examiner()
atexit.register(examiner.close)
