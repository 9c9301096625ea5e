"""Iteration schemes, which define the order and the batches of the examples in an epoch.

Given the integers `epoch` and `start`, a scheme returns the requests of this epoch, omitting the
first `start`. The requests depend only on these integers and on the seed of the scheme. The two
integers therefore define a position where training can resume exactly; iterators are not
saved.

There are two kinds of schemes. A request of an `IndexScheme` is the index of one example, a slice
of consecutive indices (which selects a view of an array) or an array of indices. A request of a
`BatchSizeScheme` is a number of examples, for data that can only be read in order.
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
