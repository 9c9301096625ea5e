"""The end of training: `FinishAfter`, goals, and runs beyond them."""

from unittest.mock import Mock

import pytest

from tests.support.fakes import Recorder, make
from workbench.errors import ArgumentError
from workbench.extensions import FinishAfter
from workbench.extensions.planned_end import planned_batches
from workbench.extensions.predicates import OnLogRecord
from workbench.main_loop.run import NO_MORE_EPOCHS


@pytest.mark.parametrize(
    ("triggers", "iterations"),
    [({"after_n_epochs": 2}, 6), ({"after_n_batches": 4}, 4), ({"every_n_batches": 2}, 2)],
)
def test_training_ends_when_it_is_triggered(triggers, iterations):
    main_loop = make(FinishAfter(**triggers))
    main_loop.run()
    assert main_loop.status["iterations_done"] == iterations
    assert main_loop.log.current_row["training_finish_requested"] is True
    assert main_loop.log.current_row["training_finished"] is True


@pytest.mark.parametrize("triggers", [{"after_n_epochs": 1}, {"after_n_batches": 3}])
def test_a_run_that_has_ended_trains_nothing_more_and_says_so(triggers, capsys):
    recorder = Recorder()
    main_loop = make(FinishAfter(**triggers), recorder)
    main_loop.run()
    rows, events = main_loop.log.frame.copy(), list(recorder.events)
    main_loop.run()
    said = capsys.readouterr().err
    assert said.startswith("Nothing was trained: FinishAfter(")
    assert "call session.train(epochs=1) or" in said and said.count("\n") == 1
    assert main_loop.algorithm.seen == [1, 2, 3]
    assert recorder.events == events and main_loop.log.frame.equals(rows)


def test_an_archive_of_a_run_that_has_ended_is_loaded_and_nothing_is_trained(capsys):
    ended, resumed = make(FinishAfter(after_n_epochs=2)), make(FinishAfter(after_n_epochs=2))
    ended.run()
    load = Recorder({"before_training": lambda m: m.load_state_dict(ended.state_dict())})
    resumed.extensions.append(load)
    resumed.run()
    assert resumed.algorithm.seen == [] and resumed.status["epochs_done"] == 2
    assert load.events == ["before_training", "on_resumption", "after_training"]
    assert "Nothing was trained" in capsys.readouterr().err


@pytest.mark.parametrize("later", [{"after_n_epochs": 3}, {"after_n_batches": 9}])
@pytest.mark.parametrize("while_loading", [True, False])
def test_a_later_end_holds_after_resumption(later, while_loading):
    ended, resumed = make(FinishAfter(after_n_batches=4)), make(FinishAfter(**later))
    ended.run()
    if while_loading:
        resumed.extensions.append(
            Recorder({"before_training": lambda m: m.load_state_dict(ended.state_dict())})
        )
    else:
        resumed.load_state_dict(ended.state_dict())
    resumed.run()
    assert resumed.algorithm.seen == [2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("more", "batches"), [({"epochs": 2}, 6), ({"batches": 4}, 4), ({"epochs": 1}, 3)]
)
@pytest.mark.parametrize("triggers", [{"after_n_epochs": 1}, {"after_n_batches": 3}])
def test_each_request_for_more_adds_that_number(triggers, more, batches):
    main_loop = make(FinishAfter(**triggers))
    main_loop.run()
    for times in (1, 2):
        main_loop.run(**more)
        assert main_loop.status["iterations_done"] == 3 + times * batches
        assert planned_batches(main_loop) == 3 + times * batches


def test_an_incomplete_epoch_counts_as_one():
    main_loop = make(FinishAfter(after_n_batches=4))
    main_loop.run()
    main_loop.run(epochs=1)
    assert main_loop.algorithm.seen == [1, 2, 3, 1, 2, 3]


def test_where_training_ends_survives_resumption():
    interrupted, whole = make(FinishAfter(after_n_epochs=1)), make(FinishAfter(after_n_epochs=1))
    for main_loop in (interrupted, whole):
        main_loop.run()
    stop = Recorder({"after_batch": lambda m: m.post(m.interrupt)})
    interrupted.extensions.append(stop)
    interrupted.run(epochs=2)
    whole.run(epochs=2)
    resumed = make(FinishAfter(after_n_epochs=1))
    resumed.load_state_dict(interrupted.state_dict())
    resumed.run()
    assert interrupted.status["iterations_done"] == 4
    assert resumed.status["iterations_done"] == whole.status["iterations_done"] == 9


def test_starting_again_trains_to_a_later_end_of_the_extensions():
    main_loop = make(FinishAfter(after_n_epochs=4))
    main_loop.run(epochs=1)
    assert main_loop.status["epochs_done"] == 1
    main_loop.run()
    assert main_loop.status["epochs_done"] == 4


def test_a_run_without_an_end_may_be_given_one():
    main_loop = make()
    main_loop.run(epochs=2)
    assert main_loop.algorithm.seen == [1, 2, 3] * 2


@pytest.mark.parametrize("given", [{"epochs": 0}, {"epochs": 1, "batches": 1}, {"batches": 1.5}])
def test_how_much_more_is_one_number(given):
    with pytest.raises(ArgumentError, match="as a positive integer,"):
        make().run(**given)


def test_a_stream_without_more_epochs_says_so(capsys):
    main_loop = make()
    main_loop.data_stream.get_epoch_iterator = Mock(side_effect=StopIteration)
    main_loop.run()
    assert capsys.readouterr().err == NO_MORE_EPOCHS + "\n"


def test_the_total_is_never_less_than_what_is_done():
    main_loop = make(FinishAfter(after_n_epochs=1))
    main_loop.run()
    assert planned_batches(main_loop) == 3
    main_loop.status["iterations_done"] = 4
    assert planned_batches(main_loop) is None


def test_epochs_of_another_length_are_added_to_what_is_done():
    main_loop = make(FinishAfter(after_n_epochs=3))
    main_loop.status.update(iterations_done=10, epochs_done=1, _epoch_ends=[10])
    assert planned_batches(main_loop) == 10 + 2 * 3


def test_it_knows_beforehand_where_training_ends():
    finish = FinishAfter(after_n_epochs=5, after_n_batches=100, every_n_epochs=3)
    assert (finish.epochs, finish.batches) == (5, 100)
    assert (FinishAfter().epochs, FinishAfter(every_n_batches=2).batches) == (None, None)


def test_it_may_wait_for_a_record():
    finish = FinishAfter().add_condition(["after_batch"], OnLogRecord("enough"))
    main_loop = make(finish)
    main_loop.log[5]["enough"] = True
    main_loop.run()
    assert main_loop.status["iterations_done"] == 5
