"""`Session`: a main loop in a background thread, as a thing to hold: watch, pause and change it.

``session = main_loop.start()`` returns at once and the kernel stays free. Everything asked of a
session becomes a `Command` in the mailbox of the main loop, which is looked at before every batch,
after every epoch and while data sets are evaluated, and costs next to nothing while it is empty;
the thread that trains carries the command out there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

import numpy as np

from workbench import interfaces
from workbench.algorithms import UpdatesAlgorithm
from workbench.errors import SessionError, StateError, WaitInterrupted, WorkbenchError
from workbench.extensions.finish import check_more, planned_batches, planned_epochs
from workbench.interfaces import State
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop, lease
from workbench.openmp import release_workers
from workbench.session import display
from workbench.session.branch import Branch, interventions
from workbench.session.command import Command
from workbench.session.hyperparameters import (
    Hyperparameter,
    hyperparameters,
    modifier_of,
    path_in,
    variable_of,
)
from workbench.session.queue import LATER, Refused, Value
from workbench.session.replay import Replay, thread_note
from workbench.session.snapshots import Snapshot
from workbench.session.worker import Worker
from workbench.tensor import SharedVariable
from workbench.utils.attributes import FixedAttributes
from workbench.utils.notices import tell
from workbench.utils.plain import is_count
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

TAKEN = "another session that runs is called {name!r}; give this one another name"

_names = itertools.count(1)


def check_name(name: object) -> None:
    """Refuse a name of a session that is not text, or that of another one that runs.

    Raises
    ------
    SessionError
    """
    if name is not None and (not isinstance(name, str) or not name):
        raise SessionError(f"the name of a session must be text, not {name!r}")
    if any(name == session.name for session in lease.sessions()):
        raise SessionError(TAKEN.format(name=name))


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
    name : str, optional
        Tells it from other sessions; numbered if not given.

    Attributes
    ----------
    main_loop : MainLoop
        What it runs.

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
        self._name = f"session-{next(_names)}" if name is None else name
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

    def start(
        self, *, epochs: int | None = None, batches: int | None = None, paused: bool = False
    ) -> None:
        """Start training.

        If it goes on already, nothing happens but a line that says so. If the extensions say that
        training has ended before, nothing is trained, and a line says that.

        Parameters
        ----------
        epochs, batches : int, optional
            Train on this many more; see `train`. By default until the end.
        paused : bool
            Pause before the first batch.

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
            worker.launch(more, self.pause if paused else lambda: None)
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

    def snapshot(self, name: str = "snapshot") -> Command:
        """Keep the present state of training in memory, before those taken on the way.

        Parameters
        ----------
        name : str
            Why it is kept.
        """
        rewinder = self._worker.rewinder
        return self._queue.ask("snapshot", name, lambda: rewinder.take(name).iteration)

    def rewind(self, iteration: int, *, branch: str | None = None) -> Command:
        """Bring training back to where `iteration` batches were done, and pause there.

        The last snapshot before is loaded, and the batches in between are trained on once more,
        which gives the same numbers as the first time; extensions are called again meanwhile.
        Interventions made at `iteration` itself are not part of it. What followed stays, in memory
        and in the database of an `SQLiteLog`, as a branch. Also after the end of a run.

        Parameters
        ----------
        iteration : int
        branch : str, optional
            A name among `branches`; the present one if not given.

        Raises
        ------
        SessionError
            Unless `iteration` is a number of 0 or more.
        """
        if not is_count(iteration) and iteration != 0:
            raise SessionError(f"iteration must be a number of 0 or more, not {iteration!r}")
        of = "" if branch is None else f" of {branch}"
        return self._go_back("rewind", f"rewind to {iteration:,}{of}", iteration, branch)

    def fork(
        self, iteration: int | None = None, *, branch: str | None = None, name: str | None = None
    ) -> Session:
        """Start a second session from a point of this one, paused there; this one goes on.

        The new one has a copy of the main loop, with parameters, extensions and a log of its own;
        the two share only the data sets. It is there once the batches between the last snapshot and
        `iteration` were trained on, which takes a while.

        Parameters
        ----------
        iteration : int, optional
            By default the present one, or the end of `branch`.
        branch : str, optional
            A name among `branches`; the present one if not given.
        name : str, optional
            The name of the new session.

        Returns
        -------
        Session

        Raises
        ------
        SessionError
            If `iteration` is not done yet or cannot be reached exactly, or the main loop cannot be
            copied.
        """
        if iteration is not None and not is_count(iteration) and iteration != 0:
            raise SessionError(f"iteration must be a number of 0 or more, not {iteration!r}")
        rewinder, worker = self._worker.rewinder, self._worker
        with self._queue.lock:
            ended = worker.state.ended
            command = (
                None
                if ended
                else self._queue.ask("fork", "fork", lambda: rewinder.fork(iteration, branch))
            )
        try:
            copy, at = rewinder.fork(iteration, branch) if command is None else command.wait()
        except Refused as refusal:
            raise SessionError(f"fork: refused: {refusal}") from None
        new = Session(copy, name)
        new._begin_at(at, f"fork of {self.name} at {at:,}")
        return new

    def _begin_at(self, iteration: int, branch: str) -> None:
        worker = self._worker
        more = None if worker.nothing_to_do is None else lambda: None
        with self._queue.lock:
            worker.launch(more, lambda: worker.rewinder.begin_at(iteration, branch), warns=False)

    def replay(
        self,
        source: TrainingLogBase | Iterable[Mapping[str, Any]],
        *,
        functions: Mapping[str, Callable[[MainLoop], Any]] | None = None,
    ) -> Command:
        """Make the interventions of another run in this one, each at its iteration.

        A main loop made by the same code, with the same seeds, in one tier and with one number of
        threads, gives the same numbers as that run, to the last bit.

        Parameters
        ----------
        source : TrainingLogBase or iterable of mapping
            The log of the other run, or its `interventions`.
        functions : mapping, optional
            The functions that were called there by `call`, by their names: a log cannot keep them.

        Returns
        -------
        Command
            Applied at the iteration of the last intervention.

        Raises
        ------
        SessionError
            If an intervention cannot be made here; nothing was changed then.

        Examples
        --------
        >>> again = main_loop.start(paused=True)  # doctest: +SKIP
        >>> again.replay(session.log)  # doctest: +SKIP
        >>> again.resume()  # doctest: +SKIP
        """
        replay = Replay(self.main_loop, source, functions or {})
        note = thread_note(source)
        if note is not None:
            tell(note)

        def action() -> object:
            replay.check(self.log.status["iterations_done"])
            replay.begin(self._queue, command)
            return LATER

        with self._queue.lock:
            command = self._queue.ask("replay", f"replay {len(replay)} interventions", action)
            return command

    def undo(self) -> Command:
        """Bring training back to where it was before the last intervention, and pause there.

        Interventions are what `set` and `call` have done, and rewinds. What followed stays as a
        branch.
        """
        return self._go_back("undo", "undo")

    def _go_back(self, kind: str, text: str, *where: Any) -> Command:
        rewinder, hold = self._worker.rewinder, self._worker.pause.hold

        def action() -> object:
            if kind == "undo":
                return rewinder.undo(command, self.commands)
            return rewinder.rewind(command, *where)

        with self._queue.lock:
            if not self._worker.state.ended:
                command = self._queue.ask(kind, text, action, then=hold)
                return command
            command = self._queue.new(kind, text)
            try:
                self._worker.launch(lambda: self._queue.carry_out(command, action, {}, hold))
            except WorkbenchError as error:
                command._refuse(str(error), error)
            return command

    @property
    def branches(self) -> list[Branch]:
        """The ways that training went; the last one is the present one."""
        return list(self._worker.rewinder.branches)

    @property
    def snapshots(self) -> list[Snapshot]:
        """The states of training that are kept in memory, by iteration."""
        return list(self._worker.rewinder.ring)

    @property
    def interventions(self) -> list[dict[str, Any]]:
        """What was asked of this run and took effect, by iteration, from the log."""
        return interventions(self.log)

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

    def set(self, shared: SharedVariable | str, value: Any) -> Command:
        """Give a shared variable a new value, between two batches.

        If a schedule drives the variable, the value lasts until that acts the next time; see `hold`
        for one that stays.

        Parameters
        ----------
        shared : SharedVariable or str
            For instance a learning rate; or its name, or one of the paths of `hyperparameters`.
        value : number or array
            Its new value; copied.

        Raises
        ------
        SessionError
            If there is no such variable, or `value` is not a number or an array.
        """
        if not isinstance(shared, (SharedVariable, str)):
            raise SessionError(
                f"set() takes a shared variable and its new value, got {shared!r}; the learning "
                "rate of a rule is session.main_loop.algorithm.step_rule.learning_rate"
            )
        shared = variable_of(self.main_loop, shared)
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

    def hold(self, shared: SharedVariable | str, value: Any = None) -> Command:
        """Have the schedule that drives a variable leave it alone, until `release`.

        Parameters
        ----------
        shared : SharedVariable or str
        value : number or array, optional
            What to assign first; the variable keeps its value if not given.

        Raises
        ------
        SessionError
            If there is no such variable, or no schedule drives it.
        """
        variable = variable_of(self.main_loop, shared)
        modifier = modifier_of(self.main_loop, variable, "hold")
        to = "" if value is None else f" at {value}"
        details = {"variable": str(variable), "path": path_in(self.main_loop, variable)}
        if value is not None:
            variable._checked(np.array(to_python(value)))
            details["value"] = to_python(value)
        action = partial(modifier.hold, value)
        return self._queue.ask("hold", f"hold {variable}{to}", action, details)

    def release(self, shared: SharedVariable | str) -> Command:
        """Have the schedule that drives a variable act again, from its next turn on.

        Parameters
        ----------
        shared : SharedVariable or str

        Raises
        ------
        SessionError
            If there is no such variable, or no schedule drives it.
        """
        variable = variable_of(self.main_loop, shared)
        modifier = modifier_of(self.main_loop, variable, "release")
        details = {"variable": str(variable), "path": path_in(self.main_loop, variable)}
        return self._queue.ask("release", f"release {variable}", modifier.release, details)

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """The numbers that may be changed while training, with their values and bounds."""
        return hyperparameters(self.main_loop)

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
