"""Iterator whose items a thread reads in advance.

The thread is a daemon, so it cannot prevent the interpreter from exiting. It is stopped before the
interpreter shuts down, because a daemon thread that runs during the shutdown may crash.
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
"""Seconds to wait for the thread to finish a read when its iterator is closed."""

_running: weakref.WeakSet[ReadAhead[Any]] = weakref.WeakSet()


class ReadAhead(Iterator[T]):
    """Iterator that reads some items of another iterator in advance.

    Parameters
    ----------
    begin : callable
        A function that returns the other iterator; it is called in the thread.
    depth : int
        The maximum number of items to read in advance.
    cancel : callable, optional
        A function that interrupts a read in progress; `close` calls it unless reading has ended.

    Attributes
    ----------
    lost : bool
        True if this process was forked and therefore does not contain the thread.
    abandoned : bool
        True if `abandon` has stopped the iteration early.
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
        self.abandoned = False
        self._changed = threading.Condition()
        self._process = os.getpid()
        # the thread must see settings that are overridden only in this context
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._read,), name="prefetch", daemon=True
        )
        _running.add(self)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """True if this process was forked and therefore does not contain the thread."""
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
        if error is not None and not self.abandoned:
            raise error
        raise StopIteration

    def abandon(self) -> None:
        """Close the iterator without raising an error in the function that is iterating over it."""
        self.abandoned = True
        self.close()

    def close(self) -> None:
        """Stop the thread, and discard the items that it has read."""
        if self.lost:
            return  # a fork has no thread, and its copy of the lock may stay held forever
        with self._changed:
            self._closed = True
            self._ready.clear()
            busy = not self._exhausted
            self._changed.notify_all()
        if busy and self._cancel is not None:
            self._cancel()
        # the garbage collector may call this in any thread, including the reading thread
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
        """Add an item when there is space; return False if the iterator has been closed."""
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
