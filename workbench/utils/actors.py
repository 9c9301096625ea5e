"""Who asks for something: the code of a cell, a button, or a tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CODE = "code"
_actor: ContextVar[str] = ContextVar("actor", default=CODE)


def actor() -> str:
    """Return who is acting in this context: ``code`` unless `acting_as` says otherwise."""
    return _actor.get()


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Let commands given within the block be recorded as those of `name`.

    Examples
    --------
    >>> with acting_as("button"):
    ...     actor()
    'button'
    >>> actor()
    'code'
    """
    token = _actor.set(name)
    try:
        yield
    finally:
        _actor.reset(token)
