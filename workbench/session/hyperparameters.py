"""Hyperparameters of a run that can be changed during training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from workbench.algorithms import CompositeRule, Restrict, StepRule
from workbench.errors import SessionError, nearest
from workbench.extensions.variable_modifier import SharedVariableModifier
from workbench.interfaces import Loop
from workbench.roles import ALGORITHM_HYPERPARAMETER, has_roles
from workbench.tensor import SharedVariable
from workbench.tensor.interval import Interval
from workbench.utils.values import to_python

LINEAR = ("momentum",)
"""Names of hyperparameters without an upper bound that still have a linear scale."""

NO_VARIABLE = "this run has no variable {name!r}; pass the variable{known}{hint}"
SEVERAL = "several variables of this run are named {name!r}; pass one of the paths {paths}"
NOT_OF_THIS_RUN = (
    "{name} is not a variable of this run; training neither reads nor changes it, so a new value "
    "would have no effect"
)
OF_ANOTHER_RUN = (
    "this {name} belongs to another run, so nothing was changed; to change the variable of this "
    "run, pass its name or path{example}"
)
NO_NUMBER = "{name} must be a single real number, but has shape {shape} and dtype {dtype}"
NOT_SHARED = (
    "the first argument of set() must be a shared variable or its name, not {given!r}; the "
    "learning rate of a rule is session.main_loop.algorithm.step_rule.learning_rate"
)
ROUNDED = (
    "{name} cannot be set to {value}, which its dtype, {dtype}, rounds to {to}; choose a number "
    "that it can represent"
)
NOT_DRIVEN = "no schedule sets {name}, so there is nothing to {what}"


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
        The bounds of valid values; a missing bound is infinite.
    scale : {'log', 'linear'}
        The scale for choosing a value: logarithmic for most nonnegative numbers without an
        upper bound, such as learning rates.
    driven_by : str
        The name of the extension that sets the value during training, or an empty string.
    held : bool
        True while the extension in `driven_by` leaves the value unchanged.
    owner : str
        The name of the step rule that uses the hyperparameter, or an empty string.
    """

    path: str
    name: str
    value: float
    low: float
    high: float
    scale: Literal["log", "linear"]
    driven_by: str = ""
    held: bool = False
    owner: str = ""


def hyperparameters(loop: Loop) -> list[Hyperparameter]:
    """Return the hyperparameters of a run; the hyperparameters of step rules come first.

    Within each group, they have the same order as in the training state.
    """
    drivers, owners = modifiers(loop), rules(loop)
    _, others = loop.state_variables()
    found = [
        _described(path, variable, drivers, owners)
        for path, variable in others.items()
        if (has_roles(variable, [ALGORITHM_HYPERPARAMETER]) or variable in drivers)
        and not variable.ndim
        and variable.dtype.is_floating_point
    ]
    return sorted(found, key=lambda one: not one.owner)


def describe(loop: Loop, given: SharedVariable | str) -> Hyperparameter:
    """Return the description of a run's variable, which must be a single real number.

    Raises
    ------
    SessionError
        If training has no such variable, or if the variable is not a single real number.
    """
    variable = variable_of(loop, given)
    paths = [path for path, one in variables_by_path(loop).items() if one is variable]
    if not paths:
        raise SessionError(NOT_OF_THIS_RUN.format(name=variable))
    if variable.ndim or variable.dtype.is_complex:
        shape = tuple(variable.get_value().shape)
        raise SessionError(NO_NUMBER.format(name=variable, shape=shape, dtype=variable.dtype))
    return _described(paths[0], variable, modifiers(loop), rules(loop))


def _described(
    path: str,
    variable: SharedVariable,
    drivers: Mapping[SharedVariable, SharedVariableModifier],
    owners: Mapping[SharedVariable, str],
) -> Hyperparameter:
    bounds = variable.check if isinstance(variable.check, Interval) else Interval()
    driver = drivers.get(variable)
    unbounded = bounds.low >= 0 and math.isinf(bounds.high)
    logarithmic = unbounded and variable.name not in LINEAR
    return Hyperparameter(
        path,
        variable.name or path,
        float(variable.tensor),  # without a lock: views must not wait for a batch, or delay one
        bounds.low,
        bounds.high,
        "log" if logarithmic else "linear",
        "" if driver is None else driver.name,
        driver is not None and driver.held,
        owners.get(variable, ""),
    )


def rules(loop: Loop) -> dict[SharedVariable, str]:
    """Return a mapping from each hyperparameter to the name of its step rule.

    Names are numbered if several rules have the same class. A rule that is composed of other rules,
    such as `Momentum`, owns their hyperparameters.
    """
    found: dict[SharedVariable, str] = {}
    names: Counter[str] = Counter()

    def visit(rule: object, owner: str) -> None:
        if not isinstance(rule, StepRule):
            return
        parts = list(vars(rule).values())
        if not owner and type(rule) not in (CompositeRule, Restrict):  # they have no settings
            name = type(rule).__name__
            names[name] += 1
            owner = name if names[name] == 1 else f"{name} {names[name]}"
        found.update((part, owner) for part in parts if isinstance(part, SharedVariable))
        for part in parts:
            for one in part if isinstance(part, list) else [part]:
                visit(one, owner)

    visit(getattr(loop.algorithm, "step_rule", None), "")
    return found


def modifiers(loop: Loop) -> dict[SharedVariable, SharedVariableModifier]:
    """Return the extensions that set variables during training, keyed by variable."""
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
        If no extension sets the variable; `what` is the action that the message names.
    """
    found = modifiers(loop).get(variable)
    if found is None:
        raise SessionError(NOT_DRIVEN.format(name=variable, what=what))
    return found


def variable_of(
    loop: Loop, given: SharedVariable | str, paths: Mapping[str, SharedVariable] | None = None
) -> SharedVariable:
    """Return the shared variable with the given path, or with the given name if it is unique.

    The variables keyed by path are looked up unless they are given as `paths`.

    Raises
    ------
    SessionError
        If no variable or several variables have the name, or if a given variable belongs to
        another run.
    """
    paths = variables_by_path(loop) if paths is None else paths
    if isinstance(given, SharedVariable):
        check_own(given, paths)
        return given
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


def check_own(variable: SharedVariable, paths: Mapping[str, SharedVariable]) -> None:
    """Raise an error if `variable` belongs to another run.

    A variable that only a data stream or a user's function reads is not part of the training state.
    It is accepted unless it is a hyperparameter or has the same name as a variable of the run.
    """
    own = paths.values()
    if not paths or any(one is variable for one in own):
        return
    named = variable.name is not None and any(one.name == variable.name for one in own)
    if named or has_roles(variable, [ALGORITHM_HYPERPARAMETER]):
        example = f", as in session.set({variable.name!r}, ...)" if named else ""
        raise SessionError(OF_ANOTHER_RUN.format(name=variable, example=example))


def request_of(
    find: Callable[[SharedVariable | str], SharedVariable],
    given: SharedVariable | str,
    value: object,
) -> tuple[SharedVariable, np.ndarray[Any, Any], object]:
    """Find a variable with `find`; return it with its new value and a description of this value.

    Raises
    ------
    SessionError
        If there is no such variable, or `value` is not a number or an array.
    """
    if not isinstance(given, (SharedVariable, str)):
        raise SessionError(NOT_SHARED.format(given=given))
    shared, array = find(given), np.array(to_python(value))
    if array.dtype.kind not in "biufc":
        raise SessionError(f"{shared} must be set to a number or an array, not {value!r}")
    check_number(shared, array)
    return shared, array, plain(array) if array.size <= 4 else f"an array of shape {array.shape}"


def check_number(shared: SharedVariable, value: np.ndarray[Any, Any]) -> None:
    """Check that a variable can store a number without losing its meaning.

    Raises
    ------
    SessionError
        If a Boolean is given for a number, or if the number would be rounded to zero or infinity.
    """
    if value.dtype.kind == "b" and shared.dtype != torch.bool:
        raise SessionError(f"{shared} must be set to a number, not {plain(value)}")
    if value.ndim or not value or not np.isfinite(value):
        return
    rounded = torch.as_tensor(value).to(shared.dtype)
    if not rounded or not rounded.isfinite():
        dtype = str(shared.dtype).removeprefix("torch.")
        raise SessionError(ROUNDED.format(name=shared, value=value, to=rounded.item(), dtype=dtype))


def plain(value: np.ndarray[Any, Any]) -> Any:
    """Convert a zero-dimensional array to a number; return any other array unchanged."""
    return value.item() if value.ndim == 0 else value


def variables_by_path(loop: Loop) -> dict[str, SharedVariable]:
    """Return a mapping from the names in the training state to the shared variables."""
    parameters, others = loop.state_variables()
    return {**parameters, **others}


def path_in(loop: Loop, variable: SharedVariable) -> str:
    """Return the name of a variable in the training state, or ``str(variable)`` if it has none."""
    paths = variables_by_path(loop)
    return next((path for path, one in paths.items() if one is variable), str(variable))
