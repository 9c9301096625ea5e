"""Datasets: named sources of examples that are read by request.

A dataset is stateless. It knows the names of its sources and returns the requested examples. A
scheme chooses the requests, and a stream keeps the position of training. `IndexableDataset` holds
arrays in memory; `IterableDataset` wraps data that can only be read in order. To write your own
dataset, derive from `Dataset` and define `get_data`, or derive from `IterableDataset` and define
`examples`.

N is the number of examples, B the size of a batch.
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
    "a data set has no state here, unlike in Fuel: read the examples of `request`, and open "
    "files in __init__ or in get_data; for data that can only be read in order, derive from "
    "IterableDataset and define examples"
)


class Dataset(Hinted, Labelled, Part):
    """Base of all datasets.

    Parameters
    ----------
    provides_sources : sequence of str, optional
        The names of all sources of the dataset; by default the class attribute of this name.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes of a batch, such as ``{"features": ("batch", "feature")}``.

    Attributes
    ----------
    sources : tuple of str
        The names of the entries that `get_data` returns, in order.
    num_examples : int or None
        N, if it is known.
    reads_once : bool
        True if the data come from a generator: there is one epoch, without rewinding.
    example_iteration_scheme : IterationScheme or None
        The default scheme of a stream over this dataset.
    axis_labels : dict of str to tuple of str, or None
        The names of the axes of each source, as far as they are known.
    default_transformers : tuple of callables, or of tuples
        The transformers that `DataStream.default_stream` applies, innermost first: callables that
        take the stream, or tuples of a callable, further arguments and keyword arguments.

    Raises
    ------
    SourceError
        If the dataset does not provide one of `sources`.
    DataError
        If a subclass defines methods that would never be called.

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
    """True if `get_data` returns read-only views or copies, so that the data cannot be changed."""

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
                f"{type(self).__name__} has no names of sources; set provides_sources = "
                "('features', ...) in the class, or pass this tuple to Dataset.__init__"
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
            One example, or the indices of a batch.
        """
        raise DataError(
            f"{type(self).__name__} cannot be read by index (the request was {request!r}); its "
            "subclass must define get_data"
        )

    def filter_sources(self, data: Sequence[Any]) -> Data:
        """Return the entries of `data` for `sources`, in their order.

        Parameters
        ----------
        data : sequence
            One entry for each of `provides_sources`, in that order.

        Raises
        ------
        DataError
            If `data` has more or fewer entries.
        """
        if len(data) != len(self.provides_sources):
            raise DataError(
                f"filter_sources of {type(self).__name__} was given {len(data)} entries, but needs "
                f"one for each of {self.provides_sources}"
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
        """Close files, if there are any; they are opened again when they are needed."""

    def _copied_whole(self, moves: bool) -> bool:
        return False  # it contains the data

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        """Return the scheme that a stream over this dataset uses: `scheme`, or the default one.

        Raises
        ------
        DataError
            If the dataset cannot be read in this way, or has fewer examples.
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
        """Read the batches that `scheme` requests in epoch `epoch`, from number `start` on."""
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
        length = "" if self.num_examples is None else f"{self.num_examples} examples, "
        return f"{type(self).__name__}({length}sources={self.sources})"


class IndexableDataset(Dataset):
    """Dataset of arrays in memory, one per source, whose first axis counts the examples.

    A batch of consecutive examples is a read-only view of the array and costs no copy. To change
    the data themselves, write to `indexables`.

    A pickle of the dataset, for instance in a checkpoint, contains the data, unless the subclass
    can `load` them again.

    Parameters
    ----------
    indexables : mapping of str to array, or array
        The data: numpy arrays, CPU tensors or nested lists, all with the same N. Lists of
        examples that differ in shape become an array of objects. A single array is the source
        ``data``, or the name in `sources`.
    start, stop : int, optional
        Use only the examples from `start` up to, but not including, `stop`.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes of a batch.

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
            raise DataError(f"the sources differ in their number of examples: {lengths}")
        self.indexables = tuple(arrays[name] for name in self.sources)
        self._loaded: Data | None = self.indexables
        self._part = slice(start, stop)
        self._checksum: int | None = None
        self.num_examples = next(iter(lengths.values()))
        if self.num_examples:
            self.example_iteration_scheme = SequentialExampleScheme(self.num_examples)

    def load(self) -> Mapping[str, Any] | None:
        """Read all examples of every source again; return None if that is not possible.

        For a subclass whose data are in a file: pickles then contain a checksum instead of them.
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
        self._loaded = None  # data from a pickle are pickled again
        if "indexables" not in state:
            try:
                named = self.load() or {}
                arrays = {name: as_array(value, name)[self._part] for name, value in named.items()}
                self.indexables = self._loaded = tuple(arrays[name] for name in self.sources)
                same_or_raise(self.indexables, state["_checksum"], self)
            except DataError as error:
                error.add_note(f"while unpickling {self!r}, which reads its data again")
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
            Fuel's data sets took a state before the request; it is still accepted and ignored.

        Raises
        ------
        DataError
            If the request exceeds the examples or is of another kind.
        """
        request = after_state(request, then, self)
        if isinstance(request, slice):
            part = check_slice(request, self.num_examples, self)
            return tuple([read_only_slice(array, part) for array in self.indexables])
        try:
            index = as_index(request)
            # take() takes half the time of array[index]
            taken = [array.take(index, axis=0) for array in self.indexables]
        except (IndexError, TypeError) as error:
            raise DataError(f"{self!r} cannot read {request!r}: {error}") from None
        # the copy of an array of objects contains the same objects, not copies of them
        return tuple(
            [
                read_only(part) if array.dtype == object else part
                for part, array in zip(taken, self.indexables, strict=True)
            ]
        )


class IterableDataset(Dataset):
    """Dataset of examples that can only be read in order.

    Resuming in the middle of an epoch reads the earlier examples again and drops them.

    Parameters
    ----------
    iterables : mapping of str to iterable, or iterable
        One iterable per source, all of the same length. Each should be able to start again, as a
        list can. A generator cannot: it gives one epoch, possibly endless, and cannot be rewound. A
        single iterable is the source ``data``, or the name in `sources`.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes of an example; in batches ``batch`` precedes them.

    Raises
    ------
    DataError
        While reading: if an iterable ends before the others, or must be read a second time but
        cannot.

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
            raise DataError(f"the sources differ in their number of examples: {sized}")
        self.num_examples = next(iter(sized.values()), None)

    _hooks = "examples(self, start=0)"

    def __init_subclass__(cls, **options: Any) -> None:
        refuse_uncalled(cls, ("get_data",), cls._hooks)
        super().__init_subclass__(**options)
        check_called(cls, "examples", ("start",), "leave out the first `start` examples")

    def examples(self, start: int = 0) -> Iterator[Data]:
        """Yield the examples one by one, without the first `start`."""
        return itertools.islice(self._together(), start, None)

    def _together(self) -> Iterator[Data]:
        try:
            yield from zip(*self.iterables, strict=True)
        except ValueError as error:
            if not str(error).startswith("zip()"):
                raise
            raise DataError(
                f"the sources {self.sources} of {type(self).__name__} have different numbers of "
                "examples; all must have the same number"
            ) from None

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        if scheme is None or as_scheme(scheme).bounds is None:
            return scheme
        raise DataError(
            f"{self!r} can only be read in its own order, but iteration_scheme is {scheme!r}; use "
            "ConstantScheme(batch_size), no scheme (one example at a time), or put the "
            "data into an IndexableDataset"
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
    """Return a transformer, its further arguments and its keyword arguments."""
    parts = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    transformer, arguments, named = (*parts, *(None, (), {})[len(parts) :])[:3]
    if len(parts) > 3 or not callable(transformer) or not isinstance(named, Mapping):
        raise DataError(
            "each of default_transformers must be a callable that takes a stream, or a tuple such "
            f"as (Cast, ['float32'], {{'which_sources': ('x',)}}), not {given!r}"
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
    """Raise a `SourceError` for the first of `wanted` that is not in `available`."""
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


def after_state(request: Any, then: tuple[Any, ...], dataset: Dataset) -> Any:
    """Return the request from arguments in Fuel's form: a state, which is ignored, comes first.

    Raises
    ------
    DataError
        If a request is missing, or more than one follows the state.
    """
    if then:
        request, *more = then
        if more:
            raise DataError(f"get_data of {dataset!r} was given {len(then) + 1} arguments")
    if request is None:
        raise DataError(
            f"get_data of {dataset!r} needs a request: an index, a slice or a list of indices"
        )
    return request


def check_slice(request: slice, num_examples: int, dataset: Dataset) -> slice:
    """Return `request` if it is a range of existing examples; otherwise raise a `DataError`."""
    both = request.start is not None and request.stop is not None
    if both and request.step is None and 0 <= request.start <= request.stop <= num_examples:
        return request
    raise DataError(
        f"{dataset!r} cannot read {request!r}: a slice must have 0 <= start <= stop <= "
        f"{num_examples} and no step"
    )


def stack(examples: Sequence[Any]) -> npt.NDArray[Any]:
    """Make one array of `examples`, an array of objects if their shapes differ."""
    if any(isinstance(example, bytes) for example in examples):
        return as_objects(examples)  # an array of bytes would lose trailing zeros
    arrays = [np.asarray(example) for example in examples]
    if len({array.shape for array in arrays}) == 1:
        if len({array.dtype for array in arrays}) > 1:
            arrays = of_one_dtype(arrays, "a batch of examples")
        return np.stack(arrays)
    return as_objects(arrays)


def as_objects(examples: Sequence[Any]) -> npt.NDArray[Any]:
    """Return an array of objects, each of them an example."""
    objects = np.empty(len(examples), dtype=object)
    for index, example in enumerate(examples):  # objects[:] = would try to broadcast them
        objects[index] = example
    return objects


def as_array(value: Any, name: str) -> npt.NDArray[Any]:
    """Return `value` as an array of examples, of objects if their shapes differ."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(
            f"source {name!r} has masked values, which a data set does not support; replace them "
            "with array.filled(value), or leave them out"
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
        raise DataError(
            f"source {name!r} must be an array with an axis of examples, not {one_line(value)}"
        )
    return array


def _named(data: Any, sources: Sequence[str] | None) -> tuple[dict[str, Any], Sequence[str] | None]:
    """Return the data by source, and the sources to use."""
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
