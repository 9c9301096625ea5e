"""Shares of batches: the examples of each batch that one of several processes reads.

Schemes and streams define whole batches, which are the same in all processes. A share is taken from
a batch when the batch is read, so positions in the data do not depend on the number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import DataError

UNEQUAL = (
    "the sources of a batch must have the same number of examples, so that the batch can be "
    "divided among {size} processes, but they have {lengths}; pass the example axis of each "
    "source, as in DataParallel(axis={{'features': 1}})"
)
NO_AXIS = (
    "the source {name!r} of a batch has no axis {axis}, so it cannot be divided among {size} "
    "processes; pass its example axis, as in DataParallel(axis={{{name!r}: 0}}), or None "
    "for a source that all processes read completely"
)


@dataclass(frozen=True)
class Share:
    """The part of each batch that one process reads.

    Attributes
    ----------
    rank, size : int
        The index of the process, and the number of processes.
    axis : int or dict of str to (int or None)
        The example axis: one axis for all sources, or a mapping from source to axis. The
        axis of a source that is not in the mapping is 0. A source whose axis is None is read
        completely.
    """

    rank: int
    size: int
    axis: int | Mapping[str, int | None] = 0

    def bounds(self, n_examples: int) -> tuple[int, int]:
        """Return the indices of the first example in the share and the first example after it.

        Examples
        --------
        >>> [Share(rank, 3).bounds(7) for rank in range(3)]
        [(0, 2), (2, 4), (4, 7)]
        """
        first, last = (n_examples * (self.rank + i) // self.size for i in (0, 1))
        return first, last

    def axis_of(self, source: str) -> int | None:
        """Return the example axis of a source, or None if the source is read completely."""
        return self.axis if isinstance(self.axis, int) else self.axis.get(source, 0)


class SharedBatch(dict[str, Any]):
    """The share of a batch, and its position in the whole batch.

    Attributes
    ----------
    first : int
        The number of examples before the share.
    total : int
        The number of examples in the whole batch.
    number : int
        A number that is the same for all shares of the batch and different for most other batches.
    read_whole : callable
        A function that returns the whole batch, and first reads it if necessary.
    """

    def __init__(
        self,
        entries: Mapping[str, Any],
        first: int,
        total: int,
        number: int,
        read_whole: Callable[[], Mapping[str, Any]],
    ) -> None:
        super().__init__(entries)
        self.first = first
        self.total = total
        self.number = number
        self.read_whole = read_whole


def divided(batch: Mapping[str, Any], share: Share, number: int) -> SharedBatch:
    """Return the share of a whole batch.

    Parameters
    ----------
    batch : dict
        The array of each source.
    share : Share
    number : int
        See `SharedBatch`.

    Raises
    ------
    DataError
        If the sources have different numbers of examples, or if a source does not have the axis.
    """
    axes = {name: share.axis_of(name) for name in batch}
    lengths = {
        name: _length(batch[name], name, a, share) for name, a in axes.items() if a is not None
    }
    if len(set(lengths.values())) != 1:
        text = ", ".join(f"{number} ({name})" for name, number in lengths.items()) or "no axis"
        raise DataError(UNEQUAL.format(size=share.size, lengths=text))
    [total] = set(lengths.values())
    first, last = share.bounds(total)
    entries = {
        name: entry
        if axes[name] is None
        else entry[(slice(None),) * int(axes[name] or 0) + (slice(first, last),)]
        for name, entry in batch.items()
    }
    return SharedBatch(entries, first, total, number, lambda: batch)


def _length(entry: Any, name: str, axis: int | None, share: Share) -> int:
    shape = np.shape(entry) if not hasattr(entry, "shape") else entry.shape
    if axis is None or len(shape) <= axis or not hasattr(entry, "shape"):
        raise DataError(NO_AXIS.format(name=name, axis=axis, size=share.size))
    return int(shape[axis])
