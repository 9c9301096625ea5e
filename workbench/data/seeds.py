"""Seeds for random operations on data, such as shuffling, cropping and flipping.

Each random choice uses a new generator, seeded with the user's seed, the epoch and the position
in the data. Therefore the choice is the same whenever this position is read in the same epoch.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from workbench.errors import DataError
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
