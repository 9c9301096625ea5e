"""Values of table columns that can be encoded, and advice on how to change other columns."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.targets import check_complete, missing_in, plain_categories, values_of
from workbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

NO_NUMBERS = (
    "{where} has the type {kind}, but must contain numbers, bools, text or categories; convert it "
    "{how}, or remove it with frame.drop(columns=[{name!r}])"
)
HOW_TO_CONVERT = {
    "M": (
        "to numbers, such as days: (frame[{name!r}] - pandas.Timestamp('2000-01-01'{zone})).dt.days"
    ),
    "m": "to numbers with frame[{name!r}].dt.total_seconds()",
    "c": "first",
}
DATES = {
    "date": (
        "to numbers, such as days: (pandas.to_datetime(frame[{name!r}]) - "
        "pandas.Timestamp('2000-01-01')).dt.days"
    ),
    "Period": (
        "to numbers, such as days: (frame[{name!r}].dt.to_timestamp() - "
        "pandas.Timestamp('2000-01-01')).dt.days"
    ),
}
"""Advice on converting dates that have no numpy dtype."""
REMOVE = "remove these rows with frame = frame.dropna(subset=[{name!r}]), or "
FILL_IN = "fill in their values, as in frame[{name!r}] = {filled}"
NO_VALUE = "remove the column with frame = frame.drop(columns=[{name!r}])"


def column_values(column: pd.Series[Any], name: str, usual: str | float | None = None) -> Array:
    """Return the values of a column: bools, numbers or text.

    Parameters
    ----------
    column : pandas.Series
    name : str
        The name of the column, for messages.
    usual : str or float, optional
        A value of the training data, if the table is encoded as in training: text for a column of
        text or categories, and a number for other columns. The error message suggests it as a
        replacement for missing values.

    Raises
    ------
    DataError
        If a value is missing, or is neither a bool, nor a number, nor text.
    """
    where = f"column {name!r}"
    column = plain_categories(column)
    kind = _kind_of_dates(column)
    if kind is not None:
        how = DATES[kind].format(name=name)
        raise frame_error(NO_NUMBERS.format(where=where, kind=kind, name=name, how=how))
    if column.dtype.kind in "mMc":
        zone = ", tz='UTC'" if getattr(column.dtype, "tz", None) is not None else ""
        how = HOW_TO_CONVERT[column.dtype.kind].format(name=name, zone=zone)
        raise frame_error(NO_NUMBERS.format(where=where, kind=column.dtype, name=name, how=how))
    values = values_of(column, where)
    gaps = missing_in(values)
    advice = _advice(column, name, values[~gaps], usual) if gaps.any() else ""
    try:
        check_complete(values, where, advice)
    except DataError as error:
        error.changes_frame = bool(advice)
        raise
    return values.astype(str) if _is_categorical(column) else values


def _kind_of_dates(column: pd.Series[Any]) -> str | None:
    """Return the key of `DATES` that fits the values of a column, or None if they are not dates."""
    if column.dtype.name.startswith("period"):
        return "Period"
    if column.dtype != object:
        return None
    there = column.dropna()
    return "date" if len(there) and all(isinstance(one, date) for one in there) else None


def frame_error(text: str) -> DataError:
    """Return an error whose message shows how to change the table `frame`."""
    error = DataError(text)
    error.changes_frame = True
    return error


def _is_categorical(column: pd.Series[Any]) -> bool:
    return getattr(column.dtype, "categories", None) is not None


def _advice(column: pd.Series[Any], name: str, there: Array, usual: str | float | None) -> str:
    """Return advice on missing values of a column; `there` contains its other values."""
    if not there.size and usual is None:
        return NO_VALUE.format(name=name)
    place = f"frame[{name!r}]"
    kinds = {type(one) for one in there} if there.dtype == object else {there.dtype.type}
    text = "unknown" if usual is None else usual
    if _is_categorical(column):
        filled = f"{place}.astype(object).fillna({text!r}).astype(str).astype('category')"
    elif isinstance(usual, str) and there.size and str not in kinds and _is_number(usual):
        whole = ".astype(int)" if usual.lstrip("-").isdigit() else ""
        filled = f"{place}.fillna({usual}){whole}"
    elif isinstance(usual, str) or str in kinds or np.str_ in kinds:
        place += "" if column.dtype.kind == "O" else ".astype(object)"
        filled = f"{place}.fillna({text!r})"
    elif kinds and kinds <= {bool, np.bool_}:
        filled = f"{place}.astype('boolean').fillna(False)"
    else:
        number = f"{place}.median()" if usual is None else f"{usual:.6g}"
        place += "" if column.dtype.kind == "f" else ".astype(float)"
        filled = f"{place}.fillna({number})"
    return ((REMOVE if there.size else "") + FILL_IN).format(name=name, filled=filled)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
