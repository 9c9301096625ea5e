"""Functions that create the data streams of `fit`, and write code that creates the same streams.

Tables, arrays, files and folders are read by `DataStream.from_frame`, `from_arrays` and
`from_folder`, which check and encode them. Datasets, streams and loaders are used as they are; to
hold out a fraction of a dataset, the iteration schemes divide its examples.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from workbench.data import (
    AbstractDataStream,
    Dataset,
    DataStream,
    H5PYDataset,
)
from workbench.data.hugging_face import refuse_all_splits
from workbench.data.npz import read_npz
from workbench.data.table_encoding import other_table
from workbench.data.table_files import SUFFIXES, other_file
from workbench.errors import DataError, nearest
from workbench.fitting.prepared import (
    NO_TARGET,
    STREAM,
    Prepared,
    Wishes,
    arguments_of,
    check_target,
    names_of_streams,
    pair_of,
    target_in,
    validation_code,
)
from workbench.fitting.program import Statements, call, literal
from workbench.fitting.streams import from_dataset, from_items, from_streams

VALIDATION = "validation_data"
NOT_DATA = (
    "data must be a table with target=..., a pair of arrays (X, y), a dictionary of arrays, a "
    "dataset, a stream, a torch DataLoader or Dataset, a folder of images, or a path to a CSV, "
    "Parquet, npz or HDF5 file, not {given}"
)
BATCHES = (
    "; if it has batches, pass as_stream(batches, sources=('features', 'targets')), where batches "
    "is a list, or an object whose __iter__ starts from the beginning"
)
SEVERAL_INPUTS = (
    "data must be a pair (X, y), not a {kind} of {count} parts; pass several inputs as a "
    "dictionary of arrays, as in fit(model, {{'left': left, 'right': right, 'y': y}}, target='y')"
)
ONLY_X = "data is one array; pass a pair of arrays (X, y), the inputs and the targets"
NAMES = (
    "target and the column names of the table must be text, not numbers such as {target}; rename "
    "the columns with frame.columns = frame.columns.astype(str), and pass target='{target}'"
)
NO_FILE = "there is no file or folder {path}{inside}{hint}"
NO_TRAIN_SPLIT = "{path} has the splits {splits}, but not 'train'; pass H5PYDataset(path, (split,))"
SEVERAL_SPLITS = (
    "the file for validation, {path}, has the splits {splits}; pass one of them, as in "
    "fit(model, H5PYDataset(path, ('train',)), validation=H5PYDataset(other, (split,)))"
)
UNKNOWN_FILE = (
    "{path} must be a folder of images or a file that ends in .csv, .tsv, .parquet, .npz, .h5 or "
    ".hdf5; {advice}"
)


def prepare(data: Any, wishes: Wishes) -> Prepared:
    """Return the streams for training and validation.

    Raises
    ------
    DataError
        If the data cannot be used, or if it is unclear what the targets are.
    """
    refuse_all_splits(data, "data")
    refuse_all_splits(wishes.validation, "validation")
    if isinstance(data, (str, os.PathLike)):
        return _from_path(Path(data), wishes)
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return _from_frame(data, "data", wishes, {"data": "the table that was passed to fit"})
    if isinstance(data, AbstractDataStream):
        return from_streams(data, wishes, "stream")
    if isinstance(data, DataLoader):
        return from_streams(data, wishes, "DataLoader")
    if isinstance(data, Dataset):
        return from_dataset(data, "data", wishes, {"data": "the dataset that was passed to fit"})
    if isinstance(data, torch.utils.data.Dataset) or hasattr(data, "with_format"):
        return from_items(data, wishes)
    if isinstance(data, Mapping):
        needs = {"data": "the dictionary of arrays that was passed to fit"}
        return _from_mapping(data, "data", wishes, needs)
    if isinstance(data, (tuple, list)) and len(data) == 2:
        needs = {"data": "the pair (X, y) that was passed to fit"}
        return _from_pair(data, wishes, needs)
    if isinstance(data, (tuple, list)) and len(data) > 2 and hasattr(data[0], "shape"):
        raise DataError(SEVERAL_INPUTS.format(kind=type(data).__name__, count=len(data)))
    if isinstance(data, (np.ndarray, torch.Tensor)):
        raise DataError(ONLY_X)
    batches = BATCHES * isinstance(data, (list, tuple, Iterator))
    raise DataError(NOT_DATA.format(given=other_table(data)) + batches)


def _from_frame(data: Any, name: str, wishes: Wishes, needs: Mapping[str, str]) -> Prepared:
    if wishes.target is None:
        columns = getattr(data, "columns", None)
        names = "its columns" if columns is None else ", ".join(map(repr, list(columns)[:20]))
        raise DataError(NO_TARGET.format(what="a table", names=names))
    if isinstance(wishes.target, int) and wishes.target in getattr(data, "columns", ()):
        raise DataError(NAMES.format(target=wishes.target))
    check_target(wishes.target)
    made = DataStream.from_frame(
        data,
        wishes.target,
        validation=wishes.validation,
        batch_size=wishes.batch_size,
        as_classes=wishes.as_classes,
        seed=wishes.seed,
    )
    training, validation = pair_of(made)
    code = Statements(needs=dict(needs))
    prepared = Prepared(training, validation, ("features",), "targets", code)
    encoding = prepared.dataset.encoding
    target = wishes.target if isinstance(wishes.target, str) else list(wishes.target)
    arguments = [
        name,
        literal(target),
        *arguments_of(wishes, validation=validation_code(wishes.validation, code)),
        f"as_classes={prepared.classes is not None}",
        "standardise=True",
        f"seed={wishes.seed}",
    ]
    code.use(STREAM, "DataStream")
    code.lines += call("DataStream.from_frame", arguments, names_of_streams(wishes.validation))
    code.comments += [f"Column {line}." for line in encoding.describe()]
    return prepared


def _from_pair(data: Any, wishes: Wishes, needs: Mapping[str, str]) -> Prepared:
    features, targets = data
    if hasattr(features, "iloc") and hasattr(features, "columns"):
        raise DataError(
            "data must be a pair of arrays, but its first part is a table; pass one table and the "
            "name of its target, as in fit(model, table.assign(target=numpy.asarray(y)), "
            "target='target')"
        )
    several = isinstance(features, (tuple, list)) and features and hasattr(features[0], "shape")
    if several and len(features) != np.size(targets, 0):
        raise DataError(
            "data must be a pair (X, y); pass several inputs as a dictionary of arrays, as in "
            "fit(model, {'left': left, 'right': right, 'y': y}, target='y')"
        )
    return _from_arrays(features, targets, "data[0]", "data[1]", wishes, needs)


def _from_arrays(
    features: Any,
    targets: Any,
    x: str,
    y: str,
    wishes: Wishes,
    needs: Mapping[str, str],
    written: str | None = None,
) -> Prepared:
    """Return streams that read arrays; `written` is the expression for the validation arrays."""
    made = DataStream.from_arrays(
        features,
        targets,
        validation=wishes.validation,
        batch_size=wishes.batch_size,
        as_classes=wishes.as_classes,
        indices=wishes.indices,
        seed=wishes.seed,
    )
    training, validation = pair_of(made)
    code = Statements(needs=dict(needs))
    inputs = tuple(features) if isinstance(features, Mapping) else ("features",)
    prepared = Prepared(training, validation, inputs, "targets", code)
    if written is None:
        written = validation_code(wishes.validation, code)
    arguments = [
        x,
        y,
        *arguments_of(wishes, validation=written),
        f"as_classes={prepared.classes is not None}",
        *(["indices=True"] if wishes.indices else []),
        f"seed={wishes.seed}",
    ]
    code.use(STREAM, "DataStream")
    code.lines += call("DataStream.from_arrays", arguments, names_of_streams(wishes.validation))
    return prepared


def _from_mapping(
    data: Mapping[str, Any], name: str, wishes: Wishes, needs: Mapping[str, str]
) -> Prepared:
    target = target_in(list(data), wishes.target, "a dictionary of arrays")
    prepared = _from_named_arrays(data, name, target, wishes, needs)
    renamed = {"targets": target}
    if prepared.inputs == ("features",):
        renamed["features"] = next(key for key in data if key != target)
    keys = {source: key for source, key in renamed.items() if source != key}
    if keys:  # so that predict and evaluate accept such a dictionary
        prepared.dataset.keys = keys
        stream = "training.data_stream" if hasattr(prepared.training, "data_stream") else "training"
        prepared.code.lines.append(f"{stream}.dataset.keys = {literal(keys)}")
    return prepared


def _from_named_arrays(
    data: Mapping[str, Any], name: str, target: str, wishes: Wishes, needs: Mapping[str, str]
) -> Prepared:
    others = [key for key in data if key != target]
    if not others:
        raise DataError(f"the dictionary has no array other than the target {target!r}")
    x, written_x = _chosen(data, name, others)
    y = f"{name}[{literal(target)}]"
    other = wishes.validation
    if not isinstance(other, Mapping):
        return _from_arrays(x, data[target], written_x, y, wishes, needs)
    lacking = [key for key in data if key not in other]
    if lacking:
        raise DataError(
            f"the data for validation has no {', '.join(map(repr, lacking))}, only "
            f"{', '.join(map(repr, other))}; give its arrays the names of the training arrays"
        )
    x_other, written_other = _chosen(other, VALIDATION, others)
    wishes = replace(wishes, validation=(x_other, other[target]))
    written = f"({written_other}, {VALIDATION}[{literal(target)}])"
    if needs:
        needs = {**needs, VALIDATION: "the data that was passed to fit as validation"}
    return _from_arrays(x, data[target], written_x, y, wishes, needs, written)


def _chosen(data: Mapping[str, Any], name: str, keys: Sequence[str]) -> tuple[Any, str]:
    """Return the arrays of inputs, and the expression for them."""
    items = [f"{name}[{literal(key)}]" for key in keys]
    if len(keys) == 1:
        return data[keys[0]], items[0]
    pairs = [f"{literal(key)}: {item}" for key, item in zip(keys, items, strict=True)]
    return {key: data[key] for key in keys}, "{" + ", ".join(pairs) + "}"


def _from_path(path: Path, wishes: Wishes) -> Prepared:
    suffix = path.suffix.lower()
    if not path.exists():
        raise _absent(path)
    if path.is_dir():
        return _from_folder(path, wishes)
    if suffix in SUFFIXES:
        return _from_frame(os.fspath(path), literal(path), wishes, {})
    if suffix == ".npz":
        arrays, lines = _read_archive(path, "data")
        if isinstance(wishes.validation, (str, os.PathLike)):
            other, more = _read_archive(Path(wishes.validation), VALIDATION)
            wishes, lines = replace(wishes, validation=other), [*lines, *more]
        found = _from_mapping(arrays, "data", wishes, {})
        found.code.use("workbench.data.npz", "read_npz")
        found.code.lines[:0] = lines
        return found
    if suffix in (".h5", ".hdf5"):
        return _from_hdf5(path, wishes)
    raise DataError(UNKNOWN_FILE.format(path=path, advice=other_file(path)))


def _from_hdf5(path: Path, wishes: Wishes) -> Prepared:
    splits = H5PYDataset.get_all_splits(path)
    split = "train" if "train" in splits else splits[0] if len(splits) == 1 else None
    if split is None:
        raise DataError(NO_TRAIN_SPLIT.format(path=path, splits=", ".join(map(repr, splits))))
    dataset, lines = _read_split(path, split, "data")
    other = wishes.validation
    if isinstance(other, (str, os.PathLike)):
        other = Path(other)
        if not other.exists():
            raise _absent(other)
        splits = H5PYDataset.get_all_splits(other)
        chosen = [one for one in splits if one != "train"] or splits
        if len(chosen) != 1:
            text = ", ".join(map(repr, splits))
            raise DataError(SEVERAL_SPLITS.format(path=other, splits=text))
        held, more = _read_split(other, chosen[0], VALIDATION)
        wishes, lines = replace(wishes, validation=held), [*lines, *more]
    found = from_dataset(dataset, "data", wishes, {})
    if isinstance(other, Path):
        del found.code.needs[VALIDATION]
    found.code.use(STREAM, "H5PYDataset")
    found.code.lines[:0] = lines
    return found


def _read_split(path: Path, split: str, name: str) -> tuple[H5PYDataset, list[str]]:
    """Return a split of an HDF5 file, and the statement that assigns it to a name."""
    arguments = [literal(path), literal((split,)), "load_in_memory=True"]
    dataset = H5PYDataset(path, (split,), load_in_memory=True)
    return dataset, call("H5PYDataset", arguments, name)


def _absent(path: Path) -> DataError:
    """Return an error that names the working directory and a file with a similar name."""
    inside = "" if path.is_absolute() else f" in {Path.cwd()}"
    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        names = []
    return DataError(NO_FILE.format(path=path, inside=inside, hint=nearest(path.name, names)))


def _read_archive(path: Path, name: str) -> tuple[dict[str, Any], list[str]]:
    """Return the arrays of an npz file, and the statement that assigns them to a name."""
    if not path.exists():
        raise _absent(path)
    with zipfile.ZipFile(path) as archive:
        names = [one.removesuffix(".npy") for one in archive.namelist()]
    arrays = dict(zip(names, read_npz(path, names), strict=True))
    read = f"read_npz({literal(path)}, {literal(names)})"
    return arrays, [f"{name} = dict(zip({literal(names)}, {read}, strict=True))"]


def _from_folder(path: Path, wishes: Wishes) -> Prepared:
    made = DataStream.from_folder(
        path, validation=wishes.validation, batch_size=wishes.batch_size, seed=wishes.seed
    )
    training, validation = pair_of(made)
    code = Statements()
    arguments = [
        literal(path),
        *arguments_of(wishes, validation=validation_code(wishes.validation, code)),
        f"seed={wishes.seed}",
    ]
    code.use(STREAM, "DataStream")
    code.lines += call("DataStream.from_folder", arguments, names_of_streams(wishes.validation))
    return Prepared(training, validation, ("features",), "targets", code)
