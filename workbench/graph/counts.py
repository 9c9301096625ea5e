"""Counts of parameters and floating-point operations, computed from shapes alone.

No values are needed. Parameters can be symbolic (see `workbench.bricks.symbolic_parameters`). The
graph is run once on fake tensors, and torch counts the operations of matrix products, convolutions
and attention. As usual, a multiplication and an addition count as two operations, and element-wise
operations are not counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from workbench.errors import ArgumentError, OperationError, ShapeError, WorkbenchError, nearest
from workbench.graph.hierarchy import Component
from workbench.hints import hinted
from workbench.roles import PARAMETER, has_roles
from workbench.tensor import SharedVariable, Variable, shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.lowering import lower
from workbench.tensor.program import Program, instead
from workbench.tensor.scan import Loop
from workbench.tensor.traversal import ancestors
from workbench.utils.plain import find_bricks


@hinted
def count_parameters(*owners: Component | Variable) -> int:
    """Count the elements of all parameters in bricks, or in the graphs of variables.

    Parameters
    ----------
    *owners : Brick or Variable
        Allocated bricks or variables; the descendants of bricks and the graphs of variables are
        included.

    Returns
    -------
    int
        The total number of elements; a parameter that occurs several times is counted once.

    Raises
    ------
    NotAllocatedError
        If a brick has no parameters yet.

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh, symbolic_parameters
    >>> mlp = MLP([Tanh(), None], [784, 500, 10])
    >>> with symbolic_parameters():
    ...     mlp.allocate()
    >>> count_parameters(mlp), count_parameters(mlp.children[0])
    (397510, 392500)
    """
    found: dict[Variable, None] = {}
    for owner in owners:
        if isinstance(owner, Variable):
            found |= dict.fromkeys(v for v in ancestors([owner]) if has_roles(v, [PARAMETER]))
            continue
        for brick in find_bricks([owner], lambda _: True):
            found |= dict.fromkeys(p for p in brick.parameters if p is not None)
    return sum(math.prod(parameter.shape) for parameter in found)


@dataclass(frozen=True)
class Flops:
    """Counts of the floating-point operations in a graph.

    Attributes
    ----------
    total : int
    by_brick : dict of str to int
        The number of operations of each brick and its descendants, by path. Bricks without
        counted operations are not listed.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.graph import count_flops
    >>> x = tensor.variable("x", shape=(None, 100))
    >>> counted = count_flops(Linear(100, 10).apply(x), {x: (4, 100)})
    >>> isinstance(counted, Flops), counted.total, counted.by_brick
    (True, 8000, {'linear': 8000})
    """

    total: int
    by_brick: Mapping[str, int]


@hinted
def count_flops(
    outputs: Variable | Sequence[Variable],
    sizes: Mapping[Variable | str, Sequence[int]] | None = None,
) -> Flops:
    """Count the floating-point operations needed to compute variables once.

    Parameters
    ----------
    outputs : Variable or sequence of Variable
        The variables to compute; gradients are allowed.
    sizes : dict, optional
        The shapes of the inputs, by variable or by name. Inputs of known shape can be omitted.

    Returns
    -------
    Flops

    Raises
    ------
    ArgumentError
        If the shape of an input is neither known nor given, or if a key is not an input.
    ShapeError
        If a given shape does not match its input.
    OperationError
        If an operation cannot run on fake tensors, because it needs values.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh, symbolic_parameters
    >>> with symbolic_parameters():
    ...     y = MLP([Tanh(), None], [784, 500, 10]).apply(tensor.matrix("x"))
    >>> flops = count_flops(y, {"x": (32, 784)})
    >>> flops.total == 2 * 32 * (784 * 500 + 500 * 10)
    True
    >>> flops.by_brick
    {'mlp': 25408000, 'mlp/linear_0': 25088000, 'mlp/linear_1': 320000}
    """
    outputs = [outputs] if isinstance(outputs, Variable) else list(outputs)
    order = ancestors(outputs)
    inputs = [v for v in order if v.owner is None and not isinstance(v, SharedVariable)]
    given = _given(inputs, sizes or {})
    program = lower(inputs, outputs)
    mode = internals.FakeTensorMode(allow_non_fake_inputs=True)

    def fake(variable: Variable, shape: Sequence[int], leaf: bool = False) -> torch.Tensor:
        return torch.empty(
            tuple(shape), dtype=variable.dtype, device=variable.device, requires_grad=leaf
        )

    with internals.quiet(), torch.no_grad(), mode:
        arguments = [fake(v, given[v]) for v in inputs]
        arguments += [fake(v, v.shape) for v in program.shared]
        arguments += [fake(v, v.shape, leaf=True) for v in program.leaves]
        with internals.FlopCounterMode(display=False) as counter:
            counting = _Counting(counter)
            token = instead.set(counting.loop)
            try:
                counting.run(program, arguments)
            finally:
                instead.reset(token)
    return Flops(counting.total, dict(sorted(counting.by_brick.items())))


def _given(
    inputs: Sequence[Variable], sizes: Mapping[Variable | str, Sequence[int]]
) -> dict[Variable, tuple[int, ...]]:
    """Return the shape of each input, from `sizes` or from the graph."""
    known_inputs, by_name = set(inputs), {v.name: v for v in inputs if v.name is not None}
    given: dict[Variable, tuple[int, ...]] = {}
    for key, shape in sizes.items():
        variable = by_name.get(key) if isinstance(key, str) else key
        if variable is None or variable not in known_inputs:
            raise ArgumentError(
                f"count_flops: {key!r} is not an input of the graph (inputs: "
                f"{', '.join(map(repr, inputs)) or 'none'}){nearest(str(key), by_name)}"
            )
        given[variable] = tuple(shape)
    for variable in inputs:
        known = [shapes.known(size) for size in variable.fake.shape]
        found = given.setdefault(variable, tuple([-1 if n is None else n for n in known]))
        fits = len(found) == len(known) and all(
            n in (None, m) for n, m in zip(known, found, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"count_flops: {variable!r} has shape {shapes.describe(variable.fake)}, which does "
                f"not match the given shape {found}"
            )
        if -1 in found:
            raise ArgumentError(
                f"count_flops: a size of {variable!r} {shapes.describe(variable.fake)} is unknown; "
                f"pass its shape, as in sizes={{{variable!r}: (1, ...)}}"
            )
    return given


class _Counting:
    """Operation counts of programs, including the loops inside them."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        self.total = 0
        self.by_brick: Counter[str] = Counter()
        self.attributed = 0  # operations that a node of a loop has already counted
        self.repeats = 1

    def run(self, program: Program, arguments: Sequence[Any]) -> Any:
        return _Counted(program, self).run(*arguments)

    def loop(
        self,
        loop: Loop,
        sequences: list[torch.Tensor],
        states: list[torch.Tensor],
        contexts: list[torch.Tensor],
        n: int,
    ) -> list[torch.Tensor]:
        """Run one step of a loop and count it `n` times; if there are gradients, run all steps."""
        values = (*sequences, *states, *contexts)
        if n == 0 or any(value.requires_grad for value in values):
            token = instead.set(None)  # each step has its own gradient
            try:
                return loop(sequences, states, contexts, n)
            finally:
                instead.reset(token)
        self.repeats *= n
        try:
            step = [sequence[0] for sequence in sequences]
            results = self.run(loop.program, [*step, *states, *contexts, 0])
        finally:
            self.repeats //= n
        return [result.unsqueeze(0).expand(n, *result.shape) for result in results]

    def add(self, flops: int, location: Sequence[str]) -> None:
        self.attributed += flops
        self.total += flops * self.repeats
        if flops:
            paths = dict.fromkeys(place.rpartition(".")[0] for place in location)
            self.by_brick.update(dict.fromkeys(paths, flops * self.repeats))


class _Counted(fx.Interpreter):
    """Interpreter that attributes the operations of each node to the bricks that created it."""

    def __init__(self, program: Program, counting: _Counting) -> None:
        super().__init__(program.module)
        self.extra_traceback = False
        self.program = program
        self.counting = counting

    def run_node(self, n: fx.Node) -> Any:
        if getattr(n.target, "__name__", "") == "run_hook":
            return None  # hooks expect values
        counting, call = self.counting, self.program.origin.get(n)
        before, inside = counting.counter.get_total_flops(), counting.attributed
        try:
            result = super().run_node(n)
        except WorkbenchError:
            raise
        except Exception as error:
            place = f"{call.location[-1]}: " if call is not None and call.location else ""
            raise OperationError(
                f"{place}the operations of {n.target} cannot be counted without values ({error})"
            ) from error
        spent = counting.counter.get_total_flops() - before - (counting.attributed - inside)
        counting.add(spent, () if call is None else call.location)
        return result
