"""Transformers against numpy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.config import config
from workbench.data import (
    Cast,
    ConstantScheme,
    DataStream,
    Flatten,
    ForceFloatX,
    IndexableDataset,
    IterableDataset,
    Mapping,
    ScaleAndShift,
    SequentialScheme,
    as_stream,
)
from workbench.errors import DataError, SourceError

PIXELS = np.arange(256, dtype=np.uint8).reshape(4, 1, 8, 8)
LABELS = np.arange(4).reshape(4, 1)


def arrays(**sources):
    dataset = IndexableDataset(sources or {"x": PIXELS, "y": LABELS})
    return DataStream(dataset, iteration_scheme=SequentialScheme(dataset.num_examples, 4))


def tensors():
    return as_stream([{"x": torch.from_numpy(PIXELS), "y": torch.from_numpy(LABELS)}])


def examples():
    return DataStream(IndexableDataset({"x": PIXELS, "y": LABELS}))


def ragged():
    dataset = IterableDataset({"x": [np.ones((2, 3), np.uint8), np.ones((1, 4), np.uint8)]})
    return DataStream(dataset, iteration_scheme=ConstantScheme(2))


def first(stream):
    return next(stream.get_epoch_iterator(as_dict=True))


@pytest.mark.parametrize("make", [arrays, tensors])
def test_flatten_makes_a_matrix(make):
    batch = first(Flatten(make()))
    assert batch["x"].shape == (4, 64)
    assert batch["y"].shape == (4, 1)
    np.testing.assert_array_equal(batch["x"], PIXELS.reshape(4, 64))


def test_flatten_makes_a_vector_of_an_example():
    assert first(Flatten(examples()))["x"].shape == (64,)


def test_flatten_of_sequential_data_is_still_a_view():
    assert np.shares_memory(first(Flatten(arrays()))["x"], PIXELS)


def test_only_the_given_sources_change():
    batch = first(Flatten(arrays(), which_sources=("y",)))
    assert batch["x"].shape == PIXELS.shape
    assert Flatten(arrays(), which_sources="x").which_sources == ("x",)


@pytest.mark.parametrize("make", [arrays, tensors])
def test_pixels_become_floats(make):
    batch = first(ScaleAndShift(make(), 1 / 255, -0.5, which_sources=("x",)))
    assert np.asarray(batch["x"]).dtype == np.float32
    np.testing.assert_allclose(batch["x"], PIXELS / 255 - 0.5, atol=1e-7)
    np.testing.assert_array_equal(batch["y"], LABELS)


def test_integers_become_the_configured_dtype():
    with config.override(floatx="float64"):
        assert first(ScaleAndShift(arrays(), 1, 0))["x"].dtype == np.float64
        assert first(Cast(arrays(), "floatX"))["y"].dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_keep_their_dtype_and_the_data_do_not_change(dtype):
    x = np.ones((4, 3), dtype)
    batch = first(ScaleAndShift(arrays(x=x), [1, 2, 3], 1))
    assert batch["x"].dtype == dtype
    assert batch["x"][0].tolist() == [2, 3, 4]
    assert (x == 1).all()


@pytest.mark.parametrize("make", [arrays, tensors, examples])
def test_cast_converts(make):
    batch = first(Cast(make(), "int16", which_sources=("x",)))
    assert np.asarray(batch["x"]).dtype == np.int16
    assert np.asarray(batch["y"]).dtype == np.int64


def test_examples_of_different_shapes_are_processed_one_by_one():
    flat = first(Flatten(ragged()))["x"]
    scaled = first(Cast(ScaleAndShift(ragged(), 2, 1), "float64"))["x"]
    assert [example.shape for example in flat] == [(6,), (4,)]
    assert [(example == 3).all() for example in scaled] == [True, True]
    assert {example.dtype for example in scaled} == {np.dtype("float64")}


def test_a_mapping_replaces_or_adds():
    twice = Mapping(arrays(), lambda data: tuple(2 * entry for entry in data))
    np.testing.assert_array_equal(first(twice)["y"], 2 * LABELS)
    added = Mapping(arrays(), lambda data: (data[1] + 1,), add_sources=("next",))
    assert added.sources == ("x", "y", "next")
    np.testing.assert_array_equal(first(added)["next"], LABELS + 1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda data: data[0], "a tuple with an entry for each of the sources .'x', 'y'.,"),
        (
            lambda data: data[:1],
            "an entry for each of the sources .'x', 'y'., not one of length 1",
        ),
    ],
)
def test_a_mapping_must_return_one_entry_per_source(function, message):
    with pytest.raises(DataError, match=message):
        first(Mapping(arrays(), function))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Flatten(PIXELS), DataError, "of Flatten must be a data stream, not ndarray"),
        (lambda: Cast(arrays(), "flaot"), DataError, "dtype of Cast must be .* not 'flaot'"),
        (
            lambda: Mapping(arrays(), tuple, add_sources=("y",)),
            DataError,
            "must contain the names of new sources, but 'y' already exists",
        ),
        (
            lambda: Flatten(arrays(features=PIXELS), which_sources=("feature",)),
            SourceError,
            "no source 'feature', only 'features'; did you mean 'features'?",
        ),
    ],
)
def test_unsuitable_arguments_and_data_are_an_error(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_representation_of_transformers():
    assert repr(Cast(arrays(), "float32")).endswith(", 'float32')")
    assert "0.5, 1, which_sources=('x', 'y'))" in repr(ScaleAndShift(arrays(), 0.5, 1))


@pytest.mark.parametrize("make", [arrays, tensors, examples])
def test_only_floats_are_converted_to_the_configured_dtype(make):
    stream = Cast(make(), "float64", which_sources=("x",))
    batch = first(ForceFloatX(stream))
    assert np.asarray(batch["x"]).dtype == np.float32
    assert np.asarray(batch["y"]).dtype == np.int64
    with config.override(floatx="float16"):
        assert np.asarray(first(ForceFloatX(stream))["x"]).dtype == np.float16
