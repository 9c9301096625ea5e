"""Number of threads for a task on a CPU, chosen according to the amount of work.

The threads of a task wait for each other many times. For a small task on an idle machine, these
waits take about as much time as the threads save. On a busy machine they take much longer, because
a thread may wait for a processor while the other threads wait for it. Therefore small tasks use one
thread. For a loop, only the work of one step counts, because the steps run one after another. The
choice depends on the program and on the sizes of its inputs, never on a measurement: sums over
several threads are rounded differently, and a resumed run must reproduce its results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch

from workbench.config import config
from workbench.hints import hinted
from workbench.openmp import limited, sleep_while_idle
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.processors import available_processors
from workbench.tensor.execution.quiet import silence
from workbench.tensor.execution.task import Run, Task
from workbench.tensor.program import instead
from workbench.tensor.scan import Loop

SMALL = 10**8
"""Maximum work of one thread, in multiplications (about a millisecond)."""
AN_ELEMENT = 50
"""Cost of each element of a result that is not a product, as a number of multiplications."""
MOST_SIZES = 1000
"""Maximum number of combinations of input sizes with cached work and functions."""


class Work(NamedTuple):
    """Amount of computation in a task, as a number of multiplications; infinite if unknown."""

    total: float
    loop_step: float
    """Work of the largest loop step in the forward pass; 0 if there are no loops."""


class Threads:
    """Policy that chooses the number of threads for a task.

    Parameters
    ----------
    task : Task

    Attributes
    ----------
    asked : int or None
        The value of `config.threads` when the task was created; None for ``'auto'``.
    used : int
        The largest number of threads that any call has used so far; 0 before the first call.
    in_loops : int or None
        The largest number of threads used in a loop so far; None if no compiled loop has run.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.asked = _asked()
        self.used = 0
        self.in_loops: int | None = None
        self._known: dict[tuple[int, ...], Work] = {}

    @property
    def available(self) -> int:
        """The number of threads that a large task uses if the current thread runs it."""
        return available_threads(self.asked)

    @cached_property
    def has_loops(self) -> bool:
        """True if the task contains a loop."""
        return any(isinstance(node.target, Loop) for node in self.task.program.graph.nodes)

    def number(self, sizes: tuple[int, ...]) -> int:
        """Return the number of threads for the given `sizes`, both within and outside loops."""
        return self._use(min(self._chosen(sizes)))

    def numbers(self, sizes: tuple[int, ...]) -> tuple[int, int]:
        """Return the numbers of threads outside and within loops for the given `sizes`."""
        outside, within = self._chosen(sizes)
        if self.has_loops:
            self.in_loops = max(self.in_loops or 0, within)
        return self._use(outside), within

    def _chosen(self, sizes: tuple[int, ...]) -> tuple[int, int]:
        """Return the numbers of threads outside and within loops; without loops, they are equal."""
        few = self.asked is None and self.task.device.type == "cpu"
        outside = 1 if few and self.is_small(sizes) else self.available
        if not self.has_loops:
            return outside, outside
        return outside, 1 if few and self.has_small_steps(sizes) else self.available

    def _use(self, chosen: int) -> int:
        self.used = max(self.used, chosen)
        return chosen

    def is_small(self, sizes: tuple[int, ...]) -> bool:
        """Return True if the work for the given `sizes` is small enough for one thread."""
        return self._work(sizes).total <= SMALL

    def has_small_steps(self, sizes: tuple[int, ...]) -> bool:
        """Return True if one thread is enough for a step of every loop."""
        return self._work(sizes).loop_step <= SMALL

    def _work(self, sizes: tuple[int, ...]) -> Work:
        rounded = tuple(map(_rounded, sizes))
        amount = self._counted(rounded)
        if amount.total == math.inf and sizes != rounded:  # rounding made the sizes inconsistent
            amount = self._counted(sizes)
        if amount.total == math.inf:
            guess = _guess(self.task, sizes)
            return Work(guess, guess)
        return amount

    def _counted(self, sizes: tuple[int, ...]) -> Work:
        if sizes not in self._known:
            if len(self._known) >= MOST_SIZES:
                self._known.clear()
            # With loops, count all work: `loop_step` must be complete, and each step is counted
            # only once.
            enough = math.inf if self.has_loops else SMALL
            self._known[sizes] = work(self.task, sizes, enough)
        return self._known[sizes]

    def limit(self, run: Run, number: int) -> Run:
        """Return `run` limited to `number` threads, or fixed to this number if the user set it."""
        if self.task.device.type != "cpu":
            return run
        if number > 1:
            sleep_while_idle()
        return limited(run, number, 1 if self.asked is None else number)

    @property
    def described(self) -> str:
        """The number of threads and the reason for it, as text."""
        if self.asked is not None:
            return f"{self.asked}: set by config.threads"
        if not self.used:
            return f"at most {self.available}: not called yet"
        if self.used == 1 < self.available:
            return f"1 of {self.available}: the work of a call is too small for more threads"
        inside = "" if self.in_loops in (None, self.used) else f", {self.in_loops} in loops"
        return f"{self.used} of {self.available}{inside}"


@hinted
def available_threads(asked: int | None = None) -> int:
    """Return the number of threads that a large task uses on a CPU.

    Parameters
    ----------
    asked : int, optional
        The value of `config.threads` when the task was created; by default its current value.

    Examples
    --------
    >>> available_threads(2) <= 2
    True
    """
    asked = asked or _asked()
    return asked or min(torch.get_num_threads(), available_processors())


def _asked() -> int | None:
    asked = config.threads
    return asked if isinstance(asked, int) else None


def _rounded(size: int) -> int:
    """Round a size up to a power of two, so that one work estimate is valid for many sizes."""
    return size if size < 2 else 2 ** (size - 1).bit_length()


def work(task: Task, sizes: Sequence[int], enough: float = math.inf) -> Work:
    """Estimate how much computation a task requires.

    Parameters
    ----------
    task : Task
    sizes : sequence of int
        One size for each element of ``task.free``.
    enough : float
        The amount where the count can stop.

    Returns
    -------
    Work
        The number of multiplications in matrix products, convolutions and attention, plus
        `AN_ELEMENT` for each element of all other results. The number is infinite if it cannot be
        determined, for example because a size depends on a value.
    """
    unknown = Work(math.inf, math.inf)
    if task.program.hooked:  # hooks need values, and fake tensors have none
        return unknown
    size_of: dict[tuple[int, int], int] = {}
    for size, places in zip(sizes, task.places, strict=True):
        size_of |= dict.fromkeys(places, size)
    mode = internals.FakeTensorMode(allow_non_fake_inputs=True)
    meter = _Meter(enough)
    program = task.program
    token = instead.set(meter.loop)
    try:
        with silence(), mode, torch.no_grad():
            inputs = [
                torch.empty(
                    [size_of.get((i, axis), size) for axis, size in enumerate(variable.shape)],
                    dtype=variable.dtype,
                    device=variable.device,
                )
                for i, variable in enumerate(program.inputs)
            ]
            held = [mode.from_tensor(tensor, static_shapes=True) for tensor in task.held]
            with meter:
                program.module.forward(*inputs, *held)
    except _Enough:
        pass
    except Exception:  # incompatible rounded sizes, control flow that needs values, ...
        return unknown
    finally:
        instead.reset(token)
    return Work(meter.work, meter.loop_step)


def _guess(task: Task, sizes: Sequence[int]) -> float:
    """Estimate the work of a task from argument sizes, if the operations cannot be counted.

    The estimate assumes that every parameter is multiplied by every row, forward and backward,
    and that every element of inputs and parameters is an operand of ten other operations.
    """
    held = sum(tensor.numel() for tensor in task.held)
    size_of = {place: n for n, places in zip(sizes, task.places, strict=True) for place in places}
    given = sum(
        math.prod(size_of.get((i, axis), size) for axis, size in enumerate(variable.shape))
        for i, variable in enumerate(task.program.inputs)
    )
    return float(3 * math.prod(sizes) * held + 10 * AN_ELEMENT * (held + given))


class _Enough(Exception):
    """Error raised when the counted work exceeds the limit."""


class _Meter(internals.TorchDispatchMode):
    """Dispatch mode that sums the work of all operations."""

    def __init__(self, enough: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        from torch.utils.flop_counter import flop_registry

        self.work = self.loop_step = 0.0
        self._enough = enough
        self._formulas: dict[Any, Callable[..., int]] = flop_registry

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        formula = self._formulas.get(func._overloadpacket)
        if formula is not None:
            self.work += formula(*args, **kwargs, out_val=result) / 2
        elif not func.is_view:
            self.work += AN_ELEMENT * sum(
                value.numel()
                for value in (result if isinstance(result, (list, tuple)) else (result,))
                if isinstance(value, torch.Tensor)
            )
        if self.work > self._enough:
            raise _Enough
        return result

    def loop(
        self,
        loop: Loop,
        sequences: list[torch.Tensor],
        states: list[torch.Tensor],
        contexts: list[torch.Tensor],
        n: int,
    ) -> list[torch.Tensor]:
        """Add the work of a loop, and return tensors of the same sizes as its results.

        The work is extrapolated from the first step.
        """
        if n < 1:
            return [loop.empty(i, states) for i in range(len(loop.inner_outputs))]
        before = self.work
        first = [sequence[0] for sequence in sequences]
        outputs = loop.program.module.forward(*first, *states, *contexts, 0)
        loop_step = self.work - before
        self.loop_step = max(self.loop_step, loop_step)
        differentiated = any(output.requires_grad for output in outputs)
        # A backward pass has twice the work of a forward pass. The meter counts the backward pass
        # of the first step when autograd runs it; all passes of the other steps are added here.
        self.work += (n - 1) * loop_step * (3 if differentiated else 1)
        return [output.expand(n, *output.shape) for output in outputs]
