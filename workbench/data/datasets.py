"""Datasets: named sources of examples, and how to read a portion of them.

A dataset is stateless. It knows what its sources are called and gives the portion asked for; which
portion comes next is a matter for a scheme, and where training stands a matter for the stream.
`IndexableDataset` holds arrays in memory; `IterableDataset` wraps what can only be read from its
beginning on. A dataset of one's own derives from `Dataset` and defines `get_data`, or derives from
`IterableDataset` and defines `examples`.

N is the number of examples, B the size of a batch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.checksum import checksum, same_or_raise
from workbench.data.schemes import IterationScheme, Request, SequentialExampleScheme
from workbench.data.schemes.base import request_sizes
from workbench.errors import DataError, SourceError, nearest
from workbench.hints import Hinted

if TYPE_CHECKING:
    from workbench.data.streams import AbstractDataStream

Data: TypeAlias = tuple[Any, ...]
"""One array (or, for a single example, one value) a source."""


class Dataset(Hinted):
    """What every dataset offers.

    Parameters
    ----------
    provides_sources : sequence of str
        The names of everything the dataset can give.
    sources : sequence of str, optional
        Those of them that are wanted, in this order; all if not given.

    Attributes
    ----------
    sources : tuple of str
        The names of what `get_data` returns, in order.
    num_examples : int or None
        N, where it is known.
    example_iteration_scheme : IterationScheme or None
        What a stream uses that was given no scheme.
    default_transformers : tuple of callables
        What `DataStream.default_stream` puts around the stream, innermost first.

    Raises
    ------
    SourceError
        If `sources` names something that the dataset does not provide.
    """

    num_examples: int | None = None
    example_iteration_scheme: IterationScheme | None = None
    default_transformers: tuple[Callable[[AbstractDataStream], AbstractDataStream], ...] = ()

    def __init__(
        self, provides_sources: Sequence[str], *, sources: Sequence[str] | None = None
    ) -> None:
        self.provides_sources = tuple(provides_sources)
        wanted = (sources,) if isinstance(sources, str) else sources
        self.sources = self.provides_sources if wanted is None else tuple(wanted)
        check_sources(self.sources, self.provides_sources, type(self).__name__)

    def get_data(self, request: Request) -> Data:
        """Return the examples that `request` names, one entry a source.

        Parameters
        ----------
        request : int, slice or array of int
            One example, or the indices of a batch.
        """
        raise DataError(
            f"{type(self).__name__} cannot be read by index (it was asked for {request!r}); its "
            "subclass must define get_data"
        )

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        """Return the scheme a stream over this dataset will use, given that `scheme` was asked for.

        Raises
        ------
        DataError
            If `scheme` reads otherwise than this dataset can, or further than it reaches.
        """
        scheme = self.example_iteration_scheme if scheme is None else as_scheme(scheme)
        if scheme is None or scheme.bounds is None:
            raise DataError(
                f"{self!r} is read by index, but iteration_scheme is {scheme!r}; give it "
                "SequentialScheme(dataset.num_examples, batch_size) or ShuffledScheme"
            )
        low, high = scheme.bounds
        if self.num_examples is not None and not 0 <= low <= high < self.num_examples:
            raise DataError(
                f"{scheme!r} reads examples {low} to {high}, but {self!r} has "
                f"{self.num_examples}, numbered from 0; give the scheme dataset.num_examples"
            )
        return scheme

    def iterate(self, scheme: IterationScheme | None, epoch: int, start: int) -> Iterator[Data]:
        """Read the batches of epoch `epoch` that `scheme` asks for, from number `start` on."""
        assert scheme is not None  # check_scheme has seen to it
        return map(self.get_data, scheme.get_request_iterator(epoch, start))

    def apply_default_transformers(self, data_stream: AbstractDataStream) -> AbstractDataStream:
        """Return `data_stream` with the dataset's default transformers around it."""
        for transformer in self.default_transformers:
            data_stream = transformer(data_stream)
        return data_stream

    def __repr__(self) -> str:
        length = "" if self.num_examples is None else f"{self.num_examples} examples, "
        return f"{type(self).__name__}({length}sources={self.sources})"


class IndexableDataset(Dataset):
    """Arrays in memory, one a source, whose first axis counts the examples.

    A batch of neighbouring examples is a view of the array and costs no copy: do not write to it.

    A pickle of it, in a checkpoint for instance, contains the data. That of a subclass which can
    `load` them again does not.

    Parameters
    ----------
    indexables : mapping of str to array, or array
        The data: numpy arrays, CPU tensors or nested lists, all with the same N. Lists of
        examples that differ in shape become an array of objects. A single array is the source
        ``data``, or what `sources` calls it.
    start, stop : int, optional
        Use only the examples from `start` to before `stop`.
    sources : sequence of str, optional
        Which sources to give, in this order.

    Raises
    ------
    DataError
        If the sources differ in their number of examples.

    Examples
    --------
    >>> dataset = IndexableDataset({"features": np.eye(3), "targets": [0, 1, 2]})
    >>> dataset
    IndexableDataset(3 examples, sources=('features', 'targets'))
    >>> features, targets = dataset.get_data(slice(0, 2))
    >>> features.shape, targets.tolist()
    ((2, 3), [0, 1])
    """

    num_examples: int

    def __init__(
        self,
        indexables: Mapping[str, Any] | npt.ArrayLike | torch.Tensor,
        start: int | None = None,
        stop: int | None = None,
        *,
        sources: Sequence[str] | None = None,
    ) -> None:
        named, sources = _named(indexables, sources)
        super().__init__(tuple(named), sources=sources)
        arrays = {name: as_array(value, name)[start:stop] for name, value in named.items()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"the sources differ in their number of examples: {lengths}")
        self.indexables = tuple(arrays[name] for name in self.sources)
        self._loaded: Data | None = self.indexables
        self._part = slice(start, stop)
        self._checksum: int | None = None
        self.num_examples = next(iter(lengths.values()))
        if self.num_examples:
            self.example_iteration_scheme = SequentialExampleScheme(self.num_examples)

    def load(self) -> Mapping[str, Any] | None:
        """Read the data again, all examples of every source, or return None if nothing has them.

        For a subclass whose data stand in a file. Pickles then hold a checksum in their place.
        """
        return None

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        del state["_loaded"]
        if self.indexables is self._loaded and type(self).load is not IndexableDataset.load:
            if self._checksum is None:
                self._checksum = checksum(self.indexables)
            state["_checksum"] = self._checksum
            del state["indexables"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._loaded = None  # what was pickled is pickled again
        if "indexables" not in state:
            try:
                named = self.load() or {}
                arrays = {name: as_array(value, name)[self._part] for name, value in named.items()}
                self.indexables = self._loaded = tuple(arrays[name] for name in self.sources)
                same_or_raise(self.indexables, state["_checksum"], self)
            except DataError as error:
                error.add_note(f"while {self!r} was unpickled, which reads its data again")
                raise

    def get_data(self, request: Request | Sequence[int]) -> Data:
        """Return the examples that `request` names, one array a source.

        Parameters
        ----------
        request : int, slice or sequence of int
            One example, neighbouring examples (views), or any examples (copies).

        Raises
        ------
        DataError
            If the request reaches beyond the examples or is of another kind.
        """
        if isinstance(request, slice):
            part = check_slice(request, self.num_examples, self)
            return tuple([array[part] for array in self.indexables])
        try:
            index = as_index(request)
            # take() costs half of what array[index] does
            return tuple([array.take(index, axis=0) for array in self.indexables])
        except (IndexError, TypeError) as error:
            raise DataError(f"{self!r} was asked for {request!r}: {error}") from None


class IterableDataset(Dataset):
    """Examples that can only be read one after another, from the beginning on.

    Resuming in the middle of an epoch reads again, and drops, what came before.

    Parameters
    ----------
    iterables : mapping of str to iterable, or iterable
        What to iterate over, one iterable a source, all of the same length; each must be able to
        start again, as a list can and a generator cannot. A single iterable is the source
        ``data``, or what `sources` calls it.
    sources : sequence of str, optional
        Which sources to give, in this order.

    Raises
    ------
    DataError
        If an iterable can be read only once or, while reading, if one ends before the others.

    Examples
    --------
    >>> dataset = IterableDataset({"x": [0.5, 1.5], "y": "ab"})
    >>> list(dataset.examples())
    [(0.5, 'a'), (1.5, 'b')]
    """

    def __init__(
        self,
        iterables: Mapping[str, Iterable[Any]] | Iterable[Any],
        *,
        sources: Sequence[str] | None = None,
    ) -> None:
        named, sources = _named(iterables, sources)
        for name, iterable in named.items():
            if not isinstance(iterable, Iterable):
                raise DataError(
                    f"source {name!r} is {iterable!r}, which cannot be iterated over; give a "
                    "list, an array or another object with __iter__"
                )
            if isinstance(iterable, Iterator):
                raise DataError(
                    f"source {name!r} is a {type(iterable).__name__}, which can be read only "
                    "once; give a list, or an object whose __iter__ starts from the beginning"
                )
        super().__init__(tuple(named), sources=sources)
        self.iterables = tuple(named[name] for name in self.sources)
        sized = {name: len(item) for name, item in named.items() if isinstance(item, Sized)}
        if len(set(sized.values())) > 1:
            raise DataError(f"the sources differ in their number of examples: {sized}")
        self.num_examples = next(iter(sized.values()), None)

    def examples(self, start: int = 0) -> Iterator[Data]:
        """Read the examples one by one, leaving out the first `start`."""
        return itertools.islice(self._together(), start, None)

    def _together(self) -> Iterator[Data]:
        try:
            yield from zip(*self.iterables, strict=True)
        except ValueError as error:
            if not str(error).startswith("zip()"):
                raise
            raise DataError(
                f"the sources {self.sources} of {type(self).__name__} end at different places: "
                "they need the same number of examples"
            ) from None

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        if scheme is None or as_scheme(scheme).bounds is None:
            return scheme
        raise DataError(
            f"{self!r} can only be read in its own order, but iteration_scheme is {scheme!r}; use "
            "ConstantScheme(batch_size), no scheme at all (one example at a time), or put the "
            "data into an IndexableDataset"
        )

    def iterate(self, scheme: IterationScheme | None, epoch: int, start: int) -> Iterator[Data]:
        if scheme is None:
            return self.examples(start)
        return self._batches(scheme, epoch, start)

    def _batches(self, scheme: IterationScheme, epoch: int, start: int) -> Iterator[Data]:
        sizes = request_sizes(scheme, epoch)
        examples = self.examples(sum(itertools.islice(sizes, start)))
        for size in sizes:
            batch = list(itertools.islice(examples, size))
            if batch:
                yield tuple(stack(source) for source in zip(*batch, strict=True))
            if len(batch) < size:
                return


def as_scheme(given: object) -> IterationScheme:
    """Return what was given as a scheme, or raise a `DataError` if it is none."""
    if isinstance(given, IterationScheme):
        return given
    raise DataError(
        f"iteration_scheme is a scheme such as ShuffledScheme(num_examples, batch_size), not "
        f"{given!r}"
    )


def check_sources(wanted: Iterable[str], available: Sequence[str], where: str) -> None:
    """Raise a `SourceError` for the first of `wanted` that is not among `available`."""
    for name in wanted:
        if name not in available:
            raise SourceError(
                f"{where} has no source {name!r}, only {', '.join(map(repr, available))}"
                f"{nearest(name, available)}"
            )


def as_index(request: int | Sequence[int] | npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return `request` as an array of integers; numpy's take() would accept a mask or a float."""
    index = np.asarray(request)
    if index.dtype.kind not in "iu":
        raise TypeError(f"expected integer indices, not {index.dtype}")
    return index


def check_slice(request: slice, num_examples: int, dataset: Dataset) -> slice:
    """Return `request`, or raise a `DataError` if it is not one run of existing examples."""
    both = request.start is not None and request.stop is not None
    if both and request.step is None and 0 <= request.start <= request.stop <= num_examples:
        return request
    raise DataError(
        f"{dataset!r} was asked for {request!r}; a slice needs 0 <= start <= stop <= "
        f"{num_examples} and no step"
    )


def stack(examples: Sequence[Any]) -> npt.NDArray[Any]:
    """Make one array of `examples`, an array of objects where their shapes differ."""
    arrays = [np.asarray(example) for example in examples]
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    objects = np.empty(len(arrays), dtype=object)
    for index, array in enumerate(arrays):  # objects[:] = arrays would try to broadcast them
        objects[index] = array
    return objects


def as_array(value: Any, name: str) -> npt.NDArray[Any]:
    """Return `value` as an array of examples, of objects where they differ in shape."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except ValueError:  # numpy refuses lists whose elements differ in shape
        array = stack(value)
    if not array.ndim:
        raise DataError(f"source {name!r} is {value!r}; expected an array with an axis of examples")
    return array


def _named(data: Any, sources: Sequence[str] | None) -> tuple[dict[str, Any], Sequence[str] | None]:
    """Return the data by source, and which sources to use."""
    if isinstance(data, Mapping):
        if not data:
            raise DataError("a dataset was given an empty mapping; it needs at least one source")
        return dict(data), sources
    names = ("data",) if sources is None else (sources,) if isinstance(sources, str) else sources
    if len(names) != 1:
        raise DataError(
            f"one array or iterable was given for the sources {tuple(names)}; give a mapping from "
            "each name to its data"
        )
    return {names[0]: data}, names
