"""Generators as data: read once, from the beginning, and never again."""

import itertools

import numpy as np
import pytest

from tests.support.fakes import FakeAlgorithm
from workbench.data import DataStream, IterableDataset, as_stream
from workbench.data.schemes import ConstantScheme
from workbench.data.transformers import Mapping, Merge
from workbench.errors import DataError
from workbench.extensions import FinishAfter
from workbench.main_loop import MainLoop


def endless():
    return ({"x": n} for n in itertools.count())


@pytest.mark.parametrize(
    "make",
    [
        lambda: as_stream(endless()),
        lambda: DataStream(IterableDataset({"x": itertools.count()})),
        lambda: Mapping(as_stream(endless()), lambda batch: batch),
    ],
    ids=["batches", "dataset", "transformed"],
)
def test_a_run_may_read_an_endless_generator(make):
    algorithm = FakeAlgorithm()
    main_loop = MainLoop(algorithm, make(), extensions=[FinishAfter(after_n_batches=3)])
    main_loop.run()
    assert [int(x) for x in algorithm.seen] == [0, 1, 2]
    assert "a generator, which yields its data only once" in main_loop.log[0]["data_read_once"]
    main_loop.run(batches=1)  # continues where it was
    assert [int(x) for x in algorithm.seen] == [0, 1, 2, 3]


def test_a_run_on_a_list_says_nothing_of_the_kind():
    main_loop = MainLoop(FakeAlgorithm(), [{"x": 1}], extensions=[FinishAfter(after_n_epochs=1)])
    main_loop.run()
    assert "data_read_once" not in main_loop.log[0]


def test_a_scheme_makes_batches_of_a_generator():
    dataset = IterableDataset({"x": (n * n for n in itertools.count())})
    stream = DataStream(dataset, iteration_scheme=ConstantScheme(2))
    batches = itertools.islice(stream.get_epoch_iterator(), 2)
    np.testing.assert_array_equal([x for (x,) in batches], [[0, 1], [4, 9]])


def test_there_is_no_second_epoch():
    algorithm = FakeAlgorithm()
    main_loop = MainLoop(
        algorithm, iter([{"x": 1}, {"x": 2}]), extensions=[FinishAfter(after_n_epochs=2)]
    )
    with pytest.raises(DataError, match="of type list_iterator, can be read only once and"):
        main_loop.run()
    assert algorithm.seen == [1, 2]


def test_there_is_no_going_back():
    stream = as_stream(endless())
    next(stream.get_epoch_iterator())
    stream.load_state_dict({"epoch": 0, "position": 0})
    with pytest.raises(DataError, match="does not support a second epoch, rewinding,"):
        next(stream.get_epoch_iterator())


def test_streams_on_top_know_it():
    assert Merge([as_stream([{"y": 1}]), as_stream(endless())], ("y", "x")).reads_once
    assert not Merge([as_stream([{"y": 1}]), as_stream([{"x": 1}])], ("y", "x")).reads_once
