"""Registry of log backends, which create the log of a main loop if the user passes no log.

A backend is a class that derives from `TrainingLogBase` and defines the methods of
`workbench.log.records.Records`. The function `register` makes it available.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.config import config
from workbench.errors import LogError, nearest
from workbench.log.base import TrainingLogBase
from workbench.log.memory import TrainingLog
from workbench.log.sqlite import SQLiteLog

BACKENDS: dict[str, Callable[[], TrainingLogBase]] = {}
"""Mapping from the name of a backend to a function that creates an empty log; see `register`."""


def register(name: str, make: Callable[[], TrainingLogBase]) -> None:
    """Register a backend under a name that main loops and ``config.log_backend`` accept.

    Parameters
    ----------
    name : str
        The name of the backend.
    make : callable
        A function that returns an empty log. It is called once for every main loop that needs a new
        log. If a function is already registered under this name, it is replaced, so that a notebook
        cell can be run again.
    """
    BACKENDS[name] = make


def new_log(backend: str | None = None) -> TrainingLogBase:
    """Create an empty log.

    Parameters
    ----------
    backend : str, optional
        The name of the backend; by default ``config.log_backend``.

    Raises
    ------
    LogError
        If no backend has this name.

    Examples
    --------
    >>> type(new_log("memory"))
    <class 'workbench.log.memory.TrainingLog'>
    """
    name = config.log_backend if backend is None else backend
    if name not in BACKENDS:
        known = " or ".join(map(repr, BACKENDS))
        raise LogError(f"no log backend is named {name!r}; use {known}{nearest(name, BACKENDS)}")
    return BACKENDS[name]()


register("memory", TrainingLog)
register("sqlite", SQLiteLog)
config.restrict("log_backend", BACKENDS)
