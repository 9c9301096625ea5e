"""The log in a database: stored values, resumption, other readers, unusable files."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.config import config
from workbench.errors import ConfigurationError, LogError, LogWarning
from workbench.log import SQLiteEntry, SQLiteLog, SQLiteStatus, TrainingLog
from workbench.log.backends import new_log
from workbench.log.placeholders import Pickled
from workbench.log.sqlite import tables


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


def trained(path, iterations=3, **options):
    log = SQLiteLog(path, **options)
    with log.writing():
        for i in range(1, iterations + 1):
            log.status["iterations_done"] = i
            log.current_row.update({"cost": 1 / i, "count": i})
            log.commit()
        log.status.update(epochs_done=1, _epoch_ends=[iterations])
    return log


VALUES = [
    0.5, -0.0, np.inf, 3, -(2**63), 2**70, True, None, "text", "a\0b", "\ud800", b"bytes",
    (1, [2.5, {"a": None}]), {"dict": {"tuple": []}}, np.float32(0.5),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_restored(path, value):
    log = SQLiteLog(path)
    log[1]["x"] = log.status["y"] = value
    log.flush()
    again = SQLiteLog(path, uuid=log.uuid)
    for found in (again[1]["x"], again.status["y"]):
        assert (found, type(found)) == (log[1]["x"], type(log[1]["x"]))
        assert str(found) == str(value)


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.array(["a"]), np.zeros((0, 2))])
def test_arrays_are_npy_in_the_database(path, array):
    log = SQLiteLog(path)
    log[1]["w"] = array
    ((blob,),) = log.conn.execute("SELECT value FROM entries")
    assert blob.startswith(b"\x93NUMPY")
    found = SQLiteLog(path, uuid=log.uuid)[1]["w"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_nan_is_not_none(path):
    log = SQLiteLog(path)
    log[1].update(a=float("nan"), b=None)
    log.flush()
    row = SQLiteLog(path, uuid=log.uuid)[1]
    assert np.isnan(row["a"]) and row["b"] is None


class Explosive:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_objects_are_unpickled_only_from_a_trusted_database(path):
    log = SQLiteLog(path)
    log[1].update(set={1, 2}, bomb=Explosive())
    del log[1]["bomb"]
    log[2]["bomb"] = Explosive()
    log.flush()
    found = SQLiteLog(path, uuid=log.uuid)
    assert isinstance(found[1]["set"], Pickled) and "trusted=True" in repr(found[2]["bomb"])
    del log[2]["bomb"]
    log.flush()
    assert SQLiteLog(path, uuid=log.uuid, trusted=True)[1]["set"] == {1, 2}


def test_an_object_is_stored_as_it_was_when_recorded(path):
    log, value = SQLiteLog(path), {3}
    log[1]["set"] = log.status["set"] = value
    value.add(4)
    log.flush()
    again = SQLiteLog(path, uuid=log.uuid, trusted=True)
    assert again[1]["set"] == again.status["set"] == {3}


def test_an_object_that_cannot_be_pickled_is_refused_where_it_is_recorded(path):
    log = SQLiteLog(path)
    with pytest.raises(LogError, match="of type lock that cannot be pickled"):
        log[1]["lock"] = threading.Lock()
    assert "lock" not in log[1]
    with pytest.raises(LogError, match="a string that can be encoded as UTF-8"):
        log[1]["\ud800"] = 1


def test_large_values_warn_once_a_channel(path):
    log = SQLiteLog(path)
    with config.override(max_blob_size=100):
        with pytest.warns(LogWarning, match="'w' uses 800 bytes .*max_blob_size = 100"):
            log[1]["w"] = np.zeros(100)
        log[2]["w"] = np.zeros(100)
    assert len(log) == 2


# Properties

CELLS = st.one_of(
    st.floats(allow_nan=False), st.integers(-(2**60), 2**60), st.booleans(), st.text(), st.none()
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["record", "record", "commit", "delete", "resume", "flush"]),
        st.integers(0, 8),
        st.sampled_from("abc"),
        CELLS,
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_both_backends_give_equal_frames_also_when_read_again(steps):
    memory, stored = TrainingLog(), SQLiteLog(":memory:")
    for log in (memory, stored):
        with log.writing():
            for step, iteration, name, value in steps:
                if step == "record":
                    log[iteration][name] = value
                elif step == "commit":
                    log.commit()
                elif step == "delete" and name in log[iteration]:
                    del log[iteration][name]
                elif step == "resume":
                    log.commit()
                    log.resume()
                elif step == "flush" and log is stored:
                    log.flush()
    pd.testing.assert_frame_equal(stored.frame, memory.frame)
    assert stored.channels == memory.channels
    stored.flush()
    if len(stored):
        again = opened_again(stored)
        assert {i: dict(r) for i, r in again.items()} == {i: dict(r) for i, r in memory.items()}
        assert again.frame.columns.tolist() == memory.frame.columns.tolist()


def opened_again(log):
    """Open a log of a database in memory a second time."""
    from unittest import mock

    with mock.patch("workbench.log.sqlite.log.Database", lambda *_: log._database):
        return SQLiteLog(":memory:", uuid=log.uuid)


def test_an_earlier_state_loaded_into_an_opened_log_removes_nothing(path):
    log = SQLiteLog(path)
    log[1]["cost"] = 0.5
    state = log.state_dict()
    log[2]["cost"] = 0.25
    log.flush()
    opened = SQLiteLog(path, uuid=log.uuid)
    opened.load_state_dict(state)
    opened[1]["note"] = "as it was"
    opened.flush()
    assert list(SQLiteLog(path, uuid=log.uuid)) == [1, 2]
    assert opened.status["resumed_from"] == log.h_uuid and list(opened) == [1]


def test_a_resumed_log_shows_what_its_ancestors_recorded(path):
    log = trained(path)
    first = log.h_uuid
    log.resume()
    log.status["iterations_done"] = 4
    log[4]["cost"] = 0.25
    log.flush()
    again = SQLiteLog(path, uuid=log.uuid)
    pd.testing.assert_frame_equal(again.frame, log.frame)
    assert dict(again.status) == dict(log.status) and again.status["resumed_from"] == first
    old = SQLiteLog(path, uuid=first)
    assert list(old) == [1, 2, 3]
    assert log.conn.execute("SELECT count(*) FROM records").fetchone() == (7,)


def test_a_log_restored_from_a_checkpoint_hides_later_records(path):
    killed = trained(path, iterations=3)
    state = killed.state_dict()
    killed[3]["late"] = killed[4]["cost"] = killed[5]["cost"] = 9.0
    killed.flush()
    restarted = SQLiteLog(path)
    restarted.load_state_dict(state)
    with restarted.writing():
        restarted.resume()
        restarted[4]["cost"] = 0.25
    again = SQLiteLog(path, uuid=restarted.uuid)
    assert {i: dict(row) for i, row in again.items()} == {
        **{i: {"cost": 1 / i, "count": i} for i in (1, 2, 3)},
        4: {"cost": 0.25},
    }
    assert SQLiteLog(path, uuid=killed.uuid)[5]["cost"] == 9.0


def test_a_log_taken_back_without_resuming_is_so_in_the_database(path):
    log = trained(path)
    state = log.state_dict()
    log[7]["note"] = "to be undone"
    log.flush()
    log.load_state_dict(state)
    log[4]["cost"] = 0.25
    log.flush()
    again = SQLiteLog(path, uuid=log.uuid)
    pd.testing.assert_frame_equal(again.frame, log.frame)
    assert again.uuid == log.uuid and again.channels == log.channels


def test_a_log_of_another_kind_is_written_to_the_database_as_a_whole(path):
    log = TrainingLog()
    log[1].update(cost=0.5, note="hello")
    here = SQLiteLog(path)
    here.load_state_dict(log.state_dict())
    here.resume()
    here.flush()
    assert dict(SQLiteLog(path, read_only=True)[1]) == {"cost": 0.5, "note": "hello"}


def test_a_pickled_log_knows_its_database(path):
    log = trained(path)
    again = pickle.loads(pickle.dumps(log))
    assert (again.database, again.uuid) == (str(path), log.uuid)
    again.resume()
    again.flush()
    assert SQLiteLog(path, read_only=True).status["resumed_from"] == log.h_uuid


def test_a_reader_follows_rows_status_and_removals(path):
    log = trained(path)
    reader = SQLiteLog(path, uuid=log.uuid)
    version, frame = reader.version, reader.frame
    log[4]["cost"] = 0.25
    log.status["iterations_done"] = 4
    del log[1]["count"]
    log.flush()
    assert reader.version > version
    pd.testing.assert_frame_equal(reader.frame, log.frame)
    assert reader.current_row["cost"] == 0.25 and "count" not in reader[1]
    assert len(frame) == 3


def test_a_reader_only_reads(path):
    trained(path)
    reader = SQLiteLog(path, read_only=True)
    for write in (
        lambda: reader[1].update(cost=1.0),
        lambda: reader[1].__delitem__("cost"),
        lambda: reader.status.update(x=1),
        lambda: reader.resume(),
        lambda: reader.writing().__enter__(),
    ):
        with pytest.raises(LogError, match="opened with read_only=True"):
            write()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.conn.execute("DELETE FROM records")


def test_a_log_opened_again_can_be_gone_on_with(path):
    log = trained(path)
    again = SQLiteLog(path, uuid=log.h_uuid[:8])
    again[9]["cost"] = 0.1
    again.flush()
    assert SQLiteLog(path, uuid=log.uuid)[9]["cost"] == 0.1
    assert isinstance(again[9], SQLiteEntry) and isinstance(again.status, SQLiteStatus)


def test_a_run_on_a_log_that_was_opened_has_an_identity_of_its_own(path):
    first = SQLiteLog(path)
    first[0]["note"] = "begun"
    first.flush()
    second = SQLiteLog(path, uuid=first.uuid)
    for log, cost in ((first, 1.0), (second, 2.0)):
        with log.writing():
            log.status["iterations_done"] = 1
            log.current_row["cost"] = cost
    assert second.uuid != first.uuid and second.status["resumed_from"] == first.h_uuid
    for log, cost in ((first, 1.0), (second, 2.0)):
        again = SQLiteLog(path, uuid=log.uuid)
        assert {i: dict(row) for i, row in again.items()} == {
            0: {"note": "begun"},
            1: {"cost": cost},
        }


@pytest.mark.parametrize("again", [pickle.dumps, lambda log: None], ids=["pickled", "loaded"])
def test_loading_while_the_first_log_writes_on_damages_nothing(path, again):
    first = trained(path)
    other = pickle.loads(again(first)) if again(first) else SQLiteLog(path)
    other.load_state_dict(first.state_dict())
    assert other.uuid == first.uuid
    first[4]["cost"] = 4.0
    first.flush()
    other[4]["cost"] = 5.0
    other.flush()
    assert (first[4]["cost"], other[4]["cost"]) == (4.0, 5.0) and other.uuid != first.uuid
    assert SQLiteLog(path, uuid=first.uuid)[4]["cost"] == 4.0
    pd.testing.assert_frame_equal(SQLiteLog(path, uuid=other.uuid).frame, other.frame)


def test_records_before_a_run_resumes_make_no_log_of_their_own(path):
    state = trained(path).state_dict()
    log = SQLiteLog(path)
    log.load_state_dict(state)
    with log.writing():
        log.current_row["loaded_from"] = "there"
        log.status["fact"] = 1
        log.commit()
        log.resume()
        log.current_row["more"] = True
    names = log.conn.execute("SELECT uuid FROM logs ORDER BY id").fetchall()
    assert names == [(state["uuid"],), (log.h_uuid,)]
    again = SQLiteLog(path, uuid=log.uuid)
    assert again[3]["loaded_from"] == "there" and again[3]["more"] and again.status["fact"] == 1


def test_records_before_a_run_that_never_resumes_are_not_lost(path):
    state = trained(path).state_dict()
    log = SQLiteLog(path)
    log.load_state_dict(state)
    with log.writing():
        log.current_row["loaded_from"] = "there"
    assert SQLiteLog(path, read_only=True)[3]["loaded_from"] == "there"
    assert "loaded_from" not in SQLiteLog(path, uuid=state["uuid"])[3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_cannot_write_to_the_log_of_its_parent(path):
    log = trained(path)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            log[4]["cost"] = 9.0
        except LogError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    text = os.read(read, 1000).decode()
    os.close(read)
    assert text.startswith(f"this log belongs to the process {os.getpid()}, the parent")
    log[5]["cost"] = 1.0
    log.flush()
    assert 4 not in SQLiteLog(path, uuid=log.uuid)


KILLED = """
import itertools, sys
from workbench.log.sqlite import SQLiteLog

log = SQLiteLog(sys.argv[1])
with log.writing():
    for i in itertools.count():
        log.status["iterations_done"] = i
        log[i]["a"] = i
        log[i]["b"] = float(i)
        log.commit()
        if i == 20:
            log.flush()
            print(log.h_uuid, flush=True)
"""


@pytest.mark.slow
def test_a_killed_process_leaves_whole_rows(path):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        name = process.stdout.readline().strip()
        reader = SQLiteLog(path, uuid=name)
        seen = len(reader)
        while len(reader) <= seen + 100:
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    for log in (reader, SQLiteLog(path, uuid=name)):
        frame = log.frame
        assert frame.index.tolist() == frame.a.tolist() == frame.b.tolist()
        assert len(frame) == frame.index[-1] + 1 > seen + 100
        assert log.status["iterations_done"] >= frame.index[-1] - 1


def test_a_file_that_is_no_database_is_left_alone(path):
    path.write_text("not a database, but quite a long text all the same " * 30)
    with pytest.raises(LogError, match="runs.sqlite' must be an SQLite database"):
        SQLiteLog(path)
    assert path.read_text().startswith("not a database")


def test_a_database_of_something_else_is_left_alone(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(
        LogError, match="database of training logs, but belongs to another program;"
    ):
        SQLiteLog(path)


def test_a_newer_database_says_so(path):
    trained(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LogError, match="newer version of workbench .layout 99"):
        SQLiteLog(path)


def test_a_locked_database_says_so(path, monkeypatch):
    monkeypatch.setattr(tables, "PATIENCE", 0.01)
    connection = sqlite3.connect(path)
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LogError, match="is still locked by another program"):
        SQLiteLog(path)
    connection.close()


def test_training_outlasts_a_locked_database(path, monkeypatch):
    monkeypatch.setattr(tables, "PATIENCE", 0.01)
    log, other = SQLiteLog(path), sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.warns(LogWarning, match="still locked .* kept in memory"), log.writing():
        log[1]["cost"] = 0.5
    other.execute("ROLLBACK")
    other.close()
    log[2]["cost"] = 0.25
    log._writer.close()
    assert list(SQLiteLog(path, uuid=log.uuid)) == [1, 2]


def test_unknown_logs_are_answered_with_those_there_are(path):
    with pytest.raises(LogError, match="'.*runs.sqlite' does not exist, so it"):
        SQLiteLog(path, read_only=True)
    with pytest.raises(LogError, match="has no log yet"):
        SQLiteLog(path, uuid=uuid.uuid4())
    log = trained(path)
    with pytest.raises(LogError, match=f"no log '0+5'; it has {log.h_uuid} .of 2"):
        SQLiteLog(path, uuid=uuid.UUID(int=5))
    with pytest.raises(LogError, match="cannot be used .*its folder must exist"):
        SQLiteLog(path / "nowhere" / "runs.sqlite")


def test_the_settings_choose_backend_and_database(path):
    with config.override(log_backend="sqlite", sqlite_database=str(path)):
        log = new_log()
    assert isinstance(log, SQLiteLog) and log.database == str(path)
    with pytest.raises(ConfigurationError, match="'sqlite_database' has no value"):
        new_log("sqlite")
