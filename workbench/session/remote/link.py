"""`Link`, the connection between a notebook and the processes that one launch has started."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from workbench.errors import ProcessError, SessionError
from workbench.interfaces import State
from workbench.session.remote.calls import Calls
from workbench.session.remote.failures import Failures
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.launcher import Launched, Unowned
from workbench.session.remote.mirror import Mirror
from workbench.session.remote.output import Outputs
from workbench.session.remote.values import RemoteCommand, RemoteProbe
from workbench.session.remote.wire import Connection, Pickled, connect
from workbench.utils.actors import actor

logger = logging.getLogger(__name__)

START = 120.0
"""Time limit, in seconds, for the processes to become ready."""

PERIOD = 0.1
"""Seconds between two checks of the processes."""

GONE = "the processes of this run have ended, so they cannot answer; {hint}"
LATE = (
    "the processes of {name!r} were not ready within {seconds:g} s, and were ended. Their output "
    "was:\n{output}"
)


class Link:
    """Connection that a notebook uses to call and end the processes of one launch.

    Parameters
    ----------
    folder : RunFolder
    launched : Launched
    commands : list of RemoteCommand
        The list of the session's commands; new commands are appended.
    changed : callable
        A function that is called after new information has been received.

    Attributes
    ----------
    known : Mirror
        The information that the run has reported.
    owner : int
        The ID of the process that created the connection. A forked process has only a copy of the
        connection.
    failure : BaseException or None
        The error that ended the processes.
    ended : threading.Event
        An event that is set when training has ended, and cleared when it continues.
    outputs : Outputs
        The outputs of the processes.
    stopped : str
        A text about a process that is stopped; empty if all processes run.
    """

    def __init__(
        self,
        folder: RunFolder,
        launched: Launched,
        commands: list[RemoteCommand],
        changed: Callable[[], None],
    ) -> None:
        self.folder = folder
        self.owner = os.getpid()
        self.launched = launched
        self.known = Mirror(commands, self.ask)
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        self._run = folder.read()
        self._changed = changed
        self._connection: Connection | None = None
        self._lock = self.known.lock
        self._calls = Calls(self._lock)
        self._ready = threading.Event()
        self._disconnected = threading.Event()
        self._closing = self._processes_ended = False
        self._failures = Failures(self)
        self._unwritten = self.stopped = ""
        self.outputs = Outputs(folder, self.launch, self.size)

    @property
    def name(self) -> str:
        """The name of the run."""
        return str(self._run["name"])

    @property
    def launch(self) -> int:
        """The number of the launch."""
        return int(self._run["launch"])

    @property
    def size(self) -> int:
        """The number of processes."""
        return int(self._run["processes"])

    @property
    def facts(self) -> dict[str, Any]:
        """The information that the run has reported; see `workbench.session.remote.facts`."""
        return self.known.facts

    @property
    def is_open(self) -> bool:
        """True while the processes can answer."""
        return self._connection is not None and self.failure is None and not self._closing

    @property
    def state(self) -> State:
        """The state of the session."""
        if self.failure is not None:
            return State.FAILED
        found = State(self.facts.get("state", State.CREATED))
        if found is State.FAILED and self.size > 1:
            return State.STOPPING  # until the cause is known
        return State.STOPPED if self._processes_ended and not found.ended else found

    @property
    def has_failed(self) -> bool:
        """True if training or a process has failed, even if the cause is not yet known."""
        if self.failure is not None or self.facts.get("state") == State.FAILED:
            return True
        return any(self.launched.status(rank) for rank in range(len(self.launched.pids)))

    @property
    def exception(self) -> BaseException | None:
        """The error that ended training, if any."""
        if self.failure is not None or self.size > 1:
            return self.failure
        found: BaseException | None = self.facts.get("exception")
        return found

    def open(self, *, new: bool) -> None:
        """Connect to the processes, and wait until they have reported for the first time.

        Parameters
        ----------
        new : bool
            True if the processes have just been launched.

        Raises
        ------
        ProcessError
            If the processes cannot be reached.
        """
        deadline = time.monotonic() + START
        while True:
            announced = self.folder.announced()
            if announced.get("launch") == self._run["launch"]:
                break
            self._failures.check_start()
            if time.monotonic() > deadline:
                self.launched.kill()
                output = self.outputs.last(0, 20)
                raise ProcessError(LATE.format(name=self.name, seconds=START, output=output))
            time.sleep(0.02)
        self._connection = connect(announced["port"], bytes.fromhex(self._run["secret"]))
        self._connection.send({"notebook": True})
        if not new:
            self.outputs.skip()
        for work in (self._receive, self._watch):
            threading.Thread(target=work, name=f"{self.name} {work.__name__}", daemon=True).start()
        while not self._ready.wait(0.05):
            if self.failure is not None:
                raise self.failure
            if time.monotonic() > deadline:
                raise ProcessError(LATE.format(name=self.name, seconds=START, output=""))

    # Calls

    def ask(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method of the session in the first process, and return its result.

        Raises
        ------
        SessionError
            If the processes have ended.
        """
        return self._call({"do": name, "args": Pickled(args), "options": Pickled(options)})

    def _call(self, message: dict[str, Any]) -> Any:
        with self._lock:
            connection = self._connection
            if not self.is_open or connection is None:
                raise SessionError(self._gone())
            number, answer = self._calls.expect()
        try:
            connection.send({**message, "ask": number})
        except OSError:
            self._calls.forget(number)
            raise SessionError(self._gone()) from None
        return answer.result()

    def _gone(self) -> str:
        hint = "call restart() to continue from the last snapshot on disk"
        if self.failure is not None:
            hint = f"{hint}. {type(self.failure).__name__}: {self.failure}"
        return GONE.format(hint=hint)

    def command(self, name: str, *args: Any, **options: Any) -> RemoteCommand:
        """Issue a command.

        Raises
        ------
        SessionError
            If the arguments are refused.
        """
        message = {"do": name, "args": Pickled(args), "options": Pickled(options), "by": actor()}
        ticket = uuid.uuid4().hex
        with self._lock:
            command = RemoteCommand(0, name, name)
            if not self.is_open:
                self.known.add(command)
                command._refuse(self._gone())
                return command
            self.known.expect(ticket, command)
        try:
            found = self._call({**message, "ticket": ticket})
        except BaseException:
            self.known.forget(ticket)
            raise
        with self._lock:
            if command.text == name:
                command.kind, command.text = found["kind"], found["text"]
            self.known.add(command)
            if self.failure is not None and not command.done:
                command._refuse(self._gone())
        return command

    def probe(self, *args: Any, **options: Any) -> RemoteProbe:
        """Request the values of variables from the first process; see `Session.probe`."""
        probe = RemoteProbe(options.get("examples") or ())
        found = self.ask("probe", *args, **options)
        with self._lock:
            self.known.add_probe(found, probe)
            if self.failure is not None and not probe.done:
                probe.refuse(self._gone())
        return probe

    # Messages

    def _receive(self) -> None:
        connection = self._connection
        assert connection is not None
        try:
            while True:
                message = connection.receive()
                try:
                    if self.failure is None:
                        self._take(message)
                except Exception:
                    logger.exception("a message from %r could not be processed", self.name)
        except (OSError, EOFError, ValueError):  # for instance, a message from another version
            self._disconnected.set()
            if not self._closing:
                self._failures.suspect(0)

    def _take(self, message: Mapping[str, Any]) -> None:
        if "answer" in message:
            self._calls.take(message)
            return
        with self._lock:
            self.known.take(message)
            if "facts" in message:
                self._see_facts()
        self._changed()
        self._ready.set()

    def _see_facts(self) -> None:
        """Check the reported information for failures and for the end of training."""
        facts = self.facts
        unwritten = str(facts.get("unwritten") or "")
        if unwritten and not self._unwritten:  # the output of the processes has no space, either
            logger.error("%s: %s", self.name, unwritten)
        self._unwritten = unwritten
        if facts.get("troubles"):
            self._failures.suspect()
        if State(facts["state"]).ended:
            if facts["state"] == State.FAILED and self.size > 1:
                self._failures.suspect()
            else:
                self.ended.set()
        else:
            self.ended.clear()

    def wait(self, timeout: float | None, way: Callable[..., bool]) -> bool:
        """Wait until training has ended and no command is waiting, or until the timeout expires."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not way(self.ended, left):
                return False
            with self._lock:
                some = self.failure is None and bool(self.known.waiting)
                if self.ended.is_set() and not some:
                    return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(0.01)

    # The end

    def _watch(self) -> None:
        """Check the processes repeatedly, and print their output."""
        while not self._closing and self.failure is None:
            self.outputs.show()
            self._see_stopped(self._failures.stopped())
            if self._failures.ended_on_request():
                self._end()
                break
            failure = self._failures.found()
            if failure is not None:
                self.fail(failure)
            time.sleep(PERIOD)
        self.outputs.show()

    def _see_stopped(self, text: str) -> None:
        """Keep a text about a stopped process, and print it when the process was found."""
        if text and not self.stopped:
            logger.error("%s: %s", self.name, text)
        changed, self.stopped = bool(text) != bool(self.stopped), text
        if changed:
            self._changed()

    def _end(self) -> None:
        """Close the connection after the processes have ended because a notebook asked them to."""
        with self._lock:
            if self._closing or self.failure is not None:
                return
            self._closing = self._processes_ended = True
        self._withdraw()
        self._disconnect()
        self._refuse_all()
        self.ended.set()
        self._changed()

    def fail(self, error: BaseException) -> None:
        """End all processes after a failure, and refuse all pending calls and commands."""
        with self._lock:
            if self._closing or self.failure is not None:
                return
            self.failure = error
        if isinstance(self.launched, Unowned):
            self._ask_to_end()  # the connection is kept, since its loss shows that they ended
        else:
            self.launched.kill()
            self._withdraw()
            self._disconnect()
        logger.error("%s: %s", type(error).__name__, error)
        self._refuse_all()
        self.ended.set()
        self._changed()

    def _ask_to_end(self) -> None:
        """Ask the first process, if still connected, to end all processes."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.send({"close": True})

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _refuse_all(self) -> None:
        reason = self._gone()
        self._calls.refuse(reason)
        self.known.refuse(reason, self.failure)

    def abandon(self) -> None:
        """Close the connection after it has failed to open; the caller ends the processes."""
        with self._lock:
            self._closing = True
        self._disconnect()
        self._refuse_all()

    def leave(self) -> None:
        """Close the connection; the processes continue."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self.launched.leave()
        self._disconnect()
        self._refuse_all()

    def close(self, seconds: float) -> None:
        """End the processes; kill them if this takes longer than the given number of seconds."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        if self.failure is None or isinstance(self.launched, Unowned):
            self._ask_to_end()
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and not self._have_ended():
                time.sleep(0.02)
        self.launched.kill()
        self._processes_ended = True
        self._withdraw()
        self._disconnect()
        self._refuse_all()
        self.ended.set()

    def _have_ended(self) -> bool:
        """Return True if all processes have ended; if they are `Unowned`, check only the first."""
        if isinstance(self.launched, Unowned):
            return self._disconnected.is_set()  # it disconnects only when it ends
        ranks = range(len(self.launched.pids))
        return all(self.launched.status(rank) is not None for rank in ranks)

    def _withdraw(self) -> None:
        """Remove the announcement of the processes, if this process has started them."""
        if not isinstance(self.launched, Unowned):
            self.folder.withdraw(self.launch)
