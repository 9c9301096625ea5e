"""Seeds of bricks: every brick has its own, derived from ``config.default_seed``.

A top brick takes the next number of the process; a child's seed follows from its parent's and from
its own name. So a brick draws the same numbers whether it is initialised alone or with its parent,
and changing one layer does not change the draws of the others.
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
    """The seed of a brick without parents, which keeps it once it has been asked for."""
    own = vars(top)
    if "_root_seed" not in own:
        own["_root_seed"] = _seed([config.default_seed, next(_numbers)])
    return int(own["_root_seed"])


def child_seed(seed: int, parent: Component, child: Component) -> int:
    """The seed of a child; children of one name differ by which of them they are."""
    twins = [c for c in parent.children if c.name == child.name]
    letters = [ord(letter) for letter in child.name]
    return _seed([seed, *letters, next(i for i, twin in enumerate(twins) if twin is child)])


def _seed(entropy: list[int]) -> int:
    return int(numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint64)[0] >> 1)
