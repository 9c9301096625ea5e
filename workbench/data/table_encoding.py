"""`TableEncoding`, which converts the columns of a table to the features and targets of a model.

Numbers are standardised with the mean and standard deviation of the training examples. A bool
becomes 0 or 1, and text or a pandas category becomes one feature for each value (one-hot). Missing
values are refused, as is anything that could be read in two ways: dates, numbers that are written
as text, and text with too many different values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.data.convert.csv_table import other_delimiter
from workbench.data.exact_dtypes import converted
from workbench.data.files import some
from workbench.data.table_columns import column_values, frame_error
from workbench.data.targets import (
    COMMAS,
    Targets,
    encoded_targets,
    numbers_in_text,
    plain_categories,
    values_of,
)
from workbench.data.written_dates import fault_of_dates
from workbench.errors import DataError, SourceError, nearest
from workbench.tensor.device import floatx

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

MOST_VALUES = 100
"""Maximum number of distinct values in a column of text."""

NO_COLUMN = "the table has no column {name!r}, only {columns}{hint}"
NO_NAMES = (
    "; the first line of a file must name the columns; if it has an example instead, read the file "
    "with pandas.read_csv(path, header=None, names=[...]), and pass the table"
)
WITHOUT_GAPS = "remove these rows with frame = frame.dropna(subset=[{name!r}])"
ONE_COLUMN = (
    "; if the cells of the file are separated by {other!r}, read the file with pandas.read_csv("
    "path, sep={other!r}), and with decimal=',' if its numbers have decimal commas"
)
SEVERAL = "{count} columns of the table cannot be used as they are:\n{faults}"
OTHER_COLUMNS = (
    "the table must have the columns of the training data; missing: {missing}; unknown: {surplus}"
)
NUMBERS_AS_TEXT = (
    "{where} has numbers that are written as text, such as {value!r}{odd}; convert it with "
    "pandas.to_numeric(frame[{name!r}])"
)
AS_CATEGORY = ", or with frame[{name!r}].astype('category') if they are classes"
MANY_VALUES = (
    "{where} has {count} distinct text values in {rows} rows, such as {value!r:.40}, too many "
    "for one feature per value; remove the column with frame.drop(columns=[{name!r}]), or convert "
    "it to numbers"
)
UNKNOWN_VALUE = (
    "{where} has the value {value!r}, which does not occur in the training data ({known}); replace "
    "it with one of these values, or train with examples that have it"
)
TOO_LARGE = (
    "column {name!r} has values up to {largest:.6g}, which are too large to standardise; divide "
    "them, as in frame[{name!r}] = frame[{name!r}] / {largest:.6g}"
)
NO_FEATURES = "the table has no column besides the target {target}; a model needs features"


@dataclass(frozen=True)
class TableEncoding:
    """Rules for converting a table to arrays.

    Attributes
    ----------
    target : tuple of str
        The columns that the model predicts.
    columns : tuple of str
        The other columns, in order.
    numbers : dict of str to (float, float)
        The mean and standard deviation of each column of numbers.
    categories : dict of str to tuple of str
        The values of each column of text or categories.
    labels : tuple or None
        The values that stand for the classes of the target; None if the target is a number.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [1.0, 3.0], "colour": ["red", "blue"], "kind": ["a", "b"]})
    >>> encoding = learn_encoding(frame, ["kind"], np.arange(2))
    >>> encoding.names
    ('size', 'colour=blue', 'colour=red')
    >>> encoding.features(frame)
    array([[-1.,  0.,  1.],
           [ 1.,  1.,  0.]], dtype=float32)
    """

    target: tuple[str, ...]
    columns: tuple[str, ...]
    numbers: Mapping[str, tuple[float, float]]
    categories: Mapping[str, tuple[str, ...]]
    labels: tuple[Any, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each feature."""
        found: list[str] = []
        for name in self.columns:
            values = self.categories.get(name)
            found += [name] if values is None else [f"{name}={value}" for value in values]
        return tuple(found)

    @property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """The values of each column of text or categories, and of a target of text."""
        found = dict(self.categories)
        if self.labels is not None and all(isinstance(one, str) for one in self.labels):
            found[self.target[0]] = self.labels
        return found

    def features(self, frame: pd.DataFrame) -> Array:
        """Return the features of a table, of shape (N, features); other columns are ignored.

        Raises
        ------
        DataError
            If a column is missing from the table or occurs twice, or if a value cannot be encoded.
        """
        check_frame(frame, self.columns)
        others = [name for name in map(str, frame.columns) if name not in self.target]
        missing = [name for name in self.columns if name not in others]
        if missing:
            surplus = [name for name in others if name not in self.columns]
            raise SourceError(
                OTHER_COLUMNS.format(missing=some(missing), surplus=some(surplus) or "none")
            )
        parts = [self._encoded(frame[name], name) for name in self.columns]
        return np.concatenate(parts, axis=1)

    def targets(self, frame: pd.DataFrame) -> Targets:
        """Return the targets of a table."""
        check_frame(frame, self.target)
        for name in self.target:
            check_column(frame, name)
        return _targets(frame, self.target, self.labels is not None, self.labels)

    def _encoded(self, column: pd.Series[Any], name: str) -> Array:
        where, dtype = f"column {name!r}", np.dtype(str(floatx()).removeprefix("torch."))
        known = self.categories.get(name)
        values = column_values(column, name, self._usual(column, name))
        if known is not None:
            return _one_hot(values, known, where).astype(dtype)
        if values.dtype.kind == "U":
            raise DataError(f"{where} must be numbers, as in the training data, not text")
        mean, deviation = self.numbers.get(name, (0.0, 1.0))
        scaled = (values.astype(np.float64) - mean) / deviation
        return converted(scaled[:, None], dtype, where)

    def _usual(self, column: pd.Series[Any], name: str) -> str | float | None:
        """Return a value of the training data that could replace missing values of a column."""
        if name in self.categories:
            return self.categories[name][0]
        if name in self.numbers:
            return self.numbers[name][0]
        return 0.0 if column.isna().all() else None

    def plain(self, name: str) -> dict[str, Any]:
        """Return the encoding of a column as plain data.

        Examples
        --------
        >>> TableEncoding(("y",), ("x",), {"x": (2.0, 0.5)}, {}).plain("x")
        {'column': 'x', 'mean': 2.0, 'deviation': 0.5}
        """
        found: dict[str, Any] = {"column": name}
        if name in self.categories:
            found["one feature for each of"] = list(self.categories[name])
        elif name in self.numbers:
            found["mean"], found["deviation"] = self.numbers[name]
        else:
            found["values"] = "as they are, true as 1"
        return found

    def describe(self) -> list[str]:
        """Return one line of text for each column."""
        lines = []
        for name in self.columns:
            if name in self.categories:
                lines.append(f"{name}: one feature for each of {some(self.categories[name])}")
            elif name in self.numbers:
                mean, deviation = self.numbers[name]
                lines.append(f"{name}: standardised, mean {mean:.6g}, deviation {deviation:.6g}")
            else:
                lines.append(f"{name}: as it is")
        return lines


def learn_encoding(
    frame: pd.DataFrame,
    target: Sequence[str],
    rows: npt.NDArray[np.intp],
    *,
    as_classes: bool | None = None,
    standardise: bool = True,
) -> TableEncoding:
    """Choose the encoding of a table.

    Parameters
    ----------
    frame : pandas.DataFrame
    target : sequence of str
        The columns to predict.
    rows : array of int
        The rows for training, used to compute means and standard deviations. The values of
        text columns are taken from all rows.
    as_classes : bool, optional
        See `encoded_targets`.
    standardise : bool
        If False, numbers stay as they are.

    Raises
    ------
    DataError
        If a column cannot be encoded.
    """
    for name in target:
        check_column(frame, name)
    if len(set(target)) < len(target):
        raise DataError(f"the target must name each column once, not {some(target)}")
    columns = [name for name in frame.columns if name not in target]
    if not columns:
        raise DataError(NO_FEATURES.format(target=some(target)))
    numbers: dict[str, tuple[float, float]] = {}
    categories: dict[str, tuple[str, ...]] = {}
    labels = None
    faults: list[DataError] = []
    for name in columns:
        try:
            values = column_values(frame[name], name)
            if values.dtype.kind == "U":
                categories[name] = _categories(frame[name], values, name)
            elif values.dtype.kind != "b" and standardise:
                numbers[name] = _moments(values[rows], name)
        except DataError as fault:
            faults.append(fault)
    try:
        labels = _targets(frame, target, as_classes, None).labels
    except DataError as fault:
        faults.append(fault)
    if len(faults) > 1:
        listed = "\n".join(f"- {fault}" for fault in faults)
        several = DataError(SEVERAL.format(count=len(faults), faults=listed))
        several.changes_frame = any(fault.changes_frame for fault in faults)
        raise several
    if faults:
        raise faults[0]
    return TableEncoding(tuple(target), tuple(columns), numbers, categories, labels)


def _moments(values: Array, name: str) -> tuple[float, float]:
    """Return the mean and the standard deviation (1 if all numbers are equal)."""
    chosen = values.astype(np.float64)
    largest = float(np.abs(chosen).max())
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(chosen.mean()), float(chosen.std())
    if not np.isfinite([mean, deviation]).all():
        raise frame_error(TOO_LARGE.format(name=name, largest=largest))
    flat = not deviation > 1e-12 * largest
    return mean, 1.0 if flat else deviation


def other_table(given: Any) -> str:
    """Return the type of a value that is not a pandas table and, if possible, how to convert it."""
    kind = type(given)
    plain = kind.__module__ in ("builtins", "numpy")
    name = kind.__name__ if plain else f"{kind.__module__}.{kind.__name__}"
    return name + "; pass table.to_pandas()" * hasattr(given, "to_pandas")


def check_frame(frame: Any, needed: Collection[str] | None = None) -> None:
    """Raise an error unless `frame` is a table whose column names are unique strings.

    If the names of the `needed` columns are passed, other columns may have any names.
    """
    names = getattr(frame, "columns", None)
    if names is None or not hasattr(frame, "iloc"):
        raise DataError(f"a table must be a pandas.DataFrame, not {other_table(frame)}")
    odd = [
        name
        for name in names
        if not isinstance(name, str) and (needed is None or str(name) in needed)
    ]
    if odd:
        raise frame_error(
            f"the name of each column of the table must be text, but one is {odd[0]!r}; rename the "
            "columns with frame.columns = frame.columns.astype(str), or with better names"
        )
    twice = [name for name in names[names.duplicated()] if needed is None or name in needed]
    if twice:
        raise DataError(f"the table has two columns named {twice[0]!r}; rename one of them")


def check_column(frame: pd.DataFrame, name: str) -> None:
    """Raise a `SourceError` if a column is missing from the table."""
    if name not in frame.columns:
        names = [str(one) for one in frame.columns]
        hint = nearest(str(name), names)
        if len(names) == 1 and (other := other_delimiter(names[0])):
            hint = ONE_COLUMN.format(other=other)
        elif not hint and any(map(_is_fraction, frame.columns)):
            hint = NO_NAMES
        raise SourceError(NO_COLUMN.format(name=name, columns=some(names), hint=hint))


def _is_fraction(name: object) -> bool:
    """Return True for a name such as ``"5.1"``, which is probably a cell of an example."""
    try:
        return isinstance(name, str) and "." in name and bool(float(name) + 1)
    except ValueError:
        return False


def _categories(column: pd.Series[Any], values: Array, name: str) -> tuple[str, ...]:
    found = np.unique(values).tolist()
    if getattr(column.dtype, "categories", None) is not None:
        used = plain_categories(column).cat.remove_unused_categories().cat.categories
        # the text of a number depends on its dtype, such as float32
        return tuple(values_of(used, f"column {name!r}").astype(str).tolist())
    number, odd = numbers_in_text(found)
    if number is not None:
        where = f"column {name!r}"
        text = (COMMAS if "," in number else NUMBERS_AS_TEXT) + AS_CATEGORY
        raise frame_error(text.format(where=where, value=number, odd=odd, name=name))
    fault = fault_of_dates(found, name)
    if fault is not None:
        raise frame_error(fault)
    if len(found) > MOST_VALUES or (len(found) > 20 and len(found) > len(values) / 2):
        raise frame_error(
            MANY_VALUES.format(
                where=f"column {name!r}", count=len(found), rows=len(values), name=name,
                value=found[0],
            )
        )  # fmt: skip
    return tuple(found)


def _one_hot(values: Array, known: Sequence[str], where: str) -> Array:
    texts = values.astype(str)
    unknown = sorted(set(np.unique(texts).tolist()) - set(known))
    if unknown:
        raise DataError(
            UNKNOWN_VALUE.format(where=where, value=unknown[0], known=some(known, most=10))
        )
    found: Array = texts[:, None] == np.asarray(known)[None, :]
    return found


def _targets(
    frame: pd.DataFrame,
    target: Sequence[str],
    as_classes: bool | None,
    labels: Sequence[Any] | None,
) -> Targets:
    if len(target) == 1:
        return _encoded_target(frame[target[0]], target[0], as_classes, labels)
    if as_classes:
        raise DataError(
            f"classes must be in one column, not in {some(target)}; pass one target, or "
            "as_classes=False if the targets are numbers"
        )
    parts = [_encoded_target(frame[name], name, as_classes=False).values for name in target]
    return Targets(np.concatenate(parts, axis=1))


def _encoded_target(
    column: pd.Series[Any],
    name: str,
    as_classes: bool | None,
    labels: Sequence[Any] | None = None,
) -> Targets:
    """Encode a target; an error about missing values shows how to remove their rows."""
    where, advice = f"target {name!r}", WITHOUT_GAPS.format(name=name)
    try:
        return encoded_targets(column, where, as_classes=as_classes, labels=labels, advice=advice)
    except DataError as error:
        error.changes_frame = str(error).endswith(advice)
        raise
