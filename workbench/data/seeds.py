"""Seeds of random operations on data: shuffling, crops, flips.

No generator is kept. Each random choice uses a new generator, seeded by the user's seed and the
place of training, so that returning to a place gives the same choice again.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from workbench.errors import DataError
from workbench.utils.numbers import as_whole

Rng: TypeAlias = "np.random.Generator | np.random.RandomState"


def resolve_seed(rng: Rng | None, seed: int | None, owner: str) -> int:
    """Return the given seed, a seed drawn from `rng`, or the seed of the settings.

    Parameters
    ----------
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator from which the seed is drawn, once and immediately.
    seed : int, optional
        The seed itself; by default `config.default_seed`.
    owner : str
        The owner of the seed, for messages.

    Examples
    --------
    >>> resolve_seed(None, 7, "an example")
    7
    """
    if rng is not None and seed is not None:
        raise DataError(
            f"{owner} was given both rng and seed; give only one: the seed is drawn from rng"
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
    """Return a new generator that depends on the seed and the place, such as epoch and position.

    Examples
    --------
    >>> generator_at(1, 0, 5).integers(100) == generator_at(1, 0, 5).integers(100)
    np.True_
    """
    # with spawn_key no other pair (seed, place) has the same numbers; a sum could be equal
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))
