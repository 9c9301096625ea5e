"""Targets of a model as numbers: classes become indices, and quantities stay as they are.

Ambiguous targets are refused. Because an integer may be a class or a quantity, integers are treated
as classes only if they are 0, 1, 2, ...; otherwise, the caller must say which they are. A column of
shape (N, 1) is treated as a vector.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.exact_dtypes import converted
from workbench.data.files import some
from workbench.errors import DataError, nearest
from workbench.tensor.device import floatx

Array = npt.NDArray[Any]

FEW_CLASSES, MOST_CLASSES = 20, 100
"""Limits on the number of distinct values.

Up to the first limit, the integers 0, 1, 2 ... are always classes. Up to the second limit, the
caller must say whether floats with the values 0, 1, 2 ... are classes.
"""

MISSING = (
    "{where} must have a value for each example, but {count} of {total} are missing (the first at "
    "position {first}); {advice}"
)
FILL_IN = "remove these examples, or fill in their values"
AMBIGUOUS = (
    "{where} consists of whole numbers ({values}), which can be classes or quantities; pass "
    "as_classes=True or as_classes=False (in fit: loss='cross-entropy' or loss='squared error')"
)
ONE_HOT = (
    "{where} of shape {shape} has one 1 in each row and 0 elsewhere: for classes (one-hot), pass "
    "as_classes=True (in fit: loss='cross-entropy'); for numbers, as_classes=False (in fit: "
    "loss='squared error')"
)
MIXED = "{where} must have values of one type, not {kinds}; convert them to one type"
OTHER_TYPE = (
    "{where} has values of the type {kind}, but must contain only numbers, bools or text; convert "
    "them, for example with astype(float) or astype(str)"
)
ONE_CLASS = (
    "{where} has the same class {only!r} in all {count} examples, so there is nothing to learn; "
    "pass examples of at least two classes"
)
NOT_WHOLE = (
    "{where} must contain classes, but the value {value!r} is not a whole number; pass "
    "as_classes=False (in fit: loss='squared error') if the target is a quantity"
)
NUMBERS_AS_TEXT = (
    "{where} has numbers that are written as text, such as {value!r}{odd}; convert it with "
    "pandas.to_numeric"
)
COMMAS = (
    "{where} has numbers with a comma, such as {value!r}, which are text; convert them to numbers "
    "(if they are from a file, with pandas.read_csv(path, sep=';', decimal=',') if the comma "
    "separates decimals, or with thousands=',' if it groups digits)"
)
FOR_CLASSES = ", or pass as_classes=True (in fit: loss='cross-entropy') for classes"
COMMA = re.compile(r"[+-]?\d[\d.]*,[\d,.]*\d")
"""Pattern of numbers with a decimal comma or with groups of digits, such as 1.234,5 and 1,234.5."""
ODD_TEXT = ", and {value!r}, which is not a number (replace or remove such values)"
TEXT_AS_NUMBERS = (
    "{where} has values such as {value!r}, which are not numbers; pass as_classes=True (in fit: "
    "loss='cross-entropy'), or convert them to numbers"
)
UNKNOWN_CLASS = "{where} has the value {value!r}, which is not one of the classes ({classes}){hint}"
NOT_ONE_HOT = (
    "{where} has the shape {shape}; for classes it must be a vector, a column, or a matrix with "
    "one 1 in each row and 0 elsewhere (one-hot)"
)
NOT_FINITE = "{where} must be finite, but is {value!r} at position {first}"


@dataclass(frozen=True)
class Targets:
    """Targets as an array.

    Attributes
    ----------
    values : ndarray
        Class indices, int64 of shape (N,), or numbers of shape (N, k).
    classes : tuple of str or None
        The class names; None if the targets are numbers.
    labels : tuple or None
        The values that stand for the classes in the data, in the order of the classes.
    """

    values: Array
    classes: tuple[str, ...] | None = None
    labels: tuple[Any, ...] | None = None


def encoded_targets(
    given: Any,
    where: str,
    *,
    as_classes: bool | None = None,
    labels: Sequence[Any] | None = None,
    advice: str = FILL_IN,
) -> Targets:
    """Convert targets to class indices, or to floating-point numbers.

    Parameters
    ----------
    given : array, tensor, list or pandas.Series
        The target of each example.
    where : str
        The name of the targets, for messages.
    as_classes : bool, optional
        True if the targets are classes, False if not. By default text, bools, pandas categories and
        the integers 0, 1, 2 ... are classes, and fractions are not. More than 20 different integers
        are classes only if each occurs at least twice on average.
    labels : sequence, optional
        The values that stand for the classes, in order. By default the values that occur, in
        ascending order; pandas categories keep their order.
    advice : str, optional
        What to do about missing values, for messages.

    Returns
    -------
    Targets

    Raises
    ------
    DataError
        If a value is missing or not finite, if all examples have the same class, or if it is
        unclear whether integers are classes.

    Examples
    --------
    >>> encoded_targets(["b", "a", "b"], "targets")
    Targets(values=array([1, 0, 1]), classes=('a', 'b'), labels=('a', 'b'))
    >>> encoded_targets([1.5, 2.0], "targets").values
    array([[1.5],
           [2. ]], dtype=float32)
    """
    given = plain_categories(given)
    categories = getattr(getattr(given, "dtype", None), "categories", None)
    values = values_of(given, where)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    check_complete(values, where, advice)
    if as_classes is None:
        as_classes = labels is not None or _are_classes(values, where, categories is not None)
    if not as_classes:
        return Targets(_numbers(values, where))
    if values.ndim != 1:
        values = _from_one_hot(values, where)
    fractions = any(isinstance(one, float) and one != round(one) for one in labels or ())
    if values.dtype.kind == "f" and categories is None and not fractions:
        values = _whole(values, where)
    found = np.unique(values).tolist()
    if labels is None:
        labels = found if categories is None else [one for one in categories if one in set(found)]
        if len(labels) < 2:
            raise DataError(ONE_CLASS.format(where=where, only=found[0], count=len(values)))
    return Targets(_indices(values, labels, where), tuple(map(str, labels)), tuple(labels))


def plain_categories(given: Any) -> Any:
    """Convert pandas categories to text if any of them is not a number, a bool or text."""
    categories = getattr(getattr(given, "dtype", None), "categories", None)
    if categories is None or all(
        _kind(one) in ("bool", "int", "float", "str") for one in categories
    ):
        return given
    return getattr(given, "cat", given).rename_categories([str(one) for one in categories])


def values_of(given: Any, where: str) -> Array:
    """Return an array of bools, numbers or text; a missing value is None or NaN.

    Raises
    ------
    DataError
        If the values are of several types, or of any other type.
    """
    if isinstance(given, torch.Tensor):
        given = given.detach().cpu().numpy()
    if isinstance(given, np.ma.MaskedArray):
        hidden, given = np.ma.getmaskarray(given), given.data.astype(object)
        given[hidden] = None
    values: Array
    if hasattr(given, "to_numpy"):
        values = given.to_numpy()
    elif isinstance(given, (list, tuple)) and not any(np.ndim(one) for one in given):
        values = np.fromiter(given, dtype=object)  # a conversion would turn ["a", 1] into text
    else:
        values = np.asarray(given)
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind in "US":
        return values.astype(str) if values.dtype.kind == "U" else np.char.decode(values)
    if values.dtype != object:
        raise DataError(
            f"{where} has the dtype {values.dtype}, but must consist of numbers or text; convert "
            "it first"
        )
    flat = values.reshape(-1)
    there = np.array([not _is_missing(one) for one in flat], dtype=bool)
    kinds = {_kind(one) for one in flat[there]}
    if len(kinds) > 1 and kinds != {"int", "float"}:
        raise DataError(MIXED.format(where=where, kinds=" and ".join(sorted(kinds))))
    if not there.all():
        whole: Array = flat.copy()
        whole[~there] = None
        return whole.reshape(values.shape)
    kind = next(iter(kinds)) if len(kinds) == 1 else "float"
    dtypes: dict[str, Any] = {"bool": bool, "int": np.int64, "float": np.float64, "str": str}
    if kind not in dtypes:
        raise DataError(OTHER_TYPE.format(where=where, kind=kind))
    plain: Array = values.astype(dtypes[kind])
    return plain


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _kind(value: Any) -> str:
    for kind, types in (
        ("bool", (bool, np.bool_)),
        ("int", (int, np.integer)),
        ("float", (float, np.floating)),
        ("str", (str,)),
    ):
        if isinstance(value, types):
            return kind
    return type(value).__name__


def missing_in(values: Array) -> npt.NDArray[np.bool_]:
    """Return a mask of the missing values (None or NaN)."""
    if values.dtype == object:
        mask = np.array([_is_missing(one) for one in values.reshape(-1)], dtype=bool)
        return mask.reshape(values.shape)
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.zeros(values.shape, dtype=bool)


def check_complete(values: Array, where: str, advice: str = FILL_IN) -> None:
    """Raise a `DataError` if there is no value, or if a value is missing or infinite.

    The message about missing values ends with `advice`.
    """
    if not values.ndim or not values.size:
        raise DataError(f"{where} has no examples (its shape is {values.shape}); pass some data")
    gaps = missing_in(values).reshape(len(values), -1).max(axis=1)
    if gaps.any():
        raise DataError(
            MISSING.format(
                where=where,
                count=int(gaps.sum()),
                total=len(gaps),
                first=int(gaps.argmax()),
                advice=advice,
            )
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        first = int((~np.isfinite(values.reshape(len(values), -1))).any(1).argmax())
        value = values.reshape(len(values), -1)[first]
        bad = value[~np.isfinite(value)][0]
        raise DataError(NOT_FINITE.format(where=where, value=float(bad), first=first))


def _are_classes(values: Array, where: str, categorical: bool) -> bool:
    if categorical or values.dtype.kind == "b":
        return True
    found = np.unique(values)
    if values.dtype.kind == "U":
        number, odd = numbers_in_text(found.tolist())
        if number is not None and not all(map(str.isdigit, found.tolist())):
            text = COMMAS if "," in number else NUMBERS_AS_TEXT
            raise DataError(text.format(where=where, value=number, odd=odd) + FOR_CLASSES)
        return True
    count = len(found)
    consecutive = np.array_equal(found, np.arange(count))
    if values.dtype.kind == "f" and not (consecutive and 1 < count <= MOST_CLASSES):
        return False
    if count == 1:
        raise DataError(ONE_CLASS.format(where=where, only=found[0].item(), count=len(values)))
    few = count <= FEW_CLASSES or count <= len(values) / 2
    if values.ndim == 1 and values.dtype.kind != "f" and consecutive and few:
        return True
    if _is_one_hot(values):
        raise DataError(ONE_HOT.format(where=where, shape=values.shape))
    shown = some([int(one) for one in found], str, most=6)
    raise DataError(AMBIGUOUS.format(where=where, values=shown))


def numbers_in_text(texts: Sequence[str]) -> tuple[str | None, str]:
    """Return a string that is a number, and a remark about the first string that is not.

    If any number contains a comma, return the first such number; if not, the first number.

    Parameters
    ----------
    texts : sequence of str
        Distinct strings. If at most half of them are numbers, the result is None and "".
    """
    numbers = [text for text in texts if _is_number(text)]
    if len(numbers) <= len(texts) / 2:
        return None, ""
    others = [text for text in texts if not _is_number(text)]
    number = next((text for text in numbers if "," in text), numbers[0])
    return number, ODD_TEXT.format(value=others[0]) if others else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return COMMA.fullmatch(text.strip()) is not None
    return True


def _numbers(values: Array, where: str) -> Array:
    if values.dtype.kind == "U":
        raise DataError(TEXT_AS_NUMBERS.format(where=where, value=str(values.reshape(-1)[0])))
    columns = values.reshape(len(values), 1) if values.ndim == 1 else values
    if columns.dtype.kind in "iu":
        columns = columns.astype(np.float64)  # large integers are rounded, as fractions are
    found = converted(columns, np.dtype(str(floatx()).removeprefix("torch.")), where)
    return found.copy() if np.may_share_memory(found, values) else found


def _is_one_hot(values: Array) -> bool:
    numbers = values.ndim == 2 and values.dtype.kind in "biuf"
    return numbers and bool(np.isin(values, (0, 1)).all() and (values.sum(1) == 1).all())


def _from_one_hot(values: Array, where: str) -> Array:
    if not _is_one_hot(values):
        raise DataError(NOT_ONE_HOT.format(where=where, shape=values.shape))
    chosen: Array = values.argmax(1)
    return chosen


def _whole(values: Array, where: str) -> Array:
    odd = values != np.round(values)
    if odd.any():
        raise DataError(NOT_WHOLE.format(where=where, value=float(values[odd][0])))
    return converted(values, np.dtype(np.int64), where)


def _indices(values: Array, labels: Sequence[Any], where: str) -> Array:
    index = {label: number for number, label in enumerate(labels)}
    unknown = [one for one in np.unique(values).tolist() if one not in index]
    if unknown:
        known = list(map(str, labels))
        raise DataError(
            UNKNOWN_CLASS.format(
                where=where,
                value=unknown[0],
                classes=some(labels, most=10),
                hint=nearest(str(unknown[0]), known),
            )
        )
    found, inverse = np.unique(values, return_inverse=True)
    places = np.array([index[one] for one in found.tolist()], dtype=np.int64)
    return places[inverse.reshape(-1)]
