"""Cache of arrays for creating the pandas frames of a log.

In a frame, every channel must be aligned with all rows. `FrameCache` keeps an aligned array for
each channel and extends it with new records at each request. The frames are views of these arrays.
A frame never changes after it is returned, because a later record for one of its rows goes into a
copy.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.log.column import EXACT, frozen

if TYPE_CHECKING:
    import pandas as pd

ENDING = ("training_finish_requested", "training_finished")
"""Channels that only say how a run ended; tables of epochs and of several runs omit them."""


class Entries(NamedTuple):
    """Contents of a channel: iterations in increasing order, values, and the number of edits."""

    iterations: NDArray[np.int64]
    values: NDArray[Any]
    edits: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Contents of a log at one instant.

    Attributes
    ----------
    rows : array of int64
        The iterations that have records, in increasing order.
    edits : int
        The number of changes to `rows`, not counting appended rows.
    columns : dict
        A mapping from name to `Entries`, in the order of first appearance.
    lasting : bool
        True if later snapshots include all records of this snapshot.
    """

    rows: NDArray[np.int64]
    edits: int
    columns: dict[str, Entries]
    lasting: bool = True

    def values_at(self, name: str, iterations: NDArray[np.int64]) -> list[Any]:
        """Return the values of a channel at the given iterations, with None for missing records."""
        entries = self.columns.get(name)
        if entries is None or not len(entries.iterations):
            return [None] * len(iterations)
        last = len(entries.iterations) - 1
        places = np.minimum(entries.iterations.searchsorted(iterations), last)
        found = entries.iterations[places] == iterations
        return [
            entries.values.item(place) if there else None
            for place, there in zip(places.tolist(), found.tolist(), strict=True)
        ]


class FrameCache:
    """Thread-safe cache that creates frames from successive snapshots of one log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._edits = 0
        self._aligned: dict[str, _Aligned] = {}

    def frame(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return the frame of `snapshot`."""
        if not snapshot.lasting:
            return FrameCache().frame(Snapshot(snapshot.rows, 0, snapshot.columns))
        import pandas as pd

        rows = snapshot.rows
        index = pd.Index(rows, name="iteration", copy=False)
        with self._lock:
            if snapshot.edits != self._edits:
                self._aligned, self._edits = {}, snapshot.edits
            arrays = {name: self._align(name, e, rows) for name, e in snapshot.columns.items()}
        # With an explicit dtype, pandas does not inspect every object to infer one.
        series = {
            name: pd.Series(array, index=index, dtype=array.dtype, copy=False)
            for name, array in arrays.items()
        }
        return pd.DataFrame(series, index=index, copy=False)

    def _align(self, name: str, entries: Entries, rows: NDArray[np.int64]) -> NDArray[Any]:
        if len(entries.values) == len(rows):
            return entries.values
        aligned = self._aligned.get(name)
        if aligned is None or not aligned.continues(entries, rows):
            aligned = self._aligned[name] = _Aligned(entries)
        return aligned.extend(entries, rows)


class _Aligned:
    """Values of a channel, aligned with all rows."""

    def __init__(self, entries: Entries) -> None:
        # Missing records are NaN, so that integers become floats.
        self._exact = _are_floats(entries.values)
        self._buffer = np.empty(0, np.float64 if self._exact else object)
        self._edits = entries.edits
        self._rows = 0
        self._used = 0

    def continues(self, entries: Entries, rows: NDArray[np.int64]) -> bool:
        """Return True if `entries` and `rows` extend the current contents."""
        same = entries.edits == self._edits
        if self._exact and not _are_floats(entries.values[self._used :]):
            return False
        return same and len(rows) >= self._rows and len(entries.values) >= self._used

    def extend(self, entries: Entries, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Add the new entries, and return a read-only view with an item for every row."""
        count, new = len(rows), entries.iterations[self._used :]
        if count > len(self._buffer):
            larger = np.empty(count + count // 8 + 16, self._buffer.dtype)
            larger[: self._rows] = self._buffer[: self._rows]
            self._buffer = larger
        self._buffer[self._rows : count] = np.nan
        if len(new):
            first = int(rows.searchsorted(new[0]))
            if first < self._rows:
                self._buffer = self._buffer.copy()
            block = slice(first, first + len(new))
            at = block if np.array_equal(rows[block], new) else rows.searchsorted(new)
            self._buffer[at] = entries.values[self._used :]
        self._rows, self._used = count, len(entries.values)
        return frozen(self._buffer[:count])


def _are_floats(values: NDArray[Any]) -> bool:
    """Return True if float64 represents all `values` exactly."""
    if values.dtype == np.int64:
        return not len(values) or bool(values.max() <= EXACT and values.min() >= -EXACT)
    return values.dtype == np.float64


def by_epoch(frame: pd.DataFrame, ends: Sequence[int]) -> pd.DataFrame:
    """Return the rows of `frame` at the iterations `ends`, indexed by epoch.

    If there are no records at the end of an epoch, its row contains only the iteration. A channel
    with the name ``iteration`` and the channels in `ENDING` are omitted.
    """
    import pandas as pd

    at = frame.index.to_numpy().searchsorted(ends)
    near = frame.take(at[at < len(frame)])
    epochs = near[near.index.isin(ends)].reindex(pd.Index(ends, dtype=np.int64))
    number = pd.RangeIndex(1, len(ends) + 1, name="epoch")
    epochs = epochs.drop(columns=["iteration", *ENDING], errors="ignore")
    # All columns are joined at once, since pandas warns about many single insertions.
    epochs = pd.concat([epochs.index.to_frame(name="iteration"), epochs], axis="columns")
    return epochs.set_axis(number)
