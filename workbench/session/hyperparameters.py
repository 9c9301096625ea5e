"""Hyperparameters of a run that can be changed during training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from workbench.errors import SessionError, nearest
from workbench.extensions.variable_modifier import SharedVariableModifier
from workbench.interfaces import Loop
from workbench.roles import ALGORITHM_HYPERPARAMETER, has_roles
from workbench.tensor import SharedVariable
from workbench.tensor.interval import Interval

LINEAR = ("momentum",)
"""Names of hyperparameters without an upper bound that still have a linear scale."""

NO_VARIABLE = "this run has no variable {name!r}{hint}; pass the variable{known}"
SEVERAL = "several variables of this run are named {name!r}; pass one of the paths {paths}"
NOT_DRIVEN = "no schedule drives {name}, so there is nothing to {what}"


@dataclass
class Hyperparameter:
    """Number that can be changed during training.

    Attributes
    ----------
    path : str
        The name in the training state, which `Session.set` accepts.
    name : str
        The short name, which several hyperparameters can share.
    value : float
        The current value.
    low, high : float
        The bounds of valid values; infinite where there is no bound.
    scale : {'log', 'linear'}
        The scale on which to choose a value: logarithmic for a nonnegative number without an upper
        bound, such as a learning rate.
    driven_by : str
        The name of the extension that sets the value during training, empty if there is none.
    held : bool
        True while this extension leaves the value unchanged.
    """

    path: str
    name: str
    value: float
    low: float
    high: float
    scale: Literal["log", "linear"]
    driven_by: str = ""
    held: bool = False


def hyperparameters(loop: Loop) -> list[Hyperparameter]:
    """Return the hyperparameters of a run, in the order of its training state."""
    drivers = modifiers(loop)
    _, others = loop.state_variables()
    found = []
    for path, variable in others.items():
        chosen = has_roles(variable, [ALGORITHM_HYPERPARAMETER]) or variable in drivers
        if not chosen or variable.ndim or not variable.dtype.is_floating_point:
            continue
        bounds = variable.check if isinstance(variable.check, Interval) else Interval()
        driver = drivers.get(variable)
        unbounded = bounds.low >= 0 and math.isinf(bounds.high)
        logarithmic = unbounded and variable.name not in LINEAR
        found.append(
            Hyperparameter(
                path,
                variable.name or path,
                float(variable.get_value()),
                bounds.low,
                bounds.high,
                "log" if logarithmic else "linear",
                "" if driver is None else driver.name,
                driver is not None and driver.held,
            )
        )
    return found


def modifiers(loop: Loop) -> dict[SharedVariable, SharedVariableModifier]:
    """Return a mapping from variable to the extension that sets it during training."""
    return {
        extension.parameter: extension
        for extension in loop.extensions
        if isinstance(extension, SharedVariableModifier)
    }


def modifier_of(loop: Loop, variable: SharedVariable, what: str) -> SharedVariableModifier:
    """Return the extension that sets a variable.

    Raises
    ------
    SessionError
        If no extension sets the variable. `what` is the action that the message mentions.
    """
    found = modifiers(loop).get(variable)
    if found is None:
        raise SessionError(NOT_DRIVEN.format(name=variable, what=what))
    return found


def variable_of(loop: Loop, given: SharedVariable | str) -> SharedVariable:
    """Return the shared variable with the given path, or with the given name if it is unique.

    Raises
    ------
    SessionError
        If no variable has the name, or several variables have it.
    """
    if isinstance(given, SharedVariable):
        return given
    paths = variables_by_path(loop)
    if given in paths:
        return paths[given]
    named = {path: variable for path, variable in paths.items() if variable.name == given}
    if len(named) == 1:
        return next(iter(named.values()))
    if named:
        raise SessionError(SEVERAL.format(name=given, paths=", ".join(map(repr, named))))
    known = list(dict.fromkeys(one.name for one in hyperparameters(loop)))
    hint = nearest(str(given), [*known, *paths])
    names = f", or one of the names {', '.join(map(repr, known))}" if known else ""
    raise SessionError(NO_VARIABLE.format(name=given, hint=hint, known=names))


def variables_by_path(loop: Loop) -> dict[str, SharedVariable]:
    """Return a mapping from the names in the training state to the shared variables."""
    parameters, others = loop.state_variables()
    return {**parameters, **others}


def path_in(loop: Loop, variable: SharedVariable) -> str:
    """Return the name of a variable in the training state, or ``str(variable)`` if it has none."""
    paths = variables_by_path(loop)
    return next((path for path, one in paths.items() if one is variable), str(variable))
