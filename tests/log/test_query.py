"""Selection of rows by an expression, which can do nothing else."""

import numpy as np
import pytest

from tests.support.logs import every_backend
from workbench.errors import LogError, UnknownRecordError
from workbench.log import TrainingLog


@pytest.fixture
def log():
    log = TrainingLog()
    for i in range(6):
        log[i].update({"cost": 1.0 / (i + 1), "test cost": float(i), "count": i})
    log[2]["note"] = "good"
    log[4]["best"] = True
    log[5]["cost"] = float("nan")
    return log


@every_backend
def test_rows_of_every_backend_are_selected(new):
    log = new()
    log[1]["cost"], log[2]["cost"] = 0.5, 0.05
    assert log.query("cost < 0.1").index.tolist() == [2]
    assert log.query("cost < 0.1").index.name == "iteration"


@pytest.mark.parametrize(
    "expression, rows",
    [
        ("cost < 0.3", [3, 4]),
        ("0.2 < cost <= 0.5", [1, 2, 3]),
        ("cost < 0.3 and count > 3", [4]),
        ("cost < 0.3 & count > 3 | count == 0", [0, 4]),
        ("not cost < 0.3", [0, 1, 2, 5]),
        ("`test cost` >= 4", [4, 5]),
        ("`test cost` - count == 0 and iteration % 2 == 1", [1, 3, 5]),
        ("count in [1, 3]", [1, 3]),
        ("note == 'good'", [2]),
        ("note == \"a `cost` @ & | b\"", []),
        ("best", [4]),
        ("best == False and iteration > 3", [5]),
        ("cost != cost", [5]),
        ("count ** 2 > 10", [4, 5]),
        ("-cost < -0.4", [0, 1]),
    ],
)  # fmt: skip
def test_an_expression_selects_rows(log, expression, rows):
    assert log.query(expression).index.tolist() == rows


def test_all_columns_of_the_rows_are_returned(log):
    frame = log.query("count == 1")
    assert list(frame) == list(log.channels) and np.isclose(frame["cost"].item(), 0.5)


@pytest.mark.parametrize(
    "name",
    [
        "index",
        "sin",
        "class",
        "c0",
        "_channel0",
        "T",
        "é",
        "a#b",
        "True",
        "inf",
        "it's",
        'q"@&|',
        "capital-gain",
        "1st",
    ],
)
def test_any_name_of_a_channel_can_be_used(name):
    log = TrainingLog()
    log[1][name], log[2][name] = 1.0, 2.0
    assert log.query(f"`{name}` > 1").index.tolist() == [2]


def test_an_unknown_channel_is_named_with_the_nearest_one(log):
    with pytest.raises(UnknownRecordError, match="no channel 'csot'; did you mean 'cost'"):
        log.query("csot < 1")
    with pytest.raises(
        UnknownRecordError, match="no channel 'tset cost'; did you mean 'test cost'"
    ):
        log.query("`tset cost` < 1")
    with pytest.raises(UnknownRecordError, match="no channel 'xyz'; its channels are cost"):
        log.query("xyz < 1")
    with pytest.raises(UnknownRecordError, match="no channel 'xyz'; it is empty"):
        TrainingLog().query("xyz < 1")


@pytest.mark.parametrize(
    "expression, what",
    [
        ("@cost < 1", "a variable with @"),
        ("__import__('os').system('true')", "a function call"),
        ("cost.values.tofile", "an attribute"),
        ("cost.sum() > 1", "a function call"),
        ("cost[0] < 1", "an index in brackets"),
        ("(lambda: 1)", "a function"),
        ("[c for c in cost]", "listcomp"),
        ("cost < 10 ** 10 ** 10", "a power"),
        ("2 ** cost < 3", "a power"),
        ("cost ** 10 ** 9 > 1", "a power"),
        ("'a' * 1000000000 == note", "text that is not compared"),
        ("f'{cost}' == note", "joinedstr"),
        ("cost if cost else count", "a conditional expression"),
        ("(cost := 1) > 0", "an assignment"),
        ("cost < 1j", "the constant 1j"),
        ("note == None", "the constant None"),
    ],
)
def test_all_but_conditions_is_refused(log, expression, what):
    with pytest.raises(LogError, match=f"the expression .* has {what}"):
        log.query(expression)


@pytest.mark.parametrize(
    "expression", ["cost <", "cost < 1\ncount < 1", "((((", "`cost < 1", "a b"]
)
def test_what_cannot_be_parsed_is_refused(log, expression):
    with pytest.raises(LogError, match="cannot be read"):
        log.query(expression)


def test_an_expression_must_be_a_condition(log):
    for expression in ("cost", "cost + 1", "1 < 2", "True"):
        with pytest.raises(LogError, match="must be a condition"):
            log.query(expression)
    for given in (None, "", 3):
        with pytest.raises(LogError, match="must be an expression as text"):
            log.query(given)
    with pytest.raises(LogError, match="2007 characters; it must have at most 1000"):
        log.query("cost < 1" + " " * 1999 + "")


def test_values_that_cannot_be_compared_are_an_error(log):
    with pytest.raises(LogError, match="cannot be applied to the values of the log"):
        log.query("note < 3")
