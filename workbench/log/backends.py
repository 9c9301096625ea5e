"""The registry of log backends, from which a main loop without a log makes one.

A backend is a file with a class that derives from `TrainingLogBase` and defines the methods of
`workbench.log.records.Records`, and with a call of `register`.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.config import config
from workbench.errors import LogError, nearest
from workbench.log.base import TrainingLogBase
from workbench.log.memory import TrainingLog
from workbench.log.sqlite import SQLiteLog

BACKENDS: dict[str, Callable[[], TrainingLogBase]] = {}
"""Functions that make an empty log, by name; see `register`."""


def register(name: str, make: Callable[[], TrainingLogBase]) -> None:
    """Register a backend by a name for main loops and ``config.log_backend``.

    Parameters
    ----------
    name : str
        The name of the backend.
    make : callable
        Returns an empty log; called once for every main loop without a log. It replaces an earlier
        one of that name, so that a cell of a notebook can be run again.
    """
    BACKENDS[name] = make


def new_log(backend: str | None = None) -> TrainingLogBase:
    """Return an empty log.

    Parameters
    ----------
    backend : str, optional
        Name of the backend; ``config.log_backend`` by default.

    Raises
    ------
    LogError
        If there is no such backend.

    Examples
    --------
    >>> type(new_log("memory"))
    <class 'workbench.log.memory.TrainingLog'>
    """
    name = config.log_backend if backend is None else backend
    if name not in BACKENDS:
        known = ", ".join(map(repr, BACKENDS))
        raise LogError(f"no log backend is called {name!r}{nearest(name, BACKENDS)}; use {known}")
    return BACKENDS[name]()


register("memory", TrainingLog)
register("sqlite", SQLiteLog)
config.restrict("log_backend", BACKENDS)
