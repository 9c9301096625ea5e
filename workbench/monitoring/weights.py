"""Of how many examples a variable is a mean, where that follows from what it is computed from.

A cost with a penalty, ``cost + 0.01 * (W ** 2).sum()``, is a mean over examples as the cost is, but
its graph alone knows. So is every sum, difference and multiple of means over the same examples and
of what depends on no data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from workbench.tensor import SharedVariable, Variable
from workbench.tensor.shapes import symbol
from workbench.tensor.traversal import ancestors, inputs_of

SUMS: Final = {"add", "sub", "subtract"}
SINGLE: Final = {"identity", "neg", "negative", "clone", "to", "float", "double"}
PRODUCTS: Final = {"mul", "multiply"}
QUOTIENTS: Final = {"truediv", "div", "divide", "true_divide"}
NO_DATA: Final = object()

Weight = Any
"""The number of examples, a variable; `NO_DATA`; or None where it is not known."""


def examples_of(variable: Variable, own: Callable[[Variable], Variable | None]) -> Variable | None:
    """The number of examples that `variable` is a mean of, or None if that does not follow.

    Parameters
    ----------
    variable : Variable
    own : callable
        Gives the number that a variable says of itself, or None.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> x, w = tensor.vector("x"), shared(1.0, "w")
    >>> cost = (x ** 2).mean()
    >>> cost.tag.n_examples = x.shape[0]
    >>> own = lambda variable: vars(variable.tag).get("n_examples")
    >>> examples_of(cost + 0.1 * w ** 2, own)
    x.shape[0]
    >>> examples_of(cost * cost, own) is None
    True
    """
    weights: dict[Variable, Weight] = {}
    for one in ancestors([variable]):
        number = own(one)
        weights[one] = _follows(one, weights) if number is None else number
    weight = weights[variable]
    return None if weight is NO_DATA or weight is None else _at_source(weight, variable)


def _at_source(number: Variable, variable: Variable) -> Variable:
    """The same number, read off the first of all that `variable` is computed from.

    What comes later need not be kept for its size, and may be computed in one with the rest.
    """
    if not isinstance(number.fake, torch.SymInt):
        return number
    wanted = symbol(number.fake)
    for one in ancestors([variable]):
        sizes = [] if isinstance(one, SharedVariable) or one.is_number else one.fake.shape
        for axis, size in enumerate(sizes):
            if symbol(size) == wanted:
                found: Variable = one.shape[axis]
                return found
    return number


def _follows(variable: Variable, weights: dict[Variable, Weight]) -> Weight:
    call = variable.owner
    if call is None:
        return NO_DATA if isinstance(variable, SharedVariable) else None
    of_data = [weights[one] for one in inputs_of(variable) if weights[one] is not NO_DATA]
    if not of_data:
        return NO_DATA
    operands = [a for a in call.args if isinstance(a, Variable) and weights[a] is not NO_DATA]
    linear = (
        call.name in SUMS
        or call.name in SINGLE
        or (call.name in PRODUCTS and len(operands) == 1)
        or (call.name in QUOTIENTS and len(operands) == 1 and call.args[0] is operands[0])
    )
    first = of_data[0]
    if linear and first is not None and all(_same(first, other) for other in of_data[1:]):
        return first
    return None


def _same(one: Weight, other: Weight) -> bool:
    """Whether two numbers of examples are equal, whatever they turn out to be."""
    if one is other or other is None:
        return one is other
    sizes = [number.fake for number in (one, other)]
    if not all(isinstance(size, (int, torch.SymInt)) for size in sizes):
        return False
    return bool(symbol(sizes[0]) == symbol(sizes[1]))
