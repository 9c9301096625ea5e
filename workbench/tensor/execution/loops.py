"""Loops in a compiled program: one compiled moment, called as often as the loop is long.

A traced program holds a `workbench.tensor.scan.Loop` as one operation, whatever its length. Of the
step of the loop two flat graphs are made and compiled: a moment forward, and the same moment
backward. `loop_forward` calls the one from the first moment to the last, and keeps what the other
needs; `loop_backward` calls that from the last moment to the first. Where the gradient of a matrix
is a sum of products over all moments, the factors are collected and multiplied once.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from workbench.openmp import limited
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.products import product
from workbench.tensor.program import instead

if TYPE_CHECKING:
    from workbench.tensor.execution.trace import Trace
    from workbench.tensor.scan import Loop

Program = Callable[[list[Any]], Sequence[Any]]
"""What a compiler makes of a graph: from its arguments, in a list that it empties, to results."""

SHORT = 3
"""Loops whose length is known and not greater are written out."""


@dataclass(eq=False)
class CompiledStep:
    """The step of one loop, compiled.

    Attributes
    ----------
    loop : Loop
    needs : tuple of bool
        Which inputs of the step need gradients.
    places : list of pairs
        Input of the loop and axis of every size that the graphs take first.
    forward : callable
        From a list of sizes and the inputs of a moment to its values; it empties the list.
    outputs, saved : list of int
        Which of the values are outputs of the step, and which are for `backward`.
    backward : callable
        From a list of inputs of a moment (`used`), what was saved, gradients of the outputs, and
        those of the states that come from the moment after it, to its values.
    wanted : list of int
        What `gradients` speaks of: which value of `backward`, or with a tilde, which of those that
        it takes.
    gradients : list
        For each input of the step: ``None``, the place of its gradient in `wanted`, or the two
        places of the factors whose product, summed over all moments, it is.
    floating : list of bool
        Which outputs have gradients.
    traces : list of Trace
        What `forward` and `backward` were compiled from.
    backwards : int
        How often the program asks for gradients of the loop.
    threads : int
        How many threads `forward` and `backward` use.
    """

    loop: Loop
    needs: tuple[bool, ...]
    places: list[tuple[int, int]]
    forward: Program = field(repr=False)
    outputs: list[int]
    backward: Program | None = field(default=None, repr=False)
    saved: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    gradients: list[Any] = field(default_factory=list)
    floating: list[bool] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list, repr=False)
    backwards: int = 0
    threads: int = 1

    @property
    def n_outputs(self) -> int:
        """How many values the step gives."""
        return len(self.loop.inner_outputs)


# Programs hold their moments; what is kept lives as long as the tensor that has its key.
_steps: weakref.WeakValueDictionary[int, CompiledStep] = weakref.WeakValueDictionary()
_kept: dict[int, list[Kept]] = {}
_numbers = itertools.count(1)


def register(step: CompiledStep) -> int:
    """Give the number by which operations call `step`, for as long as a program holds it."""
    number = next(_numbers)
    _steps[number] = step
    return number


def _parts(step: CompiledStep, given: Sequence[torch.Tensor]) -> tuple[Any, Any, Any]:
    loop = step.loop
    a, b = loop.n_sequences, loop.n_sequences + loop.n_states
    return given[:a], given[a:b], given[b:]


@dataclass(eq=False)
class Kept:
    """What is kept of a part of a loop for its gradient.

    Attributes
    ----------
    part : range
        The moments.
    states : list of torch.Tensor
        With which the first of them began.
    steps : list of pairs, optional
        Of every moment the inputs, and what its backward half takes besides. Missing where memory
        is short, or gradients are taken several times: they are computed again then.
    """

    part: range
    states: list[torch.Tensor]
    steps: list[tuple[list[Any], Sequence[Any]]] | None


def _run(
    step: CompiledStep,
    part: range,
    sizes: Sequence[int],
    unbound: Sequence[Sequence[torch.Tensor]],
    states: list[torch.Tensor],
    contexts: Sequence[torch.Tensor],
) -> tuple[list[list[torch.Tensor]], list[tuple[list[Any], Sequence[Any]]]]:
    """Some moments forward: a list of values for each output; and what backward needs of each."""
    forward, saved, keeping = step.forward, step.saved, step.backward is not None
    state_places = step.outputs[: step.loop.n_states]
    all_results: list[Sequence[torch.Tensor]] = []
    kept: list[tuple[list[Any], Sequence[Any]]] = []
    for t in part:
        inputs = [*sizes, *[values[t] for values in unbound], *states, *contexts, t]
        results = forward(inputs.copy())
        if keeping:
            kept.append((inputs, [results[i] for i in saved]))
        states = [results[i].contiguous() for i in state_places]
        all_results.append(results)
    return [[results[i] for results in all_results] for i in step.outputs], kept


@torch.library.custom_op("workbench::loop_forward", mutates_args=())
def loop_forward(given: list[torch.Tensor], n: int, number: int) -> list[torch.Tensor]:
    """All moments of a loop, stacked; then a key to what `loop_backward` needs."""
    step = _steps[number]
    loop = step.loop
    sequences, states, contexts = _parts(step, [value.contiguous() for value in given])
    loop.check_lengths(sequences, n)
    if n < 1:
        return [*[loop.empty(i, states) for i in range(step.n_outputs)], torch.tensor(0)]
    sizes = [given[i].shape[axis] for i, axis in step.places]
    unbound = [sequence.unbind(0) for sequence in sequences]
    collected: list[list[torch.Tensor]] = [[] for _ in range(step.n_outputs)]
    kept: list[Kept] = []
    again = loop.low_memory or step.backwards > 1

    def run(part: range) -> Any:
        return _run(step, part, sizes, unbound, list(states), contexts)

    forward = limited(run, step.threads)
    for part in loop.parts(n):
        results, last = forward(part)
        for values, more in zip(collected, results, strict=True):
            values += more
        if step.backward is not None:
            kept.append(Kept(part, list(states), None if again else last))
        states = [values[-1].contiguous() for values in results[: loop.n_states]]
    if loop.reverse:
        collected = [values[::-1] for values in collected]
    key = next(_numbers) if kept else 0
    ticket = torch.tensor(key)
    if kept:
        _kept[key] = kept
        weakref.finalize(ticket, _kept.pop, key, None).atexit = False
    return [*[torch.stack(values) for values in collected], ticket]


def _hollow(loop: Loop, sequences: Any, states: Any, contexts: Any, n: Any) -> list[torch.Tensor]:
    """What a loop gives, without values: from its first moment, and so the loops within it."""
    token = instead.set(_hollow)
    try:
        first = [sequence[0] for sequence in sequences]
        outputs = loop.program.module.forward(*first, *states, *contexts, 0)
    finally:
        instead.reset(token)
    return [o.new_empty((n, *o.shape)) for o in outputs]


@loop_forward.register_fake
def _(given: list[torch.Tensor], n: int, number: int) -> list[torch.Tensor]:
    step = _steps[number]
    sequences, states, contexts = _parts(step, given)
    key = torch.empty((), dtype=torch.int64)
    return [*_hollow(step.loop, sequences, states, contexts, n), key]


def _run_back(
    step: CompiledStep,
    kept: list[Kept],
    sizes: Sequence[int],
    unbound: Sequence[Sequence[torch.Tensor]],
    states: Sequence[torch.Tensor],
    contexts: Sequence[torch.Tensor],
    arriving: Sequence[Sequence[torch.Tensor]],
) -> tuple[list[list[torch.Tensor]], list[torch.Tensor]]:
    """Run all moments backward, which empties `kept`: gradients of each, and of first states."""
    loop, backward = step.loop, step.backward
    assert backward is not None
    used, wanted = step.used, step.wanted
    places = step.gradients[loop.n_sequences : loop.n_sequences + loop.n_states]
    real = [i for i in range(loop.n_states) if step.floating[i]]
    flowing = [torch.zeros_like(state) for state in states]
    found = []
    while kept:
        piece = kept.pop()
        entries = piece.steps
        if entries is None:
            entries = _run(step, piece.part, sizes, unbound, piece.states, contexts)[1]
        for t in reversed(piece.part):
            inputs, saved = entries.pop()
            taken = [
                *[inputs[i] for i in used], *saved, *[a[t] for a in arriving],
                *[flowing[i] for i in real],
            ]  # fmt: skip
            new = backward(taken.copy())
            values = [new[i] if i >= 0 else taken[~i] for i in wanted]
            flowing = [
                values[place].contiguous() if isinstance(place, int) else zero
                for place, zero in zip(places, flowing, strict=True)
            ]
            found.append(values)
    return found, flowing


@torch.library.custom_op("workbench::loop_backward", mutates_args=())
def loop_backward(
    given: list[torch.Tensor], incoming: list[torch.Tensor], key: torch.Tensor, n: int, number: int
) -> list[torch.Tensor]:
    """Gradients of all inputs of a loop that need them, from those of its outputs."""
    step = _steps[number]
    assert step.backward is not None
    if n < 1:
        pairs = zip(given, step.needs, strict=False)
        return [torch.zeros_like(value) for value, needed in pairs if needed]
    kept = list(_kept[int(key)])
    if step.backwards == 1:
        del _kept[int(key)]
    sequences, states, contexts = _parts(step, [value.contiguous() for value in given])
    sizes = [given[i].shape[axis] for i, axis in step.places]
    unbound = [sequence.unbind(0) for sequence in sequences]
    arriving = [gradient.unbind(0) for gradient in incoming]

    def run(kept: list[Kept]) -> Any:
        return _run_back(step, kept, sizes, unbound, states, contexts, arriving)

    found, flowing = limited(run, step.threads)(kept)
    results = [list(values) for values in zip(*found, strict=True)]
    return _apart(_gathered(step, given, results, flowing), [*given, *incoming])


def _gathered(
    step: CompiledStep,
    given: Sequence[torch.Tensor],
    results: list[list[torch.Tensor]],
    flowing: Sequence[torch.Tensor],
) -> list[torch.Tensor]:
    """What the moments, from the last called to the first, say together."""
    loop = step.loop
    ordered = results if loop.reverse else [values[::-1] for values in results]
    joined: dict[int, torch.Tensor] = {}

    def all_of(place: int) -> torch.Tensor:
        if place not in joined:
            joined[place] = torch.stack(ordered[place])
        return joined[place]

    gradients = []
    for i, (value, needed) in enumerate(zip(given, step.needs, strict=False)):
        if not needed:
            continue
        place = step.gradients[i]
        if place is None:
            gradients.append(torch.zeros_like(value))
        elif i < loop.n_sequences:
            stacked = all_of(place)
            missing = value.shape[0] - stacked.shape[0]
            if missing:  # the loop was shorter than the sequence
                rest = stacked.new_zeros((missing, *stacked.shape[1:]))
                stacked = torch.cat([stacked, rest])
            gradients.append(stacked)
        elif i < loop.n_sequences + loop.n_states:
            gradients.append(flowing[i - loop.n_sequences])
        elif isinstance(place, tuple):
            left, right = (all_of(one).flatten(0, 1) for one in place)
            gradients.append(product(left.t(), right))
        else:
            gradients.append(all_of(place).sum(0))
    return gradients


def _apart(results: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """`results` with memory of their own, as those of an operation must have."""
    taken = {internals.storage_of(other) for other in others}
    own = []
    for result in results:
        storage = internals.storage_of(result)
        own.append(result.clone() if storage in taken else result)
        taken.add(storage)
    return own


@loop_backward.register_fake
def _(
    given: list[torch.Tensor], incoming: list[torch.Tensor], key: torch.Tensor, n: int, number: int
) -> list[torch.Tensor]:
    needs = _steps[number].needs
    return [torch.empty_like(v) for v, needed in zip(given, needs, strict=False) if needed]


class Through(torch.autograd.Function):
    """A loop whose gradient is taken by `loop_backward`."""

    @staticmethod
    def forward(ctx: Any, number: int, n: int, *given: torch.Tensor) -> Any:
        *outputs, key = torch.ops.workbench.loop_forward(list(given), n, number)
        floating = _steps[number].floating
        whole = [o for o, real in zip(outputs, floating, strict=True) if not real]
        ctx.mark_non_differentiable(*whole)
        ctx.save_for_backward(key, *given)
        ctx.number, ctx.n = number, n
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *incoming: torch.Tensor) -> Any:
        key, *given = ctx.saved_tensors
        step = _steps[ctx.number]
        step.backwards += 1  # this runs while a program is traced, not when the program does
        needs = step.needs
        real = [g for g, is_real in zip(incoming, step.floating, strict=True) if is_real]
        found = torch.ops.workbench.loop_backward(
            list(given), [g.contiguous() for g in real], key, ctx.n, ctx.number
        )
        gradients = iter(found)
        return (
            None,
            None,
            *[next(gradients) if needed else None for _, needed in zip(given, needs, strict=False)],
        )


def call(step: CompiledStep, given: Sequence[Any], n: Any) -> list[Any]:
    """A loop as one operation of the program that is being traced."""
    number = register(step)
    if step.backward is None:
        return list(torch.ops.workbench.loop_forward(list(given), n, number))[:-1]
    through: Any = Through
    return list(through.apply(number, n, *given))
