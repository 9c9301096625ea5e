"""Leases that prevent two runs from training the same parameters.

Before a run changes anything, it acquires a lease on its main loop. The lease covers the algorithm,
parameters, log and extensions. If a notebook cell is executed again while the first run continues,
the second run raises an error that names the session of the first run.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, TypeAlias

from workbench.errors import AlreadyTrainingError
from workbench.interfaces import Loop, Session
from workbench.main_loop.trained import record_training, tensor_of, trained_later
from workbench.serialization.variable_values import by_path

BY_A_SESSION = (
    "{what} being trained by {session.name}, which continues; use that session, or call its stop() "
    "and wait() methods first"
)
BY_A_THREAD = (
    "{what} being trained by MainLoop.run() in the thread {thread!r} (iterations done: "
    "{iterations}). Nothing was changed, and that run continues; to start again, interrupt it first"
)

ANOTHER_THREAD = (
    "{main_loop!r} is being trained by another thread, which is changing its state; "
    "call the method in that thread, as in session.call(lambda main_loop: main_loop.{method}(...))"
)

Memory: TypeAlias = tuple[str, int, int]
"""A device and two addresses there: the first of a tensor and the first after it."""

_leases: list[Lease] = []
_lock = threading.RLock()


class Lease:
    """Context manager that holds the exclusive right to train a main loop.

    Parameters
    ----------
    main_loop : Loop
        The main loop to train.
    session : Session, optional
        The session that will train the main loop, or None if the current thread will train it.

    Raises
    ------
    AlreadyTrainingError
        If `main_loop` is already running, or shares its algorithm, its log, an extension, or
        a parameter or its memory with a running main loop.
    """

    def __init__(self, main_loop: Loop, session: Session | None = None) -> None:
        self.main_loop = main_loop
        self.session = session
        self.thread = threading.current_thread().name
        self.name = "an earlier run" if session is None else session.name
        self._start = _iterations(main_loop)
        with _lock:
            _check_free(main_loop)
            _leases.append(self)

    def release(self) -> None:
        """Allow other runs to train the main loop."""
        with _lock:
            if _iterations(self.main_loop) != self._start:
                record_training(self.main_loop, _parameters(self.main_loop), self.name)
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
    """Return the sessions that are running, in the order they started."""
    with _lock:
        return [lease.session for lease in _leases if lease.session is not None]


def session_of(main_loop: Loop) -> Session | None:
    """Return the session that is training `main_loop`, or None if there is none."""
    with _lock:
        found = (lease.session for lease in _leases if lease.main_loop is main_loop)
        return next(found, None)


def changed_by(main_loop: Loop) -> str | None:
    """Return the name of a run of another main loop that has trained parameters of `main_loop`.

    Return None if `main_loop` itself trained its parameters last.
    """
    own = list(_parameters(main_loop))
    with _lock:
        if any(lease.main_loop is main_loop for lease in _leases):
            return None
        for lease in _leases:
            if _shared(own, list(_parameters(lease.main_loop))):
                return lease.name
    return trained_later(main_loop, own)


def forget() -> list[Session]:
    """Discard all leases in a forked process; return the sessions that had a lease."""
    global _lock
    _lock = threading.RLock()  # a thread of the parent process may have held the old lock
    found = [lease.session for lease in _leases if lease.session is not None]
    _leases.clear()
    return found


@contextlib.contextmanager
def at_rest(main_loop: Loop) -> Iterator[None]:
    """Prevent runs from training `main_loop` during the block, which reads or copies its state.

    Raises
    ------
    AlreadyTrainingError
        If a run is training `main_loop`, or a part of it.
    """
    with _lock:
        _check_free(main_loop)
        yield


def check_idle(main_loop: Loop, method: str) -> None:
    """Raise `AlreadyTrainingError` if a run holds a lease on `main_loop`."""
    with _lock:
        leased = any(lease.main_loop is main_loop for lease in _leases)
    if leased:
        raise AlreadyTrainingError(ANOTHER_THREAD.format(main_loop=main_loop, method=method))


def _check_free(main_loop: Loop) -> None:
    for other in _leases:
        what = _common(main_loop, other.main_loop)
        if what is not None:
            raise other._refusal(what)


def _common(new: Loop, running: Loop) -> str | None:
    """Describe an object that `new` shares with a running main loop, or return None."""
    if new is running:
        return "this main loop is"
    if new.algorithm is running.algorithm:
        return "the algorithm of this main loop belongs to a main loop that is"
    if new.log is running.log:
        return "the log of this main loop belongs to a main loop that is"
    shared = list(by_path(_shared(list(_parameters(new)), list(_parameters(running)))))
    if shared:
        more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
        plural, are = ("s", "are") if len(shared) > 1 else ("", "is")
        return f"{', '.join(shared[:3])}{more}, parameter{plural} of this main loop, {are}"
    extensions = [e for e in new.extensions if any(e is other for other in running.extensions)]
    if extensions:
        return f"the extension {extensions[0]!r} of this main loop belongs to a main loop that is"
    return None


def _shared(new: list[Any], running: list[Any]) -> list[Any]:
    """Return the parameters in `new` that are, or use memory of, parameters in `running`.

    Each brick that wraps a torch module creates variables of its own for the module's memory.
    """
    held = {id(parameter) for parameter in running}
    taken = [memory for parameter in running if (memory := _memory_of(parameter)) is not None]

    def is_shared(parameter: Any) -> bool:
        if id(parameter) in held:
            return True
        memory = _memory_of(parameter)
        return memory is not None and any(_overlap(memory, other) for other in taken)

    return [parameter for parameter in new if is_shared(parameter)]


def _overlap(one: Memory, other: Memory) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def _memory_of(parameter: Any) -> Memory | None:
    """Return a parameter's device and its first and last address, or None without memory."""
    tensor = tensor_of(parameter)
    if tensor is None or tensor.is_meta:
        return None
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    span = 1 + sum((size - 1) * stride for size, stride in steps)
    start = tensor.data_ptr()
    return str(tensor.device), start, start + span * tensor.element_size()


def _iterations(main_loop: Loop) -> Any:
    return main_loop.status.get("iterations_done", 0)


def _parameters(main_loop: Loop) -> Iterator[Any]:
    # A custom algorithm need not have the `parameters` attribute.
    yield from getattr(main_loop.algorithm, "parameters", None) or ()
