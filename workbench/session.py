"""A main loop in a background thread, as a thing to hold: watch it, pause it, change it.

``session = main_loop.start()`` returns at once and the kernel stays free. Everything asked of a
session becomes a `Command` in the mailbox of the main loop, which is looked at before every batch,
after every epoch and while data sets are evaluated, and costs next to nothing while it is empty;
the thread that trains carries the command out there. Pausing is waiting for the next letter at
that place.

What was done to a run is recorded, at the iteration where it took effect, under the name
``interventions``: a tuple of mappings with ``id``, ``command``, ``text`` and, for `Session.set`,
``variable`` and ``value``.
"""

from __future__ import annotations

import atexit
import contextvars
import html
import itertools
import logging
import threading
import time
import warnings
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch

from workbench import running as registry
from workbench.commands import Command
from workbench.errors import SessionError, SessionWarning, StateError, TrainingFinish
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.openmp import release_workers, release_workers_after_cells
from workbench.utils.attributes import FixedAttributes
from workbench.utils.plain import is_count
from workbench.utils.values import to_python

if TYPE_CHECKING:
    from workbench.tensor.shared import SharedVariable

__all__ = ["Command", "Session", "State", "running"]

logger = logging.getLogger(__name__)

RECORD = "interventions"
EXIT_TIMEOUT = 5.0
"""Seconds that all sessions together may take to stop when Python exits."""

ALREADY_STARTED = (
    "{session!r} was started before; main_loop.start() makes a new session, which goes on where "
    "this one ended"
)
ENDED = "the run has {state}; main_loop.start() goes on with it in a new session"
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


def running() -> dict[str, Session]:
    """Return the sessions that are training now, paused ones included, by name.

    The way back to a session whose variable was overwritten.

    Examples
    --------
    >>> for session in running().values():
    ...     _ = session.stop()
    """
    return {session.name: session for session in registry.sessions()}


class Session(FixedAttributes):
    """A main loop running in a background thread, with controls.

    Commands return at once with a `Command` that says what becomes of them. They take effect at
    the boundary between two batches, in the order given; a paused session carries them out at
    once. `pause` is therefore acknowledged within one batch.

    While an extension evaluates a data set, `pause`, `resume` and `step` take effect between its
    batches, and `stop` abandons the evaluation. `set` and `call` never act in the middle of one: if
    training was paused there, the evaluation first goes on to its end, and the pause after it.

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
        self._state = State.CREATED
        self._lock = threading.Lock()  # over the state and the list of commands
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._paused = False
        self._step: object = None
        self._traceback: TracebackType | None = None

    @property
    def log(self) -> TrainingLogBase:
        """The log of the main loop."""
        return self.main_loop.log

    @property
    def state(self) -> State:
        """What the session is doing."""
        return self._state

    def start(self) -> None:
        """Start training.

        Raises
        ------
        AlreadyTrainingError
            If this main loop, or something it would train, is being trained.
        SessionError
            If this session was started before.
        """
        with self._lock:
            if self._thread is not None:
                raise SessionError(ALREADY_STARTED.format(session=self))
            others = registry.sessions()
            claim = registry.Claim(self.main_loop, self)
            try:
                self._warn_of(others)
            except SessionWarning:  # where warnings are errors
                claim.release()
                raise
            self._thread = threading.Thread(
                target=contextvars.copy_context().run,
                args=(self._run, claim),
                name=self.name,
                daemon=True,
            )
            self._state = State.RUNNING
        release_workers()  # this thread's, which would slow down the new one
        release_workers_after_cells()
        self._thread.start()

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
        warnings.warn(text, SessionWarning, stacklevel=4)

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

    def stop(self) -> Command:
        """End training between two batches, in good order.

        Extensions hear of it as of an interrupt. ``main_loop.start()`` goes on from there.
        """
        with self._lock:
            if self._state in (State.RUNNING, State.PAUSED):
                self._state = State.STOPPING
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
        return self._ask(
            "set",
            f"set {shared} = {shown}",
            lambda: shared.set_value(given),
            {"variable": str(shared), "value": recorded},
        )

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
        KeyboardInterrupt
            If waiting is interrupted; training goes on.
        SessionError
            If the session was not started, or waits for itself.
        """
        if self._thread is None:
            raise SessionError(f"{self!r} was not started, so it will never end; call start()")
        if threading.current_thread() is self._thread:
            raise SessionError(f"{self!r} would wait for itself; use post() of its main loop")
        release_workers()
        try:
            ended = self._ended.wait(timeout)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(GOES_ON.format(session=self)) from None
        if ended and self.exception is not None:
            raise self.exception.with_traceback(self._traceback)
        return ended

    # In the thread that trains

    def _run(self, claim: registry.Claim) -> None:
        # OpenMP has a number of threads for every thread; asking makes torch set it in this one
        torch.get_num_threads()
        state = State.FINISHED
        try:
            self.main_loop._train()
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
        finally:
            claim.release()
            with self._lock:
                self._end = time.monotonic()
                self._state = state
                for command in self.commands:
                    if not command.done:
                        command._refuse(ENDED.format(state=state))
            self._ended.set()

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
            if any(not other.done for other in self.commands[: command.id - 1]):
                return False  # one that was given before waits for the boundary
            carry_out()
            return True

        with self._lock:
            command = Command(len(self.commands) + 1, kind, text)
            self.commands.append(command)
            if self._thread is None:
                command._refuse("the session was not started")
            elif self._state.ended:
                command._refuse(ENDED.format(state=self._state))
            else:
                command._applier = self._thread.ident
                self.main_loop.post(
                    carry_out, early=carry_out_early if early else None, urgent=urgent
                )
        return command

    def _carry_out(
        self,
        command: Command,
        action: Callable[[], Any],
        details: dict[str, Any],
        then: Callable[[], None],
    ) -> None:
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

    def _document(self, command: Command, details: dict[str, Any]) -> None:
        record = {"id": command.id, "command": command.kind, "text": command.text, **details}
        row = self.log.current_row
        row[RECORD] = (*row.get(RECORD, ()), record)
        self.main_loop.after_event(self.log.commit)  # within an event rows are not whole yet

    def _hold(self) -> None:
        """Carry out commands, and nothing else, until one of them lets training go on."""
        release_workers()  # for the good of who calculates meanwhile
        while self._paused:
            self.main_loop.attend()
            if self.main_loop.breathing and any(not command.done for command in self.commands):
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
        waiting = [command.text for command in self.commands if not command.done]
        if waiting:
            rows["queued"] = html.escape(", ".join(waiting))
        cells = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows.items())
        return f"<table><caption>{self.name}</caption>{cells}</table>"

    def _numbers(self, count: int) -> dict[str, str]:
        """Return the newest values of the first `count` channels of numbers."""
        newest = self.log.latest().items()
        numbers = [(n, v) for n, v in newest if type(v) in (int, float)]
        return {name: f"{value:.5g}" for name, value in numbers[:count]}


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
