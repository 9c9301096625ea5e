"""Loops over time: nodes that contain the graph of one time step.

`scan` calls the step function once, on variables that represent one time step, and stores the
resulting graph. Variables that do not depend on the time step stay outside the loop: they are
computed once and passed to the loop as contexts. In the eager tier, the loop runs step by step,
under torch's autograd if a gradient is needed. Compiled programs treat the loop as one operation;
see `workbench.tensor.execution.loops`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import fx
from torch.utils.checkpoint import checkpoint

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import random, shapes
from workbench.tensor.call import Operation, apply
from workbench.tensor.fusion import fused
from workbench.tensor.inputs import as_variable
from workbench.tensor.lowering import lower
from workbench.tensor.program import Program, instead
from workbench.tensor.traversal import ancestors, inputs_of, replace
from workbench.tensor.variable import Call, Variable


class Loop(Operation):
    """Function called by the node that `scan` creates.

    Attributes
    ----------
    inner_inputs : list of Variable
        One time step of each sequence, the states, the contexts, the variables from outside the
        loop, and the index of the step.
    inner_outputs : list of Variable
        The new states, followed by the other results of the step.
    """

    __name__ = "scan"

    def __init__(
        self,
        inner_inputs: Sequence[Variable],
        inner_outputs: Sequence[Variable],
        n_sequences: int,
        n_states: int,
        reverse: bool,
        low_memory: bool = False,
    ) -> None:
        self.inner_inputs = list(inner_inputs)
        self.inner_outputs = list(inner_outputs)
        self.n_sequences, self.n_states, self.reverse = n_sequences, n_states, reverse
        self.low_memory = low_memory
        self._program: Program | None = None
        self._few: fx.GraphModule | None = None

    @property
    def program(self) -> Program:
        """The lowered graph of one step."""
        if self._program is None:
            self._program = lower(self.inner_inputs, self.inner_outputs)
        return self._program

    @property
    def _eager(self) -> fx.GraphModule:
        """The lowered graph of one step, with fused operations."""
        if self._few is None:
            self._few = fx.GraphModule(self.program.constants, fused(self.program))
        return self._few

    @property
    def variables(self) -> list[Variable]:
        """All variables of the inner graph, in topological order."""
        return ancestors(self.inner_outputs)

    def infer(self, sequences: list[Any], states: list[Any], contexts: list[Any], n: Any) -> Any:
        return [
            shapes.fake_tensor((n, *output.fake.shape), output.dtype, output.device)
            for output in self.inner_outputs
        ]

    def __call__(
        self,
        sequences: list[torch.Tensor],
        states: list[torch.Tensor],
        contexts: list[torch.Tensor],
        n: int,
    ) -> list[torch.Tensor]:
        run = instead.get()  # set while a program is traced or its operations are counted
        if run is not None:
            return run(self, sequences, states, contexts, n)
        self.check_lengths(sequences, n)
        unbound = [sequence.unbind(0) for sequence in sequences]
        collected: list[list[torch.Tensor]] = [[] for _ in self.inner_outputs]
        states = list(states)
        for part in self.parts(n):
            if self.low_memory and torch.is_grad_enabled():
                results = checkpoint(
                    self._run, part, unbound, states, contexts,
                    use_reentrant=False, preserve_rng_state=False,
                )  # fmt: skip
            else:
                results = self._run(part, unbound, states, contexts)
            for values, more in zip(collected, results, strict=True):
                values += more
            states = [values[-1] for values in results[: self.n_states]]
        if self.reverse:
            collected = [values[::-1] for values in collected]
        return [
            torch.stack(values) if values else self.empty(i, states)
            for i, values in enumerate(collected)
        ]

    def _run(
        self,
        part: range,
        unbound: Sequence[Sequence[torch.Tensor]],
        states: list[torch.Tensor],
        contexts: list[torch.Tensor],
    ) -> list[list[torch.Tensor]]:
        """Run the steps of `part` in order, and return a list of values for each output."""
        step = self._eager.forward if _runs_eagerly(states) else self.program.module.forward
        collected: list[list[torch.Tensor]] = [[] for _ in self.inner_outputs]
        for t in part:
            results = step(*[values[t] for values in unbound], *states, *contexts, t)
            states = results[: self.n_states]
            for values, result in zip(collected, results, strict=True):
                values.append(result)
        return collected

    def parts(self, n: int) -> list[range]:
        """Split the time steps into segments; with `low_memory`, only their first states are kept.

        Segments of about sqrt(n) steps balance the memory for these states against the memory for
        one recomputed segment.
        """
        length = math.isqrt(n - 1) + 1 if self.low_memory and n > 0 else max(n, 1)
        order = self.order(n)
        return [order[i : i + length] for i in range(0, n, length)]

    def order(self, n: int) -> range:
        """Return the time steps in the order they are computed."""
        return range(n - 1, -1, -1) if self.reverse else range(n)

    def check_lengths(self, sequences: Sequence[torch.Tensor], n: int) -> None:
        """Raise `ShapeError` if a sequence has fewer than `n` time steps."""
        for sequence, inner in zip(sequences, self.inner_inputs, strict=False):
            if sequence.shape[0] < n:
                raise errors.ShapeError(
                    f"scan with n_steps={n}: the sequence {inner!r} must have length {n} or more, "
                    f"not {sequence.shape[0]}"
                )

    def empty(self, i: int, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return output `i` of a loop with no steps; a state has the sizes of its initial value."""
        output = self.inner_outputs[i]
        if i < self.n_states:
            sizes: Sequence[int] = states[i].shape
        else:
            sizes = [size if isinstance(size, int) else 0 for size in output.shape]
        return torch.empty((0, *sizes), dtype=output.dtype, device=output.device)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_program": None, "_few": None}


def _runs_eagerly(values: Sequence[torch.Tensor]) -> bool:
    """Return True if operations are neither traced nor run under autocast.

    Fused operations are used only in this case: a tracer needs the original operations, and
    autocast selects a dtype for each operation.
    """
    return all(
        type(value) is torch.Tensor and not torch.is_autocast_enabled(value.device.type)
        for value in values
    )


@hinted
def scan(
    step: Callable[..., Any],
    *,
    sequences: Sequence[Any] = (),
    states: Sequence[Any] = (),
    contexts: Sequence[Any] = (),
    n_steps: Any = None,
    reverse: bool = False,
    low_memory: bool = False,
) -> list[Variable]:
    """Apply a step function to all time steps in order.

    Parameters
    ----------
    step : callable
        A function that is called once, with variables, as ``step(*slices, *states, *contexts)``. It
        returns a variable or a sequence of variables: the new value of each state, followed by
        other values to collect.
    sequences : sequence of Variable or tensor, shape (T, ...)
        Sequences to iterate over along the first dimension.
    states : sequence of Variable, tensor or number
        The states before the first step. Each step passes its new states to the next step.
    contexts : sequence of Variable, tensor or number
        Values that are the same at every step. Other variables that the step uses need not be
        listed.
    n_steps : int or Variable, optional
        The number of steps; by default the length of the first sequence.
    reverse : bool
        If True, run from the last time step to the first. The results are still ordered by time.
    low_memory : bool
        If True, keep only the states of about sqrt(T) of the T steps for the gradient, and
        recompute the other intermediate values. This costs one more forward pass. The memory for
        intermediate values then grows with sqrt(T).

    Returns
    -------
    list of Variable, shape (T, ...)
        Each value that the step returns, stacked over time.

    Raises
    ------
    ShapeError, DtypeError
        If a sequence is a scalar, or a new state differs from the old state in shape or dtype.
    OperationError
        If there are neither sequences nor `n_steps`, or if the step returns too few values.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> [sums] = scan(lambda x_t, s: s + x_t, sequences=[x], states=[0.0])
    >>> sums.eval({x: [1.0, 2.0, 3.0]})
    tensor([1., 3., 6.])
    """
    sequences, states, contexts = (
        [as_variable(value) for value in given] for given in (sequences, states, contexts)
    )
    n = _number_of_steps(sequences, n_steps)
    slices = [_slice_of(sequence) for sequence in sequences]
    given = [*slices, *(_stand_in(v) for v in states), *(_stand_in(v) for v in contexts)]
    returned = step(*given)
    alone = isinstance(returned, (Variable, torch.Tensor))
    outputs = [as_variable(value) for value in ([returned] if alone else returned)]
    old = given[len(slices) : len(slices) + len(states)]
    _check_states(old, outputs)
    # The index of the step is the last input of the loop, for random draws.
    index = Variable(shapes.unknown_size(), name="step")
    outputs = _draw_by_step(outputs, index, ())
    kinds = len(sequences), len(states), reverse, low_memory
    return _applied(Loop([*given, index], outputs, *kinds), sequences, states, contexts, n)


def with_body(call: Call, outputs: Sequence[Variable]) -> list[Variable]:
    """Return the results of an existing loop with a different inner graph.

    Parameters
    ----------
    call : Call
        The call to the loop; its function is a `Loop`.
    outputs : sequence of Variable
        New states and values to collect, which replace the ``inner_outputs`` of the loop. They may
        depend on its inner inputs and on variables outside the loop.

    Returns
    -------
    list of Variable, shape (T, ...)
        Each of `outputs`, stacked over time.
    """
    old: Loop = call.function  # type: ignore[assignment]
    sequences, states, contexts, n = call.args
    outputs = _draw_by_step(outputs, old.inner_inputs[-1], old.variables)
    kinds = old.n_sequences, old.n_states, old.reverse, old.low_memory
    return _applied(Loop(old.inner_inputs, outputs, *kinds), sequences, states, contexts, n)


def _applied(
    loop: Loop,
    sequences: Sequence[Variable],
    states: Sequence[Variable],
    contexts: Sequence[Variable],
    n: Any,
) -> list[Variable]:
    """Return the results of a loop; variables from outside the loop become additional contexts."""
    *given, index = loop.inner_inputs
    outside = _used_from_outside(loop.inner_outputs, set(loop.inner_inputs))
    stand_ins = [_stand_in(v) for v in outside]
    inside = replace(loop.inner_outputs, dict(zip(outside, stand_ins, strict=True)))
    loop.inner_inputs = [*given, *stand_ins, index]
    loop.inner_outputs = [inside[v] for v in loop.inner_outputs]
    results: list[Variable] = apply(loop, (sequences, states, [*contexts, *outside], n), {})
    return results


def _number_of_steps(sequences: Sequence[Variable], n_steps: Any) -> Any:
    for sequence in sequences:
        if sequence.ndim == 0:
            raise errors.ShapeError(
                f"scan cannot iterate over the scalar {sequence!r}; a sequence must have a time "
                "dimension"
            )
    if n_steps is not None:
        return n_steps
    if not sequences:
        raise errors.OperationError(
            "scan needs n_steps, the number of steps, if it has no sequences"
        )
    return sequences[0].shape[0]


def _slice_of(sequence: Variable) -> Variable:
    """Return a variable that represents one element of `sequence`."""
    fake = shapes.fake_tensor(sequence.fake.shape[1:], sequence.dtype, sequence.device)
    inner = Variable(fake, name=sequence.name)
    inner.tag.name = sequence.tag.name
    return inner


def _stand_in(outer: Variable) -> Variable:
    """Return a variable that represents `outer` within the loop."""
    fake = outer.fake if outer.is_number else shapes.empty_like(outer.fake)
    inner = Variable(fake, name=outer.name)
    inner.tag = outer.tag.copy()
    return inner


def _check_states(old: Sequence[Variable], new: Sequence[Variable]) -> None:
    if len(new) < len(old):
        raise errors.OperationError(
            "the step of a scan must return the new states first, but it returns fewer values "
            f"({len(new)}) than there are states ({len(old)})"
        )
    for before, after in zip(old, new, strict=False):
        described = shapes.describe(before.fake), shapes.describe(after.fake)
        if before.dtype is not after.dtype:
            raise errors.DtypeError(
                f"the step changes the state {before!r} {described[0]} to {after!r} {described[1]};"
                " a state must keep its dtype"
            )
        sizes = zip(before.shape, after.shape, strict=False)
        if before.ndim != after.ndim or any(
            isinstance(a, int) and isinstance(b, int) and a != b for a, b in sizes
        ):
            raise errors.ShapeError(
                f"the step changes the state {before!r} {described[0]} to {after!r} {described[1]};"
                " a state must keep its shape"
            )


def _used_from_outside(outputs: Sequence[Variable], inner: set[Variable]) -> list[Variable]:
    """Return the variables outside the loop that are used inside it."""
    order = ancestors(outputs)
    depends = set(inner)
    for variable in order:
        if any(v in depends for v in inputs_of(variable)):
            depends.add(variable)
    used = [v for variable in order if variable in depends for v in inputs_of(variable)]
    return list(dict.fromkeys(v for v in (*used, *outputs) if v not in depends))


def _draw_by_step(
    outputs: Sequence[Variable], index: Variable, known: Iterable[Variable]
) -> list[Variable]:
    """Make all random draws of the step, except those in `known`, depend on the step's index.

    Otherwise all time steps would draw the same values, since the graph of a step is built once.
    """
    order = dict.fromkeys(ancestors(outputs))
    for variable in known:
        order.pop(variable, None)
    draws = [v for v in order if v.owner is not None and random.is_draw(v.owner)]
    drawn = replace(outputs, {v: random.at_step(v, index) for v in draws})
    return [drawn[v] for v in outputs]
