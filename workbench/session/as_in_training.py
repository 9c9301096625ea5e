"""Conversion of tables, labels and images to the form that they have in training batches.

`DataStream.from_frame`, `from_arrays` and `from_folder` encode the training data, so data for
predictions must be encoded by the same rules. The dataset and the transformers of the stream store
these rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.data import AbstractDataStream
from workbench.data.convert.images import images_in
from workbench.data.encoded_dataset import FEATURES, TARGETS, EncodedDataset
from workbench.data.files import regular_file, some
from workbench.data.image_folder import read_folder, read_images
from workbench.data.pixels import is_to_unit, kind_of, largest_beyond_unit
from workbench.data.targets import encoded_targets, values_of
from workbench.data.transformers import ScaleAndShift
from workbench.errors import DataError, SessionError

NO_PIXELS = (
    "the images {name!r} must contain integers from 0 to 255, as in training, but one is {value}; "
    "convert them to 8 bits"
)
NOT_SCALED = (
    "the images {name!r} were scaled to 0..1 in training, but a value is {value:.6g}; divide the "
    "values by 255 if they range from 0 to 255, or pass them as integers"
)
NO_COLUMNS = (
    "{method}: each column of a dictionary must be a list or an array of values, one for each row, "
    "but {wrong}"
)
UNEQUAL = "{method}: the columns of a dictionary must have equal lengths, but {lengths} values"
OTHER_INDEX = (
    "{method}: the columns {names} have different indexes, so it is unclear which of their values "
    "form a row; pass a DataFrame, or arrays as column.to_numpy()"
)


class AsInTraining:
    """Rules used to encode the training data.

    Parameters
    ----------
    stream : AbstractDataStream or None
        The stream that training reads.
    """

    def __init__(self, stream: AbstractDataStream | None) -> None:
        below = list(_below(stream))
        dataset = getattr(below[-1], "dataset", None) if below else None
        self._dataset = dataset if isinstance(dataset, EncodedDataset) else None
        self._scales_last = bool(below) and isinstance(below[0], ScaleAndShift)
        self._scalings = [one for one in reversed(below) if isinstance(one, ScaleAndShift)]

    def table(self, frame: Any, inputs: Iterable[str]) -> dict[str, Any] | None:
        """Return the encoded arrays of a table, or None if the table needs no encoding."""
        names = set(inputs)
        encoding = None if self._dataset is None else self._dataset.encoding
        if encoding is None or not names <= {FEATURES, TARGETS}:
            return None
        if names <= set(frame.columns) and not set(encoding.columns) <= set(frame.columns):
            return None
        found = {}
        if FEATURES in names:
            found[FEATURES] = encoding.features(frame)
        if TARGETS in names:
            found[TARGETS] = encoding.targets(frame).values
        return found

    def rows(self, data: Mapping[str, Any], inputs: Iterable[str], method: str) -> Any:
        """Convert a dictionary of columns to a table; return None if it needs no encoding.

        If no value of the dictionary has a length, it is a single row.

        Raises
        ------
        SessionError
            If a column is not a vector, or if it is unclear which values form a row.
        """
        import pandas as pd

        encoding = None if self._dataset is None else self._dataset.encoding
        if encoding is None or not set(inputs).isdisjoint(data):
            return None
        if set(encoding.columns).isdisjoint(data):
            return None
        kinds = {name: _not_a_column(value) for name, value in data.items()}
        needed = {*encoding.columns, *encoding.target}
        wrong = [f"{name!r} is {kind}" for name, kind in kinds.items() if kind and name in needed]
        if wrong:
            raise SessionError(NO_COLUMNS.format(method=method, wrong=some(wrong, str)))
        columns = {name: value for name, value in data.items() if kinds[name] is None}
        lengths = {name: len(value) for name, value in columns.items() if np.ndim(value)}
        if len(set(lengths.values())) > 1:
            shown = [f"{name!r} has {length}" for name, length in lengths.items()]
            raise SessionError(UNEQUAL.format(method=method, lengths=some(shown, str)))
        series = {n: value.index for n, value in columns.items() if isinstance(value, pd.Series)}
        if any(not one.equals(next(iter(series.values()))) for one in series.values()):
            raise SessionError(OTHER_INDEX.format(method=method, names=some(series)))
        return pd.DataFrame(columns if lengths else [columns])

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """The values of a table's text columns, keyed by column; see `read_frame`."""
        encoding = None if self._dataset is None else self._dataset.encoding
        return {} if encoding is None else encoding.texts

    def encoded_columns(self, name: str) -> tuple[str, ...] | None:
        """Return the table columns that were encoded to compute a source.

        The result is None if the source is not from a table, or if its columns were not encoded.
        """
        encoding = None if self._dataset is None else self._dataset.encoding
        if encoding is None or name != FEATURES:
            return None
        return encoding.columns if encoding.numbers or encoding.categories else None

    def folder(self, path: Path) -> tuple[Any, list[str]] | None:
        """Return images and their classes from a folder, or None if training reads no folder.

        Raises
        ------
        DataError
            If the training images were not resized, and these images have a different size.
        """
        if self._dataset is None or self._dataset.images is None:
            return None
        (size, mode), pixels = self._dataset.images, self._dataset.indexables[0]
        return read_folder(path, size, mode, pixels.shape[2:], trained=True)

    def files(self, folder: Path) -> Any:
        """Return all images in a folder, in the order of their paths; classes are not needed."""
        found = [file for file, _ in images_in(folder, complete=False, classes=False)]
        return self.images(found, f"in {folder}")

    @property
    def reads_images(self) -> bool:
        """True if training reads a folder of images."""
        return self._dataset is not None and self._dataset.images is not None

    def described(self, name: str) -> dict[str, Any]:
        """Return the encoding of an input as plain data, which is empty if it is unknown."""
        found: dict[str, Any] = {}
        encoding = None if self._dataset is None else self._dataset.encoding
        if encoding is not None and name == FEATURES:
            found["columns"] = [encoding.plain(column) for column in encoding.columns]
            found["features"] = list(encoding.names)
        if self.reads_images and name == FEATURES:
            assert self._dataset is not None and self._dataset.images is not None
            (size, mode), pixels = self._dataset.images, self._dataset.indexables[0]
            found["images"] = {
                "axes": ["batch", "channels", "height", "width"],
                "mode": mode,
                "size": list(pixels.shape[2:]),
                "resized": size is not None,
            }
        scalings = [scaling for scaling in self._scalings if name in scaling.which_sources]
        if scalings:
            found["scaled"] = [
                {"scale": one.scale.tolist(), "shift": one.shift.tolist()} for one in scalings
            ]
        return found

    @property
    def keys(self) -> Mapping[str, str]:
        """The original key of each source that `fit` has renamed."""
        return {} if self._dataset is None else self._dataset.keys

    def images(self, paths: Iterable[Path], where: str = "that were passed") -> Any:
        """Return images from files, read in the same way as the training images."""
        assert self._dataset is not None and self._dataset.images is not None
        (size, mode), pixels = self._dataset.images, self._dataset.indexables[0]
        files = [regular_file(path, "image") for path in paths]
        return read_images(files, size, mode, pixels.shape[2:], where=where, trained=True)

    def array(self, given: Any, name: str) -> Any:
        """Return the values of a source as an array or tensor; targets are encoded."""
        dataset = self._dataset
        if dataset is None or name != TARGETS or TARGETS not in dataset.sources:
            return given if isinstance(given, torch.Tensor) else np.asarray(given)
        labels: Any = dataset.labels
        if labels is None:
            return encoded_targets(given, TARGETS, as_classes=False).values
        kind = values_of(given, TARGETS).dtype.kind
        if kind in "iuf" and isinstance(labels[0], str):
            labels = range(len(labels))  # class indices
        return encoded_targets(given, TARGETS, as_classes=True, labels=labels).values

    def scaled(self, values: Any, name: str, *, of_arrays: bool = True) -> Any:
        """Return the values of an input; pixels are scaled as in training.

        Pixels are values of dtype uint8 or, if images were scaled in training from 0..255 to 0..1,
        integers of any dtype.

        Parameters
        ----------
        values : array or tensor
        name : str
            The name of the input.
        of_arrays : bool, optional
            False if the values are a batch of a stream, which may scale images in its own way.

        Raises
        ------
        DataError
            If images contain integers outside 0..255, or if arrays contain floats that are not
            scaled to 0..1.
        """
        scalings = [scaling for scaling in self._scalings if name in scaling.which_sources]
        if scalings and is_to_unit(scalings[0]):
            values = self._pixels(values, name, scalings, of_arrays)
        if values.dtype not in (np.dtype(np.uint8), torch.uint8):
            return values
        for scaling in scalings:
            values = scaling.transform_source_batch(values, name)
        return values

    def _pixels(
        self, values: Any, name: str, scalings: list[ScaleAndShift], of_arrays: bool
    ) -> Any:
        """Return integers as uint8 after checking their range, and check the range of floats."""
        kind = kind_of(values)
        if kind not in "if" or not values.shape or 0 in values.shape:
            return values
        if kind == "f":
            only = of_arrays and len(scalings) == 1 and self._scales_last
            if only and (beyond := largest_beyond_unit(values)) is not None:
                raise DataError(NOT_SCALED.format(name=name, value=beyond))
            return values
        least, most = values.min().item(), values.max().item()
        if least < 0 or most > 255:
            raise DataError(NO_PIXELS.format(name=name, value=least if least < 0 else most))
        tensor = isinstance(values, torch.Tensor)
        return values.to(torch.uint8) if tensor else values.astype(np.uint8)


def _not_a_column(value: Any) -> str | None:
    """Describe a value that is not a column; return None for a vector or a single value."""
    kind = type(value).__name__
    if not hasattr(value, "ndim") and not isinstance(value, Sequence):
        return f"of type {kind}" if isinstance(value, Iterable) else None
    try:
        shape = np.shape(value)
    except ValueError:  # lists of unequal lengths
        return f"a nested {kind}"
    if len(shape) < 2:
        return None
    return f"a {kind} of shape {shape}" if hasattr(value, "ndim") else f"a nested {kind}"


def _below(stream: Any) -> Iterator[Any]:
    """Yield a stream and the streams that it transforms."""
    while isinstance(stream, AbstractDataStream):
        yield stream
        stream = getattr(stream, "data_stream", None)
