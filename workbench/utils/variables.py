"""Small functions for variables: checks, floating-point shared variables, and debugging hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Unpack

import numpy
import torch

from workbench import tensor
from workbench.errors import DtypeError, ShapeError
from workbench.hints import hinted, show_options
from workbench.tensor import SharedVariable, Variable, as_variable, shapes, shared
from workbench.tensor.device import floatx
from workbench.tensor.shared import Check
from workbench.tensor.symbolic import lacks_values, reserve
from workbench.tensor.variable import Call


@hinted
def check_variable(variable: Any, n_dim: int | None, dtype_prefix: str | None) -> None:
    """Check the number of dimensions and the dtype of a variable.

    Parameters
    ----------
    variable : Variable, or a value that can be converted to a variable
        ``None`` passes every check.
    n_dim : int or None
        The required number of dimensions.
    dtype_prefix : str or None
        The required prefix of the dtype's name; for example, ``"int"`` allows ``int64``.

    Raises
    ------
    ShapeError, DtypeError
        If the number of dimensions or the dtype does not match.

    Examples
    --------
    >>> from workbench import tensor
    >>> check_variable(tensor.lmatrix("targets"), 2, "int")
    >>> check_variable(tensor.matrix("targets"), 2, "int")
    Traceback (most recent call last):
    ...
    workbench.errors.DtypeError: targets has dtype float32, but must have dtype int...
    """
    if variable is None:
        return
    variable = as_variable(variable)
    if n_dim is not None and variable.ndim != n_dim:
        raise ShapeError(
            f"{variable!r} has {variable.ndim} dimension{'s' * (variable.ndim != 1)}, "
            f"but must have {n_dim}"
        )
    dtype = str(variable.dtype).removeprefix("torch.")
    if dtype_prefix is not None and not dtype.startswith(dtype_prefix):
        raise DtypeError(f"{variable!r} has dtype {dtype}, but must have dtype {dtype_prefix}...")


@hinted
def is_shared_variable(variable: Any) -> bool:
    """Return True if `variable` is a shared variable, which keeps a value between calls.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> is_shared_variable(shared(1.0)), is_shared_variable(tensor.scalar("x"))
    (True, False)
    """
    return isinstance(variable, SharedVariable)


@hinted
def is_graph_input(variable: Variable) -> bool:
    """Return True if `variable` is an input, which is neither computed nor stored.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.scalar("x")
    >>> is_graph_input(x), is_graph_input(x + 1), is_graph_input(tensor.constant(1))
    (True, False, False)
    """
    return variable.owner is None and not isinstance(variable, SharedVariable)


class CheckOptions(TypedDict, total=False):
    """The option `check` of functions that create shared variables."""

    check: Check | None


class FloatOptions(CheckOptions, total=False):
    """Options of `shared_floatx` except the name."""

    dtype: torch.dtype | str | None


class NamedFloatOptions(FloatOptions, total=False):
    """Options of `shared_floatx`."""

    name: str | None


class SharedOptions(CheckOptions, total=False):
    """Options of `workbench.shared` except the name."""

    dtype: torch.dtype | None


@show_options
def shared_floatx(
    value: Any,
    name: str | None = None,
    dtype: torch.dtype | str | None = None,
    **kwargs: Unpack[CheckOptions],
) -> SharedVariable:
    """Create a floating-point shared variable.

    Parameters
    ----------
    value : array or number
        The initial value.
    name : str, optional
    dtype : torch.dtype or str, optional
        The dtype, ``config.floatx`` by default.
    **kwargs
        Additional options of `workbench.shared`.

    Examples
    --------
    >>> shared_floatx([1, 2], "w").get_value()
    array([1., 2.], dtype=float32)
    """
    return shared(value, name, dtype=_dtype(dtype), **kwargs)


@show_options
def shared_floatx_zeros(
    shape: Sequence[int], **kwargs: Unpack[NamedFloatOptions]
) -> SharedVariable:
    """Create a shared variable of zeros; keyword arguments are passed to `shared_floatx`.

    Examples
    --------
    >>> shared_floatx_zeros((2,), name="b").get_value()
    array([0., 0.], dtype=float32)
    """
    return shared_floatx(_filled(shape, 0), **kwargs)


@show_options
def shared_floatx_nans(shape: Sequence[int], **kwargs: Unpack[NamedFloatOptions]) -> SharedVariable:
    """Create a shared variable whose elements are NaN until they are initialised."""
    return shared_floatx(_filled(shape, numpy.nan), **kwargs)


def _filled(shape: Sequence[int], value: float) -> Any:
    """Return a filled array, or a meta tensor if variables are created without values."""
    reserve(shape)
    if lacks_values():
        return torch.empty(shape, device="meta")
    return numpy.full(shape, value, dtype="float32")


@show_options
def shared_floatx_zeros_matching(
    shared_variable: SharedVariable, name: str | None = None, **kwargs: Unpack[FloatOptions]
) -> SharedVariable:
    """Create a shared variable of zeros with the shape of another shared variable.

    Examples
    --------
    >>> W = shared_floatx([[1, 2]], "W")
    >>> shared_floatx_zeros_matching(W, "velocity").get_value()
    array([[0., 0.]], dtype=float32)
    """
    return shared_floatx_zeros(tuple(shared_variable.shape), name=name, **kwargs)


def norm_of(parameter: SharedVariable) -> Variable:
    """Return ``parameter.norm(2)``, a scalar, without inferring its shape.

    Bricks add this variable for each parameter, so inference would slow down allocation.
    """
    call = Call.of(torch.Tensor.norm, (parameter, 2), {})
    norm: Variable = call.give(shapes.fake_tensor((), parameter.dtype, parameter.device))
    return norm


@show_options
def shared_like(
    variable: Variable, name: str | None = None, **kwargs: Unpack[SharedOptions]
) -> SharedVariable:
    """Create a shared variable of zeros with the dtype and number of dimensions of `variable`.

    Parameters
    ----------
    variable : Variable
        A variable; each unknown size in its shape becomes zero.
    name : str, optional
        By default the name of `variable` followed by ``_shared``.

    Examples
    --------
    >>> from workbench import tensor
    >>> kept = shared_like(tensor.variable("x", (3,)))
    >>> kept, kept.get_value()
    (x_shared, array([0., 0., 0.], dtype=float32))
    """
    variable = as_variable(variable)
    shape = [size if isinstance(size, int) else 0 for size in variable.shape]
    if name is None and variable.name is not None:
        name = f"{variable.name}_shared"
    return shared(torch.zeros(shape, dtype=variable.dtype), name, **kwargs)


@hinted
def put_hook(variable: Variable, hook_fn: Callable[..., Any], *args: Any) -> Variable:
    """Register a function that is called with each computed value of a variable.

    The hook has no effect on functions that were created earlier.

    Parameters
    ----------
    variable : Variable
    hook_fn : callable
        A function that is called with the value (a tensor) and `args`.
    *args
        Additional arguments of the hook.

    Returns
    -------
    Variable
        The same variable.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.matrix("x")
    >>> y = put_hook(x * 2, print_shape, "doubled")
    >>> y.eval({x: [[1.0, 2.0]]})
    doubled (1, 2)
    tensor([[2., 4.]])
    """
    return tensor.put_hook(variable, lambda value: hook_fn(value, *args))


@hinted
def print_shape(x: Any, header: str | None = None) -> None:
    """Print the shape of a value. Use this function as a hook."""
    _show(tuple(x.shape), header)


@hinted
def print_sum(x: Any, header: str | None = None) -> None:
    """Print the sum of a value. Use this function as a hook.

    Examples
    --------
    >>> import torch
    >>> print_sum(torch.ones(3), "sum:")
    sum: 3.0
    """
    _show(float(x.sum()), header)


@hinted
def ipdb_breakpoint(x: Any) -> None:
    """Start a debugger where ``x`` is the value. Use this function as a hook.

    The debugger is ipdb if it is installed, otherwise Python's `breakpoint`.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = put_hook(tensor.vector("x"), ipdb_breakpoint)  # each computation of x now stops here
    """
    try:
        import ipdb  # type: ignore[import-not-found]
    except ImportError:
        breakpoint()
    else:
        ipdb.set_trace()


def _show(what: object, header: str | None) -> None:
    print(what if header is None else f"{header} {what}")


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    if dtype is None:
        return floatx()
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype):
        raise DtypeError(f"dtype must be a torch.dtype or a name, such as 'float32', not {dtype!r}")
    return found
