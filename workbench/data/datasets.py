"""Datasets, which return the requested examples as one array for each source.

A dataset has no position: a scheme chooses the requests, and a stream keeps track of the position.
`IndexableDataset` holds arrays in memory; `IterableDataset` wraps data that can only be read in
order. To write your own dataset, derive from `Dataset` and define `get_data`, or derive from
`IterableDataset` and define `examples`.

N is the number of examples, and B is the batch size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.axes import Labelled
from workbench.data.checksum import checksum, same_or_raise
from workbench.data.exact_dtypes import of_one_dtype, of_sequence
from workbench.data.files import one_line
from workbench.data.fuel_hooks import check_called, refuse_uncalled
from workbench.data.read_once import ReadOnce, once
from workbench.data.reader_copies import Part
from workbench.data.readonly import read_only, read_only_batch, read_only_slice
from workbench.data.schemes import IterationScheme, Request, SequentialExampleScheme
from workbench.data.schemes.base import request_sizes
from workbench.data.streams import AbstractDataStream, Data, DataStream
from workbench.errors import DataError, SourceError, nearest
from workbench.hints import Hinted

DefaultTransformer: TypeAlias = (
    "Callable[[AbstractDataStream], AbstractDataStream] | tuple[Any, ...]"
)

NO_STATE = (
    "unlike in Fuel, a dataset has no state: read the examples of `request`, and open files in "
    "__init__ or in get_data; for data that can only be read in order, derive from IterableDataset "
    "and define examples"
)


class Dataset(Hinted, Labelled, Part):
    """Base class of all datasets.

    Parameters
    ----------
    provides_sources : sequence of str, optional
        The names of all sources of the dataset; by default the class attribute of the same name.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.
    axis_labels : mapping from source to sequence of str, optional
        The axis names of each source, such as ``{"features": ("batch", "feature")}``.

    Attributes
    ----------
    sources : tuple of str
        The names of the entries that `get_data` returns, in order.
    num_examples : int or None
        The number of examples N, if known.
    reads_once : bool
        True if the data can be read only once, for example from a generator. In this case there is
        a single epoch, and training cannot be rewound.
    example_iteration_scheme : IterationScheme or None
        The default scheme of a stream over this dataset.
    axis_labels : dict of str to tuple of str, or None
        The axis names of each source, where known.
    default_transformers : tuple of callables and tuples
        The transformers that `DataStream.default_stream` applies, innermost first. Each transformer
        is a callable that accepts the stream, or a tuple of a callable and its additional
        positional and keyword arguments.

    Raises
    ------
    SourceError
        If the dataset does not provide one of `sources`.
    DataError
        If no source is named, or if a subclass defines a method that would never be called.

    Examples
    --------
    >>> class Squares(Dataset):
    ...     provides_sources = ("number", "square")
    ...     num_examples = 100
    ...
    ...     def get_data(self, request):
    ...         numbers = np.arange(100)[request]
    ...         return self.filter_sources((numbers, numbers**2))
    >>> Squares().get_data([2, 3])
    (array([2, 3]), array([4, 9]))
    >>> Squares(sources=("square",)).get_data(7)
    (np.int64(49),)
    """

    provides_sources: tuple[str, ...] = ()
    num_examples: int | None = None
    reads_once: bool = False
    example_iteration_scheme: IterationScheme | None = None
    default_transformers: tuple[DefaultTransformer, ...] = ()

    _hooks = "get_data(self, request)"
    _guards_itself = False
    """True if callers cannot change the data, because they get copies or read-only views."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        refuse_uncalled(cls, ("open", "next_epoch", "reset"), cls._hooks)
        check_called(cls, "get_data", ("request",), NO_STATE)
        if "get_data" in vars(cls) and "_guards_itself" not in vars(cls):
            cls._guards_itself = False

    def __init__(
        self,
        provides_sources: Sequence[str] | None = None,
        *,
        sources: Sequence[str] | None = None,
        axis_labels: Mapping[str, Sequence[str] | None] | None = None,
    ) -> None:
        if provides_sources is None:
            provides_sources = self.provides_sources
        if not provides_sources:
            raise DataError(
                f"{type(self).__name__} must name its sources; set provides_sources = ('features', "
                "...) in the class, or pass this tuple to Dataset.__init__"
            )
        provided = (provides_sources,) if isinstance(provides_sources, str) else provides_sources
        self.provides_sources = tuple(provided)
        wanted = (sources,) if isinstance(sources, str) else sources
        self.sources = self.provides_sources if wanted is None else tuple(wanted)
        check_sources(self.sources, self.provides_sources, type(self).__name__)
        if axis_labels is not None:
            self.axis_labels = axis_labels
            check_sources(axis_labels, self.provides_sources, type(self).__name__)

    def get_data(self, request: Request) -> Data:
        """Return the requested examples, one entry per source.

        Parameters
        ----------
        request : int, slice or array of int
            The index of one example, or the indices of a batch.
        """
        raise DataError(
            f"{type(self).__name__} cannot read {request!r}, because its class does not define "
            "get_data; define it in the class"
        )

    def filter_sources(self, data: Sequence[Any]) -> Data:
        """Return the entries of `data` that belong to `sources`, in the order of `sources`.

        Parameters
        ----------
        data : sequence
            One entry for each of `provides_sources`, in that order.

        Raises
        ------
        DataError
            If the number of entries differs from the number of `provides_sources`.
        """
        if len(data) != len(self.provides_sources):
            raise DataError(
                f"filter_sources of {type(self).__name__} must be given one entry for each of "
                f"{self.provides_sources}, but was given {len(data)} entries"
            )
        named = dict(zip(self.provides_sources, data, strict=True))
        return tuple([named[name] for name in self.sources])

    def get_example_stream(self) -> DataStream:
        """Return a stream of single examples, in order.

        Examples
        --------
        >>> list(IndexableDataset([5, 7]).get_example_stream().get_epoch_iterator())
        [(np.int64(5),), (np.int64(7),)]
        """
        return DataStream(self, iteration_scheme=self.example_iteration_scheme)

    def close(self, state: object = None) -> None:
        """Close any open files; they are opened again when they are read."""

    def _copied_whole(self, moves: bool) -> bool:
        return False  # a dataset contains the data, which would be copied too

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        """Check that the dataset supports `scheme`, and return it; None means the default scheme.

        Raises
        ------
        DataError
            If the dataset cannot be read with this scheme, or does not contain examples that the
            scheme reads.
        """
        scheme = self.example_iteration_scheme if scheme is None else as_scheme(scheme)
        if scheme is None or scheme.bounds is None:
            raise DataError(
                f"iteration_scheme of {self!r}, which is read by index, must be a scheme that "
                f"requests indices, not {scheme!r}; use "
                "SequentialScheme(dataset.num_examples, batch_size) or ShuffledScheme"
            )
        low, high = scheme.bounds
        if self.num_examples is not None and not 0 <= low <= high < self.num_examples:
            raise DataError(
                f"{scheme!r} reads examples {low} to {high}, but {self!r} has {self.num_examples} "
                f"example{'s' * (self.num_examples != 1)}, numbered from 0; pass "
                "dataset.num_examples to the scheme"
            )
        return scheme

    def iterate(self, scheme: IterationScheme | None, epoch: int, start: int) -> Iterator[Data]:
        """Read the batches that `scheme` requests in epoch `epoch`, starting with batch `start`."""
        assert scheme is not None  # checked by check_scheme
        batches = map(self.get_data, scheme.get_request_iterator(epoch, start))
        return batches if self._guards_itself else map(read_only_batch, batches)

    def apply_default_transformers(self, data_stream: AbstractDataStream) -> AbstractDataStream:
        """Return `data_stream` wrapped in the default transformers of the dataset."""
        for given in self.default_transformers:
            transformer, arguments, named = _split(given)
            data_stream = transformer(data_stream, *arguments, **named)
        return data_stream

    def __repr__(self) -> str:
        number = self.num_examples
        length = "" if number is None else f"{number} example{'s' * (number != 1)}, "
        return f"{type(self).__name__}({length}sources={self.sources})"


class IndexableDataset(Dataset):
    """Dataset of arrays in memory, one per source; their first axis indexes the examples.

    A batch of consecutive examples is a read-only view of the array, without a copy. To change the
    data, write to `indexables`.

    A pickle of the dataset, for instance in a checkpoint, contains the data, unless a subclass
    overrides `load`.

    Parameters
    ----------
    indexables : mapping of str to array, or array
        The data of each source: numpy arrays, CPU tensors or nested lists, all with the same
        number of examples. A list of examples that differ in shape becomes an array of objects. The
        source of a single array is named ``data`` unless `sources` gives another name.
    start, stop : int, optional
        The range of examples to use, from `start` up to, but not including, `stop`.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.
    axis_labels : mapping from source to sequence of str, optional
        The axis names of each source.

    Raises
    ------
    DataError
        If the sources have different numbers of examples.

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
    _guards_itself = True

    def __init__(
        self,
        indexables: Mapping[str, Any] | npt.ArrayLike | torch.Tensor,
        start: int | None = None,
        stop: int | None = None,
        *,
        sources: Sequence[str] | None = None,
        axis_labels: Mapping[str, Sequence[str] | None] | None = None,
    ) -> None:
        named, sources = _named(indexables, sources)
        super().__init__(tuple(named), sources=sources, axis_labels=axis_labels)
        arrays = {name: as_array(value, name)[start:stop] for name, value in named.items()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(
                f"all sources must have the same number of examples, but the numbers are {lengths}"
            )
        self.indexables = tuple(arrays[name] for name in self.sources)
        self._loaded: Data | None = self.indexables
        self._part = slice(start, stop)
        self._checksum: int | None = None
        self.num_examples = next(iter(lengths.values()))
        if self.num_examples:
            self.example_iteration_scheme = SequentialExampleScheme(self.num_examples)

    def load(self) -> Mapping[str, Any] | None:
        """Read all examples of every source again; return None if this is not possible.

        Override this method in a subclass whose data are in a file; pickles then contain a checksum
        instead of the data.
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
        self._loaded = None  # data that came from a pickle must be in the next pickle too
        if "indexables" not in state:
            try:
                named = self.load() or {}
                arrays = {name: as_array(value, name)[self._part] for name, value in named.items()}
                self.indexables = self._loaded = tuple(arrays[name] for name in self.sources)
                same_or_raise(self.indexables, state["_checksum"], self)
            except DataError as error:
                error.add_note(
                    f"raised while unpickling {self!r}, which reads its data from the file again"
                )
                raise

    def get_data(
        self, request: Request | Sequence[int] | None = None, *then: Any, state: object = None
    ) -> Data:
        """Return the requested examples, one array per source.

        Parameters
        ----------
        request : int, slice or sequence of int
            One example, consecutive examples (read-only views), or any examples (copies).
        then, state
            For compatibility with Fuel, where a state precedes the request; the state is ignored.

        Raises
        ------
        DataError
            If the request is not an index, a slice or a sequence of indices of existing examples.
        """
        request = after_state(request, then, self)
        if isinstance(request, slice):
            part = check_slice(request, self.num_examples, self)
            return tuple([read_only_slice(array, part) for array in self.indexables])
        try:
            index = as_index(request)
            # take() needs half the time of array[index]
            taken = [array.take(index, axis=0) for array in self.indexables]
        except (IndexError, TypeError) as error:
            raise DataError(f"{self!r} cannot read {request!r}: {error}") from None
        # take() copies an array of objects, but not the objects in it
        return tuple(
            [
                read_only(part) if array.dtype == object else part
                for part, array in zip(taken, self.indexables, strict=True)
            ]
        )


class IterableDataset(Dataset):
    """Dataset of examples that can only be read in order.

    To resume in the middle of an epoch, the stream reads the earlier examples again and discards
    them.

    Parameters
    ----------
    iterables : mapping of str to iterable, or iterable
        One iterable per source, all of the same length. Each iterable should be readable
        repeatedly, like a list. A generator can be read only once, so there is a single epoch,
        possibly endless, and training cannot be rewound. The source of a single iterable is named
        ``data`` unless `sources` gives another name.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes of one example. A batch has ``batch`` as an additional first axis.

    Raises
    ------
    DataError
        If the iterables differ in length (raised during reading if a length is unknown), or if an
        iterable that can be read only once is read again.

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
        axis_labels: Mapping[str, Sequence[str] | None] | None = None,
    ) -> None:
        named, sources = _named(iterables, sources)
        for name, iterable in named.items():
            if not isinstance(iterable, Iterable):
                raise DataError(
                    f"source {name!r} must be a list, an array or another object with __iter__, "
                    f"not {iterable!r}"
                )
        super().__init__(tuple(named), sources=sources, axis_labels=axis_labels)
        self.iterables = tuple(once(named[name], f"source {name!r}") for name in self.sources)
        self.reads_once = any(isinstance(iterable, ReadOnce) for iterable in self.iterables)
        sized = {name: len(item) for name, item in named.items() if isinstance(item, Sized)}
        if len(set(sized.values())) > 1:
            raise DataError(
                f"all sources must have the same number of examples, but the numbers are {sized}"
            )
        self.num_examples = next(iter(sized.values()), None)

    _hooks = "examples(self, start=0)"

    def __init_subclass__(cls, **options: Any) -> None:
        refuse_uncalled(cls, ("get_data",), cls._hooks)
        super().__init_subclass__(**options)
        check_called(cls, "examples", ("start",), "it must omit the first `start` examples")

    def examples(self, start: int = 0) -> Iterator[Data]:
        """Yield the examples one by one, omitting the first `start` examples."""
        return itertools.islice(self._together(), start, None)

    def _together(self) -> Iterator[Data]:
        try:
            yield from zip(*self.iterables, strict=True)
        except ValueError as error:
            if not str(error).startswith("zip()"):
                raise
            raise DataError(
                f"all sources of {type(self).__name__} must have the same number of examples, but "
                f"one of {self.sources} ended before the other sources"
            ) from None

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        if scheme is None or as_scheme(scheme).bounds is None:
            return scheme
        raise DataError(
            f"{self!r} can only be read in order, so iteration_scheme must be "
            f"ConstantScheme(batch_size) or None (one example at a time), not {scheme!r}; to read "
            "the examples in another order, store the data in an IndexableDataset"
        )

    def iterate(self, scheme: IterationScheme | None, epoch: int, start: int) -> Iterator[Data]:
        batches = self.examples(start) if scheme is None else self._batches(scheme, epoch, start)
        return map(read_only_batch, batches)

    def _batches(self, scheme: IterationScheme, epoch: int, start: int) -> Iterator[Data]:
        sizes = request_sizes(scheme, epoch)
        examples = self.examples(sum(itertools.islice(sizes, start)))
        for size in sizes:
            batch = list(itertools.islice(examples, size))
            if batch:
                yield tuple(stack(source) for source in zip(*batch, strict=True))
            if len(batch) < size:
                return


def _split(given: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Return the callable and the arguments in an entry of `default_transformers`."""
    parts = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    transformer, arguments, named = (*parts, *(None, (), {})[len(parts) :])[:3]
    if len(parts) > 3 or not callable(transformer) or not isinstance(named, Mapping):
        raise DataError(
            "each item of default_transformers must be a callable that accepts a stream, or a "
            f"tuple such as (Cast, ['float32'], {{'which_sources': ('x',)}}), not {given!r}"
        )
    return transformer, tuple(arguments), dict(named)


def as_scheme(given: object) -> IterationScheme:
    """Return `given` if it is a scheme; otherwise raise a `DataError`."""
    if isinstance(given, IterationScheme):
        return given
    raise DataError(
        "iteration_scheme must be a scheme, such as ShuffledScheme(num_examples, batch_size), not "
        f"{given!r}"
    )


def check_sources(wanted: Iterable[str], available: Sequence[str], where: str) -> None:
    """Raise a `SourceError` for the first name in `wanted` that is not in `available`."""
    for name in wanted:
        if name not in available:
            raise SourceError(
                f"{where} has no source {name!r}, only "
                f"{', '.join(map(repr, available))}{nearest(name, available)}"
            )


def as_index(request: int | Sequence[int] | npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Convert `request` to an array of integers; unlike numpy's take(), refuse boolean masks."""
    index = np.asarray(request)
    if index.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, not {index.dtype}")
    return index


def after_state(request: Any, then: tuple[Any, ...], dataset: Dataset) -> Any:
    """Return the request from the arguments of `get_data`; ignore a state that precedes it.

    Raises
    ------
    DataError
        If the request is missing, or if more than one argument follows the state.
    """
    if then:
        request, *more = then
        if more:
            raise DataError(
                f"get_data of {dataset!r} accepts a request, optionally after a state, not "
                f"{len(then) + 1} arguments"
            )
    if request is None:
        raise DataError(
            f"get_data of {dataset!r} requires a request: an index, a slice or a list of indices"
        )
    return request


def check_slice(request: slice, num_examples: int, dataset: Dataset) -> slice:
    """Return `request` if it is a range of existing examples, else raise a `DataError`."""
    both = request.start is not None and request.stop is not None
    if both and request.step is None and 0 <= request.start <= request.stop <= num_examples:
        return request
    raise DataError(
        f"{dataset!r} cannot read {request!r}: a slice must have 0 <= start <= stop <= "
        f"{num_examples} and no step"
    )


def stack(examples: Sequence[Any]) -> npt.NDArray[Any]:
    """Stack `examples` into one array, or into an array of objects if their shapes differ."""
    if any(isinstance(example, bytes) for example in examples):
        return as_objects(examples)  # an array of bytes would lose trailing zeros
    arrays = [np.asarray(example) for example in examples]
    if len({array.shape for array in arrays}) == 1:
        if len({array.dtype for array in arrays}) > 1:
            arrays = of_one_dtype(arrays, "a batch of examples")
        return np.stack(arrays)
    return as_objects(arrays)


def as_objects(examples: Sequence[Any]) -> npt.NDArray[Any]:
    """Return an array of objects whose elements are the examples."""
    objects = np.empty(len(examples), dtype=object)
    for index, example in enumerate(examples):  # assigning to objects[:] would broadcast them
        objects[index] = example
    return objects


def as_array(value: Any, name: str) -> npt.NDArray[Any]:
    """Convert `value` to an array of examples, or to an array of objects if their shapes differ."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(
            f"source {name!r} must not have masked values; replace them with array.filled(value), "
            "or remove them"
        )
    if isinstance(value, (list, tuple)) and any(type(example) is bytes for example in value):
        return as_objects(value)
    try:
        array = np.asarray(value)
    except ValueError:  # numpy refuses lists whose elements differ in shape
        array = stack(value)
    if not isinstance(value, np.ndarray):
        array = of_sequence(value, array, f"source {name!r}")
    if not array.ndim:
        sparse = hasattr(value, "toarray")
        given = f"{type(value).__name__}; pass matrix.toarray()" if sparse else one_line(value)
        raise DataError(f"source {name!r} must be an array with an axis of examples, not {given}")
    return array


def _named(data: Any, sources: Sequence[str] | None) -> tuple[dict[str, Any], Sequence[str] | None]:
    """Return a mapping from source to data, and the sources to use."""
    if isinstance(data, Mapping):
        if not data:
            raise DataError("the mapping of a dataset must have at least one source, but is empty")
        return dict(data), sources
    names = ("data",) if sources is None else (sources,) if isinstance(sources, str) else sources
    if len(names) != 1:
        raise DataError(
            f"a single array or iterable can only be one source, not {tuple(names)}; pass a "
            "mapping from each source to its data"
        )
    return {names[0]: data}, names
