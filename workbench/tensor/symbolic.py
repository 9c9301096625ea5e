"""Parameters without values, for graphs that are used only to infer shapes.

An editor that shows the shapes of a model while the user types needs no values. Inside
`symbolic_parameters`, the allocation of a brick creates parameters with a shape, a dtype, a name
and roles, but without a tensor. This takes almost no memory or time, even for large parameters.
Operations that only read the graph work as usual; operations that need a value raise an error.

Only variables that `workbench.tensor.shared` creates inside the `allocation` context have no value.
`workbench.bricks.Brick` runs each allocation in this context. Other shared variables, such as a
learning rate, have values even if they are created inside `symbolic_parameters`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from workbench.errors import ParameterError
from workbench.hints import hinted

_symbolic: ContextVar[bool] = ContextVar("symbolic", default=False)
_allocating: ContextVar[bool] = ContextVar("allocating", default=False)


@dataclass
class _Limit:
    """Maximum total number of parameter elements, and the number so far."""

    most: int
    used: int = 0


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


@hinted
@contextmanager
def symbolic_parameters() -> Iterator[None]:
    """Allocate the parameters of bricks in this context without memory or values.

    The parameters of a brick that is allocated here (by ``allocate`` or because it is applied) have
    shapes, dtypes, names, roles and annotations, but no values. Shape inference, computation
    graphs, filters, ``get_dim`` and ``repr`` work as usual. No random numbers are drawn, and no
    seed is used. A brick that already has parameters keeps them, unless ``allocate()`` is called.

    Afterwards, ``allocate()`` replaces these parameters with real parameters. If the brick is then
    initialised, the real parameters get the same values as without this context.

    Raises
    ------
    ParameterError
        If ``initialize()``, ``eval``, ``function``, ``get_value``, ``set_value``, training or
        saving uses such a parameter, even after the context has ended. `copy.deepcopy` is allowed.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh, symbolic_parameters
    >>> mlp = MLP([Tanh(), None], [784, 10_000_000, 10])
    >>> with symbolic_parameters():
    ...     y = mlp.apply(tensor.matrix("x"))
    >>> y.shape[1], mlp.children[0].W.shape
    (10, (784, 10000000))
    >>> mlp.children[0].W.get_value()
    Traceback (most recent call last):
    ...
    workbench.errors.ParameterError: /mlp/linear_0.W of shape (784, 10000000) has no value, ...
    """
    token = _symbolic.set(True)
    try:
        yield
    finally:
        _symbolic.reset(token)


@contextmanager
def allocation() -> Iterator[None]:
    """Mark the code in this context as the allocation of parameters."""
    token = _allocating.set(True)
    try:
        yield
    finally:
        _allocating.reset(token)


def is_symbolic() -> bool:
    """Return True inside `symbolic_parameters`."""
    return _symbolic.get()


def lacks_values() -> bool:
    """Return True if shared variables are currently created without values."""
    return _symbolic.get() and _allocating.get()


@contextmanager
def at_most(elements: int) -> Iterator[None]:
    """Limit the total number of elements of the parameters that are created in this context."""
    token = _limit.set(_Limit(elements))
    try:
        yield
    finally:
        _limit.reset(token)


def reserve(shape: Sequence[int]) -> None:
    """Count the elements of a parameter that is about to be created.

    Raises
    ------
    ParameterError
        If there would be more elements than the context `at_most` allows.
    """
    limit = _limit.get()
    if limit is None:
        return
    limit.used += math.prod(map(int, shape))
    if limit.used > limit.most:
        raise ParameterError(
            f"the model would have {limit.used:,} parameters or more; at most {limit.most:,} are "
            "allowed"
        )
