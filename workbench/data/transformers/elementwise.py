"""Transformers that change the values, dtype or shape of each example."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.axes import AxisLabels, changed
from workbench.data.exact_dtypes import converted, converted_tensor, number_dtype
from workbench.data.streams import AbstractDataStream
from workbench.data.transformers.base import SourcewiseTransformer
from workbench.errors import DataError


class Flatten(SourcewiseTransformer):
    """Transformer that flattens each example, so that a batch becomes a matrix.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    which_sources : sequence of str, optional
        The sources to flatten; by default all.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> images = IndexableDataset(np.zeros((4, 1, 28, 28)), sources=("features",))
    >>> stream = Flatten(DataStream(images, iteration_scheme=SequentialScheme(4, batch_size=2)))
    >>> [features] = next(stream.get_epoch_iterator())
    >>> features.shape
    (2, 784)
    """

    _never_writes = True

    def __init__(
        self, data_stream: AbstractDataStream, *, which_sources: Sequence[str] | None = None
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources)

    def _inferred_labels(self) -> AxisLabels | None:
        def flat(names: tuple[str, ...]) -> tuple[str, ...]:
            return ("feature",) if self.produces_examples else (*names[:1], "feature")

        return changed(self.data_stream.axis_labels, flat, self.which_sources)

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        if not isinstance(source_batch, (np.ndarray, torch.Tensor)):
            source_batch = np.asarray(source_batch)
        # reshape(..., -1) cannot infer the product for an empty batch
        return source_batch.reshape(len(source_batch), math.prod(source_batch.shape[1:]))

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        if isinstance(source_example, torch.Tensor):
            return source_example.reshape(-1)
        return np.asarray(source_example).reshape(-1)


class ScaleAndShift(SourcewiseTransformer):
    """Transformer that computes ``scale * x + shift``.

    Floating-point data keep their dtype; integers, such as pixels, are converted to
    `config.floatx`.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    scale, shift : float or array
        The factor and the number to add; arrays are broadcast against an example.
    which_sources : sequence of str, optional
        The sources to change; by default all.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> pixels = IndexableDataset(np.array([[0, 255]], dtype=np.uint8))
    >>> stream = DataStream(pixels, iteration_scheme=SequentialScheme(1, batch_size=1))
    >>> [scaled] = next(ScaleAndShift(stream, 1 / 255, 1).get_epoch_iterator())
    >>> scaled
    array([[1., 2.]], dtype=float32)
    """

    _never_writes = True

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
        for name, given in (("scale", self.scale), ("shift", self.shift)):
            if given.dtype.kind not in "biufc":
                raise DataError(f"{name} must be a number or an array of numbers, not {given!r}")
        self._shifts = bool(np.any(self.shift))
        self._integers_become = floatx()
        self._fitted: dict[np.dtype[Any], tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {}

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        if isinstance(source_batch, torch.Tensor):
            return self._tensor(source_batch)
        array = np.asarray(source_batch)
        if array.dtype.kind in "fc":
            result = array.copy()
        else:
            result = converted(array, self._integers_become, _where(self, source_name))
        scale, shift = self._in(result.dtype)
        # in place, because a new array would be float64 for integers (NEP 50) and cost a copy
        result *= scale
        if self._shifts:
            result += shift
        return result

    def _in(self, dtype: np.dtype[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the scale and the shift, converted to the dtype of the data."""
        if dtype not in self._fitted:
            self._fitted[dtype] = (
                converted(self.scale, dtype, "the scale of ScaleAndShift"),
                converted(self.shift, dtype, "the shift of ScaleAndShift"),
            )
        return self._fitted[dtype]

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        return self.transform_source_batch(source_example, source_name)

    def _tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        dtype = tensor.dtype
        if not (dtype.is_floating_point or dtype.is_complex):
            dtype = torch.from_numpy(np.empty(0, self._integers_become)).dtype
        tensor = (
            tensor
            if tensor.dtype == dtype
            else converted_tensor(tensor, self._integers_become, "a source of ScaleAndShift")
        )
        scale = torch.as_tensor(self.scale, dtype=dtype, device=tensor.device)
        shift = torch.as_tensor(self.shift, dtype=dtype, device=tensor.device)
        return tensor * scale + shift

    def __repr__(self) -> str:
        return (
            f"ScaleAndShift({self.data_stream!r}, {self.scale.tolist()}, {self.shift.tolist()}, "
            f"which_sources={self.which_sources})"
        )


class Cast(SourcewiseTransformer):
    """Transformer that converts data to a dtype.

    If the dtype is a floating-point dtype, floats are rounded to its precision. All other
    conversions are exact, or raise an error.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    dtype : str or numpy.dtype
        The new numeric dtype; ``"floatx"`` stands for `config.floatx`.
    which_sources : sequence of str, optional
        The sources to change; by default all.

    Raises
    ------
    DataError
        If the dtype does not exist or, while reading, if it cannot represent a value, such as 300
        as uint8, 2**53 + 1 as float64, 1e39 as float32, or NaN or 0.5 as an integer.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> stream = DataStream(IndexableDataset([1, 2]), iteration_scheme=SequentialScheme(2, 2))
    >>> next(Cast(stream, "float32").get_epoch_iterator())
    (array([1., 2.], dtype=float32),)
    """

    _never_writes = True

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
            self.dtype = number_dtype(dtype, "Cast")

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        if isinstance(source_batch, torch.Tensor):
            return converted_tensor(source_batch, self.dtype, _where(self, source_name))
        return converted(np.asarray(source_batch), self.dtype, _where(self, source_name))

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        return self.transform_source_batch(source_example, source_name)

    def __repr__(self) -> str:
        return f"Cast({self.data_stream!r}, {self.dtype.name!r})"


class ForceFloatX(SourcewiseTransformer):
    """Transformer that converts floating-point data to `config.floatx`.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    which_sources : sequence of str, optional
        The sources to change; by default all.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> dataset = IndexableDataset({"x": np.array([0.5, 1.5]), "y": np.array([1, 2])})
    >>> stream = ForceFloatX(DataStream(dataset, iteration_scheme=SequentialScheme(2, 2)))
    >>> next(stream.get_epoch_iterator())
    (array([0.5, 1.5], dtype=float32), array([1, 2]))
    """

    _never_writes = True

    def __init__(
        self, data_stream: AbstractDataStream, *, which_sources: Sequence[str] | None = None
    ) -> None:
        super().__init__(data_stream, which_sources=which_sources)
        self.dtype = floatx()

    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        if isinstance(source_batch, torch.Tensor):
            if not source_batch.is_floating_point():
                return source_batch
            return converted_tensor(source_batch, self.dtype, _where(self, source_name))
        array = np.asarray(source_batch)
        if array.dtype.kind != "f":
            return source_batch
        return converted(array, self.dtype, _where(self, source_name))

    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        return self.transform_source_batch(source_example, source_name)


def _where(transformer: SourcewiseTransformer, source: str) -> str:
    return f"{type(transformer).__name__}: source {source!r}"


def floatx() -> np.dtype[Any]:
    """Return `config.floatx` as a numpy dtype."""
    from workbench.config import config

    return np.dtype(config.floatx)
