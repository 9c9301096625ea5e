"""`Session`: a main loop in a background thread, which can be watched, paused and changed.

``session = main_loop.start()`` returns at once and the kernel stays free. Every method that changes
the run puts a `Command` into the mailbox of the main loop. The thread that trains reads the mailbox
before every batch, after every epoch and during evaluations of data sets, and carries the command
out there. An empty mailbox costs next to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from workbench.algorithms import UpdatesAlgorithm
from workbench.errors import SessionError, StateError, WaitInterrupted, WorkbenchError
from workbench.extensions.alerts import Level, alert, check_level
from workbench.extensions.planned_end import check_more, planned_batches, planned_epochs
from workbench.extensions.saveload import checked_path
from workbench.interfaces import State
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.openmp import release_workers
from workbench.session import display
from workbench.session.archives import save_to
from workbench.session.command import Command
from workbench.session.known_sessions import check_name, new_name, remember
from workbench.session.steering import Steering
from workbench.session.worker import Worker
from workbench.utils.attributes import FixedAttributes
from workbench.utils.notices import tell
from workbench.utils.numbers import is_count
from workbench.utils.waiting import wait

ALREADY_STARTED = (
    "{session!r} was started before and has ended; to continue, call its method train(epochs=1)"
)
RUNS_ALREADY = "{session!r} was started before and still runs; nothing was changed"
NOT_TO_BE_SAVED = (
    "{session!r} has a thread, which cannot be copied or saved; save its main loop with the "
    "extension Checkpoint, or at once by session.save(path)"
)
WAIT_INTERRUPTED = (
    "wait() was interrupted, but training continues: {session!r}. Its method stop() ends it"
)


class Session(FixedAttributes, Steering):
    """A main loop running in a background thread, with controls.

    Each control method returns at once with a `Command`, which has its outcome later. Commands take
    effect between two batches, in the order given; a paused session carries them out at once.
    `pause` therefore takes effect within one batch.

    While an extension evaluates a data set, `pause`, `resume` and `step` take effect between its
    batches, and `stop` abandons the evaluation. `set` and `call` wait for the end of an evaluation:
    if training is paused in one, the evaluation runs to its end, and the pause continues after it.

    After the end, `train` continues in the same session.

    Parameters
    ----------
    main_loop : MainLoop
        The main loop to run. ``main_loop.start()`` makes a session and starts it.
    name : str, optional
        The name of the session; numbered if not given.

    Attributes
    ----------
    main_loop : MainLoop
        The main loop that it runs.

    Examples
    --------
    >>> from workbench.main_loop import MainLoop, lease
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

    def __init__(self, main_loop: MainLoop, name: str | None = None) -> None:
        check_name(name)
        self.main_loop = main_loop
        self._name = new_name() if name is None else name
        self._worker = Worker(main_loop, self, self._name)
        self._queue = self._worker.queue
        remember(self)

    @property
    def name(self) -> str:
        """Name of the session, unique in this process."""
        return self._name

    @property
    def commands(self) -> list[Command]:
        """All commands given so far."""
        return self._queue.commands

    @property
    def exception(self) -> BaseException | None:
        """Error that ended training, with its traceback; None if training did not fail."""
        return self._worker.exception

    @property
    def note(self) -> str:
        """Reason why nothing was trained; empty if something was."""
        return self._worker.note

    @property
    def runs(self) -> int:
        """Number of times that training started: once, and once for each `train` after the end."""
        return self._worker.runs

    @property
    def log(self) -> TrainingLogBase:
        """The log of the main loop."""
        return self.main_loop.log

    @property
    def state(self) -> State:
        """Present state: running, paused, finished and so on."""
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
        """Views that the extensions ask for; see `TrainingExtension.views`."""
        return [view for extension in self.main_loop.extensions for view in extension.views()]

    def start(
        self, *, epochs: int | None = None, batches: int | None = None, paused: bool = False
    ) -> None:
        """Start training.

        If training runs already, this only prints a line that says so. If the extensions say that
        training has ended already, nothing is trained, and a line says so.

        Parameters
        ----------
        epochs, batches : int, optional
            Train on this many more; see `train`. By default until the end.
        paused : bool
            Pause before the first batch.

        Raises
        ------
        AlreadyTrainingError
            If another run trains this main loop or a part of it.
        ArgumentError
            If both are given, or one is not a number of 1 or more.
        SessionError
            If this session was started before and has ended, or no thread can be created.
        """
        worker, more = self._worker, self._worker.more(epochs, batches)
        with self._queue.lock:
            if worker.state.ended:
                raise SessionError(ALREADY_STARTED.format(session=self))
            if worker.state is not State.CREATED:
                tell(RUNS_ALREADY.format(session=self))
                return
            worker.launch(more, self.pause if paused else lambda: None)
        worker.print_note()

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
            If `n` is not a number of 1 or more.
        """
        if not is_count(n):
            raise SessionError(f"the number of batches of a step must be 1 or more, not {n!r}")
        action = partial(self._worker.pause.step, n)
        return self._queue.ask("step", f"step {n}", action, {"batches": n}, early=True)

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> Command:
        """Train on a number of further epochs or batches, also after the end.

        During training the number is added to what is planned, and a pause continues. After the
        end this session trains again, whatever `FinishAfter` says, and ``on_resumption`` fires. The
        rest of an incomplete epoch counts as one epoch. The new end is part of the status of the
        log, so it holds for resumed runs. ``main_loop.start()`` instead trains to the end that the
        extensions define.

        Parameters
        ----------
        epochs, batches : int
            The number; exactly one of the two.

        Raises
        ------
        ArgumentError
            If not exactly one of the two is given, as a number of 1 or more.

        Examples
        --------
        >>> from workbench.extensions import FinishAfter
        >>> from workbench.main_loop import MainLoop, lease
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

    def stop(self, *, save: str | os.PathLike[str] | None = None) -> Command:
        """End training between two batches, in an orderly way.

        It overtakes every `pause`, `resume`, `step` and `train` that was given before and has not
        taken effect; these are refused. Values given by `set` are assigned and functions given to
        `call` are called first, since they may save the result. Fires ``on_interrupt``. `train` and
        ``main_loop.start()`` continue from there.

        Parameters
        ----------
        save : path, optional
            Save to this file first, as the method `save` does. If that fails, training does not
            end: the command is refused, and says why.
        """
        worker, details = self._worker, dict[str, Any]()
        template = None if save is None else checked_path(save)
        action = partial(self._save_or_stay, template, details)
        with self._queue.lock:
            if worker.state in (State.RUNNING, State.PAUSED):
                worker.state = State.STOPPING
                self._queue.overtake()
            text = "stop" if template is None else f"save {template} and stop"
            then = self.main_loop.interrupt
            return self._queue.ask("stop", text, action, details, then, urgent=True)

    def _save_or_stay(self, template: str | None, details: dict[str, Any]) -> None:
        if template is None:
            return
        try:
            save_to(self.main_loop, template, details)
        except Exception:
            self._worker.stay()
            raise

    def call(self, f: Callable[[MainLoop], Any]) -> Command:
        """Call ``f(main_loop)`` in the thread that trains, between two batches.

        `Command.wait` returns its result. An error in `f` becomes that of the command, and training
        continues.
        """
        name = getattr(f, "__qualname__", None) or repr(f)

        def action() -> Any:
            result = f(self.main_loop)
            self.main_loop.refresh()
            return result

        return self._queue.ask("call", f"call {name}", action)

    def alert(self, text: str, level: Level = "warning") -> Command:
        """Record an alert, which views show; see `workbench.extensions.alerts`.

        Parameters
        ----------
        text : str
        level : {'info', 'warning', 'error'}

        Raises
        ------
        ArgumentError
            If `level` is not a level.
        """
        check_level(level)
        return self._queue.ask("alert", "alert", partial(alert, self.main_loop, text, level))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended.

        Parameters
        ----------
        timeout : float, optional
            Maximal number of seconds; unlimited if not given.

        Returns
        -------
        bool
            True if training has ended.

        Raises
        ------
        BaseException
            The error that ended training, with the traceback of its thread.
        WaitInterrupted
            If waiting is interrupted; training continues. It is a `KeyboardInterrupt`.
        SessionError
            If the session was not started, or if the thread that trains calls this method.
        """
        if self._worker.state is State.CREATED:
            raise SessionError(f"{self!r} was not started, so it will never end; call start()")
        if self._worker.is_current_thread:
            raise SessionError(f"{self!r} would wait for itself; use post() of its main loop")
        release_workers()
        try:
            ended = wait(self._worker.ended, timeout)
        except KeyboardInterrupt:
            raise WaitInterrupted(WAIT_INTERRUPTED.format(session=self)) from None
        if ended and self.exception is not None:
            raise self.exception.with_traceback(self._worker.traceback)
        if ended:
            self._worker.print_note()
        return ended

    def __repr__(self) -> str:
        return display.line(self)

    def _repr_html_(self) -> str:
        return display.table(self)

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or saved, since a thread cannot be.

        Raises
        ------
        StateError
        """
        raise StateError(NOT_TO_BE_SAVED.format(session=self))
