"""Policy of execution: the tier that a function runs in, and when it changes.

``auto`` starts eagerly and times some of its calls. When what compiling would save over the calls
to come outweighs what it costs, a thread compiles; the first call after that swaps over, so that a
swap is always between two batches and no call waits for a compiler. If the compiled program turns
out slower, the function goes back. A change is reported in the thread that calls.
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
"""One call in so many is timed."""
SAMPLES = 8
"""Number of timed calls that a decision needs."""
EXPECTED_SAVING = 1 / 3
"""The part of an eager call that compiling is expected to save, before it is known."""
SECONDS = 6.0
SECONDS_AN_OPERATION = 0.05
"""What compiling is expected to cost: this, and so much for each operation of the program."""
SWITCH_INTERVAL = 2e-4
"""How long a thread may keep others waiting, in seconds, while one of them compiles."""

PATIENCE = 20.0
"""How many seconds the end of the process waits for a compiler, which cannot stop at once."""

SWAPPED = (
    "after {calls} eager calls of {eager:.3g} ms each; compiling took {seconds:.1f} s in "
    "the background"
)
SLOWER = "compiled it took {compiled:.3g} ms a call, and {eager:.3g} ms before"
FAILED = "it cannot be compiled ({why})"
NOT_YET = "compiling has not been worthwhile so far"
CANNOT = (
    "{name} was to be compiled, but runs eagerly: {why}. Say execution='eager' if that is right"
)


_turn = threading.Lock()
"""Held by the one thread that compiles in the background."""
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class Execution:
    """Runs the step of one function in the tier that suits.

    Parameters
    ----------
    task : Task
    mode : str
        ``'auto'``, or the tier that was asked for: one of `TIERS`.
    name : str
        Of the function, for messages.

    Attributes
    ----------
    tier : Tier
    threads : Threads
        How many threads calls use.
    calls : int
        How many calls there were.
    reason : str
        Why the tier is what it is.
    calls_left : callable or None
        Says how many calls are to come, or gives ``None`` where that is unknown; as many as there
        have been, then.
    report : callable or None
        Told `described` when the tier changes, or when it is settled that it will not.
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
        self._next_look = {"auto": SAMPLE_EVERY, "eager": math.inf}.get(mode, 1)
        self._times: list[float] = []
        self._eager_time = math.nan
        self._made: Tier | errors.CompilationError | None = None
        self._swapped = False

    def find(self, sizes: tuple[int, ...]) -> Run:
        """Return what runs the next call, on inputs of `sizes`; makes the tier asked for first."""
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
        """The sizes that programs were made for; those made for the same are the same."""
        return self.tier.state() or list(self.examples)

    def _make_now(self, sizes: tuple[int, ...]) -> None:
        # Examples may be those of a step that had other inputs, for other observers.
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
        """Swap if something was made, decide if there is something to decide, time the call."""
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
        except Exception as error:  # a thread can tell only the next caller
            self._made = errors.CompilationError(f"{type(error).__name__}: {error}")
        self._next_look = 0

    def _swap(self, made: Tier | errors.CompilationError) -> None:
        self._made = None
        if isinstance(made, errors.CompilationError):
            self._stay_eager(FAILED.format(why=made))
            return
        self.tier, self._swapped, self._times = made, True, []
        eager = 1e3 * self._eager_time
        self._tell(SWAPPED.format(calls=self.calls - 1, eager=eager, seconds=made.seconds))

    def _compare(self) -> None:
        """Go back if the compiled program is slower than the eager calls were."""
        self._next_look = math.inf
        compiled = _median(self._times)
        if compiled > 1.05 * self._eager_time:
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
    """Let threads take shorter turns.

    Calls of torch give up the interpreter, and have to get it back from the thread that compiles.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_INTERVAL))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@atexit.register
def _leave() -> None:
    """End the threads that compile: if Python ended around them, C++ would abort the process."""
    left = [thread for thread in list(_threads) if thread.is_alive()]
    for thread in left:
        identity = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(SystemExit))
    end = time.monotonic() + PATIENCE
    for thread in left:
        thread.join(max(0.0, end - time.monotonic()))


def _median(times: Sequence[float]) -> float:
    return float(numpy.median(times))
