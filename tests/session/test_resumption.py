"""Runs that are saved, ended and continued, once or several times, as if they had never ended."""

import numpy as np
import pytest

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.data.transformers.random import RandomTransformer
from workbench.extensions.reduce_on_plateau import ReduceOnPlateau
from workbench.extensions.saveload import Checkpoint
from workbench.session import State

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def plateau(main_loop):
    """Add an extension that halves the learning rate after each epoch without improvement."""
    rate = main_loop.algorithm.step_rule.learning_rate
    reduction = ReduceOnPlateau(rate, "valid_cost", factor=0.5, patience=0, threshold=1.0)
    main_loop.extensions.insert(-1, reduction)
    return main_loop


class Noise(RandomTransformer):
    """Transformer that adds random numbers to each example."""

    def transform_example(self, example, rng):
        return example + rng.normal(size=example.shape).astype(example.dtype)


def noisy():
    return runs.build(22, stream=Noise(runs.shuffled(), which_sources=["features"], seed=4))


def saved(main_loop, path, at, *, source=None):
    """Train up to an iteration, from a file if there is one, save there, and end."""
    session = main_loop.start(paused=True)
    if source is not None:
        session.load(source).wait(SOON)
    session.step(at - session.log.status["iterations_done"]).wait(SOON)
    paused_at(session, at)
    file = session.save(path).wait(SOON)
    session.stop()
    assert session.wait(SOON)
    return file


def continued(main_loop, file):
    """Train from a file to the planned end, and return the main loop."""
    session = main_loop.start(paused=True)
    session.load(file).wait(SOON)
    session.resume()
    assert session.wait(SOON)
    return session.main_loop


def whole(main_loop):
    main_loop.run()
    return main_loop


def test_an_epoch_that_is_interrupted_twice_has_its_own_batches(tmp_path):
    first = saved(runs.build(22), tmp_path / "first.tar", 12)
    second = saved(runs.build(22), tmp_path / "second.tar", 13, source=first)
    third = saved(runs.build(22), tmp_path / "third.tar", 14, source=second)
    runs.assert_same(continued(runs.build(22), third), whole(runs.build(22)))


def test_random_transformers_continue_within_an_epoch(tmp_path):
    file = saved(noisy(), tmp_path / "run.tar", 13)
    runs.assert_same(continued(noisy(), file), whole(noisy()))


@pytest.mark.parametrize("end", [5, 10, 7])
def test_a_run_that_has_ended_continues_with_the_next_batch(tmp_path, end):
    session = runs.build(end).start()
    assert session.wait(SOON)
    file = session.save(tmp_path / "ended.tar").wait(SOON)
    other = continued(runs.build(17), file)
    assert other.status["epochs_done"] == 3
    runs.assert_same(other, whole(runs.build(17)))


def test_extensions_that_wait_for_an_improvement_continue_to_count(tmp_path):
    file = saved(plateau(runs.build(30)), tmp_path / "run.tar", 17)
    other, expected = continued(plateau(runs.build(30)), file), whole(plateau(runs.build(30)))
    runs.assert_same(other, expected)
    assert expected.algorithm.step_rule.learning_rate.get_value() < 0.1


def test_a_rate_that_was_set_stays_after_loading(tmp_path):
    session = runs.build(20).start(paused=True)
    session.set("learning_rate", 0.01).wait(SOON)
    file = session.save(tmp_path / "run.tar").wait(SOON)
    session.stop()
    assert session.wait(SOON)
    other = continued(runs.build(20), file)
    assert other.algorithm.step_rule.learning_rate.get_value() == np.float32(0.01)


def test_the_end_of_the_new_run_counts_not_that_of_the_saved_run(tmp_path):
    file = saved(runs.build(8), tmp_path / "run.tar", 6)
    session = runs.build(20).start(paused=True)
    session.load(file).wait(SOON)
    assert session.planned["batches"] == 20
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 20


def test_a_checkpoint_and_a_save_at_the_same_iteration_are_one_valid_file(tmp_path):
    path = tmp_path / "run.tar"
    session = runs.build(20, Checkpoint(path, every_n_batches=1)).start(paused=True)
    session.step(6).wait(SOON)
    paused_at(session, 6)
    session.stop(save=path).wait(SOON)
    assert session.wait(SOON)
    assert session.state is State.FINISHED
    other = runs.build(20, Checkpoint(tmp_path / "other.tar"))
    runs.assert_same(continued(other, path), whole(runs.build(20, Checkpoint(tmp_path / "a.tar"))))


@pytest.mark.filterwarnings("ignore:the cost did not fall")  # noisy, in so few batches
def test_two_range_tests_of_one_run_are_equal():
    session = runs.build(None).start(paused=True)
    session.step(5).wait(SOON)
    paused_at(session, 5)
    first, second = (session.find_learning_rate(1e-5, 1e-1, batches=30) for _ in range(2))
    assert np.array_equal(first.costs, second.costs)
