"""Padding of sequences of different lengths to the same length, with masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.axes import AxisLabels
from workbench.data.exact_dtypes import converted
from workbench.data.streams import AbstractDataStream, Data
from workbench.data.transformers.base import Transformer, chosen_sources
from workbench.data.transformers.elementwise import floatx
from workbench.errors import DataError


class Padding(Transformer):
    """Transformer that pads the sequences of a batch with zeros to the same length and adds masks.

    A source of B sequences of shapes (T_1, ...), ..., (T_B, ...) becomes an array of shape (B, T,
    ...), where T is the largest length. It is followed by its mask, a source of shape (B, T) with
    the suffix ``_mask``, which is one for data and zero for padding.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream of batches.
    mask_sources : sequence of str, optional
        The sources to pad; by default all.
    mask_dtype : dtype, optional
        The dtype of the masks; by default `config.floatx`.

    Raises
    ------
    SourceError
        If one of the sources is missing from the stream.
    DataError
        If the stream yields examples, if `mask_dtype` is not a dtype, if the name of a mask is
        already the name of a source or, while reading, if examples differ in more than their
        length.

    Examples
    --------
    >>> from workbench.data import ConstantScheme, DataStream, IterableDataset
    >>> words = IterableDataset({"words": [[3, 1, 4], [1], [5, 9]]})
    >>> stream = Padding(DataStream(words, iteration_scheme=ConstantScheme(3)), mask_dtype="int8")
    >>> batch = next(stream.get_epoch_iterator(as_dict=True))
    >>> print(batch["words"])
    [[3 1 4]
     [1 0 0]
     [5 9 0]]
    >>> print(batch["words_mask"])
    [[1 1 1]
     [1 0 0]
     [1 1 0]]
    """

    _never_writes = True

    def __init__(
        self,
        data_stream: AbstractDataStream,
        mask_sources: Sequence[str] | None = None,
        mask_dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(data_stream)
        if data_stream.produces_examples:
            raise DataError(
                f"data_stream of Padding must yield batches, but {data_stream!r} yields examples; "
                "wrap it in Batch"
            )
        self.batch_size = data_stream.batch_size
        self.mask_sources = chosen_sources(data_stream, mask_sources)
        try:
            self.mask_dtype = floatx() if mask_dtype is None else np.dtype(mask_dtype)
        except TypeError:
            raise DataError(
                "mask_dtype of Padding must be a numpy dtype, such as 'float32' or 'bool', not "
                f"{mask_dtype!r}"
            ) from None
        names: list[str] = []
        for name in data_stream.sources:
            names += [name, f"{name}_mask"] if name in self.mask_sources else [name]
        for name in set(names):
            if names.count(name) > 1:
                raise DataError(
                    f"Padding cannot add the source {name!r}, because it already exists; rename "
                    "the existing source"
                )
        self.sources = tuple(names)

    def _inferred_labels(self) -> AxisLabels | None:
        labels = self.data_stream.axis_labels
        if labels is None:
            return None
        masks = {
            f"{name}_mask": names and names[:2]
            for name, names in labels.items()
            if name in self.mask_sources
        }
        return {**labels, **masks}

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    def transform(self, data: Data) -> Data:
        entries: list[Any] = []
        for name, source in zip(self.data_stream.sources, data, strict=True):
            if name in self.mask_sources:
                entries += self._padded(name, source)
            else:
                entries.append(source)
        return tuple(entries)

    def _padded(self, name: str, source: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        examples = [np.asarray(example) for example in source]
        rests = {example.shape[1:] for example in examples}
        if len(rests) > 1 or any(not example.ndim for example in examples):
            shapes = sorted({example.shape for example in examples})
            raise DataError(
                f"to be padded, the examples of source {name!r} must differ only in the length of "
                f"their first axis, but have the shapes {', '.join(map(str, shapes[:5]))}"
            )
        lengths = np.array([len(example) for example in examples], dtype=np.intp)
        longest = int(lengths.max(initial=0))
        shape = (len(examples), longest, *next(iter(rests), ()))
        padded: npt.NDArray[Any] = np.zeros(shape, _dtype(examples))
        for row, example in zip(padded, examples, strict=True):
            if example.dtype != padded.dtype:
                example = converted(example, padded.dtype, f"Padding: source {name!r}")
            row[: len(example)] = example
        mask = (np.arange(longest) < lengths[:, None]).astype(self.mask_dtype)
        return padded, mask

    def __repr__(self) -> str:
        return (
            f"Padding({self.data_stream!r}, {self.mask_sources}, mask_dtype={self.mask_dtype.name})"
        )


def _dtype(examples: list[npt.NDArray[Any]]) -> np.dtype[Any]:
    # an empty list was converted to an array of float64, which must not affect the common dtype
    relevant = [example.dtype for example in examples if example.size] or [np.dtype(float)]
    return np.result_type(*relevant)
