"""From a step to one flat graph of aten operations, gradients and updates included.

The step runs once on torch's fake tensors while every operation is written down: forward, what
autograd does, new values, and copies of these into the shared variables. What is left has no
autograd and no Python, and is valid for all inputs that take the same path through both: the
sizes for which `Trace.fits` says so.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from workbench import errors
from workbench.tensor import torch_internals as internals
from workbench.tensor.draws import draws
from workbench.tensor.execution.halves import halved
from workbench.tensor.execution.loops import SHORT, Moment, Program, call
from workbench.tensor.execution.precision import arithmetic
from workbench.tensor.execution.quiet import silence
from workbench.tensor.execution.screen import all_of
from workbench.tensor.execution.step import Step
from workbench.tensor.execution.trace import Trace
from workbench.tensor.program import instead

if TYPE_CHECKING:
    from workbench.tensor.scan import Loop

Compiler = Callable[[Trace, int], Program]
"""What makes a program of a flat graph, for a number of threads."""

OFTEN_SMALL = (0, 1)
"""Sizes for which torch takes other paths: a graph is made for one of them, or for neither."""

HOOKED = "put_hook has Python look at values within the graph"
NO_SIZE = (
    "the number of steps of a scan is a value, which is known only when it has been computed; "
    "compiled it has to be a number, or a size of an input"
)
DRAWS = (
    "{node} draws from torch's own generator; a RandomStream draws the same numbers in every tier"
)

DECIDES = (
    "Python decides by a value how to go on, or how large something is, and that is known only "
    "when it has been computed"
)
NO_RULE = "torch has no rule for what {operation} gives, or for how to compile it"
TWICE = "it differentiates a gradient that has come through a scan"


def refusal(error: Exception) -> errors.CompilationError:
    """What is said, in one line, of a step that torch could not trace or compile."""
    kind, lines = type(error).__name__, str(error).strip().splitlines() or [""]
    if kind in ("GuardOnDataDependentSymNode", "DataDependentOutputException"):
        return errors.CompilationError(DECIDES)
    if kind.startswith(("Unsupported", "DynamicOutputShape")):
        return errors.CompilationError(NO_RULE.format(operation=lines[0]))
    if "workbench.loop_backward" in lines[0]:
        return errors.CompilationError(TWICE)
    said = re.sub(r"^\S*\.cpp:\d+: ", "", lines[0])
    return errors.CompilationError(f"{kind}: {said}")


class Fakes:
    """Stand-ins for the arguments of one graph, and what is learned about their sizes."""

    def __init__(self) -> None:
        from torch.fx.experimental.symbolic_shapes import ShapeEnv

        self.known = ShapeEnv()
        self.mode = internals.FakeTensorMode(shape_env=self.known, allow_non_fake_inputs=True)
        self.symbols: list[Any] = []
        self.sizes: list[Any] = []

    def size(self, example: int, *, any_value: bool = False) -> Any:
        """A size that may be another one than `example`."""
        from torch.fx.experimental.symbolic_shapes import DimDynamic

        if example in OFTEN_SMALL and not any_value:
            self.symbols.append(example)
            return example
        source = internals.ConstantSource(f"size_{len(self.symbols)}")
        symbol = self.known.create_symbol(
            example, source, DimDynamic.DYNAMIC, do_not_specialize_zero_one=any_value
        )
        self.symbols.append(symbol)
        self.sizes.append(self.known.create_symintnode(symbol, hint=example, source=source))
        return self.sizes[-1]

    def tensor(self, shape: Sequence[Any], like: Any) -> torch.Tensor:
        """A tensor of `shape`, with the dtype and on the device of `like`."""
        with self.mode:
            return torch.empty(shape, dtype=like.dtype, device=like.device)

    def held(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of just this shape and layout."""
        return self.mode.from_tensor(tensor, static_shapes=True)

    def record(self, function: Callable[..., Any], arguments: Sequence[Any]) -> fx.GraphModule:
        """Run `function` on `arguments`; give all operations as a graph.

        Raises
        ------
        CompilationError
            If Python has to look at values on the way, or random numbers are drawn.
        """
        from torch.fx.experimental.proxy_tensor import make_fx

        try:
            with silence(), torch.no_grad(), self.mode:
                made = make_fx(function, decomposition_table=_broadcast(), tracing_mode="real")
                graph = made(*arguments)
        except errors.CompilationError:
            raise
        except Exception as error:
            raise refusal(error) from error
        for node in graph.graph.nodes:
            if draws(node.target, node.args, node.kwargs):
                raise errors.CompilationError(DRAWS.format(node=node.target))
        return graph


@functools.cache
def _broadcast() -> dict[Any, Callable[..., Any]]:
    """Operations whose shape rules do not take a symbolic size that one operand alone has.

    They get operands of one shape.
    """
    # One shape may be written in two ways, as terms of other sizes: what was widened is not again.
    widened = ContextVar("widened", default=False)

    def wide(operation: Any) -> Callable[..., Any]:
        def compute(*args: Any, **kwargs: Any) -> Any:
            if widened.get():
                return NotImplemented
            tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
            # As text, since a question whether sizes are equal would make the answer a condition.
            if len({str(tensor.shape) for tensor in tensors}) == 1:
                return NotImplemented
            new = iter(torch.broadcast_tensors(*tensors))
            args = tuple([next(new) if isinstance(a, torch.Tensor) else a for a in args])
            token = widened.set(True)
            try:
                return operation(*args, **kwargs)
            finally:
                widened.reset(token)

        return compute

    aten = torch.ops.aten
    operations = (aten.addcmul.default, aten.addcdiv.default, aten.lerp.Tensor, aten.lerp.Scalar)
    return {operation: wide(operation) for operation in operations}


def trace(step: Step, sizes: Sequence[int], compiler: Compiler, threads: int = 1) -> Trace:
    """Write down what `step` does, with `sizes` as an example of its free ones.

    Parameters
    ----------
    step : Step
    sizes : sequence of int
    compiler : callable
        Compiles what the graph calls for every moment of its loops.
    threads : int
        How many threads that uses.

    Raises
    ------
    CompilationError
        If it cannot be written down.
    """
    if step.program.hooked:
        raise errors.CompilationError(HOOKED)
    fakes = Fakes()
    shape_of: dict[tuple[int, int], Any] = {}
    for size, places in zip(sizes, step.places, strict=True):
        shape_of |= dict.fromkeys(places, fakes.size(size))
    arguments: list[Any] = []
    for i, variable in enumerate(step.program.inputs):
        shape = [shape_of.get((i, axis), size) for axis, size in enumerate(variable.shape)]
        arguments.append(fakes.tensor(shape, variable))
    arguments += [fakes.held(variable.tensor) for variable in step.shared]
    moments: list[tuple[Moment, list[Any]]] = []
    token = instead.set(partial(_one_operation, compiler, threads, moments))
    try:
        arguments = [*fakes.sizes, *arguments]
        graph = fakes.record(_whole(step, len(fakes.sizes)), arguments)
    finally:
        instead.reset(token)
    return Trace(graph, arguments, fakes.mode, fakes.symbols, moments)


def _whole(step: Step, n_sizes: int) -> Any:
    """The step as a function of its arguments alone, which updates them in place.

    The first `n_sizes` are there for the compiler, which looks for sizes among the arguments.
    """
    program = step.program
    place = {variable: i for i, variable in enumerate(step.shared)}
    n = len(program.inputs)

    def whole(*given: Any) -> Sequence[Any]:
        arguments = given[n_sizes:]
        held = arguments[n:]
        read = [held[place[v]] for v in program.shared]
        leaves = [held[place[v]].detach().requires_grad_() for v in program.leaves]
        with arithmetic(step):
            results = program.module.forward(*arguments[:n], *read, *leaves)
        outputs, given_news = step.divided(results)
        news = list(given_news)
        for i in program.copies:
            # Inductor takes copies away, also where what is copied changes before it is used.
            news[i] = torch.maximum(news[i], news[i])
        holds = None if step.guard is None else step.guard.holds(outputs)
        told: list[torch.Tensor] = []
        if step.watch is not None:
            found = [*outputs, *news]
            told = [torch.ops.workbench.finite(found[place]) for place in step.watched]
            holds = all_of(told if holds is None else [holds, *told])
            # On a CPU one number says whether to look again; elsewhere it is late for that.
            told = [holds if step.device.type == "cpu" else torch.stack(told)]
        for variable, new in zip(step.updated, news, strict=True):
            old = held[place[variable]]
            old.copy_(new if holds is None else torch.where(holds, new, old))
        return [*outputs, *told]

    return whole


def _one_operation(
    compiler: Compiler,
    threads: int,
    moments: list[tuple[Moment, list[Any]]],
    loop: Loop,
    sequences: list[torch.Tensor],
    states: list[torch.Tensor],
    contexts: list[torch.Tensor],
    n: Any,
) -> list[torch.Tensor]:
    """Make a loop one operation of the graph that is being written."""
    given = [*sequences, *states, *contexts]
    if isinstance(n, torch.Tensor):
        raise errors.CompilationError(NO_SIZE)
    if isinstance(n, int) and n <= SHORT:
        token = instead.set(None)
        try:
            return loop(sequences, states, contexts, n)
        finally:
            instead.reset(token)
    inner: list[tuple[Moment, list[Any]]] = []
    token = instead.set(partial(_one_operation, compiler, threads, inner))
    try:
        with internals.disable_current_modes():
            moment, sizes = _moment(compiler, threads, loop, given, inner)
    finally:
        instead.reset(token)
    moments.append((moment, sizes))
    return call(moment, given, n)


def _moment(
    compiler: Compiler,
    threads: int,
    loop: Loop,
    given: Sequence[torch.Tensor],
    inner: list[tuple[Moment, list[Any]]],
) -> tuple[Moment, list[Any]]:
    """Compile one moment of `loop`, for sequences, states and contexts like `given`.

    Loops within it become `inner`.
    """
    fakes = Fakes()
    tensors, places, outer = _one_moment(fakes, loop, given)
    symbols, k = list(fakes.symbols), len(fakes.sizes)
    number = fakes.size(5, any_value=True)  # of the step
    arguments = [*fakes.sizes[:k], *tensors, number]
    differentiated = torch.is_grad_enabled() and any(value.requires_grad for value in given)
    states = range(loop.n_sequences, loop.n_sequences + loop.n_states)
    needs = tuple(
        differentiated and value.dtype.is_floating_point and (value.requires_grad or i in states)
        for i, value in enumerate(given)
    )
    n_outputs = len(loop.inner_outputs)
    if not differentiated:
        graph = fakes.record(lambda *all_: list(loop.program.module.forward(*all_[k:])), arguments)
        flat = Trace(graph, arguments, fakes.mode, symbols, inner)
        outputs = list(range(n_outputs))
        program = compiler(flat, threads)
        return Moment(loop, needs, places, program, outputs, traces=[flat], threads=threads), outer
    floating = [v.dtype.is_floating_point for v in loop.inner_outputs]
    with torch.no_grad():
        results = loop.program.module.forward(*tensors, number)
    real = [i for i, is_real in enumerate(floating) if is_real]
    tangents = [fakes.tensor(results[i].shape, results[i]) for i in real]
    # Those of states, which are the first outputs, arrive from the moment after this one as well.
    tangents += [fakes.tensor(results[i].shape, results[i]) for i in real if i < loop.n_states]
    graph = fakes.record(_joint(loop, needs, real, k), [*arguments, *tangents])
    parts = halved(graph, k, len(arguments), n_outputs, range(states.stop, len(given)))
    forward = Trace(parts.forward, arguments, fakes.mode, symbols, inner)
    taken = [node.meta["val"] for node in parts.backward.graph.nodes if node.op == "placeholder"]
    backward = Trace(parts.backward, taken, fakes.mode, symbols)
    moment = Moment(
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
    return moment, outer


def _one_moment(
    fakes: Fakes, loop: Loop, given: Sequence[torch.Tensor]
) -> tuple[list[Any], list[tuple[int, int]], list[Any]]:
    """Stand-ins for what one moment of a loop gets of `given`.

    Returns
    -------
    tensors : list
    places : list of pairs
        Which of `given`, and which axis, has each size that is not fixed.
    outer : list
        What the sizes of the moment are in the graph that has the loop.
    """
    shape_of: dict[Any, Any] = {}
    places: list[tuple[int, int]] = []
    tensors: list[Any] = []
    for i, value in enumerate(given):
        shape = []
        for axis in range(i < loop.n_sequences, value.dim()):
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
    """A moment and its gradients as one function.

    It takes `n_sizes` sizes, the inputs of the moment, and the gradients of the outputs `real`, and
    once more of the states among them; it gives the outputs, and a gradient for each of `needs`.
    """
    n_given = len(needs)

    def joint(*all_: Any) -> list[Any]:
        inputs = all_[n_sizes:]
        leaves = [
            value.detach().requires_grad_() if needed else value
            for value, needed in zip(inputs[:n_given], needs, strict=True)
        ]
        with torch.enable_grad():
            results = loop.program.module.forward(*leaves, inputs[n_given])
        arriving = inputs[n_given + 1 :]
        tangents = list(arriving[: len(real)])
        for i, more in enumerate(arriving[len(real) :]):
            tangents[i] = tangents[i] + more
        pairs = zip([results[i] for i in real], tangents, strict=True)
        live = [(o, tangent) for o, tangent in pairs if o.requires_grad]
        wanted = [leaf for leaf, needed in zip(leaves, needs, strict=True) if needed]
        found = iter(
            torch.autograd.grad(
                [o for o, _ in live], wanted, [tangent for _, tangent in live], allow_unused=True
            )
        )
        gradients = [next(found) if needed else None for needed in needs]
        return [*[o.detach() for o in results], *gradients]

    return joint
