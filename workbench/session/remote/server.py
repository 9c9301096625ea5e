"""Server in the first process of a run, used by notebooks to observe and control the run.

The server listens on the loopback interface. For each notebook, one thread receives its calls. The
reporter thread checks ten times a second whether the run has changed, and checks more often whether
commands have an outcome. The threads of the `Client` objects send the reports.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from workbench.errors import LogError, ProcessError
from workbench.log import SQLiteLog
from workbench.session.command import Command
from workbench.session.remote.client import Client
from workbench.session.remote.facts import (
    command_facts,
    facts_of,
    is_shared,
    portable,
    release_result,
    with_traceback,
)
from workbench.session.remote.served import (
    COMMANDS,
    READS,
    SLOW,
    VALUES,
    make,
    probe,
    rehearsal,
    use_model,
)
from workbench.session.remote.shared_mailbox import SharedMailbox
from workbench.session.remote.wire import Connection, Unreadable, encoded, listener, packed
from workbench.session.session import Session
from workbench.utils.actors import acting_as

logger = logging.getLogger(__name__)

PERIOD = 0.1
"""Seconds between two reports of a run."""

RECEIPT = 0.01
"""Seconds between two checks for the outcome of commands."""

CAUSE = 1.0
"""Seconds to wait for another process's error if this process has only lost its connection."""

UNREADABLE = (
    "the arguments cannot be unpickled in the process that trains ({error}); define the function "
    "in the notebook, or restart the run so that it imports the new module"
)
UNKNOWN = "a session in another process has no method {name!r}"


class Server:
    """Server of one run.

    Parameters
    ----------
    session : Session
    secret : bytes
    mailbox : SharedMailbox or None
        The mailbox, if several processes train together.

    Attributes
    ----------
    port : int
    left : float
        The time when the last notebook disconnected, or when the server was created.
    closing : threading.Event
        An event that is set when the process must end.
    kept : callable
        A function that returns the iteration of the snapshot on disk, or None if there is none.
    problem_of_snapshots : callable
        A function that returns the reason why no snapshot can be written, or an empty string.
    """

    def __init__(
        self, session: Session, secret: bytes, mailbox: SharedMailbox | None = None
    ) -> None:
        self.session = session
        self.closing = threading.Event()
        self.left = time.monotonic()
        self._secret = secret
        self._mailbox = mailbox
        self._began_at = session.log.status["iterations_done"]
        self._socket = listener()
        self.port: int = self._socket.getsockname()[1]
        self._clients: list[Client] = []
        self._lock = threading.Lock()
        self._tickets: dict[int, str] = {}
        self._refused: dict[str, tuple[str, BaseException]] = {}
        self._troubles: list[dict[str, Any]] = []
        self._some = threading.Event()
        self._unreported = ""
        self._announced: str | None = None
        self._released = 0
        self._failed_at: float | None = None
        self.kept: Callable[[], int | None] = _nothing
        self.problem_of_snapshots: Callable[[], str] = str

    @property
    def is_held(self) -> bool:
        """True while a notebook is connected."""
        return bool(self._clients)

    def start(self) -> None:
        """Accept connections and send reports in the background."""
        for work in (self._accept, self._report):
            threading.Thread(target=work, name=f"control {work.__name__}", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError as error:
                logger.warning("a notebook could not connect; it can try again: %s", error)
                time.sleep(PERIOD)  # too many files may be open at the moment
                continue
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        """Receive messages from one connection until it is closed."""
        try:
            connection = Connection(link, self._secret, is_server=True)
            hello = connection.receive()
        except (ProcessError, OSError, EOFError, ValueError) as error:
            logger.debug("a connection was refused: %s", error)
            return
        if "rank" in hello:
            self._watch(connection, hello)
            return
        client = Client(connection)
        with self._lock:
            self._clients.append(client)
        self._some.set()
        try:
            while True:
                self._handle(client, connection.receive())
        except (OSError, EOFError):
            pass
        finally:
            with self._lock:
                self._clients.remove(client)
                self.left = time.monotonic()
            for ticket in client.tickets:
                self._refused.pop(ticket, None)
            client.close()

    def _watch(self, connection: Connection, hello: dict[str, Any]) -> None:
        """Wait until another process fails or ends, and report this."""
        trouble = {"rank": hello["rank"], "pid": hello["pid"], "error": None}
        with contextlib.suppress(OSError, EOFError):
            trouble["error"] = connection.receive().get("error")
        self.trouble(trouble)

    def trouble(self, trouble: dict[str, Any]) -> None:
        """Report that a process has failed or ended."""
        if not self.closing.is_set():
            self._troubles.append(trouble)
            self._some.set()

    def _handle(self, client: Client, message: dict[str, Any]) -> None:
        if message.get("close"):
            self.closing.set()
            return
        if message.get("do") in SLOW:
            threading.Thread(target=self._reply, args=(client, message), daemon=True).start()
        else:
            self._reply(client, message)

    def _reply(self, client: Client, message: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"answer": message["ask"]}
        try:
            answer["value"] = packed(self._answer(client, message))
        except Exception as error:
            answer["error"] = portable(error)
        with contextlib.suppress(OSError):  # the connection is closed
            client.connection.send(answer)

    def _answer(self, client: Client, message: dict[str, Any]) -> Any:
        name, args = message["do"], message.get("args", [])
        options = message.get("options", {})
        session = self.session
        for given in (args, options):
            if isinstance(given, Unreadable):
                raise ProcessError(UNREADABLE.format(error=given)) from given.error
        if name in COMMANDS:
            client.tickets.add(message["ticket"])
            with acting_as(message["by"]):
                return self._command(message["ticket"], name, args, options)
        if name in READS:
            return getattr(session, name)(*args, **options)
        if name in SLOW:
            return use_model(session, name, *args, **options)
        if name in VALUES:
            return getattr(session, name)
        if name == "probe":
            return client.keep(probe(session, *args, **options))
        if name == "branch":
            return self._branch(*args)
        raise ProcessError(UNKNOWN.format(name=name))

    def _branch(self, place: int, what: str, name: str = "") -> Any:
        branch = self.session.branches[place]
        if what == "rename":
            branch.name = name
            return None
        if what == "difference":
            return branch.difference
        return None if branch.log is None else branch.log.state_dict()

    def _command(self, ticket: str, name: str, args: Any, options: Any) -> dict[str, Any]:
        """Issue a command, and return its kind and text."""
        if self._mailbox is None:
            with self.session._queue.lock:
                command = make(self.session, name, args, options)
                self._tickets[command.id] = ticket
        else:
            command = make(rehearsal(self.session), name, args, options)
            call = {"do": name, "args": args, "options": options, "by": command.by}
            self._mailbox.call({**call, "ticket": ticket})
        self._some.set()
        return {"kind": command.kind, "text": command.text}

    def make(self, call: dict[str, Any]) -> None:
        """Execute one of the calls that all processes execute."""
        ticket = call.get("ticket")
        try:
            with acting_as(call["by"]), self.session._queue.lock:
                command = make(self.session, call["do"], call["args"], call["options"])
                if ticket is not None and isinstance(command, Command):
                    self._tickets[command.id] = ticket
        except Exception as error:
            if ticket is not None:
                self._refused[ticket] = f"{type(error).__name__}: {error}", error
        self._some.set()

    # The reporter

    def _report(self) -> None:
        next_facts = 0.0
        while True:
            outstanding = any(client.outstanding for client in self._clients)
            self._some.wait(RECEIPT if outstanding else PERIOD)
            self._some.clear()
            with self._guarded():
                self._release_results()
            clients = [client for client in list(self._clients) if not client.is_busy]
            if not clients:
                continue
            now = time.monotonic()
            news: list[tuple[Client, list[dict[str, Any]]]] = []
            for client in clients:
                with self._guarded():
                    news.append((client, self._commands_for(client)))
            settled = any(event["done"] for _, events in news for event in events)
            facts = None
            if settled or now >= next_facts or self._troubles:
                if settled:
                    self._flush()
                with self._guarded():
                    facts = self._facts()
                next_facts = max(now, time.monotonic() - PERIOD) + PERIOD
                if isinstance(self.session.log, SQLiteLog):
                    self.session.log.hurry()
            for client, events in news:
                with self._guarded():
                    self._send(client, facts, events)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Log an error in a part of a report, unless it was just logged, and continue."""
        try:
            yield
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            if text != self._unreported:
                self._unreported = text
                logger.exception("a part of the run's report failed")

    def _flush(self) -> None:
        """Write the log to the database; if this fails, the log reports it and tries again."""
        if isinstance(self.session.log, SQLiteLog):
            with contextlib.suppress(LogError):
                self.session.log.flush()

    def _facts(self) -> dict[str, Any] | None:
        """Return the report for notebooks; None while the cause of a failure is not yet known."""
        session = self.session
        found = facts_of(session)
        error = session.exception
        if error is not None:
            lost = isinstance(error, ProcessError) and self._mailbox is not None
            self._failed_at = self._failed_at or time.monotonic()
            if lost and not self._troubles and time.monotonic() < self._failed_at + CAUSE:
                return None
        else:
            self._failed_at = None
        found["exception"] = None if error is None else with_traceback(error)
        found["troubles"] = list(self._troubles)
        found["kept"] = self.kept()
        found["began_at"] = self._began_at
        found["unwritten"] = self._unwritten()
        if session.state.ended or found["uuid"] != self._announced:
            self._flush()  # the notebook opens the log as soon as it knows the `uuid`
            self._announced = found["uuid"]
        return found

    def _unwritten(self) -> str:
        """Return the reason why the log or a snapshot cannot be written, such as a full disk."""
        log = self.session.log
        of_log = log.problem if isinstance(log, SQLiteLog) else ""
        return of_log or self.problem_of_snapshots()

    def _release_results(self) -> None:
        """Forget large command results once their notebooks have received them or disconnected."""
        commands = self.session.commands
        while self._released < len(commands) and (command := commands[self._released]).done:
            ticket = self._tickets.get(command.id)
            if ticket is not None and not is_shared(command._result):
                if any(ticket in client.tickets for client in list(self._clients)):
                    return  # the result has not been sent yet
                release_result(command)
            self._released += 1

    def _commands_for(self, client: Client) -> list[dict[str, Any]]:
        """Return reports on commands that a notebook has not received yet."""
        with self.session._queue.lock:  # commands get tickets under this lock
            commands = list(self.session.commands)
        events: list[dict[str, Any]] = []
        waiting = self._mailbox is not None and self._mailbox.waiting()
        client.outstanding = bool(waiting)
        for command in commands[client.settled :]:
            if client.sent.get(command.id, {}).get("ended"):
                continue
            ticket = self._tickets.get(command.id)
            own = ticket in client.tickets
            event = command_facts(command, ticket, own=own)
            if own and event["done"]:
                release_result(command)
            # A step may take hours, so its end is checked only every `PERIOD` seconds.
            client.outstanding = client.outstanding or not event["done"]
            key = {name: one for name, one in event.items() if name != "result"}
            if client.sent.get(command.id) != key:
                client.sent[command.id] = key
                events.append(event)
        while client.settled < len(commands) and client.sent.get(client.settled + 1, {}).get(
            "ended"
        ):
            client.settled += 1
            client.sent.pop(client.settled, None)
        for ticket in client.tickets.intersection(list(self._refused)):
            text, error = self._refused.pop(ticket)
            events.append(
                {"ticket": ticket, "done": True, "reason": text, "exception": portable(error)}
            )
        return events

    def _send(
        self, client: Client, facts: dict[str, Any] | None, events: list[dict[str, Any]]
    ) -> None:
        message: dict[str, Any] = {}
        if facts is not None:
            new = {name: encoded(packed(value)) for name, value in facts.items()}
            changed = [name for name in new if client.facts.get(name) != new[name]]
            client.facts.update(new)
            if changed:
                message["facts"] = {name: packed(facts[name]) for name in changed}
        if events:
            message["commands"] = events
        probes = client.answered()
        if probes:
            message["probes"] = probes
        if message:
            client.report(message)


def _nothing() -> None:
    """Return None: there is no snapshot on disk."""
