"""Which log a main loop makes when it is given none."""

from __future__ import annotations

from collections.abc import Callable

from workbench.config import config
from workbench.errors import LogError, nearest
from workbench.log.base import TrainingLogBase
from workbench.log.memory import TrainingLog
from workbench.log.sqlite import SQLiteLog

BACKENDS: dict[str, Callable[[], TrainingLogBase]] = {"memory": TrainingLog, "sqlite": SQLiteLog}


def new_log(backend: str | None = None) -> TrainingLogBase:
    """Return an empty log.

    Parameters
    ----------
    backend : str, optional
        Where it keeps its records; ``config.log_backend`` if not given.

    Raises
    ------
    LogError
        If there is no such backend.
    """
    name = config.log_backend if backend is None else backend
    if name not in BACKENDS:
        known = ", ".join(map(repr, BACKENDS))
        raise LogError(f"no log backend is called {name!r}{nearest(name, BACKENDS)}; use {known}")
    return BACKENDS[name]()
