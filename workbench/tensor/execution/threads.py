"""The number of threads of one step on a CPU, chosen by its work.

Several threads that compute one step wait for each other many times. For a small step that costs
about as much as it saves on a quiet machine, and many times as much on a busy one, where a thread
that others wait for may have to wait for a processor. Small steps therefore use one thread. The
choice depends on the program and the sizes of its inputs, never on a measurement: sums over several
threads round differently, and a run that is resumed must compute as before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.config import config
from workbench.hints import hinted
from workbench.openmp import limited, sleep_while_idle
from workbench.tensor.execution.processors import available_processors
from workbench.tensor.execution.quiet import silence
from workbench.tensor.execution.step import Run, Step

SMALL = 10**8
"""Multiplications up to which a step uses one thread: about a millisecond of work."""
AN_ELEMENT = 50
"""Multiplications of matrices that take as long as one element of any other result."""
REMEMBERED = 1000
"""For how many sizes is known how much work they make, and what runs them."""


class Threads:
    """Chooses how many threads a step uses.

    Parameters
    ----------
    step : Step

    Attributes
    ----------
    asked : int or None
        The number that `config.threads` named when the step was made; None for ``'auto'``.
    used : int
        The most that a call has used so far; 0 before the first one.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.asked = _asked()
        self.used = 0
        self._known: dict[tuple[int, ...], float] = {}

    @property
    def available(self) -> int:
        """The number of threads that a large step uses in the calling thread."""
        return available_threads(self.asked)

    def number(self, sizes: tuple[int, ...]) -> int:
        """Return how many threads a call for inputs of `sizes` uses."""
        chosen = 1 if self.asked is None and self.is_small(sizes) else self.available
        self.used = max(self.used, chosen)
        return chosen

    def is_small(self, sizes: tuple[int, ...]) -> bool:
        """True if inputs of `sizes` make so little work that one thread is enough."""
        rounded = tuple(map(_rounded, sizes))
        amount = self._work(rounded)
        if amount == math.inf and sizes != rounded:  # sizes that depend on each other, perhaps
            amount = self._work(sizes)
        return (_guess(self.step, sizes) if amount == math.inf else amount) <= SMALL

    def _work(self, sizes: tuple[int, ...]) -> float:
        if sizes not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[sizes] = work(self.step, sizes, SMALL)
        return self._known[sizes]

    def limit(self, run: Run, number: int) -> Run:
        """Return `run`, made to use `number` threads, or fewer where torch was told fewer."""
        if self.step.device.type != "cpu":
            return run
        if number > 1:
            sleep_while_idle()
        return limited(run, number, 1 if self.asked is None else number)

    @property
    def described(self) -> str:
        """The number of threads and the reason for it, for people."""
        if self.asked is not None:
            return f"{self.asked}: asked for by config.threads"
        if not self.used:
            return f"{self.available} at most: none was used yet"
        if self.used == 1 < self.available:
            return f"1 of {self.available}: a step of so little work is not faster with more"
        return f"{self.used} of {self.available}"


@hinted
def available_threads(asked: int | None = None) -> int:
    """Return how many threads a large step uses on a CPU.

    Parameters
    ----------
    asked : int, optional
        What `config.threads` said when the step was made; read now if it is not given.
    """
    asked = asked or _asked()
    return asked or min(torch.get_num_threads(), available_processors())


def _asked() -> int | None:
    asked = config.threads
    return asked if isinstance(asked, int) else None


def _rounded(size: int) -> int:
    """The next power of two: counting the work of one step serves for many sizes."""
    return size if size < 2 else 2 ** (size - 1).bit_length()


def work(step: Step, sizes: Sequence[int], enough: float = math.inf) -> float:
    """Estimate how much a step computes.

    Parameters
    ----------
    step : Step
    sizes : sequence of int
        One for each of ``step.free``.
    enough : float
        Counting ends where there is more.

    Returns
    -------
    float
        The number of multiplications in products of matrices, convolutions and attention, and
        `AN_ELEMENT` for each element of other results. Infinite where it is not known, as after a
        value that decides about a size.
    """
    if step.program.hooked:  # Python looks at values, and there are none here
        return math.inf
    from torch._subclasses.fake_tensor import FakeTensorMode

    size_of: dict[tuple[int, int], int] = {}
    for size, places in zip(sizes, step.places, strict=True):
        size_of |= dict.fromkeys(places, size)
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    meter = _Meter(enough)
    program = step.program
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
            held = [mode.from_tensor(tensor, static_shapes=True) for tensor in step.held]
            with meter:
                program.module.forward(*inputs, *held)
    except _Enough:
        pass
    except Exception:  # sizes that do not fit once they are rounded, values that decide, ...
        return math.inf
    return meter.work


def _guess(step: Step, sizes: Sequence[int]) -> float:
    """Estimate how much a step computes where that cannot be counted, from what it is given.

    As if everything that it holds were multiplied with every row, forward and backward, and every
    element were looked at ten times.
    """
    held = sum(tensor.numel() for tensor in step.held)
    size_of = {place: n for n, places in zip(sizes, step.places, strict=True) for place in places}
    given = sum(
        math.prod(size_of.get((i, axis), size) for axis, size in enumerate(variable.shape))
        for i, variable in enumerate(step.program.inputs)
    )
    return float(3 * math.prod(sizes) * held + 10 * AN_ELEMENT * (held + given))


class _Enough(Exception):
    """There is more work than one wants to know."""


class _Meter(TorchDispatchMode):
    """Adds up the work of all operations."""

    def __init__(self, enough: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        from torch.utils.flop_counter import flop_registry

        self.work = 0.0
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
