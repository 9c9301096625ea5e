"""Tagged copies: how inputs and outputs of an application get names, roles and annotations."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy
import torch

from workbench.errors import ApplicationError
from workbench.graph.annotations import ApplicationCall, add_annotation
from workbench.roles import COST, INPUT, OUTPUT, VariableRole, add_role, has_roles
from workbench.tensor import Variable, as_variable
from workbench.utils.variables import print_shape, put_hook

if TYPE_CHECKING:
    from workbench.bricks.application import BoundApplication

CARRIED_TAGS = ("n_examples", "aggregation_scheme")
"""Entries that the tag of an output takes over from what the application function returned."""


def output_names(bound: BoundApplication, count: int) -> list[str]:
    """The declared names of the outputs, or ``output_0`` and so on for `count` of them."""
    names: list[str] = getattr(bound, "outputs", [f"output_{i}" for i in range(count)])
    return names


def tagged_inputs(
    bound: BoundApplication, call: ApplicationCall, arguments: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The arguments, with tagged copies in place of variables, arrays and tensors."""

    def copy(value: Any, name: str) -> Any:
        if isinstance(value, (numpy.ndarray, torch.Tensor)):
            value = as_variable(value)
        if isinstance(value, Variable):
            return _tagged(value, bound, call, INPUT, name)
        return value

    parameters = bound.application.signature.parameters
    for name, value in arguments.items():
        if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            named = bound.application.argument_names
            declared = bound.inputs[len(named) :] if bound.inputs[: len(named)] == named else []
            names = declared + [f"{name}_{i}" for i in range(len(declared), len(value))]
            yield name, tuple(copy(v, n) for v, n in zip(value, names, strict=False))
        elif parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            yield name, {key: copy(v, key) for key, v in value.items()}
        else:
            yield name, copy(value, name)


def tagged_outputs(bound: BoundApplication, call: ApplicationCall, outputs: list[Any]) -> list[Any]:
    """What an application returned, with tagged copies in place of variables and tensors."""
    names = output_names(bound, len(outputs))
    if len(names) != len(outputs):
        raise ApplicationError(
            f"{bound.path} returned {len(outputs)} values ({', '.join(map(repr, outputs))}), but "
            f"its outputs are ({', '.join(names)}); correct the method, or outputs=[...] of "
            "@application"
        )
    results = []
    for output, name in zip(outputs, names, strict=True):
        if isinstance(output, (numpy.ndarray, torch.Tensor)):
            output = as_variable(output)
        if isinstance(output, Variable):
            copy = _tagged(output, bound, call, OUTPUT, name)
            if has_roles(output, [COST]):
                add_role(copy, COST)
            for entry in CARRIED_TAGS:
                if entry in vars(output.tag):
                    setattr(copy.tag, entry, getattr(output.tag, entry))
            output = copy
        results.append(output)
    return results


def _tagged(
    variable: Variable,
    bound: BoundApplication,
    call: ApplicationCall,
    role: VariableRole,
    name: str,
) -> Variable:
    copy = variable.copy(name=f"{bound.brick.name}_{bound.name}_{name}")
    copy.tag.name = name
    add_annotation(copy, bound.brick)
    add_annotation(copy, call)
    add_role(copy, role)
    if bound.brick.print_shapes:
        put_hook(copy, print_shape, f"{bound.path} {role!r} {name}")
    return copy
