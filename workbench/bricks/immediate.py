"""Immediate computation when bricks are applied to tensors and arrays.

For each kind of arguments (ranks and dtypes of tensors, values of other arguments), the first call
builds the graph and compiles a function, which later calls run. A brick drops its functions when it
is allocated again, or when a setting or a child changes in the brick or in one of its descendants.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from workbench.bricks.fixes import offer
from workbench.bricks.tagging import output_names
from workbench.errors import DtypeError, ShapeError, WorkbenchError
from workbench.graph.annotations import BrickMethod
from workbench.graph.modes import in_training_mode
from workbench.tensor import Function, Variable, function, variable
from workbench.tensor.device import floatx
from workbench.tensor.inputs import expect_read_only
from workbench.utils.plain import unpack

OPTIONS = ("as_dict", "as_list", "call_id")
ALL = sys.maxsize


@dataclass
class Immediate:
    """A compiled application, with the structure of its results."""

    run: Function
    results: list[Any]
    names: list[str]

    def __call__(self, values: list[torch.Tensor]) -> list[Any]:
        try:
            computed = iter(self.run(*values))
        except (ShapeError, DtypeError) as error:
            place = f"{self.run!r}: "
            raise type(error)(place + str(error).removeprefix(place)) from None
        return [next(computed) if isinstance(r, Variable) else r for r in self.results]


def wanted(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return True if the arguments include tensors or arrays, but no variables."""
    given = [*args, *kwargs.values()]
    return any(_real(v) for v in given) and not any(isinstance(v, Variable) for v in given)


def compute(bound: BrickMethod, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Apply a brick to tensors and arrays; see `BoundApplication.__call__`."""
    options = {name: kwargs[name] for name in OPTIONS if name in kwargs}
    arguments: dict[int | str, Any] = dict(enumerate(args))
    arguments.update((name, v) for name, v in kwargs.items() if name not in OPTIONS)
    values = {key: _tensor(v) for key, v in arguments.items() if _real(v)}
    kind = _kind(bound.name, arguments, values)
    sizes = {key: tuple(value.shape[1:]) for key, value in values.items()}
    fitting = (kind, tuple(sizes.items()))
    made = bound.brick._immediate.get(kind) or bound.brick._immediate.get(fitting)
    if made is None:
        made, general = _made(bound, arguments, values)
        if kind is not None:
            # Read the cache again: allocation during the call replaces it.
            bound.brick._immediate[kind if general else fitting] = made
    try:
        results = made(list(values.values()))
    except WorkbenchError as error:
        names: dict[int | str, str] = dict(enumerate(bound.inputs))
        offer(error, bound, {names.get(key, str(key)): v for key, v in arguments.items()})
        raise
    except Exception as error:
        # Building the graph with all sizes known may raise a clearer error than torch does.
        try:
            _make(bound, arguments, values, open_axes=0)
        except ShapeError as better:
            raise better from error
        raise
    if options.get("as_dict"):
        return dict(zip(made.names, results, strict=True))
    return results if options.get("as_list") else unpack(results)


def _made(
    bound: BrickMethod,
    arguments: dict[int | str, Any],
    values: dict[int | str, torch.Tensor],
) -> tuple[Immediate, bool]:
    """Compile a function for inputs of any size; return the function and True.

    If this fails, compile a function for inputs that can vary only in their first size, and
    return it with False.
    """
    try:
        return _make(bound, arguments, values, open_axes=ALL), True
    except ShapeError as error:
        try:
            return _make(bound, arguments, values, open_axes=1), False
        except ShapeError:
            raise error from None


def _make(
    bound: BrickMethod,
    arguments: dict[int | str, Any],
    values: dict[int | str, torch.Tensor],
    open_axes: int,
) -> Immediate:
    """Compile a function for inputs whose first `open_axes` sizes can vary."""
    named = bound.inputs
    symbols = {
        key: variable(
            key if isinstance(key, str) else named[key] if key < len(named) else f"argument {key}",
            shape=[size if axis >= open_axes else None for axis, size in enumerate(value.shape)],
            dtype=value.dtype,
        )
        for key, value in values.items()
    }
    args = [symbols.get(key, v) for key, v in arguments.items() if isinstance(key, int)]
    kwargs = {key: symbols.get(key, v) for key, v in arguments.items() if isinstance(key, str)}
    results = bound.application.apply(bound, *args, as_list=True, **kwargs)
    run = function(
        list(symbols.values()),
        [r for r in results if isinstance(r, Variable)],
        name=bound.path,
        on_unused_input="ignore",
    )
    return Immediate(run, results, output_names(bound, len(results)))


def _real(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, numpy.ndarray))


def _tensor(value: torch.Tensor | numpy.ndarray[Any, Any]) -> torch.Tensor:
    """Return the value as a tensor, with floatx as the dtype of float arrays."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    expect_read_only()
    return torch.as_tensor(value, dtype=floatx() if value.dtype.kind == "f" else None)


def _kind(
    name: str, arguments: dict[int | str, Any], values: dict[int | str, torch.Tensor]
) -> Hashable:
    """Return the cache key for a call, or ``None`` if an argument is not hashable."""
    parts: list[Any] = [name, floatx(), in_training_mode()]
    for key, value in arguments.items():
        if key in values:
            parts.append((key, values[key].dim(), values[key].dtype))
        else:
            parts.append((key, type(value), value))
    try:
        hash(kind := tuple(parts))
    except TypeError:
        return None
    return kind
