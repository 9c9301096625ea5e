"""Splits of Hugging Face ``datasets`` as data for `fit`, in the format that the caller has set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.fitting.program import literal


def is_split(data: Any) -> bool:
    """Return True for a split, or for an object with the same interface."""
    return hasattr(data, "with_format") and isinstance(getattr(data, "features", None), Mapping)


def in_torch(data: Any, name: str) -> tuple[Any, str]:
    """Return a split whose items are tensors, and the expression for it.

    A split with a transform is used as it is; otherwise the columns that were chosen stay chosen.

    Parameters
    ----------
    data : Dataset of Hugging Face
    name : str
        The expression for `data`.
    """
    if _transforms(data):
        return data, name
    form = getattr(data, "format", {})
    columns = list(form.get("columns", data.features))
    if form.get("output_all_columns") or set(columns) == set(data.features):
        return data.with_format("torch"), f'{name}.with_format("torch")'
    return (
        data.with_format("torch", columns=columns),
        f'{name}.with_format("torch", columns={literal(columns)})',
    )


def column(data: Any, name: str) -> tuple[Any, Any, str]:
    """Return the feature of a column, its stored values, and the code for the values after the dot.

    The values are those before any transform. All are None or empty if there is no such column.
    """
    if name not in data.features:
        return None, None, ""
    stored, text = data, ""
    if _transforms(data):
        stored, text = data.with_format(None), ".with_format(None)"
    return data.features[name], stored[name][:], f"{text}[{literal(name)}][:]"


def _transforms(data: Any) -> bool:
    return getattr(data, "format", {}).get("type") == "custom"
