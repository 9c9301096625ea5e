"""Direct edits: recorded as interventions, so that rewinds and forks give the same numbers."""

import threading

import numpy as np
import pytest
import torch

from tests.support import runs
from tests.support.waiting import SOON, paused_at, until
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.errors import SessionError
from workbench.extensions import TrainingExtension
from workbench.main_loop import MainLoop
from workbench.session import edits as edits_module
from workbench.session.snapshot_taker import SnapshotTaker

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


def through_data(session):
    session.main_loop.algorithm.parameters[0].tensor.data.mul_(0)  # torch does not count this


def through_numpy(session):
    session.main_loop.algorithm.parameters[0].tensor.numpy()[:] = 0


def swap_rows(session):
    weights = session.main_loop.algorithm.parameters[0].tensor.numpy()
    weights[:] = weights[::-1].copy()


def stop_learning(session):
    session.main_loop.algorithm.step_rule.learning_rate.set_value(0.0)


def costs(session, start, end):
    return [session.log[i]["cost"] for i in range(start, end)]


def edits(session):
    return [one for one in session.interventions if one["command"] == "edit"]


@pytest.mark.parametrize(
    "edit", [assign, in_place, through_data, through_numpy, swap_rows, stop_learning]
)
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


class Disturbance(TrainingExtension):
    """Extension that changes a parameter the first time that batch 11 is read, and never again."""

    done = False

    def before_batch(self, batch):
        if self.main_loop.status["iterations_done"] == 10 and not self.done:
            self.done = True
            self.main_loop.algorithm.parameters[0].tensor.numpy()[:] = 0


@pytest.fixture
def disturbed():
    session = runs.build(30, Disturbance()).start(paused=True)
    go_to(session, 10)
    return session


def test_an_alert_says_that_repeated_batches_gave_other_numbers(disturbed):
    session = disturbed
    go_to(session, 15)
    fork = paused_at(session.fork(12), 12)
    assert not edits(session)
    session.rewind(13).wait(SOON)
    expected = "repeated, but the results differ from the log: "
    assert expected in session.log[13]["alerts"][0]["text"]
    assert expected in fork.log[12]["alerts"][0]["text"]


@pytest.mark.parametrize(("end", "batches"), [(11, "batch 11 was"), (12, "batches 11 to 12 were")])
def test_an_alert_says_which_batches_were_repeated(disturbed, end, batches):
    session = disturbed
    session.snapshot().wait(SOON)
    go_to(session, end)
    session.rewind(end).wait(SOON)
    assert session.log[end]["alerts"][0]["text"].startswith(f"{batches} repeated, but the results")


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_an_edit_of_large_variables_is_noticed(size, monkeypatch):
    monkeypatch.setattr(edits_module, "EXACT", 1000)
    x, w = tensor.vector("x"), shared(np.zeros(size, "float32"), "w")
    algorithm = GradientDescent(
        cost=((x - w.sum()) ** 2).mean(), parameters=[w], step_rule=Scale(0)
    )
    session = MainLoop(algorithm, [{"x": np.ones(3, "float32")}] * 5).start(paused=True)
    session.step().wait(SOON)
    paused_at(session, 1)
    w.tensor.data.add_(1)
    session.step().wait(SOON)
    assert [one["variable"] for one in edits(session)] == ["w"]
    session.stop().wait(SOON)


def test_an_edit_in_place_while_training_runs_is_found_by_a_rewind(monkeypatch):
    """A step changes the values too, so such an edit cannot be told from training by itself."""
    # on a slow machine, a snapshot would be due after the edit, from which nothing is repeated
    monkeypatch.setattr(SnapshotTaker, "take_when_due", lambda taker, pin="": None)
    slow = Slowly()
    session = runs.build(30, slow).start()
    assert slow.reached.wait(SOON)  # the thread waits within batch 12
    in_place(session)
    slow.free.set()
    session.wait(SOON)
    assert not edits(session)
    session.rewind(20).wait(SOON)
    paused_at(session, 20)
    assert "repeated, but the results differ" in session.log[20]["alerts"][0]["text"]
    session.stop().wait(SOON)


class Slowly(TrainingExtension):
    """Extension that lets another thread act once, before batch 12."""

    def __init__(self):
        super().__init__()
        self.reached, self.free = threading.Event(), threading.Event()

    def before_batch(self, batch):
        if self.main_loop.status["iterations_done"] == 11:
            self.reached.set()
            assert self.free.wait(SOON)
