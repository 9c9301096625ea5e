"""Curves of several logs in shared figures, with one figure for each quantity.

The figures that the plots of the runs request come first, as in the view of a session. The other
channels are grouped by quantity: the channel names of one quantity, such as ``cost``
and ``valid_cost``, differ only in a prefix. Each figure has one curve for each run and channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from extensions_live.compare import comparison
from extensions_live.figures import HEIGHT, names_in, requested
from extensions_live.plot_view import PlotView
from workbench.interfaces import State

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

TIMES = ("time_", "timestamp")
"""Prefixes of the names of time channels, which are shown last."""


class LoggedRun:
    """A run in another process; only its log is available.

    Parameters
    ----------
    log : TrainingLogBase
    """

    def __init__(self, log: TrainingLogBase) -> None:
        self.log = log

    @property
    def state(self) -> State:
        """The state: always running, since a log does not show whether its run will continue."""
        return State.RUNNING


class Runs:
    """Several runs that are shown in one widget."""

    def __init__(self, runs: Mapping[str, LoggedRun]) -> None:
        self.by_name = dict(runs)

    @property
    def log(self) -> TrainingLogBase:
        """The log of the first run."""
        return next(iter(self.by_name.values())).log

    @property
    def state(self) -> State:
        return State.RUNNING

    @property
    def version(self) -> tuple[int, ...]:
        """The versions of all logs; every change to a log increases its version."""
        return tuple(run.log.version for run in self.by_name.values())


def curves(runs: Mapping[str, LoggedRun], figures: Sequence[Sequence[str]]) -> PlotView:
    """Return the plot of one or several runs.

    Parameters
    ----------
    runs : mapping
        The runs, keyed by name.
    figures : sequence of sequences of str
        The channels of each figure.
    """
    if len(runs) == 1:
        figure = {"title": "", "channels": figures, "height": HEIGHT}
        return PlotView(next(iter(runs.values())), figure)
    logs = {name: run.log for name, run in runs.items()}
    (plot,) = comparison(logs, channels=figures).widgets
    assert isinstance(plot, PlotView)
    return plot


def figures_of(logs: Iterable[TrainingLogBase]) -> list[list[str]]:
    """Return the requested figures, and the other numeric channels grouped by quantity.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[0].update({"cost": 1.0, "valid_cost": 2.0, "note": "a", "done": True})
    >>> log[0].update({"time_train_this_batch": 0.1, "rate": 0.1, "test_error": 1.0})
    >>> log[0].update({"train_error": 1.0})
    >>> figures_of([log])
    [['cost', 'valid_cost'], ['rate'], ['test_error', 'train_error'], ['time_train_this_batch']]
    """
    logs = list(logs)
    asked: list[list[str]] = []
    for log in logs:
        asked += [names for names in requested(log) if names not in asked]
    known = names_in(asked)
    names = list(dict.fromkeys(name for log in logs for name in numbers_in(log)))
    names = [name for name in names if name not in known]
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(quantity(name, names), []).append(name)
    return asked + sorted(groups.values(), key=lambda group: group[0].startswith(TIMES))


def quantity(name: str, names: Sequence[str]) -> str:
    """Return the part of a channel name that is common to all channels of the same quantity."""
    if name.startswith(TIMES):
        return name
    for known in names:
        if name.endswith(f"_{known}"):
            return known
    _, _, rest = name.partition("_")
    shared = [one for one in names if one != name and rest and one.partition("_")[2] == rest]
    return rest if shared and name not in (rest,) else name


def numbers_in(log: TrainingLogBase) -> list[str]:
    """Return the names of channels with a numeric newest value."""
    columns = log.snapshot().columns
    return [
        name
        for name, entries in columns.items()
        if len(entries.values) and is_number(entries.values[-1])
    ]


def is_number(value: object) -> bool:
    """Return True if `value` is a number and not a Boolean."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
