"""Functions that change extensions or the scheme of a run: recorded, undone, not part of a fork."""

import pytest

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.data import SequentialScheme
from workbench.extensions import TrainingExtension

pytestmark = pytest.mark.usefixtures("no_session_is_left")


class Mark(TrainingExtension):
    """An extension that has a state and leaves a record in every row."""

    def after_batch(self, batch):
        self.main_loop.log.current_row["mark"] = True

    def state_dict(self):
        return {"marked": True}

    def load_state_dict(self, state):
        assert state == {"marked": True}


def add_mark(main_loop):
    main_loop.extensions.append(Mark())


def remove_end(main_loop):
    del main_loop.extensions[-1]


def in_order(main_loop):
    main_loop.data_stream.iteration_scheme = SequentialScheme(runs.EXAMPLES, 5)


@pytest.fixture
def session():
    session = runs.build(30).start(paused=True)
    return stepped(session, 5)  # one epoch


def stepped(session, n):
    at = session.log.status["iterations_done"] + n
    session.step(n).wait(SOON)
    return paused_at(session, at)


def finish(session):
    session.resume()
    assert session.wait(SOON)
    return session


@pytest.mark.parametrize("change", [add_mark, in_order, remove_end])
@pytest.mark.parametrize("more", [0, 7])
def test_an_undone_call_leaves_no_trace(session, change, more):
    session.call(change).wait(SOON)
    if more:
        stepped(session, more)
    session.undo().wait(SOON)
    expected = runs.build(30)
    expected.run()
    runs.assert_same(finish(session).main_loop, expected)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (add_mark, "call add_mark: added Mark"),
        (remove_end, "call remove_end: removed FinishAfter"),
        (
            in_order,
            "call in_order: iteration scheme ShuffledScheme(22 examples, batch_size=5, seed=3) -> ",
        ),
    ],
)
def test_the_row_names_what_a_call_has_changed(session, change, text):
    session.call(change).wait(SOON)
    assert session.branches[-1].difference.startswith(text)


def test_a_call_that_changes_nothing_has_no_arrangement(session):
    session.call(str).wait(SOON)
    assert "arrangement" not in session.interventions[-1]


@pytest.mark.parametrize("change", [add_mark, in_order])
def test_a_fork_from_before_a_call_does_not_have_its_change(session, change):
    session.call(change).wait(SOON)
    stepped(session, 7)
    fork = paused_at(session.fork(4), 4)
    expected = runs.build(30)
    expected.run()
    runs.assert_same(finish(fork).main_loop, expected)


@pytest.mark.parametrize("change", [add_mark, in_order])
def test_a_rewind_to_after_a_call_repeats_batches_with_its_change(session, change):
    session.call(change).wait(SOON)
    costs = stepped(session, 7).log.channel("cost").tolist()
    session.rewind(9).wait(SOON)
    session.rewind(12, branch="main").wait(SOON)
    assert session.log.channel("cost").tolist() == costs
    assert ("mark" in session.log.channels) is (change is add_mark)
    session.rewind(5).wait(SOON)
    stepped(session, 7)
    assert "mark" not in session.log.channels
