"""Client of a process that tests whether a file can be read without a crash.

HDF5 stores rows of variable length and axis names in heaps without checksums. In a damaged
heap, the library may follow wrong addresses and crash the process, or loop forever. Therefore
another process reads these parts first, once for each version of a file. If that process succeeds,
this process can read these parts safely.
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
"""Seconds to wait for the next message; the process sends a message after each small step."""

START = 120.0
"""Seconds to wait for the process to start, which may be slow on a busy machine."""

PROGRAM = (
    "import json, runpy, sys; path, sys.path[:] = json.loads(sys.stdin.readline()); "
    "runpy.run_path(path, run_name='__main__')"
)
DAMAGED = (
    "{path}: {what} cannot be read because the file is damaged; the process that tried to read it "
    "{ended}"
)
NOT_STARTED = (
    "the process that checks an HDF5 file could not be started ({reason}); without the check, a "
    "damaged file could crash this process while it reads rows of variable length or names of axes"
)


class Examiner:
    """Client of a process that reads possibly damaged files; the first check starts the process.

    Parameters
    ----------
    patience : float
        The process is killed after this number of seconds without a message.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._fine: set[tuple[object, ...]] = set()

    def check(self, path: Path, names: Sequence[str], *, rows: bool, what: str) -> None:
        """Read datasets in the other process, unless they have already been read successfully.

        Parameters
        ----------
        path : Path
            The file.
        names : sequence of str
            The datasets whose axes are read; ``"/"`` stands for the table of splits.
        rows : bool
            If True, also read the rows of the datasets.
        what : str
            The name of the part that is read, for error messages.

        Raises
        ------
        DataFileError
            If the process crashes or does not finish.
        """
        status = path.stat()
        key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns, tuple(names), rows)
        if self._owner not in (0, os.getpid()):
            self._lock, self._process = threading.Lock(), None  # a forked process starts its own
        with self._lock:
            if key in self._fine:
                return
            # if this process is killed while it waits, the other process ends after a time limit
            request = {"path": str(path), "names": list(names), "rows": rows}
            ended = self._try({**request, "patience": 2 * self.patience})
            if ended is not None:
                raise DataFileError(DAMAGED.format(path=path, what=what, ended=ended))
            self._fine.add(key)

    def close(self) -> None:
        """Stop the process."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process = None

    def _try(self, request: dict[str, object]) -> str | None:
        """Send a request; return None on success, or a description of how the process ended."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            while word := self._receive(process):
                if word == "done":
                    return None
        self.close()
        return "did not finish" if self._impatient else _ending(process.returncode)

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
        if self._receive(process, max(self.patience, START)) != "ready":
            self.close()
            raise DataError(NOT_STARTED.format(reason=f"exit code {process.returncode}"))
        return process

    def _receive(self, process: subprocess.Popen[str], patience: float | None = None) -> str:
        """Return the next message, or an empty string if the process ends or is killed."""
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
