"""The thread that writes: errors, damage and other programs neither end nor block it."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.support.waiting import until
from workbench.errors import LogError, LogWarning
from workbench.log import SQLiteLog, TrainingLog
from workbench.log.placeholders import Damaged
from workbench.log.sqlite import store, tables

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


def records(path):
    """Return the records that another program finds in the database."""
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT time, key, value FROM entries").fetchall()


@pytest.mark.parametrize("log", [TrainingLog, lambda: SQLiteLog(":memory:")], ids=["memory", "db"])
def test_an_iteration_that_nothing_can_hold_is_refused(log):
    with pytest.raises(LogError, match=r"below 2\*\*63, not 9223372036854775808"):
        log()[2**63]


@pytest.mark.parametrize("name", [None, 3, ("a",), "\ud800"])
def test_a_fact_without_a_proper_name_is_refused_where_it_is_assigned(path, name):
    log = SQLiteLog(path)
    with pytest.raises(LogError, match="name of a status item must be a string"):
        log.status[name] = 1
    log[1]["cost"] = 0.5
    log.flush()
    assert records(path) == [(1, "cost", 0.5)]


@pytest.mark.parametrize("name", [None, 3, ("a",), "\ud800"])
def test_a_record_without_a_proper_name_is_refused_where_it_is_made(path, name):
    log = SQLiteLog(path)
    with pytest.raises(LogError, match="name of a record"):
        log[1][name] = 1
    log[1]["cost"] = 0.5
    log.flush()
    assert records(path) == [(1, "cost", 0.5)]


class Stubborn:
    """Make one value impossible to encode, by raising `error`."""

    def __init__(self, monkeypatch, error):
        encoded = store.encoded

        def failing(name, value):
            if name == "bad":
                raise error
            return encoded(name, value)

        monkeypatch.setattr(store, "encoded", failing)


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), OverflowError("too large"), RecursionError(), KeyError("x")]
)
def test_a_value_that_cannot_be_written_is_omitted_by_name(path, monkeypatch, caplog, error):
    Stubborn(monkeypatch, error)
    log = SQLiteLog(path)
    log[1].update({"cost": 0.5, "bad": 1.5})
    log[2]["cost"] = 0.25
    with pytest.raises(LogError, match="cannot store record 'bad' of iteration 1, of type float"):
        log.flush()
    assert records(path) == [(1, "cost", 0.5), (2, "cost", 0.25)]
    assert log[1]["bad"] == 1.5
    assert "record 'bad' of iteration 1" in caplog.text
    log[3]["cost"] = 0.125
    log.flush()
    assert len(records(path)) == 3


def test_a_fact_that_cannot_be_written_is_omitted_by_name(path, monkeypatch):
    Stubborn(monkeypatch, OverflowError("too large"))
    log = SQLiteLog(path)
    log.status["bad"] = 1
    log.status["good"] = 2
    with pytest.raises(LogError, match=r"cannot store status\['bad'\], of type int"):
        log.flush()
    assert SQLiteLog(path, read_only=True).status["good"] == 2


def test_a_value_that_was_omitted_earlier_is_named_once_by_flush(path, monkeypatch, caplog):
    Stubborn(monkeypatch, OverflowError("too large"))
    log = SQLiteLog(path)
    log[1].update({"cost": 0.5, "bad": 1.5})
    until(lambda: "record 'bad'" in caplog.text)
    with pytest.raises(LogError, match="cannot store record 'bad' of iteration 1"):
        log.flush()
    log.flush()


def test_a_value_of_a_whole_log_that_cannot_be_written_is_omitted(path, monkeypatch):
    Stubborn(monkeypatch, OverflowError("too large"))
    other = TrainingLog()
    other[1].update({"cost": 0.5, "bad": 1.0})
    log = SQLiteLog(path)
    log.load_state_dict(other.state_dict())
    log[2]["cost"] = 0.25
    with pytest.raises(LogError, match="cannot store record 'bad' of iteration 1"):
        log.flush()
    assert records(path) == [(1, "cost", 0.5), (2, "cost", 0.25)]


@pytest.mark.parametrize("error", [SystemExit(), MemoryError(), AssertionError("?")])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_any_error_in_the_thread_is_raised_in_waiting_threads(path, monkeypatch, error):
    log = SQLiteLog(path)
    write = store.Store.write_all
    monkeypatch.setattr(store.Store, "write_all", lambda *_: (_ for _ in ()).throw(error))
    log[1]["cost"] = 0.5
    with pytest.raises(LogError, match="records could not be written"):
        log.flush()
    assert "records could not be written" in log.problem
    monkeypatch.setattr(store.Store, "write_all", write)
    log[2]["cost"] = 0.25
    log.flush()
    assert not log.problem
    assert records(path) == [(1, "cost", 0.5), (2, "cost", 0.25)]


def test_a_thread_that_cannot_start_is_tried_again(path, monkeypatch):
    log = SQLiteLog(path)
    with monkeypatch.context() as patch:

        def refused(self):
            raise RuntimeError("can't start new thread")

        patch.setattr(threading.Thread, "start", refused)
        log[1]["cost"] = 0.5
        with pytest.raises(LogError, match="can't start new thread"):
            log.flush()
    log[2]["cost"] = 0.25
    log.flush()
    assert len(records(path)) == 2


def test_training_ends_also_if_nothing_can_be_written(path, monkeypatch):
    log = SQLiteLog(path)

    def broken(*_):
        raise AssertionError("broken")

    with pytest.warns(LogWarning, match="broken"), log.writing():
        monkeypatch.setattr(store.Store, "write_all", broken)
        log[1]["cost"] = 0.5


@pytest.mark.parametrize("replaced", [False, True])
def test_a_deleted_database_is_noticed(path, replaced):
    log = SQLiteLog(path)
    log[1]["cost"] = 0.5
    log.flush()
    moved = path.rename(path.with_name("moved"))
    if replaced:
        path.write_bytes(b"")
    log[2]["cost"] = 0.25
    with pytest.raises(LogError, match="deleted, moved, replaced or"):
        log.flush()
    moved.rename(path)
    log.flush()
    assert len(records(path)) == 2


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("left", [0, 100, 4096])
def test_a_database_that_was_cut_short_is_noticed(path, left, checkpointed):
    log = SQLiteLog(path)
    for i in range(1, 1000):
        log[i]["cost"] = 0.5
    log.flush()
    if checkpointed:
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        log[1001]["cost"] = 0.5
        log.flush()
    whole = path.read_bytes()
    if not left < len(whole):
        return  # all data are in the journal
    with open(path, "r+b") as file:
        file.truncate(left)
    log[1003]["cost"] = 0.25
    with pytest.raises(LogError, match="truncated|malformed|not a database"):
        log.flush()
    path.write_bytes(b"")
    log[1004]["cost"] = 0.25
    with pytest.raises(LogError, match="truncated|malformed|not a database"):
        log.flush()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_deleted_journal_is_noticed(path, replaced):
    log = SQLiteLog(path)
    log[1]["cost"] = 0.5
    log.flush()
    journal = path.with_name(f"{path.name}-wal")
    journal.unlink()
    if replaced:
        journal.write_bytes(b"")
    log[2]["cost"] = 0.25
    with pytest.raises(LogError, match="deleted, moved, replaced or"):
        log.flush()


def test_a_database_that_others_make_smaller_is_written_on(path):
    log = SQLiteLog(path)
    for i in range(1, 1000):
        log[i]["cost"] = 0.5
    log.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    log[1000]["cost"] = 0.5
    log.flush()
    size = path.stat().st_size
    for statement in ("DELETE FROM records WHERE time > 9", "VACUUM"):
        other.execute(statement)
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    assert path.stat().st_size < size
    log[1001]["cost"] = 0.25
    log.flush()
    assert len(records(path)) == 10


# What is damaged


DAMAGE = {
    "text that is no number": ("abc", "int"),
    "broken JSON": ("{", "json"),
    "deep JSON": ("[" * 100_000, "json"),
    "an array cut short": (b"\x93NUMPY\x01\x00v\x00{'descr'", "npy"),
    "an unknown kind": (1, "poem"),
}


def damaged(path, value, kind, where="records"):
    log = SQLiteLog(path)
    for i in (1, 2, 3):
        log[i].update({"cost": float(i), "note": "text"})
    log.status.update(iterations_done=3, mood="good")
    log.flush()
    with sqlite3.connect(path) as connection:
        if where == "records":
            connection.execute(
                "UPDATE records SET value = ?, kind = ? WHERE time = 2 AND channel = "
                "(SELECT id FROM channels WHERE key = 'cost')",
                (value, kind),
            )
        else:
            connection.execute(
                "UPDATE status SET value = ?, kind = ? WHERE key = ?", (value, kind, where)
            )


@pytest.mark.parametrize("kind", DAMAGE)
def test_one_damaged_value_leaves_the_rest_readable(path, kind):
    damaged(path, *DAMAGE[kind])
    with pytest.warns(LogWarning, match=r"runs.sqlite': record 'cost' of iteration 2 is damaged"):
        log = SQLiteLog(path, read_only=True)
    assert isinstance(log[2]["cost"], Damaged)
    assert (log[1]["cost"], log[2]["note"], log[3]["cost"]) == (1.0, "text", 3.0)
    np.testing.assert_equal(log.column("cost")[1], [1, np.nan, 3])


def test_text_that_is_not_utf8_leaves_the_rest_readable(path):
    damaged(path, 0, None)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE records SET value = CAST(X'ff41' AS TEXT) WHERE time = 2 AND value = 0"
        )
    with pytest.warns(LogWarning, match="iteration 2 is damaged .*not UTF-8"):
        log = SQLiteLog(path, read_only=True)
    assert log[3]["cost"] == 3


def test_an_array_that_promises_more_than_there_is_makes_no_room_for_it(path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (500000000000,), }".ljust(117)
    damaged(path, b"\x93NUMPY\x01\x00v\x00" + header + b"\n", "npy")
    with pytest.warns(LogWarning, match=r"shape \(500000000000,\)"):
        SQLiteLog(path, read_only=True)


def test_an_iteration_that_is_no_number_is_omitted(path):
    damaged(path, 1.0, None)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET time = 'soon' WHERE time = 1")
    with pytest.warns(LogWarning, match="of iteration 'soon' is damaged"):
        log = SQLiteLog(path, read_only=True)
    assert list(log) == [2, 3]


def test_a_damaged_fact_is_named(path):
    damaged(path, "{", "json", where="mood")
    with pytest.warns(LogWarning, match=r"status\['mood'\] is damaged"):
        log = SQLiteLog(path, read_only=True)
    assert isinstance(log.status["mood"], Damaged)


def test_a_fact_without_which_nothing_can_be_read_is_an_error(path):
    damaged(path, "many", None, where="iterations_done")
    with pytest.raises(LogError, match="status.'iterations_done'. is damaged .'many'.;"):
        SQLiteLog(path, read_only=True)


# Where the file lies

READ = """
import os, sys
import sqlite3
from workbench.log import SQLiteLog
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)  # root could write anywhere
log = SQLiteLog(sys.argv[1], read_only=True)
print(log[2]["cost"], os.access(os.path.dirname(sys.argv[1]), os.W_OK))
"""


@pytest.mark.skipif(os.name == "nt", reason="folders are protected in another way there")
def test_a_finished_log_opens_in_a_folder_where_one_may_not_write():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "runs.sqlite")
        log = SQLiteLog(path)
        log[2]["cost"] = 0.25
        log.flush()
        del log
        path.chmod(0o444)
        os.chmod(folder, 0o555)
        try:
            done = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(READ), str(path)],
                capture_output=True, text=True, timeout=50, check=False,
            )  # fmt: skip
        finally:
            os.chmod(folder, 0o755)
    assert done.stdout.split() == ["0.25", "False"], done.stderr


def test_a_file_system_without_the_right_journal_causes_a_warning(path, monkeypatch):
    opened = tables.Database._opened

    class Limited(sqlite3.Connection):
        def execute(self, text, *given):
            return super().execute(text.replace("= WAL", "= DELETE"), *given)

    def limited(self):
        opened(self).close()
        options = {"isolation_level": None, "check_same_thread": False, "factory": Limited}
        return sqlite3.connect(self._uri, uri=True, **options)

    monkeypatch.setattr(tables.Database, "_opened", limited)
    with pytest.warns(LogWarning, match="in journal mode 'delete'"):
        SQLiteLog(path)
