"""Faults around a run in another process, which must neither end it nor make anything wait."""

import logging
import os
import pickle
import shutil
import signal
import socket
import sys
import threading
import types
from functools import partial
from types import SimpleNamespace

import pytest
import torch

import workbench
from tests.support.forked_runs import Forked, build
from tests.support.waiting import until
from workbench import errors
from workbench.config import config
from workbench.distributed import ProcessGroup
from workbench.log import SQLiteLog
from workbench.log.placeholders import Pickled
from workbench.session.remote import shared_mailbox
from workbench.session.remote.facts import RELEASED
from workbench.session.remote.folder import RunFolder, announced, runs_folder
from workbench.session.remote.job import saved_state
from workbench.session.remote.keeper import Keeper
from workbench.session.remote.launcher import Unowned
from workbench.session.remote.lifecycle import check_newest, close_link
from workbench.session.remote.link import Link
from workbench.session.remote.output import Outputs
from workbench.session.remote.server import Server
from workbench.session.remote.session import RemoteSession
from workbench.session.remote.shared_mailbox import Exchange
from workbench.session.remote.values import RemoteCommand
from workbench.session.remote.wire import connect, listener
from workbench.session.remote.worker import _make, _Process
from workbench.session.session import Session
from workbench.session.snapshots import Snapshot
from workbench.utils.waiting import wait

SECRET = b"a secret"


def only_there(loop):
    """Return an object of a module that exists only in the process that trains."""
    module = types.ModuleType("only_there")
    exec("class Result:\n    pass", module.__dict__)
    sys.modules["only_there"] = module
    return module.Result()


@pytest.fixture
def served(tmp_path):
    """Yield a paused session whose log is in a database, and a connection to its server."""
    session = Session(build(log=SQLiteLog(tmp_path / "log.sqlite")), "served here")
    session.start(paused=True)
    server = Server(session, SECRET)
    server.start()
    connection = connect(server.port, SECRET)
    connection.send({"notebook": True})
    yield session, server, connection
    connection.close()
    session.stop()
    session.wait(60)


def outcome_of(connection, ticket):
    """Return the event that ends a command."""
    while True:
        for event in connection.receive().get("commands", ()):
            if event["ticket"] == ticket and event["done"]:
                return event


def step(connection, ticket):
    """Ask for a step."""
    message = {"do": "step", "args": [1], "options": {}, "by": "code"}
    connection.send({**message, "ask": 1, "ticket": ticket})


def test_arguments_that_cannot_be_unpickled_there_are_refused(shared_run, monkeypatch):
    module = types.ModuleType("only_here")
    exec("def work(loop):\n    pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    with pytest.raises(errors.ProcessError, match="arguments cannot be unpickled.*only_here"):
        shared_run.call(module.work)
    assert shared_run.call(lambda loop: 2).wait(60) == 2


def test_a_result_that_cannot_be_unpickled_here_is_an_error(shared_run):
    command = shared_run.call(lambda loop: only_there(loop))
    with pytest.raises(errors.SessionError, match="cannot be unpickled in this.*only_there"):
        command.wait(60)
    assert shared_run.call(lambda loop: 2).wait(60) == 2


def test_a_log_that_cannot_be_written_does_not_keep_receipts_back(served, monkeypatch):
    session, _, connection = served

    def fail():
        raise errors.LogError("the disk is full")

    monkeypatch.setattr(session.log, "flush", fail)
    step(connection, "first")
    assert outcome_of(connection, "first")["reason"] is None


def test_a_report_that_fails_for_one_notebook_reaches_the_others(served, monkeypatch, caplog):
    _, server, connection = served
    other = connect(server.port, SECRET)
    other.send({"notebook": True})
    step(connection, "first")
    outcome_of(connection, "first")
    bad, sent = server._clients[0], server._send

    def send(client, facts, events):
        if client is bad:
            raise TypeError("it cannot be sent")
        sent(client, facts, events)

    monkeypatch.setattr(server, "_send", send)
    with caplog.at_level(logging.CRITICAL):
        step(other, "second")
        assert outcome_of(other, "second")["reason"] is None
    other.close()


def test_a_notebook_that_does_not_read_keeps_no_other_waiting(served):
    _, server, connection = served
    slow = connect(server.port, SECRET)
    for one in (slow, connection):
        one._socket.settimeout(60)
    slow.send({"notebook": True})
    slow.receive()
    here = slow._socket.getsockname()
    (client,) = [one for one in server._clients if one.connection._socket.getpeername() == here]
    with client.connection._sending:  # as while the buffers of the connection are full
        for ticket in ("first", "second"):
            step(connection, ticket)
            assert outcome_of(connection, ticket)["reason"] is None
    assert outcome_of(slow, "second")["reason"] is None
    slow.close()


def test_a_large_result_is_sent_once_and_not_kept(served):
    session, server, connection = served
    other = connect(server.port, SECRET)
    other.send({"notebook": True})
    call = {"do": "call", "args": [lambda loop: [1, 2]], "options": {}, "by": "code"}
    connection.send({**call, "ask": 1, "ticket": "large"})
    assert outcome_of(connection, "large")["result"] == [1, 2]
    said = outcome_of(other, "large")
    assert "result" not in said and "sent only to the notebook that issued it" in said["unsent"]
    assert session.commands[-1]._result is RELEASED
    other.close()


def test_a_result_whose_notebook_has_left_is_not_kept(served):
    session, server, _ = served
    with session._queue.lock:
        command = session.call(lambda loop: [1, 2])
        server._tickets[command.id] = "of another notebook"
    until(lambda: command._result is RELEASED)
    assert session.call(lambda loop: [3]).wait(60) == [3]  # which no notebook has issued


def test_the_other_processes_keep_no_results(served):
    session, *_ = served
    _make(session, {"do": "call", "args": [lambda loop: [1]], "options": {}, "by": "code"})
    assert session.commands[-1].wait(60) is None and session.commands[-1].iteration == 0


def test_the_last_state_is_not_taken_from_a_run_that_has_begun_again(served, tmp_path, caplog):
    session, *_ = served
    process = object.__new__(_Process)
    keeper = Keeper(session, RunFolder(tmp_path))
    process._keep_last(session, keeper)
    assert keeper.iteration() is None
    session.stop()
    session.wait(60)
    process._keep_last(session, keeper)
    assert keeper.iteration() == session.log.status["iterations_done"]


def test_a_last_state_that_cannot_be_written_does_not_end_the_process(served, tmp_path, caplog):
    session, *_ = served
    session.stop()
    session.wait(60)
    object.__new__(_Process)._keep_last(session, Keeper(session, RunFolder(tmp_path / "none")))
    assert "the last state was not written" in caplog.text


@pytest.fixture
def folder(folder_of_runs):
    """Yield the folder of a run that is not there."""
    folder = RunFolder.create("no run")
    folder.write({"name": "no run", "launch": 1})
    yield folder
    folder.remove()


def test_the_permissions_of_an_existing_folder_are_left_alone(tmp_path):
    with config.override(runs_path=tmp_path):
        tmp_path.chmod(0o755)
        assert runs_folder() == tmp_path and tmp_path.stat().st_mode & 0o777 == 0o755
        tmp_path.chmod(0o775)
        with pytest.raises(errors.ProcessError, match="other users can write .*drwxrwxr-x.*go-w"):
            runs_folder()
        tmp_path.chmod(0o700)


def test_only_the_end_of_a_long_output_is_read(tmp_path, capsys):
    folder = RunFolder(tmp_path)
    outputs = Outputs(folder, 0, 1)
    with open(folder.output(0, 0), "wb") as file:
        file.seek(2**40)  # the file has a hole, and cannot be read as a whole
        file.write(b"\none\ntwo\nthr")
    outputs.show()
    assert capsys.readouterr().out.endswith("\none\ntwo\n")
    assert outputs.last(0).endswith("one\ntwo\nthr")
    with open(folder.output(0, 0), "ab") as file:
        file.write(b"ee\n")
    outputs.show()
    assert capsys.readouterr().out == "three\n"


def test_a_progress_bar_is_shown_as_a_terminal_shows_it(tmp_path, capsys):
    folder = RunFolder(tmp_path)
    outputs = Outputs(folder, 0, 1)
    folder.output(0, 0).write_bytes(b"\r 0%\r 50%\r100%\nplain\r\n\nform\x0cfeed\n\r 0%")
    outputs.show()
    assert capsys.readouterr().out == "100%\nplain\n\nform\x0cfeed\n"
    assert outputs.last(0, 2) == "form\x0cfeed\n 0%"


def test_a_message_that_cannot_be_read_is_a_lost_connection(folder, monkeypatch):
    folder.write({"name": "no run", "launch": 1, "processes": 1})
    link = Link(folder, Unowned([1]), [], lambda: None)

    def receive():
        raise ValueError("this is no JSON")

    link._connection = SimpleNamespace(receive=receive)
    link._receive()
    monkeypatch.setattr("workbench.session.remote.failures.GRACE", 0)
    assert "the connection to it was lost" in str(link._failures.found())


def test_only_the_announcement_of_the_own_launch_is_withdrawn(folder):
    folder.announce({"launch": 2, "pid": os.getpid()})
    folder.withdraw(1)
    assert folder.announced()["launch"] == 2
    folder.withdraw(2)
    assert not folder.announced()


def test_an_announcement_of_another_machine_is_left_alone(folder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(socket, "gethostname", lambda: "elsewhere")
        folder.announce({"launch": 1, "pid": 1, "port": 1})
    assert not folder.announced() and folder.path not in [one.path for one in announced()]
    folder.withdraw(1)
    assert folder.announcement.exists()


def test_an_announcement_without_a_process_is_withdrawn(folder):
    with listener() as free:
        port = free.getsockname()[1]
    folder.write({"name": "no run", "launch": 1, "secret": "00", "processes": 1, "detached": True,
                  "database": str(folder.path / "log.sqlite")})  # fmt: skip
    folder.announce({"launch": 1, "pid": os.getpid(), "port": port})
    assert not folder.is_live()
    assert workbench.attach("no run")._link is None
    assert not folder.announcement.exists()


def test_a_live_run_that_does_not_let_this_process_in_stays_announced(folder, served):
    folder.write({"name": "no run", "launch": 1, "secret": "00", "processes": 1, "detached": True})
    folder.announce({"launch": 1, "pid": os.getpid(), "port": served[1].port})
    with pytest.raises(errors.ProcessError, match="does not know the secret"):
        workbench.attach("no run")
    assert folder.announcement.exists()


def test_the_id_of_an_ended_process_can_belong_to_another_process(folder, served, monkeypatch):
    """After a restart of the machine, another server can also have the port of the run."""
    folder.write({"name": "no run", "launch": 1, "secret": "00", "processes": 1, "detached": True,
                  "database": str(folder.path / "log.sqlite")})  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr("workbench.session.remote.folder.birth", lambda pid: "another 7")
        folder.announce({"launch": 1, "pid": os.getpid(), "port": served[1].port})
    assert folder.announced() and not folder.is_live()
    assert workbench.attach("no run")._link is None
    assert not folder.announcement.exists()


def test_the_name_of_a_run_that_was_killed_is_free(folder, start):
    with listener() as free:
        port = free.getsockname()[1]
    folder.announce({"launch": 1, "pid": os.getpid(), "port": port, "name": "again"})
    assert start(name="again", paused=True).name == "again"


def test_a_run_that_was_restarted_elsewhere_is_not_restarted_again(folder):
    session = RemoteSession(folder, Forked())
    folder.write({"name": "no run", "launch": 2})
    with pytest.raises(errors.SessionError, match="restarted elsewhere; workbench.attach"):
        check_newest(session)
    shutil.rmtree(folder.path)
    with pytest.raises(errors.SessionError, match="was removed, so the run cannot be started"):
        check_newest(session)


def test_waiting_for_a_command_has_a_limit(shared_run):
    link = shared_run._link
    command = RemoteCommand(0, "call", "never done")
    shared_run.commands.append(command)
    was, link.ended = link.ended, threading.Event()
    link.ended.set()
    try:
        assert not link.wait(0.1, wait)
    finally:
        link.ended = was
        shared_run.commands.remove(command)


def test_a_forked_process_leaves_the_runs_of_its_parent_alone(shared_run, monkeypatch):
    link = shared_run._link
    monkeypatch.setattr(link, "owner", link.owner + 1)
    close_link(link, shared_run._folder, detached=False)
    assert link.is_open


def test_the_state_of_a_class_that_a_notebook_defines_is_saved():
    kept = type("Kept", (), {"__module__": "__main__"})()
    snapshot = Snapshot(1, 0, {"extensions": kept}, {}, {}, None)
    data = saved_state(snapshot, "00")
    assert type(pickle.loads(data)["snapshot"].state["extensions"]).__name__ == "Kept"


def test_a_run_that_has_ended_shows_its_own_log_of_a_shared_database(folder, tmp_path):
    logs = [SQLiteLog(tmp_path / "logs.sqlite") for _ in range(2)]
    for log in logs:
        log[0]["cost"] = 1.0
        log.flush()
    folder.write({"name": "no run", "launch": 0, "database": logs[0].database})
    folder.note_log(logs[0].h_uuid)
    assert workbench.attach("no run").log.uuid == logs[0].uuid


def test_calls_that_do_not_come_from_the_first_process_are_not_unpickled(monkeypatch):
    sent = []
    monkeypatch.setattr(shared_mailbox, "patient_group", lambda limit: None)
    monkeypatch.setattr(Exchange, "_broadcast", lambda self, value: sent.append(value))
    first = Exchange(ProcessGroup(0, 2), SECRET)
    first.send([{"do": "pause"}])
    first.send([{"do": "resume"}])

    def receive(self, value):
        value.copy_(next(messages))

    monkeypatch.setattr(Exchange, "_broadcast", receive)
    second = Exchange(ProcessGroup(1, 2), SECRET)
    messages = iter(sent)
    assert [second.receive(), second.receive()] == [[{"do": "pause"}], [{"do": "resume"}]]
    messages = iter(sent)  # a repetition
    with pytest.raises(errors.ProcessError, match="does not come from the first process"):
        second.receive()
    messages = iter(sent)
    with pytest.raises(errors.ProcessError, match="does not come from the first process"):
        Exchange(ProcessGroup(1, 2), b"another").receive()


def test_a_main_loop_for_one_process_is_not_restarted_with_two(start):
    from tests.live.runs import make_loop

    session = start(make_loop(), paused=True)
    session.stop()
    session.wait(60)
    with pytest.raises(errors.ProcessError, match=r"started with one process.*processes=1"):
        session.restart(processes=2)


def test_a_restart_without_a_snapshot_keeps_the_number_of_batches(start):
    session = start(build(), batches=7, paused=True)
    os.kill(session.processes[0], signal.SIGKILL)
    with pytest.raises(errors.ProcessError):
        session.wait(60)
    session._folder.snapshot.unlink(missing_ok=True)
    session.restart()
    session.resume().wait(60)
    assert session.wait(60)
    assert session.log.status["iterations_done"] == 7


def test_a_database_that_is_not_trusted_stays_so(start, tmp_path):
    session = start(build(epochs=1, log=SQLiteLog(tmp_path / "log.sqlite")), paused=True)
    session.step(2).wait(60)
    session.call(lambda loop: loop.log.current_row.update(kept={1, 2})).wait(60)
    session.resume().wait(60)
    assert session.wait(60)
    assert isinstance(session.log[2]["kept"], Pickled)
    session.restart()
    assert session.wait(60)
    again = SQLiteLog(tmp_path / "log.sqlite", uuid=session.log.uuid, trusted=True)
    assert again[2]["kept"] == {1, 2}


def test_a_restart_keeps_the_end_that_was_requested(start):
    session = start(build(), batches=9, paused=True)
    session.step(4).wait(60)
    until(lambda: session._link.facts.get("kept") is not None)
    os.kill(session.processes[0], signal.SIGKILL)
    with pytest.raises(errors.ProcessError):
        session.wait(60)
    session.restart()
    assert session.wait(60)
    assert session.log.status["iterations_done"] == 9
    session.restart()
    assert session.wait(60)
    assert session.log.status["iterations_done"] == 9


def test_a_session_says_that_its_log_cannot_be_written(start, caplog):
    session = start(paused=True)

    def fail(loop, text):
        type(loop.log).problem = text

    session.call(partial(fail, text="no space is left")).wait(60)
    until(lambda: session.note == "no space is left")
    assert "no space is left" in caplog.text
    session.call(partial(fail, text="")).wait(60)
    until(lambda: session.note == "")


def test_a_process_that_cannot_say_on_a_full_disk_why_it_ended(folder, monkeypatch):
    folder.write({"name": "no run", "launch": 1, "processes": 1})
    ended = SimpleNamespace(pids=[1], status=lambda rank: 1, kill=lambda: None)
    link = Link(folder, ended, [], lambda: None)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(errors.ProcessError, match="the disk with the folder .* is full. Free some"):
        link._failures.check_start()


@pytest.mark.parametrize("status", [-9, 1])
def test_the_process_that_ended_first_is_named_if_others_lost_the_connection(folder, status):
    folder.write({"name": "no run", "launch": 1, "processes": 2})
    folder.output(1, 0).write_text("RuntimeError: [gloo/pair.cc:1] Connection reset by peer\n")
    folder.output(1, 1).write_text("its own error\n")
    statuses = [1, status]
    ended = SimpleNamespace(pids=[1, 2], status=lambda rank: statuses[rank], kill=lambda: None)
    link = Link(folder, ended, [], lambda: None)
    with pytest.raises(errors.ProcessError, match="process 1 of 2 in 'no run' could not start"):
        link._failures.check_start()


def test_a_lost_connection_between_two_batches_is_no_error_of_its_own(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("[gloo/pair.cc:1] Connection reset by peer")

    monkeypatch.setattr(shared_mailbox, "patient_group", lambda limit: None)
    monkeypatch.setattr("workbench.tensor.processes._joined", [ProcessGroup(0, 2)])
    monkeypatch.setattr(torch.distributed, "broadcast", fail)
    with pytest.raises(errors.ProcessError, match="lost the connection to the other processes"):
        Exchange(ProcessGroup(0, 2), SECRET).send([])
