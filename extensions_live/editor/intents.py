"""Intents of pages: calls to board methods; each call is executed once.

A page repeatedly sends all unanswered intents on several channels, so that no intent is lost while
the kernel is busy. Intents are executed in the order of their numbers. If an intent cannot be
executed, it is refused with a reason, and the board is unchanged.
"""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from extensions_live.messages import Intent, IntentName, MadeNodes, Refusal
from extensions_live.requests import origin
from workbench.errors import BuilderError, WorkbenchError, nearest
from workbench.utils.actors import acting_as

NAMES: tuple[IntentName, ...] = get_args(IntentName)
"""The methods that a page can call."""

CLIENTS = 100
"""Number of clients whose answers are kept."""

REFUSED = 30
"""Number of refusals that are kept."""

MADE = 30
"""Number of recent intents whose new nodes are kept."""


class Intents:
    """Executor of the intents that pages send.

    Parameters
    ----------
    targets : objects
        The objects whose methods are called; each method is called on the first object that has it.

    Attributes
    ----------
    acked : dict of str to int
        For each client, the number of its last intent that was executed or refused.
    refused : list of Refusal
        The most recent refusals, newest last.
    made : list of MadeNodes
        The nodes that the most recent intents created, newest last.
    count : int
        A number that increases whenever an intent is executed or refused.

    Examples
    --------
    >>> class Target:
    ...     def clear(self): print("cleared")
    >>> intents = Intents(Target())
    >>> one = {"client": "page", "number": 1, "name": "clear", "arguments": {}}
    >>> intents.take([one])
    cleared
    >>> intents.take([one]), intents.acked
    (None, {'page': 1})
    """

    def __init__(self, *targets: object) -> None:
        self._targets = targets
        self._lock = threading.Lock()  # intents arrive on several threads
        self._acked: dict[str, int] = {}
        self._refused: deque[Refusal] = deque(maxlen=REFUSED)
        self._made: deque[MadeNodes] = deque(maxlen=MADE)
        self.count = 0

    @property
    def acked(self) -> dict[str, int]:
        return dict(self._acked)

    @property
    def refused(self) -> list[Refusal]:
        return list(self._refused)

    @property
    def made(self) -> list[MadeNodes]:
        return list(self._made)

    def take(self, intents: Sequence[Intent]) -> None:
        """Execute the intents that have not been executed yet.

        The intents of one client are executed in the order of their numbers. Clients are processed
        in the order they appear, since a reloaded page first sends the remaining intents
        of its previous client.
        """
        clients = list(dict.fromkeys(one["client"] for one in intents))
        with self._lock:
            for intent in sorted(
                intents, key=lambda one: (clients.index(one["client"]), one["number"])
            ):
                client, number = intent["client"], intent["number"]
                if number <= self._acked.get(client, 0):
                    continue
                try:
                    result = self._execute(intent["name"], intent.get("arguments", {}))
                    nodes = [result] if isinstance(result, str) else result
                    if isinstance(nodes, list):
                        self._made.append({"client": client, "number": number, "nodes": nodes})
                except Exception as error:
                    self.refuse(client, number, reason(error))
                self._acked.pop(client, None)  # the most recent client is kept longest
                self._acked[client] = number
                while len(self._acked) > CLIENTS:
                    del self._acked[next(iter(self._acked))]
                self.count += 1  # last, since the widget then sends the answer

    def refuse(self, client: str, number: int, text: str) -> None:
        """Record that an intent was refused, possibly after it was acknowledged."""
        self._refused.append({"client": client, "number": number, "text": text})
        self.count += 1

    def _execute(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if name not in NAMES:
            raise BuilderError(
                f"there is no operation {name!r:.60}{nearest(str(name), NAMES)}; the operations "
                f"are {', '.join(NAMES)}"
            )
        method: Callable[..., Any] = next(
            getattr(one, name) for one in self._targets if callable(getattr(one, name, None))
        )
        try:
            inspect.signature(method).bind(**arguments)
        except TypeError as error:
            raise BuilderError(
                f"the operation {name} does not accept {sorted(arguments)}: {error}"
            ) from None
        with acting_as(origin()):
            return method(**arguments)


def reason(error: Exception) -> str:
    """Return the reason for a refusal as text."""
    if isinstance(error, WorkbenchError):
        return str(error)
    return f"{type(error).__name__}: {error}"
