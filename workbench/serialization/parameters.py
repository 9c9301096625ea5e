"""Values of parameters as an ``.npz`` file, which `numpy.load` alone can open.

The file under the ``_parameters`` member of an archive. Its entries are named by the parameters'
paths, with ``|`` in place of ``/``: zip files reserve that for folders.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy
import torch

from workbench.errors import ArchiveError
from workbench.serialization import archive
from workbench.serialization.values import path_of, value_of
from workbench.tensor import SharedVariable
from workbench.utils.npy import arrays_of

PARAMETERS = "_parameters"


def parameter_names(parameters: Iterable[SharedVariable]) -> dict[str, SharedVariable]:
    """The parameters by path, such as ``/mlp/linear_0.W``.

    Raises
    ------
    ArchiveError
        If two have the same path.
    """
    names: dict[str, SharedVariable] = {}
    for parameter in dict.fromkeys(parameters):
        name = path_of(parameter)
        if name in names:
            raise ArchiveError(
                f"two parameters are named {name!r}; give their bricks different names, so that "
                "their values can be told apart"
            )
        names[name] = parameter
    return names


def values_by_name(parameters: Iterable[SharedVariable]) -> dict[str, torch.Tensor]:
    """Copies of the values of `parameters`, by path."""
    return {name: value_of(variable) for name, variable in parameter_names(parameters).items()}


def encode_parameters(values: Mapping[str, torch.Tensor]) -> bytes:
    """The bytes of an ``.npz`` file; of dtypes that numpy lacks it has float32."""
    file = io.BytesIO()
    arrays = {name.replace("/", "|"): _as_array(value) for name, value in values.items()}
    numpy.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _as_array(value: torch.Tensor) -> numpy.ndarray[Any, Any]:
    try:
        return value.numpy()
    except TypeError:
        return value.float().numpy()


def decode_parameters(data: bytes, where: str) -> dict[str, numpy.ndarray[Any, Any]]:
    """The arrays of `encode_parameters` by path."""
    try:
        return {name.replace("|", "/"): array for name, array in arrays_of(data).items()}
    except Exception as error:
        raise archive.unreadable(where, PARAMETERS, error) from None


def load_parameters(file_: Any) -> dict[str, numpy.ndarray[Any, Any]]:
    """The parameters in an archive, by path; nothing is executed.

    Parameters
    ----------
    file_ : path or file

    Raises
    ------
    ArchiveError
        If the archive is damaged or contains no parameters.

    Examples
    --------
    >>> import io
    >>> from workbench import shared
    >>> from workbench.serialization import dump
    >>> file = io.BytesIO()
    >>> dump(None, file, parameters=[shared([1.0, 2.0], "w")])
    >>> load_parameters(file)
    {'w': array([1., 2.], dtype=float32)}
    """
    return decode_parameters(archive.member(file_, PARAMETERS), archive.name_of(file_))
