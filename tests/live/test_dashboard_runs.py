"""A dashboard of the runs in a database that other processes write."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from click.testing import CliRunner

from extensions_live import Dashboard, Plot, view
from extensions_live.dashboard.__main__ import main
from extensions_live.dashboard.runs import FACTS, NEW, NEWEST, RunsBoard
from extensions_live.plot_view import PlotView
from tests.live.runs import Clock, make_loop
from tests.live.test_dashboard import Tab, part
from tests.support.waiting import paused_at
from workbench.errors import LogError
from workbench.log import SQLiteLog


def write(path, costs, **records):
    """Add a run with these costs; return its log."""
    log = SQLiteLog(path)
    for iteration, cost in enumerate(costs):
        log[iteration].update({"cost": cost, **records})
    log.status["iterations_done"] = len(costs) - 1
    log.flush()
    return log


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


def rows(board):
    return board.runs()["rows"]


def test_all_runs_are_listed_and_the_newest_is_shown(path):
    logs = [write(path, [1.0, 0.5]), write(path, [1.0, 0.5, 0.25])]
    found = rows(RunsBoard(path))
    assert [row["uuid"] for row in found] == [log.h_uuid for log in reversed(logs)]
    assert [row["iterations"] for row in found] == ["2", "1"]
    assert [row["shown"] for row in found] == [True, False]


def test_a_run_has_the_name_of_its_session(path):
    for name in ("low rate", "high rate"):
        loop = make_loop(epochs=1)
        loop.log = SQLiteLog(path)
        assert loop.start(name=name).wait(60)
    board = RunsBoard(path)
    assert [row["name"] for row in rows(board)] == ["high rate", "low rate"]
    assert board.sections()[0].title == "high rate"


def test_runs_with_the_same_name_are_told_apart_by_digits(path):
    log = write(path, [1.0])
    log.status["session_name"] = "both"
    log.flush()
    board = RunsBoard(path)
    assert (rows(board)[0]["name"], board.sections()[0].title) == ("both", "both")
    other = write(path, [2.0])
    other.status["session_name"] = "both"
    other.flush()
    found = [row["name"] for row in rows(board)]
    assert found == [f"both ({one.h_uuid[:8]})" for one in (other, log)]
    assert board.stale()
    assert board.sections()[0].title == found[1]


def test_a_run_is_drawn_as_in_the_view_of_its_session(path, hand_pump, wire):
    loop = make_loop(epochs=1, channels=[["test_cost", "cost"]])
    loop.log = SQLiteLog(path)
    session = loop.start()
    assert session.wait(60)
    loop.log.flush()
    contents = Tab(RunsBoard(path)).open()
    state = contents["parts"][part(contents, "PlotView")]["state"]
    [lines] = [widget.lines for widget in view(session).widgets if isinstance(widget, PlotView)]
    assert state["lines"][0] == lines[0]
    assert Plot.compare({"run": loop.log}).widgets[0].lines[0][0]["channel"] == "test_cost"


def test_a_new_run_appears_in_the_list(path):
    write(path, [1.0])
    tab = Tab(RunsBoard(path))
    tab.open()
    log = write(path, [2.0])
    (message,) = [one for one in tab.tick(2) if one["kind"] == "runs"]
    assert message["rows"][0]["uuid"] == log.h_uuid


def test_the_curves_follow_the_run(path):
    log = write(path, [1.0, 0.5])
    tab = Tab(RunsBoard(path))
    plot = part(tab.open(), "PlotView")
    log[2]["cost"] = 0.25
    log.flush()
    payload = tab.tick(2)[-1]["parts"][plot]["payload"]
    assert payload["latest"] == {"cost": "0.25"}


def test_a_channel_that_appears_later_gets_its_figure(path):
    log = write(path, [1.0])
    tab = Tab(RunsBoard(path))
    tab.open()
    tab.tick(2)
    log[1].update({"cost": 0.5, "valid_cost": 0.6, "error": 1.0})
    log.flush()
    contents = next(one for one in tab.tick(2) if one["kind"] == "contents")
    state = contents["parts"][part(contents, "PlotView")]["state"]
    shown = [[line["channel"] for line in lines] for lines in state["lines"]]
    assert shown == [["cost", "valid_cost"], ["error"]]
    assert [one["kind"] for one in tab.tick(2)] == []


def test_a_database_that_is_made_again_shows_its_new_run(path):
    write(path, [1.0]).flush()
    tab = Tab(RunsBoard(path))
    tab.open()
    for file in path.parent.glob("runs.sqlite*"):
        file.unlink()
    log = write(path, [3.0])
    contents = next(one for one in tab.tick(2) if one["kind"] == "contents")
    assert contents["sections"][0]["title"] == log.h_uuid[:8]
    table = contents["parts"][part(contents, "RunTable")]["state"]["payload"]
    assert table["rows"] == [["cost", "3"]]


def test_chosen_runs_are_compared_in_the_same_figures(path):
    logs = [write(path, [1.0], rate=0.1), write(path, [2.0], rate=0.2)]
    tab = Tab(RunsBoard(path))
    tab.open()
    tab.visit.receive({"kind": "select", "runs": [log.h_uuid for log in logs]})
    contents = tab.sent[0]
    state = contents["parts"][part(contents, "PlotView")]["state"]
    shown = [[line["channel"] for line in lines] for lines in state["lines"]]
    assert shown == [["cost", "cost"], ["rate", "rate"]]
    table = contents["parts"][part(contents, "RunTable")]["state"]["payload"]
    assert table["rows"] == [["cost", "2", "1"], ["rate", "0.2", "0.1"]]
    colours = [row["colour"] for row in tab.sent[1]["rows"]]
    drawn = [line["colour"] for line in state["lines"][0]]
    assert colours == table["colours"] == drawn


def test_interventions_are_listed(path):
    loop = make_loop(epochs=20)
    loop.log = SQLiteLog(path)
    session = paused_at(loop.start(paused=True), 0)  # a stop before it would refuse the pause
    session.stop()
    assert session.wait(60)
    tab = Tab(RunsBoard(path))
    contents = tab.open()
    table = contents["parts"][part(contents, "RunTable")]["state"]["payload"]
    assert [row[2:] for row in table["interventions"]] == [["pause", "code"], ["stop", "code"]]


@pytest.mark.parametrize("query", [FACTS, NEWEST, NEW.replace("?", "7")])
def test_the_list_does_not_read_all_records_again(path, query):
    write(path, [1.0])
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert not any(step.startswith("SCAN records") for step in plan)


def test_the_state_of_a_run_is_what_its_log_shows(path):
    clock = Clock()
    ended = write(path, [1.0, 0.5])
    ended[1]["training_finished"] = True
    ended.flush()
    failed = write(path, [1.0])
    failed.status["training_error"] = "ValueError: no"
    failed.flush()
    going = write(path, [1.0])
    board = RunsBoard(path, clock=clock)

    def states():
        return [(row["state"], row["detail"]) for row in rows(board)]

    assert states() == [
        ("not finished", "no change since this list was opened"),
        ("failed", "ValueError: no"),
        ("finished", ""),
    ]
    going[1]["cost"] = 0.5
    going.flush()
    assert states()[0] == ("running", "")
    clock.now += 90
    assert states()[0] == ("quiet", "no change for 1 min 30 s")


def test_a_run_without_numbers_says_so(path):
    log = SQLiteLog(path)
    log[0]["note"] = "hello"
    log.flush()
    (section,) = Tab(RunsBoard(path)).open()["sections"]
    assert section["subtitle"] == "No channel contains numbers yet."


def test_a_continued_run_names_its_origin(path):
    log = write(path, [1.0, 0.5])
    old = log.h_uuid
    log.resume()
    log[2]["cost"] = 0.1
    log.flush()
    assert rows(RunsBoard(path))[0]["origin"].startswith(f"continues {old[:8]} from ")


def test_a_database_that_disappears_is_an_error_on_the_page(path):
    log = write(path, [1.0])
    tab = Tab(RunsBoard(path))
    tab.open()
    log.flush()
    path.unlink()
    message = tab.tick(2)[0]
    assert message["rows"] == [] and f"the database '{path}' does not exist" in message["problem"]


def test_a_missing_database_is_an_error(path):
    with pytest.raises(LogError, match="the database .*runs.sqlite. does not exist"):
        Dashboard(path)


def test_the_command_says_what_is_wrong_with_a_file(path):
    path.write_bytes(b"no database at all" * 100)
    done = CliRunner().invoke(main, [str(path)])
    assert done.exit_code == 1
    assert "Error: " in done.output and "must be an SQLite database" in done.output


def test_the_command_serves_until_it_is_interrupted(path):
    write(path, [1.0])
    command = [sys.executable, "-m", "extensions_live.dashboard", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = process.stdout.readline()
    process.terminate()
    rest = process.communicate(timeout=60)[0]
    assert line.startswith("Dashboard of runs.sqlite: http://127.0.0.1:"), line + rest
    assert (process.returncode, rest) == (0, "")


def test_a_log_of_objects_is_never_unpickled(path, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "trapped"), "w"))

    log = SQLiteLog(path)
    log[0].update({"cost": 1.0, "trap": Trap()})
    log.flush()
    Tab(RunsBoard(path)).open()
    assert not (tmp_path / "trapped").exists()
