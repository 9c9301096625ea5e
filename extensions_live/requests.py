"""Requests for session commands, sent by the widgets of a page and by tools.

A request contains the name of a method of `workbench.interfaces.Session` and its arguments as plain
values. A page may send a request twice, on the kernel's control channel and as a widget message,
but the request takes effect only once. Its outcome is a receipt with the id of the request.
"""

from __future__ import annotations

import contextvars
import inspect
import re
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from extensions_live.messages import CommandMessage, CommandName, Outcome, Receipt
from workbench.errors import SessionError, nearest
from workbench.interfaces import Command, Session
from workbench.utils.actors import CODE, acting_as, actor

NAMES: tuple[CommandName, ...] = get_args(CommandName)
"""Names of session methods that can be requested."""

SLOW = frozenset({"fork", "save", "load"})
"""Methods that wait for training or for a file, and therefore run in a separate thread."""

REMEMBERED = 1000
"""Number of recent requests whose ids are stored, so that repeated messages are ignored."""

KEPT = 30
"""Number of recent requests whose receipts are kept."""

UNKNOWN = "there is no command {name!r}; the commands are {names}{hint}"
WRONG_ARGUMENTS = "the command {name} does not accept {given}: {error}"
FORKED = "fork: {name!r} is paused at iteration {iteration:,}; a cell with this code shows it"
SHOWN = (
    "from extensions_live import view; from workbench.session import sessions; "
    "view(sessions()[{name!r}])"
)


@dataclass
class Request:
    """Request from a page, with its outcome.

    Attributes
    ----------
    id : str
    about : str
        The path of the number that the request changes, or the name of the command.
    before : int
        The number of commands of the session before the request.
    command : Command or None
        The command that the request issued.
    refusal : str
        The reason why the request was refused, or an empty string.
    text, code : str
        The outcome of a fork as text, and the code that shows the new session.
    started : weak reference to Session, or None
        The session that the request started.
    """

    id: str
    about: str
    before: int
    command: Command | None = None
    refusal: str = ""
    text: str = ""
    code: str = ""
    started: weakref.ref[Session] | None = None

    @property
    def waiting(self) -> bool:
        """True until there is an outcome."""
        if self.text or self.refusal:
            return False
        return self.command is None or not self.command.done

    @property
    def receipt(self) -> Receipt:
        """The outcome so far, for the page."""
        text, command = self.text, self.command
        if command is not None:
            text = told(command)
        refused = self.refusal or (command is not None and command.reason is not None)
        return {
            "request": self.id,
            "about": self.about,
            "text": self.refusal or text or f"{self.about}: waiting",
            "state": "refused" if refused else "waiting" if self.waiting else "applied",
            "code": self.code,
        }


class Requests:
    """Handler that executes each request of one widget only once.

    Attributes
    ----------
    recent : deque of Request
        The most recent requests, in the order of their arrival.
    count : int
        The number of requests so far.
    """

    def __init__(self) -> None:
        self.recent: deque[Request] = deque(maxlen=KEPT)
        self.count = 0
        self._taken: deque[str] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()  # messages arrive on several threads

    @property
    def refusal(self) -> str:
        """The reason why the last request was refused immediately, or an empty string."""
        return self.recent[-1].refusal if self.recent else ""

    @property
    def started(self) -> list[Session]:
        """The sessions that recent requests started, if they still exist."""
        found = [request.started() for request in tuple(self.recent) if request.started]
        return [session for session in found if session is not None]

    @property
    def receipts(self) -> list[Receipt]:
        """The outcomes of the recent requests."""
        return [request.receipt for request in tuple(self.recent)]

    def handle(self, session: Session, message: CommandMessage) -> None:
        """Handle a message from the page unless it has already arrived on the other channel."""
        if not self._is_new(message.get("id")):
            return
        name, arguments = message["name"], message.get("arguments", {})
        about = str(arguments.get("shared", name))
        request = Request(message.get("id", ""), about, len(session.commands))
        self.count += 1
        self.recent.append(request)
        if name in SLOW:
            # A copy of the context, which names the origin of the command.
            target, given = contextvars.copy_context().run, (self._try, session, message, request)
            threading.Thread(target=target, args=given, daemon=True).start()
        else:
            self._try(session, message, request)

    def _try(self, session: Session, message: CommandMessage, request: Request) -> None:
        name = message["name"]
        try:
            result = carry_out(session, name, message.get("arguments", {}), by=origin())
        except Exception as error:
            text = str(error)  # the text of a refused fork already begins with its name
            request.refusal = text if text.startswith(f"{name}: ") else f"{name}: refused: {text}"
            return
        if isinstance(result, Session):
            at = result.branches[0].start if result.branches else 0
            request.text = FORKED.format(name=result.name, iteration=at)
            request.code = SHOWN.format(name=result.name)
            request.started = weakref.ref(result)
        else:
            request.command = result

    def _is_new(self, id: str | None) -> bool:
        if id is None:
            return True
        with self._lock:
            if id in self._taken:
                return False
            self._taken.append(id)
            return True


def origin() -> str:
    """Return the origin of a page's command: the origin set by `acting_as`, or else ``button``.

    Examples
    --------
    >>> origin()
    'button'
    >>> with acting_as("dashboard"):
    ...     origin()
    'dashboard'
    """
    by = actor()
    return "button" if by == CODE else by


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
        The arguments of the method, keyed by name.
    by : str
        The origin of the command, which is recorded in the log.

    Returns
    -------
    Command or Session
        The result of the method; for ``fork``, the new session.

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
    workbench.errors.SessionError: the command step does not accept {'m': 2}: ...
    >>> carry_out(session, "stop", {}, by="tool").wait()
    """
    check_call(session, name, arguments)
    method = getattr(session, name)
    with acting_as(by):
        result: Command | Session = method(**arguments)
    return result


def check_call(session: Session, name: str, arguments: Mapping[str, Any]) -> None:
    """Check that a session's command exists and accepts these arguments, without calling it.

    Raises
    ------
    SessionError
        If the command does not exist or does not accept these arguments.
    """
    if name not in NAMES:
        hint = nearest(name, NAMES)
        raise SessionError(UNKNOWN.format(name=name, hint=hint, names=", ".join(NAMES)))
    signature = inspect.signature(getattr(session, name))
    known = signature.parameters
    unknown = [one for one in arguments if one not in known]
    try:
        if unknown:
            names = ", ".join(map(repr, known)) or "none"
            hint = nearest(unknown[0], known)
            raise TypeError(f"it has no argument {unknown[0]!r}; its arguments are {names}{hint}")
        signature.bind(**arguments)
    except TypeError as error:
        given = dict(arguments)
        raise SessionError(WRONG_ARGUMENTS.format(name=name, given=given, error=error)) from None


CLASS = re.compile(r"^((?:refused|failed): )\w+Error: ")
"""Regular expression for the error class in a command's state; users need not see this name."""


def told(command: Command) -> str:
    """Return the text of a command and its state in words."""
    state = CLASS.sub(r"\1", command.state)
    return f"{command.text}: {state}"


def outcome(command: Command) -> Outcome:
    """Return the outcome of a command in the form shown on a page."""
    return {
        "id": command.id,
        "text": told(command),
        "refused": command.reason is not None,
    }
