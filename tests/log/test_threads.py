"""What one thread sees of what another records."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.errors import LogError
from workbench.log import TrainingLog


def elsewhere(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def seen(log):
    return {i: dict(row) for i, row in log.items()}


def test_records_wait_for_commit_but_not_for_their_own_thread():
    log = TrainingLog()
    with log.writing():
        log[1]["cost"] = 0.5
        log[1]["norm"] = 2.0
        assert elsewhere(lambda: (seen(log), log.channels)) == ({}, ())
        assert seen(log) == {1: {"cost": 0.5, "norm": 2.0}}
        log.commit()
        assert elsewhere(lambda: seen(log)) == {1: {"cost": 0.5, "norm": 2.0}}
        log[2]["cost"] = 0.25
    assert elsewhere(lambda: seen(log))[2] == {"cost": 0.25}


def test_bulk_reading_shows_a_thread_its_own_records():
    log = TrainingLog()
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


def test_a_note_from_another_thread_is_seen_at_once():
    log = TrainingLog()
    with log.writing():
        log[1]["cost"] = 0.5
        elsewhere(lambda: log[1].update(note="hello"))
        assert elsewhere(lambda: seen(log)) == {1: {"note": "hello"}}
    assert seen(log) == {1: {"cost": 0.5, "note": "hello"}}


def test_a_log_serves_one_run_at_a_time():
    log = TrainingLog()
    with log.writing(), pytest.raises(LogError, match="is writing this log for a run"):
        elsewhere(lambda: log.writing().__enter__())
    with log.writing():
        pass


def test_a_reader_always_sees_whole_rows():
    log, done = TrainingLog(), threading.Event()

    def train():
        with log.writing():
            for i in range(3000):
                log[i]["a"] = float(i)
                log[i]["b"] = i
                log[i]["c"] = str(i)
                log.commit()
        done.set()

    threading.Thread(target=train).start()
    ragged, seen_rows = 0, set()
    while not done.is_set():
        frame = log.frame
        seen_rows.add(len(frame))
        ragged += int(frame.isna().any(axis=None)) + (len(frame.columns) not in (0, 3))
    assert ragged == 0
    assert len(seen_rows) > 1
    frame = log.frame
    assert frame.a.tolist() == frame.b.tolist() == frame.c.astype(int).tolist() == list(range(3000))
