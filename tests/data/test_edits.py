"""Examples that a stream omits or relabels: every scheme, every transformer, every position."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts import test_data as contract
from workbench import data
from workbench.data.editing import (
    checked_examples,
    checked_value,
    edits_of,
    read_examples,
    set_edits,
    source_in_dataset,
)
from workbench.data.edits import Edits
from workbench.errors import DataError

N = 12
INDEXED = {c: make for c, make in contract.SCHEMES.items() if make().bounds is not None}
EDITABLE = [
    data.Batch, data.Cache, data.Cast, data.DataStream, data.FilterSources, data.Flatten,
    data.ForceFloatX, data.ImagesFromBytes, data.MinimumImageDimensions, data.Mapping,
    data.Padding, data.Prefetch, data.Random2DRotation, data.RandomFixedSizeCrop,
    data.RandomFlip, data.Rename, data.ScaleAndShift, data.ToBytes, data.Unpack,
]  # fmt: skip


def numbers(count=N):
    return data.IndexableDataset({"x": np.arange(count), "y": np.arange(count) % 3})


def stream(scheme, count=N):
    return data.DataStream(numbers(count), iteration_scheme=scheme)


def read(one, epoch=0, start=0):
    return contract.plain(list(one.iterate(epoch, start)))


def rows(one, epoch=0, start=0):
    return [index for batch in read(one, epoch, start) for index in np.ravel(batch[0])]


dropped = st.sets(st.integers(0, N - 1), max_size=N - 1)


@given(dropped, st.integers(1, 7))
def test_a_sequential_stream_without_examples_is_that_of_a_smaller_dataset(gone, size):
    edited = stream(data.SequentialScheme(N, size))
    set_edits(edited, Edits().without(gone, epoch=0, taken=0))
    rest = [index for index in range(N) if index not in gone]
    smaller = data.DataStream(numbers(), iteration_scheme=data.SequentialScheme(rest, size))
    assert read(edited) == read(smaller)
    assert edited._lengths(0) == (smaller.num_examples, smaller.num_batches)


@given(dropped, dropped, st.integers(1, 5), st.integers(0, 4), st.integers(0, 4))
def test_batches_that_were_read_stay_and_later_ones_are_exact(one, two, size, first, second):
    edited = stream(data.ShuffledScheme(N, size, seed=3))
    order = rows(edited, 2)
    edits = Edits()
    before = read(edited, 2)[:first]
    for gone, place in ((one, first), (two, first + second)):
        taken = edited._taken(2, place)
        edits = edits.without(gone, epoch=2, taken=taken)
        set_edits(edited, edits)
    whole = read(edited, 2)
    assert whole[:first] == before
    for start in range(len(whole) + 1):
        assert read(edited, 2, start) == whole[start:]
    assert sorted(rows(edited, 3)) == [i for i in range(N) if i not in one | two]
    assert [i for i in order if i in rows(edited, 2)] == rows(edited, 2)
    assert edited._lengths(2) == (len(rows(edited, 2)), len(whole))


each_scheme = pytest.mark.parametrize("cls", INDEXED, ids=lambda cls: cls.__name__)


@each_scheme
def test_every_scheme_leaves_examples_out(cls):
    edited = stream(INDEXED[cls]())
    whole = rows(edited)
    set_edits(edited, Edits().without([2, 3], epoch=5, taken=0))
    assert sorted(rows(edited)) == sorted(i for i in whole if i not in (2, 3))
    for start in range(len(whole) + 1):
        assert read(edited, 1, start) == read(edited, 1)[start:]
    assert edited._lengths(None) == (len(rows(edited)), len(read(edited)))


@each_scheme
def test_every_scheme_replaces_a_label(cls):
    edited = stream(INDEXED[cls]())
    before = edited.dataset.indexables[1].copy()
    set_edits(edited, Edits().with_value("y", [2], 9))
    labels = [(int(x), int(y)) for xs, ys in edited.iterate(0) for x, y in np.c_[xs, ys].tolist()]
    assert sorted(y for x, y in labels if x == 2) == [9]
    assert all(y == x % 3 for x, y in labels if x != 2)
    assert (edited.dataset.indexables[1] == before).all()


class Ragged(data.BatchScheme):
    """Scheme whose batches belong together, as those of sequences of similar length."""

    def get_request_iterator(self, epoch=0, start=0):
        parts = [np.array([0, 4]), np.array([1]), np.array([2, 3, 5])]
        return iter(parts[start:])


def test_the_batches_of_a_users_scheme_become_smaller():
    edited = stream(Ragged(6, 3))
    set_edits(edited, Edits().without([1, 4], epoch=0, taken=0))
    assert [batch[0] for batch in read(edited)] == [[0], [2, 3, 5]]


@pytest.mark.parametrize("cls", contract.STREAMS, ids=lambda cls: cls.__name__)
def test_every_stream_is_edited_or_says_why_not(cls):
    made = contract.STREAMS[cls]()
    if edits_of(made) is None:
        with pytest.raises(DataError, match="individual examples cannot be changed"):
            made._base()
            made._taken(0, 0)
        return
    whole = {index: read(made, index) for index in range(2)}
    set_edits(made, Edits().without([2], epoch=9, taken=0))
    after = read(made, 0)
    assert after != whole[0]
    for start in range(len(after) + 1):
        assert read(made, 0, start) == after[start:]
    assert read(pickle.loads(pickle.dumps(made))) == after
    set_edits(made, Edits())
    assert read(made, 1) == whole[1]
    made.close()


def over_indices(cls):
    """Return a stream of the class whose dataset has indices."""
    examples = stream(data.ShuffledExampleScheme(N, seed=2))
    ragged = data.IndexableDataset({"x": contract.ROWS, "y": range(N)})
    by_one = data.DataStream(ragged, iteration_scheme=data.SequentialExampleScheme(N))
    made = {
        data.Batch: lambda: data.Batch(examples, data.ConstantScheme(5)),
        data.Padding: lambda: data.Padding(data.Batch(by_one, data.ConstantScheme(5)), ("x",)),
    }
    return made.get(cls, contract.STREAMS[cls])()


@pytest.mark.parametrize("cls", EDITABLE, ids=lambda cls: cls.__name__)
def test_single_examples_pass_through_every_transformer(cls):
    made = over_indices(cls)
    batch, _ = read_examples(made, [4, 1])
    assert tuple(batch) == made.sources
    assert {len(entry) for entry in batch.values()} == {2}
    assert edits_of(made) == Edits()


def test_examples_are_not_confused_by_a_function_that_sorts_batches():
    batches = data.Mapping(stream(data.SequentialScheme(N, 6)), data.SortMapping(first_value))
    batch, stored = read_examples(batches, [2, 7, 4])
    assert batch["x"].tolist() == stored["x"].tolist() == [2, 7, 4]


def halved(batch):
    return tuple(values[::2] for values in batch) if len(batch[0]) > 1 else (batch[0][:0],) * 2


def test_a_function_that_omits_examples_is_refused_when_single_ones_are_read():
    batches = data.Mapping(stream(data.SequentialScheme(N, 6)), halved)
    with pytest.raises(DataError, match="does not return one example for each example"):
        read_examples(batches, [2, 7])


def test_indices_count_from_the_start_of_the_dataset():
    part = data.IndexableDataset({"x": np.arange(N), "y": np.arange(N)}, start=5)
    one = data.DataStream(part, iteration_scheme=data.SequentialScheme(7, 7))
    set_edits(one, Edits().without([0], epoch=0, taken=0).with_value("y", [1], 99))
    assert read(one) == [[[6, 7, 8, 9, 10, 11], [99, 7, 8, 9, 10, 11]]]


@pytest.mark.parametrize("cls", [data.Batch, data.Cache, data.Unpack])
@pytest.mark.parametrize("place", range(4))
def test_a_drop_within_regrouped_batches_is_exact(cls, place):
    made = over_indices(cls)
    order, before = rows(made, 1), read(made, 1)
    taken = made._taken(1, place)
    gone = order[::3]
    set_edits(made, Edits().without(gone, epoch=1, taken=taken))
    after = read(made, 1)
    assert after[:place] == before[:place]
    for start in range(len(after) + 1):
        assert read(made, 1, start) == after[start:]
    assert made._lengths(1)[1] == len(after)


def test_a_filter_before_the_batches_is_refused():
    kept = data.Filter(stream(data.SequentialExampleScheme(N)), contract.is_odd)
    with pytest.raises(DataError, match="Filter.* might not return one item for each item"):
        data.Batch(kept, data.ConstantScheme(2))._base()


def test_regrouping_after_a_function_of_batches_is_refused():
    batches = data.Mapping(stream(data.SequentialScheme(N, 6)), data.SortMapping(first_value))
    with pytest.raises(DataError, match="can change the order or the number of the examples"):
        data.Cache(batches, data.ConstantScheme(4))._taken(0, 1)


def first_value(example):
    return -int(example[0])


@pytest.mark.parametrize("one", [
    data.DataStream(data.IterableDataset(range(4))),
    data.as_stream(contract.LOADER, sources=("x",)),
    data.as_stream([{"x": [1, 2]}]),
], ids=["in order", "loader", "batches"])  # fmt: skip
def test_data_without_indices_say_what_to_use(one):
    with pytest.raises(DataError, match="individual examples cannot be changed.*IndexableDataset"):
        one._base()


@pytest.mark.parametrize("examples, text", [
    (N, "does not train on example 12: .* reads examples 0 to 11"),
    (-1, "does not train on example -1"),
    ("3", "must be the index of an example or a list of indices"),
    ([], "must be the index of an example or a list"),
    ([1.5], "must be the index of an example"),
    (True, "must be the index of an example"),
])  # fmt: skip
def test_examples_that_are_not_trained_on_are_refused(examples, text):
    with pytest.raises(DataError, match=text):
        checked_examples(stream(data.ShuffledScheme(N, 5)), examples)


def test_an_example_that_the_scheme_omits_is_refused():
    with pytest.raises(DataError, match="to 9, but not 5"):
        checked_examples(stream(data.ShuffledScheme([1, 9, 3], 2)), 5)


@pytest.mark.parametrize("value, needed", [
    (1.5, "an integer that fits uint8"), (256, "fits uint8"), (-1, "fits uint8"),
    ("a", "fits uint8"), ([1, 2], "fits uint8"), (None, "fits uint8"), (np.nan, "fits uint8"),
])  # fmt: skip
def test_a_label_that_does_not_fit_is_refused(value, needed):
    labels = data.IndexableDataset({"y": np.arange(6, dtype=np.uint8)[:, None]})
    one = data.DataStream(labels, iteration_scheme=data.SequentialScheme(6, 2))
    with pytest.raises(DataError, match=rf"of example 3 is \[3\], .* must be .*{needed}, not"):
        checked_value(one, [3], "y", value)


@pytest.mark.parametrize("values, new", [
    (np.zeros(3, np.float32), 0.1), (np.array(["a", "b", "c"], object), "zebra"),
    (np.zeros((3, 2)), [1.0, 2.0]), (np.zeros(3, bool), True), (np.zeros(3), 2),
])  # fmt: skip
def test_a_value_of_the_kind_of_the_old_one_is_read(values, new):
    one = data.DataStream(
        data.IndexableDataset({"y": values}), iteration_scheme=data.SequentialScheme(3, 3)
    )
    plain, old = checked_value(one, [1], "y", new)
    assert old == [values[1].tolist() if hasattr(values[1], "tolist") else values[1]]
    set_edits(one, Edits.of(Edits().with_value("y", [1], plain).state_dict()))
    [(read_back,)] = one.iterate(0)
    assert read_back.dtype == values.dtype
    assert np.array_equal(read_back[1], np.asarray(new, values.dtype))
    assert np.array_equal(read_back[0], values[0])


def test_sequences_of_other_lengths_are_replaced():
    ragged = data.IndexableDataset({"x": [[1, 2], [3]]})
    one = data.DataStream(ragged, iteration_scheme=data.SequentialScheme(2, 2))
    set_edits(one, Edits().with_value("x", [1], [7, 8, 9]))
    [(batch,)] = one.iterate(0)
    assert [list(each) for each in batch] == [[1, 2], [7, 8, 9]]


def test_a_renamed_source_is_found_and_a_computed_one_is_not():
    renamed = data.Rename(stream(data.SequentialScheme(N, 4)), {"y": "targets"})
    assert source_in_dataset(renamed, "targets") == "y"
    more = data.Mapping(renamed, contract.doubled, add_sources=("a", "b"))
    with pytest.raises(DataError, match="'a' of Mapping.* does not come from the dataset, but"):
        source_in_dataset(more, "a")
    with pytest.raises(DataError, match="no source 'target'; .*did you mean 'targets'"):
        source_in_dataset(renamed, "target")


def test_other_readers_see_the_edits_at_once():
    one = stream(data.SequentialScheme(N, 5))
    next(one.get_epoch_iterator(epoch=0))
    set_edits(one, Edits().without([1], epoch=0, taken=5).with_value("y", [0], 8))
    x, y = next(one.get_epoch_iterator(epoch=0))
    assert (x.tolist(), y[0]) == ([0, 2, 3, 4, 5], 8)
    assert rows(one)[:5] == [0, 1, 2, 3, 4]  # as training has read it
    set_edits(one, Edits().with_value("y", [0], 7))
    x, y = next(one.get_epoch_iterator(epoch=0))
    assert (x.tolist(), y[0]) == ([0, 1, 2, 3, 4], 7)


@pytest.mark.parametrize("workers", ["thread", "process"])
def test_edits_reach_batches_that_are_read_in_advance(workers):
    one = data.Prefetch(stream(data.SequentialScheme(N, 5)), workers=workers)
    assert len(rows(one)) == N
    set_edits(one, Edits().without([1], epoch=0, taken=0).with_value("y", [0], 8))
    assert rows(one) == [0, *range(2, N)]
    assert read(one)[0][1][0] == 8
    one.close()


def test_a_batch_with_a_new_value_is_not_a_view_of_the_data():
    one = stream(data.SequentialScheme(N, 5))
    set_edits(one, Edits().with_value("y", [0], 8))
    x, y = next(one.iterate(0))
    assert not np.shares_memory(y, one.dataset.indexables[1])
    assert np.shares_memory(x, one.dataset.indexables[0])


def test_an_edited_stream_says_so():
    one = stream(data.SequentialScheme(N, 5))
    set_edits(one, Edits().without([1, 2], epoch=0, taken=0).with_value("y", [0], 8))
    assert repr(one).endswith(", 2 examples dropped, 1 relabelled)")


def test_edits_as_plain_values_are_the_same_edits():
    edits = Edits().without([4, 1], epoch=3, taken=10).with_value("y", [0, 2], 8)
    edits = edits.without([5], epoch=3, taken=15).without([6], epoch=4, taken=0)
    assert Edits.of(edits.state_dict()) == edits
    assert edits.dropped == [1, 4, 5, 6]
