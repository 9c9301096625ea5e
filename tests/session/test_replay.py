"""Interventions made again in a run of the same code: the same numbers, or an error."""

import pytest

from tests.support import runs
from tests.support.waiting import COMPILED, SOON, paused_at
from workbench.algorithms import Momentum
from workbench.errors import SessionError
from workbench.extensions import SimpleExtension
from workbench.log import SQLiteLog, TrainingLog

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def rate(session):
    return session.main_loop.algorithm.step_rule.learning_rate


def halve(main_loop):
    for parameter in main_loop.model.parameters:
        parameter.set_value(parameter.get_value() / 2)


@pytest.fixture
def steered():
    """Return a run in which values were set, a function was called, and a rewind was made."""
    return steer(runs.build(25))


def steer(main_loop):
    session = main_loop.start(paused=True)
    session.step(6).wait(COMPILED)
    paused_at(session, 6)
    session.set(rate(session), 0.5).wait(SOON)
    session.step(9).wait(SOON)
    paused_at(session, 15)
    session.rewind(12).wait(SOON)
    paused_at(session, 12)
    session.set(rate(session), 0.05).wait(SOON)
    session.call(halve).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    return session


@pytest.mark.parametrize("tier", ["eager", "compiled"])
def test_the_same_interventions_give_the_same_numbers_in_one_tier(tier):
    steered, main_loop = (runs.build(25, algorithm=runs.in_tier(tier)) for _ in range(2))
    log = steer(steered).log
    session = main_loop.start(paused=True)
    session.replay(log, functions={"halve": halve})
    session.resume()
    assert session.wait(COMPILED)
    assert session.execution["tier"] == tier
    runs.assert_same(main_loop, steered)


@pytest.mark.parametrize("of", ["log", "interventions"])
def test_the_same_interventions_give_the_same_numbers(steered, of):
    session = runs.build(25).start(paused=True)
    session.replay(getattr(steered, of), functions={"halve": halve})
    session.resume()
    assert session.wait(SOON)
    runs.assert_same(session.main_loop, steered.main_loop)


@pytest.mark.parametrize("of", [lambda session: session, lambda session: session.branches[-1]])
def test_a_session_or_branch_is_replayed_from_its_log(steered, of):
    session = runs.build(25).start(paused=True)
    session.replay(of(steered), functions={"halve": halve})
    session.resume()
    assert session.wait(SOON)
    runs.assert_same(session.main_loop, steered.main_loop)


def test_the_newest_run_of_a_database_is_replayed(tmp_path):
    path = tmp_path / "runs.sqlite"
    log = SQLiteLog(path)
    log[0]["cost"] = 1.0
    log[2]["interventions"] = (
        {"id": 1, "command": "set_end", "text": "set_end batches=3", "by": "code", "batches": 3},
    )
    log.flush()
    session = runs.build(25).start(paused=True)
    session.replay(path)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 3


def test_what_is_no_run_is_an_error():
    session = runs.build(25).start(paused=True)
    with pytest.raises(
        SessionError, match="a replay requires a log, a session, .*, the path .*, not 3"
    ):
        session.replay(3)


def test_the_journal_says_that_they_were_replayed(steered):
    session = runs.build(25).start(paused=True)
    command = session.replay(steered.log, functions={"halve": halve})
    session.resume()
    session.wait(SOON)
    made = [
        (r["iteration"], r["command"]) for r in session.interventions if r.get("by") == "replay"
    ]
    assert made == [(6, "set"), (12, "set"), (12, "call")]
    assert command.iteration == 12


def test_a_function_that_is_not_given_is_named(steered):
    session = runs.build(25).start(paused=True)
    with pytest.raises(SessionError, match=r"pass it as functions=\{'halve': \.\.\.\}"):
        session.replay(steered.log)


def test_an_unknown_variable_is_named(steered):
    session = runs.build(25).start(paused=True)
    record = {"iteration": 1, "command": "set", "text": "set lr = 1", "path": "lr", "value": 1.0}
    with pytest.raises(SessionError, match="concerns 'lr', which is not a variable of this run"):
        session.replay([record])


def test_an_iteration_that_has_passed_is_refused(steered):
    session = runs.build(25).start()
    session.wait(SOON)
    with pytest.raises(SessionError, match="was made at iteration 6, but this run is .* 25"):
        session.replay(steered.log, functions={"halve": halve})


@pytest.mark.parametrize("record", [3, {}, {"command": "set"}, "set"])
def test_what_is_no_intervention_is_an_error(record):
    session = runs.build(25).start(paused=True)
    with pytest.raises(SessionError, match="is not an intervention: it must be one of"):
        session.replay([record])


def test_another_number_of_threads_is_told(steered, capsys):
    steered.log.status["threads"] = 64
    session = runs.build(25).start(paused=True)
    session.replay(steered.log, functions={"halve": halve})
    assert "number of threads for large steps (64)" in capsys.readouterr().err


def test_going_back_before_an_intervention_ends_the_replay(steered):
    session = runs.build(25).start(paused=True)
    records = [r for r in steered.interventions if r["command"] == "set"]
    command = session.replay([*records, {**records[-1], "iteration": 20}])
    session.step(10).wait(SOON)
    paused_at(session, 10)
    session.rewind(8).wait(SOON)  # behind the first one
    assert not command.done
    session.rewind(3).wait(SOON)
    with pytest.raises(SessionError, match="rewind to iteration 3 undid interventions"):
        command.wait(SOON)


def test_a_function_that_adds_an_extension_does_so_again():
    class Mark(SimpleExtension):
        def do(self, which_callback, *args):
            self.main_loop.log.current_row["mark"] = True

    def add(main_loop):
        main_loop.extensions.append(Mark(after_batch=True))
        main_loop.extensions[-1].main_loop = main_loop

    first = runs.build(9).start(paused=True)
    first.step(4).wait(SOON)
    paused_at(first, 4)
    first.call(add).wait(SOON)
    first.resume()
    first.wait(SOON)
    again = runs.build(9).start(paused=True)
    again.replay(first.log, functions={add.__qualname__: add})
    again.resume()
    again.wait(SOON)
    assert len(again.log.channel("mark")) == len(first.log.channel("mark")) == 5


SET = {"iteration": 3, "command": "set", "text": "set it", "path": "learning_rate"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "or a list of interventions such as session.interventions, not 5"),
        (None, "a replay requires a log, .* not None"),
        ([{**SET, "value": 0.1, "iteration": "3"}], "is not an intervention"),
        ([SET], "is not an intervention"),
        ([{**SET, "value": "x"}], "the intervention 'set it' cannot be made in this run"),
    ],
)
def test_what_is_no_intervention_is_refused_at_once(source, message):
    session = runs.build(5).start(paused=True)
    with pytest.raises(SessionError, match=message):
        session.replay(source)
    assert [command.kind for command in session.commands] == ["pause"]


def test_training_after_the_end_is_repeated():
    first = runs.build(25).start()
    first.wait(SOON)
    first.train(batches=7).wait(SOON)
    first.wait(SOON)
    session = runs.build(25).start(paused=True)
    command = session.replay(first.log)
    session.resume()
    assert session.wait(SOON)
    assert command.text == "replay 1 intervention"
    assert session.log.status["iterations_done"] == 32
    runs.assert_same(session.main_loop, first.main_loop)


def test_training_after_a_stop_is_repeated_up_to_the_same_end():
    first = runs.build(25).start(paused=True)
    first.step(8).wait(SOON)
    paused_at(first, 8)
    first.stop().wait(SOON)
    first.wait(SOON)
    first.train(epochs=1).wait(SOON)
    first.wait(SOON)
    session = runs.build(25).start(paused=True)
    session.replay(first.log)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == first.log.status["iterations_done"] == 10


def test_a_load_is_left_out_with_a_note(capsys):
    session = runs.build(25).start(paused=True)
    session.replay([{"iteration": 3, "command": "load", "text": "load a.tar"}])
    assert "leaves out 'load a.tar' at iteration 3" in capsys.readouterr().err


def test_other_initial_parameters_are_told(steered, capsys):
    session = runs.build(25)
    session.algorithm.parameters[0].set_value(session.algorithm.parameters[0].get_value() + 1)
    session = session.start(paused=True)
    session.replay(steered.log, functions={"halve": halve})
    session.step().wait(SOON)
    paused_at(session, 1)
    text = capsys.readouterr().err
    assert "started with different parameters than this run" in text
    assert "MLP(..., seed=1)" in text


def test_other_initial_hyperparameters_are_told(steered, capsys):
    session = runs.build(25, rule=Momentum(0.2, 0.9)).start(paused=True)
    session.replay(steered.log, functions={"halve": halve})
    session.step().wait(SOON)
    paused_at(session, 1)
    assert "different hyperparameters" in capsys.readouterr().err


def test_the_same_initial_state_needs_no_note(steered, capsys):
    session = runs.build(25).start(paused=True)
    session.replay(steered.log, functions={"halve": halve})
    session.step().wait(SOON)
    paused_at(session, 1)
    assert "started with" not in capsys.readouterr().err


def test_an_empty_log_is_refused(tmp_path):
    session = runs.build(25).start(paused=True)
    with pytest.raises(SessionError, match=r"is empty: .* use SQLiteLog\(path, read_only=True\)"):
        session.replay(SQLiteLog(tmp_path / "runs.sqlite"))
    with pytest.raises(SessionError, match="is empty.*the log of a run that has started"):
        session.replay(TrainingLog())
