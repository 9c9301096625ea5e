"""`Session`: a main loop in a background thread, as a thing to hold: watch, pause and change it.

``session = main_loop.start()`` returns at once and the kernel stays free. Everything asked of a
session becomes a `Command` in the mailbox of the main loop, which is looked at before every batch,
after every epoch and while data sets are evaluated, and costs next to nothing while it is empty;
the thread that trains carries the command out there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

import numpy as np

from workbench import interfaces
from workbench.algorithms import UpdatesAlgorithm
from workbench.errors import SessionError, StateError, WaitInterrupted, WorkbenchError
from workbench.extensions.finish import check_more, planned_batches, planned_epochs
from workbench.interfaces import State
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.openmp import release_workers
from workbench.session import display
from workbench.session.command import Command
from workbench.session.queue import Value
from workbench.session.worker import Worker
from workbench.tensor import SharedVariable
from workbench.utils.attributes import FixedAttributes
from workbench.utils.notices import tell
from workbench.utils.numbers import is_count
from workbench.utils.values import to_python
from workbench.utils.waiting import wait

ALREADY_STARTED = (
    "{session!r} was started before and has ended; its method train(epochs=1) goes on where it is"
)
GOES_ON_ALREADY = "{session!r} was started before and goes on; nothing was changed"
NOT_TO_BE_SAVED = (
    "{session!r} is a thread that trains, which cannot be copied or saved; save its run with the "
    "extension Checkpoint, or at once with session.call(lambda main_loop: dump(main_loop, file)), "
    "dump being that of workbench.serialization"
)
GOES_ON = "wait() was interrupted, training was not: {session!r}. Its method stop() ends it"

_names = itertools.count(1)


class Session(FixedAttributes, interfaces.Session):
    """A main loop running in a background thread, with controls.

    Commands return at once with a `Command` that says what becomes of them. They take effect at
    the boundary between two batches, in the order given; a paused session carries them out at
    once. `pause` is therefore acknowledged within one batch.

    While an extension evaluates a data set, `pause`, `resume` and `step` take effect between its
    batches, and `stop` abandons the evaluation. `set` and `call` never act in the middle of one: if
    training was paused there, the evaluation first goes on to its end, and the pause after it.

    After the end, `train` goes on in the same session.

    Parameters
    ----------
    main_loop : MainLoop
        What to run. ``main_loop.start()`` makes a session and starts it.

    Attributes
    ----------
    main_loop : MainLoop
        What it runs.

    Examples
    --------
    >>> from workbench.main_loop import MainLoop
    >>> class Counter:
    ...     step = 1
    ...     total = 0
    ...     def initialize(self):
    ...         pass
    ...     def process_batch(self, batch):
    ...         self.total += self.step
    >>> main_loop = MainLoop(Counter(), [{"x": [0]}])
    >>> session = main_loop.start()
    >>> session.pause().wait()
    >>> session.state
    <State.PAUSED: 'paused'>
    >>> main_loop.algorithm.total == main_loop.status["iterations_done"]
    True
    >>> session.call(lambda main_loop: setattr(main_loop.algorithm, "step", 0)).wait()
    >>> session.stop()
    <stop: ...>
    >>> session.wait()
    True
    >>> session.state
    <State.FINISHED: 'finished'>
    """

    _called = "session"
    _parts = ("main_loop",)
    _assign = "session.set({path}, {value})"

    def __init__(self, main_loop: MainLoop) -> None:
        self.main_loop = main_loop
        self._name = f"session-{next(_names)}"
        self._worker = Worker(main_loop, self, self._name)
        self._queue = self._worker.queue

    @property
    def name(self) -> str:
        """Unique in this process."""
        return self._name

    @property
    def commands(self) -> list[Command]:
        """Everything asked for so far."""
        return self._queue.commands

    @property
    def exception(self) -> BaseException | None:
        """What ended training, if it failed, with its traceback."""
        return self._worker.exception

    @property
    def note(self) -> str:
        """Why there was nothing to train, if so; else empty."""
        return self._worker.note

    @property
    def runs(self) -> int:
        """How often training began: once, and again whenever `train` went on after the end."""
        return self._worker.runs

    @property
    def log(self) -> TrainingLogBase:
        """The log of the main loop."""
        return self.main_loop.log

    @property
    def state(self) -> State:
        """What the session is doing."""
        return self._worker.state

    @property
    def planned(self) -> Mapping[str, int | None]:
        """The totals of ``epochs`` and ``batches`` after which training ends, where known."""
        loop = self.main_loop
        return {"epochs": planned_epochs(loop), "batches": planned_batches(loop)}

    @property
    def execution(self) -> Mapping[str, str]:
        """The ``tier`` in which batches are processed, and the ``reason``; empty if unknown."""
        algorithm = self.main_loop.algorithm
        run = algorithm.function if isinstance(algorithm, UpdatesAlgorithm) else None
        if run is None:
            return {"tier": "", "reason": ""}
        return {"tier": run.execution.tier.name, "reason": run.execution.described}

    @property
    def views(self) -> list[Mapping[str, Any]]:
        """What the extensions want shown of the run; see `TrainingExtension.views`."""
        return [view for extension in self.main_loop.extensions for view in extension.views()]

    def start(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Start training.

        If it goes on already, nothing happens but a line that says so. If the extensions say that
        training has ended before, nothing is trained, and a line says that.

        Parameters
        ----------
        epochs, batches : int, optional
            Train on this many more; see `train`. By default until the end.

        Raises
        ------
        AlreadyTrainingError
            If this main loop, or something it would train, is being trained by another.
        ArgumentError
            Unless at most one is given, as a number of 1 or more.
        SessionError
            If this session was started before and has ended, or the system gives no thread.
        """
        worker, more = self._worker, self._worker.more(epochs, batches)
        with self._queue.lock:
            if worker.state.ended:
                raise SessionError(ALREADY_STARTED.format(session=self))
            if worker.state is not State.CREATED:
                tell(GOES_ON_ALREADY.format(session=self))
                return
            worker.launch(more)
        worker.tell_note()

    # Commands

    def pause(self) -> Command:
        """Pause between two batches, until `resume`, `step` or `stop`."""
        pause = self._worker.pause
        return self._queue.ask("pause", "pause", pause.begin, then=pause.hold, early=True)

    def resume(self) -> Command:
        """Continue after a pause."""
        return self._queue.ask("resume", "resume", self._worker.pause.resume, early=True)

    def step(self, n: int = 1) -> Command:
        """Train on `n` batches, then pause.

        Raises
        ------
        SessionError
            Unless `n` is a number of 1 or more.
        """
        if not is_count(n):
            raise SessionError(f"a step is 1 or more batches, not {n!r}")
        action = partial(self._worker.pause.step, n)
        return self._queue.ask("step", f"step {n}", action, {"batches": n}, early=True)

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> Command:
        """Train on a number of further epochs or batches, also after the end.

        While training goes on, that is more than are planned, and a pause stays a pause. After the
        end this session goes on, whatever `FinishAfter` says; its extensions see a
        resumption. An epoch of which batches are left counts as one. Where training then ends is
        part of the log's status, so that a run that is resumed goes on to there.
        ``main_loop.start()`` instead goes on to the end that the extensions define.

        Parameters
        ----------
        epochs, batches : int
            How many; exactly one of the two.

        Raises
        ------
        ArgumentError
            Unless exactly one of the two is given, as a number of 1 or more.

        Examples
        --------
        >>> from workbench.extensions import FinishAfter
        >>> from workbench.main_loop import MainLoop
        >>> class Nothing:
        ...     def initialize(self): pass
        ...     def process_batch(self, batch): pass
        >>> finish = FinishAfter(after_n_epochs=5)
        >>> session = MainLoop(Nothing(), [{"x": [1]}], extensions=[finish]).start()
        >>> session.wait()
        True
        >>> session.train(epochs=2)
        <train 2 more epochs: ...>
        >>> session.wait(), session.main_loop
        (True, <MainLoop: 7 iterations, 7 epochs done>)
        """
        check_more(epochs, batches)
        more = partial(self.main_loop.go_on, epochs=epochs, batches=batches)
        number, unit = (epochs, "epoch") if epochs is not None else (batches, "batch")
        plural = "" if number == 1 else "es" if unit == "batch" else "s"
        text = f"train {number} more {unit}{plural}"
        details = {"batches" if unit == "batch" else "epochs": number}
        with self._queue.lock:
            if not self._worker.state.ended:
                return self._queue.ask("train", text, more, details)
            command = self._queue.new("train", text)
            try:
                self._worker.launch(lambda: self._queue.carry_out(command, more, details))
            except WorkbenchError as error:
                command._refuse(str(error), error)
            return command

    def stop(self) -> Command:
        """End training between two batches, in good order.

        It overtakes every `pause`, `resume`, `step` and `train` that was asked for before and has
        not taken effect, which are refused; values given by `set` are assigned and functions given
        to `call` are called first, since they may save what was trained. Fires `on_interrupt`.
        `train` and ``main_loop.start()`` go on from there.
        """
        with self._queue.lock:
            if self._worker.state in (State.RUNNING, State.PAUSED):
                self._worker.state = State.STOPPING
                self._queue.overtake()
            return self._queue.ask("stop", "stop", then=self.main_loop.interrupt, urgent=True)

    def call(self, f: Callable[[MainLoop], Any]) -> Command:
        """Call ``f(main_loop)`` in the thread that trains, between two batches.

        The result is that of the command's `Command.wait`. An error in `f` is the command's, and
        does not harm training.
        """
        name = getattr(f, "__qualname__", None) or repr(f)

        def action() -> Any:
            result = f(self.main_loop)
            self.main_loop.refresh()
            return result

        return self._queue.ask("call", f"call {name}", action)

    def set(self, shared: SharedVariable, value: Any) -> Command:
        """Give a shared variable a new value, between two batches.

        If a schedule drives the variable, the value lasts until that acts the next time; see
        `workbench.extensions.training.SharedVariableModifier.hold` for one that stays.

        Parameters
        ----------
        shared : SharedVariable
            For instance a learning rate.
        value : number or array
            Its new value; copied.
        """
        if not isinstance(shared, SharedVariable):
            raise SessionError(
                f"set() takes a shared variable and its new value, got {shared!r}; the learning "
                "rate of a rule is session.main_loop.algorithm.step_rule.learning_rate"
            )
        given = np.array(to_python(value))
        if given.dtype.kind not in "biufc":
            raise SessionError(f"{shared} must be set to a number or an array, not {value!r}")
        recorded = given.item() if given.ndim == 0 else given
        shown = recorded if given.size <= 4 else f"an array of shape {given.shape}"
        details = {"variable": str(shared), "value": recorded}
        with self._queue.lock:
            command = self._queue.new("set", f"set {shared} = {shown}")
            if self._queue.accepts(command):
                try:
                    shared._checked(given)
                except Exception as error:
                    command._refuse(f"{type(error).__name__}: {error}", error)
                else:
                    self._queue.assign_later(Value(command, shared, given, details))
            return command

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; forever if not given.

        Returns
        -------
        bool
            True if training has ended.

        Raises
        ------
        BaseException
            What made training fail, with the traceback of its thread.
        WaitInterrupted
            If waiting is interrupted; training goes on. It is a `KeyboardInterrupt`.
        SessionError
            If the session was not started, or waits for itself.
        """
        if self._worker.state is State.CREATED:
            raise SessionError(f"{self!r} was not started, so it will never end; call start()")
        if self._worker.is_current_thread:
            raise SessionError(f"{self!r} would wait for itself; use post() of its main loop")
        release_workers()
        try:
            ended = wait(self._worker.ended, timeout)
        except KeyboardInterrupt:
            raise WaitInterrupted(GOES_ON.format(session=self)) from None
        if ended and self.exception is not None:
            raise self.exception.with_traceback(self._worker.traceback)
        if ended:
            self._worker.tell_note()
        return ended

    def __repr__(self) -> str:
        return display.line(self)

    def _repr_html_(self) -> str:
        return display.table(self)

    def __reduce__(self) -> NoReturn:
        """A thread cannot be copied or saved.

        Raises
        ------
        StateError
        """
        raise StateError(NOT_TO_BE_SAVED.format(session=self))
