"""Streams for `fit` from any kind of data, and the statements that make them.

Tables, arrays, files and folders are read by `DataStream.from_frame`, `from_arrays` and
`from_folder`, which check and encode them. Datasets, streams and loaders are used as they are; a
fraction of a dataset is held out by its scheme.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Subset

from workbench.data import (
    AbstractDataStream,
    Dataset,
    DataStream,
    H5PYDataset,
    SequentialScheme,
    ShuffledScheme,
    as_stream,
)
from workbench.data.held_out import held_out
from workbench.data.npz import read_npz
from workbench.data.table_files import SUFFIXES
from workbench.errors import DataError, SourceError, nearest
from workbench.fitting.program import Statements, call, literal

TARGET_NAMES = ("targets", "target", "y", "label", "labels", "class")
STREAM = "workbench.data"

NO_TARGET = "{what} needs the name of what the model predicts: pass target=..., one of {names}"
NOT_DATA = (
    "data must be a table with target=..., a pair of arrays (X, y), a dictionary of arrays, a "
    "dataset, a stream, a torch DataLoader or Dataset, a folder of images, or a path to a CSV, "
    "Parquet, npz or HDF5 file, not {given}"
)
NO_DIVISION = (
    "a {kind} cannot be divided by validation={validation!r}, because its batches are already "
    "made; pass validation=another {kind}, or validation=None to train without validation"
)
ONLY_X = "data is one array; pass a pair of arrays (X, y), the inputs and the targets"
NO_FILE = "there is no file or folder {path}"
UNKNOWN_FILE = (
    "{path} must be a folder of images or a file that ends in .csv, .tsv, .parquet, .npz, .h5 or "
    ".hdf5; read other files yourself, and pass arrays or a table"
)


@dataclass
class Prepared:
    """Data for training.

    Attributes
    ----------
    training : AbstractDataStream
    validation : AbstractDataStream or None
    inputs : tuple of str
        The sources that the model reads.
    target : str
        The source that the model predicts.
    code : Statements
        The statements that make the streams ``training`` and ``validation``.
    encoded : bool
        True if targets were checked and encoded; False if they are used as they are.
    names : tuple of str or None
        The names of the classes, if the dataset does not have them.
    """

    training: AbstractDataStream
    validation: AbstractDataStream | None
    inputs: tuple[str, ...]
    target: str
    code: Statements = field(default_factory=Statements)
    encoded: bool = True
    names: tuple[str, ...] | None = None

    @property
    def dataset(self) -> Any:
        """The dataset below the stream for training, if there is one."""
        stream: Any = self.training
        while isinstance(getattr(stream, "data_stream", None), AbstractDataStream):
            stream = stream.data_stream
        return getattr(stream, "dataset", None)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes, if the targets are known to be classes."""
        found: tuple[str, ...] | None = getattr(self.dataset, "classes", None)
        return self.names if found is None else found

    def all_targets(self) -> npt.NDArray[Any] | None:
        """Return the targets of all examples, if they are in memory."""
        dataset = self.dataset
        arrays = getattr(dataset, "indexables", None)
        if arrays is None or self.target not in dataset.sources:
            return None
        return np.asarray(arrays[list(dataset.sources).index(self.target)])

    def first_batch(self) -> dict[str, Any]:
        """Return the first batch of the data for training, without moving its position."""
        batch = next(iter(self.training.iterate(0, 0)), None)
        if batch is None:
            raise DataError(f"{self.training!r} has no batches")
        return dict(zip(self.training.sources, batch, strict=True))


@dataclass(frozen=True)
class Wishes:
    """Arguments of `fit` that concern the data."""

    target: Any
    validation: Any
    batch_size: int
    as_classes: bool | None
    indices: bool
    seed: int


def prepare(data: Any, wishes: Wishes) -> Prepared:
    """Return streams of the data for training and validation.

    Raises
    ------
    DataError
        If the data cannot be used, or if it is unclear what the targets are.
    """
    if isinstance(data, (str, os.PathLike)):
        return _from_path(Path(data), wishes)
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return _from_frame(data, "data", wishes, {"data": "the table that was passed to fit"})
    if isinstance(data, AbstractDataStream):
        return _from_streams(data, wishes, "stream")
    if isinstance(data, DataLoader):
        return _from_streams(data, wishes, "DataLoader")
    if isinstance(data, Dataset):
        return _from_dataset(data, "data", wishes, {"data": "the dataset that was passed to fit"})
    if isinstance(data, torch.utils.data.Dataset) or hasattr(data, "with_format"):
        return _from_items(data, wishes)
    if isinstance(data, Mapping):
        needs = {"data": "the dictionary of arrays that was passed to fit"}
        return _from_mapping(data, "data", wishes, needs)
    if isinstance(data, (tuple, list)) and len(data) == 2:
        needs = {"data": "the pair (X, y) that was passed to fit"}
        return _from_pair(data, wishes, needs)
    if isinstance(data, (np.ndarray, torch.Tensor)):
        raise DataError(ONLY_X)
    raise DataError(NOT_DATA.format(given=type(data).__name__))


def _arguments(wishes: Wishes, *, validation: str | None) -> list[str]:
    found = [] if validation is None else [f"validation={validation}"]
    found.append(f"batch_size={wishes.batch_size}")
    return found


def _targets_of(validation: Any) -> str:
    return "training" if validation is None else "training, validation"


def _given_validation(validation: Any, code: Statements) -> str | None:
    """Return the expression for `validation`, and what it needs."""
    if validation is None or isinstance(validation, (int, float, str)):
        return None if validation is None else literal(validation)
    if isinstance(validation, os.PathLike):
        return literal(validation)
    code.needs["validation_data"] = "what was passed to fit as validation"
    return "validation_data"


def _pair(made: Any) -> tuple[AbstractDataStream, AbstractDataStream | None]:
    return made if isinstance(made, tuple) else (made, None)


def _from_frame(data: Any, name: str, wishes: Wishes, needs: Mapping[str, str]) -> Prepared:
    if wishes.target is None:
        columns = getattr(data, "columns", None)
        names = "its columns" if columns is None else ", ".join(map(repr, list(columns)[:20]))
        raise DataError(NO_TARGET.format(what="a table", names=names))
    made = DataStream.from_frame(
        data,
        wishes.target,
        validation=wishes.validation,
        batch_size=wishes.batch_size,
        as_classes=wishes.as_classes,
        seed=wishes.seed,
    )
    training, validation = _pair(made)
    code = Statements(needs=dict(needs))
    prepared = Prepared(training, validation, ("features",), "targets", code)
    encoding = prepared.dataset.encoding
    target = wishes.target if isinstance(wishes.target, str) else list(wishes.target)
    arguments = [
        name,
        literal(target),
        *_arguments(wishes, validation=_given_validation(wishes.validation, code)),
        f"as_classes={prepared.classes is not None}",
        "standardise=True",
        f"seed={wishes.seed}",
    ]
    code.use(STREAM, "DataStream")
    code.lines += call("DataStream.from_frame", arguments, _targets_of(wishes.validation))
    code.comments += [f"Column {line}." for line in encoding.describe()]
    return prepared


def _from_pair(data: Any, wishes: Wishes, needs: Mapping[str, str]) -> Prepared:
    features, targets = data
    if isinstance(features, (tuple, list)) and features and hasattr(features[0], "shape"):
        raise DataError(
            "data must be a pair (X, y); pass several inputs as a dictionary of arrays with target="
        )
    return _from_arrays(features, targets, "data[0]", "data[1]", wishes, needs)


def _from_arrays(
    features: Any, targets: Any, x: str, y: str, wishes: Wishes, needs: Mapping[str, str]
) -> Prepared:
    made = DataStream.from_arrays(
        features,
        targets,
        validation=wishes.validation,
        batch_size=wishes.batch_size,
        as_classes=wishes.as_classes,
        indices=wishes.indices,
        seed=wishes.seed,
    )
    training, validation = _pair(made)
    code = Statements(needs=dict(needs))
    inputs = tuple(features) if isinstance(features, Mapping) else ("features",)
    prepared = Prepared(training, validation, inputs, "targets", code)
    arguments = [
        x,
        y,
        *_arguments(wishes, validation=_given_validation(wishes.validation, code)),
        f"as_classes={prepared.classes is not None}",
        *(["indices=True"] if wishes.indices else []),
        f"seed={wishes.seed}",
    ]
    code.use(STREAM, "DataStream")
    code.lines += call("DataStream.from_arrays", arguments, _targets_of(wishes.validation))
    return prepared


def _target_in(names: Sequence[str], target: Any, what: str) -> str:
    """Return the name of the target: the given one, or the only usual one among `names`."""
    if isinstance(target, str):
        if target not in names:
            raise SourceError(
                f"{what} has no {target!r}, only {', '.join(map(repr, names))}"
                f"{nearest(target, names)}"
            )
        return target
    usual = [name for name in names if name in TARGET_NAMES]
    if target is None and len(usual) == 1:
        return usual[0]
    raise DataError(NO_TARGET.format(what=what, names=", ".join(map(repr, names))))


def _from_mapping(
    data: Mapping[str, Any], name: str, wishes: Wishes, needs: Mapping[str, str]
) -> Prepared:
    target = _target_in(list(data), wishes.target, "a dictionary of arrays")
    others = [key for key in data if key != target]
    if not others:
        raise DataError(f"the dictionary has no array besides the target {target!r}")
    if len(others) == 1:
        features: Any = data[others[0]]
        written = f"{name}[{literal(others[0])}]"
    else:
        features = {key: data[key] for key in others}
        written = "{" + ", ".join(f"{literal(key)}: {name}[{literal(key)}]" for key in others) + "}"
    return _from_arrays(features, data[target], written, f"{name}[{literal(target)}]", wishes, needs)


def _from_path(path: Path, wishes: Wishes) -> Prepared:
    suffix = path.suffix.lower()
    if not path.exists():
        raise DataError(NO_FILE.format(path=path))
    if path.is_dir():
        return _from_folder(path, wishes)
    if suffix in SUFFIXES:
        return _from_frame(os.fspath(path), literal(path), wishes, {})
    if suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
        arrays = dict(zip(names, read_npz(path, names), strict=True))
        found = _from_mapping(arrays, "data", wishes, {})
        found.code.use("workbench.data.npz", "read_npz")
        line = f"dict(zip({literal(names)}, read_npz({literal(path)}, {literal(names)}), strict=True))"
        found.code.lines.insert(0, f"data = {line}")
        return found
    if suffix in (".h5", ".hdf5"):
        splits = H5PYDataset.get_all_splits(path)
        split = "train" if "train" in splits else splits[0] if len(splits) == 1 else None
        if split is None:
            raise DataError(
                f"{path} has the splits {', '.join(map(repr, splits))}, none of which is 'train'; "
                "pass H5PYDataset(path, (split,))"
            )
        dataset = H5PYDataset(path, (split,), load_in_memory=True)
        found = _from_dataset(dataset, "data", wishes, {})
        found.code.use(STREAM, "H5PYDataset")
        arguments = [literal(path), literal((split,)), "load_in_memory=True"]
        found.code.lines[:0] = call("H5PYDataset", arguments, "data")
        return found
    raise DataError(UNKNOWN_FILE.format(path=path))


def _from_folder(path: Path, wishes: Wishes) -> Prepared:
    made = DataStream.from_folder(
        path, validation=wishes.validation, batch_size=wishes.batch_size, seed=wishes.seed
    )
    training, validation = _pair(made)
    code = Statements()
    arguments = [
        literal(path),
        *_arguments(wishes, validation=_given_validation(wishes.validation, code)),
        f"seed={wishes.seed}",
    ]
    code.use(STREAM, "DataStream")
    code.lines += call("DataStream.from_folder", arguments, _targets_of(wishes.validation))
    return Prepared(training, validation, ("features",), "targets", code)


def _from_dataset(data: Any, name: str, wishes: Wishes, needs: Mapping[str, str]) -> Prepared:
    code = Statements(needs=dict(needs))
    count = data.num_examples
    if count is None or data.example_iteration_scheme is None:
        raise DataError(
            f"{data!r} can only be read in order, so fit cannot shuffle it; pass a DataStream of it"
        )
    seed, size = wishes.seed, wishes.batch_size
    other: Any = wishes.validation
    validation: AbstractDataStream | None = None
    code.use(STREAM, "DataStream", "ShuffledScheme")
    rows: Any = count
    written, held = f"{name}.num_examples", None
    if isinstance(other, (int, float)):
        rows, held = held_out(count, other, seed)
        code.use("workbench.data.held_out", "held_out")
        code.lines.append(f"rows, held = held_out({name}.num_examples, {other!r}, seed={seed})")
        written = "rows"
    scheme = ShuffledScheme(rows, size, seed=seed)
    training = DataStream.default_stream(data, iteration_scheme=scheme)
    code.lines += _stream_lines("training", name, f"ShuffledScheme({written}, {size}, seed={seed})")
    if held is not None:
        scheme_of_held = SequentialScheme(held, max(size, 256))
        validation = DataStream.default_stream(data, iteration_scheme=scheme_of_held)
        code.use(STREAM, "SequentialScheme")
        text = f"SequentialScheme(held, {max(size, 256)})"
        code.lines += _stream_lines("validation", name, text)
    elif other is not None:
        if not isinstance(other, Dataset):
            raise DataError(
                "validation must be a fraction, another dataset, or None, not "
                f"{type(other).__name__}"
            )
        whole = SequentialScheme(other.num_examples, max(size, 256))  # type: ignore[arg-type]
        validation = DataStream.default_stream(other, iteration_scheme=whole)
        text = f"SequentialScheme(validation_data.num_examples, {max(size, 256)})"
        code.use(STREAM, "SequentialScheme")
        code.needs["validation_data"] = "what was passed to fit as validation"
        code.lines += _stream_lines("validation", "validation_data", text)
    return _of_streams(training, validation, wishes, code)


def _stream_lines(target: str, dataset: str, scheme: str) -> list[str]:
    return call("DataStream.default_stream", [dataset, f"iteration_scheme={scheme}"], target)


def _of_streams(
    training: AbstractDataStream,
    validation: AbstractDataStream | None,
    wishes: Wishes,
    code: Statements,
) -> Prepared:
    names = list(training.sources)
    target = _target_in(names, wishes.target, "the data")
    inputs = tuple(name for name in names if name != target)
    if not inputs:
        raise DataError(f"the data has no source besides the target {target!r}")
    return Prepared(training, validation, inputs, target, code, encoded=False)


def _from_streams(data: Any, wishes: Wishes, kind: str) -> Prepared:
    if isinstance(wishes.validation, (int, float)):
        raise DataError(NO_DIVISION.format(kind=kind, validation=wishes.validation))
    code = Statements(needs={"data": f"the {kind} that was passed to fit"})
    training = _as_stream(data)
    validation = None if wishes.validation is None else _as_stream(wishes.validation)
    if validation is not None:
        code.needs["validation_data"] = "what was passed to fit as validation"
    if kind == "stream":
        code.lines.append("training = data")
        if validation is not None:
            code.lines.append("validation = validation_data")
    else:
        code.use(STREAM, "as_stream")
        for target, name, stream in (
            ("training", "data", training), ("validation", "validation_data", validation)
        ):  # fmt: skip
            if stream is not None:
                arguments = [name, f"sources={literal(tuple(stream.sources))}"]
                code.lines += call("as_stream", arguments, target)
    if training.reads_once:
        raise DataError(f"{training!r} can be read only once, so fit cannot look at it first")
    return _of_streams(training, validation, wishes, code)


def _as_stream(data: Any) -> AbstractDataStream:
    if not isinstance(data, DataLoader):
        return as_stream(data)
    first = next(iter(data), None)
    if first is None:
        raise DataError("the DataLoader has no batches; it must yield at least one")
    if isinstance(first, Mapping):
        return as_stream(data)
    if isinstance(first, (tuple, list)) and len(first) == 2:
        return as_stream(data, ("features", "targets"))
    raise DataError(
        "each batch of a DataLoader must be a pair (inputs, targets) or a dictionary, not "
        f"{type(first).__name__}; pass as_stream(loader, sources=(...))"
    )


def _from_items(data: Any, wishes: Wishes) -> Prepared:
    """Return streams of a torch dataset, or of a split of Hugging Face ``datasets``."""
    code = Statements(needs={"data": "the dataset that was passed to fit"})
    columns = getattr(data, "features", None)
    hugging = hasattr(data, "with_format") and isinstance(columns, Mapping)
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        raise DataError(
            f"{type(data).__name__} has no length or cannot be read by index; pass a DataLoader of "
            "it"
        )
    items, name = (
        (data.with_format("torch"), 'data.with_format("torch")') if hugging else (data, "data")
    )
    rows, held = np.arange(len(data)), None
    code.use("torch.utils.data", "DataLoader", "Subset")
    code.use("torch")
    if isinstance(wishes.validation, (int, float)):
        rows, held = held_out(len(data), wishes.validation, wishes.seed)
        code.use("workbench.data.held_out", "held_out")
        code.lines.append(
            f"rows, held = held_out(len(data), {wishes.validation!r}, seed={wishes.seed})"
        )
    generator = torch.Generator()
    generator.manual_seed(wishes.seed)
    size = wishes.batch_size
    part = items if held is None else Subset(items, rows.tolist())
    loader = DataLoader(part, size, shuffle=True, generator=generator)
    text = name if held is None else f"Subset({name}, rows.tolist())"
    code.lines += call(
        "DataLoader",
        [
            text,
            str(size),
            "shuffle=True",
            f"generator=torch.Generator().manual_seed({wishes.seed})",
        ],
        "loader",
    )
    other: Any = None
    if held is not None:
        other = DataLoader(Subset(items, held.tolist()), max(size, 256))
        code.lines += call(
            "DataLoader", [f"Subset({name}, held.tolist())", str(max(size, 256))], "held_loader"
        )
    elif wishes.validation is not None:
        formatted = wishes.validation.with_format("torch") if hugging else wishes.validation
        other = DataLoader(formatted, max(size, 256))
        code.needs["validation_data"] = "what was passed to fit as validation"
        text = 'validation_data.with_format("torch")' if hugging else "validation_data"
        code.lines += call("DataLoader", [text, str(max(size, 256))], "held_loader")
    training = _as_stream(loader)
    validation = None if other is None else _as_stream(other)
    code.use(STREAM, "as_stream")
    for target, text, stream in (
        ("training", "loader", training), ("validation", "held_loader", validation)
    ):  # fmt: skip
        if stream is not None:
            code.lines += call("as_stream", [text, f"sources={literal(tuple(stream.sources))}"], target)
    prepared = _of_streams(training, validation, wishes, code)
    if hugging:
        names = getattr(columns[prepared.target], "names", None)
        prepared.names = None if names is None else tuple(names)
    return prepared
