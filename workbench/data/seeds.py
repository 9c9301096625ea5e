"""Seeds of whatever is random in the data: shuffling, crops, flips.

Nothing here keeps a generator. A random choice is made by one that is new, seeded by the user's
seed and by where training stands, so that going back to a place gives the same choice again.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from workbench.errors import DataError
from workbench.utils.numbers import as_whole

Rng: TypeAlias = "np.random.Generator | np.random.RandomState"


def resolve_seed(rng: Rng | None, seed: int | None, owner: str) -> int:
    """Return the seed that was given, or drawn from `rng`, or the one of the settings.

    Parameters
    ----------
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        Where to draw the seed from, once, now.
    seed : int, optional
        The seed itself; `config.default_seed` if neither is given.
    owner : str
        Whose seed it is, for messages.

    Examples
    --------
    >>> resolve_seed(None, 7, "an example")
    7
    """
    if rng is not None and seed is not None:
        raise DataError(
            f"{owner} was given both rng and seed; the seed is drawn from rng: give one"
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
    # spawn_key keeps (seed, place) apart from every other pair, which adding them would not
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))
