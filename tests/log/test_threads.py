"""The records of one thread as another thread sees them."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.logs import every_backend
from workbench.errors import LogError

pytestmark = every_backend


def elsewhere(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def seen(log):
    return {i: dict(row) for i, row in log.items()}


def test_records_wait_for_commit_but_not_for_their_own_thread(new):
    log = new()
    with log.writing():
        log[1]["cost"] = 0.5
        log[1]["norm"] = 2.0
        assert elsewhere(lambda: (seen(log), log.channels)) == ({}, ())
        assert seen(log) == {1: {"cost": 0.5, "norm": 2.0}}
        log.commit()
        assert elsewhere(lambda: seen(log)) == {1: {"cost": 0.5, "norm": 2.0}}
        log[2]["cost"] = 0.25
    assert elsewhere(lambda: seen(log))[2] == {"cost": 0.25}


def test_bulk_reading_shows_a_thread_its_own_records(new):
    log = new()
    with log.writing():
        log[1].update(cost=0.5)
        log.commit()
        log[1].update(cost=0.75, norm=2.0)
        log[2]["cost"] = 0.25
        assert log.channel("cost").to_dict() == {1: 0.75, 2: 0.25}
        assert log.frame.norm.dropna().to_dict() == {1: 2.0}
        assert (len(log), log.channels, 2 in log) == (2, ("cost", "norm"), True)
        assert elsewhere(lambda: log.channel("cost").to_dict()) == {1: 0.5}
    assert log.frame.cost.to_dict() == {1: 0.75, 2: 0.25}


def test_a_note_from_another_thread_is_seen_at_once(new):
    log = new()
    with log.writing():
        log[1]["cost"] = 0.5
        elsewhere(lambda: log[1].update(note="hello"))
        assert elsewhere(lambda: seen(log)) == {1: {"note": "hello"}}
    assert seen(log) == {1: {"cost": 0.5, "note": "hello"}}


def test_a_log_serves_one_run_at_a_time(new):
    log = new()
    with log.writing(), pytest.raises(LogError, match="is writing to this log for a run"):
        elsewhere(lambda: log.writing().__enter__())
    with log.writing():
        pass


def test_a_reader_always_sees_whole_rows(new):
    log, enough = new(), threading.Event()

    def train():
        with log.writing():
            for i in itertools.takewhile(lambda _: not enough.is_set(), itertools.count()):
                log[i]["a"] = float(i)
                log[i]["b"] = i
                log[i]["c"] = str(i)
                log.commit()

    trainer = threading.Thread(target=train)
    trainer.start()
    frames, seen = [log.frame], 0
    while len(frames) < 20:
        if log.version > seen:
            seen = log.version
            frames.append(log.frame)
    enough.set()
    trainer.join()
    frames.append(log.frame)
    for frame in frames:
        assert frame.empty or frame.columns.tolist() == ["a", "b", "c"]
        rows = list(range(len(frame)))
        assert all(frame[name].astype(int).tolist() == rows for name in frame)
    assert len({len(frame) for frame in frames}) > 1


def test_epochs_can_be_read_while_they_end(new):
    log, done = new(), threading.Event()

    def train():
        with log.writing():
            for i in range(1, 3000):
                log[i]["cost"] = 1.0
                log.status["iterations_done"] = i
                log.status["_epoch_ends"] += [i]
                log.commit()
        done.set()

    threading.Thread(target=train).start()
    lengths = []
    while not done.is_set():
        lengths.append(len(log.epochs))
    assert lengths == sorted(lengths) and len(log.epochs) == 2999
