"""Streams from a table, arrays or a folder of images, in one call.

`DataStream.from_frame`, `from_arrays` and `from_folder` are defined here, because they need the
datasets and the transformers, which are built on streams. Each returns a stream or, if `validation`
is given, a pair of streams: the first is shuffled in each epoch, and the second is read in order.
The datasets of the streams have the attributes `classes`, the class names of the targets,
and `encoding`, the `TableEncoding` of a table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.encoded_dataset import FEATURES, TARGETS, EncodedDataset
from workbench.data.given_arrays import apart, encoded_arrays, features_of, other_arrays, own
from workbench.data.held_out import check_fraction, held_out
from workbench.data.image_folder import read_folder
from workbench.data.pixels import to_unit
from workbench.data.schemes import SequentialScheme, ShuffledScheme
from workbench.data.seeds import resolve_seed
from workbench.data.streams import AbstractDataStream, DataStream
from workbench.data.table_encoding import TableEncoding, check_frame, learn_encoding
from workbench.data.table_files import advice_for_file, read_frame
from workbench.data.targets import Targets
from workbench.errors import DataError
from workbench.hints import hinted
from workbench.utils.numbers import is_count

if TYPE_CHECKING:
    import pandas as pd

Made = AbstractDataStream | tuple[AbstractDataStream, AbstractDataStream]
EVALUATED_TOGETHER = 256
"""Minimum number of examples in a batch for validation."""


@hinted
def from_frame(
    frame: pd.DataFrame | str | os.PathLike[str],
    target: str | Sequence[str],
    *,
    validation: float | pd.DataFrame | str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    as_classes: bool | None = None,
    standardise: bool = True,
    seed: int | None = None,
) -> Made:
    """Create a data stream from the rows of a table.

    The source ``features`` has the shape (B, features). Numbers are standardised with the mean and
    standard deviation of the training rows, a bool becomes 0 or 1, and text and pandas categories
    become one feature for each value. The index of the frame is not used. ``targets`` contains
    class indices, of shape (B,), or numbers of shape (B, targets).

    Parameters
    ----------
    frame : pandas.DataFrame or path
        The table, or the path of a CSV, TSV or Parquet file.
    target : str or sequence of str
        The column or columns that a model predicts.
    validation : float, pandas.DataFrame or path, optional
        The fraction of the rows to hold out at random, or another table or file. If it is given,
        the result is a pair of streams.
    batch_size : int
        The number of rows in a batch.
    as_classes : bool, optional
        True if the target is a class, False if not. By default text, bools, pandas categories and
        the integers 0, 1, 2 ... are classes, and fractions are not.
    standardise : bool
        If False, numbers stay as they are.
    seed : int, optional
        The seed for the split and the order of rows; ``config.default_seed`` by default.

    Returns
    -------
    AbstractDataStream or pair of AbstractDataStream

    Raises
    ------
    DataError
        If a value is missing, infinite or cannot be encoded, if no rows are left for one of
        the streams, or if it is unclear whether the target is a class.
    SourceError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from workbench.data import DataStream
    >>> frame = pd.DataFrame({"size": [1.0, 2.0, 3.0, 6.0], "kind": ["a", "b", "a", "b"]})
    >>> training, validation = DataStream.from_frame(frame, "kind", validation=0.5)
    >>> training.dataset.classes, training.dataset.encoding.describe()
    (('a', 'b'), ['size: standardised, mean 4.5, deviation 1.5'])
    """
    table, file = _read(frame)
    seed = resolve_seed(None, seed, "a stream")
    target = [target] if isinstance(target, str) else list(target)
    fraction = _is_fraction(validation)

    def part(some: pd.DataFrame) -> EncodedDataset:
        targets = encoding.targets(some)
        arrays = {FEATURES: encoding.features(some), TARGETS: targets.values}
        return _dataset(arrays, targets, encoding)

    with advice_for_file(file):
        check_frame(table)
        rows, held = np.arange(len(table)), None
        if fraction:
            whole = learn_encoding(table, target, rows, as_classes=as_classes, standardise=False)
            targets = whole.targets(table)
            by_class = None if targets.classes is None else targets.values
            rows, held = held_out(len(table), float(validation), seed, by_class)  # type: ignore[arg-type]
        encoding = learn_encoding(
            table, target, rows, as_classes=as_classes, standardise=standardise
        )
        training = _shuffled(part(table.iloc[rows]), batch_size, seed)
        if held is not None:
            return training, _in_order(part(table.iloc[held]), batch_size)
    if validation is None:
        return training
    other, other_file = _read(validation, encoding)
    with advice_for_file(other_file, "validation=frame"):
        check_frame(other)
        return training, _in_order(part(other), batch_size)


def _read(
    given: Any, encoding: TableEncoding | None = None
) -> tuple[Any, str | os.PathLike[str] | None]:
    """Return a table and its file; the file is None if the table itself was passed.

    The `encoding` of the training data, if given, determines which columns can stay text.
    """
    if isinstance(given, (str, os.PathLike)):
        return read_frame(given, None if encoding is None else encoding.texts), given
    return given, None


@hinted
def from_arrays(
    features: Any,
    targets: Any = None,
    *,
    validation: float | tuple[Any, Any] | Mapping[str, Any] | None = None,
    batch_size: int = 32,
    as_classes: bool | None = None,
    indices: bool = False,
    seed: int | None = None,
) -> Made:
    """Create a data stream from arrays whose first axis indexes the examples.

    ``features`` are converted to ``config.floatx``. Images, which are arrays of dtype uint8 with at
    least three axes and values above 1, are scaled from 0..255 to 0..1. ``targets`` contains
    class indices, of shape (B,), or numbers of shape (B, targets).

    Parameters
    ----------
    features : array, tensor, or dict of arrays or tensors
        The inputs of a model; the keys of a dictionary name the sources. An array named
        ``"targets"`` in a dictionary is used as `targets` if `targets` is not passed.
    targets : array, tensor or list, optional
        The values that a model predicts.
    validation : float, pair or dict, optional
        The fraction of the examples to hold out at random, or other features and targets. If it
        is given, the result is a pair of streams.
    batch_size : int
        The number of examples in a batch.
    as_classes : bool, optional
        True if the targets are classes, False if not. By default text, bools and the integers 0, 1,
        2 ... are classes, and fractions are not.
    indices : bool
        If True, integers in `features` stay integers, for a `LookupTable`.
    seed : int, optional
        The seed for the split and the order of examples; ``config.default_seed`` by default.

    Returns
    -------
    AbstractDataStream or pair of AbstractDataStream

    Raises
    ------
    DataError
        If the arrays have different numbers of examples, if a value is missing, infinite or not a
        number, or if it is unclear whether the targets are classes.

    Examples
    --------
    >>> from workbench.data import DataStream
    >>> stream = DataStream.from_arrays(np.eye(3), ["a", "b", "a"], batch_size=2, seed=1)
    >>> stream.sources, stream.dataset.classes, stream.num_batches
    (('features', 'targets'), ('a', 'b'), 2)
    """
    seed = resolve_seed(None, seed, "a stream")
    if isinstance(validation, Mapping):
        validation = apart(validation, None)
    features, targets = apart(features, targets)
    arrays = features_of(features, indices)
    encoded = encoded_arrays(arrays, targets, as_classes, None)
    count = len(next(iter(arrays.values())))
    rows, held = np.arange(count), None
    if _is_fraction(validation):
        by_class = None if encoded is None or encoded.classes is None else encoded.values
        rows, held = held_out(count, float(validation), seed, by_class)  # type: ignore[arg-type]
    kept = own(arrays, features) if held is None else arrays  # a split copies the arrays
    whole = kept if encoded is None else {**kept, TARGETS: encoded.values}
    images = [name for name, array in arrays.items() if array.dtype == np.uint8]
    chosen = whole if held is None else {name: array[rows] for name, array in whole.items()}
    training = _scaled(_shuffled(_dataset(chosen, encoded), batch_size, seed), images)
    if validation is None:
        return training
    if held is not None:
        other = {name: array[held] for name, array in whole.items()}
    else:
        other = other_arrays(validation, arrays, encoded, as_classes, indices, images)
    return training, _scaled(_in_order(_dataset(other, encoded), batch_size), images)


@hinted
def from_folder(
    folder: str | os.PathLike[str],
    *,
    validation: float | str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    size: tuple[int, int] | None = None,
    mode: str = "RGB",
    seed: int | None = None,
) -> Made:
    """Create a data stream from a folder that has one sub-folder of images for each class.

    ``features`` has the shape (B, channels, height, width), with values from 0 to 1, and
    ``targets`` contains the indices of the classes, which are the names of the sub-folders in
    alphabetical order. All images are read into memory.

    Parameters
    ----------
    folder : str or Path
        The folder.
    validation : float or path, optional
        The fraction of the images of each class to hold out at random, or another folder. If it
        is given, the result is a pair of streams.
    batch_size : int
        The number of images in a batch.
    size : (int, int), optional
        The height and width that all images are resized to; required if they differ in size.
    mode : str
        The mode that images are converted to: ``"RGB"``, ``"L"`` (grey) or ``"RGBA"``.
    seed : int, optional
        The seed for the split and the order of examples; ``config.default_seed`` by default.

    Returns
    -------
    AbstractDataStream or pair of AbstractDataStream

    Raises
    ------
    DataError
        If images differ in size, if an image is not in a sub-folder, if the sub-folders are splits
        such as ``train`` and ``val``, or if an argument is not valid.
    MissingDataError
        If there is no such folder, or it contains no images.
    DataFileError
        If an image cannot be read, or if a sub-folder of `folder` contains no images.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from workbench.data import DataStream
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, grey in (("dark", 0), ("light", 255)):
    ...     (folder / name).mkdir()
    ...     Image.new("L", (4, 3), grey).save(folder / name / "1.png")
    >>> stream = DataStream.from_folder(folder, mode="L")
    >>> next(stream.get_epoch_iterator(as_dict=True))["features"].shape
    (2, 1, 3, 4)
    """
    pixels, names = read_folder(Path(folder), size, mode)
    if isinstance(validation, (str, os.PathLike)):
        fixed = (pixels.shape[2], pixels.shape[3]) if size is None else size
        validation_data: Any = read_folder(Path(validation), size, mode, fixed)
    else:
        validation_data = validation
    made = from_arrays(
        pixels, names, validation=validation_data, batch_size=batch_size, as_classes=True, seed=seed
    )
    for stream in made if isinstance(made, tuple) else (made,):
        dataset_below(stream).images = (size, mode)
    return made


def dataset_below(stream: Any) -> Any:
    """Return the dataset below all transformers of a stream, or None if there is no dataset."""
    while isinstance(getattr(stream, "data_stream", None), AbstractDataStream):
        stream = stream.data_stream
    return getattr(stream, "dataset", None)


def _is_fraction(validation: object) -> bool:
    """Return True if `validation` is a fraction; raise an error for any other number."""
    if validation is None or not isinstance(validation, (bool, int, float, np.number)):
        return False
    check_fraction(validation)
    return True


def _dataset(
    arrays: Mapping[str, Any], targets: Targets | None, encoding: TableEncoding | None = None
) -> EncodedDataset:
    if targets is None:
        return EncodedDataset(dict(arrays), encoding=encoding)
    return EncodedDataset(dict(arrays), targets.classes, encoding, targets.labels)


def _check_size(batch_size: object) -> None:
    if not is_count(batch_size):
        raise DataError(f"batch_size must be a whole number >= 1, not {batch_size!r}")


def _shuffled(dataset: EncodedDataset, batch_size: int, seed: int) -> AbstractDataStream:
    _check_size(batch_size)
    scheme = ShuffledScheme(dataset.num_examples, batch_size, seed=seed)
    return DataStream(dataset, iteration_scheme=scheme)


def _in_order(dataset: EncodedDataset, batch_size: int) -> AbstractDataStream:
    size = max(batch_size, EVALUATED_TOGETHER)
    scheme = SequentialScheme(dataset.num_examples, size)
    return DataStream(dataset, iteration_scheme=scheme)


def _scaled(stream: AbstractDataStream, images: Sequence[str]) -> AbstractDataStream:
    return to_unit(stream, images) if images else stream


for _make in (from_frame, from_arrays, from_folder):
    setattr(DataStream, _make.__name__, staticmethod(_make))
