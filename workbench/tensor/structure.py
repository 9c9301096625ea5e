"""Nested arguments and results: tuples, lists, dictionaries and slices around tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


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


def flatten(value: Any) -> tuple[list[Any], Any]:
    """Return the leaves of a nested structure, and the structure with their numbers in it.

    >>> flatten(("a", ["b", {"key": "c"}]))
    (['a', 'b', 'c'], (0, [1, {'key': 2}]))
    """
    leaves: list[Any] = []

    def number(leaf: Any) -> int:
        leaves.append(leaf)
        return len(leaves) - 1

    spec = map_structure(number, value)
    return leaves, spec


def unflatten(spec: Any, leaves: Sequence[Any]) -> Any:
    """Return the structure that `flatten` gave as `spec`, with `leaves` in it.

    >>> unflatten((0, [1, {"key": 2}]), "xyz")
    ('x', ['y', {'key': 'z'}])
    """
    return map_structure(leaves.__getitem__, spec)


def name_of(function: Callable[..., Any]) -> str:
    """Return the short name of a torch function, operator or method.

    >>> import operator, torch
    >>> name_of(torch.relu), name_of(torch.Tensor.__add__), name_of(operator.and_)
    ('relu', 'add', 'and')
    """
    name: str = getattr(function, "__name__", type(function).__name__)
    return name.strip("_") or name
