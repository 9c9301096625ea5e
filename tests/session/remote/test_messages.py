"""The number of messages: few to the notebook, and none between processes without a reason."""

import collections
import itertools
import os
from types import SimpleNamespace

import pytest
import torch

from tests.support.forked_runs import build
from tests.support.waiting import paused_at, until
from workbench.extensions import TrainingExtension
from workbench.log import SQLiteLog
from workbench.session.remote import server
from workbench.session.remote.client import Client
from workbench.session.remote.shared_mailbox import Exchange
from workbench.session.session import Session
from workbench.session.snapshot_taker import SnapshotTaker
from workbench.tensor.collectives import Collective

SECONDS, BATCHES = 2.0, 3


class EnoughTime(BaseException):
    """The end of the time of a clock."""


class Clock:
    """Clock that moves only while a server waits, and event for which the server waits.

    During each wait, training processes some batches.
    """

    def __init__(self, status):
        self.status, self.time = status, 0.0

    def monotonic(self):
        return self.time

    def wait(self, seconds):
        if self.time >= SECONDS:
            raise EnoughTime
        before = self.status["iterations_done"]
        until(lambda: self.status["iterations_done"] >= before + BATCHES, timeout=60)
        self.time += seconds

    def clear(self):
        pass


class Noted(Client):
    """Notebook that keeps the reports that it would receive, with their times."""

    def __init__(self, clock):
        super().__init__(SimpleNamespace(close=lambda: None))
        self.clock, self.reports = clock, []

    def report(self, message):
        self.reports.append((self.clock.time, message))


@pytest.mark.parametrize("waiting", [0, 1])
def test_a_notebook_gets_ten_reports_a_second_of_any_number_of_batches(
    tmp_path, monkeypatch, waiting
):
    """While a command waits, its outcome is looked for more often, but not rows."""
    session = Session(build(log=SQLiteLog(tmp_path / "log.sqlite")), f"reported {waiting}")
    session.start()
    clock = Clock(session.log.status)
    monkeypatch.setattr(server, "time", clock)
    serving = server.Server(session, b"", SimpleNamespace(waiting=lambda: waiting))
    notebook, serving._some = Noted(clock), clock
    serving._clients.append(notebook)
    hurried = []
    monkeypatch.setattr(session.log, "hurry", lambda: hurried.append(clock.time))
    try:
        with pytest.raises(EnoughTime):
            serving._report()
    finally:
        notebook.close()
        serving._socket.close()
        session.stop()
        session.wait(60)
    times = [when for when, message in notebook.reports if "facts" in message]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) > 5 * SECONDS
    assert min(gaps) > 0.0999
    assert hurried == times  # the rows are written for each report
    done = [message["facts"]["iterations_done"] for _, message in notebook.reports]
    assert min(later - earlier for earlier, later in itertools.pairwise(done)) >= BATCHES


class Counted(TrainingExtension):
    """Extension that records the numbers of messages between processes, batch by batch.

    The first process does not begin the batch with the number `gate` before the file exists.
    """

    def __init__(self, gate, file):
        super().__init__()
        self.gate, self.file = gate, file

    def __setstate__(self, state):
        vars(self).update(state)
        self.sent = collections.Counter()
        self.count(Collective, "__call__", "of_steps")
        self.count(Exchange, "_broadcast", "of_mailbox")
        SnapshotTaker.take_when_due = lambda taker, pin="": None  # all processes take them together

    def count(self, owner, name, kind):
        method = getattr(owner, name)

        def counting(*args):
            self.sent[kind] += type(args[1]) is torch.Tensor  # not one that only has a shape
            return method(*args)

        setattr(owner, name, counting)

    def before_batch(self, batch):
        loop = self.main_loop
        is_first = loop.algorithm.distributed.group.is_first
        if is_first and loop.status["iterations_done"] + 1 == self.gate:
            until(lambda: os.path.exists(self.file), timeout=60)

    def after_batch(self, batch):
        for kind in ("of_steps", "of_mailbox"):
            self.main_loop.log.current_row[kind] = self.sent[kind]
        self.sent.clear()


def test_a_step_needs_one_message_and_a_command_two_more(start, tmp_path):
    """The first batch of an epoch comes after an exchange of all values."""
    file = tmp_path / "a command waits"
    session = start(build("momentum", 9, Counted(7, str(file))), processes=2, paused=True)
    session.step(10)
    until(lambda: session.log.status["iterations_done"] == 6, timeout=60)
    command = session.set("learning_rate", 0.01)
    file.touch()
    command.wait(60)
    paused_at(session, 10)
    assert command.iteration in (7, 8)
    ordinary = [2, 3, 4, 5, 7, 8, 9, 10]
    sent = {n: (session.log[n]["of_steps"], session.log[n]["of_mailbox"]) for n in ordinary}
    assert sent == {n: (1, 2 if n == command.iteration + 1 else 0) for n in ordinary}
