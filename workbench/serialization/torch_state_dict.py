"""Conversion between parameters and state dictionaries of torch.

Parameters have the names that torch uses, with dots: ``mlp.linear_0.W``, as in `Model.to_module`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from workbench.errors import ArchiveError, ParameterError
from workbench.graph.hierarchy import path_of
from workbench.hints import hinted
from workbench.serialization.variable_values import assign, misfits, value_of
from workbench.tensor import SharedVariable


@hinted
def to_state_dict(parameters: Iterable[SharedVariable]) -> dict[str, torch.Tensor]:
    """Return the values of `parameters` in the form of ``torch.nn.Module.state_dict``.

    Parameters
    ----------
    parameters : iterable of SharedVariable
        The variables, for instance ``model.parameters``.

    Returns
    -------
    dict
        Copies of the values, in main memory, keyed by name.

    Raises
    ------
    ArchiveError
        If two parameters have the same name.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.initialization import Constant
    >>> from workbench.model import Model
    >>> linear = Linear(2, 1, weights_init=Constant(0.5), biases_init=Constant(0))
    >>> linear.initialize()
    >>> model = Model(linear.apply(tensor.matrix("x")))
    >>> values = to_state_dict(model.parameters)
    >>> sorted(values), values["linear.W"].shape
    (['linear.W', 'linear.b'], torch.Size([2, 1]))
    """
    return {name: value_of(variable) for name, variable in dotted(parameters).items()}


@hinted
def from_state_dict(parameters: Iterable[SharedVariable], values: Mapping[str, Any]) -> None:
    """Set all `parameters` from a state dictionary, or none of them if a value does not fit.

    Parameters
    ----------
    parameters : iterable of SharedVariable
        The variables, for instance ``model.parameters``.
    values : dict
        Tensors or arrays, keyed by name, as returned by `to_state_dict` or
        ``torch.nn.Module.state_dict``. A value of a different dtype is accepted if its conversion
        is exact.

    Raises
    ------
    ParameterError
        If a name is unknown or missing, or if a value has a different shape or cannot be
        converted exactly. The message lists all problems.
    ArchiveError
        If two parameters have the same name.

    Examples
    --------
    >>> from workbench import shared
    >>> w = shared([0.0, 0.0], "w")
    >>> from_state_dict([w], {"w": torch.tensor([1.0, 2.0])})
    >>> w.get_value()
    array([1., 2.], dtype=float32)
    >>> from_state_dict([w], {"v": torch.ones(3)})
    Traceback (most recent call last):
    ...
    workbench.errors.ParameterError: no parameter was set: 'v' is unknown; 'w' is missing
    """
    set_all(dotted(parameters), values, "")


def set_all(parameters: dict[str, SharedVariable], values: Mapping[str, Any], where: str) -> None:
    """Set all `parameters`; if a value does not fit, raise a `ParameterError` and set none."""
    problems = misfits(values, parameters)
    if problems:
        raise ParameterError(f"{where}no parameter was set: {'; '.join(problems)}")
    assign(values, parameters)


def dotted(parameters: Iterable[SharedVariable]) -> dict[str, SharedVariable]:
    """Return the parameters, keyed by the names that torch uses, such as ``mlp.linear_0.W``."""
    named: dict[str, SharedVariable] = {}
    for variable in dict.fromkeys(parameters):
        name = path_of(variable)
        # Equal names are not numbered, because other programs do not keep the order of parameters.
        if name in named:
            raise ArchiveError(
                f"the names of parameters must be unique, but two are named {name!r}; rename their "
                "bricks"
            )
        named[name] = variable
    return {name.lstrip("/").replace("/", "."): variable for name, variable in named.items()}
