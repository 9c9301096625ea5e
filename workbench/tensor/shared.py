"""Shared variables: tensors that keep their value between calls, and the locks that protect them.

A `Function` with updates is a *writer* of the shared variables that it uses. Code that reads or
writes a shared variable acquires the locks of its writers, so that each call is atomic. A value
that is assigned while another thread is training takes effect between two batches, and no reader
sees a partial update. Variables without writers need no lock. Runs that use different variables
never wait for each other.
"""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Never, NoReturn, Protocol, runtime_checkable

import numpy
import torch

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.arrays import to_array
from workbench.tensor.device import default_device
from workbench.tensor.inputs import as_tensor, check_dtype, check_name
from workbench.tensor.refusals import refuse_in_place
from workbench.tensor.symbolic import lacks_values
from workbench.tensor.variable import Variable
from workbench.tensor.vocabulary import refuse_keywords

Check = Callable[[str, torch.Tensor, Any], object]
"""Function that raises an error for invalid values of a variable.

Its arguments are the name of the variable, the value as a tensor, and the original value. To be
picklable, it must be defined at module level or be an object such as an `Interval`.
"""


DIVIDED = (
    "the value of {name!r} is divided among processes, so this process has only some of its rows; "
    "call get_value() in all processes together"
)

WATCHERS: list[Callable[[SharedVariable], object]] = []
"""Functions that `SharedVariable.set_value` calls with the variable, before it releases its locks.

This is how a session detects that another thread has changed one of the session's variables.
"""


class WriterLock:
    """Lock of a function that updates shared variables."""

    __slots__ = ("__weakref__", "lock")

    generation = 0
    """Number of functions with updates. When it grows, functions search for locks again."""

    def __init__(self) -> None:
        self.lock = threading.RLock()


def together(writers: Iterable[WriterLock]) -> AbstractContextManager[object]:
    """Combine the locks of `writers` into one reusable context manager.

    The locks are always acquired in the same order, so that two threads cannot deadlock.
    """
    locks = [writer.lock for writer in sorted(set(writers), key=id)]
    # A single lock is a context manager already, and the fastest one.
    return locks[0] if len(locks) == 1 else _Locks(locks)


class _Locks:
    """Context manager that acquires several locks."""

    __slots__ = ("_locks",)

    def __init__(self, locks: list[threading.RLock]) -> None:
        self._locks = locks

    def __enter__(self) -> None:
        for lock in self._locks:
            lock.acquire()

    def __exit__(self, *exception: object) -> None:
        for lock in reversed(self._locks):
            lock.release()


def _refuse(variable: Any, other: Any) -> NoReturn:
    refuse_in_place("an operator such as x += value", variable)


@runtime_checkable
class Placed(Protocol):
    """Interface of objects, such as bricks, that own variables and have a path."""

    def path(self) -> str:
        """Return the names of the bricks from the top brick to the owner, separated by slashes."""


class SharedVariable(Variable):
    """A variable that keeps a value between calls, such as a parameter, learning rate or counter.

    Shared variables are created by `workbench.shared`. Their shape and dtype never change.

    Attributes
    ----------
    tensor : torch.Tensor
        The tensor that programs read and update in place. A symbolic variable has no tensor.
    symbolic : bool
        True for a parameter that has no value, because a brick allocated it in the context
        `workbench.bricks.symbolic_parameters`.
    check : callable or None
        A function that raises an error for invalid values. It is called whenever a value is
        assigned or loaded; see `workbench.tensor.interval`.
    unset : bool
        True if a brick has allocated this parameter, but it has no value yet.
    default_update : Variable or None
        The new value after every call to a function that uses the variable, unless the function
        has another update for it.

    Examples
    --------
    >>> from workbench import shared
    >>> rate = shared(0.5, "rate")
    >>> isinstance(rate, SharedVariable), rate.get_value()
    (True, array(0.5, dtype=float32))
    >>> rate.set_value(0.25)
    >>> (2 * rate).eval()
    tensor(0.5000)
    """

    divided: SharedVariable | None = None
    """The rows that this process keeps, if the value is divided among several processes."""
    part_of: SharedVariable | None = None
    """The parameter whose rows this variable contains; None for all other variables."""

    def __init__(
        self, value: torch.Tensor, name: str | None = None, check: Check | None = None
    ) -> None:
        device = default_device() if value.is_meta else value.device
        fake = shapes.fake_tensor(tuple(value.shape), value.dtype, device)
        super().__init__(fake, name=name)
        self.symbolic = value.is_meta
        if not value.is_meta:  # else `__getattr__` explains why there is no tensor
            self.tensor = value
        self.check = check
        self.unset = False
        self.default_update = None
        self.writers: weakref.WeakSet[WriterLock] = weakref.WeakSet()
        self._leaf: torch.Tensor | None = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "tensor":
                check_values([self])
                if self.divided is not None:
                    raise errors.ParameterError(DIVIDED.format(name=self))
            return super().__getattr__(name)

    @property
    def leaf(self) -> torch.Tensor:
        """An autograd leaf with the same storage as `tensor`."""
        if self._leaf is None:
            self._leaf = self.tensor.detach().requires_grad_()
        return self._leaf

    @property
    def value_shape(self) -> tuple[int, ...]:
        """The shape of the value that `get_value` returns, even if processes hold parts of it."""
        return tuple(self.shape)

    @property
    def original(self) -> SharedVariable:
        """The parameter whose rows this variable contains, or the variable itself."""
        return self if self.part_of is None else self.part_of

    def release(self, divided: SharedVariable) -> None:
        """Discard the value; from now on, its rows are divided among processes."""
        # An existing function now fails instead of using outdated values.
        self.tensor.data = torch.empty(0)
        if self._leaf is not None:
            self._leaf.data = torch.empty(0)
        del self.tensor
        self.divided, self._leaf = divided, None

    def get_value(self, **keywords: Never) -> numpy.ndarray[Any, Any]:
        """Return a copy of the value as an array; keywords from Theano are not accepted.

        A value of a dtype that NumPy does not have, such as bfloat16, is converted to float32,
        without loss of precision. If the value is divided among processes, all processes must call
        this method together.
        """
        refuse_keywords("get_value", keywords)
        if self.divided is not None:
            return self.divided.get_value()
        with together(self.writers):
            return to_array(self.tensor)

    def set_value(self, value: Any, **keywords: Never) -> None:
        """Assign a value that has the shape of the variable.

        The value is converted to the dtype of the variable. A training thread uses the new value
        from the next batch onwards.

        Raises
        ------
        ShapeError
            If the shape of the value differs from the shape of the variable.
        DtypeError
            If the value cannot be converted, for example from floats to integers.
        WorkbenchError
            If `check` raises an error for the value.
        """
        refuse_keywords("set_value", keywords)

        new = self._checked(value)
        if self.symbolic and lacks_values():
            return  # an allocation is filling its parameters
        check_values([self])
        if self.divided is not None:
            self.divided.set_value(new)
            self.unset = False
            return
        with together(self.writers), torch.no_grad():
            self.tensor.copy_(self._stored(new))
            for watcher in WATCHERS:
                watcher(self)
        self.unset = False

    def _stored(self, new: torch.Tensor) -> torch.Tensor:
        """Return the part of a new value that this variable keeps."""
        return new

    def _checked(self, value: Any) -> torch.Tensor:
        """Return `value` as a tensor; raise an error if it cannot be assigned."""
        if isinstance(value, torch.Tensor):
            new = value.detach()
        else:
            array = numpy.asarray(value)
            if array.dtype.kind not in "biufc":
                raise errors.DtypeError(
                    f"set_value of {self!r}: the value must be a number or an array, not "
                    f"{value!r:.60}"
                )
            # torch does not accept negative strides, and warns about read-only arrays.
            new = torch.as_tensor(numpy.require(array, requirements=("C", "W")))
        if tuple(new.shape) != self.value_shape:
            raise errors.ShapeError(
                f"set_value of {self!r}: the shape must be {self.value_shape}, not "
                f"{tuple(new.shape)}; create a new shared variable for a different shape"
            )
        if not torch.can_cast(new.dtype, self.dtype):
            raise errors.DtypeError(
                f"set_value of {self!r}: the dtype must be {self.dtype}, not {new.dtype}; "
                "convert the values first"
            )
        self.check_value(new, value)
        return new

    def check_value(self, new: torch.Tensor, given: Any = None) -> None:
        """Call `check` on a tensor whose shape and dtype are valid.

        Parameters
        ----------
        new : torch.Tensor
        given : object, optional
            The original value, for the error message.
        """
        if self.check is not None:
            shown = new if given is None else given
            if isinstance(shown, (torch.Tensor, numpy.ndarray)) and shown.ndim == 0:
                shown = shown.item()
            self.check(repr(self), new.to(self.dtype), shown)

    # For other variables, `x += 1` creates a new variable. Here it would look like an update.
    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ifloordiv__ = __imod__ = __ipow__ = _refuse
    __imatmul__ = __iand__ = __ior__ = __ixor__ = __ilshift__ = __irshift__ = _refuse

    def __reduce__(self) -> Any:
        # Return the tensor, not its values, so that an archive can store each parameter only once.
        return SharedVariable, (self.tensor, self.name), self._kept()

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedVariable:
        tensor = self.empty() if self.symbolic else copy.deepcopy(self.tensor, memo)
        new = memo[id(self)] = SharedVariable(tensor, self.name)
        vars(new).update(copy.deepcopy(self._kept(), memo))
        return new

    def _kept(self) -> dict[str, Any]:
        """Return the attributes that a copy keeps, besides the tensor and the name."""
        attached = self._attached()
        return attached | {name: v for name in ("check", "unset") if (v := getattr(self, name))}

    def empty(self) -> torch.Tensor:
        """Return a tensor of the same shape and dtype on the ``meta`` device, without memory."""
        return torch.empty(self.shape, dtype=self.dtype, device="meta")


class ElsewhereVariable(SharedVariable):
    """A variable whose value is stored in another process of the group, not in this process.

    Assigned values are checked but not stored.

    Parameters
    ----------
    like : torch.Tensor
        A tensor with the shape, the dtype and the device of the value.
    name : str, optional
    """

    def __init__(self, like: torch.Tensor, name: str | None = None) -> None:
        super().__init__(like.new_zeros(()).expand(like.shape), name)

    def set_value(self, value: Any, **keywords: Never) -> None:
        """Check a value without storing it; see `SharedVariable.set_value`."""
        refuse_keywords("set_value", keywords)
        self._checked(value)

    def __reduce__(self) -> Any:
        return ElsewhereVariable, (self.tensor, self.name), self._kept()

    def __deepcopy__(self, memo: dict[int, Any]) -> ElsewhereVariable:
        new = memo[id(self)] = ElsewhereVariable(self.tensor, self.name)
        vars(new).update(copy.deepcopy(self._kept(), memo))
        return new


def check_set(variables: Iterable[SharedVariable]) -> None:
    """Raise `ParameterError` if one of `variables` is a parameter without a value.

    The message names these parameters and the method to call.
    """
    unset = [v for v in variables if v.unset and bool(v.tensor.isnan().any())]
    if not unset:
        return
    paths = list(map(_path, unset))
    names = [f"/{path}.{v!r}" if path else repr(v) for path, v in zip(paths, unset, strict=True)]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    tops = dict.fromkeys(f"{path.split('/')[0] or 'brick'}.initialize()" for path in paths)
    raise errors.ParameterError(
        f"not initialised: {', '.join(names[:4])}{more}; call the brick's initialize() method "
        f"first, as in {' and '.join(tops)}, or assign or load values"
    )


def check_values(variables: Iterable[SharedVariable]) -> None:
    """Raise `ParameterError` if one of `variables` is symbolic and therefore has no value."""
    without = [v for v in variables if v.symbolic]
    if not without:
        return
    path = _path(without[0])
    name = f"/{path}.{without[0]!r}" if path else repr(without[0])
    more = f" (and {len(without) - 1} more)" if len(without) > 1 else ""
    top = path.split("/")[0]
    again = f"call {top}.allocate() and {top}.initialize(), and apply {top}" if path else "apply"
    again += " again" if path else " its brick again"
    raise errors.ParameterError(
        f"{name} of shape {without[0].shape}{more} has no value, because it was allocated inside "
        f"`with symbolic_parameters():`; leave that block, then {again}"
    )


def _path(variable: SharedVariable) -> str:
    """Return the path of the brick that owns a parameter, or an empty string."""
    return next((a.path() for a in variable.tag.annotations if isinstance(a, Placed)), "")


@hinted
def shared(
    value: Any,
    name: str | None = None,
    dtype: torch.dtype | None = None,
    check: Check | None = None,
) -> SharedVariable:
    """Create a variable that keeps `value` until an update or `set_value` changes it.

    Parameters
    ----------
    value : number, array or tensor
        The initial value, which is copied. Python floats get the dtype ``config.floatx``; arrays
        keep their dtype.
    name : str, optional
    dtype : torch.dtype, optional
    check : callable, optional
        A function, such as a `workbench.tensor.interval.Interval`, that raises an error for an
        invalid value. It is called for the initial value and for values that are assigned later.

    Raises
    ------
    DtypeError, ArgumentError
        If `value` does not consist of numbers, `dtype` is not a torch dtype, or `name` is not a
        string.

    Examples
    --------
    >>> import workbench
    >>> count = workbench.shared(0, "count")
    >>> step = workbench.function([], count, updates=[(count, count + 1)])
    >>> step(), step(), count.get_value()
    (tensor(0), tensor(1), array(2))
    """
    check_name(name, "the name of a shared variable")
    if lacks_values():
        return SharedVariable(_without_values(value, dtype), name, check)
    new = SharedVariable(as_tensor(value, dtype), name, check)
    new.check_value(new.tensor, value)
    return new


def _without_values(value: Any, dtype: torch.dtype | None) -> torch.Tensor:
    """Return a tensor without memory that has the shape and dtype of the converted `value`."""
    check_dtype(dtype)
    if not isinstance(value, torch.Tensor):
        value = as_tensor(value, dtype)
    return torch.empty(value.shape, dtype=dtype or value.dtype, device="meta")
