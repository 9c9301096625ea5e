"""Ending training."""

import pytest

from tests.support.fakes import make
from workbench.extensions import FinishAfter
from workbench.extensions.predicates import OnLogRecord


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


@pytest.mark.parametrize(
    ("triggers", "more"), [({"after_n_epochs": 1}, 3), ({"after_n_batches": 3}, 1)]
)
def test_a_resumed_run_beyond_the_end_still_ends(triggers, more):
    main_loop = make(FinishAfter(**triggers))
    main_loop.run()
    done = main_loop.status["iterations_done"]
    for i in range(1, 4):
        main_loop.run()
        assert main_loop.status["iterations_done"] == done + i * more


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
