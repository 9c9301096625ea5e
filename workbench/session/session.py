"""`Session`, which trains a main loop in a background thread under the user's control.

``session = main_loop.start()`` returns immediately and does not block the kernel. Every method that
changes the run puts a `Command` into the mailbox of the main loop. The training thread reads the
mailbox and executes its commands before every batch, after every epoch and during evaluations of
datasets. Reading an empty mailbox takes almost no time.

`workbench.session.editing` and `workbench.session.states` contain the other methods of sessions.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from workbench.algorithms import UpdatesAlgorithm
from workbench.errors import SessionError, StateError, WaitInterrupted, WorkbenchError
from workbench.extensions.finish_after import GOAL
from workbench.extensions.planned_end import check_more, planned_batches, planned_epochs
from workbench.extensions.saveload import checked_path
from workbench.interfaces import State
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.main_loop.processes import check_alone
from workbench.openmp import release_workers
from workbench.session import display
from workbench.session.archives import save_to
from workbench.session.command import Command
from workbench.session.known_sessions import check_name, new_name, remember
from workbench.session.model_tree import model_tree
from workbench.session.near_misses import missing
from workbench.session.states import States
from workbench.session.waits import wait_for_end
from workbench.session.worker import Worker
from workbench.utils.attributes import FixedAttributes
from workbench.utils.live_layer import show_live
from workbench.utils.notices import tell
from workbench.utils.numbers import check_finite, is_count
from workbench.utils.waiting import wait

ALREADY_STARTED = (
    "{session!r} has already run and ended; to continue, call its train(epochs=1) method"
)
RUNS_ALREADY = "{session!r} was already started and is still running; nothing was changed"
NOT_TO_BE_SAVED = (
    "{session!r} has a thread, which cannot be copied or saved; save its main loop with the "
    "Checkpoint extension, or call session.save(path)"
)
WAIT_INTERRUPTED = (
    "wait() was interrupted, but training continues: {session!r}. Call its stop() method to "
    "end training"
)


class Session(FixedAttributes, States):
    """Controller of a main loop that runs in a background thread.

    Each control method immediately returns a `Command`, which later contains the outcome. Commands
    take effect between two batches, in the order of the calls, so `pause` takes effect after at
    most one batch. A paused session executes commands immediately.

    While an extension evaluates a dataset, `pause`, `resume` and `step` take effect between the
    batches of the dataset, and `stop` abandons the evaluation. `set` and `call` wait for the end of
    an evaluation. If they are called during a pause within the evaluation, the evaluation is
    completed first, and the pause continues afterwards.

    After training has ended, call `train` to continue it in the same session.

    Parameters
    ----------
    main_loop : MainLoop
        The main loop to run. ``main_loop.start()`` creates a session and starts it.
    name : str, optional
        The name of the session; by default a numbered name. If a name is given, it is also recorded
        in the status of the log and shown in lists of runs.

    Attributes
    ----------
    main_loop : MainLoop
        The main loop that the session runs.

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

    if not TYPE_CHECKING:  # a type checker would allow any attribute
        __getattr__ = missing

    _called = "session"
    _parts = ("main_loop",)
    _assign = "session.set({path}, {value})"

    def __init__(self, main_loop: MainLoop, name: str | None = None) -> None:
        check_name(name)
        self.main_loop = main_loop
        self._name = new_name() if name is None else name
        self._worker = Worker(main_loop, self, self._name, named=name is not None)
        self._queue = self._worker.queue
        self._lock = threading.Lock()
        self._graph: Any = None  # the graph of the last call to `predict`
        remember(self)

    @property
    def name(self) -> str:
        """The name of the session, which is unique in this process."""
        return self._name

    @property
    def commands(self) -> list[Command]:
        """All commands of the session so far."""
        return self._queue.commands

    @property
    def exception(self) -> BaseException | None:
        """The error that ended training, with its traceback; None if training did not fail."""
        return self._worker.exception

    @property
    def note(self) -> str:
        """The reason why the last run did not train or why a fork is not ready; otherwise empty.

        It also says if another session has continued this run.
        """
        return self._worker.note

    @property
    def runs(self) -> int:
        """The number of runs; each call to `train` after the end of a run starts another run."""
        return self._worker.runs

    @property
    def log(self) -> TrainingLogBase:
        """The log of the main loop."""
        return self.main_loop.log

    @property
    def state(self) -> State:
        """The current state, such as running, paused or finished."""
        return self._worker.state

    @property
    def planned(self) -> Mapping[str, int | None]:
        """The planned total of ``epochs`` and ``batches``; None if not known."""
        loop = self.main_loop
        return {"epochs": planned_epochs(loop), "batches": planned_batches(loop)}

    @property
    def execution(self) -> Mapping[str, str]:
        """The ``tier`` that processes batches and the ``reason`` for it; empty if unknown."""
        algorithm = self.main_loop.algorithm
        run = algorithm.function if isinstance(algorithm, UpdatesAlgorithm) else None
        if run is None:
            return {"tier": "", "reason": ""}
        return {"tier": run.execution.tier.name, "reason": run.execution.described}

    @property
    def model_tree(self) -> list[dict[str, Any]]:
        """The bricks of the model as dictionaries, each with ``children`` and ``parameters``."""
        return model_tree(self.main_loop)

    @property
    def views(self) -> list[Mapping[str, Any]]:
        """The views that the extensions request; see `TrainingExtension.views`."""
        return [view for extension in self.main_loop.extensions for view in extension.views()]

    def start(
        self, *, epochs: int | None = None, batches: int | None = None, paused: bool = False
    ) -> None:
        """Start training.

        If training is already running, this method only prints a message. If training has already
        reached the end that the extensions define, this method prints the reason and does not
        train.

        Parameters
        ----------
        epochs, batches : int, optional
            The number of additional epochs or batches to train; see `train`. By default training
            continues until the planned end.
        paused : bool
            If True, pause before the first batch.

        Raises
        ------
        AlreadyTrainingError
            If this main loop, or one of its parts, is being trained by another run.
        ArgumentError
            If both `epochs` and `batches` are given, or if the given value is not a positive
            integer.
        SessionError
            If this session has already run and ended, or if no thread can be created.
        ProcessError
            If several processes train this main loop together, and no session controls all of them.
        """
        if not self.main_loop._run.mailbox.is_shared:
            check_alone(self.main_loop)
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
        """Pause between two batches, until `resume`, `step` or `stop` is called.

        If the session is already paused, nothing changes.
        """
        pause = self._worker.pause
        return self._queue.ask("pause", "pause", pause.begin, then=pause.hold, early=True)

    def resume(self) -> Command:
        """Continue training after a pause; without a pause, nothing changes.

        Warns
        -----
        SessionWarning
            If other sessions are training; each session causes only one warning.
        """
        self._worker.warn_before_resuming()
        return self._queue.ask("resume", "resume", self._worker.pause.resume, early=True)

    def step(self, n: int = 1) -> Command:
        """Train on `n` batches, then pause.

        The command is applied when the first of these batches begins; `Command.wait` returns when
        the session has paused again, so that the log contains all `n` batches.

        Raises
        ------
        SessionError
            If `n` is not a positive integer.
        """
        if not is_count(n):
            raise SessionError(f"n must be a positive whole number of batches, not {n!r}")
        action = partial(self._worker.pause.step, n)
        return self._queue.ask("step", f"step {n}", action, {"batches": n}, early=True)

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> Command:
        """Train for additional epochs or batches, even after the end of training.

        During training, the given number is added to the planned one; a paused session stays
        paused. After the end, the session trains again, regardless of `FinishAfter`, and
        ``on_resumption`` fires. The remainder of an incomplete epoch counts as one epoch. The new
        end is part of the log's status, so it also applies to resumed runs. In contrast,
        ``main_loop.start()`` without a number does not extend training.

        Parameters
        ----------
        epochs, batches : int
            The number of additional epochs or batches. Pass exactly one of the two.

        Raises
        ------
        ArgumentError
            If neither or both are given, or if the given value is not a positive integer.

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
        number, unit = (epochs, "epoch") if epochs is not None else (batches, "batch")
        plural = "" if number == 1 else "es" if unit == "batch" else "s"
        text = f"train {number} more {unit}{plural}"
        details: dict[str, Any] = {"batches" if unit == "batch" else "epochs": number}

        def more() -> None:
            self.main_loop.go_on(epochs=epochs, batches=batches)
            details["end"] = dict(self.main_loop.status[GOAL])

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
        """End training between two batches.

        Every earlier `pause`, `resume`, `step` and `train` command that has not taken effect is
        refused. Earlier `set` and `call` commands are executed first, since they may, for example,
        save the result. The event ``on_interrupt`` fires. `train` and ``main_loop.start()``
        continue from this point.

        Parameters
        ----------
        save : path, optional
            The file to save to before training ends; see the `save` method. If saving fails,
            training does not end, and the command is refused with the reason.
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

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until training has ended.

        A notice is printed if the session is paused, since it does not end before it is resumed.

        Parameters
        ----------
        timeout : float, optional
            The maximum number of seconds to wait; by default unlimited.

        Returns
        -------
        bool
            True if training has ended.

        Raises
        ------
        BaseException
            The error that ended training, with the traceback of its thread.
        WaitInterrupted
            If waiting is interrupted; training continues. This error is a `KeyboardInterrupt`.
        SessionError
            If the session was not started, or if the training thread calls this method.
        """
        if timeout is not None:
            check_finite(timeout, "timeout", SessionError)
        if self._worker.state is State.CREATED:
            raise SessionError(f"{self!r} was not started, so it cannot end; call start()")
        if self._worker.is_current_thread:
            raise SessionError(f"{self!r} would wait for itself; use main_loop.post() instead")
        release_workers()
        try:
            ended = wait_for_end(self, partial(wait, self._worker.ended), timeout)
        except KeyboardInterrupt:
            raise WaitInterrupted(WAIT_INTERRUPTED.format(session=self)) from None
        if ended and self.exception is not None:
            raise self.exception.with_traceback(self._worker.traceback)
        if ended:
            self._worker.print_note()
        return ended

    def __repr__(self) -> str:
        return display.line(self, self._worker.last)

    def _repr_html_(self) -> str:
        return display.table(self, self._worker.last)

    _ipython_display_ = show_live

    def __reduce__(self) -> NoReturn:
        """Raise an error, because the thread of a session cannot be copied or saved.

        Raises
        ------
        StateError
        """
        raise StateError(NOT_TO_BE_SAVED.format(session=self))
