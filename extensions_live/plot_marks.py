"""Marks of a plot: ends of epochs, interventions, tier changes, checkpoints and best values.

The marks are read from the log. There may be thousands of marks, so only some marks in the visible
range are sent, for example one for every tenth epoch. Interventions that are close to each other
share a mark, which lists the first few interventions. The same applies to tier changes and to
checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from extensions_live.formatting import format_number
from extensions_live.messages import MarkData, MarkKind
from extensions_live.plot_axes import Axis
from workbench.errors import LogError
from workbench.log.interventions import (
    INTERVENTIONS,
    UNCHANGING,
    in_words,
    interventions_of,
)
from workbench.utils.texts import short

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

MOST_EPOCHS = 30
BUCKETS = 40
LISTED = 3
LENGTH = 300
"""Maximum number of characters in one line of a mark's text."""

QUIET = UNCHANGING - {"fork"}
"""Commands without a mark. A fork has a mark, since another run starts at its iteration."""

CHANNELS: dict[MarkKind, str] = {
    "intervention": INTERVENTIONS,
    "tier": "execution",
    "checkpoint": "saved_to",
}


class Visible:
    """The visible range of iterations of a log, divided into buckets for marks.

    Parameters
    ----------
    axis : Axis
    start, stop : float or None
        The range on the axis; None means the beginning or the end of the log.
    last : int
        The last iteration of the log.
    """

    def __init__(self, axis: Axis, start: float | None, stop: float | None, last: int) -> None:
        self.axis = axis
        places = axis.back(np.array([start or 0.0, stop or 0.0]))
        self.low = 0.0 if start is None else max(0.0, float(places[0]))
        self.high = float(last) if stop is None else float(places[1])

    def indices(self, iterations: NDArray[Any]) -> NDArray[np.int64]:
        """Return the indices of the iterations that are in the range."""
        first = np.searchsorted(iterations, self.low, "left")
        end = np.searchsorted(iterations, self.high, "right")
        return np.arange(first, max(first, end))

    def groups(self, iterations: NDArray[Any]) -> list[NDArray[np.int64]]:
        """Return the indices of the iterations in the range, one array for each nonempty bucket."""
        found = self.indices(iterations)
        if not len(found):
            return []
        width = max(self.high - self.low, 1.0) / BUCKETS
        bucket = np.floor((iterations[found] - self.low) / width)
        return np.split(found, np.flatnonzero(np.diff(bucket)) + 1)


def epoch_marks(ends: Sequence[int], visible: Visible) -> MarkData | None:
    """Return at most `MOST_EPOCHS` marks, at the ends of epochs with round numbers.

    Examples
    --------
    >>> from extensions_live.plot_axes import ITERATIONS
    >>> ends = list(range(10, 2001, 10))
    >>> marks = epoch_marks(ends, Visible(ITERATIONS, None, None, 2000))
    >>> marks["x"][:3], marks["text"][0]
    ([100.0, 200.0, 300.0], 'end of epoch 10')
    """
    places = np.array(ends, np.float64)
    found = visible.indices(places)
    if not len(found):
        return None
    step = round_step(len(found) / MOST_EPOCHS)
    numbers = found + 1
    kept = found[numbers % step == 0]
    text = [f"end of epoch {number:,}" for number in (kept + 1).tolist()]
    return data("epoch", visible.axis.of(places[kept]), text)


def round_step(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, ... that is at least `least`.

    Examples
    --------
    >>> [round_step(x) for x in (0.2, 1.5, 6, 21)]
    [1, 2, 10, 50]
    """
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= least:
                return factor * power
        power *= 10


def text_marks(log: TrainingLogBase, kind: MarkKind, visible: Visible) -> MarkData | None:
    """Return the marks of one kind with labels from the log; nearby marks are merged."""
    if CHANNELS[kind] not in log.channels:
        return None
    iterations, values = log.entries(CHANNELS[kind])
    x, texts = [], []
    for group in visible.groups(iterations):
        lines: list[str] = []
        count, first = 0, None
        for index in group.tolist():
            for line in described(kind, values[index], int(iterations[index])):
                first = index if first is None else first
                count += 1
                if len(lines) < LISTED:
                    lines.append(short(line, LENGTH))
        if first is None:
            continue
        if count > LISTED:
            lines.append(f"and {count - LISTED:,} more")
        x.append(float(iterations[first]))
        texts.append("\n".join(lines))
    return data(kind, visible.axis.of(np.array(x)), texts) if x else None


def described(kind: MarkKind, value: Any, iteration: int) -> Iterable[str]:
    """Yield a line of text for each part of a record.

    Examples
    --------
    >>> record = {"command": "set", "text": "set rate", "variable": "rate", "old": 0.1,
    ...           "value": 0.01, "by": "button"}
    >>> list(described("intervention", (record,), 1204))
    ['rate 0.1 → 0.01 at 1,204, by button']
    >>> list(described("intervention", ({"command": "rewind", "from": 9, "to": 2},), 2))
    ['rewind: iteration 9 → 2, by code']
    """
    if kind == "tier":
        yield f"{value} from {iteration:,} on"
    elif kind == "checkpoint":
        paths = [value] if isinstance(value, str) else value
        names = ", ".join(str(path).rpartition("/")[2] for path in paths or ())
        yield f"checkpoint at {iteration:,}: {names}"
    else:
        for record in interventions_of(value):
            if record.get("command") not in QUIET:
                known = record.get("command") in ("rewind", "undo") and "to" in record
                place = "" if known else f" at {iteration:,}"
                yield f"{in_words(record)}{place}, by {record.get('by', 'code')}"


def best_mark(log: TrainingLogBase, channel: str, key: str, axis: Axis) -> MarkData | None:
    """Return the mark of the best value of a channel so far, if the log tracks it."""
    name = f"{channel}_best_so_far"
    if name not in log.channels:
        return None
    try:
        iterations, values = log.column(channel)
        at = int(log.entries(name)[0][-1])
    except (LogError, IndexError):
        return None
    index = int(np.searchsorted(iterations, at))
    if index == len(iterations) or iterations[index] != at or not np.isfinite(values[index]):
        return None
    best = float(values[index])
    text = f"best {channel} so far: {format_number(best)} at {at:,}"
    return {**data("best", axis.of(np.array([at])), [text]), "curve": key, "y": [best]}


def data(kind: MarkKind, x: NDArray[np.float64], text: list[str]) -> MarkData:
    """Return the message that describes marks of one kind."""
    return {"kind": kind, "x": x.tolist(), "text": text, "curve": "", "y": []}
