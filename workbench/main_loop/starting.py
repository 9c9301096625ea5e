"""Preparation of main loops by the code that is about to start them, such as a sweep.

A sweep calls the user's function, which builds a main loop and usually also starts it, as `fit`
does. The sweep calls this function inside `prepared_by`, which prepares each main loop before it
starts, and starts it paused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple


class Start(NamedTuple):
    """Name of a new session, and the number of epochs to train (None for the planned end)."""

    name: str
    epochs: int | None


_preparation: ContextVar[Callable[[Any], Start] | None] = ContextVar("preparation", default=None)

SHARES: ContextVar[bool] = ContextVar("shares", default=False)
"""True in a thread that deliberately trains several sessions at once and needs no warning."""


def preparation() -> Callable[[Any], Start] | None:
    """Return the function that prepares main loops started in this context, if there is one."""
    return _preparation.get()


@contextmanager
def prepared_by(prepare: Callable[[Any], Start]) -> Iterator[None]:
    """Call ``prepare(main_loop)`` before each start in this context, and start main loops paused.

    Examples
    --------
    >>> with prepared_by(lambda main_loop: Start("run-1", None)):
    ...     preparation() is None
    False
    """
    token = _preparation.set(prepare)
    try:
        yield
    finally:
        _preparation.reset(token)


def shares_machine() -> bool:
    """Return True if this thread deliberately trains several sessions at the same time."""
    return SHARES.get()
