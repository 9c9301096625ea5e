"""`BaseRecurrent`, the base class of recurrent bricks, and functions that these bricks use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.errors import ApplicationError, BrickError, DtypeError, ShapeError
from workbench.roles import INITIAL_STATE, add_role
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.device import default_device, floatx
from workbench.utils.plain import pack
from workbench.utils.variables import shared_floatx_zeros


class BaseRecurrent(Brick):
    """Base class of bricks with a recurrent application.

    A subclass decorates ``apply`` with `workbench.bricks.recurrent.recurrent`, and its `get_dim`
    returns the dimension of every state.
    """

    former_hooks = {  # noqa: RUF012
        "initial_state": "define initial_states(batch_size, *args, **kwargs), an application that "
        "returns a list of all initial states, in the order of apply.states",
    }

    @application
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the initial states, by default zeros of shape (B, D) for a state of dimension D.

        A brick overrides this method if its initial states are not zero, or if its recurrent
        application is not ``apply``.

        Parameters
        ----------
        batch_size : int or Variable
            The number B of examples.
        *args, **kwargs
            The arguments of the recurrent application.

        Returns
        -------
        list of Variable
            The initial states, in the order of ``apply.states``.
        """
        shapes = [(batch_size, *pack(self.get_dim(name))) for name in self._state_names()]
        dtype, device = floatx(), default_device()
        zeros: list[Any] = [torch.zeros(shape, dtype=dtype, device=device) for shape in shapes]
        return zeros

    @initial_states.property("outputs")
    def initial_states_outputs(self) -> list[str]:
        """Return the names of the states of ``apply``."""
        return self._state_names()

    def _state_names(self) -> list[str]:
        brick: Any = self  # a subclass defines `apply`
        return list(brick.apply.states)


def check_recurrent(owner: str, brick: object, *others: type[Brick]) -> None:
    """Check that a child of `owner` is a recurrent brick or an instance of one of `others`.

    Raises
    ------
    BrickError
        If the child is neither.
    """
    if not isinstance(brick, (BaseRecurrent, *others)):
        raise BrickError(
            f"{owner}: {brick!r} is not a recurrent brick; pass an instance of BaseRecurrent, such "
            "as LSTM or GatedRecurrent"
        )


def by_name(
    bound: BoundApplication, names: Sequence[str], *args: Any, **kwargs: object
) -> dict[str, Variable]:
    """Apply `bound`, which computes states or glimpses, and return its outputs by name.

    If `bound` declares no names, as in some overrides of ``initial_states``, the outputs receive
    the names in `names`.

    Raises
    ------
    ApplicationError
        If the number of outputs differs from the number of names.
    """
    declared: list[str] | None = getattr(bound, "outputs", None)
    made = bound(*args, as_list=True, **kwargs)
    names = list(names) if declared is None else declared
    if len(made) != len(names):
        raise ApplicationError(
            f"{bound.path} returns {len(made)} value{'s' * (len(made) != 1)}, but must return "
            f"{len(names)}: {', '.join(names)}; return these values in this order, or declare "
            "other names with @application(outputs=[...])"
        )
    return dict(zip(names, made, strict=True))


def initial_state(dim: int, name: str = "initial_state") -> SharedVariable:
    """Create a trainable initial state of shape (dim,), filled with zeros."""
    state = shared_floatx_zeros((dim,), name=name)
    add_role(state, INITIAL_STATE)
    return state


def for_batch(state: Variable, batch_size: Any) -> Variable:
    """Repeat a state for each of `batch_size` examples."""
    states: Variable = state.unsqueeze(0).expand(batch_size, *state.shape)
    return states


def masked(new: Variable, old: Variable, mask: Variable | None) -> Variable:
    """Select `old` where the mask is zero, and `new` elsewhere.

    A weighted sum is not used, because it would propagate infinite or NaN padding to the states.
    """
    if mask is None:
        return new
    present = mask.ne(0).reshape(-1, *[1] * (new.ndim - 1))
    chosen: Variable = torch.where(present, new, old)  # type: ignore[call-overload]
    return chosen


def check_step(brick: Brick, mask: Variable | None, **arguments: Variable) -> None:
    """Check that the arguments of one step are floats and have the dimensions of the brick.

    Raises
    ------
    ShapeError, DtypeError
        If a check fails. The message names the brick and the argument, and suggests a remedy.
    """
    for name, variable in arguments.items():
        where, dim = f"{brick.path()}.apply: {name}", brick.get_dim(name)
        if variable.ndim != 2:
            raise ShapeError(
                f"{where} has shape {shown(variable)} in one step, but must have shape (B, {dim}); "
                f"pass sequences of shape (T, B, {dim}) and states of shape (B, D), or, with "
                "iterate=False, sequences without the time dimension T"
            )
        size = variable.shape[1]
        if isinstance(size, int) and size != dim:
            raise ShapeError(
                f"{where} has shape {shown(variable)} in one step, but must have shape (B, {dim}); "
                f"transform it with a Linear or Fork of output dimension {dim}"
            )
        if not variable.dtype.is_floating_point:
            raise DtypeError(
                f"{where} has dtype {str(variable.dtype).removeprefix('torch.')}, but must have a "
                f"float dtype; convert it, as in {name}.float()"
            )
    if mask is not None and mask.ndim != 1:
        raise ShapeError(
            f"{brick.path()}.apply: the mask of a single step must have shape (B,), not "
            f"{shown(mask)}; the mask of a sequence has shape (T, B)"
        )
