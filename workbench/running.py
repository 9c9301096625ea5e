"""What is being trained at this moment, so that no two runs train the same thing.

A run claims its main loop, parameters, log and extensions before it changes anything. A notebook
cell that is run again while the first run goes on is refused here, with a text that leads back to
the first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workbench.errors import AlreadyTrainingError
from workbench.serialization.values import by_path

if TYPE_CHECKING:
    from workbench.main_loop import MainLoop
    from workbench.session import Session

BY_A_SESSION = (
    "{what} being trained by {session!r}. Nothing was changed and that run goes on. It is "
    "workbench.session.running()[{session.name!r}]; to start anew, first end it with its methods "
    "stop() and wait()"
)
BY_A_THREAD = (
    "{what} being trained by MainLoop.run() in the thread {thread!r}, which has done "
    "{iterations} iterations. Nothing was changed and that run goes on; interrupt it to start anew"
)

_claims: list[Claim] = []
_lock = threading.Lock()


class Claim:
    """The right of one run to train what its main loop holds; a context manager.

    Parameters
    ----------
    main_loop : MainLoop
        What is to be trained.
    session : Session, optional
        Who trains it, if not just the thread that makes the claim.

    Raises
    ------
    AlreadyTrainingError
        If a running one holds anything of it.
    """

    def __init__(self, main_loop: MainLoop, session: Session | None = None) -> None:
        self.main_loop = main_loop
        self.session = session
        self.thread = threading.current_thread().name
        with _lock:
            for other in _claims:
                what = _common(main_loop, other.main_loop)
                if what is not None:
                    raise other._refusal(what)
            _claims.append(self)

    def release(self) -> None:
        """Let others train it."""
        with _lock:
            _claims.remove(self)

    def __enter__(self) -> Claim:
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
        return [claim.session for claim in _claims if claim.session is not None]


def forget() -> list[Session]:
    """In a process that was forked: drop all claims; return the sessions that had one."""
    global _lock
    _lock = threading.Lock()  # some thread may have held it
    found = [claim.session for claim in _claims if claim.session is not None]
    _claims.clear()
    return found


def is_claimed(main_loop: MainLoop) -> bool:
    """Return whether a run trains `main_loop`, or is about to."""
    with _lock:
        return any(claim.main_loop is main_loop for claim in _claims)


def _common(new: MainLoop, running: MainLoop) -> str | None:
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


def _parameters(main_loop: MainLoop) -> Iterator[Any]:
    # an algorithm of one's own need not tell what it trains
    yield from getattr(main_loop.algorithm, "parameters", None) or ()
