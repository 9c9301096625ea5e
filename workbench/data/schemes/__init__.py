"""Iteration schemes: in which order, and in what portions, the examples of an epoch are read.

A scheme answers one question: which requests make up epoch `epoch`, from request `start` on? The
answer is a pure function of those two integers (and of the scheme's seed), so that a position
inside training is two plain integers and resuming from it is exact; no iterator is ever saved.

There are two kinds. An `IndexScheme` says *which* examples: as a slice where they are neighbours
(arrays then give views), as an array of indices otherwise, or one integer an example. A
`BatchSizeScheme` only says *how many*, for data that can be read in no order but their own.

In what follows N is the number of examples and B the batch size.
"""

from workbench.data.schemes.base import (
    BatchScheme,
    BatchSizeScheme,
    IndexScheme,
    Indices,
    IterationScheme,
    Request,
)
from workbench.data.schemes.concatenated import ConcatenatedScheme
from workbench.data.schemes.folds import cross_validation
from workbench.data.schemes.indexed import (
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledExampleScheme,
    ShuffledScheme,
)
from workbench.data.schemes.sizes import ConstantScheme
from workbench.names import explain_missing

__all__ = [
    "BatchScheme",
    "BatchSizeScheme",
    "ConcatenatedScheme",
    "ConstantScheme",
    "IndexScheme",
    "Indices",
    "IterationScheme",
    "Request",
    "SequentialExampleScheme",
    "SequentialScheme",
    "ShuffledExampleScheme",
    "ShuffledScheme",
    "cross_validation",
]

explain_missing(__name__)
