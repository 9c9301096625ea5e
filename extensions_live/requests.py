"""Requests for commands of a session from the widgets of a page and from tools.

A request contains the name of a method of `workbench.interfaces.Session` and its arguments as plain
values. A page can send a request twice, on the kernel's control channel and as a message of the
widget, but the request takes effect only once.
"""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, get_args

from extensions_live.messages import CommandMessage, CommandName
from workbench.errors import SessionError, nearest
from workbench.interfaces import Command, Session
from workbench.utils.actors import acting_as

NAMES: tuple[CommandName, ...] = get_args(CommandName)
"""Names of the methods of a session that can be requested."""

SLOW = frozenset({"fork"})
"""Names of methods that wait for training and therefore run in a separate thread."""

REMEMBERED = 1000
"""Number of recent requests that are remembered, so that their second messages are ignored."""

UNKNOWN = "there is no command {name!r}{hint}; the commands are {names}"
WRONG_ARGUMENTS = "the command {name} cannot take {given}: {error}"


class Requests:
    """Handler of the requests of one widget, each of which takes effect only once.

    Attributes
    ----------
    refusal : str
        The reason why the last request was refused immediately, empty if it was not refused.
    """

    def __init__(self) -> None:
        self.refusal = ""
        self._taken: deque[str] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()  # messages arrive on several threads

    def handle(self, session: Session, message: CommandMessage) -> None:
        """Execute a message from the page unless it has already arrived on the other channel."""
        if not self._is_new(message.get("id")):
            return
        self.refusal = ""
        if message["name"] in SLOW:
            threading.Thread(target=self._try, args=(session, message), daemon=True).start()
        else:
            self._try(session, message)

    def _try(self, session: Session, message: CommandMessage) -> None:
        try:
            carry_out(session, message["name"], message.get("arguments", {}), by="button")
        except Exception as error:
            self.refusal = f"{message['name']}: refused: {error}"

    def _is_new(self, id: str | None) -> bool:
        if id is None:
            return True
        with self._lock:
            if id in self._taken:
                return False
            self._taken.append(id)
            return True


def carry_out(
    session: Session, name: str, arguments: Mapping[str, Any], *, by: str
) -> Command | Session:
    """Call a method of a session by name.

    Parameters
    ----------
    session : Session
    name : str
        One of `NAMES`.
    arguments : mapping
        The arguments of the method, by name.
    by : str
        The origin of the command, which is recorded in the log.

    Returns
    -------
    Command or Session
        The result of the method, which is the new session for ``fork``.

    Raises
    ------
    SessionError
        If the command does not exist or does not accept these arguments.

    Examples
    --------
    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start(paused=True)
    >>> carry_out(session, "step", {"n": 2}, by="tool")
    <step 2: ...>
    >>> carry_out(session, "step", {"m": 2}, by="tool")
    Traceback (most recent call last):
        ...
    workbench.errors.SessionError: the command step cannot take {'m': 2}: ...
    >>> carry_out(session, "stop", {}, by="tool").wait()
    """
    if name not in NAMES:
        hint = nearest(name, NAMES)
        raise SessionError(UNKNOWN.format(name=name, hint=hint, names=", ".join(NAMES)))
    method = getattr(session, name)
    try:
        inspect.signature(method).bind(**arguments)
    except TypeError as error:
        given = dict(arguments)
        raise SessionError(WRONG_ARGUMENTS.format(name=name, given=given, error=error)) from None
    with acting_as(by):
        result: Command | Session = method(**arguments)
    return result
