"""Iterator that a thread reads ahead.

The thread is a daemon, so that it cannot prevent the interpreter from exiting. It is ended before
the interpreter shuts down, because a daemon that still runs then can crash.
"""

from __future__ import annotations

import atexit
import contextvars
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds to wait for a thread that is reading when its iterator is closed."""

_running: weakref.WeakSet[ReadAhead[Any]] = weakref.WeakSet()


class ReadAhead(Iterator[T]):
    """Iterator over the items of another one, of which some are read in advance.

    Parameters
    ----------
    begin : callable
        Returns the iterator; called and iterated in the thread.
    depth : int
        The number of items to read in advance.
    cancel : callable, optional
        Makes a read in progress end soon; `close` calls it while items are being read.

    Attributes
    ----------
    lost : bool
        True if this process is a fork of the process of the thread.
    """

    def __init__(
        self,
        begin: Callable[[], Iterator[T]],
        depth: int,
        *,
        cancel: Callable[[], None] | None = None,
    ) -> None:
        self._begin = begin
        self._depth = depth
        self._cancel = cancel
        self._ready: deque[T] = deque()
        self._error: BaseException | None = None
        self._exhausted = False
        self._closed = False
        self._changed = threading.Condition()
        self._process = os.getpid()
        # settings can be overridden in this context only
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._read,), name="prefetch", daemon=True
        )
        _running.add(self)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """True if this process is a fork of the process of the thread."""
        return self._process != os.getpid()

    def __next__(self) -> T:
        with self._changed:
            while not (self._ready or self._exhausted or self._closed):
                self._changed.wait()
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def close(self) -> None:
        """End the thread, and discard the items that it has read."""
        if self.lost:
            return  # a fork has no such thread, and the lock may be held forever
        with self._changed:
            self._closed = True
            self._ready.clear()
            busy = not self._exhausted
            self._changed.notify_all()
        if busy and self._cancel is not None:
            self._cancel()
        # the garbage collector can call this in any thread, including the reading one
        if self._thread is not threading.current_thread():
            self._thread.join(PATIENCE)

    def _read(self) -> None:
        error = None
        try:
            for item in self._begin():
                if not self._put(item):
                    break
        except BaseException as caught:
            error = caught
        with self._changed:
            self._error = error
            self._exhausted = True
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Add an item as soon as there is room; return False if the iterator has been closed."""
        with self._changed:
            while len(self._ready) >= self._depth and not self._closed:
                self._changed.wait()
            if not self._closed:
                self._ready.append(item)
                self._changed.notify_all()
            return not self._closed


@atexit.register
def _close_all() -> None:
    for reading in list(_running):
        reading.close()
