"""The end of a run as a command: earlier, later, undone, replayed, resumed."""

import pytest

from tests.support import runs
from workbench.errors import ArgumentError, SessionError
from workbench.extensions import FinishAfter
from workbench.session import State

from .test_rewind import SOON, go_to

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def session():
    return runs.build(30).start(paused=True)


@pytest.mark.parametrize("end", [{"batches": 12}, {"batches": 41}, {"epochs": 3}, {"epochs": 8}])
def test_training_ends_there(session, end):
    session.set_end(**end).wait(SOON)
    [(unit, number)] = end.items()
    assert session.planned[unit] == number
    session.resume()
    assert session.wait(SOON)
    batches = number if unit == "batches" else 5 * number
    assert session.log.status["iterations_done"] == batches


def test_what_is_done_cannot_be_the_end(session):
    go_to(session, 7)
    command = session.set_end(batches=7)
    with pytest.raises(
        SessionError, match="greater than the number already completed .7., not 7; .*stop()"
    ):
        command.wait(SOON)
    assert session.planned["batches"] == 30


@pytest.mark.parametrize("given", [{}, {"epochs": 2, "batches": 3}, {"epochs": 0}])
def test_exactly_one_total_is_needed(session, given):
    with pytest.raises(ArgumentError, match="exactly one of epochs and batches must be given"):
        session.set_end(**given)


def test_the_journal_has_the_old_and_the_new_end(session):
    session.set_end(batches=12).wait(SOON)
    record = session.interventions[-1]
    assert (record["command"], record["batches"], record["old"]) == ("set_end", 12, 30)
    assert record["text"] == "end after 12 batches"


def test_it_is_undone(session):
    session.set_end(batches=12).wait(SOON)
    session.undo().wait(SOON)
    assert session.planned["batches"] == 30


def test_a_rewind_before_it_brings_the_old_end_back(session):
    go_to(session, 6)
    session.set_end(batches=9).wait(SOON)
    session.resume()
    session.wait(SOON)
    session.rewind(3).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 30


def test_a_rewind_after_an_early_end_keeps_that_end(session):
    go_to(session, 6)
    session.set_end(batches=9).wait(SOON)
    session.resume()
    session.wait(SOON)
    session.rewind(8).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 9


def test_it_is_replayed(session):
    go_to(session, 6)
    session.set_end(batches=14).wait(SOON)
    session.resume()
    session.wait(SOON)
    second = runs.build(30).start(paused=True)
    second.replay(session.log)
    second.resume()
    assert second.wait(SOON)
    runs.assert_same(session.main_loop, second.main_loop)


def test_more_epochs_are_added_to_an_early_end(session):
    session.set_end(epochs=2).wait(SOON)
    session.train(epochs=1).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["epochs_done"] == 3


def resumed(state, batches):
    loop = runs.build(batches)
    loop.load_state_dict(state)
    loop.run()
    return loop.status["iterations_done"]


def test_a_resumed_run_keeps_an_early_end_unless_its_extensions_define_another(session):
    session.set_end(batches=12).wait(SOON)
    go_to(session, 8)
    state = session.call(lambda main_loop: main_loop.state_dict()).wait(SOON)
    assert resumed(state, 30) == 12
    assert resumed(state, 40) == 40


def test_a_fork_keeps_an_early_end(session):
    session.set_end(batches=12).wait(SOON)
    go_to(session, 8)
    fork = session.fork()
    fork.resume()
    assert fork.wait(SOON)
    assert fork.log.status["iterations_done"] == 12


def test_at_a_pause_where_the_run_ends_a_later_end_continues_it(session):
    session.resume()
    session.wait(SOON)
    session.rewind(30).wait(SOON)
    assert session.state is State.PAUSED
    session.set_end(batches=33).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 33


def test_a_run_without_an_end_gets_one():
    session = runs.build(None).start(paused=True)
    session.set_end(batches=4).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 4


def test_an_end_by_epochs_replaces_one_by_batches():
    loop = runs.build(None, FinishAfter(after_n_epochs=4))
    session = loop.start(paused=True)
    session.set_end(batches=7).wait(SOON)
    assert session.planned == {"epochs": None, "batches": 7}
    session.set_end(epochs=2).wait(SOON)
    assert session.planned == {"epochs": 2, "batches": 10}
