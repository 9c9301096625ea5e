"""Exact conversion of numbers to other dtypes, with an error if a value would change.

Conversion to a dtype that cannot represent a number changes the number: 300 becomes 44 as uint8,
2**53 + 1 is rounded as float64, 1e39 becomes infinite as float32, and NaN becomes an arbitrary
integer. All these conversions raise an error. Only floats may be rounded, to the nearest value of a
floating-point dtype.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.errors import DataError

NUMBERS = "biufc"
WHOLE = re.compile(r"([+-]?\d+)(\.0*)?")
"""Regular expression for integers that must be represented exactly, unlike 6.022e23."""


def number_dtype(dtype: npt.DTypeLike, where: str) -> np.dtype[Any]:
    """Convert `dtype` to a numpy dtype; raise a `DataError` if it is not a numeric dtype."""
    try:
        given = np.dtype(object if dtype is None else dtype)  # np.dtype(None) is float64
    except TypeError:
        given = np.dtype(object)
    if given.kind not in NUMBERS:
        raise DataError(
            f"dtype of {where} must be a numeric dtype, such as 'float32' or 'int64', not {dtype!r}"
        )
    return given


def converted(array: npt.NDArray[Any], dtype: np.dtype[Any], where: str) -> npt.NDArray[Any]:
    """Convert `array` to a dtype; return it unchanged if it has that dtype.

    Parameters
    ----------
    array : numpy.ndarray
        Numbers, or numbers written as text.
    dtype : numpy.dtype
        A numeric dtype.
    where : str
        The name of the array, for error messages.

    Raises
    ------
    DataError
        If a value is not a number, or the dtype cannot represent it. The message shows the first
        such value.

    Examples
    --------
    >>> converted(np.array([1, 255]), np.dtype("uint8"), "x")
    array([  1, 255], dtype=uint8)
    >>> converted(np.array([1, 300]), np.dtype("uint8"), "x")
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: x has the value 300 at index 1, which uint8 cannot represent
    """
    if array.dtype == dtype or (
        array.dtype.kind in NUMBERS
        and np.can_cast(array.dtype, dtype, "safe")
        # numpy calls the cast from int64 to float64 safe, although it rounds large integers
        and not (array.dtype.kind in "iu" and dtype.kind in "fc" and array.dtype.itemsize > 4)
    ):
        return array.astype(dtype, copy=False)
    if array.dtype.kind not in NUMBERS:
        return _one_by_one(array, dtype, where)
    if dtype.kind in "fc" and array.dtype.kind in "fc" and not _loses_a_part(array, dtype):
        try:
            with np.errstate(over="raise", under="ignore", invalid="ignore"):
                return array.astype(dtype)
        except FloatingPointError:
            fits = np.isinf(array) | np.isnan(array) | np.isfinite(_cast(array, dtype))
            raise _unfit(array, fits, dtype, where) from None
    if array.dtype.kind in "iu" and array.size:
        low, high = _exact_range(dtype)
        if array.min() >= low and array.max() <= high:
            return array.astype(dtype)
    fits = _fitting(array, dtype)
    if not np.all(fits):
        raise _unfit(array, fits, dtype, where)
    return _cast(array, dtype)


def of_one_dtype(arrays: Sequence[npt.NDArray[Any]], where: str) -> list[npt.NDArray[Any]]:
    """Convert arrays to their common dtype, as chosen by numpy.

    Raises
    ------
    DataError
        If there is no common dtype, as for numbers and text, or if it cannot represent a value.

    Examples
    --------
    >>> of_one_dtype([np.array([1, 2]), np.array([0.5])], "x")
    [array([1., 2.]), array([0.5])]
    >>> of_one_dtype([np.array([1, 2]), np.array(["a"])], "x")
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: x has values of dtypes <U1 and int64, which have no common dtype;
    convert them to one dtype
    """
    dtypes = {array.dtype for array in arrays}
    if len(dtypes) == 1:
        return list(arrays)
    if all(dtype.kind in NUMBERS for dtype in dtypes):
        common = np.result_type(*dtypes)
        return [converted(array, common, where) for array in arrays]
    if len({dtype.kind for dtype in dtypes}) > 1:
        names = sorted(str(dtype) for dtype in dtypes)
        raise DataError(
            f"{where} has values of dtypes {' and '.join(names)}, which have no common dtype; "
            "convert them to one dtype"
        )
    return list(arrays)


def of_sequence(values: Any, array: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return the array that numpy created from a list or table, after checking its values.

    Numpy converts integers to floats if some values are floats or if the integers are too large for
    integer dtypes. It converts numbers to text if some values are text.

    Parameters
    ----------
    values : list, tuple or pandas table
    array : numpy.ndarray
        The array that numpy created from `values`.
    where : str
        The name of the values, for error messages.

    Raises
    ------
    DataError
        If a value differs from the value in the array. The message shows the first such value.

    Examples
    --------
    >>> of_sequence([1, "a"], np.asarray([1, "a"]), "x")
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: x contains text, so 1 at index 0 would become text; convert it with
    str, or remove it
    """
    if array.dtype.kind == "f":
        # smaller numbers are exact in the array
        doubtful = np.abs(array) >= _exact_range(array.dtype)[1]
        if doubtful.any():
            _check_same(values, array, doubtful, where)
    elif array.dtype.kind in "US":
        given = _as_objects(values)
        for place, value in enumerate(given.flat):
            if not isinstance(value, (str, bytes)):
                index = tuple(map(int, np.unravel_index(place, given.shape)))
                raise DataError(
                    f"{where} contains text, so {value!r:.60}{_at(index)} would become text; "
                    "convert it with str, or remove it"
                )
    return array


def _check_same(values: Any, array: npt.NDArray[Any], doubtful: Any, where: str) -> None:
    given = _as_objects(values)
    for index in zip(*np.nonzero(doubtful), strict=True):
        value = given[index]
        if isinstance(value, (int, np.integer)) and int(array[index]) != int(value):
            place = tuple(map(int, index))
            raise DataError(_cannot_hold(where, int(value), place, array.dtype))


def _as_objects(values: Any) -> npt.NDArray[Any]:
    if hasattr(values, "astype"):  # a pandas table or column
        return np.asarray(values.astype(object))
    return np.array(values, dtype=object)


def converted_tensor(tensor: torch.Tensor, dtype: np.dtype[Any], where: str) -> torch.Tensor:
    """Convert a tensor to the torch dtype that corresponds to `dtype`; see `converted`."""
    wanted = torch.from_numpy(np.empty(0, dtype)).dtype
    if tensor.dtype == wanted:
        return tensor
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    return torch.from_numpy(converted(plain.numpy(), dtype, where)).to(tensor.device)


def parsed(text: str, dtype: np.dtype[Any]) -> Any:
    """Convert text to a number that `dtype` can represent.

    Raises
    ------
    ValueError
        If the text is not a number; ``1_000``, which Python accepts, is also refused.
    OverflowError
        If the dtype cannot represent the number.

    Examples
    --------
    >>> parsed("9007199254740993", np.dtype("int64"))
    9007199254740993
    """
    value = float(text)
    if "_" in text:
        raise ValueError(text)
    if not np.isfinite(value):
        if dtype.kind not in "fc" or "n" not in text.lower():  # unlike 1e400, nan and inf have an n
            raise OverflowError(text)
        return value
    if dtype.kind in "fc":
        nearest = _cast(np.asarray(value), dtype)
        if not np.isfinite(nearest) or (nearest == 0) != (value == 0 and not _has_digits(text)):
            raise OverflowError(text)
        whole = WHOLE.fullmatch(text.strip())
        if whole and int(nearest.real) != int(whole[1]):
            raise OverflowError(text)
        return value
    try:
        exact = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(text) from None
    whole_number = int(exact)
    low, high = _limits(dtype)
    if whole_number != exact or not low <= whole_number <= high:
        raise OverflowError(text)
    return whole_number


def _has_digits(text: str) -> bool:
    """Return True if a number, given as text, is not zero, even if float() rounds it to zero."""
    return any(character in "123456789" for character in text.lower().partition("e")[0])


@functools.cache
def _limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    if dtype.kind == "b":
        return 0, 1
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


@functools.cache
def _exact_range(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the limits of a range of integers that the dtype represents exactly."""
    if dtype.kind not in "fc":
        return _limits(dtype)
    exact = int(2 ** (np.finfo(dtype).nmant + 1))
    return -exact, exact


def _cast(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    with np.errstate(all="ignore"):
        return (array if dtype.kind == "c" else array.real).astype(dtype)


def _loses_a_part(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> bool:
    return array.dtype.kind == "c" and dtype.kind == "f"


def _fitting(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> Any:
    """Return True for each value of `array` that can be converted to `dtype`."""
    if array.dtype.kind == "c":
        if dtype.kind == "f":
            return (array.imag == 0) & (np.isfinite(_cast(array.real, dtype)) | ~np.isfinite(array))
        return (array.imag == 0) & _fitting(array.real, dtype)
    if dtype.kind in "fc":
        return _fitting_floats(array, dtype)
    low, high = _limits(dtype)
    if array.dtype.kind == "f":
        # both ends are powers of two, which float() does not round
        return (array >= float(low)) & (array < float(high + 1)) & (array == np.floor(array))
    return (array >= low) & (array <= high)


def _fitting_floats(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> Any:
    """Return True for each integer of `array` that the floating-point dtype represents exactly."""
    if not array.ndim:
        return _fitting_floats(array.reshape(1), dtype)[0]
    low, high = _exact_range(dtype)
    fits = (array >= low) & (array <= high)
    rounded = _cast(array, dtype).real
    for index in zip(*np.nonzero(~fits), strict=True):
        near = rounded[index]
        fits[index] = bool(np.isfinite(near)) and int(near) == int(array[index])
    return fits


def _one_by_one(array: npt.NDArray[Any], dtype: np.dtype[Any], where: str) -> npt.NDArray[Any]:
    """Convert text and Python numbers one by one; Python integers may have any size."""
    result = np.empty(array.shape, dtype)
    for index in np.ndindex(array.shape):
        value: Any = array[index]
        try:
            if isinstance(value, (str, bytes)):
                value = value.decode() if isinstance(value, bytes) else str(value)
                result[index] = parsed(value, dtype)
            elif isinstance(value, int) and not isinstance(value, bool):
                result[index] = parsed(str(value), dtype)
            else:
                number = np.asarray(value)
                if number.shape or number.dtype.kind not in NUMBERS:
                    raise ValueError(value)
                result[index] = converted(number, dtype, where)
        except OverflowError:
            raise DataError(_cannot_hold(where, value, index, dtype)) from None
        except (ValueError, TypeError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                f"{where} must contain numbers, not {value!r:.60}{_at(index)}"
            ) from None
    return result


def _unfit(array: npt.NDArray[Any], fits: Any, dtype: np.dtype[Any], where: str) -> DataError:
    index = tuple(int(axis[0]) for axis in np.nonzero(~np.atleast_1d(fits)))
    value = np.atleast_1d(array)[index].item()
    return DataError(_cannot_hold(where, value, index if array.ndim else (), dtype))


def _cannot_hold(where: str, value: Any, index: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"{where} has the value {value!r:.60}{_at(index)}, which {dtype.name} cannot represent"


def _at(index: tuple[int, ...]) -> str:
    return f" at index {index[0] if len(index) == 1 else index}" if index else ""
