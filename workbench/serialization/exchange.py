"""Parameters to and from the rest of the world: safetensors files and torch's state dictionaries.

Both name a parameter as torch does, with dots: ``mlp.linear_0.W``, as `Model.to_module` has it too.
Nothing in such a file or dictionary is executed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from workbench.errors import ArchiveError, ParameterError
from workbench.graph.hierarchy import path_of
from workbench.hints import hinted
from workbench.serialization.archive import check_regular
from workbench.serialization.values import assign, misfits, value_of
from workbench.tensor import SharedVariable
from workbench.utils.atomic import replace_file


@hinted
def to_state_dict(parameters: Iterable[SharedVariable]) -> dict[str, torch.Tensor]:
    """The values of `parameters` as torch's ``state_dict`` would give them.

    Parameters
    ----------
    parameters : iterable of SharedVariable
        For instance ``model.parameters``.

    Returns
    -------
    dict
        Copies in main memory, by name.

    Raises
    ------
    ArchiveError
        If two have the same name.

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
    return {name: value_of(variable) for name, variable in _dotted(parameters).items()}


@hinted
def from_state_dict(parameters: Iterable[SharedVariable], values: Mapping[str, Any]) -> None:
    """Set all `parameters`, or none if anything does not fit.

    Parameters
    ----------
    parameters : iterable of SharedVariable
        For instance ``model.parameters``.
    values : dict
        Tensors or arrays by name, as `to_state_dict` or ``torch.nn.Module.state_dict`` give them;
        another dtype fits where converting loses nothing.

    Raises
    ------
    ParameterError
        If a name is unknown or missing, or a value has another shape or kind; the text lists all.

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
    workbench.errors.ParameterError: no parameter was set: 'v' is not known here; 'w' is missing
    """
    _set(_dotted(parameters), values, "")


@hinted
def save_safetensors(
    parameters: Iterable[SharedVariable],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the values of `parameters` to a safetensors file.

    Parameters
    ----------
    parameters : iterable of SharedVariable
        For instance ``model.parameters``.
    path : path
        What stands there is replaced in one step, once the new file is whole and on the disk.
    metadata : dict of str to str, optional
        Kept in the file's header.

    Raises
    ------
    ArchiveError
        If two have the same name.

    Examples
    --------
    >>> import tempfile
    >>> from workbench import shared
    >>> path = tempfile.mkdtemp() + "/w.safetensors"
    >>> save_safetensors([shared([1.0, 2.0], "w")], path, {"epochs": "5"})
    >>> v = shared([0.0, 0.0], "w")
    >>> load_safetensors([v], path), v.get_value()
    ({'epochs': '5'}, array([1., 2.], dtype=float32))
    """
    from safetensors.torch import save

    values = {name: value.contiguous() for name, value in to_state_dict(parameters).items()}
    data = save(values, dict(metadata or {}))
    replace_file(path, lambda file: file.write(data), ArchiveError)


@hinted
def load_safetensors(
    parameters: Iterable[SharedVariable], path: str | os.PathLike[str]
) -> dict[str, str]:
    """Set all `parameters` from a safetensors file, or none if anything does not fit.

    Parameters
    ----------
    parameters : iterable of SharedVariable
        For instance ``model.parameters``.
    path : path

    Returns
    -------
    dict
        The metadata of the file.

    Raises
    ------
    ArchiveError
        If the file cannot be read.
    ParameterError
        If a name is unknown or missing, or a value has another shape or kind; the text lists all.

    Examples
    --------
    See `save_safetensors`.
    """
    from safetensors import SafetensorError, safe_open

    check_regular(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be opened ({error.strerror or error})") from None
    except SafetensorError as error:
        raise ArchiveError(f"{path}: this is no sound safetensors file ({error})") from None
    _set(_dotted(parameters), values, f"{path}: ")
    return metadata


def _set(parameters: dict[str, SharedVariable], values: Mapping[str, Any], where: str) -> None:
    problems = misfits(values, parameters)
    if problems:
        raise ParameterError(f"{where}no parameter was set: {'; '.join(problems)}")
    assign(values, parameters)


def _dotted(parameters: Iterable[SharedVariable]) -> dict[str, SharedVariable]:
    named: dict[str, SharedVariable] = {}
    for variable in dict.fromkeys(parameters):
        name = path_of(variable)
        # Other programs do not know an order by which numbers could be given.
        if name in named:
            raise ArchiveError(
                f"two parameters are named {name!r}; give their bricks different names, so that "
                "their values can be told apart"
            )
        named[name] = variable
    return {name.lstrip("/").replace("/", "."): variable for name, variable in named.items()}
