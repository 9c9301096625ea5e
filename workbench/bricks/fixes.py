"""Fixes that errors offer; each fix assigns the required value to a setting of a brick.

If an input does not fit, `offer` asks the brick for the dimensions of its inputs while its settings
are traced (`workbench.bricks.tracing`). The first dimension that differs from the size of the input
is followed back to a setting of the brick. If a parent assigns this setting, a change to the brick
would not last, so the search continues with the parent's setting that determines the assigned
value.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.bricks.dimensions import is_dimension
from workbench.bricks.tracing import Setting, Traced, assignments_of, leaves, traced
from workbench.errors import BrickError, Fix, NotConfiguredError, ShapeError, WorkbenchError
from workbench.graph.annotations import BrickMethod
from workbench.graph.hierarchy import Component
from workbench.hints import hinted

Wanted = dict[Setting, Any]
"""New values of settings: whole numbers, or tuples of whole numbers."""


@dataclass(frozen=True)
class Need:
    """Requirement that an input places on a setting.

    Attributes
    ----------
    value : int, tuple of int or None
        The only value that fits the input; ``None`` if no value fits, or if the value is unknown.
    differs : bool
        True if the setting currently has a different value.
    """

    value: Any
    differs: bool


Needs = dict[Setting, Need]


def offer(error: WorkbenchError, bound: BrickMethod, arguments: Mapping[str, Any]) -> None:
    """Store the path of the brick and, if possible, a fix in `error`.

    Parameters
    ----------
    error : WorkbenchError
        An error that was raised while a brick was being applied. If it already has a path or a fix,
        that value is kept.
    bound : BoundApplication
        The application.
    arguments : dict
        The arguments of the application, keyed by the names of the method's parameters.
    """
    if error.brick is None:
        error.brick = bound.brick.path()
    if error.fix is None and isinstance(error, (ShapeError, NotConfiguredError)):
        # Reading dimensions may raise any error, since the brick is not configured correctly.
        with contextlib.suppress(Exception):
            error.fix = _found(error, bound, arguments)


def fix_of(brick: Component, attribute: str, value: Any) -> Fix | None:
    """Return the fix that sets `attribute` of `brick` to `value`, possibly through a parent.

    Return ``None`` if a parent pushes the attribute but does not compute it from a single setting.
    """
    with contextlib.suppress(Exception):
        return _fix({Setting(brick, attribute): value})
    return None


def fix_of_output(bound: BrickMethod, name: str, shape: tuple[Any, ...]) -> Fix | None:
    """Return the fix that gives an output of an application the required shape.

    Parameters
    ----------
    bound : BoundApplication
    name : str
        The name of the output.
    shape : tuple
        The required shape; sizes that are not whole numbers are unknown.
    """
    brick: Any = bound.brick
    sizes = tuple(size if isinstance(size, int) else None for size in shape)
    with contextlib.suppress(Exception):
        with traced(tree(brick)):
            needs = _needs(brick.get_dim(name), sizes, missing=False)
        wanted = {setting: need.value for setting, need in needs.items() if need.differs}
        if wanted and None not in wanted.values():
            return _fix(wanted)
    return None


def _found(error: WorkbenchError, bound: BrickMethod, arguments: Mapping[str, Any]) -> Fix | None:
    missing = isinstance(error, NotConfiguredError)
    if missing and not getattr(error, "missing", ()):
        return None
    brick: Any = bound.brick
    needs: list[Needs] = []
    for name, sizes in _sizes(bound, arguments):
        with traced(tree(brick)), contextlib.suppress(Exception):
            dim = brick.get_dim(name)
            needs.append(_whole(brick, dim, sizes, missing) or _needs(dim, sizes, missing))
    first = next((s for some in needs for s, need in some.items() if need.differs), None)
    if first is None:
        return None
    wanted: Wanted = {}
    for setting, need in ((s, need) for some in needs for s, need in some.items()):
        if (setting.brick, setting.name) != (first.brick, first.name):
            continue
        if need.value is None or wanted.setdefault(setting, need.value) != need.value:
            return None  # no value suits every input
    return _fix(wanted)


def _sizes(
    bound: BrickMethod, arguments: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the names and shapes of the inputs, with ``None`` for unknown sizes."""
    names = list(bound.inputs)
    for name, value in arguments.items():
        if isinstance(value, tuple):
            given = list(zip(names[list(arguments).index(name) :], value, strict=False))
        else:
            given = list(value.items()) if isinstance(value, Mapping) else [(name, value)]
        for one, variable in given:
            if hasattr(variable, "shape"):
                yield one, tuple([n if isinstance(n, int) else None for n in variable.shape])


def _whole(brick: Any, dim: Any, sizes: tuple[Any, ...], missing: bool) -> Needs:
    """Return the required ``input_dim`` if it must describe all axes but has the wrong length."""
    axes = len(dim) if isinstance(dim, (tuple, list)) else 1
    several = len(sizes) > 2
    if not brick.dims_of_all_axes or (axes == len(sizes) - 1 and not (missing and several)):
        return {}
    value = None if None in sizes[1:] else sizes[1:] if several else sizes[-1]
    return {Setting(brick, "input_dim"): Need(value, True)}


def _needs(dim: Any, sizes: tuple[Any, ...], missing: bool) -> Needs:
    """Return the values that settings must have for `dim` to match an input of shape `sizes`."""
    expected = list(dim) if isinstance(dim, (tuple, list)) else [dim]
    if len(sizes) < len(expected):
        return {}
    return {
        one.source: Need(one.setting_for(size), missing or size != one)
        for size, one in zip(sizes[-len(expected) :], expected, strict=True)
        if isinstance(one, Traced) and size is not None and one.unset is missing
    }


def _fix(wanted: Wanted) -> Fix | None:
    """Return the fix that gives one setting, or some of its items, the values in `wanted`."""
    settable: Wanted = {}
    for setting, value in wanted.items():
        found = _settable(setting, value)
        if found is None:
            return None
        settable |= found
    if len({(setting.brick, setting.name) for setting in settable}) != 1:
        return None
    first = next(iter(settable))
    return Fix(first.brick.path(), *_attribute(first, settable))


def _settable(setting: Setting, value: Any, seen: tuple[Setting, ...] = ()) -> Wanted | None:
    """Return the assignment, to the brick or an ancestor, that sets `setting` permanently.

    Return ``None`` if a parent pushes the setting but does not compute it from a single setting.
    """
    if setting in seen:
        return None
    for ancestor in _ancestors(setting.brick):
        pushed = _pushed(ancestor).get(setting)
        if pushed is None:
            continue
        if not isinstance(pushed, Traced):
            return None
        earlier = pushed.setting_for(value)
        return None if earlier is None else _settable(pushed.source, earlier, (*seen, setting))
    return {setting: value}


def _pushed(ancestor: Component) -> dict[Setting, Any]:
    """Return the settings that a brick pushes to its descendants, with traced values."""
    push = getattr(ancestor, "_push_allocation_config", None)
    if push is None:
        return {}
    with traced(tree(ancestor)):
        assigned = assignments_of(push)
        found: dict[Setting, Any] = {}
        for brick, name, value in assigned:
            with contextlib.suppress(Exception):
                # An attribute may be a property that is computed from other settings.
                now = dict(leaves(getattr(brick, name)))
                for key, one in leaves(value):
                    own = now.get(key)
                    found[own.source if isinstance(own, Traced) else Setting(brick, name, key)] = (
                        one
                    )
    return found


def _attribute(first: Setting, wanted: Wanted) -> tuple[str, Any]:
    """Return the public attribute for one or several items of a setting, and its new value."""
    brick, name = first.brick, first.name
    properties = [
        p
        for p in dir(type(brick))
        if is_dimension(p) and getattr(getattr(type(brick), p), "fset", None) is not None
    ]
    if len(wanted) == 1 and first.key is not None:
        with traced([brick]):
            for one in properties:
                with contextlib.suppress(Exception):
                    value = getattr(brick, one)
                    if isinstance(value, Traced) and value.source == first:
                        return one, wanted[first]
    public = name.lstrip("_")
    if first.key is None:
        return public, wanted[first]
    value = vars(brick)[name]
    new = {s.key: v for s, v in wanted.items()}
    items = {key: new.get(key, one) for key, one in leaves(value)}
    return public, items if isinstance(value, Mapping) else type(value)(items.values())


def tree(brick: Component) -> list[Component]:
    """Return a list that contains a brick and all its descendants."""
    found = {brick: None}
    queue = [brick]
    while queue:
        for child in queue.pop().children:
            if child not in found:
                found[child] = None
                queue.append(child)
    return list(found)


def _ancestors(brick: Component) -> list[Component]:
    """Return the ancestors of a brick, parents before grandparents."""
    found: dict[Component, None] = {}
    row = [brick]
    while row:
        row = sorted(
            (p for one in row for p in one.parents if p not in found), key=lambda p: p.name
        )
        found |= dict.fromkeys(row)
    return list(found)


@hinted
def apply_fix(brick: Component, fix: Fix) -> Component:
    """Apply the fix that an error offers.

    If the changed brick or one of its ancestors has been allocated, the topmost allocated brick is
    allocated again, so the values of all its parameters are lost.

    Parameters
    ----------
    brick : Brick
        Any brick of the hierarchy.
    fix : Fix

    Returns
    -------
    Brick
        The brick that was changed.

    Raises
    ------
    BrickError
        If the hierarchy has no brick with the path of the fix.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh, apply_fix
    >>> from workbench.errors import ShapeError
    >>> mlp = MLP([Tanh(), None], [500, 20, 10])
    >>> x = tensor.variable("x", shape=(None, 784))
    >>> try:
    ...     mlp.apply(x)
    ... except ShapeError as error:
    ...     print(error.fix)
    ...     _ = apply_fix(mlp, error.fix)
    set mlp.input_dim = 784
    >>> mlp.apply(x), mlp
    (mlp_apply_output, <MLP mlp: 784 -> 10>)
    """
    top: Any = brick.get_unique_path()[0]
    target: Any = next((one for one in tree(top) if one.path() == fix.brick), None)
    if target is None:
        raise BrickError(
            f"{top.name}: the fix is for the brick {fix.brick!r}, but no brick has that path; "
            "pass a brick from the hierarchy that raised the error"
        )
    setattr(target, fix.attribute, fix.value)
    path: list[Any] = target.get_unique_path()
    for ancestor in path[:-1]:  # their settings for other children may depend on the new value
        ancestor.allocation_config_pushed = False
    allocated = [one for one in path if one.allocated]
    if allocated:
        allocated[0].allocate()
    changed: Component = target
    return changed
