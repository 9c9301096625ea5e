"""Fusion of operations for the eager tier.

In the eager tier, every operation costs a call and a traversal of memory, both in the forward and
in the backward pass. `fused` replaces several operations with one torch operation. `in_place`
removes the last operation of an update from the program, so that the operation can be applied in
place to the old value. The results differ only by rounding. The compiled tier traces the unfused
program, since its compiler fuses operations itself.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch.nn import functional

from workbench.tensor import shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.horizontal import BINARY, NAMES
from workbench.tensor.indexing import _elements
from workbench.tensor.lowering import _differentiate
from workbench.tensor.program import Program

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]
"""A function and its arguments."""

ADD = {operator.add, torch.add, "add"}
MULTIPLY = {operator.mul, torch.mul, "mul"}
PRODUCT = {operator.matmul, torch.matmul, torch.mm, "matmul", "mm"}
NEGATE = {operator.neg, torch.neg, "neg"}
MEAN = {torch.mean, "mean"}
CONVOLVE = {torch.conv2d, torch.conv_transpose2d}

CALLS = ("call_function", "call_method")
FLOATS = (torch.float32, torch.float64)
NO_CLASS = -(2**62) - 1
"""Value for `ignore_index` that never occurs as a class index.

With the default, -100, torch silently drops the examples with this class index.
"""

IN_PLACE: dict[Any, Callable[..., object]] = {
    internals.foreach_add: internals.foreach_add_,
    internals.foreach_sub: internals.foreach_sub_,
}


@dataclass(frozen=True)
class Change:
    """An in-place operation that applies an update to the old value.

    Attributes
    ----------
    function : callable
        Multi-tensor function that changes its first argument in place.
    factor : torch.fx.Node or None
        Scalar that multiplies the second argument.
    """

    function: Callable[..., object] = internals.foreach_copy_
    factor: fx.Node | None = None


def fused(program: Program) -> fx.Graph:
    """Return a copy of the graph of `program` with some operations fused."""
    graph = fx.Graph()
    graph.output(graph.graph_copy(program.graph, {}))
    for node in reversed(list(graph.nodes)):  # fuse larger expressions before their operands
        rules = RULES.get(node.target, ()) if node.users and node.op in CALLS else ()
        call = next((call for rule in rules if (call := rule(node)) is not None), None)
        if call is not None:
            with graph.inserting_before(node):
                new = graph.call_function(*call)
            new.meta = node.meta
            node.replace_all_uses_with(new)
            _erase(graph, [node])
    return graph


def _erase(graph: fx.Graph, idle: list[fx.Node]) -> None:
    """Remove the unused nodes `idle`, and nodes that become unused."""
    while idle:
        node = idle.pop()
        before = node.all_input_nodes
        graph.erase_node(node)
        idle += [n for n in before if not n.users and n.op in CALLS]


def _affine(node: Any) -> Call | None:
    """Fuse ``left @ right + rest``, with matrices `left` and `right`, into ``addmm``."""
    for product, rest in _terms(node, PRODUCT):
        matrices = not product.kwargs and all(_is_matrix(one) for one in product.args)
        if matrices and _fits(rest, product):
            return torch.addmm, (rest, *product.args), {}
    return None


def _multiple(node: Any) -> Call | None:
    """Fuse ``left * right + rest`` into ``addcmul``."""
    for product, rest in _terms(node, MULTIPLY):
        if not product.kwargs and all(_alike(one, node) for one in product.args):
            return torch.addcmul, (rest, *product.args), {}
    return None


def _biased(node: Any) -> Call | None:
    """Fuse the sum of a convolution and one value per channel into a convolution with a bias."""
    for convolution, rest in _terms(node, CONVOLVE):
        if (
            _calls(rest, {"reshape"})
            and list(rest.args[1:]) == [-1, 1, 1]
            and _fake(rest.args[0]).dim() == 1
            and len(convolution.args) == 2
            and "bias" not in convolution.kwargs
            and _fits(rest, convolution)
        ):
            return convolution.target, (*convolution.args, rest.args[0]), convolution.kwargs
    return None


def _mean_of_true(node: Any) -> Call | None:
    """Fuse the mean of the negative log probabilities of the true classes into ``nll_loss``."""
    if len(node.args) != 1 or node.kwargs or not _calls(node.args[0], NEGATE):
        return None
    call = _of_true(node.args[0]) if len(node.args[0].users) == 1 else None
    return call and (*call[:2], {**call[2], "reduction": "mean"})


def _of_true(node: Any) -> Call | None:
    """Fuse the negative log probability of each row's true class into ``nll_loss``."""
    if len(node.args) != 1 or not _calls(node.args[0], {_elements}):
        return None
    one = node.args[0]
    if len(one.users) > 1 or _fake(one).dtype not in FLOATS:
        return None
    return functional.nll_loss, one.args[:2], {"ignore_index": NO_CLASS, "reduction": "none"}


RULES: dict[Any, Sequence[Callable[[fx.Node], Call | None]]] = {
    **dict.fromkeys(ADD, (_affine, _multiple, _biased)),
    **dict.fromkeys(MEAN, (_mean_of_true,)),
    **dict.fromkeys(NEGATE, (_of_true,)),
}
"""Fusion rules, keyed by the last operation of the expression to fuse."""


def _calls(node: Any, functions: set[Any]) -> bool:
    """Return True if `node` calls one of `functions`; a string is the name of a method."""
    return isinstance(node, fx.Node) and node.op in CALLS and node.target in functions


def _terms(node: Any, functions: set[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the two operands of a sum if the first is a call to one of `functions`.

    Both orders are tried. The first operand must have no other user.
    """
    if len(node.args) != 2 or node.kwargs or not all(_alike(one, node) for one in node.args):
        return
    for one, other in (node.args, node.args[::-1]):
        if _calls(one, functions) and len(one.users) == 1 and one is not other:
            yield one, other


def _fake(node: Any) -> Any:
    return node.meta.get("fake") if isinstance(node, fx.Node) else None


def _is_matrix(node: Any) -> bool:
    fake = _fake(node)  # None for a constant
    return fake is not None and fake.dim() == 2


def _alike(one: Any, other: Any) -> bool:
    """Return True if both values are tensors of the same dtype on the same device."""
    a, b = _fake(one), _fake(other)
    return a is not None and b is not None and (a.dtype, a.device) == (b.dtype, b.device)


def _fits(one: Any, other: Any) -> bool:
    """Return True if `one` broadcasts to the sizes of `other`."""
    sizes = zip(reversed(_fake(one).shape), reversed(_fake(other).shape), strict=False)
    within = _fake(one).dim() <= _fake(other).dim()
    return within and all(shapes.known(a) == 1 or _equal(a, b) for a, b in sizes)


def _equal(one: Any, other: Any) -> bool:
    a, b = shapes.symbol(one), shapes.symbol(other)
    return bool(a == b) or b in shapes.equal_to(a)


def in_place(graph: fx.Graph, olds: Sequence[fx.Node | None]) -> list[Change]:
    """Omit the last operation of each update, so that this operation can be applied in place.

    Parameters
    ----------
    graph : torch.fx.Graph
        Graph whose last results are the new values; it is changed in place. Where possible, the
        operand of the in-place operation replaces the new value. The factors of in-place
        operations are appended to the results, each factor once.
    olds : list of torch.fx.Node or None
        The node of the old value for each new value, or None if the old value has no node.

    Returns
    -------
    list of Change
        For each new result, the operation that applies it to the old value. If no operation could
        be omitted, the operation is a copy.
    """
    output = graph.output_node()
    results: list[Any] = list(output.args[0])  # type: ignore[arg-type]
    first = len(results) - len(olds)
    found: dict[fx.Node, tuple[Change, fx.Node]] = {}
    for new, old in zip(results[first:], olds, strict=True):
        last = _last_operation(new, old)
        # The new value must have no other use, since it is never computed as a tensor.
        if last is not None and list(new.users) == [output] and results.count(new) == 1:
            found[new] = last
    changes = []
    for i, new in enumerate(results[first:], start=first):
        # A multi-tensor call can be omitted only if all of its results are updates of this kind.
        together = new.args[0].users if new.target is operator.getitem else ()
        change = Change()
        if new in found and all(one in found for one in together):
            change, results[i] = found[new]
        changes.append(change)
    factors = dict.fromkeys(change.factor for change in changes if change.factor is not None)
    output.args = ((*results, *factors),)
    _erase(graph, [new for new in found if not new.users])
    return changes


def _last_operation(new: fx.Node, old: fx.Node | None) -> tuple[Change, fx.Node] | None:
    """Return the in-place operation that turns `old` into `new`, and its operand.

    Return None if no such operation exists, or if the operand may be a view of memory that changes.
    """
    function, operands = _arithmetic(new)
    if function not in IN_PLACE or operands[0] is not old:
        return None
    by = operands[1]
    scaling, factors = _arithmetic(by)
    if scaling is internals.foreach_mul and len(by.users) == 1:
        for one, factor in (factors, factors[::-1]):
            if _is_number(factor, like=new) and _alike(one, new) and _is_new(one):
                return Change(IN_PLACE[function], factor), one
    return (Change(IN_PLACE[function]), by) if _is_new(by) else None


def _is_number(node: Any, like: fx.Node) -> bool:
    """Return True if a value is a scalar tensor with the dtype and device of `like`."""
    return _alike(node, like) and _fake(node).dim() == 0


def _is_new(node: Any) -> bool:
    """Return True if a value occupies newly allocated memory and is not a view."""
    if _calls(node, {operator.getitem}) and node.args[0].target is _differentiate:
        return all(seed is None for seed in node.args[0].args[1])  # autograd can return a seed
    return _arithmetic(node)[0] is not None


def _arithmetic(node: Any) -> tuple[Any, Sequence[Any]]:
    """Return the multi-tensor function that computes `node` from two operands, and the operands.

    A call on single tensors counts as a call to the equivalent multi-tensor function. Return
    ``(None, ())`` for any other node.
    """
    if not isinstance(node, fx.Node) or node.op not in CALLS:
        return None, ()
    function: Any = node.target
    if function is operator.getitem:
        call: Any
        i: Any
        call, i = node.args
        if call.target not in BINARY.values():
            return None, ()
        return call.target, [part[i] if isinstance(part, list) else part for part in call.args]
    return BINARY.get(NAMES.get(function, function)), node.args
