"""Requests from tools and the answers to these requests, independent of HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from extensions_live.requests import carry_out, check_call
from extensions_live.tools import describe
from extensions_live.tools.errands import WAITING, Errand, Errands
from extensions_live.tools.plain import plain
from workbench.errors import ArgumentError, SessionError, WorkbenchError, nearest
from workbench.interfaces import Command, Session

ACTOR = "tool"
"""The origin of commands from tools, as shown in receipts and in the log."""

LONGEST_WAIT = 60.0
"""Maximum number of seconds that one request waits."""

GUIDE = {
    "GET /": "this text, the commands and their arguments",
    "GET /state": "state, counts and newest values",
    "GET /log?since=0&limit=1000&channels=cost,error": (
        "rows of the log; to get the rest, set the parameter 'since' to the value of 'next'"
    ),
    "GET /hyperparameters": "hyperparameters that can be changed, with their bounds",
    "GET /interventions": "commands that changed training",
    "GET /branches": "branches of the run",
    "GET /snapshots": "saved states of training in memory",
    "GET /commands?last=100": "the last commands, with their outcomes",
    "GET /commands/ID?wait=10": "the outcome of a command, after waiting up to 10 seconds for it",
    "POST /commands?wait=10": (
        'a command, such as {"name": "set", "arguments": {"shared": "learning_rate", "value": 0.1}}'
    ),
}
RULES = [
    "Send the token in the header Authorization: Bearer TOKEN.",
    "An error has the form {'error': {'type': ..., 'message': ...}}.",
    "NaN and infinities are replaced by the strings 'NaN', 'Infinity' and '-Infinity'.",
    "If there are several sessions, as after a fork, add session=NAME to the query parameters.",
    "A command takes effect between two batches; its receipt names the iteration.",
    "The value of 'log', returned with the state and with rows of the log, changes with a rewind "
    "or when a run is resumed. "
    "Rows read earlier may belong to a discarded branch, so read the log again with since=0.",
    "If a request with 'wait' is about a step, it also waits for the batches of the step.",
    "A fork's receipt has an id such as fork-1; after the fork, the receipt names the new session.",
]
WHICH = (
    "this server has {count} sessions, so a request must name one: add session=NAME to the query "
    "parameters of the address; the names are {names}"
)


@dataclass(frozen=True)
class Answer:
    """Answer to a request.

    Attributes
    ----------
    status : int
        The HTTP status code.
    content : object
        The content, which can be converted to JSON.
    headers : mapping
        Additional headers.
    """

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Api:
    """Interface that answers requests about sessions from tools.

    Parameters
    ----------
    sessions : iterable of Session
    """

    def __init__(self, sessions: Iterable[Session]) -> None:
        self._lock = threading.Lock()
        self._sessions = {session.name: session for session in sessions}
        self._errands = Errands(self._add)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sessions, including forked sessions."""
        with self._lock:
            return tuple(self._sessions)

    def answer(self, method: str, target: str, body: bytes = b"") -> Answer:
        """Return the answer to a request; errors are also returned as answers.

        Parameters
        ----------
        method : str
            ``GET`` or ``POST``.
        target : str
            The path and the query parameters.
        body : bytes
            The body of the request, as JSON.
        """
        parts = urlsplit(target)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = tuple(unquote(part) for part in parts.path.split("/") if part)
        try:
            return self._answer(method, path, options, body)
        except LookupError as error:
            return Answer(404, {"error": {"type": "NotFound", "message": error.args[0]}})
        except WorkbenchError as error:
            return Answer(400, {"error": describe.problem(error)})

    def _answer(
        self, method: str, path: tuple[str, ...], options: dict[str, str], body: bytes
    ) -> Answer:
        allowed = ["GET", "POST"] if path == ("commands",) else ["GET"]
        if method not in allowed:
            text = f"/{'/'.join(path)} accepts {' or '.join(allowed)}, not {method}"
            wrong = {"error": {"type": "WrongMethod", "message": text}}
            return Answer(405, wrong, {"Allow": ", ".join(allowed)})
        if not path:
            return Answer(
                200,
                {
                    "sessions": self.names,
                    "addresses": GUIDE,
                    "rules": RULES,
                    "commands": describe.commands(),
                },
            )
        name = options.pop("session", None)
        is_receipt = len(path) == 2 and path[0] == "commands"
        errand = self._errands.find(path[1]) if is_receipt else None
        if errand is not None:  # its id is unique, even after a fork
            limit = seconds(options)
            refuse_others(options)
            return self._errand(errand, limit)
        session = self._session(name)
        if method == "POST":
            return self._command(session, options, body)
        match path:
            case ("state",):
                content: Any = describe.state(session)
            case ("log",):
                channels = options.pop("channels", None)
                content = describe.log(
                    session,
                    since=whole(options, "since", 0, least=0),
                    limit=whole(options, "limit", describe.MOST_ROWS, least=1),
                    channels=None if channels is None else channels.split(","),
                )
            case ("hyperparameters",):
                content = describe.hyperparameters(session)
            case ("interventions",):
                content = plain(list(session.interventions))
            case ("branches",):
                content = describe.branches(session)
            case ("snapshots",):
                content = describe.snapshots(session)
            case ("commands",):
                last = whole(options, "last", 100, least=1)
                content = [describe.receipt(one) for one in session.commands[-last:]]
            case ("commands", number):
                command = find(session, number)
                wait(command, seconds(options))
                content = describe.receipt(command)
            case _:
                raise LookupError(
                    f"there is no address /{'/'.join(path)}; GET / lists all addresses"
                )
        refuse_others(options)
        return Answer(200, content)

    def _command(self, session: Session, options: dict[str, str], body: bytes) -> Answer:
        request = parsed(body)
        limit = seconds(options)
        refuse_others(options)
        if request["name"] in WAITING:
            check_call(session, request["name"], request["arguments"])
            errand = self._errands.begin(session, request["name"], request["arguments"], by=ACTOR)
            return self._errand(errand, limit)
        try:
            result = carry_out(session, request["name"], request["arguments"], by=ACTOR)
        except WorkbenchError:
            raise
        except Exception as error:  # from values that the method does not check
            raise SessionError(f"{request['name']}: {type(error).__name__}: {error}") from error
        assert not isinstance(result, Session)  # only methods in WAITING return one
        wait(result, limit)
        return Answer(200, describe.receipt(result))

    def _errand(self, errand: Errand, limit: float) -> Answer:
        errand.wait(limit)
        return Answer(200, errand.receipt())

    def _add(self, session: Session) -> None:
        with self._lock:
            self._sessions[session.name] = session

    def _session(self, name: str | None) -> Session:
        with self._lock:
            if name in self._sessions:
                return self._sessions[name]
            if name is None and len(self._sessions) == 1:
                return next(iter(self._sessions.values()))
        if name is None:
            raise ArgumentError(WHICH.format(count=len(self.names), names=", ".join(self.names)))
        hint = nearest(name, self.names)
        raise LookupError(
            f"there is no session {name!r}; the sessions are {', '.join(self.names)}{hint}"
        )


def parsed(body: bytes) -> dict[str, Any]:
    """Return the name and the arguments of the command in a request body."""
    try:
        request = json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"the body must be JSON: {error}") from None
    form = '{"name": "pause", "arguments": {}}'
    if not isinstance(request, dict) or not isinstance(request.get("name"), str):
        raise ArgumentError(f"the body must be a command such as {form}, not {request!r:.80}")
    arguments = request.get("arguments", {})
    if not isinstance(arguments, dict):
        raise ArgumentError(f"arguments must be an object such as {{}}, not {arguments!r:.80}")
    others = sorted(set(request) - {"name", "arguments"})
    if others:
        raise ArgumentError(
            f"a command must have only a name and arguments, not {', '.join(others)}"
        )
    return {"name": request["name"], "arguments": arguments}


def refuse_constant(name: str) -> object:
    """Raise an error, since JSON cannot represent NaN or infinities."""
    raise ValueError(f"JSON has no {name}")


def find(session: Session, number: str) -> Command:
    """Return the command with the given id."""
    commands = session.commands
    if number.isdecimal() and 1 <= int(number) <= len(commands):
        likely = commands[int(number) - 1]
        if likely.id == int(number):
            return likely
    for command in commands:
        if str(command.id) == number:
            return command
    raise LookupError(
        f"there is no command {number!r}; the number of commands so far is {len(commands)}"
    )


def wait(command: Command, limit: float) -> None:
    """Wait up to `limit` seconds for a command, including all batches of a step, to end."""
    if limit > 0:
        try:
            command.wait(limit)
        except (TimeoutError, SessionError):
            return  # the receipt shows the state


def seconds(options: dict[str, str]) -> float:
    """Return the parameter ``wait`` in seconds, limited to `LONGEST_WAIT`."""
    given = options.pop("wait", "0")
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise ArgumentError(f"wait must be a non-negative number of seconds, not {given!r}")
    return min(value, LONGEST_WAIT)


def whole(options: dict[str, str], name: str, default: int, *, least: int) -> int:
    """Return the value of a parameter that must be a whole number."""
    given = options.pop(name, None)
    if given is None:
        return default
    if not given.isdecimal() or not least <= int(given) < 2**63:
        raise ArgumentError(f"{name} must be a whole number >= {least}, not {given!r}")
    return int(given)


def refuse_others(options: Mapping[str, str]) -> None:
    """Raise an error if a request has unknown parameters."""
    if options:
        raise ArgumentError(
            f"this address has no parameter{'s' * (len(options) > 1)} "
            f"{', '.join(map(repr, options))}"
        )
