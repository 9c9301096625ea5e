"""Functions that read, compare and assign the values of shared variables by name.

Archives, training states, safetensors files and torch state dictionaries use these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy
import torch

from workbench.errors import WorkbenchError, nearest
from workbench.graph.hierarchy import path_of
from workbench.tensor import SharedVariable
from workbench.tensor.shared import together

Value: TypeAlias = "torch.Tensor | numpy.ndarray[Any, Any]"


NOT_A_LIST = (
    "parameters must be a list of shared variables, not {given!r}; to select parameters of a "
    "model, pass list(model.select({given!r}))"
)
NOT_SHARED = "parameters must be shared variables, but {given!r:.80} is not a shared variable"


def by_path(variables: Iterable[SharedVariable]) -> dict[str, SharedVariable]:
    """Return a mapping from path to variable; equal paths are numbered in order: ``w``, ``w_2``."""
    _check_list(variables)
    named: dict[str, SharedVariable] = {}
    for variable in dict.fromkeys(variables):
        _check_shared(variable)
        add_unique(named, path_of(variable), variable, first=2)
    return named


def _check_list(given: object) -> None:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise WorkbenchError(NOT_A_LIST.format(given=given))


def _check_shared(given: object) -> None:
    if not isinstance(given, SharedVariable):
        raise WorkbenchError(NOT_SHARED.format(given=given))


def add_unique(named: dict[str, Any], name: str, value: Any, first: int = 1) -> None:
    """Add `value` under `name` or, if this name is in use, under the first free numbered name."""
    unique, count = name, first
    while unique in named:
        unique = f"{name}_{count}"
        count += 1
    named[unique] = value


def value_of(variable: SharedVariable) -> torch.Tensor:
    """Return a copy of a variable's value in main memory."""
    with together(variable.writers):
        return variable.tensor.detach().to("cpu", copy=True)


def misfits(given: Mapping[str, Any], variables: Mapping[str, SharedVariable]) -> list[str]:
    """Return the reasons why the values `given` cannot be assigned to `variables`.

    A value of a different dtype can be assigned if its conversion is exact.
    """
    problems = [
        f"{name!r} is unknown{nearest(name, variables, ' ({})')}"
        for name in given
        if name not in variables
    ]
    problems += [f"{name!r} is missing" for name in variables if name not in given]
    for name, variable in variables.items():
        if name in given:
            problems += _misfit(name, given[name], variable)
    return problems


def _misfit(name: str, value: Any, variable: SharedVariable) -> list[str]:
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "biufc":
        value = torch.from_numpy(value.copy())
    if not isinstance(value, torch.Tensor):
        return [f"{name!r} must be an array of numbers, not {type(value).__name__} {shown(value)}"]
    if tuple(value.shape) != variable.value_shape:
        return [f"{name!r} must have shape {variable.value_shape}, not {tuple(value.shape)}"]
    if not _exact(value, variable.dtype):
        return [f"{name!r} must have dtype {_short(variable.dtype)}, not {_short(value.dtype)}"]
    try:
        variable.check_value(value, value)
    except WorkbenchError as error:
        return [f"{name!r} is invalid: {error}"]
    return []


def _exact(value: torch.Tensor, dtype: torch.dtype) -> bool:
    """Return True if the conversion of `value` to `dtype` is exact."""
    whole = _is_whole(value.dtype)
    promoted = torch.promote_types(value.dtype, dtype) is dtype
    if promoted and (not whole or _is_whole(dtype)):
        return True
    if not torch.can_cast(value.dtype, dtype):
        return False
    converted = value.to(dtype)
    if whole and converted.is_floating_point():
        # The conversion back is undefined for numbers that the integer dtype cannot represent.
        limit = float(torch.iinfo(value.dtype).max + 1)
        wide = converted.double()
        if not ((wide >= -limit) & (wide < limit)).all():
            return False
    back = converted.to(value.dtype)
    same = (back == value) | ((back != back) & (value != value))
    return bool(same.all())


def _is_whole(dtype: torch.dtype) -> bool:
    return not (dtype.is_floating_point or dtype.is_complex or dtype is torch.bool)


def shown(value: Any) -> str:
    """Return the start of the repr of `value` on one line."""
    return f"{' '.join(repr(value).split()):.60}"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def assign(given: Mapping[str, Value], variables: Mapping[str, SharedVariable]) -> None:
    """Set all `variables` to the values `given`, after `misfits` has found no problems in them."""
    for name, variable in variables.items():
        variable.set_value(given[name])
