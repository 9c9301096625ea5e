"""Writing files behind the back of training: one at a time, in order, to the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Writer:
    """Does one thing at a time in a thread of its own.

    The thread lives only as long as there is something to write. It is no daemon: Python waits for
    it at exit.

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
        """Begin to write, after `wait` for what was begun before.

        Parameters
        ----------
        write : callable
            Called in the other thread.
        report : callable
            Called by `wait` with the exception that `write` has raised, or with None.
        done : callable, optional
            Called in the other thread when `write` has ended.
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
        except RuntimeError:  # no threads are started any more while Python ends
            self._thread = None
            work()

    def wait(self) -> None:
        """Wait until what was begun has ended, and report how."""
        if self._report is None:
            return
        if self._thread is not None:
            self._thread.join()
        report, error = self._report, self._error
        self._thread = self._report = self._error = None
        report(error)

    def __reduce__(self) -> Any:
        return Writer, ()
