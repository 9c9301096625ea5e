"""Checks that several bricks apply to inputs and arguments, and a function that formats shapes."""

from __future__ import annotations

from typing import Any

from workbench.bricks.application import BoundApplication, applications_of
from workbench.bricks.base import Brick
from workbench.errors import BrickError, DtypeError, ShapeError
from workbench.tensor import Variable


def application_of(owner: str, given: object) -> BoundApplication:
    """Return `given` if it is an application method, or its ``apply`` method if it is a brick.

    Raises
    ------
    BrickError
        If `given` is neither, or if the brick has no application named ``apply``.
    """
    if isinstance(given, BoundApplication):
        return given
    if isinstance(given, Brick):
        methods = applications_of(type(given))
        brick: Any = given
        if "apply" in methods:
            applied: BoundApplication = brick.apply
            return applied
        if not methods:
            raise BrickError(
                f"{owner}: {given!r} has no application methods; pass a brick with an application "
                "named apply"
            )
        raise BrickError(
            f"{owner}: {given!r} has no application named apply; pass one of its application "
            f"methods instead ({', '.join(methods)})"
        )
    hint = f"; write {given.__name__}()" if isinstance(given, type) else ""
    raise BrickError(
        f"{owner} must consist of bricks and their application methods, not {given!r}{hint}"
    )


def check_last_dim(
    brick: Brick, method: str, argument: str, variable: Variable, setting: str
) -> None:
    """Check that an input has a float dtype and that the size of its last axis equals a setting.

    Raises
    ------
    ShapeError, DtypeError
        If a check fails. The message names the brick and the argument, and suggests a remedy.
    """
    where, expected = f"{brick.path()}.{method}", getattr(brick, setting)
    if variable.ndim == 0 or (
        isinstance(variable.shape[-1], int) and variable.shape[-1] != expected
    ):
        remedy = f"pass an input with {expected} feature{'s' * (expected != 1)}"
        if variable.ndim:
            remedy = (
                f"{_remedy(brick, setting, variable.shape[-1])}, or {remedy} (a variable keeps the "
                "sizes found in an earlier graph; if these no longer fit, create a new variable)"
            )
        raise ShapeError(
            f"{where}: {argument} has shape {shown(variable)}, but {setting} is {expected}, so its "
            f"last dimension must be {expected}; {remedy}"
        )
    if not variable.dtype.is_floating_point:
        raise DtypeError(
            f"{where}: {argument} has dtype {str(variable.dtype).removeprefix('torch.')}, but must "
            f"have a float dtype; convert it, as in {argument}.float()"
        )


def _remedy(brick: Brick, setting: str, last: object) -> str:
    """Return advice on how to change the brick or the parent that configures it."""
    parents = [parent for parent in brick.parents if isinstance(parent, Brick)]
    if parents:
        top = parents[0]
        return f"change the dimension given to {top.path()} ({type(top).__name__}) to {last}"
    return f"set {setting}={last} and call allocate() again"


def shown(variable: Variable) -> str:
    """Return the shape of a variable as text, with question marks for unknown sizes."""
    sizes = [str(size) if isinstance(size, int) else "?" for size in variable.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
