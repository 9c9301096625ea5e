"""Images and Mermaid text of all kinds of models: bricks, graphs, modules and ONNX files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch

from workbench.bricks import Brick
from workbench.builder.convert import Built, from_spec
from workbench.builder.spec import Spec
from workbench.diagrams.diagram import Diagram
from workbench.diagrams.of_brick import of_brick
from workbench.diagrams.of_graph import of_computation, of_graph
from workbench.diagrams.of_module import names_of_inputs, of_module
from workbench.diagrams.of_onnx import of_onnx
from workbench.diagrams.page import ModelImage
from workbench.diagrams.probes import Given
from workbench.errors import ArgumentError
from workbench.graph import ComputationGraph
from workbench.hints import hinted
from workbench.tensor import Variable

Shape = Sequence[int | None] | torch.Tensor
"""The shape of an input, with None for an unknown size, or an example of the input."""

Inputs = Sequence[Shape] | Shape | Mapping[str, Shape]
"""The inputs of a module: one input, a list, or a mapping keyed by arguments of ``forward``."""


@hinted
def draw(model: Any, *, inputs: Inputs | None = None, depth: int | None = None) -> ModelImage:
    """Draw a model with its shapes, without changing the model.

    Parameters
    ----------
    model : Brick, Variable, Model, ComputationGraph, Spec, torch.nn.Module, or str or Path
        The model, a list of variables, or the path of an ONNX file, which is read but not
        run. The ``forward`` method of a module runs on a copy that allocates no memory.
    inputs : sequence or dict of shapes or tensors, optional
        For a module, the shapes or examples of its inputs: in order, as in
        ``[(None, 3, 224, 224)]``, or keyed by the arguments of ``forward``. None stands for an
        unknown size. By default, the shapes are derived from the first layer if possible.
    depth : int, optional
        The number of levels of groups to open. By default all groups are open, but if more than 100
        nodes would be visible, the innermost groups are closed.

    Returns
    -------
    ModelImage
        The image, which a notebook displays; `ModelImage.save` writes it to a file.

    Raises
    ------
    ArgumentError
        If the model cannot be drawn, a module cannot run on the given inputs, or a file cannot be
        read.

    Examples
    --------
    >>> import torch
    >>> from workbench.builder import draw
    >>> layers = torch.nn.Sequential(torch.nn.Linear(784, 10), torch.nn.Softmax(dim=1))
    >>> draw(layers, inputs=[(None, 784)])
    Sequential · 7,850 parameters · 15,680 FLOPs per example
      input float32 · -> batch × 784
      0 Linear · in_features=784, out_features=10, bias=True · 7,850 parameters · 15,680 FLOPs ·
        -> batch × 10
      1 Softmax · dim=1 · -> batch × 10
      output
    """
    return ModelImage(diagram_of(model, inputs).folded(depth))


@hinted
def to_mermaid(model: Any, *, inputs: Inputs | None = None, depth: int | None = None) -> str:
    """Return the text of a Mermaid flowchart, which GitHub draws in Markdown; see `draw`.

    Examples
    --------
    >>> from workbench.builder import to_mermaid
    >>> from workbench.bricks import MLP, Tanh
    >>> print(to_mermaid(MLP([Tanh()], [4, 3]), depth=0))
    flowchart TD
        n0(["input_<br/>float32"])
        n1["mlp<br/>MLP<br/>15 parameters · 24 FLOPs · 2 nodes inside"]
        n2(["mlp_apply_output<br/>output"])
        n0 -->|"batch × 4"| n1
        n1 -->|"batch × 3"| n2
    <BLANKLINE>
    """
    return draw(model, inputs=inputs, depth=depth).mermaid


def diagram_of(model: Any, inputs: Any = None) -> Diagram:
    """Return the diagram of a model with all groups open; see `draw`."""
    if inputs is not None and not isinstance(model, torch.nn.Module):
        raise ArgumentError(
            f"draw: inputs can be passed only for a torch module, but the model is {model!r:.60}; "
            "omit inputs"
        )
    if isinstance(model, torch.nn.Module):
        return of_module(model, None if inputs is None else given_inputs(inputs, model))
    if isinstance(model, (str, Path)):
        return of_onnx(model)
    if isinstance(model, Spec):
        model = from_spec(model)
    if isinstance(model, Built):
        model = model.model if model.variables else list(model.bricks.values())
    if isinstance(model, Brick):
        return _of_brick(model)
    if isinstance(model, ComputationGraph):
        return of_computation(model)
    variables = [model] if isinstance(model, Variable) else model
    if isinstance(variables, Iterable):
        variables = list(variables)
        if variables and all(isinstance(one, Variable) for one in variables):
            return of_graph(variables)
        if len(variables) == 1 and isinstance(variables[0], Brick):
            return _of_brick(variables[0])
    raise ArgumentError(
        f"draw: {model!r:.60} cannot be drawn; pass a brick, variables, a model, a graph, a torch "
        "module, or the path of an ONNX file"
    )


def _of_brick(brick: Brick) -> Diagram:
    found = of_brick(brick)
    if found is None:
        raise ArgumentError(
            f"draw: the input shapes of {brick!r:.60} are not known; apply the brick, and draw "
            "its output"
        )
    return found


def given_inputs(inputs: Any, module: torch.nn.Module) -> list[Given]:
    """Return the shapes and dtypes of the inputs that a user passed for a module, in order.

    Raises
    ------
    ArgumentError
        If the inputs are neither shapes nor tensors, or if their names do not match the arguments.
    """
    if isinstance(inputs, Mapping):
        names = names_of_inputs(module)
        if set(inputs) != set(names):
            raise ArgumentError(
                f"draw: inputs are given for {', '.join(map(str, inputs)) or 'no argument'}, but "
                f"the arguments of forward are {', '.join(names) or 'none'}"
            )
        inputs = [inputs[name] for name in names]
    if isinstance(inputs, (torch.Tensor, numpy.ndarray)) or _is_shape(inputs):
        inputs = [inputs]
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ArgumentError(
            f"draw: inputs must be a list of shapes or tensors, one for each input, not "
            f"{inputs!r:.60}"
        )
    found = []
    for number, one in enumerate(inputs):
        if isinstance(one, numpy.ndarray):
            one = torch.from_numpy(one)
        if isinstance(one, torch.Tensor):
            sizes = (None, *one.shape[1:]) if one.ndim else ()
            found.append(Given(sizes, one.dtype))
        elif _is_shape(one):
            found.append(Given(tuple(one)))
        else:
            raise ArgumentError(
                f"draw: inputs[{number}] must be a shape, such as (None, 3, 224, 224), or a "
                f"tensor, not {one!r:.60}"
            )
    return found


def _is_shape(one: Any) -> bool:
    return (
        isinstance(one, (list, tuple))
        and bool(one)
        and all(
            n is None or (isinstance(n, int) and not isinstance(n, bool) and n >= 0) for n in one
        )
    )
