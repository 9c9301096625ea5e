"""Sequences of different lengths as arrays with masks, against the padding of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence

from tests.data.support import batches_of, examples_of, first, ragged_batches
from workbench.config import config
from workbench.data import Padding, as_stream
from workbench.errors import DataError, SourceError

lengths = st.lists(st.integers(0, 6), min_size=1, max_size=5)


@given(lengths, st.sampled_from([(), (2,), (2, 3)]), st.sampled_from(["int64", "float32"]))
def test_padding_is_that_of_torch(lengths, rest, dtype):
    rng = np.random.default_rng(len(lengths))
    examples = [rng.integers(1, 9, (length, *rest)).astype(dtype) for length in lengths]
    batch = first(Padding(ragged_batches(len(examples), x=examples)))
    oracle = pad_sequence([torch.from_numpy(example) for example in examples], batch_first=True)
    np.testing.assert_array_equal(batch["x"], oracle.numpy())
    np.testing.assert_array_equal(batch["x_mask"].sum(1), lengths)
    np.testing.assert_array_equal(np.sort(batch["x_mask"])[:, ::-1], batch["x_mask"])
    if any(lengths):
        assert batch["x"].dtype == dtype


def test_masks_follow_the_selected_sources():
    stream = ragged_batches(2, x=[[1], [2, 3]], y=[[4, 5], [6]], z=[7, 8])
    assert Padding(stream, ("x", "y")).sources == ("x", "x_mask", "y", "y_mask", "z")
    batch = first(Padding(stream, "y", mask_dtype=bool))
    assert list(batch) == ["x", "y", "y_mask", "z"]
    assert batch["y_mask"].tolist() == [[True, True], [True, False]]
    assert batch["x"].dtype == object


def test_masks_have_the_configured_dtype():
    with config.override(floatx="float64"):
        batch = first(Padding(ragged_batches(2, x=[[1], [2, 3]])))
    assert batch["x_mask"].dtype == np.float64


def test_an_empty_sequence_does_not_convert_the_others_to_floats():
    batch = first(Padding(ragged_batches(2, x=[[], [2, 3]])))
    assert batch["x"].tolist() == [[0, 0], [2, 3]]
    assert batch["x"].dtype.kind == "i"


def test_batches_of_equal_lengths_and_tensors_get_masks():
    batch = first(Padding(batches_of(2, x=np.ones((2, 3)))))
    assert batch["x_mask"].tolist() == [[1, 1, 1]] * 2
    batch = first(Padding(as_stream([torch.ones(2, 3)], sources=("x",))))
    assert batch["x"].tolist() == [[1, 1, 1]] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Padding(examples_of(x=[[1]])), "examples; wrap it in Batch"),
        (lambda: Padding(ragged_batches(1, x=[1], x_mask=[1])), "add the source 'x_mask', because"),
        (
            lambda: Padding(batches_of(1, x=[1]), mask_dtype="flaot"),
            "mask_dtype of Padding must be .* not 'flaot'",
        ),
        (
            lambda: first(Padding(ragged_batches(2, x=[np.ones((2, 3)), np.ones((2, 4))]))),
            "first axis, but have the shapes .2, 3., .2, 4.",
        ),
        (
            lambda: first(Padding(batches_of(2, x=[1, 2]))),
            "examples of source 'x' must differ only in .* have the shapes ..$",
        ),
    ],
)
def test_unsuitable_streams_and_sequences_are_an_error(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_unknown_sources_get_the_nearest_name():
    with pytest.raises(SourceError, match="no source 'word', only 'words'; did you mean"):
        Padding(ragged_batches(1, words=[[1]]), ("word",))
