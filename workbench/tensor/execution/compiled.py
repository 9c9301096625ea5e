"""The compiled tier, which runs a task as one program that torch's inductor compiles.

A program is valid for all sizes that lead to the same trace, usually for every batch of two or more
examples. If no program is valid for the sizes of a call, a new program is compiled, unless there
are already `VARIANTS` programs. Calls without a valid program, such as a call for a last batch of
one example, run in the eager tier.

The module `tracing` traces the task, without Dynamo. Therefore there are no bytecode guards, and a
call checks only the sizes.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from workbench import errors
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.eager import Eager, undefined
from workbench.tensor.execution.fakes import OFTEN_SMALL, refusal
from workbench.tensor.execution.loops import Program
from workbench.tensor.execution.precision import arithmetic
from workbench.tensor.execution.quiet import silence
from workbench.tensor.execution.report import lines_about
from workbench.tensor.execution.rewrites import rewrite
from workbench.tensor.execution.task import Run, Task
from workbench.tensor.execution.threads import MOST_SIZES, Threads
from workbench.tensor.execution.trace import Trace
from workbench.tensor.execution.tracing import trace

VARIANTS = 8
"""Maximum number of programs per task; only the `examples` of `Compiled` can exceed it."""
NOT_THESE = "calls with sizes {sizes} run eagerly, since no program can be compiled for them: {why}"

OPERATIONS = [
    getattr(torch.ops.workbench, name).default
    for name in ("loop_forward", "loop_backward", "product", "descend")
]
"""Operations that are not fused, so inductor must store their inputs in memory."""

ASSERTS = {"size_asserts": False, "alignment_asserts": False}
"""Inductor's settings for checks of all argument and result layouts; the checks take time."""

_compiler = threading.RLock()
"""Lock held by the compiling thread, since inductor has global state."""


class Variant:
    """One compiled program of a task.

    Attributes
    ----------
    example : tuple of int
        The sizes that the program was traced with. The program may also be valid for other sizes.
    trace : Trace
    seconds : float
        Duration of tracing and compilation.
    source : str
        The code that inductor generated.
    threads : int
        The number of threads that the code uses outside loops.
    """

    def __init__(self, task: Task, threads: Threads, example: tuple[int, ...]) -> None:
        start = time.perf_counter()
        self.example = example
        self.threads, in_loops = threads.numbers(example)
        if task.device.type == "cpu":
            _processor()  # starts a thread that runs during tracing
        with _compiler:
            sources: list[str] = []
            self.trace = trace(task, example, functools.partial(_compile, sources), in_loops)
            self._program = _compile(sources, self.trace, self.threads)
        self.source = "\n".join(sources)
        self.seconds = time.perf_counter() - start
        self._held = [variable.tensor for variable in task.shared]

    def run(self, sizes: tuple[int, ...]) -> Run:
        """Return a function that runs the program for calls with these sizes, without checks.

        The program must be valid for the sizes.
        """
        pairs = zip(sizes, self.trace.symbols, strict=True)
        given = [size for size, symbol in pairs if not isinstance(symbol, int)]
        program, held = self._program, self._held

        def run(values: Sequence[torch.Tensor]) -> Sequence[Any]:
            # A program is compiled for contiguous inputs, and empties its list of arguments.
            return program([*given, *[value.contiguous() for value in values], *held])

        return run


class Guarded:
    """A program compiled for specific sizes, with the checks of ``task.guard`` and ``task.watch``.

    No argument of a program requires gradients, so autograd can remain enabled.
    """

    def __init__(self, run: Run, task: Task, eager: Eager, *, reports_success: bool) -> None:
        self._run = (
            run if task.precision != "tf32" else functools.partial(_in_arithmetic, run, task)
        )
        self._task = task
        self._guard = task.guard
        self._watch = task.watch
        self._reports_success = reports_success
        self._eager = eager
        self._limited = task.program.limited and task.device.type == "cpu"

    def __call__(self, values: Sequence[torch.Tensor]) -> Sequence[Any]:
        """Run the program and return the outputs."""
        autograd = torch.is_grad_enabled()
        try:
            outputs = self._run(values)
        except Exception as error:
            self._task.program.explain([*values, *self._task.held], error)
            raise
        finally:
            if torch.is_grad_enabled() is not autograd:  # a failed program may have changed it
                torch.set_grad_enabled(autograd)
        watch, checks = self._watch, None
        if self._reports_success:
            *outputs, holds = outputs
            if not holds.item():
                # No variable was updated. The check may raise a false alarm, so the eager tier
                # repeats the call, and either applies the updates or raises the error.
                return self._eager(values)
        elif watch is not None:
            *outputs, checks = outputs
        # A compiled program can only return NaN; an eager run finds the values that caused it.
        if self._limited and undefined(outputs):
            with torch.no_grad():
                self._task.program.look([*values, *self._task.held])
        if self._guard is not None:
            self._guard.check(outputs)
        if watch is not None and checks is not None:
            watch.look_later(checks)
        return outputs


def _in_arithmetic(run: Run, task: Task, values: Sequence[torch.Tensor]) -> Sequence[Any]:
    with arithmetic(task):
        return run(values)


class Compiled:
    """Runner that executes a task with compiled programs.

    Parameters
    ----------
    task : Task
    threads : Threads
        The object that chooses the number of threads for a program.
    examples : sequence of tuple of int, optional
        Sizes that programs are compiled for immediately.
    on_demand : bool
        What a call does if no program is valid for its sizes: if True, it waits until a program
        is compiled; if False, it runs in the eager tier.

    Raises
    ------
    CompilationError
        If the task cannot be traced or compiled.
    """

    name = "compiled"

    def __init__(
        self,
        task: Task,
        threads: Threads,
        examples: Sequence[tuple[int, ...]] = (),
        *,
        on_demand: bool = True,
    ) -> None:
        self.task = task
        self.threads = threads
        self.on_demand = on_demand
        self.variants: list[Variant] = []
        self._eager = Eager(task, threads)
        self._by_sizes: dict[tuple[int, ...], Run] = {}
        for example in examples:
            self.add(tuple(example))

    @property
    def seconds(self) -> float:
        """The total duration of tracing and compilation in seconds."""
        return sum(variant.seconds for variant in self.variants)

    def state(self) -> list[tuple[int, ...]]:
        """Return the sizes that programs were compiled for."""
        return [variant.example for variant in self.variants]

    def describe(self) -> Iterator[str]:
        """Yield lines that describe each program: its sizes, time, memory and kernels."""
        for number, variant in enumerate(self.variants, start=1):
            head = f"  {self.name:<9} program {number}"
            yield from lines_about(head, variant.trace, variant.seconds, variant.source, self.task)

    def prepared(self, run: Run) -> Run:
        """Return the function to call in place of the compiled program `run`."""
        return run

    def add(self, sizes: tuple[int, ...]) -> None:
        """Compile a program that is valid for `sizes`, unless a valid program already exists."""
        if not any(variant.trace.fits(sizes) for variant in self.variants):
            self.variants.append(Variant(self.task, self.threads, sizes))
            self._by_sizes.clear()

    def find(self, sizes: tuple[int, ...]) -> Run:
        """Return the function for the given `sizes`; compile a program if necessary and allowed."""
        return self._by_sizes.get(sizes) or self._choose(sizes)

    def _choose(self, sizes: tuple[int, ...]) -> Run:
        """Choose and cache the function for the given `sizes`."""
        fitting = self._fitting(sizes)
        # torch specialises on the sizes 0 and 1. These batches are rare, so they are not compiled.
        small = any(size in OFTEN_SMALL for size in sizes)
        if fitting is None and self.on_demand and not small and len(self.variants) < VARIANTS:
            try:
                self.add(sizes)
            except errors.CompilationError as error:
                warning = NOT_THESE.format(sizes=sizes, why=error)
                warnings.warn(warning, errors.CompilationWarning, stacklevel=6)
            fitting = self._fitting(sizes)
        runner: Run = self._eager.find(sizes)
        if fitting is not None:
            run = self.threads.limit(fitting.run(sizes), fitting.threads)
            reports_success = fitting.trace.reports_success
            runner = Guarded(
                self.prepared(run), self.task, self._eager, reports_success=reports_success
            )
        if len(self._by_sizes) >= MOST_SIZES:
            self._by_sizes.clear()
        self._by_sizes[sizes] = runner
        return runner

    def _fitting(self, sizes: tuple[int, ...]) -> Variant | None:
        return next((variant for variant in self.variants if variant.trace.fits(sizes)), None)


@functools.cache
def _processor() -> threading.Thread:
    """Start a thread that, during tracing, detects the processor's vector instructions.

    To detect them, inductor compiles and runs several small programs, and caches the result.
    """

    def ask() -> None:
        with contextlib.suppress(Exception):  # inductor will repeat it and raise the error
            internals.valid_vec_isa_list()

    thread = threading.Thread(target=ask, name="processor", daemon=True)
    thread.start()
    return thread


def _compile(sources: list[str], traced: Trace, threads: int) -> Program:
    """Compile a flat graph for the given number of threads, and append its code to `sources`.

    Inductor caches compiled code on disk.
    """
    made: list[Any] = []
    try:

        def inner(*args: Any, **kwargs: Any) -> Any:
            if _processor.cache_info().currsize:  # the thread was started, for a CPU
                _processor().join()
            made.append(internals.compile_fx_inner(*args, **kwargs))
            # A graph without computation has no source code.
            sources.append(vars(made[-1]).get("source_code", ""))
            return made[-1]

        options = {
            "inner_compile": inner,
            "config_patches": {**ASSERTS, "cpp.threads": threads},
        }
        internals.add_needs_realized_inputs(OPERATIONS)
        rewrite(traced)
        self_contained = traced.is_self_contained
        with (
            silence(),
            internals.compile_lock,
            torch.no_grad(),
            # The autograd cache precedes inductor's cache, and a hit would skip `inner`.
            internals.functorch_config.patch(enable_autograd_cache=False),
            internals.tracing(internals.TracingContext(traced.mode)),
        ):
            program = internals.standalone_compile(
                traced.graph,
                traced.arguments,
                dynamic_shapes="from_tracing_context",
                options=options,
            )
    except Exception as error:
        raise refusal(error) from error
    # torch wraps inductor's code in a function that rebuilds views and copies changed inputs back.
    # A self-contained graph needs neither, so its code is called directly to save time.
    direct: Program | None = vars(made[0]).get("current_callable") if len(made) == 1 else None
    return (
        direct if self_contained and direct is not None else lambda arguments: program(*arguments)
    )
