"""Windows and n-grams against slices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.data.support import batches_of, examples_of, plain
from workbench.data import NGrams, Unpack, Window, as_stream
from workbench.errors import DataError

SENTENCES = [[1, 2, 3, 4, 5, 6], [7], [8, 9, 10, 11]]
small = st.integers(1, 4)


@given(st.integers(0, 4), small, small, st.booleans(), st.integers(0, 12))
def test_windows_are_slices(offset, source, target, overlapping, start):
    stream = Window(examples_of(x=SENTENCES), offset, source, target, overlapping)
    expected = [
        [sentence[t : t + source], sentence[t + offset : t + offset + target]]
        for sentence in SENTENCES
        for t in range(0, len(sentence), 1 if overlapping else source)
        if t + max(source, offset + target) <= len(sentence)
    ]
    assert plain(stream.iterate(0)) == expected
    assert plain(stream.iterate(0, start)) == expected[start:]


def test_the_target_of_an_ngram_is_the_next_word():
    stream = NGrams(examples_of(x=SENTENCES), 3, target_source="next")
    assert stream.sources == ("x", "next")
    assert plain(stream.iterate(0)) == [
        [[1, 2, 3], 4], [[2, 3, 4], 5], [[3, 4, 5], 6], [[8, 9, 10], 11]
    ]  # fmt: skip


def test_windows_of_frames_and_of_tensors():
    frames = np.arange(12).reshape(1, 6, 2)
    windows = list(Window(Unpack(batches_of(1, x=frames)), 2, 2, 2, False).iterate(0))
    assert [source.shape for source, _ in windows] == [(2, 2)] * 2
    tensors = Unpack(as_stream([torch.arange(5)[None]], sources=("x",)))
    source, target = next(Window(tensors, 1, 2, 2).iterate(0))
    assert torch.equal(source, torch.tensor([0, 1])) and torch.equal(target, torch.tensor([1, 2]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NGrams(batches_of(1, x=[[1]]), 2), "of NGrams must yield examples, but"),
        (lambda: Window(examples_of(x=[1], y=[1]), 0, 1, 1), "one with FilterSources"),
        (
            lambda: NGrams(examples_of(targets=[1]), 2),
            "add the source 'targets', which already exists",
        ),
        (
            lambda: NGrams(examples_of(x=[[1]]), 0),
            "ngram_order must be a whole number >= 1, not 0",
        ),
        (
            lambda: Window(examples_of(x=[[1]]), -1, 1, 1),
            "offset must be a whole number >= 0, not -1",
        ),
        (
            lambda: Window(examples_of(x=[[1]]), 0, 1, 0),
            "target_window must be a whole number >= 1, not 0",
        ),
    ],
)
def test_unsuitable_streams_and_sizes_are_an_error(make, message):
    with pytest.raises(DataError, match=message):
        make()
