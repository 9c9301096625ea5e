"""Worker that runs a main loop in the thread of a session and stores the outcome."""

from __future__ import annotations

import contextvars
import logging
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

import torch

from workbench import interfaces
from workbench.errors import SessionError, SessionWarning, TrainingFinish, WorkbenchError
from workbench.extensions.finish_after import GOAL
from workbench.interfaces import State
from workbench.main_loop import MainLoop, lease
from workbench.main_loop.starting import shares_machine
from workbench.openmp import release_workers, release_workers_after_cells
from workbench.session.command import Command
from workbench.session.display import Facts, facts_of
from workbench.session.edits import Edits
from workbench.session.fork import Fork
from workbench.session.interventions import Journal
from workbench.session.known_sessions import known
from workbench.session.pause import Pause
from workbench.session.probe import Prober
from workbench.session.queue import Queue, Refused
from workbench.session.rewind import Rewinder
from workbench.utils.notices import remark, tell

logger = logging.getLogger(__name__)

NO_THREAD = (
    "the training thread of {name} could not be created ({error}). Nothing was changed; close "
    "some programs or end some threads, and call start() again, or train in this thread with "
    "main_loop.run()"
)
OF_THE_PARENT = (
    "{name} trains in the process {owner}, the parent of this forked process, {pid}; the training "
    "thread exists only in process {owner}, so control {name} there"
)
ENDED = "the run has {state}; to continue it, call train(epochs=1)"
CONTINUED = "{name} has continued this run"
CONTROLLED_BY = "the run has {state}, and {name} has continued it; use {name} instead"
NOT_READY = "this fork repeats training up to its start, iteration {iteration:,}, and then pauses"
ANOTHER = (
    "{others} {is_} training too, and {shares} the machine with {session}. "
    "workbench.session.running() returns all running sessions by name"
)

_pairs: weakref.WeakKeyDictionary[interfaces.Session, weakref.WeakSet[interfaces.Session]] = (
    weakref.WeakKeyDictionary()
)
"""For each session, the other sessions that a warning has already named."""

_OF_PAUSES = ("pause", "resume", "step")
"""Commands that start or end a pause."""


class Worker:
    """Worker that trains a main loop in a background thread each time it is started.

    Parameters
    ----------
    main_loop : MainLoop
    session : Session
        The session of the worker, used for leases and warnings.
    name : str
        The name of the thread.
    named : bool
        True if the user has given the name, which is then recorded in the log.

    Attributes
    ----------
    queue : Queue
        The queue of commands for the thread; the lock of the queue guards these attributes.
    pause : Pause
    rewinder : Rewinder
    prober : Prober
    state : State
    exception : BaseException or None
        The error that ended training, if it failed.
    traceback : traceback or None
        The traceback of `exception`.
    note : str
        The reason why the last run did not train or why a fork is not ready yet, or which session
        has continued the run; otherwise an empty string.
    last : Facts or None
        The facts at the end of the run, if another session has continued it.
    runs : int
        The number of runs that started training.
    ended : threading.Event
        An event that is set when a run ends and cleared when the next run starts.
    """

    def __init__(
        self, main_loop: MainLoop, session: interfaces.Session, name: str, *, named: bool
    ) -> None:
        self._main_loop = main_loop
        self._session = session
        self._name = name
        self._named = named
        self._run = main_loop._run
        self._journal = Journal(main_loop)
        self.queue = Queue(main_loop, self._journal)
        self.queue.edits = edits = Edits(main_loop, self._run, self.queue, self._journal)
        self.pause = Pause(main_loop, self._run, self.queue, self._journal, edits, self._paused)
        self.rewinder = Rewinder(main_loop, self._run, self.pause, self._journal, edits)
        self.queue.changes = self.rewinder.changes
        self.prober = Prober(main_loop, self.queue)
        self.state = State.CREATED
        self.exception: BaseException | None = None
        self.traceback: TracebackType | None = None
        self.note = ""
        self.last: Facts | None = None
        self.runs = 0
        self.ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._unprinted = ""
        self._end_point: tuple[str, int] | None = None

    @property
    def is_current_thread(self) -> bool:
        """True if the current thread is the training thread."""
        return threading.current_thread() is self._thread

    @property
    def nothing_to_do(self) -> str | None:
        """The reason why a new run would not train, or None if no reason is known in advance."""
        return self._run.nothing_to_do()

    def more(self, epochs: int | None, batches: int | None) -> Callable[[], None] | None:
        """Return a function that extends training, or None if neither argument is given."""
        return self._run.more(epochs, batches)

    def print_note(self) -> None:
        """Print the note unless it has already been printed."""
        text, self._unprinted = self._unprinted, ""
        if text:
            tell(text)

    def launch(
        self,
        more: Callable[[], None] | None,
        before: Callable[[], object] = lambda: None,
        *,
        warns: bool = True,
    ) -> None:
        """Start a run in a new thread; the caller must hold the lock.

        If starting fails, the earlier state is restored. `before` is called before training, when
        commands are already accepted. If `warns` is True, a warning names the other sessions that
        are training, but never the same session twice.

        Raises
        ------
        AlreadyTrainingError
            If a part of the main loop is being trained by another run.
        SessionError
            If no thread can be created.
        """
        others = lease.sessions()
        held = lease.Lease(self._main_loop, self._session)
        earlier = self.state, self._thread, self.queue.closed
        try:
            self._set_note(self._run.nothing_to_do() if more is None else None)
            if self.note:
                held.release()
                self._end(State.FINISHED)
                self.ended.set()
                return
            if warns:
                self._warn_about(others)
            self.exception = self.traceback = self.last = None
            earlier_workers, facts = self._earlier_workers(), facts_of(self._main_loop.log)
            self.runs += 1
            release_workers()  # this thread's workers would slow down the new thread
            release_workers_after_cells()
            self._thread = threading.Thread(
                target=contextvars.copy_context().run,
                args=(self._work, held, more),
                name=self._name,
                daemon=True,
            )
            self.state, self.queue.closed = State.RUNNING, None
            self.ended.clear()
            self.rewinder.attach()
            before()
            self._thread.start()
            self.queue.thread = self._thread.ident
            for worker in earlier_workers:
                worker._hand_over(self._name, facts)
        except BaseException as error:
            self.rewinder.detach()
            self.state, self._thread, self.queue.closed = earlier
            if self.state.ended:
                self.ended.set()
            held.release()
            if isinstance(error, RuntimeError) and not isinstance(error, WorkbenchError):
                raise SessionError(NO_THREAD.format(name=self._name, error=error)) from error
            raise

    def begin_at(self, fork: Fork, branch: str) -> None:
        """Start a run that trains from the fork's snapshot to the fork's iteration, then pauses."""
        status = self._main_loop.status
        goal = {GOAL: status[GOAL]} if GOAL in status else {}  # a new run discards the goal
        more = None if self.nothing_to_do is None else partial(status.update, goal)
        with self.queue.lock:
            self.launch(more, partial(self._get_ready, fork, branch), warns=False)

    def _get_ready(self, fork: Fork, branch: str) -> None:
        """Prepare the run of a fork, and say in the note that the fork is not ready yet."""
        self.note = NOT_READY.format(iteration=fork.iteration)
        self.rewinder.begin_at(fork, branch, lambda: self._set_note(None))

    def come_back(
        self,
        kind: str,
        text: str,
        action: Callable[[Command], object],
        details: dict[str, Any],
        check: Callable[[], None] = lambda: None,
    ) -> Command:
        """Restore a different training state and pause; start a new run if training has ended."""
        hold = self.pause.hold
        with self.queue.lock:
            if not self.state.ended:
                return self.queue.ask(kind, text, lambda: action(self.queue.current), details, hold)
            command = self.queue.new(kind, text)
            status = self._main_loop.status
            goal = {GOAL: status[GOAL]} if GOAL in status else {}

            def first() -> None:
                status.update(goal)  # the new run has discarded the goal
                self.queue.carry_out(command, lambda: action(command), details, hold)
                if command.reason is not None:
                    raise TrainingFinish

            try:
                check()
                self.launch(first)
            except Refused as refusal:
                command._refuse(str(refusal))
            except WorkbenchError as error:
                command._refuse(str(error), error)
            return command

    def _earlier_workers(self) -> list[Worker]:
        """Return the ended workers of the main loop; continue the history of the last of them."""
        workers = [getattr(one, "_worker", None) for one in known() if one is not self._session]
        others = [one for one in workers if isinstance(one, Worker)]
        ended = [one for one in others if one._main_loop is self._main_loop and one.state.ended]
        here = self._point()
        last = [one for one in ended if one.last is None and one._end_point == here]
        if last and not self.runs:
            self.rewinder.follow(last[0].rewinder)
        return ended

    def _point(self) -> tuple[str, int]:
        log = self._main_loop.log
        return log.h_uuid, log.status["iterations_done"]

    def _hand_over(self, name: str, facts: Facts) -> None:
        """Keep the facts at the end of the run, since another session continues it."""
        with self.queue.lock:
            self.last = self.last or facts
            self.note = CONTINUED.format(name=name)
            self.queue.closed = CONTROLLED_BY.format(state=self.state, name=name)

    def _set_note(self, note: str | None) -> None:
        self.note = self._unprinted = note or ""

    def warn_before_resuming(self) -> None:
        """Warn about other sessions that are training, if this session is paused."""
        if self.state is State.PAUSED:
            self._warn_about(lease.sessions())

    def _warn_about(self, others: list[interfaces.Session]) -> None:
        """Warn about other sessions that are training, but only once about each session."""
        if shares_machine():
            return
        session = self._session
        named = _pairs.setdefault(session, weakref.WeakSet())
        others = [
            one
            for one in others
            if one is not session
            and _trains(one)
            and one not in named
            and session not in _pairs.get(one, ())
        ]
        if not others:
            return
        named.update(others)
        several = len(others) > 1
        text = ANOTHER.format(
            others=", ".join(map(repr, others)),
            is_="are" if several else "is",
            shares="share" if several else "shares",
            session=self._name,
        )
        remark(text, SessionWarning, stacklevel=None)

    def _end(self, state: State) -> None:
        self.state, self.queue.closed = state, ENDED.format(state=state)
        self._end_point = self._point()

    def _work(self, held: lease.Lease, more: Callable[[], None] | None) -> None:
        # In OpenMP, each thread has its own number of threads; this call makes torch set it.
        torch.get_num_threads()
        again = self._train(held, more)
        while again is not None:
            again = self._train(held, again)

    def _train(
        self, held: lease.Lease, first: Callable[[], None] | None
    ) -> Callable[[], None] | None:
        """Train; return a function that extends the run if `Session.train` was called meanwhile."""
        state = State.FINISHED
        self._run.name = self._name if self._named else None
        try:
            self._set_note(self._run.train(first))
        except BaseException as error:
            state = State.FAILED
            self._set_note(None)
            self.exception, self.traceback = error, error.__traceback__
            logger.error(
                "%s failed (iterations done: %d): %s: %s; wait() raises the error with its "
                "traceback, and the log has all records up to that point",
                self._name,
                self._main_loop.status["iterations_done"],
                type(error).__name__,
                error,
            )
        try:
            self._journal.flush()
        except Exception:  # the log failed; the session must end in any case
            logger.exception("%s could not record its last interventions", self._name)
        self._run.name = None
        with self.queue.lock:
            step = self.pause.end()
            asked = self.queue.end_run()
            more = asked if state is State.FINISHED else []
            self.prober.run_ended()  # before another run can start
            if more:
                self.state = State.RUNNING
                self.runs += 1
            else:
                self.rewinder.detach()
                held.release()
                self._end(state)
            for command in self.queue.waiting():
                if command not in more:
                    command._refuse(ENDED.format(state=state))
            if step is not None and self.exception is not None:
                step._fail(self._main_loop.status["iterations_done"], self.exception)
            elif step is not None:
                step._end()
            if not more:
                self.ended.set()  # within the lock, before another run can start
            return partial(_carry_out_all, more) if more else None

    def _paused(self, paused: bool) -> None:
        """Update the state when a pause starts or ends."""
        old, new = State.RUNNING, State.PAUSED
        if not paused:
            old, new = new, old
        with self.queue.lock:
            if self.state is old:  # not while stopping
                self.state = new

    def stay(self) -> None:
        """Restore the running or paused state after a stop has been refused."""
        with self.queue.lock:
            if self.state is State.STOPPING:
                self.state = State.PAUSED if self.pause.paused else State.RUNNING

    def leave_to_the_parent(self) -> None:
        """Mark the worker as ended in a forked process, which does not have the thread."""
        self.queue.lock, self.ended = threading.RLock(), threading.Event()
        self.ended.set()
        self._end(State.FAILED)
        self.rewinder.detach()
        text = OF_THE_PARENT.format(name=self._name, owner=os.getppid(), pid=os.getpid())
        self.exception = SessionError(text)
        self._run.reset()


def _trains(session: interfaces.Session) -> bool:
    """Return True if a session is training and will not pause before its next batch."""
    # Read before the state, which changes before the command is done.
    last = next((c for c in reversed(session.commands) if c.kind in _OF_PAUSES), None)
    if last is not None and last.kind == "pause" and not last.done:
        return False
    return session.state is State.RUNNING


def _carry_out_all(commands: list[Command]) -> None:
    for command in commands:
        command._carry_out()
