"""Choice of the tier in which a function runs, and of the time when it changes.

``auto`` starts eagerly and times some of its calls. Once the time that compiling would save over
the calls to come exceeds the cost of compiling, a background thread compiles. The first call after
that switches to the compiled program, so that a switch always happens between two batches and no
call waits for a compiler. If the compiled program is slower, the function returns to the eager
tier. A change is reported in the thread that calls the function.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import math
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy

from workbench import errors
from workbench.tensor.execution.memory import keep_memory
from workbench.tensor.execution.task import Run, Task
from workbench.tensor.execution.threads import Threads
from workbench.tensor.execution.tier import TIERS, Tier

Mode = Literal["auto", "eager", "compiled"]
MODES: tuple[Mode, ...] = ("auto", "eager", "compiled")

SAMPLE_EVERY = 16
"""Every how many calls one is timed."""
SAMPLES = 8
"""Number of timed calls that a decision needs."""
EXPECTED_SAVING = 1 / 3
"""Fraction of the time of an eager call that compiling is assumed to save."""
SECONDS = 6.0
SECONDS_AN_OPERATION = 0.05
"""Assumed cost of compiling: a constant, and a time for each operation of the program."""
SWITCH_INTERVAL = 2e-4
"""Seconds after which a thread must let others run while one of them compiles."""

PATIENCE = 20.0
"""Seconds that the exit of the process waits for a compiler, which cannot stop at once."""

SWAPPED = (
    "after {calls} eager calls of {eager:.3g} ms each; compiling took {seconds:.1f} s in "
    "the background"
)
SLOWER = "a compiled call took {compiled:.3g} ms, but an eager one {eager:.3g} ms"
FAILED = "it cannot be compiled ({why})"
NOT_YET = "compiling has not been worthwhile so far"
CANNOT = (
    "{name} runs eagerly, since it cannot be compiled: {why}. Give execution='eager' if this is "
    "intended"
)


_turn = threading.Lock()
"""Held by the thread that compiles in the background: one at a time."""
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class Execution:
    """Runner of the task of one function in a suitable tier.

    Parameters
    ----------
    task : Task
    mode : str
        ``'auto'``, or the requested tier: one of `TIERS`.
    name : str
        The name of the function, for messages.

    Attributes
    ----------
    tier : Tier
    threads : Threads
        Chooses the number of threads of a call.
    calls : int
        The number of calls so far.
    reason : str
        The reason for the current tier.
    calls_left : callable or None
        Returns the number of calls to come, or ``None`` if it is unknown; then as many calls as
        so far are assumed.
    report : callable or None
        Called with `described` when the tier changes, or when it is certain that it will not.
    """

    def __init__(self, task: Task, mode: str, name: str) -> None:
        keep_memory()
        self.task = task
        self.mode = mode
        self.name = name
        self.threads = Threads(task)
        self.tier: Tier = TIERS["eager"](task, self.threads)
        self.reason = "asked for" if mode != "auto" else ""
        self.calls = 0
        self.calls_left: Callable[[], float | None] | None = None
        self.report: Callable[[str], object] | None = None
        self.thread: threading.Thread | None = None
        self.examples: list[tuple[int, ...]] = []
        # `find` runs for every batch, so all decisions hide behind one comparison of integers.
        self._next_look = {"auto": SAMPLE_EVERY, "eager": math.inf}.get(mode, 1)
        self._times: list[float] = []
        self._eager_time = math.nan
        self._made: Tier | errors.CompilationError | None = None
        self._swapped = False

    def find(self, sizes: tuple[int, ...]) -> Run:
        """Return a function that runs the next call, on inputs of `sizes`."""
        self.calls += 1
        if self.calls < self._next_look:
            return self.tier.find(sizes)
        if self.mode != "auto":
            self._next_look = math.inf
            self._make_now(sizes)
            return self.tier.find(sizes)
        return self._look(sizes)

    @property
    def described(self) -> str:
        """The tier and the reason for it."""
        return f"{self.tier.name}: {self.reason or NOT_YET}"

    def state(self) -> list[tuple[int, ...]]:
        """Return the sizes for which programs were made; they determine how results are rounded."""
        return self.tier.state() or list(self.examples)

    def _make_now(self, sizes: tuple[int, ...]) -> None:
        # Examples from a checkpoint can be of a task with other inputs, if other variables were
        # monitored then.
        known = [example for example in self.examples if len(example) == len(sizes)]
        try:
            self.tier = TIERS[self.mode](self.task, self.threads, [*known, sizes])
        except errors.CompilationError as error:
            self.reason = FAILED.format(why=error)
            warnings.warn(
                CANNOT.format(name=self.name, why=error), errors.CompilationWarning, stacklevel=5
            )

    # auto

    def _look(self, sizes: tuple[int, ...]) -> Run:
        """Switch to a new tier if there is one, decide if a decision is due, time the call."""
        self._next_look = self.calls + SAMPLE_EVERY
        if self._made is not None:
            self._swap(self._made)
        elif len(self._times) >= SAMPLES:
            if self._swapped:
                self._compare()
            elif self.thread is None and self._pays():
                self._compile_later(sizes)
        run = self.tier.find(sizes)

        def timed(given: Sequence[Any]) -> Sequence[Any]:
            start = time.perf_counter()
            outputs = run(given)
            self._times = [*self._times[-4 * SAMPLES :], time.perf_counter() - start]
            return outputs

        return timed

    def _pays(self) -> bool:
        left = None if self.calls_left is None else self.calls_left()
        left = self.calls if left is None else left
        nodes = len(self.task.program.module.graph.nodes)
        saved = _median(self._times) * EXPECTED_SAVING * left
        return saved > SECONDS + SECONDS_AN_OPERATION * nodes

    def _compile_later(self, sizes: tuple[int, ...]) -> None:
        # The reference for `_compare`: times during compilation would be slower.
        self._eager_time = _median(self._times)
        self.reason = "while a thread compiles"
        self.thread = threading.Thread(
            target=self._compile, args=(sizes,), name=f"compile {self.name}", daemon=True
        )
        _threads.add(self.thread)
        self.thread.start()

    def _compile(self, sizes: tuple[int, ...]) -> None:
        try:
            with _turn, _short_turns():
                self._made = TIERS["compiled"](self.task, self.threads, [sizes], on_demand=False)
        except errors.CompilationError as error:
            self._made = error
        except Exception as error:  # only the next call can report it: this thread has no caller
            self._made = errors.CompilationError(f"{type(error).__name__}: {error}")
        self._next_look = 0  # the next call uses the result

    def _swap(self, made: Tier | errors.CompilationError) -> None:
        self._made = None
        if isinstance(made, errors.CompilationError):
            self._stay_eager(FAILED.format(why=made))
            return
        # Later times are those of the compiled program, for `_compare`.
        self.tier, self._swapped, self._times = made, True, []
        eager = 1e3 * self._eager_time
        self._tell(SWAPPED.format(calls=self.calls - 1, eager=eager, seconds=made.seconds))

    def _compare(self) -> None:
        """Return to the eager tier if the compiled program is slower than it was."""
        self._next_look = math.inf
        compiled = _median(self._times)
        if compiled > 1.05 * self._eager_time:  # 5 % allow for noise
            self.tier = TIERS["eager"](self.task, self.threads)
            self._stay_eager(SLOWER.format(compiled=1e3 * compiled, eager=1e3 * self._eager_time))

    def _stay_eager(self, reason: str) -> None:
        self._next_look = math.inf
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        self.reason = reason
        if self.report is not None:
            self.report(self.described)


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
    """Shorten the time for which a thread keeps the interpreter (the GIL).

    Every call of torch releases it, and must then get it back from the thread that compiles. With
    Python's default, training would wait 5 ms each time.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_INTERVAL))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@atexit.register
def _leave() -> None:
    """End the threads that compile: if Python exits while they run, C++ aborts the process."""
    left = [thread for thread in list(_threads) if thread.is_alive()]
    for thread in left:
        identity = ctypes.c_ulong(thread.ident or 0)
        # No other call stops a thread. It takes effect at the next bytecode, not
        # within C++ code; so wait.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(SystemExit))
    end = time.monotonic() + PATIENCE
    for thread in left:
        thread.join(max(0.0, end - time.monotonic()))


def _median(times: Sequence[float]) -> float:
    return float(numpy.median(times))
