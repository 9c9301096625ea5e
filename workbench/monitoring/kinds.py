"""Batch weights, and the kinds of variables, which determine how values are aggregated."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from workbench.monitoring.sizes import all_same
from workbench.tensor import Variable, as_variable


@dataclass(frozen=True)
class Weight:
    """Weight of a batch, computed from variables only when batches are aggregated.

    Parameters
    ----------
    of : tuple of Variable
    count : callable
        A function that computes the weight from the values of these variables.
    """

    of: tuple[Variable, ...]
    count: Callable[..., Any]

    def same(self, other: Weight | None) -> bool:
        """Return True if two weights are known to be equal regardless of the data."""
        return other is not None and self.count == other.count and all_same(self.of, other.of)

    def counted(self) -> Weight:
        """Return the same weight, computed from a single number for each batch."""
        if self.count is product:
            return self
        return Weight((as_variable(self.count(*self.of)),), product)


def product(*factors: Any) -> Any:
    """Multiply the sizes of several dimensions; the product is the weight of a mean over them."""
    return functools.reduce(operator.mul, factors)


@dataclass(frozen=True)
class Part:
    """Rule for aggregating the values of a variable that has no data dimensions.

    Attributes
    ----------
    kind : {'mean', 'sum', 'max', 'min', 'scheme', 'constant'}
        The kind of aggregation: ``scheme`` for the scheme in the tag of the variable, and
        ``constant`` for a value that does not depend on data.
    weight : Weight or None
        The weight of a mean.
    doubtful : bool
        True if it is uncertain whether the rows are examples. If the number of rows varies between
        batches, they are assumed to be examples.
    """

    kind: str
    weight: Weight | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class Unknown:
    """Kind of a variable whose value over a dataset cannot be inferred from its expression."""

    reason: str


@dataclass(frozen=True)
class Rows:
    """Kind of a variable with data dimensions, such as the dimension of the examples.

    Attributes
    ----------
    over : tuple of Variable
        The sizes that the variable was divided by. The sum of the variable over its remaining
        dimensions is a mean, whose weight is the product of these sizes.
    summed : frozenset
        The sizes of the dimensions that the variable was summed over.
    mixed : bool
        True if a row depends on other rows.
    doubtful : bool
        True if it is uncertain whether the remaining dimensions are data dimensions.
    """

    over: tuple[Variable, ...] = ()
    summed: frozenset[Any] = frozenset()
    mixed: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Summary:
    """Kind of a variable that is computed from data and has no data dimensions.

    Attributes
    ----------
    degree : Fraction or None
        The exponent d if the variable is proportional to the d-th power of the amount of data; None
        if unknown.
    weight : Weight or None
        The weight of the mean if the variable is a mean, or the common weight if it is linear in
        several means; otherwise None.
    additive : bool
        True if the variable is a sum over rows, or is linear in sums over rows.
    """

    degree: Fraction | None
    weight: Weight | None = None
    additive: bool = False


class NoData:
    """Kind of a variable that does not depend on data."""


class PerBatch:
    """Kind of a variable with a value for each batch, but no value for the whole dataset."""


NO_DATA: Final = NoData()
PER_BATCH: Final = PerBatch()

Kind = NoData | PerBatch | Unknown | Rows | Summary
