"""A read-only log that follows another process from one log of a database to another."""

import itertools

import pytest

from workbench import errors
from workbench.log import SQLiteLog
from workbench.log.sqlite.reader import Reader


def test_a_reader_follows_a_log_that_resumes(tmp_path):
    written = SQLiteLog(tmp_path / "log.sqlite")
    for iteration in (1, 2):
        written[iteration]["cost"] = float(iteration)
    written.flush()
    read = SQLiteLog(tmp_path / "log.sqlite", read_only=True)
    before = read.version
    written.resume()
    written[3]["cost"] = 3.0
    written.flush()
    assert 3 not in read
    read.follow(written.h_uuid)
    assert read.h_uuid == written.h_uuid
    assert list(read.column("cost")[1]) == [1.0, 2.0, 3.0]
    assert read.version > before
    written[4]["cost"] = 4.0
    written.flush()
    assert read[4]["cost"] == 4.0


def test_only_a_reader_follows():
    with pytest.raises(errors.LogError, match="opened with read_only=True can follow"):
        SQLiteLog(":memory:").follow("0" * 32)


def test_no_record_is_lost_that_is_written_while_a_reader_follows(tmp_path, monkeypatch):
    written = SQLiteLog(tmp_path / "log.sqlite")
    written[1]["cost"] = 1.0
    written.flush()
    read = SQLiteLog(tmp_path / "log.sqlite", read_only=True)
    written.resume()
    written[2]["cost"] = 2.0
    written.flush()
    update, last = Reader.update, itertools.count(3)

    def update_while_training(self, memory, status):
        update(self, memory, status)
        iteration = next(last)
        written[iteration]["cost"] = float(iteration)
        written.flush()

    with monkeypatch.context() as patched:
        patched.setattr(Reader, "update", update_while_training)
        read.follow(written.h_uuid)
    assert list(read.column("cost")[1]) == list(written.column("cost")[1])
