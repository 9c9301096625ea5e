"""`Execution`, which chooses the tier that a function runs in, and may change it later.

``auto`` starts in the eager tier and measures the duration of some calls. If compilation is
expected to save more time in the remaining calls than it takes, a background thread compiles the
program. The next call after the compilation uses the compiled program, so the tier changes between
two batches, and no call waits for the compiler. If the compiled program is slower, the function
returns to the eager tier. A change is reported in the thread that calls the function.
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
from workbench.tensor.execution.course import Course, tier_in
from workbench.tensor.execution.memory import keep_memory
from workbench.tensor.execution.task import Run, Task
from workbench.tensor.execution.threads import Threads
from workbench.tensor.execution.tier import TIERS, Tier

Mode = Literal["auto", "eager", "compiled"]
MODES: tuple[Mode, ...] = ("auto", "eager", "compiled")

SAMPLE_EVERY = 16
"""Number of calls from one timed call to the next."""
SAMPLES = 8
"""Number of timed calls before a decision about compilation is made."""
EXPECTED_SAVING = 1 / 3
"""Fraction of the time of an eager call that compilation is assumed to save."""
SECONDS = 6.0
SECONDS_AN_OPERATION = 0.05
"""Assumed compilation time in seconds: a fixed part, plus a time per operation."""
SWITCH_INTERVAL = 2e-4
"""Seconds until a thread must release the interpreter lock during a compilation."""

PATIENCE = 20.0
"""Maximum time in seconds to wait for a compiler to stop when the process exits."""

SWAPPED = (
    "after {calls} eager calls of {eager:.3g} ms each; compilation took {seconds:.1f} s in "
    "the background"
)
SLOWER = "a compiled call took {compiled:.3g} ms, but an eager call took {eager:.3g} ms"
FAILED = "it cannot be compiled ({why})"
NOT_YET = "compilation has not been worthwhile so far"
CANNOT = (
    "{name} runs eagerly, since it cannot be compiled: {why}. Pass execution='eager' if this is "
    "intended"
)


_turn = threading.Lock()
"""Lock that allows only one thread to compile in the background."""
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class Execution:
    """Object that chooses a tier for the task of one function, and runs the task in this tier.

    Parameters
    ----------
    task : Task
    mode : str
        ``'auto'`` or the requested tier, which is a key of `TIERS`.
    name : str
        The name of the function, for messages.

    Attributes
    ----------
    tier : Tier
    threads : Threads
        The object that chooses the number of threads for a call.
    calls : int
        The number of calls so far.
    reason : str
        The reason for the current tier.
    calls_left : callable or None
        A function that returns the number of remaining calls. If this number is unknown, it is
        assumed to equal the number of calls so far.
    report : callable or None
        A function that is called with `described` when the tier changes, or when the eager tier
        becomes final.

    Examples
    --------
    >>> from workbench import function, tensor
    >>> x = tensor.vector("x")
    >>> double = function([x], x * 2, execution="eager")
    >>> isinstance(double.execution, Execution), double.execution.described
    (True, 'eager: requested')
    """

    def __init__(self, task: Task, mode: str, name: str) -> None:
        keep_memory()
        self.task = task
        self.mode = mode
        self.name = name
        self.threads = Threads(task)
        self.tier: Tier = TIERS["eager"](task, self.threads)
        self._eager = self.tier
        self._compiled: Tier | None = None
        self._course: Course | None = None
        self._chosen = self.tier, ""  # the tier and reason to restore after a course
        self.reason = "requested" if mode != "auto" else ""
        self.calls = 0
        self.calls_left: Callable[[], float | None] | None = None
        self.report: Callable[[str], object] | None = None
        self.thread: threading.Thread | None = None
        self.examples: list[tuple[int, ...]] = []
        # `find` runs for every batch, so one comparison of numbers skips all decisions.
        self._next_look = {"auto": SAMPLE_EVERY, "eager": math.inf}.get(mode, 1)
        self._grouped = False
        self._may_change = True
        self._times: list[float] = []
        self._eager_time = math.nan
        self._made: Tier | errors.CompilationError | None = None
        self._swapped = False

    def find(self, sizes: tuple[int, ...]) -> Run:
        """Return the function to call next, for inputs with these `sizes`."""
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
        """The tier and the reason for it, as text."""
        return f"{self.tier.name}: {self.reason or NOT_YET}"

    def state(self) -> list[tuple[int, ...]]:
        """Return the sizes that have compiled programs; these programs determine the rounding."""
        return self.tier.state() or list(self.examples)

    def programs(self) -> list[tuple[int, ...]]:
        """Return the input sizes that have programs, even while the eager tier is used."""
        return self.state() if self._compiled is None else self._compiled.state()

    def follow(self, course: Course) -> None:
        """Use the tiers of `course` until it ends, unless a tier was requested."""
        if self.mode == "auto":
            if self._course is None:
                self._chosen = self.tier, self.reason
            self._course, self._next_look = course, 0

    def begin_group(self) -> None:
        """Process the following calls in one tier: only the next call can change the tier.

        Until this method is called for the first time, every call can change the tier.
        """
        self._grouped = self._may_change = True
        if self.mode == "auto" and self._next_look < math.inf:
            self._next_look = 0

    def _make_now(self, sizes: tuple[int, ...]) -> None:
        # Examples from a checkpoint may belong to a task with other inputs, if the monitored
        # variables have changed since.
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
        """Switch to a new tier if it is ready, decide whether to compile, and time the call."""
        if self._course is not None and self._keep_to(self._course, sizes):
            return self.tier.find(sizes)
        self._next_look = self.calls + SAMPLE_EVERY
        may_change, self._may_change = self._may_change, not self._grouped
        if self._made is not None:
            if may_change:
                self._swap(self._made)
        elif len(self._times) >= SAMPLES:
            if self._swapped:
                if may_change:
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

    def _keep_to(self, course: Course, sizes: tuple[int, ...]) -> bool:
        """Enter the tier that the course prescribes; return False if the course has ended."""
        now = course.now()
        if now >= course.end:
            self._course = None
            if self.tier is not self._chosen[0]:
                self.tier, reason = self._chosen
                self._tell(reason)
            return False
        iteration, text = course.at(now) or (None, "eager: ")
        try:
            self.tier = self._eager if tier_in(text) == "eager" else self._program(course, sizes)
        except errors.CompilationError as error:
            self._course, self.tier = None, self._eager
            self._tell(FAILED.format(why=error))
            return False
        self.reason = text.partition(": ")[2]
        if iteration == now and self.report is not None:
            self.report(text)
        return True

    def _program(self, course: Course, sizes: tuple[int, ...]) -> Tier:
        """Return the compiled tier; create it first if this function was never compiled."""
        if self._compiled is None:
            if isinstance(self._made, errors.CompilationError):
                raise self._made
            known = [example for example in course.sizes if len(example) == len(sizes)]
            made = self._made or TIERS["compiled"](
                self.task, self.threads, known or [sizes], on_demand=False
            )
            self._made, self._compiled, self._swapped, self._times = None, made, True, []
            last = course.changes[-1][1]
            if tier_in(last) != "eager":
                self._chosen = made, last.partition(": ")[2]
        return self._compiled

    def _pays(self) -> bool:
        left = None if self.calls_left is None else self.calls_left()
        left = self.calls if left is None else left
        nodes = len(self.task.program.module.graph.nodes)
        saved = _median(self._times) * EXPECTED_SAVING * left
        return saved > SECONDS + SECONDS_AN_OPERATION * nodes

    def _compile_later(self, sizes: tuple[int, ...]) -> None:
        # Reference for `_compare`, measured before compilation slows calls down.
        self._eager_time = _median(self._times)
        self.reason = "while a background thread compiles"
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
        except Exception as error:  # this thread has no caller: let the next call report it
            self._made = errors.CompilationError(f"{type(error).__name__}: {error}")
        self._next_look = 0  # the next call uses the result

    def _swap(self, made: Tier | errors.CompilationError) -> None:
        self._made = None
        if isinstance(made, errors.CompilationError):
            self._stay_eager(FAILED.format(why=made))
            return
        # Later durations belong to the compiled program, for `_compare`.
        self.tier = self._compiled = made
        self._swapped, self._times = True, []
        eager = 1e3 * self._eager_time
        self._tell(SWAPPED.format(calls=self.calls - 1, eager=eager, seconds=made.seconds))

    def _compare(self) -> None:
        """Return to the eager tier if the compiled program is slower."""
        self._next_look = math.inf
        compiled = _median(self._times)
        if compiled > 1.05 * self._eager_time:  # 5 % tolerance for noise
            self.tier = self._eager
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
    """Shorten the time that a thread can hold the interpreter lock (the GIL).

    Every torch call releases the lock, and must then wait until the compiling thread releases it.
    With Python's default switch interval, training would wait 5 ms for each call.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_INTERVAL))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@atexit.register
def _leave() -> None:
    """End compiler threads; the C++ runtime aborts the process if Python exits while they run."""
    left = [thread for thread in list(_threads) if thread.is_alive()]
    for thread in left:
        identity = ctypes.c_ulong(thread.ident or 0)
        # Python has no other way to stop a thread. The call takes effect at the next bytecode, not
        # within C++ code, so the thread is joined below.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(SystemExit))
    end = time.monotonic() + PATIENCE
    for thread in left:
        thread.join(max(0.0, end - time.monotonic()))


def _median(times: Sequence[float]) -> float:
    return float(numpy.median(times))
