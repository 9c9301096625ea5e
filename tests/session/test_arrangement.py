"""Functions that change extensions or the scheme of a run: recorded, undone, not part of a fork."""

from copy import copy

import pytest

from tests.support import runs
from tests.support.waiting import SOON, paused_at, until
from workbench.data import DataStream, FilterSources, Mapping, Merge, SequentialScheme
from workbench.errors import SessionError, TrainingFinish
from workbench.extensions import TrainingExtension
from workbench.session import fork as fork_module
from workbench.session import snapshots
from workbench.session.arrangement import arrangement_of

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


def test_the_changes_of_a_call_that_fails_are_taken_back(session):
    def add_and_fail(main_loop):
        add_mark(main_loop)
        in_order(main_loop)
        raise ValueError("no")

    with pytest.raises(SessionError, match="ValueError: no"):
        session.call(add_and_fail).wait(SOON)
    session.call(str).wait(SOON)
    expected = runs.build(30)
    expected.run()
    runs.assert_same(finish(session).main_loop, expected)


def test_an_extension_that_cannot_be_called_is_taken_back(session):
    def add_a_clash(main_loop):
        main_loop.extensions.append(copy(main_loop.extensions[0]))

    with pytest.raises(SessionError, match="would both write the record 'cost'"):
        session.call(add_a_clash).wait(SOON)
    stepped(session, 1)
    assert len(session.main_loop.extensions) == 4


def test_a_call_that_finishes_training_keeps_its_change():
    def add_and_finish(main_loop):
        add_mark(main_loop)
        raise TrainingFinish

    session = runs.build(30).start(paused=True)
    session.call(add_and_finish).wait(SOON)
    assert session.wait(SOON)
    assert session.interventions[-1]["arrangement"] == "added Mark"
    assert session.main_loop.extensions[-1].name == "Mark"


def test_a_fork_can_be_rewound_to_before_a_call_that_it_contains(session):
    session.call(add_mark).wait(SOON)
    session.call(in_order).wait(SOON)
    stepped(session, 5)
    fork = paused_at(session.fork(10), 10)
    [mark] = [one for one in fork.main_loop.extensions if one.name == "Mark"]
    assert mark not in session.main_loop.extensions
    fork.rewind(3).wait(SOON)
    expected = runs.build(30)
    expected.run()
    runs.assert_same(finish(fork).main_loop, expected)
    assert isinstance(session.main_loop.data_stream.iteration_scheme, SequentialScheme)


class Uncopied(Mark):
    """An extension that cannot be pickled."""

    def __getstate__(self):
        raise TypeError("not to be copied")


def test_an_extension_that_was_removed_does_not_prevent_a_fork(session):
    session.call(lambda main_loop: main_loop.extensions.append(Uncopied())).wait(SOON)
    stepped(session, 2)
    session.call(remove_end).wait(SOON)
    stepped(session, 2)
    fork = paused_at(session.fork(), 9)
    assert [one.name for one in fork.main_loop.extensions][-1] == "FinishAfter"
    assert fork.snapshots and all(
        one.arrangement.extensions[-1].name == "FinishAfter" for one in fork.snapshots
    )


def test_a_rewind_that_fails_leaves_the_present_extensions_called(session, monkeypatch):
    session.call(add_mark).wait(SOON)
    stepped(session, 1)

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "put_in", fail_once(snapshots.put_in))
        with pytest.raises(SessionError, match="MemoryError: no memory"):
            session.rewind(3).wait(SOON)
    assert_called(session)


def test_a_fork_that_fails_leaves_the_present_extensions_called(session, monkeypatch):
    session.call(add_mark).wait(SOON)
    stepped(session, 1)
    with monkeypatch.context() as patch:
        patch.setattr(fork_module, "put_in", fail_once(fork_module.put_in))
        with pytest.raises(SessionError, match="MemoryError: no memory"):
            session.fork(3)
    assert_called(session)


def fail_once(put_in):
    """Return a function that fails as `put_in` does, at its first call."""
    calls = []

    def failing(main_loop, parts):
        if not calls:
            calls.append(parts)
            main_loop.refresh()  # as the recovery of put_in does
            raise MemoryError("no memory")
        put_in(main_loop, parts)

    return failing


def assert_called(session):
    """Assert that the extension `Mark` is in the list, and that it is called."""
    assert session.main_loop.extensions[-1].name == "Mark"
    stepped(session, 1)
    assert session.log[session.log.status["iterations_done"]]["mark"]


def merged():
    """Return a stream that merges two transformed streams in the same order."""
    inner = [FilterSources(runs.shuffled(), [name]) for name in ("features", "targets")]
    return Mapping(Merge(inner), tuple)


def in_order_within(main_loop):
    for one in main_loop.data_stream.data_stream.data_streams:
        one.data_stream.iteration_scheme = SequentialScheme(runs.EXAMPLES, 5)


def other_streams(main_loop):
    merge = main_loop.data_stream.data_stream
    merge.data_streams = merged().data_stream.data_streams
    for one in merge.data_streams:
        one.data_stream.iteration_scheme = SequentialScheme(runs.EXAMPLES, 5)


def other_inner_stream(main_loop):
    main_loop.data_stream.data_stream = runs.shuffled(seed=4)


SCHEMES = (
    "iteration scheme ShuffledScheme(22 examples, batch_size=5, seed=3) -> "
    "SequentialScheme(22 examples, batch_size=5)"
)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (in_order_within, f"{SCHEMES}, {SCHEMES}"),
        (
            other_streams,
            "data streams of Merge [FilterSources, FilterSources] -> "
            "[FilterSources, FilterSources]",
        ),
        (other_inner_stream, "data stream of Mapping Merge -> DataStream"),
    ],
)
def test_streams_within_streams_are_named_and_restored(change, text):
    session = stepped(runs.build(30, stream=merged()).start(paused=True), 5)
    session.call(change).wait(SOON)
    assert session.interventions[-1]["arrangement"] == text
    stepped(session, 2)
    session.undo().wait(SOON)
    expected = runs.build(30, stream=merged())
    expected.run()
    runs.assert_same(finish(session).main_loop, expected)


def add_again(main_loop):
    main_loop.extensions.append(main_loop.extensions[0])


class Unshown(DataStream):
    """A stream whose text cannot be made."""

    def __repr__(self):
        raise RuntimeError


def unshown(main_loop):
    stream = main_loop.data_stream
    main_loop.data_stream = Unshown(stream.dataset, iteration_scheme=stream.iteration_scheme)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (add_again, "added TrainingDataMonitoring"),
        (lambda main_loop: main_loop.extensions.reverse(), "reordered the extensions"),
        (unshown, "data stream DataStream -> Unshown"),
    ],
)
def test_a_change_is_named_exactly_and_without_texts_of_the_user(change, text):
    main_loop = runs.build(1)
    before = arrangement_of(main_loop)
    change(main_loop)
    assert before.changes(arrangement_of(main_loop)) == text


def edit_directly(session):
    add_mark(session.main_loop)
    session.main_loop.refresh()


def edits(session):
    return [one for one in session.interventions if one["command"] == "edit"]


def test_a_direct_change_is_recorded_and_kept_by_a_rewind_to_after_it(session):
    edit_directly(session)
    costs = stepped(session, 5).log.channel("cost").tolist()
    [edit] = edits(session)
    assert (edit["iteration"], edit["arrangement"]) == (5, "added Mark")
    assert session.branches[-1].difference == "edit the main loop directly: added Mark at 5"
    session.rewind(8).wait(SOON)
    assert session.log.channel("mark").tolist() == [True] * 3
    assert session.log.channel("cost").tolist() == costs[:8]


def test_a_rewind_says_that_it_takes_back_a_direct_change(session):
    edit_directly(session)
    session.rewind(3).wait(SOON)
    expected = runs.build(30)
    expected.run()
    rewind = session.log[3]["interventions"][-1]
    assert (rewind["command"], rewind["arrangement"]) == ("rewind", "removed Mark")
    runs.assert_same(finish(session).main_loop, expected)


def test_a_direct_change_can_be_undone(session):
    session.snapshot().wait(SOON)
    edit_directly(session)
    session.step(2).wait(SOON)
    session.undo().wait(SOON)
    undo = session.log[5]["interventions"][-1]
    assert (undo["command"], undo["arrangement"]) == ("undo", "removed Mark")


def test_a_direct_change_while_training_runs_is_recorded():
    session = runs.build(None).start()
    until(lambda: session.log.status["iterations_done"])
    edit_directly(session)
    until(lambda: edits(session))
    session.stop()
    assert session.wait(SOON)
    assert [one["arrangement"] for one in edits(session)] == ["added Mark"]


def test_a_direct_change_between_two_runs_is_recorded():
    session = runs.build(10).start()
    assert session.wait(SOON)
    add_mark(session.main_loop)
    session.train(batches=2)
    assert session.wait(SOON)
    assert [one["iteration"] for one in edits(session)] == [10]


@pytest.mark.parametrize("change", [add_mark, in_order])
def test_calls_are_no_direct_changes(session, change):
    session.call(change).wait(SOON)
    stepped(session, 1)
    session.call(change).wait(SOON)
    session.undo().wait(SOON)
    session.rewind(6).wait(SOON)
    finish(session)
    assert not edits(session)
