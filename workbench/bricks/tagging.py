"""Tagged copies of the inputs and outputs of applications, with names, roles and annotations."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy
import torch

from workbench.errors import ApplicationError
from workbench.graph.annotations import (
    Annotation,
    ApplicationCall,
    BrickMethod,
    add_annotation,
)
from workbench.graph.hierarchy import Component
from workbench.roles import COST, INPUT, OUTPUT, VariableRole, add_role, has_roles
from workbench.tensor import Variable, as_variable
from workbench.utils.variables import print_shape, put_hook

CARRIED_TAGS = ("n_examples", "aggregation_scheme")
"""Names of the tags that are copied from returned variables to the outputs."""


NO_VALUES = (str, bytes, list, tuple, dict, set, Component, Annotation)
"""Types that are never inputs: containers, strings and bricks."""


def wrong_argument(bound: BrickMethod, name: str, value: object) -> ApplicationError:
    """Return the error for an argument that is neither a variable nor an array."""
    if isinstance(value, Component):
        remedy = "to apply a brick to the output of another brick, apply the other brick first, as "
        remedy += f"in {bound.brick.name}.{bound.name}({value.name}.apply(x))"
    elif isinstance(value, (list, tuple)) and any(isinstance(v, Variable) for v in value):
        remedy = "pass the variables one by one, or join them with torch.stack or torch.cat"
    elif isinstance(value, str):
        remedy = f"create a variable of that name with tensor.matrix({value!r})"
    elif value is None:
        remedy = "perhaps an application method has no return statement"
    else:
        remedy = "convert it with numpy.array(..., dtype='float32') or torch.tensor(...)"
    shown = "None" if value is None else f"{shortened(value)}, {an(type(value).__name__)}"
    return ApplicationError(
        f"{bound.path}: {name} is {shown}, but must be a variable, such as tensor.matrix('x'), or "
        f"an array or tensor for an immediate result; {remedy}"
    )


def shortened(value: object, length: int = 80) -> str:
    """Return the repr of a value on one line, truncated to `length` characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


def an(noun: str) -> str:
    """Return a noun with its indefinite article, a or an."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def output_names(bound: BrickMethod, count: int) -> list[str]:
    """Return the declared output names, or `count` default names such as ``output_0``."""
    names: list[str] = getattr(bound, "outputs", [f"output_{i}" for i in range(count)])
    return names


def tagged_inputs(
    bound: BrickMethod, call: ApplicationCall, arguments: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield each argument's name and value, with tagged copies of variables, arrays and tensors."""

    def copy(value: Any, name: str) -> Any:
        if name in declared and isinstance(value, NO_VALUES):
            raise wrong_argument(bound, name, value)
        if isinstance(value, (numpy.ndarray, torch.Tensor)):
            value = as_variable(value)
        if isinstance(value, Variable):
            return _tagged(value, bound, call, INPUT, name)
        return value

    declared = bound.inputs if bound.declares_inputs else ()
    parameters = bound.application.signature.parameters
    for name, value in arguments.items():
        if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            named = bound.application.argument_names
            rest = bound.inputs[len(named) :] if bound.inputs[: len(named)] == named else []
            names = rest + [f"{name}_{i}" for i in range(len(rest), len(value))]
            yield name, tuple(copy(v, n) for v, n in zip(value, names, strict=False))
        elif parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            yield name, {key: copy(v, key) for key, v in value.items()}
        else:
            yield name, copy(value, name)


def tagged_outputs(bound: BrickMethod, call: ApplicationCall, outputs: list[Any]) -> list[Any]:
    """Return the results of an application, with tagged copies of variables, arrays and tensors."""
    names = output_names(bound, len(outputs))
    if len(names) != len(outputs):
        raise ApplicationError(
            f"{bound.path} returned {len(outputs)} value{'s' * (len(outputs) != 1)} "
            f"({', '.join(map(repr, outputs))}), but its outputs are ({', '.join(names)}); "
            "correct the method, or the argument outputs=[...] of @application"
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
    bound: BrickMethod,
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
