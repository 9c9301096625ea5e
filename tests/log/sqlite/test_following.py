"""A read-only log that follows another process from one log of a database to another."""

import pytest

from workbench import errors
from workbench.log import SQLiteLog


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
