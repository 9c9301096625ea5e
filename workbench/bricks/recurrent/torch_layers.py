"""Recurrent torch layers that repeat the steps of recurrent bricks over time.

The bricks do not transform their inputs, so the input weights of these layers are the identity
matrix, which is not trained. The initial states of the bricks become parameters of the module that
contains the layer.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn

from workbench.bricks.to_torch import TorchCall, layer_of, value_of
from workbench.tensor import Variable


def fits(call: TorchCall) -> bool:
    """Return True if a call iterates over one sequence, with neither a mask nor initial states."""
    options = {name for name, value in call.options.items() if (name, value) != ("iterate", True)}
    return call.method == "apply" and call.inputs == ("inputs",) and options <= {"reverse"}


def over_time(
    kind: type[nn.RNNBase],
    name: str,
    weights: Variable,
    initial: Sequence[Variable],
    call: TorchCall,
    options: dict[str, Any],
) -> nn.Module:
    """Return a module that applies a layer to a sequence, starting from learned states.

    Parameters
    ----------
    kind : type
        The class of the layer, such as ``torch.nn.LSTM``.
    name : str
        The name of the layer in the module.
    weights : Variable
        The weights from states to gates, of shape (D, G), in torch's order of gates.
    initial : sequence of Variable
        The initial states, each of shape (D,).
    call : TorchCall
    options : dict
        Keyword arguments of the class.
    """
    recurrent = value_of(weights).T
    size, dim = recurrent.shape
    values = {"weight_ih_l0": torch.eye(size).to(recurrent), "weight_hh_l0": recurrent}
    options = {"bias": False, **options}
    held: dict[str, Any] = {
        name: layer_of(kind, size, dim, values=values, options=options, frozen=["weight_ih_l0"])
    }
    graph = fx.Graph()
    inputs = graph.placeholder("inputs")
    reverse = bool(call.options.get("reverse"))
    batch = graph.call_method("size", (inputs, 1))
    states = []
    for variable in initial:
        held[str(variable.name)] = nn.Parameter(value_of(variable))
        state = graph.get_attr(str(variable.name))
        states.append(graph.call_method("expand", (state, 1, batch, dim)))
    given = graph.call_function(torch.flip, (inputs, [0])) if reverse else inputs
    start = states[0] if len(states) == 1 else tuple(states)
    both = graph.call_module(name, (given, start))
    output = graph.call_function(operator.getitem, (both, 0))
    graph.output(graph.call_function(torch.flip, (output, [0])) if reverse else output)
    return fx.GraphModule(held, graph, class_name=kind.__name__)
