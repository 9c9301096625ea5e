"""Collectives: operations that exchange tensors among the processes of a group.

In all execution tiers, collectives are ordinary operations of the graph. All processes must run the
same collectives in the same order. No gradient flows through a collective.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import Operation, apply
from workbench.tensor.printing import shown_arguments
from workbench.tensor.processes import ProcessGroup, lost, process_group
from workbench.tensor.traversal import ancestors, replace
from workbench.tensor.variable import Variable

Reduction = Literal["sum", "max", "min"]
REDUCTIONS: tuple[Reduction, ...] = ("sum", "max", "min")

NO_GRADIENT = (
    "no gradient flows through {name}, but a gradient is computed with respect to a variable that "
    "its argument depends on; to treat the result as a constant, pass it in consider_constant "
    "of workbench.grad"
)
INDIVISIBLE = (
    "{name} divides the first axis among {size} processes, but the shape of the value is {shape}; "
    "the size of this axis must be a multiple of {size}"
)


class _NoGradient(torch.autograd.Function):
    """Autograd function that raises an error if a gradient flows back through a collective."""

    @staticmethod
    def forward(ctx: Any, given: torch.Tensor, found: torch.Tensor, name: str) -> torch.Tensor:
        ctx.name = name
        return found.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise errors.GradientError(NO_GRADIENT.format(name=ctx.name))


class Collective(Operation):
    """Operation that exchanges tensors among the processes of a group.

    Parameters
    ----------
    name : str
        The name of the operation.

    Attributes
    ----------
    exchanges : bool
        Always True: a process cannot repeat the operation alone, for example to locate an error.
    """

    exchanges = True

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def infer(self, value: Any, how: Any, name: str, size: int) -> Any:
        """Return a fake tensor with the shape and dtype of the result."""

        def like(value: torch.Tensor) -> torch.Tensor:
            shape = list(value.shape)
            if self is _all_gather:
                shape[0] = shape[0] * size
            elif self is _reduce_scatter:
                shape[0] = shape[0] // size
            return value.new_empty(shape)

        return shapes.infer(like, (value,), {}, lambda: shown_arguments((value,), {}))

    def __call__(self, value: torch.Tensor, how: Any, name: str, size: int) -> torch.Tensor:
        """Compute the result from the values of all processes."""
        operations, given = internals.collectives, value
        value = value.detach().contiguous()
        try:
            if self is _all_reduce:
                result = operations.all_reduce(value, how, name)
            elif self is _all_gather:
                result = operations.all_gather_into_tensor(value, size, name)
            elif self is _reduce_scatter:
                result = operations.reduce_scatter_tensor(value, how, size, name)
            else:
                result = operations.broadcast(value, how, name)
            found: torch.Tensor = operations.wait_tensor(result)
        except RuntimeError as error:
            failure = lost(error)
            if failure is None:
                raise
            raise failure from error
        if given.requires_grad and torch.is_grad_enabled():
            constant: Any = _NoGradient
            found = constant.apply(given, found, self.__name__)
        return found

    def __reduce__(self) -> str:
        return f"_{self.__name__}"

    def __repr__(self) -> str:
        return self.__name__


_all_reduce = Collective("all_reduce")
_all_gather = Collective("all_gather")
_reduce_scatter = Collective("reduce_scatter")
_broadcast = Collective("broadcast")


@hinted
def all_reduce(value: Any, how: Reduction = "sum", *, group: ProcessGroup | None = None) -> Any:
    """Return the sum, the maximum or the minimum of the values from all processes.

    Parameters
    ----------
    value : Variable or torch.Tensor
        The contribution of this process; its shape and dtype must be the same in all processes.
    how : {'sum', 'max', 'min'}
        The reduction. The results of all processes are bitwise identical.
    group : ProcessGroup, optional
        The group; by default, the group that this process has joined.

    Returns
    -------
    Variable or torch.Tensor
        The result, which has the shape and dtype of `value`. In a group of one process, `value`
        itself is returned.

    Raises
    ------
    ArgumentError
        If `how` is not a known reduction.
    ProcessError
        If another process has ended. The error is raised when the value is computed.

    Examples
    --------
    >>> import torch
    >>> all_reduce(torch.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    return _exchanged(_all_reduce, value, _reduction(how), group)


@hinted
def reduce_scatter(value: Any, how: Reduction = "sum", *, group: ProcessGroup | None = None) -> Any:
    """Reduce the values of all processes, and return this process's part of the result.

    Parameters
    ----------
    value : Variable or torch.Tensor
        The contribution of this process; its first axis is divided evenly among the processes.
    how, group
        See `all_reduce`.

    Returns
    -------
    Variable or torch.Tensor

    Raises
    ------
    ShapeError
        If the size of the first axis is not a multiple of the number of processes.
    ArgumentError, ProcessError
        See `all_reduce`.

    Examples
    --------
    >>> import torch
    >>> reduce_scatter(torch.tensor([1, 2]))  # this process is alone
    tensor([1, 2])
    """
    how = _reduction(how)
    group = process_group() if group is None else group
    first = value.shape[0] if value.ndim else 0
    if not value.ndim or (isinstance(first, int) and first % group.size):
        shape = tuple(value.shape)
        text = INDIVISIBLE.format(name="reduce_scatter", size=group.size, shape=shape)
        raise errors.ShapeError(text)
    return _exchanged(_reduce_scatter, value, how, group)


@hinted
def all_gather(value: Any, *, group: ProcessGroup | None = None) -> Any:
    """Concatenate the values of all processes along the first axis, in the order of their ranks.

    Parameters
    ----------
    value : Variable or torch.Tensor
        The contribution of this process; its shape and dtype must be the same in all processes.
    group : ProcessGroup, optional
        The group; by default, the group that this process has joined.

    Returns
    -------
    Variable or torch.Tensor

    Raises
    ------
    ShapeError
        If `value` has no axis.
    ProcessError
        See `all_reduce`.

    Examples
    --------
    >>> import torch
    >>> all_gather(torch.tensor([1, 2]))  # this process is alone
    tensor([1, 2])
    """
    if not value.ndim:
        raise errors.ShapeError(
            "all_gather concatenates along the first axis, but the value has no axis; reshape it, "
            "as in value.reshape(1)"
        )
    return _exchanged(_all_gather, value, "sum", group)


@hinted
def broadcast(value: Any, source: int = 0, *, group: ProcessGroup | None = None) -> Any:
    """Send the value of the process `source` to all processes, and return it in each of them.

    Parameters
    ----------
    value : Variable or torch.Tensor
        The value of this process; its shape and dtype must be the same in all processes.
    source : int
        The rank of the process whose value is returned.
    group : ProcessGroup, optional
        The group; by default, the group that this process has joined.

    Returns
    -------
    Variable or torch.Tensor

    Raises
    ------
    ArgumentError
        If `source` is not a rank of the group.
    ProcessError
        See `all_reduce`.

    Examples
    --------
    >>> import torch
    >>> broadcast(torch.tensor([1, 2]), source=0)  # this process is alone
    tensor([1, 2])
    """
    group = process_group() if group is None else group
    if not 0 <= source < group.size:
        raise errors.ArgumentError(
            f"source must be a rank from 0 to {group.size - 1}, not {source!r}; the group has "
            f"{group.size} processes"
        )
    return _exchanged(_broadcast, value, source, group)


def is_exchanged(variable: Variable) -> bool:
    """Return True if `variable` is the result of a collective."""
    return variable.owner is not None and isinstance(variable.owner.function, Collective)


def is_scattered(variable: Variable) -> bool:
    """Return True if `variable` is a result that is divided among the processes."""
    return variable.owner is not None and variable.owner.function is _reduce_scatter


def in_one_message(roots: Iterable[Variable]) -> list[Variable]:
    """Merge independent sums over processes, so that the graph needs fewer messages.

    Values of the same dtype are flattened and summed in one message. Every message has a fixed
    overhead, so one large message is faster than many small messages.

    Parameters
    ----------
    roots : iterable of Variable

    Returns
    -------
    list of Variable
        Variables that replace `roots` and use the merged messages.
    """
    roots = list(roots)
    done: set[Variable] = set()
    while True:
        order = ancestors(roots)
        waits: set[Variable] = set()  # variables that depend on a sum that is not merged yet
        ready: dict[tuple[torch.dtype, str], list[Variable]] = {}
        for one in order:
            before = one.owner is not None and not waits.isdisjoint(one.owner.inputs)
            if before:
                waits.add(one)
            call = one.owner
            if call is None or call.function is not _all_reduce or call.args[1] != "sum":
                continue
            fixed = all(isinstance(size, int) for size in one.shape)
            if one in done or not fixed:
                continue
            if not before:
                ready.setdefault((one.dtype, call.args[2]), []).append(one)
            waits.add(one)
        if not ready:
            return roots
        new: dict[Variable, Variable] = {}
        for several in ready.values():
            merged, total = _merged(several)
            new.update(merged)
            done.add(total)
        found = replace([*roots, *done], new)
        roots, done = [found[root] for root in roots], {found[one] for one in done}


def _merged(several: list[Variable]) -> tuple[dict[Variable, Variable], Variable]:
    """Merge sums; return their new versions, and the sum that contains all of them."""
    call = several[0].owner
    assert call is not None
    if len(several) == 1:
        return {}, several[0]
    parts = [one.owner.args[0].reshape(-1) for one in several if one.owner is not None]
    total: Variable = apply(_all_reduce, (torch.cat(parts), *call.args[1:]), {})
    sizes = [int(torch.Size(one.fake.shape).numel()) for one in several]
    pieces = torch.split(total, sizes)  # type: ignore[arg-type]
    new: dict[Variable, Any] = {}
    for one, piece in zip(several, pieces, strict=True):
        new[one] = piece.reshape(tuple(one.shape))
    return new, total


def _reduction(how: Any) -> Reduction:
    if how not in REDUCTIONS:
        raise errors.ArgumentError(
            f"how must be 'sum', 'max' or 'min', not {how!r}{errors.nearest(str(how), REDUCTIONS)}"
        )
    found: Reduction = how
    return found


def _exchanged(operation: Collective, value: Any, how: Any, group: ProcessGroup | None) -> Any:
    group = process_group() if group is None else group
    if not isinstance(value, (Variable, torch.Tensor)):
        raise errors.ArgumentError(
            f"the value of {operation!r} must be a variable or a tensor, not {value!r:.60}"
        )
    if group.size == 1:
        return value
    if isinstance(value, Variable):
        return apply(operation, (value, how, group.name, group.size), {})
    with torch.no_grad():
        return operation(value, how, group.name, group.size)
