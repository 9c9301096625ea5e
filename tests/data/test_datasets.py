"""Datasets in memory and from iterables."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch

from workbench.data import (
    ConstantScheme,
    Dataset,
    DataStream,
    IndexableDataset,
    IterableDataset,
    SequentialScheme,
    ShuffledScheme,
)
from workbench.errors import DataError, SourceError


def test_sources_keep_the_order_of_the_mapping():
    data = OrderedDict([("y", np.arange(3)), ("x", np.eye(3))])
    dataset = IndexableDataset(data)
    assert dataset.sources == ("y", "x")
    assert dataset.num_examples == 3


def test_a_slice_gives_views():
    x = np.arange(20.0).reshape(10, 2)
    [batch] = IndexableDataset({"x": x}).get_data(slice(2, 5))
    assert np.shares_memory(batch, x)
    np.testing.assert_array_equal(batch, x[2:5])


def test_indices_give_those_examples():
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    dataset = IndexableDataset({"x": x, "y": y})
    for request in (np.array([7, 0, 7]), [7, 0, 7], 4):
        got = dataset.get_data(request)
        np.testing.assert_array_equal(got[0], x[request])
        np.testing.assert_array_equal(got[1], y[request])


def test_one_array_is_the_source_data_or_has_the_given_name():
    assert IndexableDataset(np.eye(2)).sources == ("data",)
    assert IndexableDataset(np.eye(2), sources=("features",)).sources == ("features",)
    assert IterableDataset([1, 2], sources="x").sources == ("x",)


def test_sources_can_be_selected():
    dataset = IndexableDataset({"x": [1, 2], "y": [3, 4]}, sources=("y",))
    assert dataset.provides_sources == ("x", "y")
    assert dataset.get_data(slice(0, 2))[0].tolist() == [3, 4]


def test_start_and_stop_limit_the_examples():
    dataset = IndexableDataset({"x": np.arange(10)}, start=2, stop=-3)
    assert dataset.num_examples == 5
    assert dataset.get_data(0) == (2,)


def test_tensors_and_ragged_lists_are_accepted():
    x = torch.arange(6.0, requires_grad=True).reshape(3, 2)
    dataset = IndexableDataset({"x": x, "y": [[1], [2, 3], []]})
    features, ragged = dataset.get_data(slice(0, 3))
    np.testing.assert_array_equal(features, x.detach().numpy())
    assert [example.tolist() for example in ragged] == [[1], [2, 3], []]


def test_examples_that_share_only_their_first_axis_are_accepted():
    dataset = IndexableDataset([np.zeros((2, 3)), np.zeros((2, 4))])
    assert [example.shape for example in dataset.get_data(slice(0, 2))[0]] == [(2, 3), (2, 4)]


def test_iterables_are_read_together():
    dataset = IterableDataset(OrderedDict(x=range(3), y="abc"))
    assert list(dataset.examples(1)) == [(1, "b"), (2, "c")]
    assert dataset.num_examples == 3


def test_a_stream_of_examples_is_that_of_the_specification():
    values = np.random.default_rng(0).random(150)
    stream = DataStream(IterableDataset(values))
    assert stream.sources == ("data",)
    assert stream.produces_examples
    assert [value for [value] in stream.get_epoch_iterator()] == values.tolist()


def test_iterables_can_be_cut_into_batches():
    dataset = IterableDataset({"x": np.arange(10).reshape(5, 2), "y": range(5)})
    stream = DataStream(dataset, iteration_scheme=ConstantScheme(2))
    batches = list(stream.get_epoch_iterator())
    assert [x.tolist() for x, _ in batches] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9]]]
    assert stream.num_batches == len(batches)


class Countless:
    """Iterable of unknown length that can start again."""

    def __iter__(self):
        yield from ([1], [2, 3], [4])


def test_examples_of_different_shapes_become_an_array_of_objects():
    dataset = IterableDataset({"x": Countless()})
    stream = DataStream(dataset, iteration_scheme=ConstantScheme(2, num_examples=2))
    [[batch]] = stream.get_epoch_iterator()
    assert batch.dtype == object
    assert [example.tolist() for example in batch] == [[1], [2, 3]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IndexableDataset({}), "at least one source, but is empty"),
        (
            lambda: IndexableDataset({"x": [1, 2], "y": [1]}),
            "number of examples, but the numbers are .'x': 2, 'y': 1.",
        ),
        (
            lambda: IndexableDataset({"x": 3}),
            "source 'x' must be an array with an axis of examples, not 3",
        ),
        (
            lambda: IndexableDataset([1], sources=("x", "y")),
            "one source, not .'x', 'y'.; pass a mapping",
        ),
        (
            lambda: IterableDataset({"x": 3}),
            "source 'x' must be a list, an array or another .* not 3",
        ),
        (lambda: IterableDataset({"x": [1], "y": []}), "{'x': 1, 'y': 0}"),
        (
            lambda: list(IterableDataset({"x": Countless(), "y": [1]}).examples()),
            "have the same number of examples, but one of .'x', 'y'.",
        ),
        (lambda: Dataset(("x",)).get_data(0), "Dataset cannot read"),
    ],
)
def test_unsuitable_data_are_an_error(make, message):
    with pytest.raises(DataError, match=message):
        make()


@pytest.mark.parametrize(
    "request_", [slice(0, 4), slice(2, 1), slice(0, 2, 2), 3, [0, 9], 0.5, [True]]
)
def test_a_request_beyond_the_examples_is_an_error(request_):
    dataset = IndexableDataset({"x": [1, 2, 3]})
    with pytest.raises(DataError, match=r"IndexableDataset\(3 examples, .* cannot read"):
        dataset.get_data(request_)


def test_an_unknown_source_gets_the_nearest_name():
    with pytest.raises(SourceError, match="no source 'feature', only 'features', 'targets'; did y"):
        IndexableDataset({"features": [1], "targets": [2]}, sources=("feature",))


@pytest.mark.parametrize(
    ("dataset", "scheme", "message"),
    [
        (IterableDataset([1, 2]), SequentialScheme(2, 1), "only be read in order,"),
        (
            IndexableDataset([1, 2]),
            ConstantScheme(1),
            "is read by index, must be a scheme that requests indices, not ConstantScheme.1.;",
        ),
        (IndexableDataset([1, 2]), ShuffledScheme(3, 1, seed=0), "reads examples 0 to 2, but"),
        (IndexableDataset([1, 2]), SequentialScheme([-1, 0], 1), "reads examples -1 to 0, but"),
    ],
)
def test_an_unsuitable_scheme_is_an_error_immediately(dataset, scheme, message):
    with pytest.raises(DataError, match=message):
        DataStream(dataset, iteration_scheme=scheme)
