"""Listing the runs of a database from a shell, as text and as JSON, and what cannot be listed."""

import json
import sqlite3

import numpy as np
import pytest

from tests.support.runs import build
from workbench.cli import main
from workbench.config import config
from workbench.log import SQLiteLog


@pytest.fixture
def database(tmp_path):
    return tmp_path / "runs.sqlite"


def recorded(database, **records):
    """Write a log of two iterations and one epoch, and `records` at its end."""
    log = SQLiteLog(database)
    with log.writing():
        log.status.update(iterations_done=2, epochs_done=1, _epoch_ends=[2])
        log.current_row.update(records)
    return log


def continued(state, database):
    """Continue the log of `state` by a third iteration."""
    log = SQLiteLog(database)
    log.load_state_dict(state)
    log.resume()
    with log.writing():
        log.status["iterations_done"] = 3
        log.current_row["cost"] = 0.25
    return log


def listed(database, capsys, *options):
    assert main(["runs", str(database), *options]) == 0
    return capsys.readouterr().out


def in_json(database, capsys):
    return json.loads(listed(database, capsys, "--json"), parse_constant=pytest.fail)


def test_a_run_is_listed_with_its_progress_and_its_last_records(database, capsys):
    log = recorded(database, cost=0.5, count=3)
    heading, *channels = listed(database, capsys).splitlines()
    assert heading.startswith(f"{log.h_uuid[:8]}  ")
    assert heading.endswith(" UTC  2 iterations, 1 epoch")
    assert channels == ["  cost   0.5", "  count  3"]


def test_a_trained_main_loop_is_listed(database, capsys):
    with config.override(log_backend="sqlite", sqlite_database=str(database)):
        main_loop = build(7)
    main_loop.run()
    (run,) = in_json(database, capsys)
    assert run["uuid"] == main_loop.log.h_uuid
    assert run["iterations_done"] == 7
    assert run["epochs_done"] == main_loop.status["epochs_done"]
    assert run["latest"].keys() == main_loop.log.latest().keys()


def test_values_of_the_last_batch_are_marked_and_follow_those_of_epochs(database, capsys):
    log = SQLiteLog(database)
    with log.writing():
        log.status.update(iterations_done=2, epochs_done=1, _epoch_ends=[2])
        log[1]["cost"], log[2]["cost"], log[2]["validation_cost"] = 0.5, 0.25, 0.75
    _, *channels = listed(database, capsys).splitlines()
    assert channels == ["  validation_cost    0.75", "  cost (last batch)  0.25"]
    (run,) = in_json(database, capsys)
    assert run["last_batch"] == ["cost"] and run["latest"]["cost"] == 0.25


def test_a_continued_run_names_its_parent(database, capsys):
    first = recorded(database, cost=0.5, count=3)
    second = continued(first.state_dict(), database)
    of_first, of_second = in_json(database, capsys)
    assert (of_first["parent"], of_first["parent_iteration"]) == (None, None)
    assert (of_second["uuid"], of_second["parent"]) == (second.h_uuid, first.h_uuid)
    assert of_second["parent_iteration"] == 2
    assert of_second["latest"] == {"cost": 0.25, "count": 3}
    assert f"continued from {first.h_uuid[:8]} at iteration 2\n" in listed(database, capsys)


def test_a_parent_in_another_database_is_named_without_an_iteration(database, tmp_path, capsys):
    first = recorded(tmp_path / "other.sqlite", cost=0.5)
    continued(first.state_dict(), database)
    (run,) = in_json(database, capsys)
    assert (run["parent"], run["parent_iteration"]) == (first.h_uuid, None)
    assert f"continued from {first.h_uuid[:8]}\n" in listed(database, capsys)


VALUES = [
    (float("nan"), "nan", "nan"),
    (float("-inf"), "-inf", "-inf"),
    (None, None, "None"),
    (True, True, "True"),
    ("a\nb", "a\nb", r"'a\nb'"),
    ((1, {"a": [float("inf")]}), [1, {"a": ["inf"]}], "(1, {'a': [inf]})"),
    (np.array([[1.5, np.nan]]), [[1.5, "nan"]], "array([[1.5, nan]])"),
    (b"\0", r"b'\x00'", r"b'\x00'"),
]


@pytest.mark.parametrize(("value", "expected", "text"), VALUES, ids=repr)
def test_every_value_is_shown_as_text_and_as_strict_json(database, capsys, value, expected, text):
    recorded(database, x=value)
    assert in_json(database, capsys)[0]["latest"] == {"x": expected}
    assert listed(database, capsys).endswith(f"\n  x  {text}\n")


def test_a_long_value_takes_one_line(database, capsys):
    recorded(database, w=np.arange(400.0).reshape(20, 20))
    _, line = listed(database, capsys).splitlines()
    assert len(line) < 70
    assert line.endswith("...")


class Explosive:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_objects_are_not_unpickled(database, capsys):
    recorded(database, x=Explosive())
    assert "a pickle of" in listed(database, capsys)


def test_a_run_can_be_listed_while_it_is_written(database, capsys):
    log = SQLiteLog(database)
    with log.writing():
        log.status["iterations_done"] = 1
        log.flush()
        assert "1 iteration, 0 epochs" in listed(database, capsys)


def absent(path):
    """Make no file."""


def text(path):
    path.write_text("cost\n" * 400)


def foreign(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE addresses (name)")
    connection.close()


def blank(path):
    path.touch()


def without_logs(path):
    SQLiteLog(path)


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (absent, "the database '{path}' does not exist, so it cannot be read"),
        (text, "'{path}' must be an SQLite database or a new file"),
        (foreign, "'{path}' must be a database of training logs, but belongs to another program"),
        (blank, "the database '{path}' has no log yet"),
        (without_logs, "the database '{path}' has no log yet"),
    ],
)
def test_what_has_no_runs_is_explained_in_one_line(database, capsys, make, message, options):
    make(database)
    assert main(["runs", str(database), *options]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(f"Error: {message.format(path=database)}")
    assert error.count("\n") == 1


def test_a_run_of_a_named_session_is_listed_with_its_name(database, capsys):
    log = recorded(database, cost=0.5)
    log.status["session_name"] = "low rate"
    log.flush()
    assert listed(database, capsys).startswith(f"{log.h_uuid[:8]}  low rate  ")
    assert in_json(database, capsys)[0]["name"] == "low rate"
