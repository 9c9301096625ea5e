"""Leases of what is being trained, so that no two runs train the same thing.

A run takes a lease of its main loop, parameters, log and extensions before it changes anything. A
notebook cell that is run again while the first run goes on is refused here, with a text that leads
back to the first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from workbench.errors import AlreadyTrainingError
from workbench.interfaces import Loop, Session
from workbench.serialization.variable_values import by_path

BY_A_SESSION = (
    "{what} being trained by {session!r}. Nothing was changed and that run goes on. It is "
    "workbench.session.running()[{session.name!r}]; to start again, first end it with its methods "
    "stop() and wait()"
)
BY_A_THREAD = (
    "{what} being trained by MainLoop.run() in the thread {thread!r}, which has done "
    "{iterations} iterations. Nothing was changed and that run goes on; interrupt it to start again"
)

ANOTHER_THREAD = (
    "{main_loop!r} is being trained by another thread, which changes its state while you look; let "
    "that thread do it, with session.call(lambda main_loop: main_loop.{method}(...))"
)

_leases: list[Lease] = []
_lock = threading.Lock()


class Lease:
    """The right of one run to train what its main loop holds; a context manager.

    Parameters
    ----------
    main_loop : Loop
        What is to be trained.
    session : Session, optional
        What trains it, if not just the thread that takes the lease.

    Raises
    ------
    AlreadyTrainingError
        If a running one holds anything of it.
    """

    def __init__(self, main_loop: Loop, session: Session | None = None) -> None:
        self.main_loop = main_loop
        self.session = session
        self.thread = threading.current_thread().name
        with _lock:
            for other in _leases:
                what = _common(main_loop, other.main_loop)
                if what is not None:
                    raise other._refusal(what)
            _leases.append(self)

    def release(self) -> None:
        """Let others train it."""
        with _lock:
            _leases.remove(self)

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def _refusal(self, what: str) -> AlreadyTrainingError:
        if self.session is not None:
            text = BY_A_SESSION.format(what=what, session=self.session)
        else:
            done = self.main_loop.status["iterations_done"]
            text = BY_A_THREAD.format(what=what, thread=self.thread, iterations=done)
        return AlreadyTrainingError(text, self.session)


def sessions() -> list[Session]:
    """Return the sessions that are running, in the order in which they started."""
    with _lock:
        return [lease.session for lease in _leases if lease.session is not None]


def forget() -> list[Session]:
    """Drop, in a process that was forked, all leases; return the sessions that had one."""
    global _lock
    _lock = threading.Lock()  # some thread may have held it
    found = [lease.session for lease in _leases if lease.session is not None]
    _leases.clear()
    return found


def check_idle(main_loop: Loop, method: str) -> None:
    """Raise `AlreadyTrainingError` if a run trains `main_loop`, or is about to."""
    with _lock:
        leased = any(lease.main_loop is main_loop for lease in _leases)
    if leased:
        raise AlreadyTrainingError(ANOTHER_THREAD.format(main_loop=main_loop, method=method))


def _common(new: Loop, running: Loop) -> str | None:
    """Say what of `new` a running main loop holds, or return None."""
    if new is running:
        return "this main loop is"
    if new.algorithm is running.algorithm:
        return "the algorithm of this main loop is"
    if new.log is running.log:
        return "the log of this main loop is"
    held = {id(parameter) for parameter in _parameters(running)}
    shared = list(by_path(p for p in _parameters(new) if id(p) in held))
    if shared:
        more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
        plural, are = ("s", "are") if len(shared) > 1 else ("", "is")
        return f"{', '.join(shared[:3])}{more}, parameter{plural} of this main loop, {are}"
    extensions = [e for e in new.extensions if any(e is other for other in running.extensions)]
    if extensions:
        return f"the extension {extensions[0]!r} of this main loop belongs to one that is"
    return None


def _parameters(main_loop: Loop) -> Iterator[Any]:
    # an algorithm of one's own need not tell what it trains
    yield from getattr(main_loop.algorithm, "parameters", None) or ()
