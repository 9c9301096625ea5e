"""Functions that determine whether a network returns probabilities or unnormalised scores.

The loss must suit the network's ending: with a softmax in both the network and the loss, training
would succeed, but with a worse result. Therefore, the ending is inferred from the last brick of a
sequence of bricks, or from the operation that computes the output of a module. If this is not
possible, the ending is inferred from the numbers that the network returns.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from workbench.bricks import Bias, Brick, Dropout, Identity, Linear, Logistic, Softmax
from workbench.bricks.activations import Activation
from workbench.errors import ArgumentError
from workbench.tensor import Variable
from workbench.tensor.arrays import as_array
from workbench.tensor.device import floatx

End = Literal["softmax", "logistic", "scores"]

SAME_NUMBERS = (
    "View", "Reshape", "ReshapeAlias", "UnsafeView", "Squeeze", "Unsqueeze", "Alias", "Clone",
    "Slice", "Select", "Transpose", "T", "Permute", "Expand", "AsStrided", "ToCopy",
)  # fmt: skip
"""Torch operations that only rearrange numbers."""

ENDS: dict[str, End] = {
    "Softmax": "softmax",
    "Sigmoid": "logistic",
    "LogSoftmax": "scores",
    "Addmm": "scores",
    "Mm": "scores",
}
"""Torch operations that show how a module ends."""

UNCLEAR = (
    "it is unclear whether the model returns probabilities: its outputs for the first batch look "
    "like those of a {end} function, but its last operation is {node}; end the module with "
    "torch.nn.Softmax(1), torch.nn.Sigmoid() or a linear layer, or pass "
    "loss=CategoricalCrossEntropy() or loss=BinaryCrossEntropy() if the outputs are probabilities"
)
NO_PROBABILITIES = (
    "the model ends with a softmax over the wrong dimension, since its output rows do not sum to "
    "1; compute the softmax of each example's outputs, as torch.nn.Softmax(1) does"
)


def end_of(step: Brick) -> End | None:
    """Return the ending of a network whose last brick is `step`, or None if it is unknown."""
    if not type(step).__module__.startswith("workbench."):
        return None
    if isinstance(step, Softmax):
        return "softmax"
    if isinstance(step, Logistic):
        return "logistic"
    methods = getattr(step, "application_methods", None)
    if methods:
        return end_of(methods[-1].brick)
    arranges = isinstance(step, (Identity, Dropout))
    return "scores" if isinstance(step, (Linear, Bias, Activation)) and not arranges else None


def end_of_module(module: torch.nn.Module) -> End | None:
    """Return the kind of a module's last layer if it is a softmax or a sigmoid, otherwise None."""
    if type(module) is torch.nn.Sequential and len(module):
        return end_of_module(module[-1])
    kinds: dict[type, End] = {torch.nn.Softmax: "softmax", torch.nn.Sigmoid: "logistic"}
    return kinds.get(type(module))


def end_of_outputs(
    module: torch.nn.Module, outputs: Sequence[torch.Tensor], given: Mapping[str, Any], loss: Any
) -> End:
    """Infer the kind of a module's ending from the operation that computes its output.

    Parameters
    ----------
    module : torch.nn.Module
    outputs : sequence of Tensor
        See `end_of_numbers`.
    given : dict of str to array
        The inputs of a batch.
    loss
        The loss that the caller passed, or None.

    Raises
    ------
    ArgumentError
        If the operation and the numbers do not match.
    """
    node = _last_operation(module, given)
    known, seen = ENDS.get(node or ""), end_of_numbers(outputs)
    if known == "softmax" and end_of_numbers(outputs[:1]) != "softmax":
        raise ArgumentError(NO_PROBABILITIES)
    if known is not None:
        return known
    if node is not None and seen != "scores" and loss is None:
        raise ArgumentError(UNCLEAR.format(end=seen, node=node))
    return seen


def _last_operation(module: torch.nn.Module, given: Mapping[str, Any]) -> str | None:
    """Return the torch operation that computes the output; None if the output has no gradient."""
    twin = copy.deepcopy(module).eval()
    device = next((one.device for one in twin.parameters()), torch.device("cpu"))
    dtype = next((one.dtype for one in twin.parameters() if one.is_floating_point()), floatx())
    inputs = {}
    for name, value in given.items():
        tensor = torch.as_tensor(value).detach().to(device)
        tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor.long()
        inputs[name] = tensor.requires_grad_(tensor.is_floating_point())
    for one in twin.parameters():
        one.requires_grad_(one.is_floating_point())
    with torch.enable_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        output = twin(*inputs.values()) if len(inputs) == 1 else twin(**inputs)
    node: Any = getattr(output, "grad_fn", None)
    while node is not None:
        name = re.sub(r"Backward\d*$", "", type(node).__name__)
        if name not in SAME_NUMBERS:
            return name
        node = next((one for one, _ in node.next_functions if one is not None), None)
    return None


def outputs_of_batch(output: Variable, given: Mapping[str, Any]) -> list[torch.Tensor]:
    """Return the outputs of a network for a batch, and for the batch multiplied by 1000."""
    plain: Any = dict(given)
    large: Any = {
        name: as_array(value) * 1000 if as_array(value).dtype.kind == "f" else value
        for name, value in plain.items()
    }
    return [torch.as_tensor(output.eval(plain)), torch.as_tensor(output.eval(large))]


def end_of_numbers(outputs: Sequence[torch.Tensor]) -> End:
    """Infer the kind of a network's ending from the numbers that it returns.

    Parameters
    ----------
    outputs : sequence of Tensor
        The outputs for some examples, and for the same examples multiplied by a large number, so
        that scores leave the interval from 0 to 1.
    """
    rows = torch.cat([output.detach().double() for output in outputs])
    if rows.ndim != 2 or not bool(((rows >= 0) & (rows <= 1)).all()):
        return "scores"
    sums = rows.sum(1)
    return "softmax" if rows.shape[1] > 1 and bool(((sums - 1).abs() < 1e-4).all()) else "logistic"
