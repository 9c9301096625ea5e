"""Tracing of a task into one flat graph of aten operations, including gradients and updates.

The task runs once on torch's fake tensors, and every operation is recorded: the forward pass, the
operations of autograd, the new values, and the copies of new values to shared variables. The
resulting graph contains neither autograd nor Python code. It is valid for all inputs that make
autograd and Python run the same operations; `Trace.fits` decides this from the sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from workbench import errors
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.fakes import Fakes
from workbench.tensor.execution.forward_backward import partition
from workbench.tensor.execution.indices import collect_checks, indexes
from workbench.tensor.execution.loops import SHORT, CompiledStep, Program, call
from workbench.tensor.execution.precision import arithmetic
from workbench.tensor.execution.screen import all_of
from workbench.tensor.execution.task import Task
from workbench.tensor.execution.trace import Trace
from workbench.tensor.program import instead

if TYPE_CHECKING:
    from workbench.tensor.scan import Loop

Compiler = Callable[[Trace, int], Program]
"""Function that compiles a flat graph to run in a given number of threads."""

HOOKED = "put_hook passes values within the graph to a Python function"
NO_SIZE = (
    "the number of steps of a compiled scan must be an integer or a size of an input, not a "
    "computed value"
)


def trace(task: Task, sizes: Sequence[int], compiler: Compiler, threads: int = 1) -> Trace:
    """Record the operations of `task`, with `sizes` as examples of its free sizes.

    Parameters
    ----------
    task : Task
    sizes : sequence of int
    compiler : callable
        A `Compiler` for the steps of loops; the graph calls the compiled steps.
    threads : int
        The number of threads within loops.

    Raises
    ------
    CompilationError
        If the task cannot be traced.
    """
    if task.program.hooked:
        raise errors.CompilationError(HOOKED)
    fakes = Fakes()
    shape_of: dict[tuple[int, int], Any] = {}
    for size, places in zip(sizes, task.places, strict=True):
        shape_of |= dict.fromkeys(places, fakes.size(size))
    arguments: list[Any] = []
    for i, variable in enumerate(task.program.inputs):
        shape = [shape_of.get((i, axis), size) for axis, size in enumerate(variable.shape)]
        arguments.append(fakes.tensor(shape, variable))
    # Shared variables have fixed sizes, so that inductor compiles constants.
    arguments += [fakes.held(variable.tensor) for variable in task.shared]
    steps: list[tuple[CompiledStep, list[Any]]] = []
    token = instead.set(partial(_one_operation, compiler, threads, steps))
    try:
        arguments = [*fakes.sizes, *arguments]
        whole = _Whole(task, len(fakes.sizes))
        graph = fakes.record(whole, arguments)
    finally:
        instead.reset(token)
    return Trace(graph, arguments, fakes.mode, fakes.symbols, steps, whole.reports_success)


class _Whole:
    """The task as a function that reads all values from its arguments and updates them in place.

    Parameters
    ----------
    task : Task
    n_sizes : int
        The number of leading arguments that are sizes. The task ignores them, but the compiler
        requires every symbolic size to be an argument.

    Attributes
    ----------
    reports_success : bool
        After a call, True if the last result is a flag that shows whether all checks passed.
    """

    def __init__(self, task: Task, n_sizes: int) -> None:
        self.task = task
        self.n_sizes = n_sizes
        self.reports_success = False

    def __call__(self, *given: Any) -> Sequence[Any]:
        task, program = self.task, self.task.program
        place = {variable: i for i, variable in enumerate(task.shared)}
        n = len(program.inputs)
        arguments = given[self.n_sizes :]
        held = arguments[n:]
        read = [held[place[v]] for v in program.shared]
        # Leaves are created within the trace, so that the operations of autograd are recorded.
        leaves = [held[place[v]].detach().requires_grad_() for v in program.leaves]
        on_cpu = task.device.type == "cpu"
        exist: list[torch.Tensor] = []  # only for a CPU: kernels of accelerators check indices
        with arithmetic(task), collect_checks(exist if on_cpu else None):
            results = program.module.forward(*arguments[:n], *read, *leaves)
        outputs, given_news = task.divided(results)
        news = list(given_news)
        for i in program.copies:
            # Inductor removes copies even if their source changes before they are used. It does not
            # remove the maximum of a tensor with itself, which is also a copy.
            news[i] = torch.maximum(news[i], news[i])
        guarded = None if task.guard is None else task.guard.holds(outputs)
        conditions = exist if guarded is None else [*exist, guarded]
        checks: list[torch.Tensor] = []
        if task.watch is not None:
            found = [*outputs, *news]
            finite = [torch.ops.workbench.finite(found[place]) for place in task.watched]
            conditions = [*conditions, *finite]
            # On a CPU, one flag shows immediately whether an eager run must follow. On an
            # accelerator, the flags arrive some batches later, and the error needs a flag for each
            # value.
            checks = [all_of(conditions) if on_cpu else torch.stack(finite)]
        elif exist:
            checks = [all_of(conditions)]
        self.reports_success = on_cpu and bool(checks)
        holds = all_of(conditions) if conditions else None
        # Copies come last, since every new value is computed from old values. `where` replaces a
        # branch, which the flat trace cannot contain.
        for variable, new in zip(task.updated, news, strict=True):
            old = held[place[variable]]
            old.copy_(new if holds is None else torch.where(holds, new, old))
        return [*outputs, *checks]


def _one_operation(
    compiler: Compiler,
    threads: int,
    steps: list[tuple[CompiledStep, list[Any]]],
    loop: Loop,
    sequences: list[torch.Tensor],
    states: list[torch.Tensor],
    contexts: list[torch.Tensor],
    n: Any,
) -> list[torch.Tensor]:
    """Record a loop as one operation of the graph being traced.

    Loops with at most `SHORT` steps are unrolled. If all loops were unrolled, a program could have
    thousands of operations, and every loop length would need a different program.
    """
    given = [*sequences, *states, *contexts]
    if isinstance(n, torch.Tensor):
        raise errors.CompilationError(NO_SIZE)
    if isinstance(n, int) and n <= SHORT:
        token = instead.set(None)
        try:
            return loop(sequences, states, contexts, n)
        finally:
            instead.reset(token)
    inner: list[tuple[CompiledStep, list[Any]]] = []
    token = instead.set(partial(_one_operation, compiler, threads, inner))
    try:
        # The step is traced separately, so the modes of the outer trace must not record it.
        with internals.disable_current_modes(), collect_checks(None):
            step, sizes = _compile_step(compiler, threads, loop, given, inner)
    finally:
        instead.reset(token)
    steps.append((step, sizes))
    return call(step, given, n)


def _compile_step(
    compiler: Compiler,
    threads: int,
    loop: Loop,
    given: Sequence[torch.Tensor],
    inner: list[tuple[CompiledStep, list[Any]]],
) -> tuple[CompiledStep, list[Any]]:
    """Compile the step of `loop` for the sequences, states and contexts `given`.

    The compiled steps of loops within this step are appended to `inner`.
    """
    fakes = Fakes()
    tensors, places, outer = _step_inputs(fakes, loop, given)
    symbols, k = list(fakes.symbols), len(fakes.sizes)
    number = fakes.size(5, any_value=True)  # the index of the step; 5 is an arbitrary example
    arguments = [*fakes.sizes[:k], *tensors, number]
    differentiated = torch.is_grad_enabled() and any(value.requires_grad for value in given)
    states = range(loop.n_sequences, loop.n_sequences + loop.n_states)
    # Gradients flow through a state, so it needs a gradient even if its first value needs none.
    needs = tuple(
        differentiated and value.dtype.is_floating_point and (value.requires_grad or i in states)
        for i, value in enumerate(given)
    )
    n_outputs = len(loop.inner_outputs)
    if not differentiated:
        graph = fakes.record(lambda *all_: _step(loop, all_[k:]), arguments)
        flat = Trace(graph, arguments, fakes.mode, symbols, inner)
        threads = _threads_for(graph, threads)
        outputs = list(range(n_outputs))
        program = compiler(flat, threads)
        return CompiledStep(
            loop, needs, places, program, outputs, traces=[flat], threads=threads
        ), outer
    floating = [v.dtype.is_floating_point for v in loop.inner_outputs]
    with torch.no_grad():  # only for the shapes of the tangents
        results = _step(loop, [*tensors, number])
    real = [i for i, is_real in enumerate(floating) if is_real]
    tangents = [fakes.tensor(results[i].shape, results[i]) for i in real]
    # The states are the first outputs. Their gradients come from the output and from the next step.
    # The two are separate arguments, so that the compiled step computes their sum.
    tangents += [fakes.tensor(results[i].shape, results[i]) for i in real if i < loop.n_states]
    graph = fakes.record(_joint(loop, needs, real, k), [*arguments, *tangents])
    threads = _threads_for(graph, threads)
    parts = partition(graph, k, len(arguments), n_outputs, range(states.stop, len(given)))
    forward = Trace(parts.forward, arguments, fakes.mode, symbols, inner)
    taken = [node.meta["val"] for node in parts.backward.graph.nodes if node.op == "placeholder"]
    backward = Trace(parts.backward, taken, fakes.mode, symbols)
    step = CompiledStep(
        loop,
        needs,
        places,
        compiler(forward, threads),
        parts.outputs,
        compiler(backward, threads),
        parts.saved,
        parts.used,
        parts.wanted,
        parts.gradients,
        floating,
        [forward, backward],
        threads=threads,
    )
    return step, outer


def _step(loop: Loop, given: Sequence[Any]) -> list[torch.Tensor]:
    """Compute a step of `loop`; its results keep the graph's dtypes, even in mixed precision.

    The step is compiled for one dtype of each state.
    """
    pairs = zip(loop.program.module.forward(*given), loop.inner_outputs, strict=True)
    return [result.to(variable.dtype) for result, variable in pairs]


def _threads_for(graph: fx.GraphModule, threads: int) -> int:
    """Return `threads`, or 1 if the graph uses indices, since index errors in threads are fatal."""
    return 1 if indexes(graph.graph) else threads


def _step_inputs(
    fakes: Fakes, loop: Loop, given: Sequence[torch.Tensor]
) -> tuple[list[Any], list[tuple[int, int]], list[Any]]:
    """Create fake tensors for the arguments of one step of a loop over `given`.

    Returns
    -------
    tensors : list
    places : list of pairs
        For each size that is not fixed, the index in `given` and the axis.
    outer : list
        The sizes of the step, as expressions of the graph that contains the loop.
    """
    shape_of: dict[Any, Any] = {}
    places: list[tuple[int, int]] = []
    tensors: list[Any] = []
    for i, value in enumerate(given):
        shape = []
        for axis in range(i < loop.n_sequences, value.dim()):  # skip the time axis of a sequence
            size: Any = value.shape[axis]
            if not isinstance(size, int):
                if size.node.expr not in shape_of:
                    shape_of[size.node.expr] = fakes.size(int(size.node.hint))
                    if not isinstance(shape_of[size.node.expr], int):
                        places.append((i, axis))
                size = shape_of[size.node.expr]
            shape.append(size)
        tensors.append(fakes.tensor(shape, value))
    return tensors, places, list(shape_of)


def _joint(
    loop: Loop, needs: Sequence[bool], real: Sequence[int], n_sizes: int
) -> Callable[..., list[Any]]:
    """Create a function that computes a step and its gradients.

    The created function receives `n_sizes` sizes, the inputs of the step, the gradients of the
    outputs with the indices `real`, and the gradients of the states from the next step. It returns
    the outputs and, for each element of `needs`, a gradient (None if the element is False).
    """
    n_given = len(needs)

    def joint(*all_: Any) -> list[Any]:
        inputs = all_[n_sizes:]
        leaves = [
            value.detach().requires_grad_() if needed else value
            for value, needed in zip(inputs[:n_given], needs, strict=True)
        ]
        with torch.enable_grad():
            results = _step(loop, [*leaves, inputs[n_given]])
        arriving = inputs[n_given + 1 :]
        tangents = list(arriving[: len(real)])
        for i, more in enumerate(arriving[len(real) :]):
            tangents[i] = tangents[i] + more
        pairs = zip([results[i] for i in real], tangents, strict=True)
        live = [(o, tangent) for o, tangent in pairs if o.requires_grad]  # for autograd
        wanted = [leaf for leaf, needed in zip(leaves, needs, strict=True) if needed]
        found = iter(
            torch.autograd.grad(
                [o for o, _ in live], wanted, [tangent for _, tangent in live], allow_unused=True
            )
        )
        gradients = [next(found) if needed else None for needed in needs]
        return [*[o.detach() for o in results], *gradients]

    return joint
