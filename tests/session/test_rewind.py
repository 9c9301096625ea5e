"""Rewinds: the same numbers again, branches that keep what was left, undo, and refusals."""

import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import runs
from tests.support.fakes import make
from tests.support.waiting import COMPILED, SOON, paused_at, until
from workbench.errors import NotFiniteError, SessionError
from workbench.extensions import FinishAfter, SimpleExtension, TrainingExtension
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.session import State, snapshot_taker
from workbench.session.snapshot_taker import SnapshotTaker

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def finished():
    session = runs.build(30).start()
    assert session.wait(SOON)
    return session


def rate(session):
    return session.main_loop.algorithm.step_rule.learning_rate


def go_to(session, iteration):
    """Have a paused session train up to an iteration."""
    session.step(iteration - session.log.status["iterations_done"]).wait(SOON)
    paused_at(session, iteration)


@pytest.fixture
def paused():
    session = runs.build(30).start(paused=True)
    go_to(session, 3)
    session.rewind(0).wait(SOON)
    return session


def assert_at(session, iteration):
    """Assert that a paused session is where a run of so many batches ends."""
    loop = runs.build(30)
    loop.run(batches=iteration)
    assert session.log.status["iterations_done"] == iteration
    session.call(lambda main_loop: runs.assert_same(main_loop, loop)).wait(SOON)


@pytest.mark.parametrize("iteration", [0, 1, 5, 12, 30])
def test_the_state_is_that_of_a_run_that_ended_there(finished, iteration):
    finished.rewind(iteration).wait(SOON)
    assert finished.state is State.PAUSED
    assert finished.log.status["iterations_done"] == iteration
    if iteration:
        assert_at(finished, iteration)


@pytest.mark.parametrize("tier", ["eager", "compiled"])
def test_training_continues_to_the_same_numbers(tier):
    expected = runs.build(30, algorithm=runs.in_tier(tier))
    expected.run()
    session = runs.build(30, algorithm=runs.in_tier(tier)).start()
    assert session.wait(COMPILED)
    session.rewind(13).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.execution["tier"] == tier
    runs.assert_same(session.main_loop, expected)


def test_a_paused_session_goes_back(paused):
    go_to(paused, 17)
    paused.rewind(7).wait(SOON)
    assert_at(paused, 7)


def test_a_running_session_goes_back_and_pauses():
    session = runs.build(None).start()
    while session.log.status["iterations_done"] < 20:
        time.sleep(0.01)
    command = session.rewind(11)
    command.wait(SOON)
    assert (command.iteration, session.state) == (11, State.PAUSED)
    assert_at(session, 11)


def test_the_receipt_says_where_from_and_that_the_numbers_are_the_same(finished):
    finished.rewind(9).wait(SOON)
    record = finished.interventions[-1]
    assert (record["command"], record["from"], record["to"]) == ("rewind", 30, 9)
    assert record["differs"] == []


def test_what_followed_stays_as_a_branch(finished):
    before = finished.log.frame
    finished.rewind(9).wait(SOON)
    old, new = finished.branches
    assert (old.name, old.end, new.parent, new.start, new.end) == ("main", 30, old, 9, None)
    pd.testing.assert_frame_equal(old.log.frame[before.columns], before)


def test_the_log_ends_where_the_run_is(finished):
    finished.rewind(9).wait(SOON)
    assert finished.log.frame.index.max() == 9


def test_a_branch_that_was_left_can_be_returned_to(finished):
    finished.rewind(9).wait(SOON)
    finished.rewind(25, branch="main").wait(SOON)
    assert_at(finished, 25)


def test_a_branch_says_in_one_line_how_it_differs(paused):
    go_to(paused, 8)
    paused.set(rate(paused), 0.01).wait(SOON)
    go_to(paused, 10)
    paused.rewind(8).wait(SOON)
    assert "learning_rate 0.1 → 0.01 at 8" in paused.branches[1].difference
    assert paused.branches[0].difference == "no own interventions"


def test_an_intervention_at_the_iteration_itself_is_not_part_of_it(paused):
    go_to(paused, 8)
    paused.set(rate(paused), 0.01).wait(SOON)
    go_to(paused, 10)
    paused.rewind(8).wait(SOON)
    assert rate(paused).get_value() == np.float32(0.1)


def test_a_later_iteration_has_the_interventions_before_it(paused):
    go_to(paused, 8)
    paused.set(rate(paused), 0.01).wait(SOON)
    go_to(paused, 14)
    before = paused.call(MainLoop.state_dict).wait(SOON)
    go_to(paused, 20)
    paused.rewind(14).wait(SOON)
    after = paused.call(MainLoop.state_dict).wait(SOON)
    assert rate(paused).get_value() == np.float32(0.01)
    assert all(torch.equal(v, after["parameters"][k]) for k, v in before["parameters"].items())


def test_undo_takes_back_a_value(paused):
    go_to(paused, 5)
    paused.set(rate(paused), 0.01).wait(SOON)
    go_to(paused, 9)
    command = paused.undo()
    command.wait(SOON)
    assert "undo set" in command.text
    assert (paused.log.status["iterations_done"], rate(paused).get_value()) == (5, np.float32(0.1))


def test_undo_takes_back_a_rewind(paused):
    go_to(paused, 12)
    paused.rewind(4).wait(SOON)
    paused.undo().wait(SOON)
    assert_at(paused, 12)


def test_undo_takes_back_what_a_function_did(paused):
    go_to(paused, 5)
    paused.call(lambda loop: [p.set_value(p.get_value() * 0) for p in loop.model.parameters])
    go_to(paused, 6)
    paused.undo().wait(SOON)
    assert_at(paused, 5)


def test_undo_without_interventions_is_refused():
    session = runs.build(None).start()
    with pytest.raises(SessionError, match="undo: refused: no intervention is left to undo"):
        session.undo().wait(SOON)


def test_the_database_keeps_both_ways(tmp_path):
    loop = runs.build(20)
    loop.log = SQLiteLog(tmp_path / "runs.sqlite")
    session = loop.start()
    session.wait(SOON)
    first = loop.log.h_uuid
    before = loop.log.channel("cost")
    session.rewind(6).wait(SOON)
    session.set(rate(session), 0.01).wait(SOON)
    session.resume()
    session.wait(SOON)
    loop.log.flush()
    old = SQLiteLog(tmp_path / "runs.sqlite", uuid=first, read_only=True)
    new = SQLiteLog(tmp_path / "runs.sqlite", uuid=loop.log.h_uuid, read_only=True)
    pd.testing.assert_series_equal(old.channel("cost"), before)
    pd.testing.assert_series_equal(new.channel("cost"), loop.log.channel("cost"))
    assert (new.channel("cost")[:6] == before[:6]).all()
    assert (new.channel("cost")[7:] != before[7:]).any()


def test_a_run_that_failed_goes_back():
    session = runs.build(None).start()
    while session.log.status["iterations_done"] < 12:
        time.sleep(0.01)
    session.call(lambda loop: [p.set_value(p.get_value() + 3e38) for p in loop.model.parameters])
    with pytest.raises(NotFiniteError):
        session.wait(SOON)
    session.rewind(10).wait(SOON)
    assert (session.state, session.exception) == (State.PAUSED, None)
    assert_at(session, 10)


def test_commands_that_come_while_batches_are_repeated_wait(paused, monkeypatch):
    go_to(paused, 20)
    for snapshot in paused.snapshots:  # only the first is left, so that all is repeated
        if snapshot.iteration:
            paused._worker.rewinder.taker.ring._kept.remove(snapshot)
    monkeypatch.setattr(SnapshotTaker, "take_soon", lambda *_: None)
    back, other = paused.rewind(18), paused.set(rate(paused), 0.5)
    other.wait(SOON)
    assert (back.iteration, other.iteration) == (18, 18)
    assert paused.interventions[-2]["differs"] == []


class Gate(TrainingExtension):
    """Extension that waits after each batch while its gate is closed."""

    def __init__(self):
        super().__init__()
        self.open = threading.Event()
        self.open.set()

    def after_batch(self, batch):
        assert self.open.wait(SOON)


def test_stop_ends_the_repetition():
    gate = Gate()
    session = runs.build(None, gate).start()
    until(lambda: session.log.status["iterations_done"] >= 12)
    ring = session._worker.rewinder.taker.ring
    session.pause().wait(SOON)
    ring._kept[1:] = []
    gate.open.clear()
    back = session.rewind(11)
    session.stop()
    gate.open.set()
    assert session.wait(SOON)
    assert not back.state.startswith("applied")
    assert session.log.status["iterations_done"] < 11
    assert session.branches[-1].start == 0  # it shares no more with the one before for sure


@pytest.mark.parametrize(
    ("iteration", "message"),
    [(31, "iteration 31 has not been reached; .* 30"), (10**9, "not been reached")],
)
def test_what_is_not_done_yet_is_refused(finished, iteration, message):
    with pytest.raises(SessionError, match=message):
        finished.rewind(iteration).wait(SOON)


@pytest.mark.parametrize("iteration", [-1, 2.5, True, "9", None])
def test_what_is_no_iteration_is_an_error(finished, iteration):
    with pytest.raises(SessionError, match="iteration must be a non-negative integer, not"):
        finished.rewind(iteration)


def test_an_unknown_branch_is_refused(finished):
    with pytest.raises(SessionError, match="there is no branch 'mine'; the branches are 'main'"):
        finished.rewind(3, branch="mine").wait(SOON)


def test_an_algorithm_without_state_is_refused():
    session = make(FinishAfter(after_n_epochs=3)).start()
    session.wait(SOON)
    with pytest.raises(SessionError, match="is not a TrainingAlgorithm, so its state cannot"):
        session.rewind(2).wait(SOON)
    assert session.snapshots == []


def test_an_iteration_behind_a_lost_snapshot_is_refused(paused):
    go_to(paused, 5)
    paused.set(rate(paused), 0.01).wait(SOON)
    go_to(paused, 12)
    ring = paused._worker.rewinder.taker.ring
    ring._kept[:] = [s for s in ring if s.changes == 0]
    with pytest.raises(
        SessionError, match=r"iteration 9 cannot be reached exactly, since no snapshot"
    ):
        paused.rewind(9).wait(SOON)
    assert paused.log.status["iterations_done"] == 12


def test_a_snapshot_is_kept_under_a_name(paused):
    go_to(paused, 4)
    assert paused.snapshot("mine").wait(SOON) == 4
    assert "mine" in {snapshot.pin for snapshot in paused.snapshots}


@settings(max_examples=12)
@given(
    st.lists(st.tuples(st.sampled_from(["step", "rewind", "set"]), st.integers(0, 12)), max_size=7)
)
def test_any_way_through_a_run_can_be_gone_again(actions):
    """Whatever was done, the iterations of the present branch give their numbers again."""
    session = runs.build(None).start()
    session.pause().wait(SOON)
    session.rewind(0).wait(SOON)
    for action, number in [*actions, ("step", 3)]:
        done = session.log.status["iterations_done"]
        if action == "step" and number:
            go_to(session, done + number)
        elif action == "rewind":
            session.rewind(max(done - number, 0)).wait(SOON)
        elif action == "set":
            session.set(rate(session), 0.01 * (number + 1)).wait(SOON)
    done = session.log.status["iterations_done"]
    before = session.call(MainLoop.state_dict).wait(SOON)
    costs = session.log.frame.get("cost")
    session.rewind(done // 2).wait(SOON)
    session.rewind(done, branch=session.branches[-2].name).wait(SOON)
    after = session.call(MainLoop.state_dict).wait(SOON)
    assert all(torch.equal(v, after["parameters"][k]) for k, v in before["parameters"].items())
    pd.testing.assert_series_equal(session.log.frame.get("cost"), costs)
    assert all(r.get("differs", []) == [] for r in session.interventions)
    session.stop()
    session.wait(SOON)


def keep(session, keeps):
    """Forget the snapshots of a session but for some."""
    ring = session._worker.rewinder.taker.ring
    ring._kept[:] = [snapshot for snapshot in ring if keeps(snapshot)]


def test_a_refused_rewind_after_the_end_trains_nothing(finished):
    for command in (finished.rewind(31), finished.rewind(3, branch="mine"), finished.undo()):
        assert command.state.startswith("refused")
    assert (finished.state, finished.runs) == (State.FINISHED, 1)
    assert finished.log.status["iterations_done"] == 30


def test_a_run_that_went_back_to_its_end_ends_there_again(finished):
    for _ in range(2):  # the second one finds a snapshot there
        finished.rewind(30).wait(SOON)
    finished.resume()
    finished.wait(SOON)
    assert finished.log.status["iterations_done"] == 30


def test_the_goal_of_a_run_survives_the_way_there_and_back():
    session = runs.build(None).start(epochs=3)
    session.wait(SOON)
    session.rewind(4).wait(SOON)
    session.undo().wait(SOON)
    assert session.planned["epochs"] == 3
    session.resume()
    session.wait(SOON)
    assert session.log.status["epochs_done"] == 3


def test_more_training_is_an_intervention():
    session = runs.build(20).start(paused=True)
    session.step(7).wait(SOON)
    paused_at(session, 7)
    session.train(batches=10).wait(SOON)
    session.step(3).wait(SOON)
    paused_at(session, 10)
    session.rewind(9).wait(SOON)
    assert session.planned["batches"] == 30
    session.undo().wait(SOON)  # of the rewind
    command = session.undo()
    command.wait(SOON)
    assert command.text == "undo train 10 more batches"
    assert session.planned["batches"] == 20


def test_one_undo_after_another_goes_all_the_way_back(paused):
    for iteration, value in ((8, 0.5), (20, 0.01)):
        go_to(paused, iteration)
        paused.set(rate(paused), value).wait(SOON)
    go_to(paused, 25)
    paused.rewind(10).wait(SOON)
    for iteration in (25, 20, 8):
        paused.undo().wait(SOON)
        assert paused.log.status["iterations_done"] == iteration


def test_another_branch_with_as_many_interventions_is_not_the_way_back(paused):
    go_to(paused, 8)
    paused.set(rate(paused), 0.5).wait(SOON)
    go_to(paused, 10)
    paused.rewind(8).wait(SOON)
    paused.set(rate(paused), 0.01).wait(SOON)
    go_to(paused, 12)
    keep(paused, lambda one: one.branch is not paused.branches[-1] or not one.changes)
    with pytest.raises(SessionError, match="iteration 12 cannot be reached exactly"):
        paused.rewind(12).wait(SOON)


def test_a_branch_comes_from_the_one_that_was_rewound(paused):
    go_to(paused, 12)
    paused.set(rate(paused), 0.5).wait(SOON)
    go_to(paused, 14)
    paused.rewind(10).wait(SOON)
    go_to(paused, 18)
    keep(paused, lambda one: one.branch is not paused.branches[-1])
    paused.rewind(15).wait(SOON)
    assert paused.branches[-1].parent is paused.branches[-2]


def test_what_an_extension_does_with_its_state_does_not_reach_a_snapshot():
    class Memory(SimpleExtension):
        def do(self, which_callback, *args):
            self.seen.append(self.main_loop.status["iterations_done"])

        def state_dict(self):
            return {"seen": self.seen}

        def load_state_dict(self, state):
            self.seen = state["seen"]

    memory = Memory(after_batch=True)
    memory.seen = []
    session = runs.build(None, memory).start(paused=True)
    go_to(session, 6)
    session.snapshot("here").wait(SOON)
    for _ in range(2):
        go_to(session, 9)
        keep(session, lambda one: one.pin == "here")
        session.rewind(6).wait(SOON)
        assert memory.seen == [1, 2, 3, 4, 5, 6]


def test_a_state_that_cannot_be_kept_does_not_end_training():
    class Broken(SimpleExtension):
        def do(self, which_callback, *args):
            pass

        def state_dict(self):
            raise RuntimeError("no state")

    session = runs.build(8, Broken(after_batch=True)).start(paused=True)
    session.set(rate(session), 0.5).wait(SOON)
    with pytest.raises(SessionError, match=r"cannot be rewound \(RuntimeError: no state\)"):
        session.rewind(0).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 8


class Brittle(SimpleExtension):
    """Extension whose state sometimes cannot be copied."""

    def __init__(self):
        super().__init__(after_batch=True)
        self.reason = None

    def do(self, which_callback, *args):
        pass

    def state_dict(self):
        if self.reason:
            raise self.reason
        return super().state_dict()


def test_a_snapshot_that_fails_is_skipped(caplog):
    extension = Brittle()
    session = runs.build(30, extension).start(paused=True)
    go_to(session, 5)
    extension.reason = torch.OutOfMemoryError("no memory is left")
    refused = session.snapshot()
    with pytest.raises(SessionError, match=r"no snapshot could be taken at iteration 5 \(OutOfM"):
        refused.wait(SOON)
    for value in (0.5, 0.25):
        session.set(rate(session), value).wait(SOON)
    session.step().wait(SOON)
    paused_at(session, 6)
    with pytest.raises(SessionError, match="no intervention is left to undo: no snapshot could be"):
        session.undo().wait(SOON)
    [warning] = [one for one in caplog.messages if "no memory is left" in one]
    assert "training continues" in warning
    extension.reason = None
    session.snapshot().wait(SOON)
    go_to(session, 9)
    session.rewind(7).wait(SOON)
    assert session.log.status["iterations_done"] == 7 and rate(session).get_value() == 0.25
    session.rewind(4).wait(SOON)
    assert session.log.status["iterations_done"] == 4
    assert rate(session).get_value() == np.float32(0.1)


def test_a_rewind_does_not_need_a_snapshot_of_the_state_that_is_left(paused, monkeypatch):
    go_to(paused, 5)

    def failing(*args, **options):
        raise MemoryError("no memory is left")

    with monkeypatch.context() as patch:
        patch.setattr(snapshot_taker, "snapshot_of", failing)
        paused.rewind(3).wait(SOON)
        with pytest.raises(SessionError, match=r"no snapshot could be taken .*MemoryError: no m"):
            paused.undo().wait(SOON)
    assert_at(paused, 3)
    paused.rewind(2).wait(SOON)
    paused.undo().wait(SOON)
    assert_at(paused, 3)


def test_the_sessions_of_a_main_loop_share_the_snapshots():
    loop = runs.build(5)
    first = loop.start()
    first.wait(SOON)
    second = loop.start(batches=10, paused=True)
    assert loop.start() is second
    second.set(rate(second), 0.5).wait(SOON)
    second.resume()
    second.wait(SOON)
    assert first.snapshots == second.snapshots
    third = loop.start(batches=5)
    third.wait(SOON)
    for iteration in (17, 3):
        third.rewind(iteration).wait(SOON)
        assert third.interventions[-1]["differs"] == []


def test_interventions_that_wait_to_be_recorded_stay_on_their_branch(paused):
    go_to(paused, 6)
    for number in range(1005):
        command = paused.set(rate(paused), 0.1 + number * 1e-5)
        if number > 1000 or number % 10 == 0:
            command.wait(SOON)
    paused.rewind(3).wait(SOON)
    go_to(paused, 5)
    assert paused.log.frame.index.max() == 5


def test_a_state_that_a_function_loads_begins_a_branch(paused):
    go_to(paused, 5)
    paused.set(rate(paused), 0.5).wait(SOON)
    state = paused.call(MainLoop.state_dict).wait(SOON)
    go_to(paused, 9)
    costs = paused.log.channel("cost")
    paused.call(lambda loop: loop.load_state_dict(state)).wait(SOON)
    go_to(paused, 8)
    paused.rewind(7).wait(SOON)
    assert paused.interventions[-1]["differs"] == []
    for _ in range(2):  # the rewind, and the function
        paused.undo().wait(SOON)
    pd.testing.assert_series_equal(paused.log.channel("cost"), costs)
