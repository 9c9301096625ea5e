"""Export of a computation graph to an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from workbench.graph.module import GraphAsModule
from workbench.tensor import SharedVariable, Variable
from workbench.utils.onnx_files import write_onnx


def write_graph(
    inputs: Mapping[str, Variable],
    outputs: Sequence[Variable],
    names: Sequence[str],
    parameters: Mapping[str, SharedVariable],
    examples: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
    tolerance: float = 1e-4,
    notes: tuple[str, Mapping[str, str]] = ("", MappingProxyType({})),
) -> Path:
    """Export a graph to an ONNX file, after checking the outputs of the exported program.

    Parameters
    ----------
    inputs : dict of str to Variable
        The inputs, keyed by their names in the file.
    outputs : sequence of Variable
    names : sequence of str
        The names of the outputs in the file.
    parameters : dict of str to SharedVariable
        The parameters, by path. Their values are copied to the CPU.
    examples : dict of str to tensor or array
        An example value for each input; it is converted to the dtype of the input.
    path : path
    dynamic_axes, tolerance, notes
        See `workbench.utils.onnx_files.write_onnx`.

    Returns
    -------
    Path
        The path of the file.
    """
    converted = {
        name: torch.as_tensor(examples[name], dtype=variable.dtype)
        for name, variable in inputs.items()
    }
    module = GraphAsModule(list(inputs.values()), outputs, parameters)
    return write_onnx(
        module.cpu(),  # moves only the module, not the variables
        converted,
        names,
        path,
        dynamic_axes=dynamic_axes,
        tolerance=tolerance,
        notes=notes,
    )
