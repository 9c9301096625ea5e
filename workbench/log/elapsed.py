"""Total training time recorded in a log, including runs that were resumed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.log.frames import Snapshot

TRAIN_TOTAL, READ_TOTAL = "time_train_total", "time_read_data_total"
"""Names of the totals that `Timing` records, without its optional prefix."""


def accumulated(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times that never decrease, even if the clock restarts from a lower value.

    Examples
    --------
    >>> accumulated(np.array([1.0, 5.0, 2.0, 3.0])).tolist()
    [1.0, 5.0, 7.0, 8.0]
    """
    steps = np.diff(seconds, prepend=0.0)
    restarted = steps < 0
    steps[restarted] = np.maximum(seconds[restarted], 0.0)
    result: NDArray[np.float64] = np.cumsum(steps)
    return result


def training_seconds(snapshot: Snapshot) -> float | None:
    """Return the seconds that one `Timing` recorded for reading data and training, or None.

    The recorded totals restart from zero when a run is resumed; this function adds them up.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> for i, seconds in enumerate([10.0, 20.0, 5.0]):
    ...     log[i].update(time_train_total=seconds, time_read_data_total=seconds / 10)
    >>> training_seconds(log.snapshot())
    27.5
    """
    columns = snapshot.columns
    prefixes = [
        name.removesuffix(total)
        for name in columns
        for total in (TRAIN_TOTAL, READ_TOTAL)
        if name.endswith(total) and columns[name].values.dtype.kind in "if"
    ]
    if not prefixes:
        return None
    prefix = min(prefixes, key=len)  # if several extensions measured the same time, use one of them
    pairs = [
        columns[prefix + total] for total in (TRAIN_TOTAL, READ_TOTAL) if prefix + total in columns
    ]
    return sum(float(accumulated(one.values.astype(np.float64))[-1]) for one in pairs)
