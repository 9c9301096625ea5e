"""A main loop in a background thread, as a thing to hold: watch it, pause it, change it.

``session = main_loop.start()`` returns at once and the kernel stays free. Everything asked of a
session becomes a `Command` in the mailbox of the main loop, which is looked at before every batch,
after every epoch and while data sets are evaluated, and costs next to nothing while it is empty;
the thread that trains carries the command out there. Pausing is waiting for the next letter at
that place.

What was done to a run is recorded, at the iteration where it took effect, under the name
``interventions``: a tuple of mappings with ``id``, ``command``, ``text`` and, for `Session.set`,
``variable`` and ``value``.

However many commands wait, each costs the thread that trains the same small time: values given to
one variable, one after the other, are one assignment, and `Session.stop` overtakes what only the
training to come would need.
"""

from __future__ import annotations

import atexit
import contextvars
import html
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch

from workbench import running as registry
from workbench.commands import Command
from workbench.errors import (
    SessionError,
    SessionWarning,
    StateError,
    TrainingFinish,
    WaitInterrupted,
    WorkbenchError,
)
from workbench.extensions.finish import check_more
from workbench.hints import hinted
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.names import explain_missing
from workbench.openmp import release_workers, release_workers_after_cells
from workbench.utils.attributes import FixedAttributes
from workbench.utils.notices import remark, tell
from workbench.utils.plain import is_count
from workbench.utils.values import to_python
from workbench.utils.waiting import wait

if TYPE_CHECKING:
    from workbench.tensor.shared import SharedVariable

__all__ = ["Command", "Session", "State", "running"]

logger = logging.getLogger(__name__)

RECORD = "interventions"
EXIT_TIMEOUT = 5.0
"""Seconds that all sessions together may take to stop when Python exits."""

FREELY_RECORDED = 1000
"""Interventions of one row, up to which each new one is in the log as soon as it is settled."""

ALREADY_STARTED = (
    "{session!r} was started before and has ended; its method train(epochs=1) goes on where it is"
)
GOES_ON_ALREADY = "{session!r} was started before and goes on; nothing was changed"
NO_THREAD = (
    "{name} needs a thread to train in, and the system gives none ({error}). Nothing was changed: "
    "end some threads or programs, then call start() again, or train in this thread by "
    "main_loop.run()"
)
OF_THE_PARENT = (
    "{name} trains in the process {owner}, from which this process, {pid}, was forked without its "
    "thread; here it cannot be waited for or steered"
)
OVERTAKEN = "stop came before it took effect"
ENDED = "the run has {state}; train(epochs=1) goes on with it"
ANOTHER = (
    "{others} {is_} training too, and {shares} the machine with {session}. "
    "workbench.session.running() has all sessions by name"
)
NOT_TO_BE_SAVED = (
    "{session!r} is a thread that trains, which cannot be copied or saved; save its run with the "
    "extension Checkpoint, or at once with session.call(lambda main_loop: dump(main_loop, file)), "
    "dump being that of workbench.serialization"
)
GOES_ON = "wait() was interrupted, training was not: {session!r}. Its method stop() ends it"

_names = itertools.count(1)


class State(StrEnum):
    """What a session is doing."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self in (State.FINISHED, State.FAILED)


@hinted
def running() -> dict[str, Session]:
    """Return the sessions that are training now, paused ones included, by name.

    The way back to a session whose variable was overwritten.

    Examples
    --------
    >>> for session in running().values():
    ...     _ = session.stop()
    """
    return {session.name: session for session in registry.sessions()}


@dataclass(frozen=True, slots=True, eq=False)
class _Value:
    """A value for a shared variable, and the command that gave it."""

    command: Command
    shared: SharedVariable
    value: np.ndarray[Any, Any]
    details: dict[str, Any]


class Session(FixedAttributes):
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
    name : str
        Unique in this process.
    commands : list of Command
        Everything asked for so far.
    exception : BaseException or None
        What ended training, if it failed, with its traceback.
    note : str
        Why there was nothing to train, if so; else empty.
    runs : int
        How often training began: once, and again whenever `train` went on after the end.

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
        self.name = f"session-{next(_names)}"
        self.commands: list[Command] = []
        self.exception: BaseException | None = None
        self.note = ""
        self.runs = 0
        self._state = State.CREATED
        self._lock = threading.RLock()  # over the state and the list of commands
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._paused = False
        self._step: object = None
        self._traceback: TracebackType | None = None
        self._settled = 0  # all commands before this index are
        self._stop = 0  # the id of the last stop
        self._values: list[_Value] | None = None  # the last letter, if values may join it
        self._unrecorded: list[tuple[int, dict[str, Any]]] = []
        self._record_posted = False
        self._untold = ""

    @property
    def log(self) -> TrainingLogBase:
        """The log of the main loop."""
        return self.main_loop.log

    @property
    def state(self) -> State:
        """What the session is doing."""
        return self._state

    def start(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Start training.

        If it goes on already, nothing happens but a line that says so. If the extensions say that
        training has ended before, nothing is trained, and a line says that.

        Parameters
        ----------
        epochs, batches : int, optional
            Train on so many more; see `train`. By default until the end.

        Raises
        ------
        AlreadyTrainingError
            If this main loop, or something it would train, is being trained by another.
        ArgumentError
            If both are given, or one is no number of 1 or more.
        SessionError
            If this session was started before and has ended, or the system gives no thread.
        """
        more = self.main_loop._more(epochs, batches)
        with self._lock:
            if self._state.ended:
                raise SessionError(ALREADY_STARTED.format(session=self))
            if self._state is not State.CREATED:
                tell(GOES_ON_ALREADY.format(session=self))
                return
            self._launch(more)
        self._tell_note()

    def _tell_note(self) -> None:
        text, self._untold = self._untold, ""
        if text:
            tell(text)

    def _launch(self, more: Callable[[], None] | None) -> None:
        """Begin a run in a thread of its own; under the lock. If that fails nothing is changed."""
        others = registry.sessions()
        claim = registry.Claim(self.main_loop, self)
        before = self._state, self._thread
        try:
            self._set_note(self.main_loop._nothing_to_do() if more is None else None)
            if self.note:
                claim.release()
                self._state = State.FINISHED
                self._ended.set()
                return
            self._warn_of(others)
            self.exception = self._traceback = None
            self.runs += 1
            release_workers()  # this thread's, which would slow down the new one
            release_workers_after_cells()
            self._thread = threading.Thread(
                target=contextvars.copy_context().run,
                args=(self._run, claim, more),
                name=self.name,
                daemon=True,
            )
            self._state = State.RUNNING
            self._ended.clear()
            self._thread.start()
        except BaseException as error:
            self._state, self._thread = before
            if self._state.ended:
                self._ended.set()
            claim.release()
            if isinstance(error, RuntimeError) and not isinstance(error, WorkbenchError):
                raise SessionError(NO_THREAD.format(name=self.name, error=error)) from error
            raise

    def _set_note(self, note: str | None) -> None:
        self.note = self._untold = note or ""

    def _warn_of(self, others: list[Session]) -> None:
        if not others:
            return
        several = len(others) > 1
        text = ANOTHER.format(
            others=", ".join(map(repr, others)),
            is_="are" if several else "is",
            shares="share" if several else "shares",
            session=self.name,
        )
        remark(text, SessionWarning, stacklevel=5)

    # Commands

    def pause(self) -> Command:
        """Pause between two batches, until `resume`, `step` or `stop`."""
        return self._ask("pause", "pause", self._pause, then=self._hold, early=True)

    def resume(self) -> Command:
        """Go on after a pause."""
        return self._ask("resume", "resume", self._resume, early=True)

    def step(self, n: int = 1) -> Command:
        """Train on `n` batches, then pause.

        Raises
        ------
        SessionError
            If `n` is no number of batches.
        """
        if not is_count(n):
            raise SessionError(f"a step is 1 or more batches, not {n!r}")
        return self._ask("step", f"step {n}", lambda: self._go(n), {"batches": n}, early=True)

    def train(self, epochs: int | None = None, *, batches: int | None = None) -> Command:
        """Train on so many more epochs or batches, also after the end.

        While training goes on, that is more than are planned, and a pause stays a pause. After the
        end this session goes on, whatever `FinishAfter` says; its extensions hear of it as of a
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
        with self._lock:
            if not self._state.ended:
                return self._ask("train", text, more, details)
            command = self._new("train", text)
            try:
                self._launch(lambda: self._carry_out(command, more, details))
            except WorkbenchError as error:
                command._refuse(str(error), error)
            return command

    def stop(self) -> Command:
        """End training between two batches, in good order.

        It overtakes every `pause`, `resume`, `step` and `train` that was asked for before and has
        not taken effect, which are refused; values given by `set` are assigned and functions given
        to `call` are called first, since they may save what was trained. Extensions hear of it as
        of an interrupt. `train` and ``main_loop.start()`` go on from there.
        """
        with self._lock:
            if self._state in (State.RUNNING, State.PAUSED):
                self._state = State.STOPPING
                self._stop = len(self.commands) + 1
            return self._ask("stop", "stop", then=self.main_loop.interrupt, urgent=True)

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

        return self._ask("call", f"call {name}", action)

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
        from workbench.tensor import SharedVariable

        if not isinstance(shared, SharedVariable):
            raise SessionError(
                f"set() takes a shared variable and its new value, got {shared!r}; the learning "
                "rate of a rule is session.main_loop.algorithm.step_rule.learning_rate"
            )
        given = np.array(to_python(value))
        if given.dtype.kind not in "biufc":
            raise SessionError(f"{shared} holds numbers, and {value!r} is none")
        recorded = given.item() if given.ndim == 0 else given
        shown = recorded if given.size <= 4 else f"an array of shape {given.shape}"
        details = {"variable": str(shared), "value": recorded}
        with self._lock:
            command = self._new("set", f"set {shared} = {shown}")
            if self._takes(command):
                try:
                    shared._checked(given)
                except Exception as error:
                    command._refuse(f"{type(error).__name__}: {error}", error)
                else:
                    self._assign_later(_Value(command, shared, given, details))
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
            Whether training has ended.

        Raises
        ------
        BaseException
            What made training fail, with the traceback of its thread.
        WaitInterrupted
            If waiting is interrupted; training goes on. It is a `KeyboardInterrupt`.
        SessionError
            If the session was not started, or waits for itself.
        """
        if self._state is State.CREATED:
            raise SessionError(f"{self!r} was not started, so it will never end; call start()")
        if threading.current_thread() is self._thread:
            raise SessionError(f"{self!r} would wait for itself; use post() of its main loop")
        release_workers()
        try:
            ended = wait(self._ended, timeout)
        except KeyboardInterrupt:
            raise WaitInterrupted(GOES_ON.format(session=self)) from None
        if ended and self.exception is not None:
            raise self.exception.with_traceback(self._traceback)
        if ended:
            self._tell_note()
        return ended

    # In the thread that trains

    def _run(self, claim: registry.Claim, more: Callable[[], None] | None) -> None:
        # OpenMP has a number of threads for every thread; asking makes torch set it in this one
        torch.get_num_threads()
        again = self._train(claim, more)
        while again is not None:
            again = self._train(claim, again)
        self._ended.set()

    def _train(
        self, claim: registry.Claim, first: Callable[[], None] | None
    ) -> Callable[[], None] | None:
        """Train until the end; return what begins another run, if that was asked for meanwhile."""
        state = State.FINISHED
        try:
            self._set_note(self.main_loop._train(first))
        except BaseException as error:
            state = State.FAILED
            self.exception, self._traceback = error, error.__traceback__
            logger.error(
                "%s failed after %d iterations: %s: %s; its wait() raises the error with its "
                "traceback, and its log has everything up to there",
                self.name,
                self.main_loop.status["iterations_done"],
                type(error).__name__,
                error,
            )
        try:
            self._record()
        except Exception:  # of the log; the session must end all the same
            logger.exception("%s could not record its last interventions", self.name)
        with self._lock:
            self._values, self._paused, self._step = None, False, None
            left = [command for command in self.commands[self._settled :] if not command.done]
            more = [c for c in left if c.kind == "train" and not self._overtaken(c)]
            if state is State.FINISHED and more:
                self._state = State.RUNNING
                self.runs += 1
            else:
                more = []
                claim.release()
                self._state = state
            for command in left:
                if command not in more:
                    command._refuse(ENDED.format(state=state))
            return partial(_carry_out_all, more) if more else None

    def _new(self, kind: str, text: str) -> Command:
        command = Command(len(self.commands) + 1, kind, text)
        self.commands.append(command)
        return command

    def _takes(self, command: Command) -> bool:
        """Return whether this can be asked of the session now; else refuse it."""
        if self._state is State.CREATED:
            command._refuse("the session was not started")
        elif self._state.ended:
            command._refuse(ENDED.format(state=self._state))
        else:
            assert self._thread is not None
            command._applier = self._thread.ident
        return not command.done

    def _ask(
        self,
        kind: str,
        text: str,
        action: Callable[[], Any] = lambda: None,
        details: dict[str, Any] | None = None,
        then: Callable[[], None] = lambda: None,
        *,
        early: bool = False,
        urgent: bool = False,
    ) -> Command:
        """Queue a command: `action` decides what becomes of it, `then` is what follows."""

        def carry_out() -> None:
            self._carry_out(command, action, details or {}, then)

        def carry_out_early() -> bool:
            if not self._settled_before(command.id):
                return False  # one that was given before waits for the boundary
            carry_out()
            return True

        with self._lock:
            command = self._new(kind, text)
            if self._takes(command):
                self._values = None
                command._carry_out = carry_out
                self.main_loop.post(
                    carry_out, early=carry_out_early if early else None, urgent=urgent
                )
        return command

    def _assign_later(self, value: _Value) -> None:
        """Post a letter with `value`, or let it join the one that was posted last."""
        if self._values is None:
            self._values = []
            self.main_loop.post(partial(self._give_values, self._values))
        self._values.append(value)

    def _give_values(self, values: list[_Value]) -> None:
        """Assign to each variable the last value given to it, and say so of those before."""
        with self._lock:
            if self._values is values:
                self._values = None  # what comes now begins another letter
        done = self.main_loop.status["iterations_done"]
        last: dict[SharedVariable, Command] = {}
        assigned, replaced = [], []
        for value in reversed(values):
            if value.command.done:  # refused when a run ended
                continue
            if value.shared in last:
                replaced.append(value)
                continue
            try:
                value.shared.set_value(value.value)
            except Exception as error:
                value.command._refuse(f"{type(error).__name__}: {error}", error)
            else:
                last[value.shared] = value.command
                assigned.append(value)
        for value in reversed(assigned):
            self._document(value.command, value.details)
        for value in reversed(replaced):
            value.command._replace(done, last[value.shared])
        for value in reversed(assigned):
            value.command._apply(done)

    def _carry_out(
        self,
        command: Command,
        action: Callable[[], Any],
        details: dict[str, Any],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        if command.done:  # refused when a run ended
            return
        if self._overtaken(command):
            command._refuse(OVERTAKEN)
            return
        done = self.main_loop.status["iterations_done"]
        try:
            result = action()
        except TrainingFinish:
            self._document(command, details)
            command._apply(done)
            raise
        except _Refused as refusal:
            command._refuse(str(refusal))
        except Exception as error:
            command._refuse(f"{type(error).__name__}: {error}", error)
        else:
            self._document(command, details)
            command._apply(done, result)
            then()

    def _overtaken(self, command: Command) -> bool:
        """Return whether training ends before this command could make sense."""
        return command.id < self._stop and command.kind in ("pause", "resume", "step", "train")

    def _settled_before(self, id: int) -> bool:
        """Return whether all commands with lower numbers are settled."""
        commands = self.commands
        while self._settled < len(commands) and commands[self._settled].done:
            self._settled += 1
        return self._settled >= id - 1

    def _document(self, command: Command, details: dict[str, Any]) -> None:
        record = {"id": command.id, "command": command.kind, "text": command.text, **details}
        row = self.log.current_row
        records = row.get(RECORD, ())
        if len(records) < FREELY_RECORDED and not self._unrecorded:
            row[RECORD] = (*records, record)
        else:
            self._unrecorded.append((row.iteration, record))
            if not self._record_posted:  # once behind all that waits: no copy for each of them
                self._record_posted = True
                self.main_loop.post(self._record_some)
        self.main_loop.after_event(self.log.commit)  # within an event rows are not whole yet

    def _record_some(self) -> None:
        self._record_posted = False
        recorded = len(self.log.current_row.get(RECORD, ()))
        if not self._paused or 16 * len(self._unrecorded) >= recorded:
            self._record()

    def _record(self) -> None:
        """Record what was kept back because rows with many interventions are costly to copy."""
        kept, self._unrecorded = self._unrecorded, []
        by_row: dict[int, list[dict[str, Any]]] = {}
        for iteration, record in kept:
            by_row.setdefault(iteration, []).append(record)
        for iteration, records in by_row.items():
            row = self.log[iteration]
            row[RECORD] = (*row.get(RECORD, ()), *records)
        if kept:
            self.main_loop.after_event(self.log.commit)

    def _hold(self) -> None:
        """Carry out commands, and nothing else, until one of them lets training go on."""
        release_workers()  # for the good of who calculates meanwhile
        while self._paused:
            self.main_loop.attend()
            if self.main_loop.breathing and not self._settled_before(len(self.commands) + 1):
                # for which the event must end first; the pause goes on at the boundary
                self.main_loop.post(self._hold)
                return

    def _pause(self) -> None:
        if self._paused:
            raise _Refused("the session is paused already")
        self._set_paused(True)

    def _resume(self) -> None:
        if not self._paused and self._step is None:
            raise _Refused("the session is not paused")
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        old, new = State.RUNNING, State.PAUSED
        if not paused:
            old, new = new, old
        self._paused, self._step = paused, None
        if not paused:
            self._record()
        with self._lock:
            if self._state is old:  # and not stopping
                self._state = new

    def _go(self, n: int) -> None:
        self._set_paused(False)
        self._step = object()
        self._look(self._step, self.main_loop.status["iterations_done"] + n)

    def _look(self, step: object, target: int) -> None:
        """Pause if `target` is reached; else look again at the next boundary."""
        if step is not self._step:
            return  # another command came in between
        if self.main_loop.status["iterations_done"] < target:
            self.main_loop.post(lambda: self._look(step, target))
        else:
            self._set_paused(True)
            self._hold()

    def __reduce__(self) -> NoReturn:
        """A thread cannot be copied or saved.

        Raises
        ------
        StateError
        """
        raise StateError(NOT_TO_BE_SAVED.format(session=self))

    # Display

    def __repr__(self) -> str:
        return f"<Session {self.name}: {', '.join(self._facts())}>"

    def _facts(self) -> list[str]:
        status, numbers = self.main_loop.status, self._numbers(3)
        facts = [
            self._state.value,
            f"iteration {status['iterations_done']}",
            f"{status['epochs_done']} epochs done",
            *(f"{name} {value}" for name, value in numbers.items()),
        ]
        if self.exception is not None:
            facts.append(f"{type(self.exception).__name__}: {self.exception}")
        return facts

    def _repr_html_(self) -> str:
        status = self.main_loop.status
        rows = {
            "state": f"<b>{self._state.value}</b>",
            "iteration": f"{status['iterations_done']:,}",
            "epochs done": f"{status['epochs_done']:,}",
            **{html.escape(name): value for name, value in self._numbers(8).items()},
        }
        if self.exception is not None:
            text = html.escape(f"{type(self.exception).__name__}: {self.exception}")
            rows["error"] = f"{text}<br>The method wait() raises it with its traceback."
        waiting = [c.text for c in self.commands[self._settled :] if not c.done]
        if waiting:
            more = f" and {len(waiting) - 5} more" if len(waiting) > 5 else ""
            rows["queued"] = html.escape(", ".join(waiting[:5]) + more)
        if self.note:
            rows["note"] = html.escape(self.note)
        cells = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows.items())
        return f"<table><caption>{self.name}</caption>{cells}</table>"

    def _numbers(self, count: int) -> dict[str, str]:
        """Return the newest values of the first `count` channels of numbers."""
        newest = self.log.latest().items()
        numbers = [(n, v) for n, v in newest if type(v) in (int, float)]
        return {name: f"{value:.5g}" for name, value in numbers[:count]}


def _carry_out_all(commands: list[Command]) -> None:
    for command in commands:
        command._carry_out()


class _Refused(Exception):
    """A command that makes no sense in the present state."""


@atexit.register
def _stop_all() -> None:
    # the threads are daemons: without this Python would end in the middle of a batch
    deadline = time.monotonic() + EXIT_TIMEOUT
    sessions = registry.sessions()
    for session in sessions:
        session.stop()
    for session in sessions:
        session._ended.wait(max(0.0, deadline - time.monotonic()))


def _leave_to_the_parent() -> None:
    """In a process that was forked: forget the sessions, whose threads are not here."""
    Command._lock = threading.Lock()
    for session in registry.forget():
        session._lock, session._ended = threading.RLock(), threading.Event()
        session._ended.set()
        session._state = State.FAILED
        text = OF_THE_PARENT.format(name=session.name, owner=os.getppid(), pid=os.getpid())
        session.exception = SessionError(text)
        session.main_loop._stand_still()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)

explain_missing(__name__)
