"""Symbolic comparison of sizes that are unknown until data are given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from workbench.tensor import SharedVariable, Variable, shapes


def data_sizes(variable: Variable) -> list[Any]:
    """Return the unknown sizes of a variable as symbolic expressions."""
    if variable.is_number:
        return []
    return [size for size in map(size_of, variable.fake.shape) if size]


def size_of(size: Any) -> Any:
    """Return the symbolic expression of an unknown size, or 0 if the size is known.

    Sizes that are known to be equal have the same expression.
    """
    expression = shapes.symbol(size)
    if isinstance(expression, int):
        return 0
    first = {one: _first(one) for one in expression.free_symbols}
    return expression.xreplace({one: other for one, other in first.items() if one != other})


def _first(symbol: Any) -> Any:
    """Return the first symbol that is known to be equal to `symbol`."""
    while others := shapes.equal_to(symbol):
        symbol = others[0]
    return symbol


def at_source(number: Variable, order: Iterable[Variable]) -> Variable:
    """Return the first size equal to `number` among the sizes of variables in this `order`.

    If this size is used, later variables need not be kept just for their sizes, and can be fused
    with other operations.
    """
    if not isinstance(number.fake, torch.SymInt):
        return number
    wanted = size_of(number.fake)
    for one in order:
        sizes = [] if isinstance(one, SharedVariable) or one.is_number else one.fake.shape
        for axis, size in enumerate(sizes):
            if size_of(size) == wanted:
                found: Variable = one.shape[axis]
                return found
    return number


def _same(one: Variable, other: Variable) -> bool:
    """Return True if two variables are known to be equal regardless of the data."""
    if one is other:
        return True
    numbers = isinstance(one.fake, torch.SymInt) and isinstance(other.fake, torch.SymInt)
    return numbers and bool(size_of(one.fake) == size_of(other.fake))


def all_same(some: Sequence[Variable], others: Sequence[Variable]) -> bool:
    """Return True if the variables of each pair are known to be equal regardless of the data."""
    return len(some) == len(others) and all(map(_same, some, others))
