"""Branches of a run: what they are compared by, and which of them are kept."""

import pytest

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.errors import SessionError

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def session():
    return go_to(runs.build(30).start(paused=True), 8)


def go_to(session, iteration):
    session.step(iteration - session.log.status["iterations_done"]).wait(SOON)
    return paused_at(session, iteration)


def test_a_difference_is_what_the_current_branch_lacks(session):
    session.set("learning_rate", 0.5).wait(SOON)
    go_to(session, 10)
    session.drop(4).wait(SOON)
    go_to(session, 12)
    session.undo().wait(SOON)
    session.set("momentum", 0.5).wait(SOON)
    differences = [branch.difference for branch in session.branches]
    assert differences == ["drop example 4 at 10", "momentum 0.9 → 0.5 at 10"]


def test_a_branch_without_interventions_says_so(session):
    session.rewind(4).wait(SOON)
    go_to(session, 6)
    differences = [branch.difference for branch in session.branches]
    assert differences == ["no own interventions", "the current branch"]


def test_branches_without_batches_are_dropped(session):
    for iteration in (5, 4, 5, 3):
        session.rewind(iteration, branch="main").wait(SOON)
    go_to(session, 6)
    session.rewind(2).wait(SOON)
    found = [(branch.name, branch.start, branch.end) for branch in session.branches]
    assert found == [("main", 0, 8), ("branch 4", 3, 6), ("branch 5", 2, None)]


def test_the_snapshots_of_a_dropped_branch_belong_to_its_parent(session):
    for iteration in (5, 4):
        session.rewind(iteration).wait(SOON)
    after = [one for one in session.snapshots if one.iteration == 5]
    assert {one.branch.name for one in after} == {"main"}
    session.rewind(5, branch=after[0].branch.name).wait(SOON)
    assert session.log.status["iterations_done"] == 5


def test_the_end_of_a_branch_continues_it(session):
    main = session.branches[0]
    session.rewind(4).wait(SOON)
    session.rewind(8, branch="main").wait(SOON)
    assert [*session.branches] == [main]
    assert (main.start, main.end, main.log) == (0, None, None)
    go_to(session, 10)
    session.rewind(9).wait(SOON)
    assert [(one.name, one.end) for one in session.branches] == [("main", 10), ("branch 3", None)]


def test_an_undone_rewind_continues_its_branch(session):
    session.set("momentum", 0.5).wait(SOON)
    go_to(session, 9)
    session.rewind(4).wait(SOON)
    session.undo().wait(SOON)
    assert [(one.name, one.end) for one in session.branches] == [("main", None)]
    assert session.main_loop.algorithm.step_rule.momentum.get_value() == 0.5


def test_a_point_before_the_last_change_of_a_branch_is_not_its_end(session):
    session.set("momentum", 0.5).wait(SOON)
    session.rewind(4).wait(SOON)
    session.rewind(8, branch="main").wait(SOON)
    assert [(one.name, one.end) for one in session.branches] == [("main", 8), ("branch 2", None)]


def test_all_branches_are_compared(session):
    session.rewind(4).wait(SOON)
    frame = session.log.compare(session.branches)
    assert frame.loc[("run", "iterations")].tolist() == [4, 8, 4]  # first the log itself


def test_a_rewind_is_no_resumption(session):
    session.rewind(4).wait(SOON)
    assert "resumed from" not in session.log.summary().run
    session.stop()
    session.wait(SOON)
    session.train(batches=1)
    session.wait(SOON)
    assert "resumed from" in session.log.summary().run


def test_the_branch_that_reached_an_iteration_is_named(session):
    session.rewind(0).wait(SOON)
    expected = "last iteration is 0; branch 'main' reached iteration 8: pass branch='main'"
    with pytest.raises(SessionError, match=expected):
        session.rewind(7).wait(SOON)
