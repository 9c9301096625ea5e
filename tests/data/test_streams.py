"""Data streams: epochs, positions, and resuming from any of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import (
    AbstractDataStream,
    Cast,
    ConstantScheme,
    DataStream,
    Flatten,
    IndexableDataset,
    IterableDataset,
    Mapping,
    ScaleAndShift,
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledExampleScheme,
    ShuffledScheme,
    as_stream,
)
from workbench.errors import DataError

X = np.arange(23 * 4, dtype=np.uint8).reshape(23, 2, 2)
Y = np.arange(23)


def square(data):
    return tuple(entry**2 for entry in data)


def indexed(scheme) -> DataStream:
    return DataStream(IndexableDataset({"x": X, "y": Y}), iteration_scheme=scheme)


STREAMS = {
    "sequential": lambda: indexed(SequentialScheme(23, 4)),
    "shuffled": lambda: indexed(ShuffledScheme(23, 4, seed=5)),
    "examples": lambda: indexed(SequentialExampleScheme(23)),
    "shuffled examples": lambda: indexed(ShuffledExampleScheme(23, seed=5)),
    "no scheme": lambda: indexed(None),
    "iterable": lambda: DataStream(IterableDataset({"x": X, "y": Y})),
    "iterable in batches": lambda: DataStream(
        IterableDataset({"x": X, "y": Y}), iteration_scheme=ConstantScheme(4)
    ),
    "transformed": lambda: Mapping(
        Cast(Flatten(ScaleAndShift(STREAMS["shuffled"](), 2, 1)), "float64"), square
    ),
    "list": lambda: as_stream([{"x": X[i : i + 4], "y": Y[i : i + 4]} for i in range(0, 23, 4)]),
}
streams = pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)


def plain(batches) -> list:
    return [[np.asarray(entry).tolist() for entry in batch] for batch in batches]


@streams
def test_the_rest_after_any_position_is_the_same(make):
    @given(st.integers(0, 3), st.integers(0, 23))
    def check(epochs, batches):
        stream = make()
        for _ in range(epochs):
            list(stream.get_epoch_iterator())
        running = stream.get_epoch_iterator()
        for _ in zip(range(batches), running, strict=False):
            pass
        state = stream.state_dict()
        resumed = make()
        resumed.load_state_dict(state)
        if running.finished:  # the next iterator starts the next epoch on both sides
            running = stream.get_epoch_iterator()
        assert plain(resumed.get_epoch_iterator()) == plain(running)
        assert plain(resumed.get_epoch_iterator()) == plain(stream.get_epoch_iterator())
        assert resumed.state_dict() == stream.state_dict()

    check()


@streams
def test_a_pickled_iterator_continues_where_it_was(make):
    running = make().get_epoch_iterator()
    next(running), next(running)
    again = pickle.loads(pickle.dumps(running))
    assert plain(again) == plain(running)


@streams
def test_lengths_are_those_of_an_epoch(make):
    stream = make()
    assert stream.num_batches == len(list(stream.get_epoch_iterator()))
    assert stream.num_examples in (23, None)
    assert stream.produces_examples == (stream.num_batches == 23)


def test_positions_are_plain_integers():
    stream = STREAMS["shuffled"]()
    next(stream.get_epoch_iterator())
    assert stream.state_dict() == {"epoch": 0, "position": 1}
    assert {type(value) for value in stream.state_dict().values()} == {int}


def test_an_epoch_is_finished_only_after_its_end():
    stream = STREAMS["sequential"]()
    running = stream.get_epoch_iterator()
    for _ in range(6):
        next(running)
    assert (running.finished, stream.state_dict()) == (False, {"epoch": 0, "position": 6})
    assert list(running) == []
    assert (running.finished, stream.state_dict()) == (True, {"epoch": 1, "position": 0})
    assert list(running) == []


def test_each_call_starts_the_next_epoch():
    stream = STREAMS["shuffled"]()
    first = plain(stream.get_epoch_iterator())
    abandoned = next(stream.get_epoch_iterator())
    third = stream.get_epoch_iterator()
    assert third.epoch == 2
    assert plain([abandoned]) == plain(stream.iterate(1))[:1]
    assert first == plain(stream.iterate(0)) != plain(third) == plain(stream.iterate(2))


def test_inspecting_an_epoch_does_not_change_the_position():
    stream = STREAMS["shuffled"]()
    running = stream.get_epoch_iterator()
    next(running)
    assert plain(stream.get_epoch_iterator(epoch=0)) == plain(stream.iterate(0))
    assert stream.state_dict() == running.state_dict() == {"epoch": 0, "position": 1}


def test_batches_are_tuples_or_mappings():
    stream = STREAMS["sequential"]()
    as_tuple = next(stream.get_epoch_iterator())
    as_dict = next(stream.get_epoch_iterator(as_dict=True))
    assert list(as_dict) == ["x", "y"]
    assert isinstance(as_tuple, tuple)
    np.testing.assert_array_equal(as_dict["x"], as_tuple[0])


def test_sequential_batches_are_views():
    [batch, _] = next(STREAMS["sequential"]().get_epoch_iterator())
    assert np.shares_memory(batch, X)


def test_repeated_indices_count_as_examples():
    stream = indexed(SequentialScheme([0] * 50, 20))
    assert (stream.num_examples, stream.num_batches) == (50, 3)
    assert len(list(stream.get_epoch_iterator())) == 3


class Fragile(AbstractDataStream):
    """Stream that fails once, at batch 2."""

    sources = ("x",)
    healthy = False

    def iterate(self, epoch, start=0):
        for number in range(start, 4):
            if number == 2 and not self.healthy:
                self.healthy = True
                raise OSError("disk")
            yield (number,)


def test_an_error_while_reading_is_not_the_end_of_the_epoch():
    running = Fragile().get_epoch_iterator()
    assert [next(running), next(running)] == [(0,), (1,)]
    with pytest.raises(OSError, match="disk"):
        next(running)
    assert list(running) == [(2,), (3,)]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"epoch": 0}, r"'epoch' and 'position', not \['epoch'\]"),
        ({"epoch": 0, "position": 1, "rng": 3}, "'rng'"),
        ({"epoch": 0.5, "position": 1}, "must be integers, not"),
        ({"epoch": -1, "position": 0}, "must be within an epoch of"),
        (
            {"epoch": 0, "position": 7},
            r"number of batches: 6\), but is .'epoch': 0, 'position': 7.; resume with the",
        ),
    ],
)
def test_an_invalid_state_is_an_error(state, message):
    with pytest.raises(DataError, match=message):
        STREAMS["sequential"]().load_state_dict(state)


def test_a_stream_needs_a_dataset():
    with pytest.raises(DataError, match="must be a Dataset, not dict; put arrays into Indexable"):
        DataStream({"x": X})


def test_streams_and_iterators_show_their_position():
    stream = indexed(SequentialScheme(23, 4))
    shown = "DataStream(IndexableDataset(23 examples, sources=('x', 'y')), SequentialScheme"
    assert repr(stream).startswith(shown)
    running = stream.get_epoch_iterator()
    list(running)
    assert repr(running).endswith("batches read: 6, finished>")
