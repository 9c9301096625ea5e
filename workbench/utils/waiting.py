"""A function that waits for an event; another package can replace its implementation.

In a notebook, the waiting thread also receives the messages of widgets. The widget package
therefore makes `wait` call a function that handles messages while it waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Wait = Callable[[threading.Event, float | None], bool]

_way: Wait = threading.Event.wait


def wait(event: threading.Event, timeout: float | None = None) -> bool:
    """Wait up to `timeout` seconds for `event`; return True if it is set.

    Examples
    --------
    >>> wait(threading.Event(), 0.001)
    False
    """
    return _way(event, timeout)


def wait_by(way: Wait) -> None:
    """Set the function that `wait` calls; the default is ``threading.Event.wait``."""
    global _way
    _way = way
