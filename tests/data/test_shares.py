"""Shares of batches: together they are the batch, from every position, for every kind of stream."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from workbench.data import (
    Cast,
    DataStream,
    H5PYDataset,
    IndexableDataset,
    Mapping,
    Padding,
    SequentialScheme,
    ShuffledScheme,
    as_stream,
    write_hdf5,
)
from workbench.data.shared_reading import narrowed
from workbench.data.shares import Share, SharedBatch, divided
from workbench.data.transformers import FilterSources, Rename
from workbench.data.transformers.random import RandomTransformer
from workbench.errors import DataError

EXAMPLES, BATCH, SIZE = 17, 5, 3


def data():
    x = np.arange(EXAMPLES * 2.0).reshape(EXAMPLES, 2)
    return {"x": x, "y": np.arange(EXAMPLES)}


def arrays(folder=None):
    scheme = ShuffledScheme(EXAMPLES, BATCH, seed=1)
    return DataStream(IndexableDataset(data()), iteration_scheme=scheme)


def hdf5(folder):
    write_hdf5(folder / "data.hdf5", {"all": data()})
    dataset = H5PYDataset(folder / "data.hdf5", ("all",))
    return DataStream(dataset, iteration_scheme=ShuffledScheme(EXAMPLES, BATCH, seed=1))


def loader(folder):
    pairs = TensorDataset(*map(torch.tensor, data().values()))
    return as_stream(DataLoader(pairs, batch_size=BATCH), sources=("x", "y"))


class Flipped(RandomTransformer):
    """Transformer that changes the sign of random examples."""

    def transform_example(self, example, rng):
        return example * rng.choice([-1, 1])


STREAMS = {
    "arrays": arrays,
    "in order": lambda folder: DataStream(
        IndexableDataset(data()), iteration_scheme=SequentialScheme(EXAMPLES, BATCH)
    ),
    "hdf5": hdf5,
    "loader": loader,
    "random": lambda folder: Flipped(arrays(), which_sources=("x",), seed=4),
    "elementwise": lambda folder: Rename(
        FilterSources(Cast(arrays(), "float32"), ("y", "x")), {"y": "z"}
    ),
    "across examples": lambda folder: Mapping(arrays(), lambda xy: (xy[0] - xy[0].mean(), xy[1])),
}  # fmt: skip


def shares(stream, epoch=1, start=0, axis=0):
    """Return the batches of each of several processes."""
    found = []
    for rank in range(SIZE):
        batches = stream.get_epoch_iterator(as_dict=True, epoch=epoch)
        batches.position, batches.share = start, Share(rank, SIZE, axis)
        found.append(list(batches))
    return found


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("kind", STREAMS)
def test_shares_are_the_batch(tmp_path, kind, start):
    stream = STREAMS[kind](tmp_path)
    whole = list(stream.get_epoch_iterator(as_dict=True, epoch=1))[start:]
    for batch, *parts in zip(whole, *shares(stream, start=start), strict=True):
        for source, entry in batch.items():
            together = np.concatenate([np.asarray(part[source]) for part in parts])
            np.testing.assert_array_equal(together, np.asarray(entry))
        assert [part.total for part in parts] == [len(entry)] * SIZE
        lengths = [len(part[source]) for part in parts]
        assert [part.first for part in parts] == [0, lengths[0], lengths[0] + lengths[1]]


def test_the_last_batch_can_have_fewer_examples_than_processes(tmp_path):
    for part in zip(*shares(arrays()), strict=True):
        last = [len(one["y"]) for one in part]
    assert last == [0, 1, 1]


def test_positions_are_those_of_whole_batches():
    stream = arrays()
    batches = stream.get_epoch_iterator(as_dict=True)
    batches.share = Share(1, SIZE)
    next(batches)
    assert stream.state_dict() == {"epoch": 0, "position": 1}


@pytest.mark.parametrize("kind", ["arrays", "in order", "hdf5", "elementwise"])
def test_only_the_share_is_read_where_examples_are_independent(tmp_path, kind):
    assert narrowed(STREAMS[kind](tmp_path), Share(0, SIZE)) is not None


@pytest.mark.parametrize("kind", ["loader", "random", "across examples"])
def test_whole_batches_are_read_where_examples_can_depend_on_each_other(tmp_path, kind):
    assert narrowed(STREAMS[kind](tmp_path), Share(0, SIZE)) is None


def test_whole_batches_are_padded_before_they_are_divided():
    lists = [np.arange(n) for n in (3, 1, 4, 1, 5, 9, 2)]
    dataset = IndexableDataset({"x": lists})
    stream = Padding(DataStream(dataset, iteration_scheme=SequentialScheme(7, 4)))
    first, *_ = shares(stream)
    assert [one["x"].shape for one in first] == [(1, 4), (1, 9)]


def test_examples_can_have_another_axis_in_some_sources():
    batch = {"x": np.arange(12).reshape(2, 6), "y": np.arange(6), "rate": np.ones(2)}
    part = divided(batch, Share(1, 2, {"x": 1, "rate": None}), 0)
    assert isinstance(part, SharedBatch)
    assert (part["x"].shape, part["y"].tolist(), part["rate"].shape) == ((2, 3), [3, 4, 5], (2,))


@pytest.mark.parametrize(
    "batch, said",
    [
        ({"x": np.ones(3), "y": np.ones(4)}, "same number of examples.*but they have 3 .x., 4 .y."),
        ({"x": np.ones(3), "y": np.ones(())}, "the source 'y' of a batch has no axis 0"),
        ({"x": [1, 2]}, "the source 'x' of a batch has no axis 0"),
    ],
)
def test_batches_that_cannot_be_divided(batch, said):
    with pytest.raises(DataError, match=said):
        divided(batch, Share(0, 2), 0)
