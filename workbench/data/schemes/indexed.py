"""Schemes that select examples by index, in order or shuffled, in batches or one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from workbench.data.schemes.base import BatchScheme, IndexScheme, Indices, Request
from workbench.data.seeds import Rng, generator_at, resolve_seed


class SequentialScheme(BatchScheme):
    """Scheme that requests batches of consecutive examples; the last batch may be smaller.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read, in this order.
    batch_size : int
        The number of examples in a batch.

    Examples
    --------
    >>> list(SequentialScheme(5, batch_size=2).get_request_iterator())
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        return portions(self.indices, self.batch_size, start)

    def __repr__(self) -> str:
        return f"SequentialScheme({_counted(self)}, batch_size={self.batch_size})"


class ShuffledScheme(BatchScheme):
    """Scheme that requests batches of shuffled examples; the last batch may be smaller.

    Each epoch has a new order, which depends only on the seed and the epoch number.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.
    batch_size : int
        The number of examples in a batch.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed once, on construction.
    seed : int, optional
        The seed; by default `config.default_seed`.
    sorted_indices : bool
        If True, sort the indices in each batch, to make reading from files faster.

    Examples
    --------
    >>> scheme = ShuffledScheme(6, batch_size=4, seed=1)
    >>> whole = np.concatenate(list(scheme.get_request_iterator(epoch=3)))
    >>> sorted(whole.tolist())
    [0, 1, 2, 3, 4, 5]
    >>> [rest] = scheme.get_request_iterator(epoch=3, start=1)
    >>> bool((rest == whole[4:]).all())
    True
    """

    def __init__(
        self,
        examples: int | Sequence[int] | npt.NDArray[np.integer],
        batch_size: int,
        *,
        rng: Rng | None = None,
        seed: int | None = None,
        sorted_indices: bool = False,
    ) -> None:
        super().__init__(examples, batch_size)
        self.seed = resolve_seed(rng, seed, "a scheme")
        self.sorted_indices = sorted_indices

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        order = self._order(epoch)
        return portions(order, self.batch_size, start, ascending=self.sorted_indices)

    def _order(self, epoch: int) -> Indices:
        return _shuffled(self.indices, self.seed, epoch)

    def __repr__(self) -> str:
        return f"ShuffledScheme({_counted(self)}, batch_size={self.batch_size}, seed={self.seed})"


class SequentialExampleScheme(IndexScheme):
    """Scheme that requests single examples in order.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read, in this order.

    Examples
    --------
    >>> list(SequentialExampleScheme([5, 3, 8]).get_request_iterator())
    [5, 3, 8]
    """

    requests_examples = True

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        return one_by_one(self.indices[start:])

    def __repr__(self) -> str:
        return f"SequentialExampleScheme({_counted(self)})"


class ShuffledExampleScheme(IndexScheme):
    """Scheme that requests single examples in an order that is shuffled in each epoch.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed once, on construction.
    seed : int, optional
        The seed; by default `config.default_seed`.

    Examples
    --------
    >>> sorted(ShuffledExampleScheme(4, seed=0).get_request_iterator(epoch=2))
    [0, 1, 2, 3]
    """

    requests_examples = True

    def __init__(
        self,
        examples: int | Sequence[int] | npt.NDArray[np.integer],
        *,
        rng: Rng | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(examples)
        self.seed = resolve_seed(rng, seed, "a scheme")

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        return one_by_one(self._order(epoch)[start:])

    def _order(self, epoch: int) -> Indices:
        return _shuffled(self.indices, self.seed, epoch)

    def __repr__(self) -> str:
        return f"ShuffledExampleScheme({_counted(self)}, seed={self.seed})"


def _counted(scheme: IndexScheme) -> str:
    return f"{scheme.num_examples} example{'s' * (scheme.num_examples != 1)}"


def _shuffled(indices: Indices, seed: int, epoch: int) -> npt.NDArray[np.intp]:
    return generator_at(seed, epoch).permutation(np.asarray(indices, dtype=np.intp))


def portions(
    indices: Indices, size: int, start: int, *, ascending: bool = False
) -> Iterator[Request]:
    """Split `indices` into portions of `size`, and yield all portions but the first `start`."""
    if isinstance(indices, range) and indices.step == 1 and indices.start >= 0:
        for first in range(indices.start + start * size, indices.stop, size):
            yield slice(first, min(first + size, indices.stop))
        return
    for first in range(start * size, len(indices), size):
        portion = np.asarray(indices[first : first + size], dtype=np.intp)
        yield np.sort(portion) if ascending else portion


def one_by_one(indices: Indices) -> Iterator[int]:
    """Yield `indices` as integers."""
    return iter(indices) if isinstance(indices, range) else iter(indices.tolist())
