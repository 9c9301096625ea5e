"""Application of functions to variables: every symbolic operation goes through `apply`.

The arguments of a call are flattened once, when the `Call` is created. Checks, shape inference and
error messages use the flattened leaves. A call is pickled as its function and arguments, and
unpickling applies the function again.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping
from typing import Any

import torch

from workbench import errors
from workbench.tensor import recalling
from workbench.tensor.device import default_device
from workbench.tensor.printing import shown_arguments
from workbench.tensor.refusals import refuse_function
from workbench.tensor.structure import flatten, name_of
from workbench.tensor.variable import Call, Variable, identity
from workbench.tensor.vocabulary import keyword_hint

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments."""

PREPARED: dict[Callable[..., Any], Callable[..., Arguments]] = {}
"""Argument checks, keyed by function. A check returns the arguments, possibly with replacements."""

NEW = (
    torch.arange, torch.empty, torch.eye, torch.full, torch.linspace, torch.logspace, torch.ones,
    torch.range, torch.scalar_tensor, torch.zeros,
)  # fmt: skip
"""Functions that create tensors from numbers, such as the size of a variable."""


def _on_the_device(_: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Arguments:
    """Create new tensors on the configured device, where inputs and parameters are."""
    if (device := default_device()).type != "cpu":
        kwargs.setdefault("device", device)
    return args, kwargs


PREPARED.update(dict.fromkeys(NEW, _on_the_device))


class Operation:
    """Function that defines the shapes of its results in `infer`; it never runs on fake tensors."""

    __name__ = "operation"

    def infer(self, *args: Any, **kwargs: Any) -> Any:
        """Return fake tensors with the shapes and dtypes of the results."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the results from tensors."""
        raise NotImplementedError


def apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Apply `function` to arguments and return its symbolic results.

    Results that are neither tensors nor symbolic numbers, such as a dtype or a known size, are
    returned unchanged.

    Raises
    ------
    OperationError, SymbolicError
        If the function cannot be part of a graph, or rejects the arguments.
    ShapeError, DtypeError
        If the shapes or dtypes of the arguments are incompatible.
    """
    kwargs = dict(kwargs)
    refuse_function(function, args, kwargs, lambda: shown_arguments(args, kwargs))
    call = Call.of(function, args, kwargs)
    if function in PREPARED:
        call = Call.of(function, *PREPARED[function](function, call.args, dict(call.kwargs)))
    try:
        result = infer(call)
    except errors.OperationError as error:
        hint = keyword_hint(name_of(function), kwargs)
        if hint:
            raise errors.OperationError(f"{error}{hint}") from None
        # torch accepts only tensors here. Convert symbolic numbers to tensors and try again.
        if not any(variable.is_number for variable in call.inputs):
            raise
        call = call.on([_as_tensor(leaf) for leaf in call.leaves])
        result = infer(call)
    return call.give(result)


def infer(call: Call) -> Any:
    """Return the results of `call` on fake tensors, nested as the function returns them.

    Raises
    ------
    ShapeError, DtypeError, OperationError
        If the function rejects its arguments.
    """
    args, kwargs = call.fakes()
    if isinstance(call.function, Operation):
        return call.function.infer(*args, **kwargs)
    shown = lambda: shown_arguments(call.args, call.kwargs)  # noqa: E731
    return recalling.infer(call.function, args, kwargs, shown)


def _as_tensor(leaf: Any) -> Any:
    if isinstance(leaf, Variable) and leaf.is_number:
        return apply(torch.scalar_tensor, (leaf,), {"dtype": leaf.dtype})
    return leaf


def _reduced(call: Call) -> tuple[Any, ...]:
    return _called_again, (call.function, _frozen((call.args, call.kwargs)), call.location)


copyreg.pickle(Call, _reduced)


def _frozen(value: Any) -> Any:
    """Convert nested arguments to tuples that also record the types of the original containers.

    Annotations of an argument may refer back to the call, so unpickling could use a list or a
    dictionary of arguments before it is filled. A tuple always has all of its elements.
    """
    if type(value) is dict:
        return dict, tuple((key, _frozen(part)) for key, part in value.items())
    if type(value) in (list, tuple):
        return type(value), tuple(_frozen(part) for part in value)
    return value


def _thawed(value: Any) -> Any:
    if type(value) is not tuple:
        return value
    kind, parts = value
    if kind is dict:
        return {key: _thawed(part) for key, part in parts}
    return kind(_thawed(part) for part in parts)


def _called_again(
    function: Callable[..., Any], arguments: tuple[Any, ...], location: tuple[str, ...]
) -> Call:
    args, kwargs = _thawed(arguments)
    token = errors.location.set(location)  # keep the location of the pickled call
    try:
        if function is identity:
            call = Call.of(function, args, kwargs)
            call.give(args[0].fake)
            return call
        results, _ = flatten([apply(function, args, kwargs)], {})
    finally:
        errors.location.reset(token)
    owner = next(leaf for leaf in results if isinstance(leaf, Variable)).owner
    assert owner is not None
    return owner
