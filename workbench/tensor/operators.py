"""Operators, methods and properties from torch, installed on `Variable`.

This module is separate from `workbench.tensor.variable`, since operators apply functions with
`workbench.tensor.call`, which imports `Variable`. The package imports this module, so that every
variable has the operators.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy
import torch

from workbench import errors
from workbench.tensor.call import apply
from workbench.tensor.refusals import refuse_numpy
from workbench.tensor.variable import Variable

UFUNCS: dict[Any, Callable[..., Any]] = {
    numpy.add: operator.add,
    numpy.subtract: operator.sub,
    numpy.multiply: operator.mul,
    numpy.divide: operator.truediv,
    numpy.floor_divide: operator.floordiv,
    numpy.remainder: operator.mod,
    numpy.power: operator.pow,
    numpy.matmul: operator.matmul,
    numpy.bitwise_and: operator.and_,
    numpy.bitwise_or: operator.or_,
    numpy.bitwise_xor: operator.xor,
    numpy.left_shift: operator.lshift,
    numpy.right_shift: operator.rshift,
    numpy.less: operator.lt,
    numpy.less_equal: operator.le,
    numpy.greater: operator.gt,
    numpy.greater_equal: operator.ge,
    numpy.equal: operator.eq,
    numpy.not_equal: operator.ne,
}
"""Operators, keyed by the numpy function that an expression such as ``array * variable`` calls."""

BACKWARDS = (
    "{variable!r} cannot be indexed by tensors or lists together with a slice that has a negative "
    "step; reverse the axis first, with torch.flip(x, [axis])"
)


def _torch_function(
    cls: type[Variable],
    function: Callable[..., Any],
    types_: Any,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Apply a torch function to variables."""
    return apply(function, args, kwargs or {})


def _array_ufunc(self: Variable, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Apply the operator for a numpy function in `UFUNCS`; raise an error for other functions."""
    function = UFUNCS.get(ufunc)
    target = kwargs.pop("out", (inputs[0],))
    if function is None or method != "__call__" or kwargs or target[0] is not inputs[0]:
        refuse_numpy(self, ufunc.__name__)
    return apply(function, inputs, {})


def _array_function(self: Variable, function: Any, types_: Any, args: Any, kwargs: Any) -> Any:
    """Compute ``numpy.ndim`` or ``numpy.shape``; raise an error for any other function."""
    if function in (numpy.ndim, numpy.shape) and args == (self,):
        return getattr(self, function.__name__)
    refuse_numpy(self, function.__name__)


def _getitem(self: Variable, key: Any) -> Variable:
    """Index a variable as numpy does, including slices with a negative step."""
    keys = key if isinstance(key, tuple) else (key,)
    if any(isinstance(k, slice) and isinstance(k.step, int) and k.step < 0 for k in keys):
        return _backwards(self, keys)
    item: Variable = apply(operator.getitem, (self, key), {})
    return item


def _backwards(variable: Variable, keys: tuple[Any, ...]) -> Variable:
    """Index with slices that have a negative step, which torch does not support.

    Each of these slices selects its range with a positive step. The result is then flipped.
    """
    forwards: list[Any] = []
    steps: list[int] = []  # one for each dimension of the result
    ahead = 0  # 1 + the number of dimensions before the ellipsis, or 0 without an ellipsis
    for key in keys:
        if isinstance(key, slice) and isinstance(key.step, int) and key.step < 0:
            first = None if key.stop is None else (key.stop + 1 if key.stop != -1 else 2**62)
            last = None if key.start is None or key.start == -1 else key.start + 1
            forwards.append(slice(first, last))
            steps.append(key.step)
            continue
        if not (key is None or key is ... or isinstance(key, (slice, int, Variable))):
            raise errors.OperationError(BACKWARDS.format(variable=variable))
        if isinstance(key, Variable) and not key.is_number:
            raise errors.OperationError(BACKWARDS.format(variable=variable))
        forwards.append(key)
        if key is ...:
            ahead = len(steps) + 1
        elif key is None or isinstance(key, slice):
            steps.append(1)
    item = variable[tuple(forwards)]
    behind = item.ndim - len(steps)
    steps = [*steps[: ahead - 1], *[1] * behind, *steps[ahead - 1 :]] if ahead else steps
    flipped = torch.flip(item, [axis for axis, step in enumerate(steps) if step < 0])  # type: ignore[arg-type]
    if all(step in (1, -1) for step in steps):
        return flipped  # type: ignore[return-value]
    return flipped[tuple([slice(None, None, -step if step < 0 else None) for step in steps])]  # type: ignore[return-value]


def _install() -> None:
    """Install torch's operators, methods and read-only properties on `Variable`."""

    def forward(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *args: apply(function, (self, *args), {})

    def backward(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, other: apply(function, (other, self), {})

    def attribute_of(name: str) -> Callable[[Variable], Any]:
        return lambda self: apply(getattr, (self, name), {})

    def method(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Variable, *args: Any, **kwargs: Any) -> Any:
            return apply(function, (self, *args), kwargs)

        call.__name__ = call.__qualname__ = function.__name__
        call.__doc__ = f"Apply ``torch.Tensor.{function.__name__}`` to the variable."
        return call

    protocols = {
        "__torch_function__": classmethod(_torch_function),
        "__array_ufunc__": _array_ufunc,
        "__array_function__": _array_function,
        "__getitem__": _getitem,
    }
    for name, protocol in protocols.items():
        setattr(Variable, name, protocol)
    for name in "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split():
        function, plain = getattr(operator, name), name.rstrip("_")
        setattr(Variable, f"__{plain}__", forward(function))
        setattr(Variable, f"__r{plain}__", backward(function))
    for name in "lt le gt ge eq ne neg pos abs invert".split():
        setattr(Variable, f"__{name}__", forward(getattr(operator, name)))
    for name in dir(torch.Tensor):
        attribute = getattr(torch.Tensor, name)
        if name.startswith("_") or name in vars(Variable) or not callable(attribute):
            continue
        setattr(Variable, name, method(attribute))
    for name in ("T", "mT", "H", "mH", "real", "imag"):
        setattr(Variable, name, property(attribute_of(name)))


_install()
