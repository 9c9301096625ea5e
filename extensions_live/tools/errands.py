"""Errands: commands, such as ``fork``, that wait for training before they return.

An errand calls a method of a session in a separate thread, so that no request has to wait. The
receipt of an errand has the same form as the receipt of a command, and also contains the name of
the new session.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from typing import Any

from extensions_live.requests import carry_out
from workbench.interfaces import Session

WAITING = frozenset({"fork"})
"""Commands that wait for a new session and return it."""

KEPT = 100
"""Number of ended errands whose receipts are kept."""


class Errand:
    """A call to a method of a session, made in a separate thread.

    Parameters
    ----------
    id : str
        The id of the errand, such as ``fork-1``.
    session : Session
    name : str
        The name of the method, one of `WAITING`.
    arguments : mapping
    by : str
        The origin of the command.
    then : callable
        A function that is called with the new session before `done` becomes True.

    Attributes
    ----------
    result : Session or None
        The session that the method returned; None until the method has returned.
    """

    def __init__(
        self,
        id: str,
        session: Session,
        name: str,
        arguments: Mapping[str, Any],
        *,
        by: str,
        then: Callable[[Session], None],
    ) -> None:
        self.id = id
        self.result: Session | None = None
        self._name, self._by, self._then = name, by, then
        self._reason: str | None = None
        self._ended = threading.Event()
        target, args = contextvars.copy_context().run, (self._work, session, arguments)
        threading.Thread(target=target, args=args, name=f"tool {id}", daemon=True).start()

    def _work(self, session: Session, arguments: Mapping[str, Any]) -> None:
        try:
            result = carry_out(session, self._name, arguments, by=self._by)
            assert isinstance(result, Session)
            self._then(result)
            self.result = result
        except Exception as error:
            text = str(error) or type(error).__name__  # a fork's error has this prefix
            self._reason = text.removeprefix(f"{self._name}: refused: ")
        finally:
            self._ended.set()

    @property
    def done(self) -> bool:
        """True if the method has returned or failed."""
        return self._ended.is_set()

    def wait(self, limit: float) -> None:
        """Wait up to `limit` seconds for the outcome."""
        self._ended.wait(limit)

    def receipt(self) -> dict[str, Any]:
        """Return the outcome so far, in the same form as the receipt of a command."""
        at = None if self.result is None else self._start(self.result)
        state = "queued" if at is None else f"applied at iteration {at:,}"
        return {
            "id": self.id,
            "name": self._name,
            "text": self._name,
            "by": self._by,
            "state": state if self._reason is None else f"refused: {self._reason}",
            "done": self.done,
            "refused": self._reason is not None,
            "iteration": at,
            "reason": self._reason,
            "session": None if self.result is None else self.result.name,
        }

    @staticmethod
    def _start(session: Session) -> int:
        return session.branches[0].start if session.branches else 0


class Errands:
    """Errands of a server, keyed by id.

    Parameters
    ----------
    then : callable
        A function that is called with each new session.
    """

    def __init__(self, then: Callable[[Session], None]) -> None:
        self._then = then
        self._lock = threading.Lock()
        self._known: dict[str, Errand] = {}
        self._count = 0

    def begin(
        self, session: Session, name: str, arguments: Mapping[str, Any], *, by: str
    ) -> Errand:
        """Begin an errand, and remove all ended errands except the newest `KEPT`."""
        with self._lock:
            self._count += 1
            id = f"{name}-{self._count}"
            errand = Errand(id, session, name, arguments, by=by, then=self._then)
            self._known[errand.id] = errand
            ended = [id for id, one in self._known.items() if one.done]
            for id in ended[:-KEPT]:
                del self._known[id]
            return errand

    def find(self, id: str) -> Errand | None:
        """Return the errand with this id, or None if there is none."""
        with self._lock:
            return self._known.get(id)
