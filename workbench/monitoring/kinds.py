"""Kinds of variables, by what one batch tells of a data set, and the weight of a batch."""

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
    """The weight of a batch: a function of variables, computed only where batches are added up.

    Parameters
    ----------
    of : tuple of Variable
    count : callable
        Gives the weight from their values.
    """

    of: tuple[Variable, ...]
    count: Callable[..., Any]

    def same(self, other: Weight | None) -> bool:
        """Return True if two weights are equal, whatever they turn out to be."""
        return other is not None and self.count == other.count and all_same(self.of, other.of)


def product(*factors: Any) -> Any:
    """Return the weight of a mean over several dimensions: the product of their sizes."""
    return functools.reduce(operator.mul, factors)


@dataclass(frozen=True)
class Part:
    """A summary that is aggregated as it is.

    Attributes
    ----------
    kind : {'mean', 'sum', 'max', 'min', 'scheme', 'constant'}
        How; `scheme` is that of its own tag, `constant` does not depend on data.
    weight : Weight or None
        Of a mean.
    doubtful : bool
        Whether rows may have been taken for something else, which shows if their number varies.
    """

    kind: str
    weight: Weight | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class Unknown:
    """A variable whose value over a data set does not follow from its expression."""

    reason: str


@dataclass(frozen=True)
class Rows:
    """A variable with dimensions of data.

    Attributes
    ----------
    over : tuple of Variable
        Sizes that it has been divided by, so that a sum of it is a mean over them.
    gone : frozenset
        The sizes of dimensions that were summed over.
    mixed : bool
        Whether a row depends on other rows.
    doubtful : bool
        Whether the dimensions that are left may be none of data.
    """

    over: tuple[Variable, ...] = ()
    gone: frozenset[Any] = frozenset()
    mixed: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Summary:
    """A variable in which no dimension of data is left.

    Attributes
    ----------
    degree : Fraction or None
        How it grows with the amount of data; None if that has no simple form.
    weight : Weight or None
        If it is a mean, or linear in means of this weight.
    additive : bool
        If it is a sum over rows, or linear in such sums.
    """

    degree: Fraction | None
    weight: Weight | None = None
    additive: bool = False


class NoData:
    """A variable that depends on no data."""


class PerBatch:
    """A variable of which every batch has one value of its own."""


NO_DATA: Final = NoData()
PER_BATCH: Final = PerBatch()

Kind = NoData | PerBatch | Unknown | Rows | Summary
