"""Functions that save parameters to safetensors files and load parameters from them.

In a file, parameters have the names that torch uses, with dots: ``mlp.linear_0.W``. Other programs
can read and write these files, and loading executes no code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from workbench.errors import ArchiveError
from workbench.graph.persistent import kept_with, mention_left_out
from workbench.hints import hinted
from workbench.serialization.archive import check_regular
from workbench.serialization.torch_state_dict import dotted, set_all, to_state_dict
from workbench.tensor import SharedVariable
from workbench.utils.atomic import replace_file

WITH_STATISTICS = "save and load model.select(PERSISTENT) instead of model.parameters"


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
        The variables, for instance ``model.parameters``, or ``model.select(PERSISTENT)`` for a
        model with population statistics or wrapped modules with buffers. A message names the
        statistics and buffers that are missing from the list.
    path : path
        The file. An existing file is replaced atomically after the new file has been written to
        disk.
    metadata : dict of str to str, optional
        Text to store in the header of the file.

    Raises
    ------
    ArchiveError
        If two parameters have the same name, or the folder of the file does not exist.

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

    parameters = list(parameters)
    values = {name: value.contiguous() for name, value in to_state_dict(parameters).items()}
    data = save(values, dict(metadata or {}))
    replace_file(path, lambda file: file.write(data), ArchiveError)
    mention_left_out(kept_with(parameters), "saved", WITH_STATISTICS)


@hinted
def load_safetensors(
    parameters: Iterable[SharedVariable], path: str | os.PathLike[str]
) -> dict[str, str]:
    """Set all `parameters` from a safetensors file, or none of them if a value does not fit.

    Parameters
    ----------
    parameters : iterable of SharedVariable
        The variables, for instance ``model.parameters``.
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
        If a name is unknown or missing, or if a value has a different shape or cannot be
        converted exactly. The message lists all problems.

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
        raise ArchiveError(f"{path}: must be a valid safetensors file ({error})") from None
    parameters = list(parameters)
    set_all(dotted(parameters), values, f"{path}: ")
    mention_left_out(kept_with(parameters), "loaded", WITH_STATISTICS)
    return metadata
