"""The import statements of generated code, and the names that these statements bind."""

from __future__ import annotations

import builtins
import importlib
import keyword
import pkgutil
import re
import sys
from functools import cache
from typing import Any

import workbench.bricks

TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins)})
"""Names that generated code must not bind."""


def public_place(cls: type[Any]) -> str:
    """Return the module that users import a class from.

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> public_place(Linear)
    'workbench.bricks'
    """
    if cls.__module__.startswith("torch.nn"):
        return "torch.nn"
    if not cls.__module__.startswith("workbench."):
        return cls.__module__
    for place in (*_places(), cls.__module__):
        module = importlib.import_module(place)
        listed = cls.__name__ in getattr(module, "__all__", ())
        if listed and getattr(module, cls.__name__) is cls:
            return place
    return cls.__module__


@cache
def _places() -> list[str]:
    """Return the names of the modules that define bricks, each package before its modules."""
    found = pkgutil.walk_packages(workbench.bricks.__path__, "workbench.bricks.")
    return ["workbench.bricks", *sorted(one.name for one in found)]


class Imports:
    """Imports of the generated code: the names, and the statements that import them."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self._from: dict[str, dict[str, str]] = {}
        self._plain: set[str] = set()

    def __contains__(self, name: object) -> bool:
        return name in self.names.values()

    def cls(self, cls: type[Any]) -> str:
        """Return the name of a class in the generated code, and add its import."""
        place = public_place(cls)
        if place == "torch.nn":
            return f"{self.module('torch')}.nn.{cls.__name__}"
        if cls not in self.names:
            name, suffix = cls.__name__, place.rpartition(".")[2].title()
            while name in self.names.values():
                name += suffix
            self.names[cls] = name
            if place != "__main__" and "<locals>" not in cls.__qualname__ and place in sys.modules:
                self._from.setdefault(place, {})[cls.__name__] = name
        return self.names[cls]

    def module(self, name: str) -> str:
        """Return the name of a module (``torch``, ``numpy`` or ``tensor``), and add its import."""
        if name == "tensor":
            self._from.setdefault("workbench", {})["tensor"] = "tensor"
        else:
            self._plain.add(name)
        self.names[name] = name
        return name

    def lines(self) -> list[str]:
        """Return the statements, sorted."""
        from workbench.builder.layout import WIDTH

        others = [f"import {name}" for name in sorted(self._plain)]
        ours = []
        for place in sorted(self._from):
            pairs = sorted(self._from[place].items(), key=lambda pair: _order(pair[0]))
            names = [n if n == bound else f"{n} as {bound}" for n, bound in pairs]
            line = f"from {place} import {', '.join(names)}"
            if len(line) > WIDTH:
                inside = "".join(f"    {name},\n" for name in names)
                line = f"from {place} import (\n{inside})"
            ours.append(line)
        return [*others, *ours]


def _order(name: str) -> tuple[int, str]:
    """Return a key that sorts constants first, then classes, then other names."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name


def identifier(text: str, taken: Any) -> str:
    """Return a Python identifier that resembles the given text and is not yet taken.

    Examples
    --------
    >>> identifier("hidden layer #1", ())
    'hidden_layer_1'
    >>> identifier("lambda", ())
    'lambda_'
    """
    found = re.sub(r"\W+", "_", text).strip("_") or "x"
    found = f"x{found}" if found[0].isdigit() else found
    found = f"{found}_" if found in TAKEN else found
    number, free = 1, found
    while free in taken:
        number += 1
        free = f"{found}_{number}"
    return free
