"""Curves of several logs in the same figures: one figure for each channel, one curve for each run.

A single run gets one figure for each quantity, with the channels that differ only by a prefix, such
as ``cost`` and ``valid_cost``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from extensions_live.downsampling import packed
from extensions_live.figures import HEIGHT
from extensions_live.formatting import format_number
from extensions_live.log_values import read_curve
from extensions_live.messages import PlotPayload
from extensions_live.plot_view import PlotView
from workbench.interfaces import State

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

BETWEEN = " · "
"""Stands between a channel and a run in the name of a curve."""

TIMES = ("time_", "timestamp")
"""Beginnings of the names of channels about time, which are shown last."""


class LoggedRun:
    """Run of another process, known by its log.

    Parameters
    ----------
    log : TrainingLogBase
    """

    def __init__(self, log: TrainingLogBase) -> None:
        self.log = log

    @property
    def state(self) -> State:
        """Running: a log does not show that its run has ended for good."""
        return State.RUNNING


class Runs:
    """Several runs as the subject of one widget."""

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
        """Grows with every change of a log."""
        return tuple(run.log.version for run in self.by_name.values())


class Overlay(PlotView):
    """Figures with the curves of one or more runs.

    Parameters
    ----------
    runs : mapping
        The runs by name.
    figures : sequence of sequences of str
        The channels of each figure.
    """

    def __init__(
        self,
        runs: Mapping[str, LoggedRun],
        figures: Sequence[Sequence[str]],
    ) -> None:
        subject = Runs(runs)
        several = len(runs) > 1
        self._curves = {
            f"{channel}{BETWEEN}{name}" if several else channel: (channel, name)
            for channels in figures
            for channel in channels
            for name in runs
        }
        apart = [[name] for channels in figures for name in channels] if several else figures
        # Colours are given in the order of the runs, so each run has its colour in every figure.
        shown = [
            [curve for curve, (channel, _) in self._curves.items() if channel in channels]
            for channels in apart
        ]
        self._kept = subject  # no other object refers to it
        super().__init__(subject, {"title": "", "channels": shown, "height": HEIGHT})

    def snapshot(self, source: object) -> PlotPayload | None:
        assert isinstance(source, Runs)
        visible = self._range
        state = (source.version, visible)
        if state == self._shown:
            return None
        curves, latest = {}, {}
        for shown, (channel, name) in self._curves.items():
            log = source.by_name[name].log
            curve = read_curve(log, channel, start=visible[0], stop=visible[1])
            if curve is not None:
                curves[shown] = packed(curve)
                latest[shown] = format_number(log.latest()[channel])
        self._shown = state
        return {"curves": curves, "latest": latest, "notes": {}}


def figures_of(logs: Iterable[TrainingLogBase]) -> list[list[str]]:
    """Return the channels of numbers of some logs, those of one quantity together.

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
    names = list(dict.fromkeys(name for log in logs for name in numbers_in(log)))
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(quantity(name, names), []).append(name)
    return sorted(groups.values(), key=lambda group: group[0].startswith(TIMES))


def quantity(name: str, names: Sequence[str]) -> str:
    """Return the part of a name that channels of the same quantity share."""
    if name.startswith(TIMES):
        return name
    for known in names:
        if name.endswith(f"_{known}"):
            return known
    _, _, rest = name.partition("_")
    shared = [one for one in names if one != name and rest and one.partition("_")[2] == rest]
    return rest if shared and name not in (rest,) else name


def numbers_in(log: TrainingLogBase) -> list[str]:
    """Return the names of the channels that hold numbers."""
    columns = log.snapshot().columns
    return [
        name
        for name, entries in columns.items()
        if len(entries.values) and is_number(entries.values[-1])
    ]


def is_number(value: object) -> bool:
    """Return True for a number that is not a truth value."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
