"""Functions that read shares of batches, if possible without reading the other examples.

If a stream changes each example independently of the others and draws no random numbers, each
process reads only the examples of its share. Otherwise, for example with padding or random crops,
each process reads the whole batch and then takes its share.
"""

from __future__ import annotations

import copy
import itertools
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from workbench.data.schemes import IterationScheme
from workbench.data.shares import Share, SharedBatch, divided

AN_EPOCH = 1009
"""Offset between the batch numbers of consecutive epochs."""


class Divisible(Protocol):
    """Interface of a data stream whose batches can be divided into shares."""

    sources: tuple[str, ...]
    produces_examples: bool

    @property
    def reads_example_by_example(self) -> bool:
        """True if each example is read and changed independently of the others."""

    def iterate(self, epoch: int, start: int = 0) -> Iterator[tuple[Any, ...]]:
        """Return an iterator over the batches of an epoch, omitting the first `start` batches."""


def shared_batches(
    stream: Divisible, whole: Iterator[tuple[Any, ...]], share: Share, epoch: int, start: int
) -> Iterator[SharedBatch]:
    """Return an iterator over the shares of an epoch's batches.

    Parameters
    ----------
    stream : Divisible
        The stream.
    whole : iterator
        An iterator over the whole batches of the stream, which is used only if necessary.
    share : Share
    epoch, start : int
        The epoch, and the number of batches to omit.
    """
    sources = stream.sources
    below = narrowed(stream, share)
    if below is None:
        numbers = itertools.count(epoch * AN_EPOCH + start)
        pairs = zip(whole, numbers, strict=False)
        return (
            divided(dict(zip(sources, batch, strict=True)), share, number + checksum(batch[0]))
            for batch, number in pairs
        )

    def read_whole(number: int) -> dict[str, Any]:
        return dict(zip(sources, next(stream.iterate(epoch, number)), strict=True))

    return _read(*below, read_whole, share, epoch, start)


def _read(
    stream: Divisible,
    scheme: IterationScheme,
    read_whole: Callable[[int], dict[str, Any]],
    share: Share,
    epoch: int,
    start: int,
) -> Iterator[SharedBatch]:
    sources = stream.sources
    requests: Iterator[Any] = scheme.get_request_iterator(epoch, start)
    positions = itertools.count(start)
    for batch, request, position in zip(
        stream.iterate(epoch, start), requests, positions, strict=False
    ):
        total = _length(request)
        first, _ = share.bounds(total)
        read = request.start if isinstance(request, slice) else checksum(request)
        entries = dict(zip(sources, batch, strict=True))
        number = epoch * AN_EPOCH + position + read
        yield SharedBatch(entries, first, total, number, partial(read_whole, position))


def narrowed(stream: Divisible, share: Share) -> tuple[Divisible, IterationScheme] | None:
    """Return ``(copy, scheme)``, or None if shares must be taken from whole batches.

    The copy reads only `share` of each batch; the original scheme defines the whole batches.
    """
    if not isinstance(share.axis, int) or share.axis:
        return None
    if not stream.reads_example_by_example or stream.produces_examples:
        return None
    new: Any = copy.copy(stream)
    if not hasattr(stream, "data_stream"):
        scheme = new.iteration_scheme
        if scheme is None or scheme.bounds is None or new._differs_for_others:
            return None
        new.iteration_scheme = ShareScheme(scheme, share)
        return new, scheme
    below = narrowed(new.data_stream, share)
    if below is None:
        return None
    new.data_stream = below[0]
    return new, below[1]


class ShareScheme(IterationScheme):
    """Scheme that requests one process's share of each batch of another scheme.

    Parameters
    ----------
    scheme : IterationScheme
        The other scheme, whose requests are the indices of the examples in a batch.
    share : Share

    Attributes
    ----------
    scheme : IterationScheme
    share : Share
    """

    def __init__(self, scheme: IterationScheme, share: Share) -> None:
        self.scheme = scheme
        self.share = share
        self.num_batches = scheme.num_batches

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The smallest and largest index that the scheme of whole batches requests."""
        return self.scheme.bounds

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Any]:
        for request in self.scheme.get_request_iterator(epoch, start):
            first, last = self.share.bounds(_length(request))
            if isinstance(request, slice):
                yield slice(request.start + first, request.start + last)
            else:
                yield request[first:last]  # type: ignore[index]


def checksum(entry: Any) -> int:
    """Return a checksum of the first and last rows of an array, or 0 for other objects.

    Examples
    --------
    >>> import numpy as np
    >>> checksum(np.arange(4)) == checksum(np.arange(4)), checksum(["a", "b"])
    (True, 0)
    >>> checksum(np.arange(4)) == checksum(np.arange(4)[::-1])
    False
    """
    if not isinstance(entry, (np.ndarray, torch.Tensor)) or not entry.ndim or not len(entry):
        return 0
    rows: Any = entry[[0, -1]]
    if isinstance(rows, torch.Tensor):
        rows = rows.detach().cpu().contiguous().view(torch.uint8).numpy()
    return 0 if rows.dtype == object else zlib.crc32(np.ascontiguousarray(rows).data)


def _length(request: Any) -> int:
    return request.stop - request.start if isinstance(request, slice) else len(request)
