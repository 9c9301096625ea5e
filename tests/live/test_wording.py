"""Interventions and alerts have the same text in all views, tables and reports."""

import numpy as np
import pytest

from extensions_live.dashboard.run_table import interventions
from extensions_live.log_curves import changes
from extensions_live.log_rows import cells
from extensions_live.log_table import LogTable
from extensions_live.plot_marks import described
from extensions_live.to_html import report
from workbench.log import TrainingLog
from workbench.log.interventions import in_words
from workbench.session.branch import difference

SET = {
    "id": 1, "command": "set", "text": "set learning_rate = 0.01", "by": "button",
    "variable": "learning_rate", "path": "learning_rate", "old": 0.1, "value": 0.01,
}  # fmt: skip
WORDS = "learning_rate 0.1 → 0.01"


@pytest.fixture
def log():
    log = TrainingLog()
    log[5]["cost"] = 1.0
    log[5]["interventions"] = (SET,)
    log[5]["alerts"] = ({"level": "error", "text": "the cost\nis <large>"},)
    return log


def test_an_intervention_has_one_text(log):
    snapshot = log.snapshot()
    texts = [
        changes(log)[5],
        *described("intervention", (SET,), 5),
        interventions(log)[0][1],
        difference(log, 0),
        cells(snapshot, ["interventions"], np.array([0]))[0][1],
        log._repr_html_(),
        " ".join(log.compare([TrainingLog()]).index.get_level_values(1)),
    ]
    words = WORDS.replace(">", "&gt;")
    assert [WORDS in text or words in text for text in texts] == [True] * len(texts)
    assert "'command'" not in "".join(texts)
    assert "<td>learning_rate</td><td>0.1</td><td>0.01</td>" in report(log, "")


def test_alerts_are_shown_as_text(log):
    assert "error: the cost is &lt;large&gt;" in log._repr_html_()
    assert "error: the cost is &lt;large&gt;" in report(log, "")
    assert "error: the cost is <large>" in repr(LogTable(log, columns=["alerts"]))


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"command": "set_end", "text": "end", "epochs": 5, "old": 3}, "end 3 epochs → 5 epochs"),
        (
            {"command": "rewind", "text": "rewind to 2", "from": 9, "to": 2},
            "rewind: iteration 9 → 2",
        ),
        (
            {"command": "set", "text": "-", "variable": "rate", "old": 1e6, "value": 1e30},
            "rate 1e+06 → 1e+30",
        ),
        (
            {"command": "set", "text": "-", "variable": "rate", "old": 0.1, "value": 10**6},
            "rate 0.1 → 1e+06",
        ),
        ({"command": "release", "text": "-", "variable": "rate"}, "release rate"),
        ({"command": "set", "text": "-", "variable": "rate", "value": 2.0}, "rate 2"),
        ({"command": "call", "text": "call f"}, "call f"),
        ({"text": "from another program"}, "from another program"),
    ],
)
def test_every_kind_of_intervention_has_words(record, text):
    assert in_words(record) == text
