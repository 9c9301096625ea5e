"""The table of a log, without a browser."""

import io

import numpy as np
import pandas as pd
import pytest

from extensions_live import LogTable
from extensions_live.log_rows import as_csv
from extensions_live.log_table import source_of
from extensions_live.table_still import TableStill
from workbench.errors import LogError, UnknownRecordError
from workbench.log import SQLiteLog, TrainingLog

from .runs import make_loop

ASKED = {
    "kind": "rows", "start": 0, "count": 5, "sort": "iteration", "descending": True,
    "condition": "", "columns": None, "hold": False, "copy": 0,
}  # fmt: skip


@pytest.fixture
def log():
    """Return a log of ten rows, some of which lack a record."""
    log = TrainingLog()
    for i in range(10):
        log[i]["cost"] = (i - 4.0) ** 2
    log[3]["note"] = "</td><script>"
    log[7]["note"] = "a"
    return log


@pytest.fixture
def ask(log, hand_pump, wire):
    """Return a function that sends a request of the page, and returns the new payload."""
    table = LogTable(log)

    def ask(**options):
        table._hear(table, {**ASKED, **options}, [])
        hand_pump.serve(table)
        assert table.problem == ""
        return table.payload

    ask.table = table
    yield ask
    table.close()


def iterations(payload):
    return [int(row[0].replace(",", "")) for row in payload["rows"]]


def test_the_newest_rows_come_first_with_their_cells(ask):
    payload = ask(count=3)
    assert payload["columns"] == payload["channels"] == ["cost", "note"]
    assert payload["rows"] == [["9", "25", ""], ["8", "16", ""], ["7", "9", "a"]]
    assert (payload["start"], payload["total"], payload["all"]) == (0, 10, 10)


def test_any_range_of_rows_can_be_requested(ask):
    assert iterations(ask(start=4, count=3)) == [5, 4, 3]
    assert iterations(ask(start=4, count=3, descending=False)) == [4, 5, 6]
    assert iterations(ask(start=10**9, count=3)) == [0]
    assert iterations(ask(start=-5, count=-1)) == [9]


def test_rows_are_sorted_by_a_channel_and_those_without_a_value_come_last(ask):
    assert iterations(ask(sort="cost", count=3)) == [9, 8, 0]
    assert iterations(ask(sort="cost", descending=False, count=2)) == [4, 3]
    assert iterations(ask(sort="note", count=3))[:2] == [7, 3]
    assert iterations(ask(sort="note", descending=False, count=3))[:2] == [3, 7]


def test_a_condition_chooses_rows(ask):
    payload = ask(condition="cost < 5")
    assert iterations(payload) == [6, 5, 4, 3, 2] and (payload["total"], payload["all"]) == (5, 10)
    assert iterations(ask(condition="cost < 5", sort="cost", count=1, descending=False)) == [4]
    assert ask(condition="cost < -1")["rows"] == []


def test_a_condition_that_cannot_be_used_is_explained(ask):
    payload = ask(condition="csot < 5")
    assert "no channel 'csot'; did you mean 'cost'" in payload["error"]
    assert payload["total"] == 10
    assert "a function call" in ask(condition="print(cost)")["error"]
    assert ask()["error"] == ""


def test_only_chosen_columns_are_sent(ask):
    payload = ask(columns=["note", "unknown"], count=1)
    assert payload["columns"] == ["note"] and payload["rows"] == [["9", ""]]
    assert payload["channels"] == ["cost", "note"]


def test_new_rows_appear_at_the_top_but_wait_while_the_user_reads(ask, log):
    assert iterations(ask(count=1)) == [9]
    log[10]["cost"] = 0.0
    assert iterations(ask(count=1)) == [10]
    ask(start=2, count=1, hold=True)
    log[11]["cost"] = 0.0
    payload = ask(start=1, count=1, hold=True)
    assert iterations(payload) == [9] and payload["newer"] == 1
    payload = ask(count=1)
    assert iterations(payload) == [11] and payload["newer"] == 0


def test_rows_that_a_rewind_removed_are_not_kept(ask, log):
    ask(start=2, hold=True)
    state = log.state_dict()
    x, y = state["columns"]["cost"]
    log.load_state_dict({**state, "rows": x[:3], "columns": {"cost": (x[:3], y[:3])}})
    log[1]["extra"] = 1.0
    payload = ask(start=0, count=5, hold=False)
    assert iterations(payload) == [2, 1, 0]


def test_csv_with_carriage_returns_reads_back():
    log = TrainingLog()
    log[1].update(cost=1 / 3, note="loading\r100 %", flag=True)
    log[2].update(cost=0.25)
    text = as_csv(log.snapshot(), ["cost", "note", "flag"], np.arange(2))
    first, last = pd.read_csv(io.StringIO(text)).to_dict("records")
    assert first == {"iteration": 1, "cost": 1 / 3, "note": "loading\r100 %", "flag": True}
    assert last["iteration"] == 2 and pd.isna(last["note"])


def test_csv_tells_a_channel_named_iteration_from_the_iterations():
    log = TrainingLog()
    log[3]["iteration"] = 7
    text = as_csv(log.snapshot(), ["iteration"], np.arange(1))
    assert text == "iteration,iteration (recorded)\n3,7\n"


def test_csv_is_sent_once_with_all_digits(ask, log):
    log[9]["cost"] = 1 / 3
    payload = ask(condition="iteration > 6", copy=1)
    assert payload["csv"] == "iteration,cost,note\n9,0.3333333333333333,\n8,16.0,\n7,9.0,a\n"
    assert (payload["copied"], payload["csv_rows"]) == (1, 3)
    log[10]["cost"] = 1.0
    assert ask(copy=1)["csv"] == ""


def test_nothing_is_sent_while_nothing_changes(ask, hand_pump, wire):
    ask()
    wire.clear()
    hand_pump.serve(ask.table)
    assert wire == []


def test_a_million_rows_are_paged_without_making_a_frame(hand_pump, wire, monkeypatch):
    log, x = TrainingLog(), np.arange(1_000_000)
    columns = {"cost": (x, np.sin(x)), "rare": (x[::1000], x[::1000])}
    log.load_state_dict({**log.state_dict(), "rows": x, "columns": columns})
    monkeypatch.setattr(type(log), "frame", property(lambda self: 1 / 0))
    table = LogTable(log)
    table._hear(table, {**ASKED, "start": 500_000, "count": 10_000}, [])
    hand_pump.serve(table)
    rows = table.payload["rows"]
    assert len(rows) == 200 and rows[0][0] == "499,999" and rows[-1][0] == "499,800"
    table._hear(table, {**ASKED, "start": 499_999, "count": 1}, [])
    hand_pump.serve(table)
    assert table.payload["rows"] == [["500,000", f"{np.sin(500_000):.4g}", "500,000"]]
    table.close()


def test_a_session_and_a_database_of_another_process_are_followed(hand_pump, wire, tmp_path):
    session = make_loop().start()
    assert session.wait(20)
    table = LogTable(session, columns=["cost"])
    hand_pump.serve(table)
    assert table.payload["total"] == 12 and table.payload["columns"] == ["cost"]
    writer = SQLiteLog(tmp_path / "a.sqlite")
    writer[1]["cost"] = 1.0
    writer.flush()
    other = LogTable(SQLiteLog(tmp_path / "a.sqlite", read_only=True))
    hand_pump.serve(other)
    assert other.payload["total"] == 1
    writer[2]["cost"] = 2.0
    writer.flush()
    hand_pump.serve(other)
    assert other.payload["total"] == 2
    table.close(), other.close()


def test_wrong_requests_are_refused(log):
    with pytest.raises(LogError, match="LogTable needs a session or a training log, not 3"):
        LogTable(3)
    with pytest.raises(UnknownRecordError, match="did you mean 'cost'"):
        LogTable(log, query="csot < 1")
    with pytest.raises(LogError, match="a function call"):
        LogTable(log, query="print(1)")
    LogTable(TrainingLog(), query="later < 1").close()


def test_an_empty_log_has_an_empty_table(hand_pump, wire):
    table = LogTable(TrainingLog())
    hand_pump.serve(table)
    assert table.payload["rows"] == [] and table.payload["total"] == 0
    table.close()


def test_all_columns_are_more_than_the_first_thirty(ask, log):
    for i in range(40):
        log[9][f"layer {i}"] = i
    assert ask()["columns"] == ask()["channels"][:30]
    payload = ask(columns="all")
    assert len(payload["columns"]) == 42 and payload["chosen"] == "all"
    assert payload["rows"][0][-1] == "39"


def still(table):
    return TableStill(source_of(table.subject), table)


def test_the_still_table_has_the_newest_rows_as_text(ask, log):
    one = still(ask.table)
    html = one.bundles()[0]["text/html"]
    assert "<caption>all 10 rows</caption><tr><th>iteration</th><th>cost</th>" in html
    assert "<td>3</td><td>1</td><td>&lt;/td&gt;&lt;script&gt;</td>" in html
    for i in range(10, 500):
        log[i]["cost"] = 0.5
    assert one.text().splitlines()[:3] == [
        "20 of 500 rows", "iteration  cost  note", "499        0.5"
    ]  # fmt: skip


def test_the_still_table_follows_the_choices_and_stays_small(ask, log):
    one = still(ask.table)
    before = one.due()
    ask(condition="cost > 20", columns=["cost"])
    assert one.due() != before
    assert one.text().splitlines() == [
        "1 row where cost > 20", "iteration  cost", "9          25"
    ]  # fmt: skip
    ask(start=3)
    settled = one.due()
    ask(start=5)
    assert one.due() == settled
    for i in range(300):
        log[9][f"layer {i}"] = "x" * 300
    for columns in (None, "all"):
        ask(columns=columns)
        assert "290 more columns" in one.text() and len(str(one.bundles())) < 30_000


def test_interventions_are_shown_by_their_texts(ask, log):
    log[9]["interventions"] = ({"id": 1, "text": "set rate = 2"}, {"id": 2, "text": "pause"})
    assert ask(count=1)["rows"] == [["9", "25", "", "set rate = 2; pause"]]
    assert "set rate = 2; pause" in log._repr_html_() and "&#x27;id&#x27;" not in log._repr_html_()


@pytest.mark.parametrize("given", ["cost", 3])
def test_columns_must_be_a_list(given):
    with pytest.raises(LogError, match=rf"columns must be a list .*\['cost'\], not {given!r}"):
        LogTable(TrainingLog(), columns=given)
