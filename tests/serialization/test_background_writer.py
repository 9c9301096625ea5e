"""The writer in another thread: order, errors, waiting."""

import copy
import pickle
import threading

from workbench.serialization.background_writer import Writer


def test_training_continues_while_a_file_is_written():
    writer, gate, reports = Writer(), threading.Event(), []
    writer.start(gate.wait, reports.append)
    assert reports == []
    gate.set()
    writer.wait()
    assert reports == [None]


def test_one_thing_is_written_after_the_other():
    writer, done = Writer(), []
    for i in range(5):
        writer.start(lambda i=i: done.append(i), lambda error: done.append("reported"))
    writer.wait()
    assert done == [x for i in range(5) for x in (i, "reported")]


def test_an_error_is_reported_by_wait():
    writer, reports, ended = Writer(), [], threading.Event()

    def fail():
        raise OSError("disk full")

    writer.start(fail, lambda error: reports.append((error, threading.current_thread())), ended.set)
    assert ended.wait(10)
    writer.wait()
    writer.wait()
    ((error, thread),) = reports
    assert str(error) == "disk full" and thread is threading.current_thread()


def test_duplicates_have_nothing_to_write():
    writer, gate, reports = Writer(), threading.Event(), []
    writer.start(gate.wait, reports.append)
    for duplicate in (copy.deepcopy(writer), pickle.loads(pickle.dumps(writer))):
        duplicate.wait()
    gate.set()
    writer.wait()
    assert reports == [None]


def test_where_no_thread_can_be_started_it_is_written_at_once(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    writer, done = Writer(), []
    writer.start(lambda: done.append("written"), lambda error: done.append(error))
    assert done == ["written"]
    writer.wait()
    assert done == ["written", None]
