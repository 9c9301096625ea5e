"""Export of a run's network to a torch module or an ONNX file.

An ONNX file contains the shapes of the training data.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.algorithms.base import inputs_by_name
from workbench.bricks.to_torch import converted
from workbench.errors import SessionError
from workbench.graph.annotations import get_application_call
from workbench.graph.hierarchy import path_of
from workbench.graph.onnx_export import write_graph
from workbench.hints import hinted
from workbench.roles import PARAMETER, has_roles
from workbench.session.as_in_training import AsInTraining
from workbench.session.onnx_notes import kind_of_output, notes
from workbench.session.predicting import shared_copies
from workbench.session.predictions import find_output, in_evaluation_mode
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.traversal import ancestors, replace

FEW = 2
"""Number of examples for the export and the check; the check would be slow with many examples."""

NO_EXAMPLES = (
    "to_onnx takes the shapes of the inputs from the training data, which cannot be read here: "
    "{reason}; pass examples yourself, as in "
    "Model(scores).to_onnx(path, {{'features': examples}})"
)
NOT_IN_DATA = (
    "to_onnx takes the shapes of the inputs from the training data, but {output!r} depends on "
    "{missing!r}, and the data has only {known}; pass examples yourself, as in "
    "Model(scores).to_onnx(path, {{{missing!r}: examples}})"
)


NO_BRICK = (
    "to_torch needs a prediction that one brick computes, but {output!r} is computed outside of "
    "bricks; convert a brick instead, as in brick.to_torch()"
)


def to_torch(session: Any) -> torch.nn.Module:
    """Create a module of torch layers that computes the predictions of the run.

    All parameters are copied at the same iteration. Later training does not change the module, and
    changes to the module do not affect training. The module has the inputs of the network, as
    encoded by the data stream. `Brick.to_torch` describes which networks can be converted.

    Returns
    -------
    torch.nn.Module
        A module in training mode, like every new torch module; call ``eval()`` before using it
        for predictions.

    Raises
    ------
    BrickError
        If torch's layers and functions cannot express the network.
    SessionError
        If the model does not show which variable is its prediction, or if no brick computes it.
    ParameterError
        If a parameter is not initialised.

    Examples
    --------
    >>> import workbench as wb
    >>> run = wb.fit([wb.Linear()], ([[0.0], [1.0]] * 5, ["a", "b"] * 5), name="for torch")
    >>> run.to_torch()
    Sequential(
      (linear): Linear(in_features=1, out_features=2, bias=True)
    )
    """
    with session._lock:
        (variable,) = in_evaluation_mode([find_output(session.main_loop, None)])
    values = shared_copies(session, [variable])
    twin = copy.deepcopy(variable)
    for old, new in zip(_shared(variable), _shared(twin), strict=True):
        if old in values:
            with torch.no_grad():
                new.tensor.copy_(values[old].tensor)
    call = get_application_call(twin)
    if call is None:
        raise SessionError(NO_BRICK.format(output=variable))
    return converted(
        call.application.brick, list(inputs_by_name([twin], "to_torch").values()), [twin]
    )


def _shared(variable: Variable) -> list[SharedVariable]:
    return [v for v in ancestors([variable]) if isinstance(v, SharedVariable)]


@hinted
def to_onnx(
    session: Any,
    path: str | os.PathLike[str],
    output: Variable | str | None = None,
    *,
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
    tolerance: float = 1e-4,
) -> Path:
    """Export the run's network to an ONNX file, after checking the exported program's outputs.

    The file contains the graph of `predict`, in evaluation mode, with the parameters of one
    iteration. Its inputs have the names of the sources and the shapes of the training data. The
    method can be called during or after training, and does not interrupt training.

    The file does not encode its inputs: the columns of a table must be standardised and one-hot,
    and images scaled, before they are passed to it, as in training. The metadata of the file says
    how, as JSON: ``"encoding"`` has the columns of a table with their means, deviations or
    categories, or the size and the scaling of images, and ``"classes"`` has the names of the
    classes. ``session.recipe()`` shows the same as a program.

    By default, the output is named after its meaning: ``probabilities`` (after `Softmax` or
    `Logistic`), ``scores`` (other outputs for classes), or ``predictions``.

    Parameters
    ----------
    path : path
        The file, for example ``model.onnx``. A relative path is relative to the working directory
        of this process.
    output : Variable or str, optional
        The variable to compute, or its name; by default the variable that `predict` computes.
    dynamic_axes : dict of str to dict of int to str, optional
        For each input, the axes whose size may vary, with their names. By default, the size of each
        input's first axis may vary, and this axis is named ``batch``.
    tolerance : float
        The largest allowed relative and absolute difference from the predictions. The file is
        checked with training examples, and with examples whose dynamic axes are larger.

    Returns
    -------
    Path
        The path of the file.

    Raises
    ------
    ArchiveError
        If ONNX cannot express the network, or if the file computes different outputs. In both
        cases, no file is written.
    SessionError
        If the output is unknown or computed in training mode, or if the training data has no
        examples.
    GraphError
        If the network draws random numbers in evaluation mode.
    ParameterError
        If a parameter is not initialised.
    MissingLibraryError
        If onnx is not installed.

    Examples
    --------
    >>> import tempfile, workbench as wb
    >>> run = wb.fit([wb.Linear()], ([[0.0], [1.0]] * 5, ["a", "b"] * 5), name="to be exported")
    >>> path = run.to_onnx(tempfile.mkdtemp() + "/two_classes.onnx")
    >>> import onnx
    >>> [(one.key, one.value) for one in onnx.load(path).metadata_props]
    [('classes', '["a", "b"]')]
    """
    with session._lock:
        (variable,) = in_evaluation_mode([find_output(session.main_loop, output)])
    needed = inputs_by_name([variable], "to_onnx")
    copies = shared_copies(session, [variable])
    examples = _examples(session, variable, needed)
    own = replace([variable], copies)[variable]
    parameters = {
        path_of(old): new
        for old, new in copies.items()
        if isinstance(new, SharedVariable) and has_roles(old, [PARAMETER])
    }
    classes = session.log.status.get("classes")
    name = kind_of_output(variable, classes) if output is None else variable.name or "output"
    rules = AsInTraining(session.main_loop.data_stream)
    return write_graph(
        needed,
        [own],
        [name],
        parameters,
        examples,
        path,
        dynamic_axes=dynamic_axes,
        tolerance=tolerance,
        notes=notes(session.name, rules, needed, name, classes),
    )


def _examples(session: Any, output: Variable, needed: Iterable[str]) -> dict[str, Any]:
    """Return a few training examples for each input."""
    request = session.probe([], batch=True)
    try:
        request.wait()
    except SessionError as error:
        reason = str(error).partition(";")[0]
        raise SessionError(NO_EXAMPLES.format(reason=reason)) from None
    found = {}
    for name in needed:
        if name not in request.batch:
            known = ", ".join(map(repr, request.batch))
            raise SessionError(NOT_IN_DATA.format(output=output, missing=name, known=known))
        values = request.batch[name]
        found[name] = values[:FEW] if np.ndim(values) else values
    return found
