"""Summary of a log, and a log as HTML."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.support.logs import every_backend
from workbench.algorithms import TrainingAlgorithm
from workbench.extensions import FinishAfter, Timing, TrackTheBest, TrainingExtension
from workbench.log import TrainingLog
from workbench.log.sparkline import path
from workbench.main_loop import MainLoop


class Nothing(TrainingAlgorithm):
    """Algorithm that does nothing."""

    def initialize(self):
        pass

    def process_batch(self, batch):
        pass


class Costs(TrainingExtension):
    """Records a cost that is smallest after the second epoch."""

    def after_epoch(self):
        done = self.main_loop.status["epochs_done"]
        self.main_loop.log.current_row["cost"] = [3.0, 1.0, 2.0][done - 1]


@every_backend
def test_each_channel_has_its_facts(new):
    log = new()
    for i, cost in enumerate([2.0, float("nan"), -1.0, 0.5]):
        log[10 * i]["cost"] = cost
    channels = log.summary().channels
    assert channels.index.tolist() == ["cost"] and channels.index.name == "channel"
    facts = channels.loc["cost"]
    assert (facts["kind"], facts["count"], facts["not_finite"]) == ("numbers", 4, 1)
    assert (facts["first"], facts["last"]) == (2.0, 0.5)
    assert (facts["min"], facts["min_at"], facts["max"], facts["max_at"]) == (-1.0, 20, 2.0, 0)


def test_channels_without_numbers_have_only_counts():
    log = TrainingLog()
    log[1].update(note="a", sizes=[1], done=True, huge=10**400, none=None)
    channels = log.summary().channels
    assert channels["kind"].to_dict() == {
        "note": "text", "sizes": "objects", "done": "flags", "huge": "numbers", "none": "objects",
    }  # fmt: skip
    assert channels.loc["note"].drop(["kind", "count", "not_finite"]).isna().all()
    assert channels.loc["huge", "last"] == np.inf and channels.loc["huge", "not_finite"] == 1


def test_the_best_value_and_the_facts_of_a_run_are_found():
    extensions = [Costs(), Timing(), TrackTheBest("cost"), FinishAfter(after_n_epochs=3)]
    main_loop = MainLoop(Nothing(), [{"x": [1]}] * 2, extensions=extensions)
    main_loop.run()
    summary = main_loop.log.summary()
    assert summary.channels.loc["cost", ["best", "best_at"]].tolist() == [1.0, 4]
    run = summary.run
    assert (run["iterations"], run["epochs"]) == (6, 3)
    assert run["seconds"] >= 0 and run["threads"] >= 1
    assert {"python", "torch", "workbench"} <= set(run)
    assert "iterations 6, epochs 3" in repr(summary)


def test_an_empty_log_has_a_summary():
    assert TrainingLog().summary().channels.empty
    assert "0 rows" in TrainingLog()._repr_html_()


class Tags(HTMLParser):
    """Parser that collects the names of tags."""

    def __init__(self, text):
        super().__init__()
        self.found = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)


def test_the_page_of_a_log_shows_curves_and_escapes_every_text():
    log = TrainingLog()
    for i in range(3):
        log[i].update({"<script>": i / 2, "note": "</td><img src=x>"})
    page = log._repr_html_()
    assert {"svg", "path", "details"} <= Tags(page).found
    assert not {"script", "img"} & Tags(page).found
    assert "0 at 0" in page and "1 at 2" in page and "&lt;script&gt;" in page


def test_the_page_of_a_log_of_many_channels_is_short():
    log = TrainingLog()
    log[1].update({f"channel {i}": float(i) for i in range(300)})
    page = log._repr_html_()
    assert "and 288 more" in page and len(page) < 20_000


def test_the_page_of_a_long_log_is_small():
    log = TrainingLog()
    rows, x = np.arange(100_000), np.arange(100_000)
    state = {**log.state_dict(), "rows": rows, "columns": {"cost": (x, np.sin(x / 7.0))}}
    log.load_state_dict(state)
    assert len(log._repr_html_()) < 15_000


@pytest.mark.parametrize(
    "values, expected",
    [
        ([0.0, 1.0], "M1 9L9 1"),
        ([5.0, 5.0], "M1 5L9 5"),
        ([1.0], "M1 5h0.01"),
        ([np.nan, np.inf], ""),
        ([0.0, np.nan, 1.0], "M1 9M9 1"),
    ],
)
def test_a_sparkline_has_gaps_at_values_that_are_not_finite(values, expected):
    x = np.arange(len(values))
    assert path(x, np.array(values), width=10, height=10) == expected


def test_a_sparkline_keeps_every_spike():
    values = np.zeros(10_000)
    values[1234] = 7.0
    drawn = path(np.arange(10_000), values, width=100, height=20)
    assert " 1L" in drawn and len(drawn) < 4000


def test_a_recorded_nan_is_shown_and_a_missing_record_is_blank():
    log = TrainingLog()
    log[0]["cost"], log[1]["cost"], log[2]["rate"] = 0.5, np.nan, 0.1
    rows = log._repr_html_().partition("last rows")[2]
    assert re.findall("<td>(.*?)</td>", rows) == ["0.5", "", "NaN", "", "", "0.1"]
    cells = re.findall("<td>(.*?)</td>", log.summary()._repr_html_())
    assert cells[:5] == ["numbers", "2", "1", "0.5", "NaN"]


def test_the_time_of_a_run_that_was_resumed_is_that_of_all_its_parts():
    log = TrainingLog()
    for i, (read, train) in enumerate([(1.0, 10.0), (2.0, 20.0), (0.5, 5.0), (1.0, 10.0)]):
        log[i].update(time_read_data_total=read, time_train_total=train)
        log[i].update(second_time_read_data_total=read, second_time_train_total=train)
    assert log.summary().run["seconds"] == 33.0


def test_as_text_a_summary_is_whole():
    log = TrainingLog()
    for i in range(70):
        log[0][f"channel {i}"] = 1.0 + i
    text = repr(log.summary())
    assert "..." not in text and "channel 35" in text and "max_at" in text
    assert "not_finite" not in text and "best" not in text  # there are none


def test_numbers_in_the_text_of_a_summary_are_not_rounded_to_few_digits():
    log = TrainingLog()
    log[0].update({"examples": 1_012_399.0, "cost": 0.123456789, "huge": 2.5e300})
    log[1]["cost"] = np.nan
    text = repr(log.summary())
    assert "1012399" in text and "not_finite" in text
    assert "0.123457" in text and "2.5e+300" in text
