"""Training examples relabelled and dropped during a run: undone, replayed, forked, resumed."""

import numpy as np
import pytest

from tests.support import runs
from workbench import data
from workbench.errors import SessionError, StateError
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.log import SQLiteLog
from workbench.session import running_sessions as sessions

from .test_rewind import SOON, go_to


@pytest.fixture(autouse=True)
def no_session_is_left():
    yield
    for session in sessions.running().values():
        session.stop()
        assert session._worker.ended.wait(SOON)


@pytest.fixture
def session():
    return runs.build(30).start(paused=True)


def finish(session):
    session.resume()
    assert session.wait(SOON)
    return session.main_loop


def edited():
    """Return a run whose examples were edited twice, within epochs."""
    session = runs.build(30).start(paused=True)
    go_to(session, 7)
    session.relabel([1, 2], 0).wait(SOON)
    session.drop([3, 5]).wait(SOON)
    go_to(session, 12)
    session.drop(9).wait(SOON)
    return session


def test_a_class_that_the_model_does_not_have_is_refused_and_training_continues(session):
    command = session.relabel([1, 2], 3)
    with pytest.raises(SessionError, match=r"new value 3 of source 'targets'.*between 0 and 2"):
        command.wait(SOON)
    assert session.training_examples["relabelled"] == {}
    runs.assert_same(finish(session), finish(runs.build(30).start(paused=True)))


def test_the_training_data_change_from_the_next_batch_on(session):
    go_to(session, 7)
    session.drop([3, 5]).wait(SOON)
    session.relabel(1, 2).wait(SOON)
    batches = []
    session.call(lambda loop: listen(loop, batches)).wait(SOON)
    go_to(session, 15)
    seen = np.concatenate([batch["features"] for batch in batches])
    rows = runs.examples()["features"]
    here = [index for row in seen for index in np.flatnonzero((rows == row).all(1))]
    assert not {3, 5}.intersection(here)
    targets = np.concatenate([batch["targets"] for batch in batches])[:, 0]
    assert targets[here.index(1)] == 2
    assert session.log.status["_epoch_ends"] == [5, 10, 14]


class Recorder(TrainingExtension):
    """Extension that keeps every batch."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def before_batch(self, batch):
        self.batches.append(dict(batch))


def listen(main_loop, batches):
    main_loop.extensions = [Recorder(batches), *main_loop.extensions]
    main_loop.refresh()


def test_both_are_interventions_with_the_old_values(session):
    session.relabel([2, 1], 0).wait(SOON)
    session.drop(4).wait(SOON)
    old = runs.examples()["targets"][[1, 2]].tolist()
    one, two = session.interventions[-2:]
    assert one["text"] == "relabel examples 1, 2: targets = 0"
    assert (one["examples"], one["source"], one["value"], one["old"]) == ([1, 2], "targets", 0, old)
    assert (two["command"], two["text"], two["examples"]) == ("drop", "drop example 4", [4])


def test_the_arrays_of_the_user_do_not_change(session):
    dataset = session.main_loop.data_stream.dataset
    before = [array.copy() for array in dataset.indexables]
    session.relabel(range(8), 1).wait(SOON)
    session.drop(range(8)).wait(SOON)
    finish(session)
    assert all((a == b).all() for a, b in zip(before, dataset.indexables, strict=True))


def test_edits_are_replayed_bit_for_bit():
    first = edited()
    one = finish(first)
    second = runs.build(30).start(paused=True)
    second.replay(first.log)
    runs.assert_same(one, finish(second))
    assert [r["command"] for r in second.interventions if r["by"] == "replay"] == [
        "relabel", "drop", "drop"
    ]  # fmt: skip
    olds = [[r["old"] for r in s.interventions if "old" in r] for s in (first, second)]
    assert olds[0] == olds[1] != []


def test_edits_change_the_result():
    assert str(finish(edited()).state_dict()["parameters"]) != str(
        finish(runs.build(30).start(paused=True)).state_dict()["parameters"]
    )


def test_a_rewind_across_an_edit_gives_the_run_without_it():
    session = edited()
    go_to(session, 18)
    session.rewind(5).wait(SOON)
    assert session.training_examples["dropped"] == []
    assert session.training_examples["relabelled"] == {}
    runs.assert_same(finish(session), unedited())


def unedited():
    main_loop = runs.build(30)
    main_loop.run()
    return main_loop


def test_a_rewind_between_edits_keeps_the_earlier_ones():
    other = finish(edited())
    session = edited()
    go_to(session, 18)
    session.rewind(15).wait(SOON)
    assert session.training_examples["dropped"] == [3, 5, 9]
    runs.assert_same(finish(session), other)


def test_an_edit_is_undone(session):
    go_to(session, 8)
    session.drop([1, 2]).wait(SOON)
    go_to(session, 11)
    session.undo().wait(SOON)
    assert session.log.status["iterations_done"] == 8
    assert session.training_examples["dropped"] == []
    runs.assert_same(finish(session), unedited())


def test_the_branch_that_was_left_names_the_edit(session):
    go_to(session, 6)
    session.drop(4).wait(SOON)
    go_to(session, 8)
    session.undo().wait(SOON)
    assert session.branches[0].difference == "drop example 4 at 6"


def test_a_fork_has_the_edits_and_its_own_later_ones():
    session = edited()
    go_to(session, 14)
    fork = session.fork()
    assert fork.training_examples["dropped"] == [3, 5, 9]
    fork.drop(0).wait(SOON)
    assert session.training_examples["dropped"] == [3, 5, 9]
    session.drop(0).wait(SOON)
    one, other = finish(session), finish(fork)
    assert str(one.state_dict()["parameters"]) == str(other.state_dict()["parameters"])


def test_a_saved_run_continues_with_the_edits(tmp_path):
    session = edited()
    go_to(session, 13)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    whole = finish(session)
    again = runs.build(30).start(paused=True)
    again.load(path).wait(SOON)
    assert again.training_examples["dropped"] == [3, 5, 9]
    assert again.training_examples["relabelled"] == {"targets": {1: 0, 2: 0}}
    runs.assert_same(finish(again), whole)


def test_loading_an_earlier_file_brings_the_examples_back(session, tmp_path):
    go_to(session, 3)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    session.drop(4).wait(SOON)
    session.load(path).wait(SOON)
    assert session.training_examples["dropped"] == []
    session.undo().wait(SOON)
    assert session.training_examples["dropped"] == [4]


def test_a_state_with_edits_does_not_fit_data_without_indices():
    session = edited()
    state = session.call(lambda loop: loop.state_dict()).wait(SOON)
    batch = {name: values[:5] for name, values in runs.examples().items()}
    other = runs.build(30, stream=data.as_stream([batch] * 5))
    with pytest.raises(StateError, match="dropped or relabelled, but the examples of BatchStream"):
        other.load_state_dict({"data": {**state["data"], "epoch": None}})


@pytest.mark.parametrize("stream", [
    lambda: data.Prefetch(runs.shuffled(), workers="thread"),
    lambda: data.Prefetch(runs.shuffled(), workers="process"),
    lambda: data.Cache(runs.shuffled(7), data.ConstantScheme(4)),
    lambda: data.Batch(data.Unpack(runs.shuffled()), data.ConstantScheme(6)),
    lambda: data.Mapping(runs.shuffled(), lambda batch: batch),
    lambda: data.RandomFlip(images(), which_sources=["features"], seed=2),
], ids=["thread", "process", "cache", "batch", "mapping", "random"])  # fmt: skip
def test_edits_within_an_epoch_are_exact_through_transformers(stream):
    one = runs.build(24, stream=stream()).start(paused=True)
    go_to(one, 8)
    one.relabel([1, 6], 1).wait(SOON)
    one.drop([0, 2, 4, 10]).wait(SOON)
    go_to(one, 10)
    one.drop([11]).wait(SOON)
    go_to(one, 11)
    state = one.call(lambda loop: loop.state_dict()).wait(SOON)
    finished = finish(one)
    resumed = runs.build(24, stream=stream())
    resumed.load_state_dict(state)
    resumed.run()
    runs.assert_same(resumed, finished)
    two = runs.build(24, stream=stream()).start(paused=True)
    two.replay([made for made in one.interventions if made["command"] != "call"])
    runs.assert_same(finish(two), finished)
    for loop in (finished, resumed, two.main_loop):
        list(loop.epoch_iterator or ())  # a process can be closed between two epochs
        loop.data_stream.close()


def images():
    """Return a stream whose features have two axes that a transformer flips."""
    given = runs.examples()
    flat = data.DataStream(
        data.IndexableDataset({**given, "features": given["features"].reshape(-1, 1, 4)}),
        iteration_scheme=data.ShuffledScheme(runs.EXAMPLES, 5, seed=3),
    )
    return data.Flatten(flat, which_sources=["features"])


def test_epochs_become_shorter_and_the_plan_knows_it():
    session = runs.build(None, FinishAfter(after_n_epochs=4)).start(paused=True)
    go_to(session, 5)
    assert session.planned["batches"] == 20
    session.drop(range(12)).wait(SOON)
    assert session.planned["batches"] == 11
    finish(session)
    assert session.log.status["iterations_done"] == 11


def test_examples_dropped_at_the_end_of_an_epoch_end_it(session):
    go_to(session, 4)
    order = session.main_loop.data_stream.iteration_scheme._order(0)
    session.drop(order[20:].tolist()).wait(SOON)
    go_to(session, 6)
    assert session.log.status["_epoch_ends"] == [4]


def test_a_probe_reads_examples_with_their_edits(session):
    session.relabel(2, 1).wait(SOON)
    probe = session.probe([], examples=[2, 0])
    probe.wait(SOON)
    assert probe.examples == [2, 0]
    assert probe.batch["features"].tolist() == runs.examples()["features"][[2, 0]].tolist()
    assert probe.batch["targets"][0] == 1
    assert probe.stored["targets"].tolist() == probe.batch["targets"].ravel().tolist()


def test_the_first_batch_for_views_has_the_edits(session):
    before = session.probe([], batch=True)
    before.wait(SOON)
    go_to(session, 2)
    first = np.flatnonzero((runs.examples()["features"] == before.batch["features"][0]).all(1))
    session.drop(first.tolist()).wait(SOON)
    after = session.probe([], batch=True)
    after.wait(SOON)
    assert not (after.batch["features"] == before.batch["features"][0]).all(1).any()


@pytest.mark.parametrize("ask, text", [
    (lambda s: s.drop(22), "does not train on example 22: .* reads examples 0 to 21"),
    (lambda s: s.relabel(0, 1, source="target"), "no source 'target'; .* mean 'targets'"),
    (lambda s: s.relabel("0", 1), "examples must be the index of an example or a list"),
    (lambda s: s.probe([], examples=[1], batch=True), "pass batch or examples, not both"),
    (lambda s: s.probe([], examples=[99]), "does not train on example 99"),
])  # fmt: skip
def test_what_does_not_exist_is_refused_at_once(session, ask, text):
    with pytest.raises(SessionError, match=text):
        ask(session)


@pytest.mark.parametrize("ask, text", [
    (lambda s: s.relabel(0, 1.5), r"of example 0 is \[\d\], so .* must be an integer"),
    (lambda s: s.drop(range(22)), "would leave none of the 22 training examples"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_and_changes_nothing(session, ask, text):
    with pytest.raises(SessionError, match=f"refused: DataError: .*{text}"):
        ask(session).wait(SOON)
    assert session.training_examples["dropped"] == []
    assert [r["command"] for r in session.interventions] == ["pause"]
    with pytest.raises(SessionError, match="no intervention is left to undo"):
        session.undo().wait(SOON)


def test_a_dropped_example_is_not_dropped_twice_or_relabelled(session):
    session.drop(3).wait(SOON)
    with pytest.raises(SessionError, match="example 3 has been dropped already, so it cannot be"):
        session.drop([3, 4]).wait(SOON)
    with pytest.raises(SessionError, match="cannot be relabelled"):
        session.relabel(3, 1).wait(SOON)


def test_data_without_indices_say_why_not():
    batch = {name: values[:5] for name, values in runs.examples().items()}
    session = runs.build(5, stream=data.as_stream([batch])).start(paused=True)
    reason = session.training_examples["reason"]
    assert "does not know which examples of a dataset its batches contain" in reason
    for ask in (lambda: session.drop(0), lambda: session.relabel(0, 1)):
        with pytest.raises(SessionError, match="train on DataStream"):
            ask()


def test_a_replay_on_other_data_is_refused_before_anything_changes():
    session = edited()
    finish(session)
    few = data.DataStream(
        data.IndexableDataset({name: values[:8] for name, values in runs.examples().items()}),
        iteration_scheme=data.SequentialScheme(8, 4),
    )
    other = runs.build(30, stream=few).start(paused=True)
    with pytest.raises(SessionError, match="'drop example 9' cannot be made in this run: .*0 to 7"):
        other.replay(session.log)


def test_edits_are_replayed_from_a_database(tmp_path):
    main_loop = runs.build(12)
    main_loop.log = SQLiteLog(tmp_path / "runs.sqlite")
    first = main_loop.start(paused=True)
    go_to(first, 4)
    first.relabel([1, 2], 0).wait(SOON)
    first.drop([3, 5]).wait(SOON)
    one = finish(first)
    log = SQLiteLog(tmp_path / "runs.sqlite", uuid=one.log.h_uuid, read_only=True)
    second = runs.build(12).start(paused=True)
    second.replay(log)
    parameters = finish(second).state_dict()["parameters"]
    assert str(parameters) == str(one.state_dict()["parameters"])
