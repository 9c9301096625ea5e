"""Tests for every dataset, iteration scheme and data stream.

The classes are found by a search of `workbench.data`. A class without a row in the tables below
fails, even if it is private or not exported; only abstract classes are excluded.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import io
import json
import pickle
import pkgutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import workbench.data
from workbench import data
from workbench.config import config
from workbench.data.adapters import BatchStream, LoaderStream
from workbench.data.edits import Drop, EditedScheme
from workbench.data.encoded_dataset import EncodedDataset
from workbench.data.image_datasets import ImageDataset
from workbench.data.shared_reading import ShareScheme

X = np.arange(36, dtype=np.uint8).reshape(12, 3)
ROWS = [list(range(i, i + i % 3 + 1)) for i in range(12)]
EXCUSED = {
    data.Dataset: "has no data; it is a base class",
    data.Transformer: "transforms nothing; it is a base class",
    ImageDataset: "has no images; it is a base class",
    ShareScheme: "is made by streams; tests/data/test_shares.py compares its examples",
}


def examples():
    return data.DataStream(data.IterableDataset({"x": ROWS, "y": range(12)}))


def rows():
    return data.FilterSources(examples(), ("x",))


def batches():
    dataset = data.IndexableDataset({"x": X, "y": np.arange(12)})
    return data.DataStream(dataset, iteration_scheme=data.ShuffledScheme(12, 5, seed=3))


def images():
    dataset = data.IndexableDataset(np.arange(12 * 20).reshape(12, 5, 4))
    return data.DataStream(dataset, iteration_scheme=data.SequentialScheme(12, 5))


def encoded():
    """Return a stream of images as the bytes of their files."""
    files = []
    for number in range(12):
        file = io.BytesIO()
        Image.new("L", (3, 2), number).save(file, "PNG")
        files.append(np.frombuffer(file.getvalue(), np.uint8))
    return data.DataStream(
        data.IndexableDataset({"x": files}), iteration_scheme=data.SequentialScheme(12, 5)
    )


def is_odd(values):
    return np.asarray(values[-1]).sum() % 2 == 1


def doubled(values):
    return tuple(2 * np.asarray(value) for value in values)


def first_number(example):
    return -int(example[0][0])


def hdf5(folder: Path) -> data.H5PYDataset:
    ragged = [np.arange(length) for length in range(1, 13)]
    path = folder / "set.h5"
    data.write_hdf5(path, {"train": {"x": X[:8], "rows": ragged[:8]}, "test": {"x": X[8:]}})
    return data.H5PYDataset(path, ("train",))


def text(folder: Path) -> data.TextFile:
    path = folder / "poem.txt"
    path.write_text("a rose is\na rose is\na rose\n")
    return data.TextFile(path, data.make_dictionary(path))


def fashion(folder: Path) -> data.FashionMNIST:
    labels = (np.arange(10_000) % 10).astype(np.uint8)
    images = np.broadcast_to(labels[:, None, None], (10_000, 28, 28))
    np.savez(folder / "fashion_mnist.npz", x_test=images, y_test=labels)
    with config.override(data_path=[folder]):
        return data.FashionMNIST(("test",), stop=50)


def cifar(folder: Path) -> data.CIFAR10:
    labels = (np.arange(10_000) % 10).astype(np.uint8)
    images = np.broadcast_to(labels[:, None, None, None], (10_000, 3, 32, 32))
    np.savez(folder / "cifar10.npz", x_test=images, y_test=labels)
    with config.override(data_path=[folder]):
        return data.CIFAR10(("test",), stop=50)


DATASETS = {
    data.CIFAR10: cifar,
    data.FashionMNIST: fashion,
    data.H5PYDataset: hdf5,
    EncodedDataset: lambda folder: EncodedDataset({"x": X, "y": ROWS}, None),
    data.IndexableDataset: lambda folder: data.IndexableDataset({"x": X, "y": ROWS}),
    data.Iris: lambda folder: data.Iris(),
    data.IterableDataset: lambda folder: data.IterableDataset({"x": ROWS, "y": range(12)}),
    data.MNIST: lambda folder: data.MNIST(("test",), full=False, stop=50),
    data.SwissRoll: lambda folder: data.SwissRoll(40, noise=0.1),
    data.Spiral: lambda folder: data.Spiral(40, classes=2, noise=0.1),
    data.TextFile: text,
}
SCHEMES = {
    data.ConcatenatedScheme: lambda: data.ConcatenatedScheme(
        [data.SequentialScheme(5, 2), data.ShuffledScheme(range(5, 12), 3, seed=1)]
    ),
    data.ConstantScheme: lambda: data.ConstantScheme(4, times=3),
    EditedScheme: lambda: EditedScheme(data.SequentialScheme(12, 5), [Drop((3, 4))]),
    data.SequentialExampleScheme: lambda: data.SequentialExampleScheme([3, 1, 2]),
    data.SequentialScheme: lambda: data.SequentialScheme(12, 5),
    data.ShuffledExampleScheme: lambda: data.ShuffledExampleScheme(12, seed=4),
    data.ShuffledScheme: lambda: data.ShuffledScheme(12, 5, seed=4),
}
LOADER = torch.utils.data.DataLoader(torch.arange(12), batch_size=5, shuffle=True)
STREAMS = {
    BatchStream: lambda: data.as_stream([{"x": X[:5]}, {"x": X[5:]}]),
    LoaderStream: lambda: data.as_stream(LOADER, sources=("x",)),
    data.Batch: lambda: data.Batch(examples(), data.ConstantScheme(5)),
    data.Cache: lambda: data.Cache(batches(), data.ConstantScheme(3)),
    data.Cast: lambda: data.Cast(batches(), "float64"),
    data.DataStream: batches,
    data.Filter: lambda: data.Filter(examples(), is_odd),
    data.FilterSources: lambda: data.FilterSources(batches(), ("y",)),
    data.Flatten: lambda: data.Flatten(images()),
    data.ForceFloatX: lambda: data.ForceFloatX(data.Cast(batches(), "float64")),
    data.ImagesFromBytes: lambda: data.ImagesFromBytes(encoded(), "L"),
    data.MinimumImageDimensions: lambda: data.MinimumImageDimensions(images(), (6, 6)),
    data.Random2DRotation: lambda: data.Random2DRotation(images(), seed=1),
    data.ToBytes: lambda: data.ToBytes(encoded()),
    data.Mapping: lambda: data.Mapping(batches(), doubled),
    data.Merge: lambda: data.Merge([batches(), data.Rename(batches(), {"x": "a", "y": "b"})]),
    data.NGrams: lambda: data.NGrams(rows(), 1),
    data.Padding: lambda: data.Padding(
        data.Batch(examples(), data.ConstantScheme(5)), ("x",), mask_dtype="bool"
    ),
    data.Prefetch: lambda: data.Prefetch(batches()),
    data.RandomFixedSizeCrop: lambda: data.RandomFixedSizeCrop(images(), (3, 2), seed=1),
    data.RandomFlip: lambda: data.RandomFlip(images(), seed=1),
    data.Rename: lambda: data.Rename(batches(), {"x": "features"}),
    data.ScaleAndShift: lambda: data.ScaleAndShift(batches(), 2, 1),
    data.Unpack: lambda: data.Unpack(batches()),
    data.Window: lambda: data.Window(rows(), 0, 2, 1),
}
MAPPINGS = {data.SortMapping: lambda: data.SortMapping(first_number)}
TABLE = DATASETS | SCHEMES | STREAMS | MAPPINGS


def found() -> set[type]:
    """Return every class of the package that is a dataset, a scheme or a stream."""
    for module in pkgutil.walk_packages(workbench.data.__path__, "workbench.data."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds: list[type] = [data.Dataset, data.IterationScheme, data.AbstractDataStream]
    classes: set[type] = set()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("workbench.data") and not inspect.isabstract(kind):
            classes.add(kind)
    public = {getattr(workbench.data, name) for name in workbench.data.__all__}
    callables = {each for each in public if isinstance(each, type) and "__call__" in vars(each)}
    return classes | callables


def names(table) -> list[str]:
    return [cls.__name__ for cls in table]


def plain(value):
    """Return batches, examples or requests as lists of numbers, for comparison."""
    if isinstance(value, slice):
        return [value.start, value.stop]
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    array = np.asarray(value)
    return (
        [plain(each) for each in array] if array.dtype == object and array.ndim else array.tolist()
    )


def test_every_class_has_a_row():
    assert names(found() - set(TABLE) - set(EXCUSED)) == []
    assert names((set(TABLE) | set(EXCUSED)) - found()) == []


@pytest.fixture
def made(request, tmp_path):
    """Make an instance from the row of a class."""
    cls = request.param
    return TABLE[cls](tmp_path) if cls in DATASETS else TABLE[cls]()


def each(table):
    return pytest.mark.parametrize("made", list(table), indirect=True, ids=names(table))


@pytest.mark.parametrize("cls", list(TABLE), ids=names(TABLE))
def test_the_docstring_has_an_example_and_every_argument(cls):
    text = inspect.getdoc(cls)
    assert text is not None and text.splitlines()[0].endswith(".")
    assert ">>> " in text and "Examples\n--------" in text
    for name in list(inspect.signature(cls).parameters):
        assert f"{name} : " in text or f"{name}, " in text or f", {name} : " in text, name


@each(TABLE)
def test_the_representation_is_one_line_that_names_the_class(made):
    assert type(made).__name__ in repr(made) or isinstance(made, data.DataStream)
    assert "\n" not in repr(made) and " object at 0x" not in repr(made)


@each(DATASETS)
def test_a_pickled_dataset_has_the_same_examples(made):
    stream = data.DataStream(made)
    whole = plain(list(stream.iterate(0)))
    assert made.num_examples in (None, len(whole))
    assert {len(example) for example in whole} == {len(made.sources)}
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert plain(list(data.DataStream(again).iterate(0))) == whole
        assert (repr(again), again.sources) == (repr(made), made.sources)


@each(DATASETS)
def test_a_dataset_is_read_from_any_position(made):
    stream = data.DataStream(made)
    whole = plain(list(stream.iterate(0)))
    for start in {0, 1, len(whole) // 2, len(whole)}:
        assert plain(list(stream.iterate(0, start))) == whole[start:]


@each(DATASETS)
def test_the_sources_of_a_dataset_can_be_read_alone(made):
    whole = plain(list(data.DataStream(made).iterate(0)))
    one = data.FilterSources(data.DataStream(made), made.sources[-1:])
    assert plain(list(one.iterate(0))) == [example[-1:] for example in whole]
    assert made.provides_sources[: len(made.sources)] == made.sources


@each(SCHEMES)
def test_a_scheme_resumes_from_every_request(made):
    again = pickle.loads(pickle.dumps(made))
    for epoch in range(3):
        whole = plain(list(made.get_request_iterator(epoch)))
        assert len(whole) == made.num_batches
        for start in range(len(whole) + 2):
            assert plain(list(again.get_request_iterator(epoch, start))) == whole[start:]


@each(SCHEMES)
def test_a_scheme_counts_its_examples(made):
    requests = list(made.get_request_iterator())
    if made.bounds is None:
        assert sum(requests) == made.num_examples
        return
    indices = [index for request in requests for index in np.r_[request].tolist()]
    assert (min(indices), max(indices)) == made.bounds
    assert len(indices) == made.num_examples


@each(STREAMS)
def test_a_stream_saves_and_resumes_identically_from_every_position(made):
    whole = {epoch: plain(list(made.iterate(epoch))) for epoch in range(3)}
    for position in range(len(whole[1]) + 1):
        made.load_state_dict({"epoch": 1, "position": position})
        running = made.get_epoch_iterator()
        assert (
            plain([batch for _, batch in zip(range(1), running, strict=False)])
            == (whole[1][position : position + 1])
        )
        state = json.loads(json.dumps(made.state_dict()))  # only plain integers
        again = pickle.loads(pickle.dumps(made))
        again.load_state_dict(state)
        if not running.finished:
            assert plain(list(again.get_epoch_iterator())) == whole[1][position + 1 :]
        assert plain(list(again.get_epoch_iterator())) == whole[2]


@each(STREAMS)
def test_a_pickled_epoch_continues(made):
    running = made.get_epoch_iterator()
    first = plain(next(running))
    copied = pickle.loads(pickle.dumps(running))
    assert [first, *plain(list(copied))] == plain(list(made.iterate(0)))
    assert copied.data_stream.state_dict() == {"epoch": 1, "position": 0}


@each(STREAMS)
def test_a_stream_describes_its_batches(made):
    whole = list(made.iterate(0))
    assert made.num_batches in (None, len(whole))
    assert {len(batch) for batch in whole} == {len(made.sources)}
    assert len(set(made.sources)) == len(made.sources)
    if not made.produces_examples:
        sizes = [len(batch[0]) for batch in whole]
        assert {len(source) for batch in whole for source in batch} == set(sizes)
        assert made.num_examples in (None, sum(sizes))
        assert made.batch_size is None or set(sizes[:-1]) <= {made.batch_size}
    first = next(made.get_epoch_iterator(as_dict=True))
    assert plain(list(first.values())) == plain(whole[0])


@each(STREAMS)
def test_reading_changes_no_data(made):
    whole = plain(list(made.iterate(0)))
    list(made.get_epoch_iterator())
    assert plain(list(made.iterate(0))) == whole


@pytest.mark.parametrize("cls", list(STREAMS), ids=names(STREAMS))
def test_a_stream_can_be_sent_to_another_process(cls):
    """Check pickling with all parts; the process itself has its own tests."""
    import cloudpickle

    stream = STREAMS[cls]()
    again = pickle.loads(cloudpickle.dumps(stream))
    assert plain(list(again.iterate(2))) == plain(list(stream.iterate(2)))


@each(MAPPINGS)
def test_a_mapping_is_a_function_of_the_batch(made):
    stream = data.Mapping(batches(), made)
    again = pickle.loads(pickle.dumps(stream))
    assert plain(list(again.iterate(0))) == plain(list(stream.iterate(0)))
    [[_, before], *_], [[_, after], *_] = batches().iterate(0), stream.iterate(0)
    assert sorted(plain(after)) == sorted(plain(before))
