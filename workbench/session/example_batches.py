"""Batches of the data that a user passes to `predict` and `evaluate`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from workbench.data import AbstractDataStream, Dataset, DataStream, SequentialScheme, as_stream
from workbench.data.adapters import BatchStream, is_shuffled, read_apart
from workbench.data.encoded_dataset import FEATURES, TARGETS
from workbench.data.files import some
from workbench.data.hugging_face import in_torch, is_split
from workbench.data.reader_copies import apart, read_by_one
from workbench.data.table_encoding import other_table
from workbench.data.table_files import SUFFIXES, advice_for_file, read_frame
from workbench.errors import SessionError
from workbench.session.as_in_training import AsInTraining
from workbench.tensor import Variable
from workbench.utils.notices import tell
from workbench.utils.numbers import is_count

Batch = dict[str, Any]

NOT_NUMBERS = (
    "{method}: the columns {columns} do not contain numbers; encode them as in training, or pass "
    "the columns that the model uses"
)
SEVERAL = (
    "{method}: the data is {what}, but the variable depends on the inputs {inputs}; pass a "
    "dictionary with an array for each input"
)
CHANNELS_LAST = (
    "{method}: the images have the shape {shape}, with the channels in the last dimension, but the "
    "input {name!r} has them in dimension 1; pass numpy.moveaxis(images, 3, 1)"
)
OTHER_TABLE = "{method}: a table must be a pandas.DataFrame, not {given}"
OPENED = (
    "{method}: the data must not be a PIL image; pass the path of the image, or an array of "
    "shape (B, channels, height, width)"
)
MISSING = "{method}: the data has no {missing}, only {known}; the inputs are {inputs}"
UNEQUAL = "{method}: the arrays must have equal numbers of examples, not {counts}"
NOT_WHOLE = (
    "{method}: the input {name!r} has dtype {wanted}, but its values have dtype {given}; convert "
    "them, as in values.astype('int64')"
)
NO_FOLDER = (
    "{method}: {path} is a folder, but this run was not trained on a folder of images; pass arrays "
    "for {inputs}, or the path of a CSV or Parquet file"
)
NOT_ENCODED = (
    "{method}: the run was trained on a table, whose columns were encoded, but the input {name!r} "
    "is of type {kind}, without column names; pass a table with the columns {columns}, or "
    "{{{name!r}: values}} if the values are encoded already"
)
ONE_ROW = (
    "{method}: one row of a table must be a table as well, not a Series; select it with "
    "frame.iloc[[0]] instead of frame.iloc[0]"
)
SHUFFLED = (
    "predict: the examples are shuffled, so the predictions follow the shuffled order; to keep the "
    "order of the data, pass arrays, or a stream that reads in order"
)
READ_ONCE = (
    "{method}: only training can read {stream!r}, so it cannot be read here; pass another stream, "
    "or arrays"
)


def batches_of(
    data: Any,
    inputs: Mapping[str, Variable],
    *,
    method: str,
    batch_size: int | None,
    training: AbstractDataStream | None,
    targets: Sequence[str] = (),
) -> Iterator[Batch]:
    """Yield batches of data with an array or tensor for each input.

    Parameters
    ----------
    data : dict, array, tensor, table, path, tuple, Dataset, DataStream or iterable of batches
    inputs : dict of str to Variable
        The inputs, keyed by name.
    method : str
        The name of the method that the user called, for error messages.
    batch_size : int or None
        The number of examples in a batch of arrays; None for a single batch.
    training : AbstractDataStream or None
        The training stream, whose encoding of data is used. If `data` is this stream, a copy of it
        is read.
    targets : sequence of str
        The inputs that are targets. If there is one target and one other input, `data` can be a
        pair of arrays.

    Raises
    ------
    SessionError
        If the data does not fit the inputs.
    """
    if batch_size is not None and not is_count(batch_size):
        raise SessionError(
            f"{method}: batch_size must be a positive integer, or None for one batch, not "
            f"{batch_size!r}"
        )
    rules = AsInTraining(training)
    data = _named(data, inputs, method, batch_size, training, rules)
    arrays = _arrays(data, inputs, method, targets, rules)
    found = (
        _slices(arrays, batch_size, method)
        if arrays is not None
        else _of_stream(data, method, batch_size, training)
    )
    for batch in found:
        of_arrays = arrays is not None
        yield {name: _fitting(batch, name, inputs, method, rules, of_arrays) for name in inputs}


def _named(
    data: Any,
    inputs: Mapping[str, Variable],
    method: str,
    batch_size: int | None,
    training: AbstractDataStream | None,
    rules: AsInTraining,
) -> Any:
    """Return a torch or Hugging Face loader or dataset as a stream, and other data unchanged.

    Unnamed entries get the source names of `training` or, if the counts differ, the input names.
    """
    if is_split(data):
        data, _ = in_torch(data, "data")
    if not isinstance(data, DataLoader):
        indexed = hasattr(data, "__len__") and hasattr(data, "__getitem__")
        if not (is_split(data) or isinstance(data, torch.utils.data.Dataset)) or not indexed:
            return data
        data = DataLoader(data, max(len(data), 1) if batch_size is None else batch_size)
    if method == "predict" and is_shuffled(data):
        tell(SHUFFLED)
    batches = read_apart(data)
    first = next(iter(batches.first()), None)
    if first is None or isinstance(first, Mapping):
        return BatchStream(batches)
    count = len(first) if isinstance(first, (tuple, list)) else 1
    known = () if training is None else tuple(training.sources)
    names = next((one for one in (known, tuple(inputs)) if len(one) == count), None)
    if names is None:
        return BatchStream(batches)
    entries = first if isinstance(first, (tuple, list)) else [first]
    for name, values in zip(names, entries, strict=True):
        if name in inputs:
            _check_encoded(values, name, method, rules)
    return BatchStream(batches, names)


def _arrays(
    data: Any,
    inputs: Mapping[str, Variable],
    method: str,
    targets: Sequence[str],
    rules: AsInTraining,
) -> Batch | None:
    """Return all examples, keyed by input, or None if the data consists of batches."""
    import pandas as pd

    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        if path.is_dir():
            data = _of_folder(path, inputs, method, rules)
        elif rules.reads_images and path.suffix.lower() not in SUFFIXES:
            data = {FEATURES: rules.images([path])}
        else:
            frame = read_frame(path, rules.texts)
            with advice_for_file(path):
                return _columns(frame, inputs, method, rules)
    elif isinstance(data, list) and rules.reads_images and data and all(map(_is_path, data)):
        data = {FEATURES: rules.images(map(Path, data))}
    elif hasattr(data, "getexif"):
        raise SessionError(OPENED.format(method=method))
    elif hasattr(data, "to_pandas") and not hasattr(data, "with_format"):
        raise SessionError(OTHER_TABLE.format(method=method, given=other_table(data)))
    if isinstance(data, Mapping) and (table := rules.rows(data, inputs, method)) is not None:
        data = table
    if isinstance(data, pd.DataFrame):
        return _columns(data, inputs, method, rules)
    if isinstance(data, Mapping):
        return _chosen(data, inputs, method, rules)
    others = [name for name in inputs if name not in targets]
    if isinstance(data, tuple) and len(data) == 2 and len(others) == len(targets) == 1:
        first = {name: inputs[name] for name in others}
        if isinstance(data[0], pd.DataFrame):
            features = _columns(data[0], first, method, rules)
        else:
            _check_encoded(data[0], others[0], method, rules)
            features = {others[0]: rules.array(data[0], others[0])}
        return {**features, targets[0]: rules.array(data[1], targets[0])}
    if isinstance(data, tuple) and len(inputs) > 1 and data and all(map(_has_arrays, data)):
        raise SessionError(
            SEVERAL.format(method=method, what="a tuple of arrays", inputs=_listed(inputs))
        )
    is_array = isinstance(data, (np.ndarray, torch.Tensor, pd.Series))
    if not is_array and (not isinstance(data, list) or any(map(_is_batch, data))):
        return None
    if len(inputs) != 1:
        raise SessionError(
            SEVERAL.format(method=method, what="a single array", inputs=_listed(inputs))
        )
    name = next(iter(inputs))
    _check_encoded(data, name, method, rules)
    return {name: rules.array(data, name)}


def _check_encoded(values: Any, name: str, method: str, rules: AsInTraining) -> None:
    """Raise an error if `values` must be encoded by column, although it has no column names."""
    import pandas as pd

    columns = rules.encoded_columns(name)
    if columns is None:
        return
    if isinstance(values, pd.Series) and set(columns) <= set(values.index):
        raise SessionError(ONE_ROW.format(method=method))
    kind = type(values).__name__
    raise SessionError(
        NOT_ENCODED.format(method=method, name=name, kind=kind, columns=some(columns))
    )


def _of_folder(
    path: Path, inputs: Mapping[str, Variable], method: str, rules: AsInTraining
) -> Batch:
    if TARGETS not in inputs and rules.reads_images:
        return {FEATURES: rules.files(path)}
    found = rules.folder(path)
    if found is None:
        raise SessionError(NO_FOLDER.format(method=method, path=path, inputs=_listed(inputs)))
    return dict(zip((FEATURES, TARGETS), found, strict=True))


def _is_path(one: Any) -> bool:
    return isinstance(one, (str, os.PathLike))


def _has_arrays(one: Any) -> bool:
    parts = one if isinstance(one, (tuple, list)) and len(one) else [one]
    return all(isinstance(part, (np.ndarray, torch.Tensor)) for part in parts)


def _is_batch(one: Any) -> bool:
    return isinstance(one, (Mapping, tuple))


def _columns(data: Any, inputs: Mapping[str, Variable], method: str, rules: AsInTraining) -> Batch:
    encoded = rules.table(data, inputs)
    if encoded is not None:
        return encoded
    if set(inputs) <= set(data.columns):
        return {name: rules.array(data[name].to_numpy(), name) for name in inputs}
    if len(inputs) != 1:
        columns = {str(name): data[name].to_numpy() for name in data}
        return _chosen(columns, inputs, method, rules)
    odd = [str(name) for name in data if data[name].dtype.kind not in "biuf"]
    if odd:
        raise SessionError(NOT_NUMBERS.format(method=method, columns=", ".join(map(repr, odd))))
    if all(data[name].dtype.kind in "biu" and not data[name].hasnans for name in data):
        return {next(iter(inputs)): data.to_numpy(dtype=np.int64)}
    return {next(iter(inputs)): data.to_numpy(dtype=np.float64, na_value=np.nan)}


def _chosen(
    data: Mapping[str, Any], inputs: Mapping[str, Variable], method: str, rules: AsInTraining
) -> Batch:
    keys = {name: name if name in data else rules.keys.get(name, name) for name in inputs}
    missing = [key for key in keys.values() if key not in data]
    if missing:
        text = MISSING.format(
            method=method,
            missing=_listed(missing),
            known=_listed(data),
            inputs=_listed(keys.values()),
        )
        raise SessionError(text)
    return {name: rules.array(data[key], name) for name, key in keys.items()}


def _slices(arrays: Batch, batch_size: int | None, method: str) -> Iterator[Batch]:
    counts = {name: len(values) if values.ndim else 1 for name, values in arrays.items()}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{count:,} ({name})" for name, count in counts.items())
        raise SessionError(UNEQUAL.format(method=method, counts=shown))
    count = next(iter(counts.values()), 0)
    if batch_size is None or count <= batch_size:
        yield arrays
        return
    for start in range(0, count, batch_size):
        yield {name: values[start : start + batch_size] for name, values in arrays.items()}


def _of_stream(
    data: Any, method: str, batch_size: int | None, training: AbstractDataStream | None
) -> Iterable[Batch]:
    if isinstance(data, Dataset) and data.num_examples is not None:
        size = data.num_examples if batch_size is None else batch_size
        data = DataStream(data, iteration_scheme=SequentialScheme(data.num_examples, max(size, 1)))
    stream = as_stream(data)
    if method == "predict" and is_shuffled(stream):
        tell(SHUFFLED)
    if stream is not training:
        batches: Iterable[Batch] = stream.get_epoch_iterator(as_dict=True)
        return batches
    if stream.reads_once or read_by_one(stream):
        raise SessionError(READ_ONCE.format(method=method, stream=stream))
    return (dict(zip(stream.sources, batch, strict=True)) for batch in apart(stream).iterate(0, 0))


def _fitting(
    batch: Any,
    name: str,
    inputs: Mapping[str, Variable],
    method: str,
    rules: AsInTraining,
    of_arrays: bool,
) -> Any:
    """Convert the values of an input to its dtype; refuse to convert floats to integers."""
    if name not in batch:
        text = MISSING.format(
            method=method, missing=repr(name), known=_listed(batch), inputs=_listed(inputs)
        )
        raise SessionError(text)
    wanted, values = inputs[name].dtype, batch[name]
    values = values if isinstance(values, torch.Tensor) else np.array(values)
    if wanted.is_floating_point:
        values = rules.scaled(values, name, of_arrays=of_arrays)
    tensor = torch.as_tensor(values)
    sizes, shape = tuple(inputs[name].shape), tuple(tensor.shape)
    if len(sizes) == len(shape) == 4 and sizes[1] in (1, 3, 4) and shape[1] != sizes[1] == shape[3]:
        raise SessionError(CHANNELS_LAST.format(method=method, shape=shape, name=name))
    if tensor.dtype is wanted:
        return tensor
    if not wanted.is_floating_point and tensor.is_floating_point():
        text = NOT_WHOLE.format(method=method, name=name, wanted=wanted, given=tensor.dtype)
        raise SessionError(text)
    return tensor.to(wanted)


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(repr, names)) or "nothing"
