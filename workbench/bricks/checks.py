"""Checks of inputs that several bricks make, and how they show shapes."""

from __future__ import annotations

from workbench.bricks.base import Brick
from workbench.errors import DtypeError, ShapeError
from workbench.tensor import Variable


def check_last_dim(
    brick: Brick, method: str, argument: str, variable: Variable, setting: str
) -> None:
    """Check the last size of an input against the setting of the brick that determines it.

    Raises
    ------
    ShapeError, DtypeError
        Naming brick, argument, shape, setting and remedy.
    """
    where, expected = f"{brick.path()}.{method}", getattr(brick, setting)
    if variable.ndim == 0 or (
        isinstance(variable.shape[-1], int) and variable.shape[-1] != expected
    ):
        last = variable.shape[-1] if variable.ndim else "?"
        raise ShapeError(
            f"{where}: {argument} has shape {shown(variable)}, but {setting} is {expected}, so its "
            f"last size must be {expected}; {_remedy(brick, setting, last)}, or give it what has "
            f"{expected} features (an input keeps the size it met in an earlier graph: then make "
            "the input anew)"
        )
    if not variable.dtype.is_floating_point:
        raise DtypeError(
            f"{where}: {argument} is {str(variable.dtype).removeprefix('torch.')}, but must be "
            f"floats; convert it, as in {argument}.float()"
        )


def _remedy(brick: Brick, setting: str, last: object) -> str:
    """What to change in the brick, or in the brick that configures it."""
    parents = [parent for parent in brick.parents if isinstance(parent, Brick)]
    if parents:
        top = parents[0]
        return f"change the dimensions given to {top.path()} ({type(top).__name__}) to fit {last}"
    return f"set {setting}={last} and allocate() anew"


def shown(variable: Variable) -> str:
    """The shape for people, with question marks for unknown sizes."""
    sizes = [str(size) if isinstance(size, int) else "?" for size in variable.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
