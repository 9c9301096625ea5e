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
            f"last size must be {expected}; set {setting}={last}, or give it what has {expected} "
            "features"
        )
    if not variable.dtype.is_floating_point:
        raise DtypeError(
            f"{where}: {argument} is {str(variable.dtype).removeprefix('torch.')}, but must be "
            f"floats; convert it, as in {argument}.float()"
        )


def shown(variable: Variable) -> str:
    """The shape for people, with question marks for unknown sizes."""
    sizes = [str(size) if isinstance(size, int) else "?" for size in variable.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
