"""Preparation of main loops by the code that is about to start them, such as a sweep.

A sweep calls a function of the user that builds a main loop, and usually starts it too, as `fit`
does. Inside `prepared_by`, every start is therefore paused, and is prepared by the sweep first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple


class Start(NamedTuple):
    """Name of a session, and the number of epochs to train (None for the planned end)."""

    name: str
    epochs: int | None


_preparation: ContextVar[Callable[[Any], Start] | None] = ContextVar("preparation", default=None)

SHARES: ContextVar[bool] = ContextVar("shares", default=False)
"""True in a thread that trains several sessions at once on purpose, so no warning is needed."""


def preparation() -> Callable[[Any], Start] | None:
    """Return the function that prepares main loops which start in this context, or None."""
    return _preparation.get()


@contextmanager
def prepared_by(prepare: Callable[[Any], Start]) -> Iterator[None]:
    """Start main loops in this context paused, after ``prepare(main_loop)``.

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
    """Return True if this thread trains several sessions at once on purpose."""
    return SHARES.get()
