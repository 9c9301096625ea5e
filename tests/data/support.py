"""Helpers for tests of data: streams of given examples, and batches as plain lists."""

from __future__ import annotations

import numpy as np

from workbench.data import (
    ConstantScheme,
    DataStream,
    IndexableDataset,
    IterableDataset,
    SequentialScheme,
)


def examples_of(**sources) -> DataStream:
    """Return a stream of single examples that can only be read in order."""
    return DataStream(IterableDataset(sources))


def ragged_batches(size: int, **sources) -> DataStream:
    """Return a stream of batches of examples of different shapes."""
    return DataStream(IterableDataset(sources), iteration_scheme=ConstantScheme(size))


def batches_of(size: int, **sources) -> DataStream:
    """Return a stream of batches of arrays."""
    dataset = IndexableDataset(sources)
    return DataStream(dataset, iteration_scheme=SequentialScheme(dataset.num_examples, size))


def plain(batches) -> list:
    """Return batches, or examples, as lists of lists of numbers."""
    return [[_listed(entry) for entry in batch] for batch in batches]


def _listed(entry):
    array = np.asarray(entry)
    if array.dtype == object and array.ndim:
        return [_listed(each) for each in array]
    return array.tolist()


def first(stream) -> dict:
    """Return the first batch of a stream, by source."""
    return next(stream.get_epoch_iterator(as_dict=True))
