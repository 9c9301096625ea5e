"""Kinds of variables, by how batches determine their value over a data set; weights of batches."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from workbench.monitoring.sizes import all_same
from workbench.tensor import Variable


@dataclass(frozen=True)
class Weight:
    """Weight of a batch: a function of variables, computed only when batches are added up.

    Parameters
    ----------
    of : tuple of Variable
    count : callable
        Computes the weight from their values.
    """

    of: tuple[Variable, ...]
    count: Callable[..., Any]

    def same(self, other: Weight | None) -> bool:
        """Return True if two weights are equal for any data."""
        return other is not None and self.count == other.count and all_same(self.of, other.of)


def product(*factors: Any) -> Any:
    """Return the weight of a mean over several dimensions: the product of their sizes."""
    return functools.reduce(operator.mul, factors)


@dataclass(frozen=True)
class Part:
    """Summary that is aggregated directly.

    Attributes
    ----------
    kind : {'mean', 'sum', 'max', 'min', 'scheme', 'constant'}
        The way; `scheme` is that of its own tag, `constant` does not depend on data.
    weight : Weight or None
        The weight of a mean.
    doubtful : bool
        True if the rows may not be examples, which shows when their number varies.
    """

    kind: str
    weight: Weight | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class Unknown:
    """Variable whose value over a data set does not follow from its expression."""

    reason: str


@dataclass(frozen=True)
class Rows:
    """Variable with dimensions of data.

    Attributes
    ----------
    over : tuple of Variable
        The sizes by which it was divided, so that its sum is a mean over them.
    summed : frozenset
        The sizes of dimensions that were summed over.
    mixed : bool
        True if a row depends on other rows.
    doubtful : bool
        True if the remaining dimensions may not be those of data.
    """

    over: tuple[Variable, ...] = ()
    summed: frozenset[Any] = frozenset()
    mixed: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Summary:
    """Variable without dimensions of data.

    Attributes
    ----------
    degree : Fraction or None
        The power of the amount of data with which it grows; None if that is unknown.
    weight : Weight or None
        The weight, if it is a mean or linear in means of this weight.
    additive : bool
        True if it is a sum over rows, or linear in sums over rows.
    """

    degree: Fraction | None
    weight: Weight | None = None
    additive: bool = False


class NoData:
    """Variable that depends on no data."""


class PerBatch:
    """Variable that has one value for each batch, and none for all data."""


NO_DATA: Final = NoData()
PER_BATCH: Final = PerBatch()

Kind = NoData | PerBatch | Unknown | Rows | Summary
