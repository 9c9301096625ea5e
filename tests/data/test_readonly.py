"""Functions that write to their batch: they raise an error, and the data do not change."""

import copy
import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.data.support import batches_of, examples_of, plain, ragged_batches
from workbench import function, tensor
from workbench.bricks import Linear
from workbench.data import (
    Cache,
    Cast,
    ConstantScheme,
    Dataset,
    DataStream,
    Filter,
    H5PYDataset,
    IndexableDataset,
    IterableDataset,
    Mapping,
    Merge,
    NGrams,
    Rename,
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledScheme,
    SortMapping,
    SourcewiseTransformer,
    Transformer,
    Unpack,
    Window,
    as_stream,
    write_hdf5,
)
from workbench.data.readonly import read_only
from workbench.data.transformers import RandomTransformer
from workbench.errors import DataError
from workbench.initialization import Constant
from workbench.tensor.inputs import expect_read_only


def spoil(value):
    """Write to all writable parts of a batch."""
    if isinstance(value, torch.Tensor):
        value.mul_(2)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        value *= 2
    elif isinstance(value, dict):
        value.clear()
    elif isinstance(value, (list, tuple, np.ndarray)):
        for each in value:
            spoil(each)
        if isinstance(value, list):
            value.append(9)
    return value


class Own(Dataset):
    """Data set of a user, which returns its own arrays."""

    num_examples = 4
    example_iteration_scheme = SequentialExampleScheme(4)

    def __init__(self, array):
        super().__init__(("x",))
        self.array = array

    def get_data(self, request):
        return (self.array[request],)


class OwnBatches(IterableDataset):
    def examples(self, start=0):
        return iter([(array,) for array in self.iterables[0]][start:])


def hdf5(folder):
    path = folder / "set.h5"
    write_hdf5(path, {"all": {"x": X, "rows": ROWS}})
    return H5PYDataset(path, ("all",), load_in_memory=True)


X = np.arange(1.0, 13.0, dtype="float32").reshape(4, 3)
ROWS = [np.arange(1.0, 2.0 + i) for i in range(4)]
STREAMS = {
    "neighbours": lambda x: batches_of(2, x=x),
    "shuffled": lambda x: DataStream(
        IndexableDataset(x), iteration_scheme=ShuffledScheme(4, 2, seed=1)
    ),
    "examples": lambda x: DataStream(IndexableDataset(x)),
    "iterated array": lambda x: examples_of(x=x),
    "iterated list of arrays": lambda x: examples_of(x=list(x)),
    "iterated lists": lambda x: examples_of(x=x.tolist()),
    "iterated tensors": lambda x: examples_of(x=list(torch.from_numpy(x))),
    "iterated mappings": lambda x: examples_of(x=[{"word": 1}] * 4),
    "renamed": lambda x: Rename(batches_of(2, x=x), {"x": "y"}),
    "cast to what it is": lambda x: Cast(batches_of(2, x=x), x.dtype),
    "unpacked": lambda x: Unpack(batches_of(2, x=x)),
    "cut from chunks": lambda x: Cache(batches_of(4, x=x), ConstantScheme(2)),
    "merged": lambda x: Merge([batches_of(2, x=x), batches_of(2, y=x)]),
    "of a user's data set": lambda x: DataStream(
        Own(x), iteration_scheme=SequentialScheme(4, batch_size=2)
    ),
    "of a user's examples": lambda x: DataStream(OwnBatches(list(x))),
    "ready batches": lambda x: as_stream([{"x": x[:2]}, {"x": x[2:]}]),
    "ready tensors": lambda x: as_stream([{"x": torch.from_numpy(x)}]),
    "loader without batches": lambda x: as_stream(
        torch.utils.data.DataLoader(list(torch.from_numpy(x)), batch_size=None), ("x",)
    ),
    "windows": lambda x: Window(examples_of(x=list(x)), 0, 2, 2),
    "n-grams": lambda x: NGrams(examples_of(x=list(x)), 2),
}
RAGGED = {
    "list of arrays": lambda rows: batches_of(2, x=rows),
    "shuffled list of arrays": lambda rows: DataStream(
        IndexableDataset(rows), iteration_scheme=ShuffledScheme(4, 2, seed=1)
    ),
    "example of a list of arrays": lambda rows: DataStream(IndexableDataset(rows)),
    "iterated list of arrays": lambda rows: ragged_batches(2, x=rows),
}


def assert_kept(stream, original):
    """Check in each epoch that writing raises an error or changes only a copy."""
    before = plain(stream.iterate(0))
    for epoch in range(2):
        iterator = Mapping(stream, lambda data: spoil(data)).get_epoch_iterator(epoch=epoch)
        try:
            list(iterator)
        except ValueError as error:
            assert "read-only" in str(error)
            assert "write to a copy" in error.__notes__[0]
    assert plain(stream.iterate(0)) == before
    assert original()


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_a_function_that_writes_changes_no_data(make):
    x = X.copy()
    assert_kept(make(x), lambda: np.array_equal(x, X))


@pytest.mark.parametrize("make", RAGGED.values(), ids=RAGGED)
def test_a_function_that_writes_changes_no_data_of_varying_shape(make):
    rows = copy.deepcopy(ROWS)
    assert_kept(make(rows), lambda: all(map(np.array_equal, rows, ROWS)))


@pytest.mark.parametrize("scheme", [SequentialScheme(4, 2), ShuffledScheme(4, 2, seed=1), None])
def test_a_function_that_writes_changes_no_data_in_memory_from_a_file(tmp_path, scheme):
    dataset = hdf5(tmp_path)
    whole = plain([dataset.indexables])
    assert_kept(
        DataStream(dataset, iteration_scheme=scheme), lambda: plain([dataset.indexables]) == whole
    )


class Writing(Transformer):
    def transform(self, data):
        return spoil(data)


class WritingSources(SourcewiseTransformer):
    def transform_source_batch(self, source_batch, source_name):
        return spoil(source_batch)

    def transform_source_example(self, source_example, source_name):
        return spoil(source_example)


class WritingAtRandom(RandomTransformer):
    def transform_example(self, example, rng):
        return spoil(example)


WRITERS = {
    "transformer": Writing,
    "by source": WritingSources,
    "at random": WritingAtRandom,
    "filter": lambda stream: Filter(stream, lambda data: spoil(data) is not None),
    "key": lambda stream: Mapping(stream, SortMapping(lambda example: spoil(example)[0].sum())),
    "mapping of names": lambda stream: Mapping(
        stream, lambda data: {"x": spoil(data["x"])}, mapping_accepts=dict
    ),
}


@pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)
def test_all_callers_of_functions_protect_the_data(make):
    x = X.copy()
    stream = make(batches_of(2, x=x))
    with pytest.raises(ValueError, match="read-only"):
        list(stream.get_epoch_iterator())
    np.testing.assert_array_equal(x, X)


def test_a_function_that_adds_sources_cannot_change_the_others():
    stream = Mapping(batches_of(2, x=X), lambda data: (data[0] + 1,))
    added = Mapping(stream, lambda data: (spoil(data[0]),), add_sources=("twice",))
    with pytest.raises(ValueError, match="read-only"):
        next(added.get_epoch_iterator())
    lists = Mapping(examples_of(x=[[1], [2]]), lambda data: (data[0],))
    added = Mapping(lists, lambda data: (spoil(data[0]),), add_sources=("longer",))
    assert list(added.get_epoch_iterator()) == [([1], [1, 9]), ([2], [2, 9])]


def test_a_predicate_cannot_change_the_data():
    stream = Filter(examples_of(x=[[1], [2]]), lambda data: data[0].pop() > 1)
    assert list(stream.get_epoch_iterator()) == [([2],)]


def test_views_that_are_read_directly_are_read_only():
    dataset = IndexableDataset({"x": X.copy(), "rows": ROWS})
    view, rows = dataset.get_data(slice(0, 2))
    copied, picked = dataset.get_data([0, 1])
    for guarded in (view, rows, *rows, picked, *picked):
        assert not guarded.flags.writeable
    copied += 1
    np.testing.assert_array_equal(dataset.indexables[0], X)
    assert np.shares_memory(view, dataset.indexables[0])


def test_the_data_themselves_are_writable():
    dataset = IndexableDataset({"x": X.copy()})
    dataset.indexables[0][...] /= 2
    np.testing.assert_array_equal(dataset.get_data(slice(0, 4))[0], X / 2)


def test_immutable_values_are_returned_unchanged():
    fixed = (1, "text", b"bytes", np.float32(2), None)
    assert all(read_only(value) is value for value in fixed)
    assert read_only((1, [2])) == (1, [2])


QUIET = """
import warnings
warnings.simplefilter("error")
import numpy as np
x = np.ones((2, 3), "float32")
x.flags.writeable = False
{line}
"""


@pytest.mark.parametrize(
    "line",
    [
        "from workbench import function, tensor; v = tensor.matrix('x'); function([v], v * 2)(x)",
        "from workbench.bricks import Linear; Linear(3, 2).apply(x)",
    ],
    ids=["function", "brick"],
)
def test_read_only_arrays_give_no_warning(line):
    """Run a separate process, since torch warns only once in each."""
    result = subprocess.run(
        [sys.executable, "-c", QUIET.format(line=line)], capture_output=True, text=True
    )
    assert "not writable" not in result.stderr


def test_a_function_reads_a_read_only_array_without_a_copy():
    x = tensor.matrix("x")
    array = X.copy()
    given = read_only(array)
    double = function([x], x * 2)
    np.testing.assert_array_equal(double(given), 2 * X)
    brick = Linear(3, 1, weights_init=Constant(1), biases_init=Constant(0))
    brick.initialize()
    np.testing.assert_array_equal(brick.apply(given), X.sum(1, keepdims=True))
    assert torch.from_numpy(given).data_ptr() == array.ctypes.data


# Torch ignores that an array is read-only.


def doubled(array):
    return torch.from_numpy(array).mul_(2).numpy()


class Doubling(SourcewiseTransformer):
    def transform_source_batch(self, source_batch, source_name):
        return doubled(source_batch)

    def transform_source_example(self, source_example, source_name):
        return doubled(source_example)


class RandomlyDoubling(RandomTransformer):
    def transform_example(self, example, rng):
        return torch.as_tensor(example).mul_(2).numpy()


IN_PLACE = {
    "Mapping": lambda stream: Mapping(stream, lambda data: (doubled(data[0]),)),
    "Mapping that adds": lambda stream: Mapping(
        stream, lambda data: (doubled(data[0]),), add_sources=["y"]
    ),
    "Mapping of a dict": lambda stream: Mapping(
        stream, lambda data: {"x": doubled(data["x"])}, mapping_accepts=dict
    ),
    "Filter": lambda stream: Filter(stream, lambda data: doubled(data[0]).any()),
    "SourcewiseTransformer": Doubling,
    "RandomTransformer": lambda stream: RandomlyDoubling(stream, seed=1),
}


def seldom(batches):
    numbers = itertools.count()

    def write(data):
        return (doubled(data[0]) if next(numbers) in batches else data[0],)

    return write


@pytest.fixture
def _warned_before():
    expect_read_only()


@pytest.mark.usefixtures("_warned_before")
@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("scheme", [SequentialScheme(2, 2), SequentialExampleScheme(2)])
def test_writing_through_a_tensor_is_an_error_and_undone(name, scheme):
    data = np.array([[1, np.nan, 3], [4, 5, 6]], "float32")
    dataset = IndexableDataset({"x": data})
    before = dataset.indexables[0].copy()
    stream = IN_PLACE[name](DataStream(dataset, iteration_scheme=scheme))
    for _ in range(2):
        with pytest.raises(
            DataError, match="must not write to the batch .* the change was undone"
        ) as error:
            next(stream.get_epoch_iterator())
        assert name.split()[0] in str(error.value) or "Doubling" in str(error.value)
        np.testing.assert_array_equal(dataset.indexables[0], before)


@pytest.mark.usefixtures("_warned_before")
def test_writing_through_a_tensor_to_ragged_examples_is_an_error():
    examples = [np.ones(2), np.ones(3)]
    dataset = IndexableDataset({"x": examples})
    stream = DataStream(dataset, iteration_scheme=SequentialScheme(2, 2))
    mapping = Mapping(stream, lambda data: ([doubled(each) for each in data[0]],))
    with pytest.raises(DataError, match="must not write to the batch"):
        next(mapping.get_epoch_iterator())
    assert [each.sum() for each in dataset.indexables[0]] == [2, 3]


@pytest.mark.usefixtures("_warned_before")
@pytest.mark.parametrize("batch", [0, 1, 2, 4, 8])
def test_writing_that_starts_late_is_detected(batch):
    dataset = IndexableDataset({"x": np.ones((10, 1), "float32")})
    stream = DataStream(dataset, iteration_scheme=SequentialScheme(10, 1))
    seen = []
    with pytest.raises(DataError, match="must not write to the batch"):
        for (x,) in Mapping(stream, seldom({batch})).get_epoch_iterator():
            seen.append(x)
    assert len(seen) == batch and dataset.indexables[0].sum() == 10
