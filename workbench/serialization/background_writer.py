"""A writer of files in the background: one at a time, in order, also when Python exits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Writer:
    """Runs one function at a time in a separate thread.

    The thread exists only while a function runs. It is not a daemon: Python waits for it at exit.

    Examples
    --------
    >>> writer, written = Writer(), []
    >>> writer.start(lambda: written.append("a file"), lambda error: print("error:", error))
    >>> writer.wait()
    error: None
    >>> written
    ['a file']
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._report: Callable[[Exception | None], object] | None = None

    def start(
        self,
        write: Callable[[], object],
        report: Callable[[Exception | None], object],
        done: Callable[[], object] = lambda: None,
    ) -> None:
        """Start to write, after `wait` for the call before.

        Parameters
        ----------
        write : callable
            Called in the separate thread.
        report : callable
            Called by `wait` with the exception that `write` has raised, or with None.
        done : callable, optional
            Called in the separate thread when `write` has ended.
        """
        self.wait()

        def work() -> None:
            try:
                write()
            except Exception as error:
                self._error = error
            done()

        self._report = report
        self._thread = threading.Thread(target=work, name="checkpoint writer")
        try:
            self._thread.start()
        except RuntimeError:  # Python starts no threads while it exits
            self._thread = None
            work()

    def wait(self) -> None:
        """Wait until the function has ended, and report the outcome."""
        if self._report is None:
            return
        if self._thread is not None:
            self._thread.join()
        report, error = self._report, self._error
        self._thread = self._report = self._error = None
        report(error)

    def __reduce__(self) -> Any:
        return Writer, ()
