"""Functions for arguments and results that are nested in tuples, lists, dicts and slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

CONTAINERS = (tuple, list, dict, slice)
"""Container types; all other values are leaves."""


def map_structure(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply `function` to every leaf of nested lists, tuples, dicts and slices.

    >>> map_structure(lambda leaf: leaf + 1, {"a": (1, [2, slice(3, 4, 5)])})
    {'a': (2, [3, slice(4, 5, 6)])}
    """
    if isinstance(value, tuple):
        parts = [map_structure(function, part) for part in value]
        if type(value) is tuple:
            return tuple(parts)
        if hasattr(value, "_fields"):
            return type(value)(*parts)
        if type(value).__module__ == "torch.return_types":
            return type(value)(parts)
        return tuple(parts)
    if isinstance(value, list):
        return [map_structure(function, part) for part in value]
    if isinstance(value, dict):
        return {key: map_structure(function, part) for key, part in value.items()}
    if isinstance(value, slice):
        start, stop, step = (
            part if part is None else map_structure(function, part)
            for part in (value.start, value.stop, value.step)
        )
        return slice(start, stop, step)
    return function(value)


class Spec(NamedTuple):
    """Positions of the leaves in the arguments of a call."""

    n_args: int
    keywords: tuple[str, ...]
    nested: list[Any] | None
    """The arguments with each leaf replaced by its index; None if every argument is a leaf."""


def flatten(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], Spec]:
    """Return the leaves of arguments, and a `Spec` with their positions.

    >>> flatten(("a", ["b", "c"]), {"key": "d"})
    (['a', 'b', 'c', 'd'], Spec(n_args=2, keywords=('key',), nested=[0, [1, 2], 3]))
    """
    parts, keywords = [*args, *kwargs.values()], tuple(kwargs)
    for part in parts:
        if isinstance(part, CONTAINERS):
            break
    else:
        return parts, Spec(len(args), keywords, None)
    leaves: list[Any] = []

    def number(leaf: Any) -> int:
        leaves.append(leaf)
        return len(leaves) - 1

    return leaves, Spec(len(args), keywords, map_structure(number, parts))


def unflatten(spec: Spec, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and keyword arguments with `leaves` at the positions in `spec`.

    >>> unflatten(Spec(2, ("key",), [0, [1, 2], 3]), "wxyz")
    (('w', ['x', 'y']), {'key': 'z'})
    """
    parts = leaves if spec.nested is None else map_structure(leaves.__getitem__, spec.nested)
    n = spec.n_args
    return tuple(parts[:n]), dict(zip(spec.keywords, parts[n:], strict=True))


def name_of(function: Callable[..., Any]) -> str:
    """Return the short name of a torch function, operator or method.

    >>> import operator, torch
    >>> name_of(torch.relu), name_of(torch.Tensor.__add__), name_of(operator.and_)
    ('relu', 'add', 'and')
    """
    name: str = getattr(function, "__name__", type(function).__name__)
    return name.strip("_") or name
