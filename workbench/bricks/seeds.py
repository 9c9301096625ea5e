"""Seeds of bricks; each brick has its own seed, derived from ``config.default_seed``.

The seed of a brick without parents also depends on the number of such bricks that received a seed
earlier. The seed of a child is derived from its parent's seed and its own name. Therefore, a brick
draws the same numbers whether it is initialised alone or with its parent, and a change to one layer
does not affect the draws of other layers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy

from workbench.config import config

if TYPE_CHECKING:
    from workbench.graph.hierarchy import Component

_numbers: ContextVar[Iterator[int]] = ContextVar("numbers", default=itertools.count())  # noqa: B039
_earlier: ContextVar[Mapping[str, int] | None] = ContextVar("earlier", default=None)


@contextmanager
def seeds_of(earlier: Mapping[str, int]) -> Iterator[None]:
    """Give bricks without parents the seeds of earlier bricks with the same names.

    The seed of a brick with any other name is derived from this name and the first of these seeds,
    or from ``config.default_seed`` if there are no seeds. It does not depend on other bricks.

    Parameters
    ----------
    earlier : dict of str to int
        Seeds, keyed by brick name.
    """
    token = _earlier.set(earlier)
    try:
        yield
    finally:
        _earlier.reset(token)


@contextmanager
def fresh_seeds() -> Iterator[None]:
    """Give bricks without parents the seeds that they would get in a new process."""
    token = _numbers.set(itertools.count())
    try:
        yield
    finally:
        _numbers.reset(token)


def known_seed(top: Component) -> int | None:
    """Return the derived seed of a brick without parents, or None if there is no seed yet."""
    found: int | None = vars(top).get("_root_seed")
    return found


def root_seed(top: Component) -> int:
    """Return the seed of a brick without parents; the first call determines it."""
    own = vars(top)
    if "_root_seed" not in own:
        own["_root_seed"] = _new_seed(top.name)
    return int(own["_root_seed"])


def _new_seed(name: str) -> int:
    earlier = _earlier.get()
    if earlier is None:
        return _seed([config.default_seed, next(_numbers.get())])
    if name in earlier:
        return earlier[name]
    return _seed([next(iter(earlier.values()), config.default_seed), *map(ord, name)])


def child_seed(seed: int, parent: Component, child: Component) -> int:
    """Derive a child's seed from `seed`, its name and its place among children with that name."""
    twins = [c for c in parent.children if c.name == child.name]
    codes = [ord(character) for character in child.name]
    return _seed([seed, *codes, next(i for i, twin in enumerate(twins) if twin is child)])


def _seed(entropy: list[int]) -> int:
    return int(numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint64)[0] >> 1)
