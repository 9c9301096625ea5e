"""Examples to batches, batches to examples, large batches to small ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.data.support import batches_of, examples_of, plain, ragged_batches
from workbench.data import (
    Batch,
    Cache,
    ConcatenatedScheme,
    ConstantScheme,
    DataStream,
    IndexableDataset,
    Mapping,
    SequentialExampleScheme,
    SequentialScheme,
    Unpack,
    as_stream,
)
from workbench.errors import DataError

sizes = st.integers(1, 12)


@given(sizes, sizes, st.integers(0, 15))
def test_batches_of_examples_are_those_of_numpy(count, size, start):
    stream = Batch(examples_of(x=range(count)), ConstantScheme(size))
    expected = [[list(range(i, min(i + size, count)))] for i in range(0, count, size)]
    assert plain(stream.iterate(0)) == expected
    assert plain(stream.iterate(0, start)) == expected[start:]
    assert (stream.num_batches, stream.num_examples) == (len(expected), count)


@pytest.mark.parametrize(("strictness", "count"), [(0, 3), (1, 2)])
def test_strictness_determines_the_treatment_of_a_short_last_batch(strictness, count):
    stream = Batch(examples_of(x=range(5)), ConstantScheme(2), strictness)
    assert len(plain(stream.iterate(0))) == stream.num_batches == count


def test_the_highest_strictness_raises():
    batches = Batch(examples_of(x=range(5)), ConstantScheme(2), 2).get_epoch_iterator()
    assert plain([next(batches), next(batches)]) == [[[0, 1]], [[2, 3]]]
    with pytest.raises(DataError, match="must have 2 examples, but has 1; use strictness=1"):
        next(batches)


def test_a_small_requested_batch_is_not_short():
    stream = Batch(examples_of(x=range(9)), ConstantScheme(4, num_examples=6), strictness=2)
    assert plain(stream.iterate(0)) == [[[0, 1, 2, 3]], [[4, 5]]]
    assert (stream.num_batches, stream.num_examples) == (2, 6)


def test_examples_of_different_shapes_make_objects_and_tensors_make_a_tensor():
    [[ragged]] = Batch(examples_of(x=[[1], [2, 3]]), ConstantScheme(2)).iterate(0)
    assert ragged.dtype == object
    tensors = Unpack(as_stream([torch.ones(2, 3)], sources=("x",)))
    [[together]] = Batch(tensors, ConstantScheme(2)).iterate(0)
    assert torch.equal(together, torch.ones(2, 3))


@given(sizes, sizes, st.integers(0, 15))
def test_unpacking_returns_the_examples(count, size, start):
    stream = Unpack(batches_of(size, x=range(count), y=range(count)))
    assert plain(stream.iterate(0, start)) == [[i, i] for i in range(start, count)]
    assert stream.num_batches == count


def test_unpacking_reads_only_the_batches_it_needs():
    read = []

    class Watched(IndexableDataset):
        """Dataset that records its requests."""

        def get_data(self, request):
            read.append(request)
            return super().get_data(request)

    stream = DataStream(Watched(range(9)), iteration_scheme=SequentialScheme(9, 2))
    assert next(Unpack(stream).iterate(0, 5)) == (5,)
    assert read == [slice(4, 6)]


@given(sizes, sizes, sizes, st.integers(0, 15), st.booleans())
def test_a_cache_regroups_the_batches(count, chunk, size, start, known):
    chunks = batches_of(chunk, x=range(count))
    if not known:
        chunks = Mapping(chunks, tuple)
    stream = Cache(chunks, ConstantScheme(size))
    expected = [[list(range(i, min(i + size, count)))] for i in range(0, count, size)]
    assert plain(stream.iterate(0)) == expected
    assert plain(stream.iterate(0, start)) == expected[start:]


def test_a_cache_of_varying_sizes():
    scheme = ConcatenatedScheme([ConstantScheme(1, times=2), ConstantScheme(4, times=2)])
    stream = Cache(batches_of(3, x=range(9)), scheme)
    assert plain(stream.iterate(0)) == [[[0]], [[1]], [[2, 3, 4, 5]], [[6, 7, 8]]]


def test_a_batch_within_one_chunk_is_a_view():
    x = np.arange(8)
    [whole, _] = [batch for [batch] in Cache(batches_of(8, x=x), ConstantScheme(4)).iterate(0)]
    assert np.shares_memory(whole, x)


def test_a_cache_of_ragged_data_and_of_tensors():
    ragged = Cache(ragged_batches(2, x=[[1], [2, 3], [4, 5], [6]]), ConstantScheme(3))
    assert plain(ragged.iterate(0)) == [[[[1], [2, 3], [4, 5]]], [[[6]]]]
    tensors = as_stream([torch.arange(2), torch.arange(2)], sources=("x",))
    [[batch]] = Cache(tensors, ConstantScheme(4)).iterate(0)
    assert torch.equal(batch, torch.tensor([0, 1, 0, 1]))


UNEVEN = as_stream([(np.arange(2), np.arange(3))], sources=("x", "y"))
EXAMPLES = DataStream(IndexableDataset([1, 2]), iteration_scheme=SequentialExampleScheme(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Batch(batches_of(2, x=[1]), ConstantScheme(1)),
            "of Batch must yield examples, but",
        ),
        (
            lambda: Unpack(EXAMPLES),
            "Unpack must yield batches, but .* yields examples",
        ),
        (lambda: Cache(EXAMPLES, ConstantScheme(1)), "examples; use Batch"),
        (lambda: Batch(EXAMPLES, SequentialScheme(2, 1)), "of Batch must request batch sizes,"),
        (lambda: Batch(EXAMPLES, 2), "such as ConstantScheme.batch_size., not 2"),
        (
            lambda: Batch(EXAMPLES, ConstantScheme(2), 3),
            "strictness of Batch must be 0, 1 or 2, not 3",
        ),
        (lambda: list(Unpack(UNEVEN).iterate(0)), "number of examples, but have .'x': 2, 'y': 3."),
        (lambda: list(Cache(UNEVEN, ConstantScheme(1)).iterate(0)), "{'x': 2, 'y': 3}"),
    ],
)
def test_unsuitable_streams_are_an_error(make, message):
    with pytest.raises(DataError, match=message):
        make()
