"""Commands that are queued on a session, and their outcomes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar

from workbench import interfaces
from workbench.errors import SessionError, WaitInterrupted
from workbench.utils.actors import actor
from workbench.utils.waiting import wait

WAITS_FOR_ITSELF = (
    "{command!r} is executed by this thread between two batches, so waiting for it here would "
    "never end; check its attribute 'done' later"
)
INTERRUPTED = "wait() was interrupted, but the command was not: {command!r}"
FAILED = (
    "{command!r} did not finish, since training failed at iteration {iteration:,}: {error}; "
    "session.wait() raises the error with its traceback"
)
LASTING = frozenset({"step"})
"""Kinds of commands that last for some batches after they are applied."""
PAUSING = frozenset({"rewind", "undo", "load"})
"""Kinds of commands that pause the session."""
PAUSES = "; the session is then paused, and resume() continues it"


def _nothing() -> None:
    """Do nothing; commands share this function instead of creating functions of their own."""


def text_of_call(f: object) -> str:
    """Return the text of a command that calls a function.

    Examples
    --------
    >>> text_of_call(print)
    'call print'
    """
    return f"call {getattr(f, '__qualname__', None) or repr(f)}"


class Command(interfaces.Command):
    """Request that the training thread of a session executes between two batches.

    The methods of `workbench.session.Session` create commands.

    Attributes
    ----------
    id : int
        The number of the command in its session, starting at 1.
    kind : str
        The name of the method that created the command, or ``edit`` for a direct edit of variables.
    text : str
        A description of the command for the user.
    iteration : int or None
        The number of completed iterations when the command was applied.
    reason : str or None
        The reason why the command was refused or failed.
    exception : BaseException or None
        The error that the command raised, if any.
    by : str
        The origin of the command, such as ``code``, ``button`` or the name of an extension.
    replaced_by : int or None
        The id of a later command whose value was assigned instead of the value of this command.
    unchanged : bool
        True if the command was applied but had nothing to change, so that it was not recorded.

    Examples
    --------
    >>> import workbench as wb
    >>> session = wb.fit([wb.Linear()], ([[0.0], [1.0]] * 5, [0.0, 2.0] * 5), name="commanded")
    >>> session.wait()
    True
    >>> command = session.pause()
    >>> isinstance(command, Command), command.kind, command.by, command.reason
    (True, 'pause', 'code', 'the run has finished; to continue it, call train(epochs=1)')
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _keeps_result = True

    def __init__(self, id: int, kind: str, text: str) -> None:
        self.id = id
        self.kind = kind
        self.text = text
        self.by = actor()
        self.iteration: int | None = None
        self.reason: str | None = None
        self.exception: BaseException | None = None
        self.replaced_by: int | None = None
        self.unchanged = False
        self._result: Any = None
        self._failure = ""  # why `wait` raises an error although the command was applied
        self._cause: BaseException | None = None
        self._done = False
        self._ended = False
        # created when a thread waits, because most commands are not waited for
        self._settled: threading.Event | None = None
        self._applier: int | None = None
        self._carry_out: Callable[[], None] = _nothing

    @property
    def done(self) -> bool:
        """True if the command has been applied or refused, or has failed."""
        return self._done

    @property
    def ended(self) -> bool:
        """True if `wait` would return immediately.

        A step ends after its batches, or earlier if another command pauses or resumes training or
        if the run ends. All other commands end as soon as they are done.
        """
        return self._ended

    @property
    def state(self) -> str:
        """The state as text, such as ``queued`` or ``applied at iteration N``.

        For a step, which lasts for some batches, the state is ``started at iteration N``. The other
        states are ``refused: reason`` and ``failed: error``. Only a function that was passed to
        `workbench.session.Session.call` can fail.
        """
        if self.reason is not None:
            failed = self.kind == "call" and self.exception is not None
            return f"{'failed' if failed else 'refused'}: {self.reason}"
        if self.iteration is None:
            return "queued"
        instead = f", with the value of command {self.replaced_by}" if self.replaced_by else ""
        what = "started" if self.kind in LASTING else "applied"
        unchanged = ", unchanged" if self.unchanged else ""
        return f"{what} at iteration {self.iteration:,}{instead}{unchanged}"

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until the command is applied, and return its result.

        For `Session.step`, wait until its batches are done and the session has paused again.

        Parameters
        ----------
        timeout : float, optional
            The maximum number of seconds to wait; by default unlimited.

        Returns
        -------
        object
            The result of the function passed to `Session.call`; None for other commands.

        Raises
        ------
        TimeoutError
            If the command is not done in time.
        WaitInterrupted
            If waiting is interrupted. The command is not affected.
        SessionError
            If the command was refused or failed, if training failed during a step, or if the
            thread that executes the command calls this method.
        """
        if not self._ended and threading.get_ident() == self._applier:
            raise SessionError(WAITS_FOR_ITSELF.format(command=self))
        with self._lock:
            if self._settled is None:
                self._settled = threading.Event()
                if self._ended:
                    self._settled.set()
        try:
            settled = wait(self._settled, timeout)
        except KeyboardInterrupt:
            raise WaitInterrupted(INTERRUPTED.format(command=self)) from None
        if not settled:
            raise TimeoutError(f"waited {timeout} s for {self!r}, which is not done yet")
        if self.reason is not None:
            raise SessionError(f"{self.text}: {self.state}") from self.exception
        if self._failure:
            raise SessionError(self._failure) from self._cause
        return self._result

    def _apply(self, iteration: int, result: Any = None) -> None:
        if self._keeps_result:
            self._result = result
        self.iteration = iteration
        self._settle()

    def _forget_result(self) -> None:
        """Release the result, now or as soon as it is known; this process does not need it."""
        self._keeps_result = False
        self._result = None

    def _replace(self, iteration: int, by: Command) -> None:
        self.replaced_by = by.id
        self._apply(iteration)

    def _refuse(self, reason: str, exception: BaseException | None = None) -> None:
        self.exception = exception
        self.reason = reason
        self._settle()

    def _settle(self) -> None:
        self._done = True
        if self.kind not in LASTING or self.reason is not None:
            self._end()

    def _end(self) -> None:
        """Mark the command as ended, so that `wait` returns."""
        with self._lock:
            self._ended = True
            if self._settled is not None:
                self._settled.set()

    def _fail(self, iteration: int, error: BaseException) -> None:
        """Mark a step as ended because training failed after `iteration` batches."""
        text = f"{type(error).__name__}: {error}"
        self._give_up(FAILED.format(command=self, iteration=iteration, error=text), error)

    def _give_up(self, failure: str, cause: BaseException | None) -> None:
        self._failure, self._cause = failure, cause
        self._end()

    def __repr__(self) -> str:
        pauses = self.kind in PAUSING and self.reason is None
        return f"<{self.text}: {self.state}{PAUSES if pauses else ''}>"
