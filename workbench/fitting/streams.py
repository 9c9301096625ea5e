"""Functions that create streams for `fit` from datasets, streams and torch data loaders.

The data is used as it is, and targets must be class indices or numbers. Only images of dtype
uint8 in a dataset are scaled to 0..1. Part of a dataset can be held out for validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    Subset,
    default_collate,
    default_convert,
)

from workbench.data import (
    AbstractDataStream,
    Dataset,
    DataStream,
    SequentialScheme,
    ShuffledScheme,
    as_stream,
)
from workbench.data.adapters import read_apart
from workbench.data.held_out import held_out
from workbench.data.hugging_face import check_split, column, in_torch, is_split
from workbench.errors import DataError
from workbench.fitting.prepared import STREAM, Prepared, Wishes, target_in
from workbench.fitting.program import Statements, call, literal
from workbench.fitting.scaled import scaled
from workbench.tensor.arrays import as_array

NO_DIVISION = (
    "a {kind} cannot be divided by validation={validation!r}, because its batches are already "
    "made; pass another {kind} as validation, or validation=None to train without validation"
)

ONE_ITERATION = (
    "the dataset {kind} of the DataLoader returns the same iterator each time, so it can be read "
    "only once, but fit reads the first batch before training and all batches in each epoch; let "
    "__iter__ return a new iterator"
)

KEEP_TARGETS = (default_collate, default_convert)
"""Functions that make batches without changing the targets."""
MOST_READ = 100
"""Maximum number of examples that are read to check if a transform changes their targets."""


def from_dataset(data: Any, name: str, wishes: Wishes, needs: Mapping[str, str]) -> Prepared:
    """Return the streams for a dataset that can be read by index.

    Parameters
    ----------
    data : Dataset
    name : str
        The expression for the dataset in the generated code.
    wishes : Wishes
    needs : dict of str to str
        The names that the generated code needs, each with a description; see `Statements`.
    """
    code = Statements(needs=dict(needs))
    count = data.num_examples
    if count is None or data.example_iteration_scheme is None:
        raise DataError(
            f"{data!r} can only be read in order, so fit cannot shuffle it; pass a DataStream "
            "that reads it"
        )
    seed, size = wishes.seed, wishes.batch_size
    other: Any = wishes.validation
    validation: AbstractDataStream | None = None
    code.use(STREAM, "DataStream", "ShuffledScheme")
    rows: Any = count
    written, held = f"{name}.num_examples", None
    if isinstance(other, (int, float, np.number)):
        target = target_in(list(data.sources), wishes.target, "the data")
        place = list(data.sources).index(target)
        arrays = getattr(data, "indexables", None)
        values = None if arrays is None else arrays[place]
        rows, held = _divide(
            values, count, wishes, code, f"{name}.num_examples", f"{name}.indexables[{place}]"
        )
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
        code.needs["validation_data"] = "the data that was passed to fit as validation"
        code.lines += _stream_lines("validation", "validation_data", text)
    training, validation = scaled(training, validation, wishes, code)
    return _of_streams(training, validation, wishes, code)


def _divide(
    values: Any, count: int, wishes: Wishes, code: Statements, length: str, written: str
) -> tuple[Any, Any]:
    """Return the training rows and the held-out rows, and write the statement that selects them.

    Parameters
    ----------
    values : array or None
        The targets of all examples, if they are in memory.
    count : int
        The number of examples.
    wishes : Wishes
    code : Statements
    length, written : str
        The expressions for `count` and `values`.
    """
    fraction, seed = wishes.validation, wishes.seed
    classes = _labels(values, float(fraction), wishes.as_classes)
    code.use("workbench.data.held_out", "held_out")
    arguments = [length, literal(fraction), f"seed={seed}"]
    if classes is not None:
        arguments.append(f"classes={written}")
    code.lines += call("held_out", arguments, "rows, held")
    return held_out(count, float(fraction), seed, classes)


def _labels(values: Any, fraction: float, as_classes: bool | None) -> Any:
    """Return the class of each example, or None if the examples cannot be divided by class.

    The targets must be 0, 1, 2 ..., and `fraction` times the size of each class must exceed 0.5.
    """
    if values is None or as_classes is False:
        return None
    labels = as_array(values)
    if labels.dtype.kind not in "iub" or labels.size != len(labels):
        return None
    labels = labels.reshape(-1)
    found, counts = np.unique(labels, return_counts=True)
    consecutive = np.array_equal(found, np.arange(len(found)))
    return labels if consecutive and counts.min() * fraction > 0.5 else None


def _stream_lines(target: str, dataset: str, scheme: str) -> list[str]:
    return call("DataStream.default_stream", [dataset, f"iteration_scheme={scheme}"], target)


def _of_streams(
    training: AbstractDataStream,
    validation: AbstractDataStream | None,
    wishes: Wishes,
    code: Statements,
) -> Prepared:
    names = list(training.sources)
    target = target_in(names, wishes.target, "the data")
    inputs = tuple(name for name in names if name != target)
    if not inputs:
        raise DataError(f"the data has no source other than the target {target!r}")
    return Prepared(training, validation, inputs, target, code, encoded=False)


def from_streams(data: Any, wishes: Wishes, kind: str) -> Prepared:
    """Prepare streams or loaders for `fit`; `kind` is ``"stream"`` or ``"DataLoader"``."""
    if isinstance(wishes.validation, (int, float, np.number)):
        raise DataError(NO_DIVISION.format(kind=kind, validation=wishes.validation))
    code = Statements(needs={"data": f"the {kind} that was passed to fit"})
    training = _as_stream(data)
    validation = None if wishes.validation is None else _as_stream(wishes.validation)
    if validation is not None:
        code.needs["validation_data"] = "the data that was passed to fit as validation"
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
        raise DataError(
            f"{training!r} can be read only once, but fit must read its first batch before "
            "training; pass a stream that can be read several times"
        )
    prepared = _of_streams(training, validation, wishes, code)
    if isinstance(data, DataLoader):
        _look_into(data.dataset, prepared, data.collate_fn)
    return prepared


def _as_stream(data: Any) -> AbstractDataStream:
    if not isinstance(data, DataLoader):
        return as_stream(data)
    # if there are workers, only they may iterate over the dataset
    if data.num_workers == 0 and _is_one_iteration(data.dataset):
        raise DataError(ONE_ITERATION.format(kind=type(data.dataset).__name__))
    first = next(iter(read_apart(data).first()), None)
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


def _is_one_iteration(dataset: Any) -> bool:
    """Return True if an iterable dataset holds a single iterator that cannot be restarted.

    An iterator of a user's class may start again in ``__iter__``. If it does not, the main
    loop finds that the second epoch has no batches.
    """
    if not isinstance(dataset, IterableDataset):
        return False
    first = iter(dataset)
    return type(first).__module__ in ("builtins", "itertools") and first is iter(dataset)


def from_items(data: Any, wishes: Wishes) -> Prepared:
    """Return the streams for a torch dataset, or for a split of a Hugging Face dataset."""
    code = Statements(needs={"data": "the dataset that was passed to fit"})
    hugging = is_split(data)
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        raise DataError(
            f"{type(data).__name__} has no length or cannot be read by index; pass a DataLoader "
            "that reads it"
        )
    if hugging:
        check_split(data, "data")
    if is_split(wishes.validation):
        check_split(wishes.validation, "validation")
    items, name = in_torch(data, "data") if hugging else (data, "data")
    rows, held = np.arange(len(data)), None
    code.use("torch.utils.data", "DataLoader", "Subset")
    code.use("torch")
    if isinstance(wishes.validation, (int, float, np.number)):
        values, written = _stored(data, wishes.target, hugging)
        rows, held = _divide(values, len(data), wishes, code, "len(data)", written)
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
        held_items, text = wishes.validation, "validation_data"
        if is_split(held_items):
            held_items, text = in_torch(held_items, text)
        other = DataLoader(held_items, max(size, 256))
        code.needs["validation_data"] = "the data that was passed to fit as validation"
        code.lines += call("DataLoader", [text, str(max(size, 256))], "held_loader")
    training = _as_stream(loader)
    validation = None if other is None else _as_stream(other)
    code.use(STREAM, "as_stream")
    for target, text, stream in (
        ("training", "loader", training), ("validation", "held_loader", validation)
    ):  # fmt: skip
        if stream is not None:
            code.lines += call(
                "as_stream", [text, f"sources={literal(tuple(stream.sources))}"], target
            )
    training, validation = scaled(training, validation, wishes, code)
    prepared = _of_streams(training, validation, wishes, code)
    _look_into(data, prepared)
    return prepared


def _stored(data: Any, target: Any, hugging: bool) -> tuple[Any, str]:
    """Return all targets and the expression for them, or None if they are not in memory."""
    if isinstance(data, torch.utils.data.TensorDataset) and len(data.tensors) == 2:
        return data.tensors[1], "data.tensors[1]"
    if hugging:
        names = list(data.features)
        if isinstance(target, str) and target not in names:
            return None, ""  # a transform may add this column
        _, values, text = column(data, target_in(names, target, "the data"))
        return values, f"data{text}"
    values = getattr(data, "targets", None)
    if isinstance(values, (list, tuple, np.ndarray, torch.Tensor)) and len(values) == len(data):
        return values, "data.targets"
    return None, ""


def _look_into(data: Any, prepared: Prepared, collate: Any = default_collate) -> None:
    """Find the class names and all targets in a dataset from torch or Hugging Face.

    The function `collate` makes the batches.
    """
    while isinstance(data, Subset):
        data = data.dataset
    names: Any = getattr(data, "classes", None)
    values: Any = getattr(data, "targets", None)
    if isinstance(data, torch.utils.data.TensorDataset):
        place = list(prepared.training.sources).index(prepared.target)
        values = data.tensors[place] if place < len(data.tensors) else None
    elif is_split(data):
        feature, values, _ = column(data, prepared.target)
        names = getattr(feature, "names", None)
    if isinstance(values, (list, tuple, np.ndarray, torch.Tensor)):
        if not _are_read(values, data, prepared, collate):
            return
        prepared.values = as_array(values)
    elif getattr(data, "target_transform", None) is not None:
        return
    if isinstance(names, (list, tuple)):
        prepared.names = tuple(map(str, names))


def _are_read(given: Any, data: Any, prepared: Prepared, collate: Any) -> bool:
    """Return True if reading an example of each class yields the target in `given`.

    `given` contains the targets from an attribute of the dataset, but a transform or `collate` may
    change targets. The result is also False if the examples cannot be read one by one.
    """
    if isinstance(data, torch.utils.data.TensorDataset) and collate in KEEP_TARGETS:
        return True
    place = list(prepared.training.sources).index(prepared.target)
    try:
        values = as_array(given)
        if len(values) != len(data):
            return False
        rows = np.arange(len(values))
        if values.ndim == 1:
            rows = np.unique(values, return_index=True)[1]
        for row in rows[:: len(rows) // MOST_READ + 1].tolist():
            item, known = data[row], values[row]
            if collate not in KEEP_TARGETS:
                item, known = collate([item]), values[row : row + 1]
            found = as_array(item[prepared.target] if isinstance(item, Mapping) else item[place])
            if found.dtype.kind == known.dtype.kind == "f":
                known = known.astype(found.dtype)
            if not np.array_equal(found, known):
                return False
    except Exception:  # a user's code can raise any error
        return False
    return True
