"""The origin of a command, for example code, a button or a tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CODE = "code"
_actor: ContextVar[str] = ContextVar("actor", default=CODE)


def actor() -> str:
    """Return the origin of commands in this context; the default is ``code``."""
    return _actor.get()


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Set the origin of all commands that are issued within the block.

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
