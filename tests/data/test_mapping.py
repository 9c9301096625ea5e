"""Transformers that apply functions to batches: filters and sorting."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.data.support import batches_of, examples_of, plain, ragged_batches
from workbench.data import Filter, Mapping, SortMapping, Transformer, as_stream
from workbench.errors import DataError


def length(example):
    return len(example[0])


def test_a_filter_keeps_what_the_predicate_accepts():
    stream = Filter(examples_of(x=range(10)), lambda data: data[0] % 3 == 0)
    assert plain(stream.iterate(0)) == [[0], [3], [6], [9]]
    assert plain(stream.iterate(0, 2)) == [[6], [9]]
    assert (stream.num_batches, stream.num_examples) == (None, None)


def test_a_filter_sees_whole_batches():
    stream = Filter(batches_of(2, x=range(6)), lambda data: data[0].sum() > 2)
    assert plain(stream.iterate(0)) == [[[2, 3]], [[4, 5]]]


def test_sorting_keeps_sources_together_and_equal_examples_in_order():
    words, numbers = [[1, 2], [3], [4, 5], [6, 7, 8]], range(4)
    stream = Mapping(ragged_batches(4, words=words, number=numbers), SortMapping(length))
    assert plain(stream.iterate(0)) == [[[[3], [1, 2], [4, 5], [6, 7, 8]], [1, 0, 2, 3]]]
    stream = Mapping(ragged_batches(4, words=words, number=numbers), SortMapping(length, True))
    assert plain(stream.iterate(0))[0][1] == [3, 0, 2, 1]


def test_sorting_keeps_the_types_of_the_sources():
    batch = (torch.tensor([3, 1, 2]), np.array([30, 10, 20]), ["c", "a", "b"])
    tensor, array, words = SortMapping(lambda example: example[0])(batch)
    assert isinstance(tensor, torch.Tensor) and isinstance(array, np.ndarray)
    assert (tensor.tolist(), array.tolist(), words) == ([1, 2, 3], [10, 20, 30], ["a", "b", "c"])


def test_a_mapping_of_batches_does_not_know_their_sizes():
    stream = as_stream([np.arange(3)], sources=("x",))
    halves = Mapping(batches_of(2, x=range(4)), lambda data: (data[0][:1],))
    assert (halves.num_examples, halves.batch_size, halves.num_batches) == (None, None, 2)
    assert Mapping(stream, tuple).num_batches == 1


def test_a_transformer_without_transform_is_an_error_while_reading():
    class Silent(Transformer):
        """Transformer with neither transform nor iterate."""

    with pytest.raises(DataError, match="Silent must define transform,"):
        next(Silent(examples_of(x=[1])).iterate(0))


def test_the_representation_shows_the_functions():
    shown = repr(Mapping(batches_of(2, x=[1]), SortMapping(length, reverse=True)).mapping)
    assert shown.startswith("SortMapping(<function length") and shown.endswith(", reverse=True)")
