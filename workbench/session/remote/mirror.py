"""`Mirror`, which stores what the first process of a run has reported to a notebook."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from workbench.errors import ProcessError
from workbench.session.remote.values import (
    UNREADABLE,
    Ask,
    RemoteBranch,
    RemoteCommand,
    RemoteProbe,
    RemoteSnapshot,
)
from workbench.session.remote.wire import Unreadable


class Mirror:
    """Facts, commands, branches and probes of a run in other processes.

    Parameters
    ----------
    commands : list of RemoteCommand
        The list of the session's commands; new commands are appended.
    ask : callable
        A function that sends a query to the first process.

    Attributes
    ----------
    facts : dict
        The information that the run has reported; see `workbench.session.remote.facts`.
    branches : list of RemoteBranch
    lock : threading.RLock
        The lock that guards the commands and the facts.
    """

    def __init__(self, commands: list[RemoteCommand], ask: Ask) -> None:
        self.facts: dict[str, Any] = {}
        self.branches: list[RemoteBranch] = []
        self.lock = threading.RLock()
        self._ask = ask
        self._commands = commands
        self._earlier = len(commands)
        self._tickets: dict[str, RemoteCommand] = {}
        self._by_id: dict[int, RemoteCommand] = {}
        self._probes: dict[int, RemoteProbe] = {}
        self._early_probes: dict[int, Any] = {}  # answers that arrived before `add_probe`

    @property
    def snapshots(self) -> list[RemoteSnapshot]:
        """The snapshots that the first process keeps in memory."""
        with self.lock:
            return [
                RemoteSnapshot(iteration, pin, self.branches[place])
                for iteration, pin, place in self.facts.get("snapshots", ())
                if place is not None and place < len(self.branches)
            ]

    @property
    def waiting(self) -> list[RemoteCommand]:
        """The commands of this launch that are listed but have no outcome yet."""
        return [one for one in self._commands[self._earlier :] if not one.done]

    def expect(self, ticket: str, command: RemoteCommand) -> None:
        """Remember a command until the first process reports on its ticket."""
        self._tickets[ticket] = command

    def forget(self, ticket: str) -> None:
        """Forget a command that was not accepted."""
        with self.lock:
            self._tickets.pop(ticket, None)

    def add(self, command: RemoteCommand) -> None:
        """Add a command to the session's list of commands, unless the list already contains it."""
        if not command.id:
            self._commands.append(command)
            command.id = len(self._commands)

    def add_probe(self, number: int, probe: RemoteProbe) -> None:
        """Give a probe its answer as soon as it arrives, or now if it has already arrived."""
        early = self._early_probes.pop(number, None)
        if early is None:
            self._probes[number] = probe
        else:
            probe.answer(early)

    def take(self, message: Mapping[str, Any]) -> None:
        """Process a report from the first process."""
        if "facts" in message:
            self._take_facts(message["facts"])
        for event in message.get("commands", ()):
            self._command_of(event).update(event)
        for probe in message.get("probes", ()):
            waiting = self._probes.pop(probe["number"], None)
            if waiting is None:
                self._early_probes[probe["number"]] = probe["answer"]
            else:
                waiting.answer(probe["answer"])

    def _take_facts(self, new: Mapping[str, Any]) -> None:
        readable = {name: one for name, one in new.items() if not isinstance(one, Unreadable)}
        if isinstance(new.get("exception"), Unreadable):
            readable["exception"] = ProcessError(UNREADABLE.format(error=new["exception"]))
        self.facts = {**self.facts, **readable}
        if "branches" in new:
            del self.branches[len(new["branches"]) :]
            for place, described in enumerate(new["branches"]):
                if place == len(self.branches):
                    self.branches.append(RemoteBranch(place, self._ask))
                self.branches[place].update(*described)

    def _command_of(self, event: Mapping[str, Any]) -> RemoteCommand:
        """Return the command that an event describes; create it if it was not issued here."""
        number = event.get("id")
        known = None if number is None else self._by_id.get(number)
        if known is None:
            known = self._tickets.pop(event.get("ticket") or "", None)
        if known is None:
            known = RemoteCommand(0, event.get("kind", ""), event.get("text", ""))
        self.add(known)
        if number is not None:
            self._by_id[number] = known
        return known

    def refuse(self, reason: str, failure: BaseException | None) -> None:
        """Refuse all commands and probes that have no outcome, and end all steps."""
        with self.lock:
            probes, self._probes = self._probes, {}
            waiting = [*self._commands[self._earlier :], *self._tickets.values()]
        for probe in probes.values():
            probe.refuse(reason)
        for command in waiting:
            if not command.done:
                command._refuse(reason)
            elif not command.ended:
                command._give_up(reason, failure)
