"""Data streams that read torch data loaders and other iterables of batches.

A main loop passes its `data_stream` argument to `as_stream`. The batches of a stream must depend
only on the epoch and the position. Each epoch of a data loader therefore uses a new generator,
seeded from the loader's seed and the epoch number. The loader's own generator is not changed. To
resume in the middle of an epoch, the stream loads the earlier batches again and discards them.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    default_collate,
)

from workbench.data.datasets import Dataset
from workbench.data.read_once import ReadOnce, once
from workbench.data.readonly import read_only_batch
from workbench.data.schemes import ShuffledExampleScheme, ShuffledScheme
from workbench.data.seeds import with_fixed_draws
from workbench.data.streams import AbstractDataStream, Data
from workbench.errors import DataError, SourceError, nearest
from workbench.hints import hinted

NO_NAMES = (
    "each batch of {name} is {kind}, whose entries have no names; call as_stream({name}, "
    "sources=({example})) with the names of the cost's inputs"
)


class BatchStream(AbstractDataStream):
    """Data stream of ready-made batches from any iterable.

    An iterable that can be read only once, such as a generator, provides a single epoch, which may
    be endless. A run that trains on such a stream cannot be rewound, and the log of the run records
    this fact.

    Parameters
    ----------
    batches : iterable of batches
        Each batch is a mapping from source to array, a tuple or list of arrays, or one array. The
        order must be the same in each iteration; otherwise a resumed run reads different batches.
    sources : sequence of str, optional
        The names of the entries; needed unless batches are mappings. For mappings, the keys to
        use, by default the keys of the first batch.

    Raises
    ------
    DataError
        If `batches` is empty, or if it is read a second time although it can be read only once.

    Examples
    --------
    >>> stream = BatchStream([(np.zeros(2), np.ones(2))], sources=("x", "y"))
    >>> next(stream.get_epoch_iterator(as_dict=True))
    {'x': array([0., 0.]), 'y': array([1., 1.])}
    """

    _seed: int | None = None

    def __init__(self, batches: Iterable[Any], sources: Sequence[str] | None = None) -> None:
        self.batches = once(batches, "the data stream")
        self.reads_once = isinstance(self.batches, ReadOnce)
        self.num_batches = self._length()
        self.first_batch = self._first_length()
        if sources is None:
            sources = self._look()
        self.sources = (sources,) if isinstance(sources, str) else tuple(sources)

    @property
    def _makes_new(self) -> bool:
        """True if each batch is a new copy that shares no memory with the data."""
        return False

    def _length(self) -> int | None:
        return len(self.batches) if isinstance(self.batches, Sized) else None

    def _first_length(self) -> int | None:
        """Return the size of the first batch if `batches` is a list or tuple, else None."""
        if not isinstance(self.batches, (list, tuple)) or not self.batches:
            return None
        first = self.batches[0]
        if isinstance(first, Mapping):
            first = tuple(first.values())
        entry = first[0] if isinstance(first, (tuple, list)) and first else first
        return (
            len(entry) if isinstance(entry, Sized) and getattr(entry, "ndim", None) != 0 else None
        )

    def _look(self) -> Sequence[str]:
        name, batches = self._kind(), self.batches
        for first in batches.first() if isinstance(batches, ReadOnce) else self._begin(0):
            if isinstance(first, Mapping):
                return tuple(first)
            kind = f"a single {type(first).__name__}"
            count = 1
            if isinstance(first, (tuple, list)):
                kind, count = f"a {type(first).__name__} of {len(first)}", len(first)
            example = ", ".join(["'features'", "'targets'", "..."][:count]) + "," * (count == 1)
            raise SourceError(NO_NAMES.format(name=name, kind=kind, example=example))
        raise DataError(f"{name} has no batches, but must yield at least one batch")

    def _kind(self) -> str:
        batches = self.batches
        return batches.kind if isinstance(batches, ReadOnce) else type(batches).__name__

    def _begin(self, epoch: int) -> Iterator[Any]:
        return iter(self.batches)

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        read = with_fixed_draws(partial(self._begin, epoch), self._seed, epoch)
        batches = map(self._as_tuple, itertools.islice(read, start, None))
        return batches if self._makes_new else map(read_only_batch, batches)

    def _as_tuple(self, batch: Any) -> Data:
        if isinstance(batch, Mapping):
            try:
                return tuple([batch[source] for source in self.sources])
            except KeyError as error:
                missing = error.args[0]
                raise SourceError(
                    f"a batch of {self!r} has no source {missing!r}, only "
                    f"{', '.join(map(repr, batch))}{nearest(missing, batch)}"
                ) from None
        entries = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
        if len(entries) != len(self.sources):
            raise SourceError(
                f"a batch of {self!r} must have one entry for each source, but has {len(entries)} "
                "entries"
            )
        return entries

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._kind()}, sources={self.sources})"


class LoaderStream(BatchStream):
    """Data stream that reads the batches of a `torch.utils.data.DataLoader`.

    The order in epoch k depends only on k and on the seed of the sampler's or the loader's
    generator, or on `config.default_seed` if neither has a generator. Torch's global generator is
    not used. A custom sampler must return a reproducible order. In the processes of a run, the
    global generators of torch, NumPy and Python are seeded in the same way before each batch is
    read, so examples with random changes are the same for any number of processes.

    Parameters
    ----------
    batches : DataLoader
        The loader.
    sources : sequence of str, optional
        The names of the batch entries; needed unless batches are mappings.

    Examples
    --------
    >>> data = torch.utils.data.TensorDataset(torch.arange(6), torch.arange(6) % 2)
    >>> stream = LoaderStream(DataLoader(data, batch_size=4), sources=("x", "y"))
    >>> [x.tolist() for x, y in stream.get_epoch_iterator()]
    [[0, 1, 2, 3], [4, 5]]
    """

    batches: DataLoader[Any]

    _seed: int

    def __init__(self, batches: DataLoader[Any], sources: Sequence[str] | None = None) -> None:
        self._seed = _loader_seed(batches)
        self._open = 0
        self.batch_size = batches.batch_size
        super().__init__(batches, sources)

    @property
    def _makes_new(self) -> bool:
        return self.batches.collate_fn is default_collate

    def _length(self) -> int | None:
        # for an iterable-style dataset, the length of the loader is only an estimate
        guess = isinstance(self.batches.dataset, IterableDataset)
        return None if guess else len(self.batches)

    def _begin(self, epoch: int) -> Iterator[Any]:
        loader = self.batches
        if loader.persistent_workers and self._open:
            loader = _with_own_iterator(loader)
        for sampler in _samplers(loader):
            if isinstance(sampler, DistributedSampler):
                sampler.set_epoch(epoch)
        words = np.random.SeedSequence(self._seed, spawn_key=(epoch,)).generate_state(1, np.uint64)
        generator = torch.Generator()
        generator.manual_seed(int(words[0]))
        with _lent(loader, generator):
            batches = iter(loader)
            first = list(itertools.islice(batches, 1))  # makes the samplers draw their order
        counted = self._counted(itertools.chain(first, batches))
        next(counted)
        return counted

    def _counted(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield None, then the batches; the iteration is counted as active until it ends."""
        self._open += 1
        try:
            yield None
            yield from batches
        finally:
            self._open -= 1

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": 0}


def read_apart(loader: DataLoader[Any]) -> ReadOnce[Any]:
    """Return the batches of a loader's first epoch without affecting other iterations.

    A copy of the loader, with its own worker processes and samplers, reads the batches. The first
    batch can be inspected in advance; it is still yielded, even if the data can be read only once.
    """
    twin = _with_own_iterator(loader)
    for name in ("sampler", "batch_sampler"):
        vars(twin)[name] = _copied(getattr(loader, name))  # DataLoader forbids the assignment
    if isinstance(twin.batch_sampler, BatchSampler):
        twin.batch_sampler.sampler = _copied(twin.batch_sampler.sampler)
    batches = ReadOnce(LoaderStream(twin, ())._begin(0), "the data")
    batches.kind = type(loader).__name__
    return batches


def _with_own_iterator(loader: DataLoader[Any]) -> DataLoader[Any]:
    """Return a copy of a loader that does not share the loader's persistent iterator."""
    own = copy.copy(loader)
    own._iterator = None
    return own


def _copied(sampler: Any) -> Any:
    return copy.copy(sampler) if isinstance(sampler, Sampler) else sampler


@hinted
def as_stream(data_stream: Any, sources: Sequence[str] | None = None) -> AbstractDataStream:
    """Create a data stream that reads a torch data loader or another iterable of batches.

    Parameters
    ----------
    data_stream : AbstractDataStream, DataLoader or iterable of batches
        A stream is returned unchanged. Each batch is a mapping from source to array, a tuple or
        list of arrays, or a single array.
    sources : sequence of str, optional
        The names of the batch entries; needed unless batches are mappings.

    Raises
    ------
    DataError
        If `data_stream` does not consist of batches.
    SourceError
        If the names of the entries are unknown, or differ from the sources of a given stream.

    Examples
    --------
    >>> stream = as_stream([{"x": [1, 2]}, {"x": [3, 4]}])
    >>> stream.sources, stream.num_batches
    (('x',), 2)
    """
    if isinstance(data_stream, AbstractDataStream):
        if sources is None or tuple(sources) == data_stream.sources:
            return data_stream
        raise SourceError(
            f"as_stream cannot rename the sources {data_stream.sources} of {data_stream!r} to "
            f"{tuple(sources)}; omit the argument sources, or wrap the stream in Rename"
        )
    if isinstance(data_stream, DataLoader):
        return LoaderStream(data_stream, sources)
    if isinstance(data_stream, Dataset):
        raise DataError(
            f"a data stream must consist of batches, but {data_stream!r} is a dataset; pass "
            "DataStream(dataset, iteration_scheme=ShuffledScheme(dataset.num_examples, batch_size))"
        )
    if isinstance(data_stream, (torch.Tensor, np.ndarray, Mapping)):
        raise DataError(
            "a data stream must be an iterable of batches, not a single "
            f"{type(data_stream).__name__}; pass DataStream(IndexableDataset({{source: array}}), "
            "iteration_scheme=...)"
        )
    if isinstance(data_stream, torch.utils.data.Dataset):
        raise DataError(
            f"a data stream must consist of batches, but {type(data_stream).__name__} is a torch "
            "dataset; pass torch.utils.data.DataLoader(dataset, batch_size=...)"
        )
    if isinstance(data_stream, (str, bytes)) or not isinstance(data_stream, Iterable):
        raise DataError(
            "a data stream must be a DataStream, a torch DataLoader or an iterable of batches, not "
            f"{data_stream!r}"
        )
    return BatchStream(data_stream, sources)


def is_shuffled(stream: Any) -> bool:
    """Return True if a stream, a stream below it or a loader reads examples in a random order."""
    while isinstance(getattr(stream, "data_stream", None), AbstractDataStream):
        stream = stream.data_stream
    loader = stream.batches if isinstance(stream, LoaderStream) else stream
    if isinstance(loader, DataLoader):
        return bool(_shuffling(loader))
    scheme = getattr(stream, "iteration_scheme", None)
    return isinstance(scheme, (ShuffledScheme, ShuffledExampleScheme))


def _samplers(loader: DataLoader[Any]) -> list[Any]:
    """Return all samplers that affect the order of a loader's batches."""
    samplers: list[Any] = [loader.sampler]
    if isinstance(loader.batch_sampler, BatchSampler):
        samplers.append(loader.batch_sampler.sampler)
    return samplers


def _shuffling(loader: DataLoader[Any]) -> list[Any]:
    kinds = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
    return [sampler for sampler in _samplers(loader) if isinstance(sampler, kinds)]


def _loader_seed(loader: DataLoader[Any]) -> int:
    for holder in (*_shuffling(loader), loader):
        if holder.generator is not None:
            return int(holder.generator.initial_seed())
    from workbench.config import config

    return config.default_seed


@contextlib.contextmanager
def _lent(loader: DataLoader[Any], generator: torch.Generator) -> Iterator[None]:
    """Replace the generators of the loader and its samplers inside the ``with`` block."""
    holders = [*_shuffling(loader), loader]
    own = [holder.generator for holder in holders]
    for holder in holders:
        holder.generator = generator
    try:
        yield
    finally:
        for holder, kept in zip(holders, own, strict=True):
            holder.generator = kept
