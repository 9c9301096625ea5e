"""Partition of the joint graph of one loop step into a forward and a backward graph.

Saved values are kept for every time step. To save fewer values, the backward graph recomputes
views. It recomputes all views of inputs, since a program may write to the memory of the inputs
after the loop. If the gradient of a matrix is a product, the backward graph returns the two
factors, so that one product can replace the products of all time steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from workbench.tensor import torch_internals as internals

VIEWS = frozenset(
    {
        torch.ops.aten.t.default, torch.ops.aten.view.default, torch.ops.aten.detach.default,
        torch.ops.aten.unsqueeze.default, torch.ops.aten.squeeze.dim,
        torch.ops.aten.expand.default, torch.ops.aten.slice.Tensor,
        torch.ops.aten.permute.default, torch.ops.aten.transpose.int, torch.ops.aten.alias.default,
        torch.ops.aten.select.int, torch.ops.aten.sym_size.int,
    }
)  # fmt: skip
"""Operations that take no time; the backward graph repeats them instead of saving their results."""


COPIES = (torch.ops.aten.detach.default, torch.ops.aten.alias.default)
"""Operations that return their argument."""


@dataclass
class ForwardBackward:
    """The forward graph and the backward graph of one loop step.

    The results of each graph are distinct, and none of them is an argument of the graph.

    Attributes
    ----------
    forward, backward : torch.fx.GraphModule
        The arguments of `backward` are inputs of the step, results of `forward`, and tangents.
    outputs, saved : list of int
        Indices of results of `forward`: the outputs of the step, and the values that `backward`
        needs.
    used : list of int
        Indices of the inputs of the step that `backward` needs.
    gradients : list
        See `CompiledStep`.
    wanted : list of int
        The values that `gradients` refers to: ``i`` is the index of a result of `backward`, and
        ``~i`` the index of an argument.
    """

    forward: fx.GraphModule
    backward: fx.GraphModule
    outputs: list[int]
    saved: list[int]
    used: list[int]
    gradients: list[Any]
    wanted: list[int]


def partition(
    joint: fx.GraphModule, n_sizes: int, n_inputs: int, n_outputs: int, contexts: range
) -> ForwardBackward:
    """Partition a joint graph, which computes outputs and gradients from inputs and tangents.

    The first `n_sizes` inputs are sizes, which are arguments of both graphs. If the gradient of one
    of `contexts` is a matrix product, the backward graph returns the two factors.
    """
    nodes = list(joint.graph.nodes)
    placeholders = [node for node in nodes if node.op == "placeholder"]
    inputs, tangents = placeholders[:n_inputs], placeholders[n_inputs:]
    results = nodes[-1].args[0]
    # A graph must not return its arguments, so an output that equals an input remains a copy.
    first = [(node, _itself(node)) for node in results[:n_outputs]]
    outputs = [node if same.op == "placeholder" else same for node, same in first]
    gradients = list(results[n_outputs:])
    late: set[fx.Node] = set(tangents)  # nodes that depend on tangents and therefore run backward
    for node in nodes:
        if any(one in late for one in node.all_input_nodes):
            late.add(node)
    places, wanted = _wanted(gradients, contexts)
    memory = {internals.storage_of(value) for node in inputs for value in _tensors(node)}
    kept: dict[fx.Node, None] = {}
    seen: set[fx.Node] = set()
    # Walk from the gradients to their inputs. The backward graph computes late nodes and views. The
    # walk stops at all other nodes, whose values the forward graph saves.

    def is_view(node: fx.Node) -> bool:
        of_input = any(internals.storage_of(value) in memory for value in _tensors(node))
        return of_input or node.target in VIEWS

    waiting = list(wanted)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op == "placeholder":
            continue
        if node in late or node.op == "get_attr" or is_view(node):
            waiting += node.all_input_nodes
        else:
            kept[node] = None
    used = [i for i, node in enumerate(inputs) if i < n_sizes or node in seen]
    given = {node: i for i, node in enumerate(dict.fromkeys([*outputs, *kept]))}
    sources = [*[inputs[i] for i in used], *kept, *tangents]
    taken = {node: ~i for i, node in enumerate(sources)}
    computed = {node: i for i, node in enumerate(n for n in wanted if n not in taken)}
    return ForwardBackward(
        _extract(joint, inputs, list(given)),
        _extract(joint, sources, list(computed)),
        [given[node] for node in outputs],
        [given[node] for node in kept],
        used,
        places,
        [(computed if node in computed else taken)[node] for node in wanted],
    )


def _tensors(node: fx.Node) -> list[torch.Tensor]:
    """Return the fake tensors that a node computes."""
    value = node.meta.get("val")
    values = value if isinstance(value, (list, tuple)) else [value]
    return [one for one in values if isinstance(one, torch.Tensor)]


def _itself(node: fx.Node) -> fx.Node:
    """Return the node that provides the value of `node`, skipping all operations in `COPIES`."""
    while node.target in COPIES:
        node = node.args[0]  # type: ignore[assignment]
    return node


def _wanted(gradients: Sequence[Any], contexts: range) -> tuple[list[Any], list[fx.Node]]:
    """Return the position of each gradient among the distinct result nodes, and these nodes."""
    wanted: dict[fx.Node, int] = {}

    def place(node: fx.Node) -> int:
        return wanted.setdefault(_itself(node), len(wanted))

    places: list[Any] = []
    for i, gradient in enumerate(gradients):
        if gradient is None:
            places.append(None)
            continue
        factors = _factors(gradient) if i in contexts else None
        places.append(place(gradient) if factors is None else tuple(map(place, factors)))
    return places, list(wanted)


def _factors(node: fx.Node) -> tuple[fx.Node, fx.Node] | None:
    """Return the matrices ``a`` and ``b`` if `node` is ``a.T @ b``, or None otherwise."""
    aten = torch.ops.aten
    node = _itself(node)
    if node.target is aten.mm.default:
        left, right = node.args
        if isinstance(left, fx.Node) and left.target is aten.t.default:
            return left.args[0], right  # type: ignore[return-value]
    if node.target is aten.t.default:
        turned = node.args[0]
        if isinstance(turned, fx.Node) and turned.target is aten.mm.default:
            left, right = turned.args  # (left.T @ right).T == right.T @ left
            if isinstance(left, fx.Node) and left.target is aten.t.default:
                return right, left.args[0]  # type: ignore[return-value]
    return None


def _extract(
    joint: fx.GraphModule, sources: Sequence[fx.Node], results: Sequence[fx.Node]
) -> fx.GraphModule:
    """Copy the subgraph that computes `results` from `sources`."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in sources:
        copies[node] = graph.placeholder(node.name)
        copies[node].meta = dict(node.meta)
    needed: set[fx.Node] = set()
    waiting = list(results)
    while waiting:
        node = waiting.pop()
        if node not in needed and node not in copies:
            needed.add(node)
            waiting += node.all_input_nodes
    for node in joint.graph.nodes:
        if node in needed:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output([copies[node] for node in results])
    return fx.GraphModule(joint, graph)
