"""Seeds of bricks; each brick has its own, derived from ``config.default_seed``.

A top brick takes the next number of the process; a child's seed is derived from its parent's seed
and its own name. So a brick draws the same numbers alone and with its parent, and a change of one
layer does not change the draws of the others.
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
    """Return the seed of a brick without parents, which keeps it from the first call on."""
    own = vars(top)
    if "_root_seed" not in own:
        own["_root_seed"] = _seed([config.default_seed, next(_numbers)])
    return int(own["_root_seed"])


def child_seed(seed: int, parent: Component, child: Component) -> int:
    """Return the seed of a child; children of one name differ by their order."""
    twins = [c for c in parent.children if c.name == child.name]
    codes = [ord(character) for character in child.name]
    return _seed([seed, *codes, next(i for i, twin in enumerate(twins) if twin is child)])


def _seed(entropy: list[int]) -> int:
    return int(numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint64)[0] >> 1)
