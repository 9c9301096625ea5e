"""Training by several processes gives the numbers of one process."""

import pickle
import random

import numpy as np
import pytest

from tests.support import ranks_training as jobs
from tests.support.ranks import Ranks
from workbench import errors, shared, tensor
from workbench.algorithms import GradientDescent
from workbench.data import write_hdf5
from workbench.distributed import DataParallel


def assert_same(one, other, rtol=1e-5, records=1e-6):
    """Assert that two runs have the same records and the same final values."""
    assert one["records"] or one["values"]
    assert set(one["records"]) == set(other["records"])
    for name, values in one["records"].items():
        np.testing.assert_allclose(other["records"][name], values, rtol=records, atol=records)
    for name, value in one["values"].items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(other["values"][name], value, rtol=0, atol=rtol * scale)


def assert_all_same(runs):
    """Assert that all processes have the same bits."""
    first, *others = map(bits, runs)
    assert all(other == first for other in others)


def bits(run):
    """Return a run with the bytes of its arrays in place of the arrays."""
    if isinstance(run, dict):
        return {key: bits(value) for key, value in run.items()}
    if isinstance(run, (list, tuple)):
        return [bits(value) for value in run]
    return run.tobytes() if isinstance(run, np.ndarray) else run


def test_a_batch_needs_one_message(together):
    """It has the gradients, the cost, monitored values, and all that processes must agree on."""
    assert together(2, jobs.messages) == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("way", jobs.WAYS)
@pytest.mark.parametrize("size, batch", [(2, 3), (3, 13)])
def test_compiled_steps_can_have_unequal_shares(together, size, batch, way):
    """A share of one example has a program of its own or runs eagerly, unlike the others."""
    one = jobs.alone(jobs.train, "adam", "eager", batch)
    for many in together(size, jobs.train, "adam", "compiled", batch, way):
        assert_same(one, many)


def test_shares_can_be_empty(together):
    """The last batch of an epoch has two examples for three processes."""
    runs = [(jobs.train_on, kind) for kind in jobs.COSTS]
    found = together(3, jobs.many, runs)
    assert_all_same(found)
    for (function, *arguments), many in zip(runs, found[0], strict=True):
        assert_same(jobs.alone(function, *arguments), many)


def test_class_weights_count_in_every_share(together):
    cost, W = jobs.alone(jobs.class_weights)
    for cost_of_two, W_of_two in together(2, jobs.class_weights):
        assert cost_of_two == pytest.approx(cost, rel=1e-6)
        np.testing.assert_allclose(W_of_two, W, rtol=1e-6)


def test_wrapped_modules_draw_other_numbers_in_each_process(together):
    [(sums, notes), _] = together(2, jobs.module_draws)
    assert sums == [0, 1, 2]
    assert "drawn in loops or by wrapped modules" in notes[0]


def test_extremes_and_schemes_are_those_of_whole_batches(together):
    """Some shares of the last batches, which have two examples, are empty."""
    one, found = jobs.alone(jobs.extremes), together(3, jobs.extremes)
    assert_all_same(found)
    assert set(found[0]) == set(one)
    for name, values in one.items():
        assert len(values) >= 2
        np.testing.assert_allclose(found[0][name], values, rtol=1e-6, atol=1e-6)


def test_a_run_continues_with_another_number_of_processes(together, tmp_path):
    whole = jobs.alone(jobs.train_on, "dropout")
    saved = str(tmp_path / "run.tar")
    together(2, jobs.train_on, "dropout", 3, None, saved)
    for size in (1, 3):
        for rest in together(size, jobs.train_on, "dropout", None, saved):
            assert_same(whole, rest)


@pytest.mark.slow
@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_normalisation_and_dropout_continue_with_another_number_of_processes(
    together, tmp_path, execution
):
    """The masks, the statistics and their averages are those of one process."""
    whole = jobs.alone(jobs.train_on, "normalised")
    saved = str(tmp_path / "run.tar")
    together(2, jobs.train_on, "normalised", 3, None, saved, "data", execution)
    for size in (1, 3):
        found = together(size, jobs.train_on, "normalised", None, saved, None, "data", execution)
        assert_all_same(found)
        assert_same(whole, found[0])


@pytest.mark.parametrize("kind", ["scheme", "loader"])
def test_examples_can_be_in_a_file(together, tmp_path, kind):
    path = str(tmp_path / "data.hdf5")
    write_hdf5(path, {"all": jobs.examples()})
    one = jobs.alone(jobs.from_file, path, kind)
    assert "batch" in one["data"]
    for size in (2, 3):
        found = together(size, jobs.from_file, path, kind)
        assert_all_same(found)
        assert_same(one, found[0])
        assert found[0]["data"] == one["data"]  # otherwise runs seem to have different data


@pytest.mark.parametrize("kind", ["scheme", "loader"])
def test_a_file_is_read_on_from_the_middle_of_an_epoch(together, tmp_path, kind):
    path, saved = str(tmp_path / "data.hdf5"), str(tmp_path / "run.tar")
    write_hdf5(path, {"all": jobs.examples()})
    one = jobs.from_file(None, path, kind)
    together(2, jobs.from_file, path, kind, 3, None, saved)
    for size in (1, 3):
        for rest in together(size, jobs.from_file, path, kind, None, saved):
            assert_same(one, rest)


@pytest.mark.parametrize("size, way", [(2, "data"), (3, "data"), (2, "sharded")])
def test_evaluation_is_exact(together, size, way):
    """With three processes, a share of the last batch, which has two examples, is empty."""
    one = jobs.alone(jobs.evaluate)
    found = together(size, jobs.evaluate, way)
    assert_all_same(found)
    assert_same(one, found[0])
    np.testing.assert_array_equal(found[0]["rows"], one["rows"])


def test_evaluation_refuses_iterators_that_ignore_shares(together):
    """Otherwise each process would add the whole batch, so a sum would be too large."""
    for said, shape in together(2, jobs.undivided):
        for one, name in zip(said, ("generator", "WholeBatches"), strict=True):
            assert one.startswith("DataError: the epoch iterator must be an EpochIterator")
            assert name in one
            assert "derive the data stream from AbstractDataStream" in one
        assert shape == (4,)


@pytest.mark.parametrize("size", [2, 3])
def test_batch_normalisation_uses_the_whole_batch(together, size):
    """The shares of three processes are unequal, and some of them are empty."""
    found = together(size, jobs.many, [(jobs.normalised, kind) for kind in jobs.NORMALISED])
    assert_all_same(found)
    for kind, (many, said) in zip(jobs.NORMALISED, found[0], strict=True):
        assert said == f"{size} processes"
        assert_same(jobs.alone(jobs.normalised, kind)[0], many)


def test_requests_of_processes_are_not_saved():
    division = DataParallel()
    division.wish, division.agreed, division._called = "batch", "epoch", True
    division._facts.tensor.fill_(1)
    again = pickle.loads(pickle.dumps(division))
    assert (again.wish, again.agreed, again.take_called()) == (None, None, False)
    assert not again._facts.tensor.any()


@pytest.mark.slow
def test_compiled_batch_normalisation_uses_the_whole_batch(together):
    """A share has one example, and a division by the deviation of three magnifies rounding errors.

    Compiled and eager steps of one process differ by 4e-5.
    """
    one, _ = jobs.alone(jobs.normalised, "mlp", "eager", "batch", 3)
    for many, _ in together(2, jobs.normalised, "mlp", "compiled", "batch", 3):
        assert_same(one, many, rtol=1e-2, records=1e-3)


def test_statistics_of_shares_are_noted_in_the_log(together):
    (found, said), (others, _) = together(2, jobs.normalised, "mlp", "eager", "share")
    assert str(found) == str(others)
    assert said == (
        "2 processes; batch normalisation uses the mean and the standard deviation of each "
        "process's share instead of the whole batch, so results depend on the number of processes"
    )


def test_one_example_in_each_share_is_normalised_by_the_whole_batch(together):
    one, [whole, _] = jobs.alone(jobs.one_each, "batch"), together(2, jobs.one_each, "batch")
    np.testing.assert_allclose(whole, one, rtol=1e-5)
    assert together(2, jobs.one_each, "share") == [[[0.0] * 8, [1.0] * 8]] * 2


def test_statistics_must_be_known():
    with pytest.raises(errors.ArgumentError, match="must be 'batch' or 'share', not 'shares'"):
        DataParallel(statistics="shares")


def test_a_cost_that_is_not_finite_changes_nothing_in_any_process(together):
    said, before, done = jobs.alone(jobs.not_finite)
    assert done == 1
    for error, values, batches in together(2, jobs.not_finite):
        assert error.startswith("NotFiniteError: the cost 'cost' is ")
        assert error == said.replace("inf", "nan") or "batch 2 of this run" in error
        assert batches == 1
        assert_same({"records": {}, "values": before}, {"records": {}, "values": values})


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_process_that_is_killed_ends_the_others(tmp_path, rank):
    found = Ranks(tmp_path, 3, jobs.disturbed, "kill", rank, 7).results()
    assert found.pop(rank) == ("dead", None)
    for kind, (said, done) in found:
        assert kind == "result"
        assert "lost the connection to the other processes: one of them has ended" in said
        assert done == 7


def test_a_process_can_be_killed_at_any_moment(tmp_path):
    chance = random.Random(1)
    for _ in range(8):
        ranks = Ranks(tmp_path, 3, jobs.disturbed, "no trouble", 0, -1, 10_000)
        ranks.meet()
        killed = chance.randrange(3)
        assert not ranks.pipes[killed].poll(chance.uniform(0, 1.2))
        ranks.processes[killed].kill()
        found = ranks.results()
        assert found.pop(killed) == ("dead", None)
        for kind, value in found:
            assert "ProcessError: process " in (value if kind == "error" else value[0])


def test_a_process_can_be_killed_before_it_meets_the_others(tmp_path):
    found = Ranks(tmp_path, 2, jobs.messages, timeout=1, absent=1).results()
    (kind, said), killed = found
    assert killed == ("dead", None) and kind == "error"
    assert said.startswith("ProcessError: process 0 of 2 could not join the other processes: ")
    assert "check that all processes were started" in said


def test_a_process_that_fails_ends_the_others(together):
    (first, done), (second, _) = together(2, jobs.disturbed, "raise", 1, 2)
    assert second == "ValueError: no more memory for this"
    assert first.startswith("ProcessError: process 0 of 2 lost the connection")
    assert done == 2


def test_processes_at_different_batches_are_an_error(together):
    found = together(2, jobs.disturbed, "extra", 1, 2)
    assert any("the processes have not read the same batch" in said for said, _ in found)
    assert all(said.startswith(("DataError", "ProcessError")) for said, _ in found)


@pytest.mark.parametrize("kind", ["share", "whole", "fewer"])
def test_different_batches_are_an_error(together, kind):
    found = together(2, jobs.other_data, kind)
    assert any("Give schemes and data loaders the same seed in all" in said for said in found)
    assert all(said.startswith(("DataError", "ProcessError")) for said in found)


def test_an_interrupt_of_one_process_ends_all_after_the_same_epoch(together):
    assert together(2, jobs.disturbed, "interrupt", 1, 6) == [(None, 10)] * 2


def test_one_process_cannot_control_the_others(together):
    for said in together(2, jobs.in_thread):
        assert said.startswith("ProcessError: 2 processes train this main loop together")


def test_distributed_must_divide_the_work():
    x, w = tensor.vector("x"), shared(1.0, "w")
    with pytest.raises(errors.AlgorithmError, match="such as DataParallel.., not True"):
        GradientDescent((x * w).mean(), [w], distributed=True)
