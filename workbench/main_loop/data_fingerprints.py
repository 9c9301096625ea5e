"""Fingerprints of the training data, which distinguish runs on different data.

A fingerprint is a checksum of a few elements, so it takes little time. It depends on the examples
of a dataset, on their order and on random transformers, but not on the process or the machine.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from workbench.data import AbstractDataStream, H5PYDataset, IndexableDataset
from workbench.data.adapters import LoaderStream
from workbench.data.editing import stored_rows, training_indices
from workbench.data.reader_copies import apart, read_by_one
from workbench.errors import DataError

logger = logging.getLogger(__name__)

EXAMPLES = 16
"""Maximum number of a dataset's examples that are read to compute a fingerprint."""

SAMPLED = 1024
"""Maximum number of an array's elements that are read to compute a fingerprint."""


def of_data(stream: AbstractDataStream) -> dict[str, str]:
    """Return fingerprints of a stream's ``examples`` and of their ``order``.

    A fingerprint is omitted if it cannot be computed quickly, or if computing it would change the
    training data.
    """
    found = {}
    for name, function in {"examples": _of_examples, "order": _of_order}.items():
        try:
            checksum = function(stream)
        except DataError:  # the examples have no indices
            continue
        except Exception as error:  # training reports the error when it reads the data
            logger.debug("no fingerprint of %r: %s: %s", stream, type(error).__name__, error)
            continue
        if checksum is not None:
            found[name] = checksum
    return found


def of_batch(batch: object) -> str | None:
    """Return the fingerprint of a batch, or None if the batch is not a mapping of arrays.

    Examples
    --------
    >>> of_batch({"x": [1, 2]}) == of_batch({"x": [1, 2]})
    True
    >>> of_batch({"x": [1, 2]}) == of_batch({"x": [2, 1]})
    False
    """
    if not isinstance(batch, Mapping):
        return None
    try:
        return _checksum([*batch, *batch.values()])
    except Exception as error:  # a value is not an array; training reports this if it matters
        logger.debug("no fingerprint of a batch: %s: %s", type(error).__name__, error)
        return None


def _of_examples(stream: AbstractDataStream) -> str | None:
    """Return the fingerprint of examples at fixed positions, regardless of the reading order."""
    dataset = getattr(stream._base(), "dataset", None)
    if not isinstance(dataset, (IndexableDataset, H5PYDataset)):
        return None  # reading may be slow or have side effects
    indices = training_indices(stream)
    places = np.unique(np.linspace(0, len(indices) - 1, EXAMPLES).astype(int))
    some = [int(indices[place]) for place in places]
    rows = stored_rows(stream, some)
    return _checksum([len(indices), *some, *rows, *rows.values()])


def _of_order(stream: AbstractDataStream) -> str | None:
    """Return a fingerprint of the first batch's indices or, for a loader, of its order settings."""
    if isinstance(stream, LoaderStream):
        loader = stream.batches
        sampler = loader.batch_sampler if loader.batch_size is None else loader.sampler
        kind = type(sampler).__name__
        return _checksum([stream._seed, stream.batch_size or 0, stream.num_batches or 0, kind])
    if read_by_one(stream):
        return None
    scheme = apart(stream)._base().iteration_scheme
    assert scheme is not None
    first = next(iter(scheme.get_request_iterator(0, 0)), 0)
    return _checksum([repr(first) if isinstance(first, slice) else first])


def _checksum(values: Iterable[Any]) -> str:
    checksum = 0
    for value in values:
        for part in _parts(value):
            checksum = zlib.crc32(part, checksum)
    return f"{checksum:08x}"


def _parts(value: Any) -> Iterable[bytes]:
    """Yield the description and some evenly spaced elements of a value."""
    if isinstance(value, torch.Tensor):
        flat = value.detach().reshape(-1)
        some = flat[:: max(1, -(-flat.numel() // SAMPLED))].contiguous().cpu()
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        yield some.view(torch.uint8).numpy().tobytes()
        return
    array = np.asarray(value)
    few = array.reshape(-1)[:: max(1, -(-array.size // SAMPLED))]
    yield f"{array.dtype} {array.shape}".encode()
    if array.dtype == object:  # arrays of different lengths, or text
        for one in few[:EXAMPLES]:
            plain = isinstance(one, (str, bytes, int, float))
            known = _parts(one) if isinstance(one, (np.ndarray, torch.Tensor)) else ()
            yield from [repr(one).encode()] if plain else known
    else:
        yield np.ascontiguousarray(few).tobytes()
