"""Direct edits: recorded as interventions, so that rewinds and forks give the same numbers."""

import pytest
import torch

from tests.support import runs
from tests.support.waiting import SOON, paused_at, until
from workbench.errors import SessionError

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def session():
    session = runs.build(30).start(paused=True)
    go_to(session, 10)
    return session


def go_to(session, iteration):
    session.step(iteration - session.log.status["iterations_done"]).wait(SOON)
    paused_at(session, iteration)


def assign(session):
    weights = session.main_loop.algorithm.parameters[0]
    weights.set_value(weights.get_value() * 0)


def in_place(session):
    with torch.no_grad():
        session.main_loop.algorithm.parameters[0].tensor.mul_(0)


def stop_learning(session):
    session.main_loop.algorithm.step_rule.learning_rate.set_value(0.0)


def costs(session, start, end):
    return [session.log[i]["cost"] for i in range(start, end)]


def edits(session):
    return [one for one in session.interventions if one["command"] == "edit"]


@pytest.mark.parametrize("edit", [assign, in_place, stop_learning])
def test_rewinds_and_forks_after_an_edit_give_the_same_numbers(session, edit):
    edit(session)
    go_to(session, 15)
    expected = costs(session, 9, 16)
    fork = paused_at(session.fork(13), 13)
    assert costs(fork, 9, 14) == expected[:5]
    session.rewind(12).wait(SOON)
    assert costs(session, 9, 13) == expected[:4]
    assert len(edits(session)) == len(edits(fork)) == 1


def test_an_edit_is_a_row_with_the_variable(session):
    stop_learning(session)
    session.step().wait(SOON)
    [edit] = edits(session)
    expected = {"iteration": 10, "text": "edit learning_rate directly", "by": "code", "value": 0.0}
    assert edit.items() >= expected.items()


def test_an_edit_can_be_rewound(session):
    stop_learning(session)
    go_to(session, 15)
    session.rewind(10).wait(SOON)
    assert session.main_loop.algorithm.step_rule.learning_rate.get_value() > 0
    assert not edits(session)


def test_commands_are_no_edits(session):
    session.set("learning_rate", 0.5).wait(SOON)
    session.undo().wait(SOON)
    session.rewind(10).wait(SOON)
    session.call(assign_in_thread).wait(SOON)
    session.undo().wait(SOON)
    session.step().wait(SOON)
    assert not edits(session)


def assign_in_thread(main_loop):
    main_loop.algorithm.parameters[0].set_value(main_loop.algorithm.parameters[0].get_value() * 0)


def test_an_edit_while_training_runs_is_recorded():
    session = runs.build(None).start()
    until(lambda: session.log.status["iterations_done"] > 5)
    stop_learning(session)
    until(lambda: edits(session))
    session.stop()
    session.wait(SOON)
    assert len(edits(session)) == 1


def test_an_edit_between_two_runs_is_recorded():
    session = runs.build(10).start()
    session.wait(SOON)
    stop_learning(session)
    session.train(batches=10)
    session.wait(SOON)
    assert [one["iteration"] for one in edits(session)] == [10]


def test_a_replay_says_that_it_cannot_repeat_an_edit(session):
    stop_learning(session)
    session.step().wait(SOON)
    session.stop()
    session.wait(SOON)
    again = runs.build(30).start(paused=True)
    with pytest.raises(SessionError, match=r"edited without a command at iteration 10 \(edit lear"):
        again.replay(session.log)


def test_an_alert_says_that_repeated_batches_gave_other_numbers(session):
    session.main_loop.algorithm.parameters[0].tensor.numpy()[:] = 0  # torch does not notice
    go_to(session, 15)
    fork = paused_at(session.fork(12), 12)
    assert not edits(session)
    session.rewind(13).wait(SOON)
    expected = "repeated, but the results differ from the log: "
    assert expected in session.log[13]["alerts"][0]["text"]
    assert expected in fork.log[12]["alerts"][0]["text"]


@pytest.mark.parametrize(("end", "batches"), [(11, "batch 11 was"), (12, "batches 11 to 12 were")])
def test_an_alert_says_which_batches_were_repeated(session, end, batches):
    session.snapshot().wait(SOON)
    session.main_loop.algorithm.parameters[0].tensor.numpy()[:] = 0  # torch does not notice
    go_to(session, end)
    session.rewind(end).wait(SOON)
    assert session.log[end]["alerts"][0]["text"].startswith(f"{batches} repeated, but the results")
