"""An iterator that a thread reads ahead.

The thread is a daemon, so that it can never keep the interpreter from exiting, and is ended before
the interpreter is taken apart, which a daemon does not survive unharmed.
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
"""Seconds to wait for a thread that is in the middle of reading when nobody wants it any more."""

_running: weakref.WeakSet[ReadAhead[Any]] = weakref.WeakSet()


class ReadAhead(Iterator[T]):
    """The items of an iterator, of which some are always ready.

    Parameters
    ----------
    begin : callable
        Returns the iterator; called, like all of it, in the thread.
    depth : int
        How many items to hold ready.
    cancel : callable, optional
        Makes a read that is under way end soon; called by `close` while items are being read.

    Attributes
    ----------
    lost : bool
        Whether this process is a fork of the one that the thread is in.
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
        # the settings may be overridden for this thread of control only
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._read,), name="prefetch", daemon=True
        )
        _running.add(self)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether this process is a fork of the one that the thread is in."""
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
        """End the thread, and forget what it has read."""
        if self.lost:
            return  # there is no thread, and the lock may be held for ever
        with self._changed:
            self._closed = True
            self._ready.clear()
            busy = not self._exhausted
            self._changed.notify_all()
        if busy and self._cancel is not None:
            self._cancel()
        # the garbage collector may close this one from any thread, this one's own included
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
        """Add an item as soon as there is room; return False if nobody wants it any more."""
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
