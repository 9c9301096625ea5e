"""Splits of Hugging Face ``datasets``, in the format that the caller has set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch.utils.data import default_collate

from workbench.data.files import one_line, some
from workbench.errors import DataError

FIRST = 32
"""Maximum number of examples in the test batch of `check_split`."""
ALL_SPLITS = (
    "{where} must be one split, not a dictionary of the splits {names}; pass one of them, as in "
    "fit(model, data[{first!r}], validation={second})"
)
AS_TABLE = "fit(model, data.to_pandas(), target=...) reads the data as a table"
NO_EXAMPLES = (
    "{where} must be a split with at least one example, but has none; if it is the result of "
    "data.filter, check the condition of the filter"
)
TEXT = "the column {name!r} of {where} contains text, but must contain numbers; {advice}"
NO_VALUE = (
    "the column {name!r} of {where} has no value in {count} of {total} examples; remove these "
    "examples, as in data.filter(lambda example: example[{name!r}] is not None)"
)
NO_BATCH = (
    "the examples of {where} cannot be joined into a batch ({error}); the values of each column "
    "must be numbers of the same shape, so change them with data.map or data.with_transform, or "
    "remove the column with data.remove_columns; {advice}"
)


def refuse_all_splits(data: Any, where: str) -> None:
    """Raise an error if `data` is a dictionary of splits."""
    if not isinstance(data, Mapping) or not hasattr(data, "with_format"):
        return
    names = list(data)
    first = "train" if "train" in names else names[0] if names else "train"
    others = [name for name in ("validation", "valid", "test", *names) if name in names]
    second = next((name for name in others if name != first), None)
    raise DataError(
        ALL_SPLITS.format(
            where=where, names=some(names) or "none", first=first,
            second="None" if second is None else f"data[{second!r}]",
        )
    )  # fmt: skip


def check_split(data: Any, where: str) -> None:
    """Raise an error if a split is empty, has text or missing values, or cannot form a batch.

    The data of a split with a transform are known only after reading, so they are not checked.
    """
    if not len(data):
        raise DataError(NO_EXAMPLES.format(where=where))
    if _transforms(data) or not hasattr(data, "to_pandas"):
        return
    for name in _columns(data):
        if getattr(data.features[name], "dtype", None) in ("string", "large_string"):
            raise DataError(TEXT.format(name=name, where=where, advice=AS_TABLE))
        if data.data.column(name).null_count:
            table = data.with_format("arrow", columns=[name])[:]
            if count := table.column(name).null_count:
                raise DataError(
                    NO_VALUE.format(name=name, where=where, count=count, total=len(data))
                )
    examples, _ = in_torch(data, "data")
    try:
        default_collate([examples[row] for row in range(min(len(data), FIRST))])
    except (RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            NO_BATCH.format(where=where, error=one_line(error), advice=AS_TABLE)
        ) from None


def _columns(data: Any) -> list[str]:
    """Return the columns that the format of a split selects."""
    form = getattr(data, "format", {})
    chosen = None if form.get("output_all_columns") else form.get("columns")
    return list(data.features if chosen is None else chosen)


def is_split(data: Any) -> bool:
    """Return True for a split, or for an object with the same interface."""
    return hasattr(data, "with_format") and isinstance(getattr(data, "features", None), Mapping)


def in_torch(data: Any, name: str) -> tuple[Any, str]:
    """Return a split whose items are tensors, and the code that creates it.

    A split with a transform is returned unchanged. Otherwise, the selection of columns is kept.

    Parameters
    ----------
    data : Hugging Face dataset
    name : str
        The expression for `data`.
    """
    if _transforms(data):
        return data, name
    columns = _columns(data)
    if set(columns) == set(data.features):
        return data.with_format("torch"), f'{name}.with_format("torch")'
    return (
        data.with_format("torch", columns=columns),
        f'{name}.with_format("torch", columns={json.dumps(columns)})',
    )


def column(data: Any, name: str) -> tuple[Any, Any, str]:
    """Return the feature and the values of a column, and the code to append to the split's name.

    The values are returned as stored, before any transform. If there is no such column, the
    feature and the values are None, and the code is empty.
    """
    if name not in data.features:
        return None, None, ""
    stored, text = data, ""
    if _transforms(data):
        stored, text = data.with_format(None), ".with_format(None)"
    return data.features[name], stored[name][:], f"{text}[{json.dumps(name)}][:]"


def _transforms(data: Any) -> bool:
    return getattr(data, "format", {}).get("type") == "custom"
