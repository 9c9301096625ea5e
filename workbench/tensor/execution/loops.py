"""Loops in compiled programs, which call one compiled step once for every time step.

In a traced program, a `workbench.tensor.scan.Loop` with more than `SHORT` steps is one operation.
Its step is traced and compiled as two flat graphs, forward and backward. `loop_forward` calls the
forward graph for one time step after another, and saves the values that the backward graph needs.
`loop_backward` calls the backward graph for the time steps in reverse order. If the gradient of a
matrix is a sum of products over all time steps, it is computed as one product of the stacked
factors.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
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
"""A compiled graph: a function that takes a list of arguments and returns results.

The function empties the list, so that it can free each argument after its last use.
"""

SHORT = 3
"""Maximum number of steps of a loop that is unrolled."""


@dataclass(eq=False)
class CompiledStep:
    """The compiled step of one loop.

    Attributes
    ----------
    loop : Loop
    needs : tuple of bool
        For each input of the step, True if it needs a gradient.
    places : list of pairs
        The loop input and axis of each size; the sizes are the first arguments of the graphs.
    forward : callable
        A function that computes values from a list of sizes and inputs of the step, and empties the
        list.
    outputs, saved : list of int
        Indices of the values that are outputs of the step, and of the values that `backward` needs.
    used : list of int
        Indices of the arguments of `forward` that `backward` needs.
    backward : callable
        A function that computes gradients from a list of the arguments `used`, the saved values,
        the gradients of the outputs, and the gradients of the states from the next time step, and
        empties the list.
    wanted : list of int
        The values that `gradients` refers to: ``i`` is the index of a result of `backward`, and
        ``~i`` the index of one of its arguments.
    gradients : list
        For each input of the step: ``None``, the position of its gradient in `wanted`, or the
        positions of two factors, whose product, summed over time, is the gradient.
    floating : list of bool
        For each output, True if it has a gradient.
    traces : list of Trace
        The traces of `forward` and `backward`.
    backwards : int
        The number of times that the program computes the gradients of the loop.
    threads : int
        The number of threads that `forward` and `backward` use.
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
        """The number of outputs of the step."""
        return len(self.loop.inner_outputs)


# torch operations accept only tensors and numbers, so a number identifies a step or saved values.
# A step exists as long as a program refers to it; saved values exist as long as their key.
_steps: weakref.WeakValueDictionary[int, CompiledStep] = weakref.WeakValueDictionary()
_kept: dict[int, list[Kept]] = {}
_numbers = itertools.count(1)
_COUNTED, _DIGEST = 24, 38
"""Bits in the two parts of a step's number: a count of steps, and a digest of its graphs."""


def register(step: CompiledStep) -> int:
    """Register `step` and return its number, which is valid while a program refers to `step`.

    Inductor caches programs on disk. Its keys contain the numbers of steps, but not the shapes and
    strides of their outputs and gradients. Therefore the number must identify them too: it contains
    a digest of the step's graphs and of this module.
    """
    digest = hashlib.sha256(_this_module() + repr(step.needs).encode())
    for trace in step.traces:
        printed = trace.graph.print_readable(
            print_output=False, include_stride=True, include_device=True
        )
        digest.update(printed.encode())
    identity = int.from_bytes(digest.digest()[:8], "big") >> (64 - _DIGEST)
    number = (identity << _COUNTED) + next(_numbers)
    _steps[number] = step
    return number


@functools.cache
def _this_module() -> bytes:
    """Return the source of this module."""
    return Path(__file__).read_bytes()


def _parts(step: CompiledStep, given: Sequence[torch.Tensor]) -> tuple[Any, Any, Any]:
    loop = step.loop
    a, b = loop.n_sequences, loop.n_sequences + loop.n_states
    return given[:a], given[a:b], given[b:]


Entry = tuple[list[torch.Tensor], Sequence[Any]]
"""The states before a time step, and the values that the step saves."""


@dataclass(eq=False)
class Kept:
    """Values that a segment of a loop keeps for the gradient.

    After a loop, a program may write to the memory of the loop's inputs. Therefore the backward
    pass receives the sequences, the first states and the contexts again.

    Attributes
    ----------
    part : range
        The time steps of the segment.
    states : list of torch.Tensor
        The states before the first time step of the segment.
    steps : list of pairs, optional
        For every time step, the states before it and its saved values. None if the loop uses
        `low_memory` or if gradients are computed several times; the backward pass then recomputes
        the values.
    """

    part: range
    states: list[torch.Tensor]
    steps: list[Entry] | None


def _run(
    step: CompiledStep,
    part: range,
    sizes: Sequence[int],
    unbound: Sequence[Sequence[torch.Tensor]],
    states: list[torch.Tensor],
    contexts: Sequence[torch.Tensor],
) -> tuple[list[list[torch.Tensor]], list[Entry]]:
    """Run a segment, and return the values of each output and the values for the backward pass."""
    forward, saved, keeping = step.forward, step.saved, step.backward is not None
    state_places = step.outputs[: step.loop.n_states]
    all_results: list[Sequence[torch.Tensor]] = []
    kept: list[Entry] = []
    for t in part:
        results = forward([*sizes, *[values[t] for values in unbound], *states, *contexts, t])
        if keeping:
            kept.append((states, [results[i] for i in saved]))
        # The step is compiled for contiguous arguments, but inductor may return other strides.
        states = [results[i].contiguous() for i in state_places]
        all_results.append(results)
    return [[results[i] for results in all_results] for i in step.outputs], kept


@torch.library.custom_op("workbench::loop_forward", mutates_args=())
def loop_forward(given: list[torch.Tensor], n: int, number: int) -> list[torch.Tensor]:
    """Run a loop, and return its stacked outputs and a key to the values for `loop_backward`.

    The key is a tensor, so that autograd can save it. The values exist until the key is deleted.
    """
    step = _steps[number]
    loop = step.loop
    sequences, states, contexts = _parts(step, [value.contiguous() for value in given])
    loop.check_lengths(sequences, n)
    if n < 1:  # without a step, the sizes of the outputs cannot be computed
        return [*[loop.empty(i, states) for i in range(step.n_outputs)], torch.tensor(0)]
    sizes = [given[i].shape[axis] for i, axis in step.places]
    unbound = [sequence.unbind(0) for sequence in sequences]
    collected: list[list[torch.Tensor]] = [[] for _ in range(step.n_outputs)]
    kept: list[Kept] = []
    # Each backward pass consumes the saved values, so several passes must recompute them.
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
        # If a program never calls the backward pass, the values must not be kept forever.
        weakref.finalize(ticket, _kept.pop, key, None).atexit = False
    # Programs read contiguous outputs, but `stack` keeps a memory format that all values share.
    return [*[torch.stack(values).contiguous() for values in collected], ticket]


def _hollow(loop: Loop, sequences: Any, states: Any, contexts: Any, n: Any) -> list[torch.Tensor]:
    """Return uninitialised outputs of a loop, with shapes inferred from its first step.

    Inner loops are treated in the same way.
    """
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
    """Run all time steps backward; return the gradients of each step and of the initial states.

    The function empties `kept`, so that memory is freed early.
    """
    loop, backward = step.loop, step.backward
    assert backward is not None
    used, wanted = step.used, step.wanted
    places = step.gradients[loop.n_sequences : loop.n_sequences + loop.n_states]
    real = [i for i in range(loop.n_states) if step.floating[i]]
    flowing = [torch.zeros_like(state) for state in states]  # gradients from the next time step
    found = []
    while kept:
        piece = kept.pop()
        before = piece.states if kept else list(states)
        entries = piece.steps
        if entries is None:
            entries = _run(step, piece.part, sizes, unbound, before, contexts)[1]
        entries[0] = before, entries[0][1]
        for t in reversed(piece.part):
            earlier, saved = entries.pop()
            inputs = [*sizes, *[values[t] for values in unbound], *earlier, *contexts, t]
            taken = [
                *[inputs[i] for i in used], *saved, *[a[t] for a in arriving],
                *[flowing[i] for i in real],
            ]  # fmt: skip
            new = backward(taken.copy())
            # A compiled graph must not return an argument. Such gradients are read from `taken`.
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
    """Compute the required gradients of the inputs from the gradients of the outputs."""
    step = _steps[number]
    assert step.backward is not None
    if n < 1:
        pairs = zip(given, step.needs, strict=False)
        return [value.new_zeros(value.shape) for value, needed in pairs if needed]
    kept = list(_kept[int(key)])
    if step.backwards == 1:  # keep no other reference, so that memory is freed early
        del _kept[int(key)]
    sequences, states, contexts = _parts(step, [value.contiguous() for value in given])
    sizes = [given[i].shape[axis] for i, axis in step.places]
    unbound = [sequence.unbind(0) for sequence in sequences]
    # `Through.backward` asks for contiguous gradients, but inductor may remove such a copy.
    arriving = [gradient.contiguous().unbind(0) for gradient in incoming]

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
    """Combine the gradients of all time steps, which are listed from the last step to the first."""
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
            gradients.append(flowing[i - loop.n_sequences])  # the gradient of the first state
        elif isinstance(place, tuple):  # sum over t of left[t].T @ right[t], as one product
            left, right = (all_of(one).flatten(0, 1) for one in place)
            gradients.append(product(left.t(), right))
        else:
            gradients.append(all_of(place).sum(0))
    return gradients


def _apart(results: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return contiguous results; results that share storage are copied, as torch requires.

    No result shares its storage with `others` or with another result.
    """
    taken = {internals.storage_of(other) for other in others}
    own = []
    for result in map(torch.Tensor.contiguous, results):
        storage = internals.storage_of(result)
        own.append(result.clone() if storage in taken else result)
        taken.add(storage)
    return own


@loop_backward.register_fake
def _(
    given: list[torch.Tensor], incoming: list[torch.Tensor], key: torch.Tensor, n: int, number: int
) -> list[torch.Tensor]:
    needs = _steps[number].needs
    # Contiguous, as `_apart` returns them: programs read them with these strides.
    return [v.new_empty(v.shape) for v, needed in zip(given, needs, strict=False) if needed]


class Through(torch.autograd.Function):
    """Autograd function of a loop; `loop_backward` computes its gradient."""

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
        step.backwards += 1  # this line runs during tracing, not when the program runs
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
    """Add a loop as one operation to the program being traced."""
    number = register(step)
    if step.backward is None:
        return list(torch.ops.workbench.loop_forward(list(given), n, number))[:-1]
    through: Any = Through
    return list(through.apply(number, n, *given))
