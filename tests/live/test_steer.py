"""The steering part of the control bar: numbers, receipts, the end, branches and the journal."""

import warnings

import pytest

from extensions_live import Controls, view
from extensions_live.course import alerts
from tests.support import runs
from tests.support.waiting import SOON
from workbench import shared
from workbench.algorithms import Adam, CompositeRule, Momentum, StepClipping
from workbench.errors import SessionError, SessionWarning
from workbench.extensions.schedules import cosine
from workbench.extensions.variable_modifier import SharedVariableModifier
from workbench.log import TrainingLog

from .inside import train

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def paused(rule=None, *, scheduled=False, dropout=0):
    loop = runs.build(30, rule=Momentum(0.1, 0.9) if rule is None else rule, dropout=dropout)
    if scheduled:
        rate = loop.algorithm.step_rule.learning_rate
        loop.extensions.append(SharedVariableModifier(rate, cosine(0.2, iterations=30)))
    return loop.start(paused=True)


@pytest.fixture
def bar(hand_pump, wire):
    """Return a function that refreshes a control bar and returns its payload."""

    def refresh(controls):
        hand_pump.serve(controls)
        assert controls.problem == ""
        return controls.payload

    return refresh


def ask(controls, name, /, id="a", **arguments):
    message = {"kind": "command", "name": name, "arguments": arguments, "id": id}
    controls.receive(message)


def numbers(payload):
    return {row["path"]: row for row in payload["steer"]["numbers"]}


def test_every_number_of_the_algorithm_has_a_row(bar):
    rule = CompositeRule([StepClipping(5.0), Adam(0.01)])
    payload = bar(Controls(paused(rule)))
    rows = [(row["owner"], row["name"]) for row in payload["steer"]["numbers"]]
    assert rows == [
        ("Adam", "learning_rate"),
        ("Adam", "beta1"),
        ("Adam", "beta2"),
        ("Adam", "decay_factor"),
        ("Adam", "epsilon"),
        ("StepClipping", "threshold"),
    ]


def test_the_probability_of_dropout_has_a_row_after_those_of_the_rule(bar):
    payload = bar(Controls(paused(dropout=0.3)))
    row = payload["steer"]["numbers"][-1]
    assert (row["name"], row["value"], row["low"], row["high"]) == ("drop_prob", 0.3, 0, 1)


def test_a_row_has_value_bounds_and_scale(bar):
    row = numbers(bar(Controls(paused())))["learning_rate"]
    assert row["value"] == pytest.approx(0.1)
    assert (row["low"], row["high"], row["scale"]) == (0.0, None, "log")
    assert (row["driven_by"], row["held"], row["receipt"]) == ("", False, None)


def test_the_slider_of_a_momentum_ends_at_1(bar):
    assert numbers(bar(Controls(paused())))["momentum"]["high"] == 1


def test_a_value_that_is_not_finite_is_null(bar):
    session = paused()
    controls = Controls(session)
    bar(controls)
    rate = session.main_loop.algorithm.step_rule.learning_rate
    rate.tensor.fill_(float("nan"))
    assert numbers(bar(controls))["learning_rate"]["value"] is None
    rate.tensor.fill_(0.1)


def test_the_receipt_is_that_of_the_request(bar):
    session = paused()
    controls = Controls(session)
    ask(controls, "set", id="b", shared="learning_rate", value=0.5)
    session.commands[-1].wait(SOON)
    payload = bar(controls)
    receipt = numbers(payload)["learning_rate"]["receipt"]
    assert receipt == payload["receipts"][-1]
    assert (receipt["request"], receipt["state"]) == ("b", "applied")
    assert receipt["text"] == "set learning_rate = 0.5: applied at iteration 0"
    assert numbers(payload)["learning_rate"]["value"] == 0.5


def test_a_refused_value_says_why_beside_its_number(bar):
    session = paused()
    controls = Controls(session)
    ask(controls, "set", shared="momentum", value=-1)
    receipt = numbers(bar(controls))["momentum"]["receipt"]
    assert receipt["state"] == "refused"
    assert "momentum must be 0 or more, not -1" in receipt["text"]
    assert numbers(bar(controls))["momentum"]["value"] == pytest.approx(0.9)


def test_a_refusal_names_no_class_and_a_rewind_ends_it(bar):
    session = paused()
    controls = Controls(session)
    ask(controls, "set", shared="momentum", value=-1)
    with pytest.raises(SessionError):
        session.commands[-1].wait(SOON)
    payload = bar(controls)
    for text in (numbers(payload)["momentum"]["receipt"]["text"], payload["command"]["text"]):
        assert text.startswith("set momentum = -1: refused: momentum must be 0 or more")
    train(session, 1)
    session.rewind(0).wait(SOON)
    assert numbers(bar(controls))["momentum"]["receipt"]["text"] == ""


def test_a_change_by_code_has_a_receipt_too(bar):
    session = paused()
    controls = Controls(session)
    ask(controls, "set", shared="learning_rate", value=0.5)
    session.set("learning_rate", 0.25).wait(SOON)
    receipt = numbers(bar(controls))["learning_rate"]["receipt"]
    assert receipt["text"] == "set learning_rate = 0.25: applied at iteration 0, by code"
    assert receipt["request"] == ""


def test_a_refusal_without_a_command_is_shown_in_the_bar_until_the_next_command(bar):
    session = paused()
    controls = Controls(session)
    ask(controls, "hold", id="b", shared="momentum")
    payload = bar(controls)
    text = "hold: refused: no schedule sets momentum, so there is nothing to hold"
    assert payload["command"]["text"] == text
    assert payload["command"]["refused"]
    assert payload["receipts"][-1]["request"] == "b"
    session.snapshot().wait(SOON)
    assert bar(controls)["command"]["text"] == "snapshot: applied at iteration 0"


def test_a_driven_number_shows_its_schedule_and_whether_it_is_held(bar):
    session = paused(scheduled=True)
    controls = Controls(session)
    row = numbers(bar(controls))["learning_rate"]
    assert (row["driven_by"], row["held"]) == ("SharedVariableModifier", False)
    ask(controls, "hold", shared="learning_rate", value=0.05)
    session.commands[-1].wait(SOON)
    row = numbers(bar(controls))["learning_rate"]
    assert (row["held"], row["value"]) == (True, pytest.approx(0.05))
    assert row["receipt"]["text"] == "hold learning_rate at 0.05: applied at iteration 0"


def test_further_variables_are_shown_by_object_or_name(bar):
    session = paused()
    bias = next(p for p in session.main_loop.model.parameters if p.ndim == 1)
    with pytest.raises(SessionError, match="b must be a single real number, but has shape"):
        Controls(session, variables=[bias])
    rate = session.main_loop.algorithm.step_rule.learning_rate
    payload = bar(Controls(session, variables=[rate, "momentum"]))
    assert sorted(numbers(payload)) == ["learning_rate", "momentum"]


class Warmth(SharedVariableModifier):
    """Extension with two variables of its own, one of which it sets."""

    def __init__(self):
        super().__init__(shared(1.0, "temperature"), lambda n: 1.0, every_n_batches=1)
        self.extra = shared(0.25, "sharpness")

    def state_variables(self):
        return (self.parameter, self.extra)


def test_a_variable_of_an_extension_is_shown_and_set(bar):
    loop = runs.build(30, dropout=0)
    warmth = Warmth()
    loop.extensions.append(warmth)
    session = loop.start(paused=True)
    controls = view(session, variables=[warmth.extra]).widgets[0]
    rows = bar(controls)["steer"]["numbers"]
    assert [row["name"] for row in rows if not row["owner"]] == ["sharpness", "temperature"]
    path = next(row["path"] for row in rows if row["name"] == "sharpness")
    ask(controls, "set", shared=path, value=0.75)
    session.commands[-1].wait(SOON)
    assert warmth.extra.get_value() == 0.75


def test_a_variable_that_training_does_not_use_is_refused():
    with pytest.raises(SessionError, match="unused is not a variable of this run"):
        Controls(paused(), variables=[shared(1.0, "unused")])


def test_the_end_is_planned_by_a_request(bar):
    session = paused()
    controls = Controls(session)
    ask(controls, "set_end", batches=12)
    session.commands[-1].wait(SOON)
    payload = bar(controls)
    assert payload["steer"]["end"] == {
        "epochs": None, "batches": 12, "epochs_done": 0, "batches_done": 0,
    }  # fmt: skip
    assert payload["iteration"] == "iteration 0 of 12"


def test_the_journal_lists_changes_from_the_last_to_the_first(bar):
    session = paused()
    controls = Controls(session)
    bar(controls)
    ask(controls, "set", shared="learning_rate", value=0.5)
    session.set_end(batches=12).wait(SOON)
    session.snapshot().wait(SOON)
    rows = bar(controls)["steer"]["interventions"]
    times = [row.pop("time") for row in rows]
    assert times == sorted(times, reverse=True) and len(times[0]) == len("2026-03-01 09:30:15")
    assert rows == [
        {"iteration": 0, "what": "end", "old": "30 batches", "new": "12 batches", "by": "code"},
        {"iteration": 0, "what": "learning_rate", "old": "0.1", "new": "0.5", "by": "button"},
    ]


def test_a_branch_says_how_it_differs(bar):
    session = runs.build(30).start()
    assert session.wait(SOON)
    session.rewind(7).wait(SOON)
    session.set("learning_rate", 0.5).wait(SOON)
    payload = bar(Controls(session))
    assert payload["steer"]["branches"] == [
        {"name": "main", "start": 0, "end": 30, "difference": "no own interventions"},
        {
            "name": "branch 1", "start": 7, "end": None,
            "difference": "learning_rate 0.1 → 0.5 at 7",
        },
    ]  # fmt: skip
    assert payload["steer"]["interventions"][-1]["what"] == "rewind: iteration"
    kept = [
        one["iteration"] for one in payload["steer"]["snapshots"] if one["branch"] == "branch 1"
    ]
    assert kept[0] == 7


def test_a_rewind_to_a_branch_by_a_request(bar):
    session = runs.build(30).start()
    assert session.wait(SOON)
    session.rewind(7).wait(SOON)
    controls = Controls(session)
    ask(controls, "rewind", iteration=30, branch="main")
    session.commands[-1].wait(SOON)
    assert bar(controls)["iteration"] == "iteration 30 of 30"


def test_alerts_are_read_from_the_log(bar):
    session = paused()
    controls = Controls(session)
    assert (bar(controls)["alerts"], controls.payload["alert_count"]) == ([], 0)

    def warn(main_loop):
        alert = {"level": "error", "text": "exploded"}
        main_loop.log.current_row["alerts"] = ({"level": "info", "text": "begun"}, alert)

    session.call(warn).wait(SOON)
    payload = bar(controls)
    assert payload["alert_count"] == 2
    assert payload["alerts"][0] == {"iteration": 0, "level": "error", "text": "exploded"}


def test_the_advice_at_the_end_of_a_long_alert_is_shown_and_a_cut_is_marked():
    log = TrainingLog()
    log[1]["alerts"] = ({"text": f"{'x' * 500} resume() continues"}, {"text": "y" * 5000})
    longest, long = (alert["text"] for alert in alerts(log)[0])
    assert long.endswith("x resume() continues")
    assert len(longest) == 2000 and longest.endswith("y…")


def test_the_file_that_was_saved_last_is_offered_to_load(bar, tmp_path):
    session = paused()
    controls = Controls(session)
    assert bar(controls)["steer"]["default_path"] == f"{session.name}-{{iterations_done}}.tar"
    session.save(tmp_path / "a.tar").wait(SOON)
    assert bar(controls)["steer"]["last_path"] == str(tmp_path / "a.tar")


def test_the_receipt_of_a_change_is_empty_after_a_rewind_to_before_it(bar):
    session = paused()
    controls = Controls(session)
    [rate] = [one.path for one in session.hyperparameters if one.name == "learning_rate"]
    train(session, 2)
    ask(controls, "set", id="rate", shared=rate, value=0.02)
    ask(controls, "set_end", id="end", epochs=7)
    session.call(lambda loop: None).wait(SOON)

    def texts():
        return {one["request"]: one["text"] for one in bar(controls)["receipts"]}

    assert texts()["end"] == "end after 7 epochs: applied at iteration 2"
    session.rewind(1).wait(SOON)
    assert texts() == {"rate": "", "end": ""}
    assert numbers(bar(controls))[rate]["receipt"]["text"] == ""
    session.undo().wait(SOON)
    assert texts()["end"] == "end after 7 epochs: applied at iteration 2"


def test_a_range_test_is_no_change_of_training(bar):
    session = paused()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SessionWarning)
        session.find_learning_rate(batches=20)
    steer = bar(Controls(session))["steer"]
    assert steer["interventions"] == []
    assert [branch["difference"] for branch in steer["branches"]] == [""]
