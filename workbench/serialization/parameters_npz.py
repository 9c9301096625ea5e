"""Storage of parameter values in an ``.npz`` file, which numpy can open without workbench.

The file is the member ``_parameters`` of an archive. The names of its entries are the paths of the
parameters, with ``|`` in place of ``/``, which zip files use for folders.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy
import torch

from workbench.errors import ArchiveError
from workbench.graph.hierarchy import path_of
from workbench.hints import hinted
from workbench.serialization import archive
from workbench.serialization.variable_values import by_path, value_of
from workbench.tensor import SharedVariable
from workbench.utils.npy import arrays_of
from workbench.utils.paths import ByPath

PARAMETERS = "_parameters"


def values_by_path(parameters: Iterable[SharedVariable]) -> dict[str, torch.Tensor]:
    """Return copies of the values of `parameters`, keyed by path; equal paths are numbered."""
    return {name: value_of(variable) for name, variable in by_path(parameters).items()}


def check_numbered(
    parameters: Mapping[str, SharedVariable], present: Mapping[str, Any], where: str
) -> None:
    """Check that numbered paths refer to the same variables as in an archive.

    Raises
    ------
    ArchiveError
        If one of several variables with the same path has a different value in the archive.
    """
    for name, variable in parameters.items():
        path = path_of(variable)
        alone = f"{path}_2" not in present
        if not alone and not numpy.array_equal(present[name], _as_array(value_of(variable))):
            raise ArchiveError(
                f"{where}: several parameters are named {path!r}, and {name!r} has a different "
                "value in the archive; pass the parameters in the order they were passed "
                "to dump, or rename their bricks"
            )


def encode_parameters(values: Mapping[str, torch.Tensor]) -> bytes:
    """Encode values as an ``.npz`` file; convert dtypes that numpy does not support to float32."""
    file = io.BytesIO()
    arrays = {name.replace("/", "|"): _as_array(value) for name, value in values.items()}
    numpy.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _as_array(value: torch.Tensor) -> numpy.ndarray[Any, Any]:
    try:
        return value.numpy()
    except TypeError:
        return value.float().numpy()


def decode_parameters(data: bytes, where: str) -> ByPath[numpy.ndarray[Any, Any]]:
    """Return the arrays that `encode_parameters` encoded, keyed by path."""
    try:
        return ByPath({name.replace("|", "/"): array for name, array in arrays_of(data).items()})
    except Exception as error:
        raise archive.unreadable(where, PARAMETERS, error) from None


@hinted
def load_parameters(file_: Any) -> ByPath[numpy.ndarray[Any, Any]]:
    """Return the parameters of an archive, keyed by path, without executing code from the archive.

    Paths, such as ``/mlp/linear_0.W``, are defined as in `workbench.model.Model`. If several
    parameters have the same path, the second is named ``..._2``, and so on, in the order
    they were saved.

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
