"""Background writer that runs one function at a time and completes it before Python exits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Writer:
    """Writer that runs one function at a time in a separate thread.

    The thread exists only while a function is running. It is not a daemon, so Python waits for it
    at exit.

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
        """Wait for the previous function, then start `write` in a separate thread.

        Parameters
        ----------
        write : callable
            The function to run in the separate thread.
        report : callable
            A function that `wait` calls with the exception that `write` raised, or with None.
        done : callable, optional
            A function to call after `write` has ended, in the same thread.
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
        except RuntimeError:  # Python cannot start threads while it exits
            self._thread = None
            work()

    def wait(self) -> None:
        """Wait until the running function has ended, and report its outcome."""
        if self._report is None:
            return
        if self._thread is not None:
            self._thread.join()
        report, error = self._report, self._error
        self._thread = self._report = self._error = None
        report(error)

    def __reduce__(self) -> Any:
        return Writer, ()
