"""Notes in an ONNX file: what its inputs mean, how they are encoded, and what its output is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from workbench.bricks import FeedforwardSequence, Logistic, Softmax, TorchModule
from workbench.data.files import some
from workbench.graph.annotations import get_application_call
from workbench.session.as_in_training import AsInTraining
from workbench.tensor import Variable

ENCODED = (
    "The inputs must be encoded as in training; the metadata 'encoding' describes this as JSON."
)


def kind_of_output(output: Variable, classes: Sequence[str] | None) -> str:
    """Return ``"probabilities"``, ``"scores"`` (of classes), or ``"predictions"``.

    Parameters
    ----------
    output : Variable
    classes : sequence of str or None
        The names of the classes, if the targets are classes.
    """
    if classes is None:
        return "predictions"
    call = get_application_call(output)
    last: Any = None if call is None else call.application.brick
    while isinstance(last, FeedforwardSequence):
        last = last.application_methods[-1].brick
    if isinstance(last, TorchModule):
        last = last.module
    while isinstance(last, torch.nn.Sequential) and len(last):
        last = last[-1]
    ends = (Softmax, Logistic, torch.nn.Softmax, torch.nn.Sigmoid)
    return "probabilities" if isinstance(last, ends) else "scores"


def notes(
    name: str, rules: AsInTraining, inputs: Iterable[str], output: str, classes: Any
) -> tuple[str, dict[str, str]]:
    """Return the text and the metadata of a file.

    Parameters
    ----------
    name : str
        The name of the session.
    rules : AsInTraining
        The encoding of the training data.
    inputs : iterable of str
    output : str
        The name of the output.
    classes : sequence of str or None
        The names of the classes, if the targets are classes.

    Returns
    -------
    str, dict of str to str
        The values of the dictionary are JSON.
    """
    encoding = {one: rules.described(one) for one in inputs}
    encoding = {one: found for one, found in encoding.items() if found}
    lines = [f"The network of the run {name!r}, in evaluation mode."]
    metadata = {}
    if encoding:
        lines.append(ENCODED)
        metadata["encoding"] = json.dumps(encoding)
    if classes is not None:
        lines.append(f"The output {output!r} is for the classes {some(classes)}, in this order.")
        metadata["classes"] = json.dumps(list(classes))
    return "\n".join(lines), metadata
