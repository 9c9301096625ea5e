"""Matching of the parameters of two models, to decide which values a changed model can keep."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from workbench.builder.encode import Encoder
from workbench.graph.hierarchy import get_brick, path_of
from workbench.initialization import NdarrayInitialization
from workbench.roles import BIAS, INITIAL_STATE, has_roles
from workbench.tensor import SharedVariable

NUMBERED = re.compile(r"(.+)_\d+(@\d+)?")
"""Regular expression for the names of numbered children, such as ``linear_1``."""


class Held(NamedTuple):
    """Properties of a parameter that determine whether it can keep an earlier value.

    Attributes
    ----------
    brick, name : str
        The path of the brick, such as ``mlp/linear_0``, and the name of the parameter.
    shape : tuple of int
    dtype : str
    scheme : str
        The initialisation scheme as JSON text; empty if there is none.
    """

    brick: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    scheme: str


Parameters = Mapping[str, Held]
"""Parameters, keyed by paths such as ``/mlp/linear_0.W``."""


@dataclass(frozen=True)
class Matching:
    """Correspondence between the parameters of a new model and the parameters of an old model.

    Attributes
    ----------
    pairs : dict of str to str
        For each parameter that keeps its value, the path in the old model, keyed by the path in the
        new model.
    again : tuple of str
        Paths of the parameters in the new model that fit an old parameter, but have a different
        initialisation scheme.
    new : tuple of str
        Paths of all other parameters in the new model.
    bricks : dict of str to str
        The path of each matched brick in the old model, keyed by its path in the new model.
    """

    pairs: Mapping[str, str]
    again: tuple[str, ...]
    new: tuple[str, ...]
    bricks: Mapping[str, str]


def held(parameters: Iterable[SharedVariable]) -> dict[str, Held]:
    """Return descriptions of the parameters of a model, keyed by path."""
    found = {}
    for parameter in parameters:
        brick: Any = get_brick(parameter)
        top = None if brick is None else brick.get_unique_path()[0]
        if top is not None and not top.initialization_config_pushed:
            top.push_initialization_config()  # so that the brick has the scheme of its parent
        found[path_of(parameter)] = Held(
            "" if brick is None else brick.path(),
            str(parameter.name),
            tuple(int(size) for size in parameter.shape),
            str(parameter.dtype),
            _scheme(brick, parameter),
        )
    return found


def _scheme(brick: Any, parameter: SharedVariable) -> str:
    name = "weights_init"
    if has_roles(parameter, [BIAS]):
        name = "biases_init"
    elif has_roles(parameter, [INITIAL_STATE]):
        name = "initial_state_init"
    scheme = getattr(brick, name, None)
    if not isinstance(scheme, NdarrayInitialization):
        return ""
    return json.dumps(Encoder().value(scheme), sort_keys=True)


def match(old: Parameters, new: Parameters, moved: Mapping[str, str] | None = None) -> Matching:
    """Find the old parameter that corresponds to each new parameter.

    A brick of the new model corresponds to the old brick with the same path if their parameters
    have the same shapes and dtypes. Otherwise, it corresponds to the first old brick that has
    fitting parameters, has a path that differs only in the number at the end, and does not yet
    correspond to another brick. The layers after an inserted or removed layer therefore keep their
    parameters, although their numbers change.

    Parameters
    ----------
    old, new : dict of str to Held
    moved : dict of str to str, optional
        The earlier path of each brick that was renamed or moved; its children are moved with it.

    Returns
    -------
    Matching

    Examples
    --------
    >>> def layer(number, rows, columns):
    ...     brick = f"mlp/linear_{number}"
    ...     return {f"/{brick}.W": Held(brick, "W", (rows, columns), "float32", "")}
    >>> old = layer(0, 784, 50) | layer(1, 50, 10)
    >>> new = layer(0, 784, 50) | layer(1, 50, 50) | layer(2, 50, 10)
    >>> found = match(old, new)
    >>> found.pairs["/mlp/linear_2.W"], found.new
    ('/mlp/linear_1.W', ('/mlp/linear_1.W',))
    """
    moved = moved or {}
    before, after = _by_brick(old), _by_brick(new)
    bricks: dict[str, str] = {}
    for brick, own in after.items():
        earlier = earlier_path(brick, moved)
        if earlier in before and _fit(own, before[earlier]):
            bricks[brick] = earlier
    taken = set(bricks.values())
    for brick, own in after.items():
        if brick in bricks:
            continue
        for other, theirs in before.items():
            near = _siblings(earlier_path(brick, moved) or brick, other)
            if near and other not in taken and _fit(own, theirs):
                bricks[brick] = other
                taken.add(other)
                break
    pairs: dict[str, str] = {}
    again, left = [], []
    for path, one in new.items():
        earlier = bricks.get(one.brick) or earlier_path(one.brick, moved)
        free = one.brick in bricks or earlier not in taken
        was = before.get(earlier, {}).get(one.name) if free else None
        if was is None or not _same(one, was[1]):
            left.append(path)
        elif was[1].scheme and one.scheme and one.scheme != was[1].scheme:
            again.append(path)
        else:
            pairs[path] = was[0]
    return Matching(pairs, tuple(again), tuple(left), bricks)


def earlier_path(path: str, moved: Mapping[str, str]) -> str:
    """Return the earlier path of a brick, or '' if the brick that had this path was moved.

    Examples
    --------
    >>> moved = {"coder": "mlp"}
    >>> earlier_path("coder/linear_0", moved), earlier_path("mlp/linear_0", moved)
    ('mlp/linear_0', '')
    >>> earlier_path("other", moved)
    'other'
    """
    fitting = [one for one in moved if _is_in(path, one)]
    if fitting:
        longest = max(fitting, key=len)
        return moved[longest] + path.removeprefix(longest)
    return "" if any(_is_in(path, one) for one in moved.values()) else path


def _is_in(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/")


def _by_brick(parameters: Parameters) -> dict[str, dict[str, tuple[str, Held]]]:
    found: dict[str, dict[str, tuple[str, Held]]] = {}
    for path, one in parameters.items():
        found.setdefault(one.brick, {})[one.name] = path, one
    return found


def _same(one: Held, other: Held) -> bool:
    return (one.shape, one.dtype) == (other.shape, other.dtype)


def _fit(own: Mapping[str, tuple[str, Held]], theirs: Mapping[str, tuple[str, Held]]) -> bool:
    """Return True if all parameters of a brick can receive the values of another brick."""
    return all(name in theirs and _same(one, theirs[name][1]) for name, (_, one) in own.items())


def _siblings(one: str, other: str) -> bool:
    """Return True if two paths differ only in the number at the end."""
    first, second = NUMBERED.fullmatch(one), NUMBERED.fullmatch(other)
    return first is not None and second is not None and first[1] == second[1]
