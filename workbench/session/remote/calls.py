"""`Calls`, the pending calls of a notebook, which the processes of a run will answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from workbench.errors import ProcessError, SessionError
from workbench.session.remote.values import UNREADABLE
from workbench.session.remote.wire import Unreadable


class Calls:
    """Calls that are waiting for answers.

    Parameters
    ----------
    lock : threading.RLock
        The lock of the connection. If the connection fails while a call is being made, the call is
        either refused together with all others, or never registered.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._number = 0
        self._answers: dict[int, Future[Any]] = {}

    def expect(self) -> tuple[int, Future[Any]]:
        """Register a new call, and return its number and a future for its answer."""
        answer: Future[Any] = Future()
        with self._lock:
            self._number += 1
            self._answers[self._number] = answer
            return self._number, answer

    def forget(self, number: int) -> None:
        """Forget a call that could not be sent."""
        self._answers.pop(number, None)

    def take(self, message: Mapping[str, Any]) -> None:
        """Pass a message's answer to the call that awaits it."""
        answer = self._answers.pop(message["answer"], None)
        found = message.get("error", message.get("value"))
        if answer is None:
            return
        if isinstance(found, Unreadable):
            answer.set_exception(ProcessError(UNREADABLE.format(error=found)))
        elif "error" in message:
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def refuse(self, reason: str) -> None:
        """Raise `SessionError` in all waiting calls."""
        with self._lock:
            answers, self._answers = self._answers, {}
        for answer in answers.values():
            with suppress(Exception):
                answer.set_exception(SessionError(reason))
