"""Detection of unknown sizes in shapes, based on two runs with different input sizes.

A size of a tensor is known if it is the same in both runs. Otherwise, it depends on an unknown size
of an input. If it equals the size of the first axis of the inputs in both runs, it is the batch
size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from workbench.diagrams.diagram import UNKNOWN

BATCHES = (2, 3)
"""Sizes of the first axis of an input in the two runs."""

OTHERS = ((64, 96), (80, 112), (48, 72), (40, 56))
"""Pairs of sizes for the other unknown axes; each pair has a size for each of the two runs."""


@dataclass(frozen=True)
class Given:
    """The shape and dtype of an input; a size that is None is unknown."""

    shape: tuple[int | None, ...]
    dtype: torch.dtype = torch.float32

    def sizes(self, run: int, first: int = 0) -> tuple[int, ...]:
        """Return the sizes of the input in one of the two runs."""
        found = []
        number = first
        for axis, size in enumerate(self.shape):
            if size is None and axis == 0:
                found.append(BATCHES[run])
            elif size is None:
                found.append(OTHERS[number % len(OTHERS)][run])
                number += 1
            else:
                found.append(size)
        return tuple(found)

    def text(self) -> str:
        """Return the shape as text."""
        labels = ["batch" if axis == 0 else UNKNOWN for axis in range(len(self.shape))]
        pairs = zip(self.shape, labels, strict=True)
        return " × ".join(label if n is None else str(n) for n, label in pairs) or "scalar"


def merged(one: Sequence[int], other: Sequence[int], batch: bool) -> str:
    """Return the text for the shape of a tensor, given its shapes in the two runs.

    Examples
    --------
    >>> merged((2, 10), (3, 10), True), merged((2, 64), (3, 96), True)
    ('batch × 10', 'batch × ?')
    """
    if len(one) != len(other):
        return UNKNOWN
    sizes = []
    for first, second in zip(one, other, strict=True):
        if first == second:
            sizes.append(str(first))
        elif batch and (first, second) == BATCHES and "batch" not in sizes:
            sizes.append("batch")
        else:
            sizes.append(UNKNOWN)
    return " × ".join(sizes) or "scalar"
