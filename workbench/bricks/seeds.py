"""Seeds of bricks; each brick has its own seed, derived from ``config.default_seed``.

The seed of a brick without parents also depends on how many such bricks received a seed before it.
The seed of a child is derived from its parent's seed and its own name. Therefore a brick draws the
same numbers whether it is initialised alone or with its parent, and a change to one layer does not
affect the draws of the others.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy

from workbench.config import config

if TYPE_CHECKING:
    from workbench.graph.hierarchy import Component

_numbers = itertools.count()


def root_seed(top: Component) -> int:
    """Return the seed of a brick without parents; the first call determines it."""
    own = vars(top)
    if "_root_seed" not in own:
        own["_root_seed"] = _seed([config.default_seed, next(_numbers)])
    return int(own["_root_seed"])


def child_seed(seed: int, parent: Component, child: Component) -> int:
    """Derive a child's seed from `seed`, its name and its place among children of that name."""
    twins = [c for c in parent.children if c.name == child.name]
    codes = [ord(character) for character in child.name]
    return _seed([seed, *codes, next(i for i, twin in enumerate(twins) if twin is child)])


def _seed(entropy: list[int]) -> int:
    return int(numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint64)[0] >> 1)
