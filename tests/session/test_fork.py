"""Forks: a second session from a point in the first, apart from it in all but the data."""

import threading
import time

import pandas as pd
import pytest
import torch

from tests.support import runs
from tests.support.fakes import make
from tests.support.waiting import COMPILED, SOON, paused_at, until
from workbench.errors import SessionError
from workbench.extensions import FinishAfter, SimpleExtension
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.session import State
from workbench.session import running_sessions as sessions
from workbench.session.snapshots import Ring, Snapshot

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def finished():
    session = runs.build(30).start()
    assert session.wait(SOON)
    return session


def ended_at(iteration):
    loop = runs.build(30)
    loop.run(batches=iteration)
    return loop


@pytest.mark.parametrize("iteration", [0, 1, 11, 29])
def test_a_fork_starts_paused_at_the_iteration(finished, iteration):
    fork = paused_at(finished.fork(iteration), iteration)
    if iteration:
        loop = ended_at(iteration)
        fork.call(lambda main_loop: runs.assert_same(main_loop, loop)).wait(SOON)


OPEN = threading.Event()


class Gate(SimpleExtension):
    """Extension that waits before each batch until `OPEN` is set."""

    def do(self, which_callback=None, *args):
        assert OPEN.wait(SOON)


def test_a_fork_says_that_it_is_not_ready_until_it_is():
    OPEN.set()
    session = runs.build(9, Gate(before_batch=True)).start()
    assert session.wait(SOON)
    OPEN.clear()
    fork = session.fork(4)
    try:
        text = "this fork repeats training up to its start, iteration 4, and then pauses"
        assert (fork.note, fork.state) == (text, "running")
        assert repr(fork).endswith(f"{text}>")
        assert f"running: {text}" in sessions.sessions()._repr_html_()
    finally:
        OPEN.set()
    paused_at(fork, 4)
    assert fork.note == ""
    assert "this fork" not in repr(fork)


@pytest.mark.parametrize("tier", ["eager", "compiled"])
def test_a_fork_ends_as_the_first_one_did(tier):
    session = runs.build(30, algorithm=runs.in_tier(tier)).start()
    assert session.wait(COMPILED)
    fork = session.fork(11)
    until(lambda: fork.state is State.PAUSED, timeout=COMPILED)
    fork.resume()
    assert fork.wait(SOON)
    assert fork.execution["tier"] == tier
    runs.assert_same(fork.main_loop, session.main_loop)


def test_what_the_fork_learns_the_first_one_does_not(finished):
    before = finished.main_loop.state_dict()
    fork = paused_at(finished.fork(11), 11)
    fork.resume()
    fork.wait(SOON)
    after = finished.main_loop.state_dict()
    assert all(torch.equal(v, after["parameters"][k]) for k, v in before["parameters"].items())
    assert finished.log.status["iterations_done"] == 30


def test_a_running_session_goes_on_beside_its_fork():
    session = runs.build(None).start()
    while session.log.status["iterations_done"] < 5:
        time.sleep(0.01)
    fork = session.fork(name="second")
    at = fork.log.status["iterations_done"]
    paused_at(fork, at)
    while session.log.status["iterations_done"] <= at + 5:
        time.sleep(0.01)
    assert set(sessions.running()) >= {"second", session.name}
    assert fork.log.status["iterations_done"] == at


def test_both_share_the_data_set(finished):
    fork = paused_at(finished.fork(3), 3)
    assert fork.main_loop.data_stream.dataset is finished.main_loop.data_stream.dataset


def test_a_branch_that_was_left_can_be_forked(finished):
    finished.rewind(4).wait(SOON)
    fork = paused_at(finished.fork(20, branch="main"), 20)
    assert fork.branches[0].name == f"fork of {finished.name} at 20"


def test_the_database_has_the_fork_as_a_run_of_its_own(tmp_path):
    loop = runs.build(20)
    loop.log = SQLiteLog(tmp_path / "runs.sqlite")
    session = loop.start()
    session.wait(SOON)
    fork = paused_at(session.fork(6), 6)
    fork.set(fork.main_loop.algorithm.step_rule.learning_rate, 0.5).wait(SOON)
    fork.resume()
    fork.wait(SOON)
    old, new = (
        SQLiteLog(tmp_path / "runs.sqlite", uuid=one.log.h_uuid, read_only=True)
        for one in (session, fork)
    )
    pd.testing.assert_series_equal(old.channel("cost"), session.log.channel("cost"))
    pd.testing.assert_series_equal(new.channel("cost"), fork.log.channel("cost"))
    assert (new.channel("cost")[:6] == old.channel("cost")[:6]).all()
    assert (new.channel("cost")[7:] != old.channel("cost")[7:]).any()


def test_interventions_before_the_fork_are_part_of_it(finished):
    finished.rewind(5).wait(SOON)
    rate = finished.main_loop.algorithm.step_rule.learning_rate
    finished.set(rate, 0.5).wait(SOON)
    finished.step(5).wait(SOON)
    paused_at(finished, 10)
    fork = paused_at(finished.fork(8), 8)
    assert fork.main_loop.algorithm.step_rule.learning_rate.get_value() == 0.5
    fork.step(2)
    paused_at(fork, 10)
    state = finished.call(MainLoop.state_dict).wait(SOON)["parameters"]
    other = fork.call(MainLoop.state_dict).wait(SOON)["parameters"]
    assert all(torch.equal(value, other[name]) for name, value in state.items())


def test_what_is_not_done_yet_is_refused(finished):
    with pytest.raises(SessionError, match="iteration 31 has not been reached; the last .* is 30"):
        finished.fork(31)


def test_what_cannot_be_copied_is_named():
    loop = runs.build(5)
    session = loop.start()
    session.wait(SOON)
    loop.extensions[0]._lock = threading.Lock()
    with pytest.raises(
        SessionError, match="cannot be forked because its main loop cannot be copied"
    ):
        session.fork(2)


def test_a_run_without_state_is_refused():
    session = make(FinishAfter(after_n_epochs=3)).start()
    session.wait(SOON)
    with pytest.raises(SessionError, match="is not a TrainingAlgorithm"):
        session.fork(2)


def test_a_name_that_is_taken_is_refused():
    loop = runs.build(None)
    session = loop.start(name="mine", paused=True)
    with pytest.raises(SessionError, match="another running session is named 'mine'"):
        session.fork(name="mine")


def test_a_session_starts_paused():
    session = runs.build(None).start(paused=True)
    paused_at(session, 0)


def test_a_fork_can_be_rewound_to_before_its_start(finished):
    fork = paused_at(finished.fork(11), 11)
    fork.rewind(4).wait(SOON)
    loop = ended_at(4)
    fork.call(lambda main_loop: runs.assert_same(main_loop, loop)).wait(SOON)
    fork.resume()
    fork.wait(SOON)
    runs.assert_same(fork.main_loop, finished.main_loop)


def test_a_fork_shares_the_snapshots_of_its_past_only(finished):
    finished.rewind(5).wait(SOON)
    finished.set(finished.main_loop.algorithm.step_rule.learning_rate, 0.5).wait(SOON)
    finished.step(5).wait(SOON)
    paused_at(finished, 10)
    finished.snapshot().wait(SOON)
    fork = paused_at(finished.fork(8), 8)
    mine = {id(one.state): one.iteration for one in finished.snapshots}
    shared = [one for one in fork.snapshots if id(one.state) in mine]
    assert shared and max(one.iteration for one in shared) <= 8
    fork.rewind(2).wait(SOON)
    assert fork.main_loop.algorithm.step_rule.learning_rate.get_value() == pytest.approx(0.1)


def test_shared_snapshots_are_within_the_limits_of_the_fork():
    ring, other = Ring(), Ring(memory=2048)
    for iteration in range(5):
        ring.add(
            Snapshot(iteration, 0, {"variables": {"w": torch.ones(256) * iteration}}, {}, {}, 0)
        )
    other.adopt(ring)
    assert (len(ring), len(other), other.bytes) == (5, 2, 2048)
