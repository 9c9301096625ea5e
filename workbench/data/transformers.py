"""Transformers: data streams that change what another stream gives, batch by batch.

Each takes the stream below as its first argument and is itself a stream, so that they nest:
``Flatten(Cast(stream, "float32"))``. They hold no state; where training stands is known to the
outermost stream (see `workbench.data.streams`). A transformer of one's own derives from
`Transformer` and defines `transform`, or from `SourcewiseTransformer` where it treats one source
at a time. Arrays may be numpy arrays or torch tensors, as the stream below gives them.

In what follows B is the batch size.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.datasets import Data, check_sources, stack
from workbench.data.streams import AbstractDataStream
from workbench.errors import DataError


class Transformer(AbstractDataStream):
    """A stream that changes each batch (or example) of another.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    """

    def __init__(self, data_stream: AbstractDataStream) -> None:
        if not isinstance(data_stream, AbstractDataStream):
            raise DataError(
                f"{type(self).__name__} transforms a data stream, not "
                f"{type(data_stream).__name__}; make one with DataStream or as_stream"
            )
        self.data_stream = data_stream
        self.sources = data_stream.sources
        self.num_batches = data_stream.num_batches
        self.num_examples = data_stream.num_examples
        self.produces_examples = data_stream.produces_examples

    @abstractmethod
    def transform(self, data: Data) -> Data:
        """Return what to give in place of `data`, one entry a source."""

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        return map(self.transform, self.data_stream.iterate(epoch, start))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data_stream!r})"


class Mapping(Transformer):
    """Apply a function to each batch (or example).

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    mapping : callable
        Takes the tuple of a batch's arrays and returns a tuple of as many, or of as many as
        `add_sources` names.
    add_sources : sequence of str, optional
        Names under which the results are added behind the sources there are; without it they
        replace them.

    Raises
    ------
    DataError
        While reading, if `mapping` returns another number of arrays.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> stream = DataStream(IndexableDataset([1, 2, 3]), iteration_scheme=SequentialScheme(3, 3))
    >>> squared = Mapping(stream, lambda data: (data[0] ** 2,), add_sources=("squares",))
    >>> next(squared.get_epoch_iterator(as_dict=True))
    {'data': array([1, 2, 3]), 'squares': array([1, 4, 9])}
    """

    def __init__(
        self,
        data_stream: AbstractDataStream,
        mapping: Callable[[Data], Sequence[Any]],
        add_sources: Sequence[str] | None = None,
    ) -> None:
        super().__init__(data_stream)
        self.mapping = mapping
        self.add_sources = None if add_sources is None else tuple(add_sources)
        if self.add_sources is not None:
            for name in self.add_sources:
                if name in self.sources:
                    raise DataError(f"Mapping is to add the source {name!r}, which exists already")
            self.sources = self.sources + self.add_sources

    def transform(self, data: Data) -> Data:
        image = self.mapping(data)
        names = self.sources if self.add_sources is None else self.add_sources
        if not isinstance(image, (tuple, list)) or len(image) != len(names):
            got = f"{len(image)} entries" if isinstance(image, (tuple, list)) else repr(image)
            raise DataError(
                f"the function of a Mapping returned {got}; expected a tuple of {len(names)}, for "
                f"the sources {names}"
            )
        return tuple(image) if self.add_sources is None else (*data, *image)


class SourcewiseTransformer(Transformer):
    """A transformer that treats each of some sources by itself.

    A batch whose examples differ in shape, an array of objects, is treated example by example.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    which_sources : sequence of str, optional
        The sources to change; all if not given.

    Raises
    ------
    SourceError
        If the stream has no such source.
    """

    def __init__(
        self, data_stream: AbstractDataStream, *, which_sources: Sequence[str] | None = None
    ) -> None:
        super().__init__(data_stream)
        wanted = (which_sources,) if isinstance(which_sources, str) else which_sources
        self.which_sources = self.sources if wanted is None else tuple(wanted)
        check_sources(self.which_sources, self.sources, repr(data_stream))
        self._changed = [
            (index, name) for index, name in enumerate(self.sources) if name in self.which_sources
        ]

    @abstractmethod
    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        """Return what to give in place of the array of a batch, whose first axis is B."""

    @abstractmethod
    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        """Return what to give in place of a single example."""

    def transform(self, data: Data) -> Data:
        entries = list(data)
        for index, name in self._changed:
            entry = entries[index]
            if self.produces_examples:
                entries[index] = self.transform_source_example(entry, name)
            elif isinstance(entry, np.ndarray) and entry.dtype == object:
                entries[index] = stack([self.transform_source_example(e, name) for e in entry])
            else:
                entries[index] = self.transform_source_batch(entry, name)
        return tuple(entries)


class Flatten(SourcewiseTransformer):
    """Make a vector of each example: (B, ...) becomes (B, product of the rest).

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    which_sources : sequence of str, optional
        The sources to flatten; all if not given.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> images = IndexableDataset(np.zeros((4, 1, 28, 28)), sources=("features",))
    >>> stream = Flatten(DataStream(images, iteration_scheme=SequentialScheme(4, batch_size=2)))
    >>> [features] = next(stream.get_epoch_iterator())
    >>> features.shape
    (2, 784)
    """

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        if not isinstance(source_batch, (np.ndarray, torch.Tensor)):
            source_batch = np.asarray(source_batch)
        # not -1: an empty batch has no product of the rest to infer
        return source_batch.reshape(len(source_batch), math.prod(source_batch.shape[1:]))

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        if isinstance(source_example, torch.Tensor):
            return source_example.reshape(-1)
        return np.asarray(source_example).reshape(-1)


class ScaleAndShift(SourcewiseTransformer):
    """Give ``scale * x + shift``.

    Floating-point data keep their dtype; integers, such as pixels, become `config.floatx`.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    scale, shift : float or array
        The numbers; arrays are broadcast against an example.
    which_sources : sequence of str, optional
        The sources to change; all if not given.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> pixels = IndexableDataset(np.array([[0, 255]], dtype=np.uint8))
    >>> stream = DataStream(pixels, iteration_scheme=SequentialScheme(1, batch_size=1))
    >>> [scaled] = next(ScaleAndShift(stream, 1 / 255, 1).get_epoch_iterator())
    >>> scaled
    array([[1., 2.]], dtype=float32)
    """

    def __init__(
        self,
        data_stream: AbstractDataStream,
        scale: npt.ArrayLike,
        shift: npt.ArrayLike,
        *,
        which_sources: Sequence[str] | None = None,
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources)
        self.scale = np.asarray(scale)
        self.shift = np.asarray(shift)
        self._shifts = bool(np.any(self.shift))
        self._integers_become = floatx()

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        if isinstance(source_batch, torch.Tensor):
            return self._tensor(source_batch)
        array = np.asarray(source_batch)
        dtype = array.dtype if array.dtype.kind in "fc" else self._integers_become
        result = array.astype(dtype)
        # in place: NEP 50 would make float64 of integers, and another copy costs more than this
        result *= self.scale.astype(dtype)
        if self._shifts:
            result += self.shift.astype(dtype)
        return result

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        return self.transform_source_batch(source_example, source_name)

    def _tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        dtype = tensor.dtype
        if not (dtype.is_floating_point or dtype.is_complex):
            dtype = torch.from_numpy(np.empty(0, self._integers_become)).dtype
        scale = torch.as_tensor(self.scale, dtype=dtype, device=tensor.device)
        shift = torch.as_tensor(self.shift, dtype=dtype, device=tensor.device)
        return tensor.to(dtype) * scale + shift

    def __repr__(self) -> str:
        return (
            f"ScaleAndShift({self.data_stream!r}, {self.scale.tolist()}, {self.shift.tolist()}, "
            f"which_sources={self.which_sources})"
        )


class Cast(SourcewiseTransformer):
    """Convert to a dtype.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    dtype : str or numpy.dtype
        What to convert to; ``"floatx"`` is `config.floatx`.
    which_sources : sequence of str, optional
        The sources to change; all if not given.

    Raises
    ------
    DataError
        If there is no such dtype.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> stream = DataStream(IndexableDataset([1, 2]), iteration_scheme=SequentialScheme(2, 2))
    >>> next(Cast(stream, "float32").get_epoch_iterator())
    (array([1., 2.], dtype=float32),)
    """

    def __init__(
        self,
        data_stream: AbstractDataStream,
        dtype: npt.DTypeLike,
        *,
        which_sources: Sequence[str] | None = None,
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources)
        if isinstance(dtype, str) and dtype.lower() == "floatx":
            self.dtype = floatx()
        else:
            try:
                self.dtype = np.dtype(dtype)
            except TypeError:
                raise DataError(
                    f"Cast was given dtype={dtype!r}; expected what numpy.dtype takes, such as "
                    "'float32' or 'int64', or 'floatx'"
                ) from None

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        if isinstance(source_batch, torch.Tensor):
            return source_batch.to(torch.from_numpy(np.empty(0, self.dtype)).dtype)
        return np.asarray(source_batch, dtype=self.dtype)

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        return self.transform_source_batch(source_example, source_name)

    def __repr__(self) -> str:
        return f"Cast({self.data_stream!r}, {self.dtype.name!r})"


def floatx() -> np.dtype[Any]:
    """Return the dtype that the settings give to floating-point data."""
    from workbench.config import config

    return np.dtype(config.floatx)
