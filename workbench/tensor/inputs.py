"""Inputs and constants: the variables that graphs are built from."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy
import torch

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.call import apply
from workbench.tensor.device import default_device, floatx
from workbench.tensor.variable import Variable


@hinted
def variable(
    name: str | None = None,
    shape: Sequence[int | None] = (),
    dtype: torch.dtype | None = None,
) -> Variable:
    """Create an input: a variable whose value is given when a function is called.

    Parameters
    ----------
    name : str, optional
        Name of the input in function calls, error messages and data sources.
    shape : sequence of int or None
        Size of each dimension; ``None`` for a size that varies between calls or is inferred.
    dtype : torch.dtype, optional
        The dtype of the input; by default ``config.floatx``.

    Raises
    ------
    ShapeError, DtypeError, ArgumentError
        If `shape` is not a sequence of sizes, `dtype` is not a torch dtype, or `name` is not a
        string.

    Examples
    --------
    >>> images = variable("images", shape=(None, 1, 28, 28))
    >>> images.flatten(1).shape[1]
    784
    """
    check_name(name, "the name of an input")
    check_dtype(dtype, name)
    given: object = shape
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise errors.ShapeError(
            f"shape {shape!r} of input {name!r}: a shape must be a sequence of sizes, such as "
            "(None, 784) for a matrix of 784 columns"
        )
    for size in shape:
        if size is not None and (not isinstance(size, int) or size < 0):
            raise errors.ShapeError(
                f"shape {tuple(shape)!r} of input {name!r}: sizes must be non-negative integers, "
                "or None where unknown"
            )
    return Variable(shapes.fake_tensor(shape, dtype or floatx(), default_device()), name=name)


@hinted
def scalar(name: str | None = None, dtype: torch.dtype | None = None) -> Variable:
    """Create a scalar input."""
    return variable(name, (), dtype)


@hinted
def vector(name: str | None = None, dtype: torch.dtype | None = None) -> Variable:
    """Create an input with one dimension."""
    return variable(name, (None,), dtype)


@hinted
def matrix(name: str | None = None, dtype: torch.dtype | None = None) -> Variable:
    """Create an input with two dimensions."""
    return variable(name, (None,) * 2, dtype)


@hinted
def tensor3(name: str | None = None, dtype: torch.dtype | None = None) -> Variable:
    """Create an input with three dimensions."""
    return variable(name, (None,) * 3, dtype)


@hinted
def tensor4(name: str | None = None, dtype: torch.dtype | None = None) -> Variable:
    """Create an input with four dimensions.

    Examples
    --------
    >>> images = tensor4("images")
    >>> images.ndim, images.dtype
    (4, torch.float32)
    """
    return variable(name, (None,) * 4, dtype)


@hinted
def lscalar(name: str | None = None) -> Variable:
    """Create a scalar int64 input.

    Examples
    --------
    >>> n = lscalar("n")
    >>> int((2 * n).eval({n: 3}))
    6
    """
    return variable(name, (), torch.int64)


@hinted
def lvector(name: str | None = None) -> Variable:
    """Create an int64 input with one dimension."""
    return variable(name, (None,), torch.int64)


@hinted
def lmatrix(name: str | None = None) -> Variable:
    """Create an int64 input with two dimensions."""
    return variable(name, (None,) * 2, torch.int64)


@hinted
def ltensor3(name: str | None = None) -> Variable:
    """Create an int64 input with three dimensions.

    Examples
    --------
    >>> ltensor3("indices").ndim
    3
    """
    return variable(name, (None,) * 3, torch.int64)


@hinted
def ltensor4(name: str | None = None) -> Variable:
    """Create an int64 input with four dimensions.

    Examples
    --------
    >>> ltensor4("pixels").ndim
    4
    """
    return variable(name, (None,) * 4, torch.int64)


@hinted
def constant(value: Any, name: str | None = None, dtype: torch.dtype | None = None) -> Variable:
    """Create a variable whose value never changes.

    Parameters
    ----------
    value : number, array or tensor
        The value. Python floats get the dtype ``config.floatx``, and Python integers get int64.
        Arrays and tensors keep their dtype.
    name : str, optional
    dtype : torch.dtype, optional

    Examples
    --------
    >>> (constant([1.0, 2.0]) * 2).eval()
    tensor([2., 4.])
    """
    check_name(name, "the name of a constant")
    new: Variable = apply(_constant, (as_tensor(value, dtype),), {})
    new.name = name
    return new


def _constant(value: torch.Tensor) -> torch.Tensor:
    return value


@hinted
def as_variable(value: Any, name: str | None = None) -> Variable:
    """Return `value` itself if it is a variable, otherwise a constant with this value.

    Examples
    --------
    >>> x = vector("x")
    >>> as_variable(x) is x
    True
    >>> float(as_variable(2.5).eval())
    2.5
    """
    return value if isinstance(value, Variable) else constant(value, name)


def as_tensor(value: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Copy `value` to a new tensor on the configured device; the dtype is chosen as in `constant`.

    Raises
    ------
    DtypeError
        If `value` does not consist of numbers, or `dtype` is not a torch dtype.
    """
    check_dtype(dtype)
    try:
        return _as_tensor(value, dtype)
    except (TypeError, ValueError, RuntimeError) as error:  # torch may raise any of these
        if isinstance(error, errors.WorkbenchError):
            raise
        text = f"{value!r:.60} must be a number, or an array or tensor of numbers ({error})"
        raise errors.DtypeError(text) from None


def _as_tensor(value: Any, dtype: torch.dtype | None) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        new = value.detach().clone()
    elif isinstance(value, (numpy.ndarray, numpy.generic)):
        new = torch.tensor(numpy.asarray(value))
    else:
        new = torch.tensor(value)
        if new.is_floating_point() or new.is_complex():
            # Convert again, since the first conversion may round Python floats to single precision.
            dtype = dtype or (floatx() if new.is_floating_point() else new.dtype)
            new = torch.tensor(value, dtype=dtype)
    return new.to(device=default_device(), dtype=dtype)


@functools.cache
def expect_read_only() -> None:
    """Trigger and suppress the warning that torch issues once per process for read-only arrays.

    Call this function before a read-only array is converted to a tensor that is never changed.
    Suppressing the warning for each array would cost more than the conversion, and would not be
    thread-safe.
    """
    array = numpy.zeros(1)
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        torch.from_numpy(array)


def check_name(name: object, what: str) -> None:
    """Raise `ArgumentError` unless `name` is a string or None."""
    if name is not None and not isinstance(name, str):
        raise errors.ArgumentError(
            f"{what} must be a string, not {name!r:.60}; pass name='x', and a shape as in "
            "tensor.variable('x', shape=(None, 784))"
        )


def check_dtype(dtype: object, name: str | None = None) -> None:
    """Raise `DtypeError` unless `dtype` is a torch dtype or None."""
    if dtype is None or isinstance(dtype, torch.dtype):
        return
    wanted = getattr(torch, getattr(dtype, "__name__", str(dtype)), None)
    known = isinstance(wanted, torch.dtype)
    hint = f"write {wanted}" if known else "use a dtype such as torch.float32 or torch.int64"
    of = "" if name is None else f" of {name!r}"
    raise errors.DtypeError(f"the dtype{of} must be a torch.dtype, not {dtype!r}; {hint}")
