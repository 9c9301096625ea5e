"""Names of axes, from data sets through every transformer."""

import numpy as np
import pytest

from tests.contracts.test_data import DATASETS, STREAMS
from tests.data.support import batches_of, examples_of, ragged_batches
from workbench import data
from workbench.data.encoded_dataset import EncodedDataset
from workbench.errors import DataError, SourceError

IMAGES = {"x": ("batch", "channel", "height", "width"), "y": ("batch", "index")}


def images(examples=False):
    dataset = data.IndexableDataset(
        {"x": np.zeros((4, 1, 5, 6)), "y": np.zeros((4, 1))}, axis_labels=IMAGES
    )
    scheme = data.SequentialExampleScheme(4) if examples else data.SequentialScheme(4, 2)
    return data.DataStream(dataset, iteration_scheme=scheme)


def words():
    dataset = data.IterableDataset({"x": [[1], [2, 3]]}, axis_labels={"x": ("time",)})
    return data.DataStream(dataset)


KEPT = {
    "Cache": lambda: data.Cache(images(), data.ConstantScheme(1)),
    "Cast": lambda: data.Cast(images(), "float32"),
    "Filter": lambda: data.Filter(images(), any),
    "ForceFloatX": lambda: data.ForceFloatX(images()),
    "Mapping": lambda: data.Mapping(images(), tuple),
    "MinimumImageDimensions": lambda: data.MinimumImageDimensions(
        images(), (9, 9), which_sources="x"
    ),
    "Prefetch": lambda: data.Prefetch(images()),
    "Random2DRotation": lambda: data.Random2DRotation(images(), which_sources="x"),
    "RandomFixedSizeCrop": lambda: data.RandomFixedSizeCrop(images(), (2, 2), which_sources="x"),
    "RandomFlip": lambda: data.RandomFlip(images(), which_sources="x"),
    "ScaleAndShift": lambda: data.ScaleAndShift(images(), 2, 1),
}
CHANGED = {
    "Batch": (lambda: data.Batch(words(), data.ConstantScheme(2)), {"x": ("batch", "time")}),
    "FilterSources": (lambda: data.FilterSources(images(), ("y",)), {"y": ("batch", "index")}),
    "Flatten": (
        lambda: data.Flatten(images(), which_sources="x"),
        {"x": ("batch", "feature"), "y": ("batch", "index")},
    ),
    "Flatten of examples": (
        lambda: data.Flatten(images(examples=True)), {"x": ("feature",), "y": ("feature",)}
    ),
    "ImagesFromBytes": (
        lambda: data.ImagesFromBytes(words()), {"x": ("channel", "height", "width")}
    ),
    "ImagesFromBytes of batches": (
        lambda: data.ImagesFromBytes(images(), which_sources="y"),
        {"x": IMAGES["x"], "y": ("batch", "channel", "height", "width")},
    ),
    "Merge": (
        lambda: data.Merge([images(), batches_of(2, x=np.zeros(4))], ("a", "b", "c")),
        {"a": IMAGES["x"], "b": IMAGES["y"], "c": None},
    ),
    "NGrams": (lambda: data.NGrams(words(), 2), {"x": ("time",), "targets": ()}),
    "Padding": (
        lambda: data.Padding(data.Batch(words(), data.ConstantScheme(2))),
        {"x": ("batch", "time"), "x_mask": ("batch", "time")},
    ),
    "Rename": (
        lambda: data.Rename(images(), {"x": "features"}),
        {"features": IMAGES["x"], "y": IMAGES["y"]},
    ),
    "ToBytes": (lambda: data.ToBytes(words()), {"x": ("bytes",)}),
    "Unpack": (
        lambda: data.Unpack(images()), {"x": ("channel", "height", "width"), "y": ("index",)}
    ),
    "Window": (lambda: data.Window(words(), 1, 2, 2), {"x": ("time",), "targets": ("time",)}),
    "examples": (
        lambda: images(examples=True), {"x": ("channel", "height", "width"), "y": ("index",)}
    ),
    "batches of what has examples": (
        lambda: data.DataStream(words().dataset, iteration_scheme=data.ConstantScheme(2)),
        {"x": ("batch", "time")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", KEPT.values(), ids=KEPT)
def test_names_are_passed_on(make):
    assert make().axis_labels == IMAGES


@pytest.mark.parametrize(("make", "labels"), CHANGED.values(), ids=CHANGED)
def test_names_follow_the_axes(make, labels):
    assert make().axis_labels == labels


@pytest.mark.parametrize("cls", list(STREAMS), ids=[cls.__name__ for cls in STREAMS])
def test_names_of_every_stream_can_be_replaced(cls):
    stream = STREAMS[cls]()
    assert stream.axis_labels is None
    if hasattr(stream, "data_stream"):
        below = stream.data_stream
        below.axis_labels = dict.fromkeys(below.sources, ("batch", "time", "unit"))
        assert set(stream.axis_labels) == set(stream.sources) or isinstance(stream, data.Mapping)
    stream.axis_labels = {"x": ("a", "b"), "y": None}
    assert stream.axis_labels == {"x": ("a", "b"), "y": None}


@pytest.mark.parametrize("cls", list(DATASETS), ids=[cls.__name__ for cls in DATASETS])
def test_every_data_set_accepts_names(cls, tmp_path):
    dataset = DATASETS[cls](tmp_path)
    bare = (data.IndexableDataset, data.IterableDataset, EncodedDataset)
    assert (dataset.axis_labels is None) == (cls in bare)
    dataset.axis_labels = {"x": "batch"}
    assert dataset.axis_labels == {"x": ("batch",)}


@pytest.mark.parametrize("cls", list(DATASETS), ids=[cls.__name__ for cls in DATASETS])
def test_names_are_as_many_as_axes(cls, tmp_path):
    """Check the data sets that have names by default, and numbers in one array."""
    dataset = DATASETS[cls](tmp_path)
    stream = data.DataStream(dataset)
    example = next(iter(stream.iterate(0)))
    for source, value in zip(stream.sources, example, strict=True):
        names = (stream.axis_labels or {}).get(source)
        if names and all(names):
            assert len(names) == np.ndim(value), source


def test_names_can_be_given_to_the_stream():
    dataset = data.IndexableDataset({"x": np.zeros((4, 3))})
    stream = data.DataStream(dataset, axis_labels={"x": ("batch", "feature")})
    assert stream.axis_labels == {"x": ("feature",)}
    assert examples_of(x=[1]).axis_labels is None
    assert data.Padding(ragged_batches(2, x=[[1]])).axis_labels is None


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ({"z": ("batch",)}, SourceError, "has no source 'z'"),
        ({"x": (1, 2)}, DataError, "labels of source 'x' must be a tuple of strings, not .1, 2."),
        (["batch"], DataError, "must be a mapping from source to names"),
    ],
)
def test_other_objects_than_names_are_an_error(labels, error, message):
    with pytest.raises(error, match=message):
        data.IndexableDataset({"x": [1]}, axis_labels=labels)


@pytest.mark.parametrize(
    "transform",
    [
        lambda stream: data.RandomFixedSizeCrop(stream, (2, 2)),
        lambda stream: data.MinimumImageDimensions(stream, (2, 2)),
        lambda stream: data.Random2DRotation(stream),
    ],
    ids=["crop", "enlarge", "rotate"],
)
def test_images_with_the_channels_last_are_an_error(transform):
    stream = batches_of(2, x=np.zeros((4, 5, 6, 3)))
    transform(stream)
    stream.axis_labels = {"x": ("batch", "height", "width", "channel")}
    with pytest.raises(
        DataError, match="the last two axes of source 'x' must be height and width,"
    ):
        transform(stream)


def test_default_transformers_can_be_tuples():
    class Pixels(data.IndexableDataset):
        default_transformers = (
            (data.ScaleAndShift, [0.5, 1], {"which_sources": ("x",)}),
            (data.Cast, ("float64",)),
            data.Flatten,
            [data.ForceFloatX],
        )

    stream = data.DataStream.default_stream(
        Pixels({"x": np.array([[[2, 4]]]), "y": [[7]]}),
        iteration_scheme=data.SequentialScheme(1, 1),
    )
    x, y = next(stream.get_epoch_iterator())
    assert (x.tolist(), y.tolist()) == ([[2.0, 3.0]], [[7.0]])


@pytest.mark.parametrize("given", [(), (1,), (data.Cast, (), {}, 4), (data.Cast, (), 3), "Cast"])
def test_the_error_names_an_invalid_default_transformer(given):
    dataset = data.IndexableDataset([1])
    dataset.default_transformers = (given,)
    with pytest.raises(DataError, match="each item of default_transformers must be a callable"):
        data.DataStream.default_stream(dataset)


def test_the_stream_comes_first():
    stream = examples_of(x=[[1, 2, 3]])
    with pytest.raises(
        DataError, match="NGrams must be the data stream, as for all transformers, not 4;"
    ):
        data.NGrams(4, stream)
    with pytest.raises(
        DataError, match=r"Window must be the data stream, .* not 0.* Window\(stream, 1, 4, 4\)"
    ):
        data.Window(0, 4, 4, True, stream)


def test_a_mapping_of_dictionaries():
    stream = batches_of(2, x=[1, 2], y=[3, 4])
    named = data.Mapping(stream, lambda b: {"y": b["x"], "x": b["y"]}, mapping_accepts=dict)
    assert [entry.tolist() for entry in next(named.get_epoch_iterator())] == [[3, 4], [1, 2]]
    added = data.Mapping(stream, lambda b: {"z": -b["x"]}, ("z",), mapping_accepts=dict)
    assert [entry.tolist() for entry in next(added.get_epoch_iterator())][2] == [-1, -2]
    lists = data.Mapping(stream, lambda b: [b[0].sum(), len(b)], mapping_accepts=list)
    assert next(lists.get_epoch_iterator()) == (3, 2)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda b: {"x": 1}, SourceError, "has no source 'y', only 'x'"),
        (
            lambda b: {"x": 1, "y": 2, "z": 3},
            SourceError,
            "but has 'z'; name new sources",
        ),
        (lambda b: (1, 2), DataError, "must return a mapping from source to array"),
    ],
)
def test_a_mapping_of_dictionaries_that_returns_something_else(function, error, message):
    stream = data.Mapping(batches_of(2, x=[1, 2], y=[3, 4]), function, mapping_accepts=dict)
    with pytest.raises(error, match=message):
        next(stream.get_epoch_iterator())


def test_mapping_accepts_must_be_a_type():
    with pytest.raises(DataError, match="must be tuple, list or dict, not 'dict'"):
        data.Mapping(batches_of(2, x=[1]), tuple, mapping_accepts="dict")


@pytest.mark.parametrize("subset", [slice(2, 8, 2), [2, 4, 6]])
def test_a_subset_of_the_digits(subset):
    whole = data.MNIST(("test",), full=False)
    some = data.MNIST(("test",), full=False, load_in_memory=False, subset=subset, stop=2)
    for one, other in zip(some.indexables, whole.indexables, strict=True):
        np.testing.assert_array_equal(one, other[[2, 4]])
    with pytest.raises(
        DataError, match="subset of MNIST..'test',.. must contain indices of its 2000"
    ):
        data.MNIST(("test",), full=False, subset=[2000])
