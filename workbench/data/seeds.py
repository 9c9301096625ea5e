"""Seeds of whatever is random in the data: shuffling, crops, flips.

Nothing here keeps a generator. A random choice is made by one that is new, seeded by the user's
seed and by where training stands, so that going back to a place gives the same choice again.
"""

from __future__ import annotations

import operator
from typing import TypeAlias

import numpy as np

from workbench.errors import DataError

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
    number = as_integer(seed, "seed")
    if number < 0:
        raise DataError(f"seed is {number}; expected an integer that is not negative")
    return number


def generator_at(seed: int, *place: int) -> np.random.Generator:
    """Return a new generator that depends on the seed and the place, such as epoch and position.

    Examples
    --------
    >>> generator_at(1, 0, 5).integers(100) == generator_at(1, 0, 5).integers(100)
    np.True_
    """
    # spawn_key keeps (seed, place) apart from every other pair, which adding them would not
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def as_integer(value: object, name: str) -> int:
    """Return `value` as an int; a bool or a float is refused."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DataError(f"{name} is {value!r}; expected an integer") from None


def as_positive(value: object, name: str) -> int:
    """Return `value` as an int of at least 1."""
    number = as_integer(value, name)
    if number < 1:
        raise DataError(f"{name} is {number}; expected at least 1")
    return number
