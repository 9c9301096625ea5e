"""Iteration schemes, which define the order and the batches of the examples in an epoch.

Given the integers `epoch` and `start`, a scheme returns the requests of this epoch, omitting the
first `start`. They depend only on these integers and on the seed of the scheme. The two integers
therefore define a position from which training can resume exactly; iterators are not saved.

There are two kinds of schemes. The requests of an `IndexScheme` are indices of examples: a slice if
they are consecutive (arrays then return views), otherwise an array of indices, or one integer per
example. The requests of a `BatchSizeScheme` are numbers of examples, for data that can only be read
in order.
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
