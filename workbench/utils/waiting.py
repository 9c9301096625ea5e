"""Waiting for an event in a way that the layer above may improve.

In a notebook a thread that waits is the one that hears widgets. The layer that shows them replaces
`event.wait` by a way of waiting that listens meanwhile; this layer knows nothing of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Wait = Callable[[threading.Event, float | None], bool]

_way: Wait = threading.Event.wait


def wait(event: threading.Event, timeout: float | None = None) -> bool:
    """Wait until `event` is set, for `timeout` seconds at most; return whether it is.

    Examples
    --------
    >>> wait(threading.Event(), 0.001)
    False
    """
    return _way(event, timeout)


def wait_by(way: Wait) -> None:
    """Wait by `way` from now on, in place of ``threading.Event.wait``."""
    global _way
    _way = way
