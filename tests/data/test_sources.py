"""Renaming, selecting and joining sources."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data.support import batches_of, examples_of, plain
from workbench.data import Filter, FilterSources, Merge, Rename
from workbench.errors import DataError, SourceError

PAIR = {"x": range(4), "y": range(4, 8)}


def test_renaming_keeps_order_and_data():
    stream = Rename(batches_of(2, **PAIR), {"y": "targets"})
    assert stream.sources == ("x", "targets")
    assert plain(stream.iterate(0)) == plain(batches_of(2, **PAIR).iterate(0))


def test_names_can_be_exchanged():
    assert Rename(batches_of(2, **PAIR), {"x": "y", "y": "x"}).sources == ("y", "x")


def test_names_that_do_not_exist():
    stream = batches_of(2, **PAIR)
    assert Rename(stream, {"z": "w"}, on_non_existent="ignore").sources == ("x", "y")
    with pytest.warns(UserWarning, match="Rename: .* has no source 'z'"):
        Rename(stream, {"z": "w"}, on_non_existent="warn")
    with pytest.raises(SourceError, match="no source 'xx', only 'x', 'y'; did you mean 'x'?"):
        Rename(stream, {"xx": "w"})


def test_sources_are_kept_in_the_given_order():
    stream = FilterSources(batches_of(2, **PAIR), ("y", "x"))
    assert stream.sources == ("y", "x")
    assert plain(stream.iterate(0, 1)) == [[[6, 7], [2, 3]]]
    assert FilterSources(batches_of(2, **PAIR), "y").sources == ("y",)


def test_merged_streams_are_read_together():
    left, right = batches_of(2, x=range(4)), batches_of(2, y=np.arange(8).reshape(4, 2))
    stream = Merge([left, right])
    assert stream.sources == ("x", "y")
    assert (stream.num_batches, stream.num_examples, stream.batch_size) == (2, 4, 2)
    assert plain(stream.iterate(0, 1)) == [[[2, 3], [[4, 5], [6, 7]]]]


def test_a_stream_that_ends_early_is_an_error_not_an_end():
    short = Filter(examples_of(x=range(4)), lambda data: data[0] < 3)
    batches = Merge([short, examples_of(y=range(4))]).get_epoch_iterator()
    assert plain([next(batches) for _ in range(3)]) == [[0, 0], [1, 1], [2, 2]]
    with pytest.raises(DataError, match="Filter.* ended before DataStream"):
        next(batches)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rename(batches_of(2, **PAIR), {"x": "y"}), "'y' would occur twice in .'y', 'y'."),
        (
            lambda: Rename(batches_of(2, **PAIR), {}, "maybe"),
            "on_non_existent of Rename must be .* not 'maybe'",
        ),
        (lambda: FilterSources(batches_of(2, **PAIR), ("z",)), "no source 'z', only 'x', 'y'"),
        (lambda: FilterSources(batches_of(2, **PAIR), ("x", "x")), "'x' would occur twice"),
        (lambda: Merge([]), "at least one stream, but"),
        (lambda: Merge([PAIR]), "of Merge must be data streams, not dict; create one"),
        (lambda: Merge([batches_of(2, **PAIR)] * 2), "'x' would occur twice"),
        (
            lambda: Merge([batches_of(2, **PAIR)], ("a",)),
            "is .'a',., but must have one name for each source in .'x', 'y'",
        ),
        (
            lambda: Merge([batches_of(2, x=[1, 2]), examples_of(y=[1, 2])]),
            "examples in Batch, or the streams of batches",
        ),
        (
            lambda: Merge([batches_of(2, x=[1, 2]), batches_of(2, y=[1, 2, 3])]),
            "the same number of batches, but .* has 1, .* has 2",
        ),
    ],
)
def test_unsuitable_names_and_streams_are_an_error(make, message):
    with pytest.raises(DataError, match=message):
        make()
