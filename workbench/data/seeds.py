"""Seeds for random operations on data, such as shuffling, cropping and flipping.

Each random choice uses a new generator, seeded with the user's seed, the epoch and the position
in the data. Therefore the choice is the same whenever this position is read in the same epoch.

Datasets and functions of users can also draw from the global generators of torch, NumPy and Python.
In the processes of a run, these generators are seeded in the same way while a batch is read, so all
processes read the same batches. In other processes they are left alone, because other threads may
use them at the same time.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch

from workbench.errors import DataError
from workbench.tensor.processes import known_group
from workbench.utils.numbers import as_whole

Rng: TypeAlias = "np.random.Generator | np.random.RandomState"


def resolve_seed(rng: Rng | None, seed: int | None, owner: str) -> int:
    """Return the seed, a seed drawn from `rng`, or the default seed in `config`.

    Parameters
    ----------
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed.
    seed : int, optional
        The seed; by default `config.default_seed`.
    owner : str
        The name of the object that uses the seed, for error messages.

    Raises
    ------
    DataError
        If both `rng` and `seed` are given, or if `seed` is not a non-negative integer.

    Examples
    --------
    >>> resolve_seed(None, 7, "an example")
    7
    """
    if rng is not None and seed is not None:
        raise DataError(
            f"{owner} accepts either rng or seed, not both; if rng is given, the seed is drawn "
            "from it"
        )
    if isinstance(rng, np.random.RandomState):
        return int(rng.randint(2**31))
    if rng is not None:
        return int(rng.integers(2**63))
    if seed is None:
        from workbench.config import config

        seed = config.default_seed
    return as_whole(seed, "seed", DataError, 0)


def generator_at(seed: int, *place: int) -> np.random.Generator:
    """Create a generator that depends only on the seed and numbers such as the epoch and position.

    Examples
    --------
    >>> generator_at(1, 0, 5).integers(100) == generator_at(1, 0, 5).integers(100)
    np.True_
    """
    # spawn_key gives each pair (seed, place) its own random numbers; with seed + place, pairs
    # with equal sums would share the same numbers
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


_numpy: Any = np.random
"""NumPy's module; its type hints lack the functions for the global generator."""

_fixed = [False]
"""True in a process that only trains one run."""


def fix_global_draws() -> None:
    """Set the seeds of global generators whenever this process reads a batch from now on."""
    _fixed[0] = True


def with_fixed_draws(
    begin: Callable[[], Iterator[Any]], seed: int | None, epoch: int, start: int = 0
) -> Iterator[Any]:
    """Return an iterator over batches that seeds the global generators in the processes of a run.

    Parameters
    ----------
    begin : callable
        A function that returns the iterator to read.
    seed : int or None
        The seed; None for `config.default_seed`.
    epoch, start : int
        The epoch, and the position of the first batch of the iterator.

    Examples
    --------
    >>> list(with_fixed_draws(lambda: iter("ab"), 1, 0))
    ['a', 'b']
    """
    group = known_group()
    if not _fixed[0] and (group is None or group.size == 1):
        return begin()
    seed, own = resolve_seed(None, seed, "a stream"), np.random.MT19937()
    with global_generators(own, seed, epoch, start):
        batches = begin()
    return _seeded(batches, own, seed, epoch, start)


def _seeded(
    batches: Iterator[Any], own: np.random.MT19937, seed: int, epoch: int, position: int
) -> Iterator[Any]:
    """Yield batches that are read with seeded generators."""
    while True:
        with global_generators(own, seed, epoch, position):
            try:
                batch = next(batches)
            except StopIteration:
                return
        yield batch
        position += 1


@contextlib.contextmanager
def global_generators(own: np.random.MT19937, seed: int, *place: int) -> Iterator[None]:
    """Set seeds of the global generators of torch (CPU), NumPy and Python in the ``with`` block.

    Afterwards they continue as if nothing had been drawn. NumPy's generator is replaced by `own`,
    because it would take much longer to save and to restore its state.

    Examples
    --------
    >>> own, found = np.random.MT19937(), []
    >>> for _ in range(2):
    ...     with global_generators(own, 1, 0, 5):
    ...         found.append(random.random() + float(torch.rand(())))
    >>> found[0] == found[1]
    True
    """
    words = [int(one) for one in np.random.SeedSequence(seed, spawn_key=place).generate_state(3)]
    left = torch.default_generator.get_state(), _numpy.get_bit_generator(), random.getstate()
    torch.default_generator.manual_seed(words[0])
    _numpy.set_bit_generator(own)
    np.random.seed(words[1])  # noqa: NPY002
    random.seed(words[2])
    try:
        yield
    finally:
        torch.default_generator.set_state(left[0])
        _numpy.set_bit_generator(left[1])
        random.setstate(left[2])
