"""The part of a run that a rewind left behind, shown faintly beside the new curve in a plot."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extensions_live.log_values import read_curve
from extensions_live.messages import KeptData
from extensions_live.plot_axes import Axis
from workbench.errors import SessionError
from workbench.interfaces import Session
from workbench.log import TrainingLogBase

Floats = NDArray[np.float64]

TEXT = "faint: iterations {first:,} to {last:,} before the rewind, kept as branch {name!r}"

SHARE = 5
"""Ratio of the points in a curve to the points in its faint part."""


class KeptTail(NamedTuple):
    """The records of an earlier branch after the iteration at which the current branch starts.

    Attributes
    ----------
    name : str
        The name of the earlier branch.
    start, end : int
        The iteration where the two branches diverge, and the last iteration of the earlier branch.
    log : TrainingLogBase
        The records of the earlier branch.
    """

    name: str
    start: int
    end: int
    log: TrainingLogBase

    @property
    def described(self) -> KeptData:
        """The description for the page."""
        text = TEXT.format(first=self.start + 1, last=self.end, name=self.name)
        return {"start": self.start, "text": text}

    def curve(self, channel: str, axis: Axis, points: int) -> tuple[Floats, Floats]:
        """Return `x` and `y` of a channel in this part of the run, each of shape (P,).

        `points` is the number of points of the curve without this part.
        """
        first = float(axis.of(np.array([self.start]))[0])
        found = read_curve(self.log, channel, start=first, points=points // SHARE, axis=axis)
        if found is None:
            return np.empty(0), np.empty(0)
        kept = found.x >= first
        return found.x[kept], found.y[kept]


def kept_tail(session: Session) -> KeptTail | None:
    """Return the part of the run that the last rewind left behind, or None."""
    branches = session.branches
    if len(branches) < 2:
        return None
    left, start = branches[-2], branches[-1].start
    if left.end is None or left.end <= start:
        return None
    try:
        log = left.log
    except SessionError:  # its process has ended
        return None
    return None if log is None else KeptTail(left.name, start, left.end, log)
