"""Waiting for an event by a function that an upper layer can replace.

In a notebook the waiting thread is the one that receives the messages of widgets. The layer of the
widgets replaces `event.wait` by a function that handles messages while it waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Wait = Callable[[threading.Event, float | None], bool]

_way: Wait = threading.Event.wait


def wait(event: threading.Event, timeout: float | None = None) -> bool:
    """Wait for `event`, at most `timeout` seconds; return True if it is set.

    Examples
    --------
    >>> wait(threading.Event(), 0.001)
    False
    """
    return _way(event, timeout)


def wait_by(way: Wait) -> None:
    """Use `way` for waiting from now on, in place of ``threading.Event.wait``."""
    global _way
    _way = way
