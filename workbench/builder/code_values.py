"""Python expressions for the values of a specification."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from workbench.builder import registry
from workbench.builder.fields import Json
from workbench.builder.imports import Imports
from workbench.builder.layout import Code, call, keyword, name

MOST_BY_POSITION = 2
"""Maximum number of arguments that are passed to a brick by position."""


class Values:
    """Writer that creates expressions for values, and adds the imports that they need.

    Parameters
    ----------
    imports : Imports
    used : callable
        A function that receives the path of a brick defined elsewhere, and returns its expression.
    """

    def __init__(self, imports: Imports, used: Callable[[str], Code]) -> None:
        self.imports = imports
        self._used = used
        self.parents: list[str] = []
        self.hoisted: Callable[[dict[str, Json], str], Code | None] = lambda node, label: None
        self._writers: dict[str, Callable[[Any], Code]] = {
            "tuple": lambda given: Code("", tuple(map(self.value, given))),
            "mapping": self._mapping,
            "float": lambda given: call("float", [name(quoted(given))]),
            "brick": self.brick,
            "use": self._use,
            "scheme": self._scheme,
            "module": self._module,
            "dtype": lambda given: name(f"{self.imports.module('torch')}.{given}"),
            "slice": lambda given: call("slice", [self.value(part) for part in given]),
            "array": self._array,
        }

    def value(self, given: Json) -> Code:
        """Return the expression for a value."""
        if isinstance(given, str):
            return name(quoted(given))
        if given is None or isinstance(given, (bool, int, float)):
            return name(repr(given))
        if isinstance(given, list):
            return Code("", tuple(map(self.value, given)), "[]")
        tag = next(key for key in given if key in self._writers)
        found = self._writers[tag](given[tag])
        if "method" in given:
            return name(f"{found.flat()}.{given['method']}")
        return found

    def brick(self, node: Mapping[str, Json]) -> Code:
        """Return the expression for a brick inside another brick."""
        cls = registry.found("brick", node["type"])
        assert cls is not None
        label = node.get("name") or node["type"].rpartition(".")[2].lower()
        if (elsewhere := self.hoisted(dict(node), label)) is not None:
            return elsewhere
        return self.construction(cls, node.get("settings", {}), node.get("name"))

    def construction(
        self, cls: type[Any], settings: Mapping[str, Json], own_name: str | None
    ) -> Code:
        """Return the code for a constructor call that passes only the given settings."""
        parts = self._arguments(cls, settings, MOST_BY_POSITION)
        if own_name is not None:
            parts.append(keyword("name", name(quoted(own_name))))
        return call(self.imports.cls(cls), parts)

    def _arguments(self, cls: type[Any], settings: Mapping[str, Json], most: int) -> list[Code]:
        lazy = registry.lazy_settings(cls)
        positional = True
        parts: list[Code] = []
        own = _positional(cls)
        for number, (key, parameter) in enumerate(registry.settings_of(cls).items()):
            needed = parameter.default is parameter.empty or key in lazy
            positional = positional and key in settings and needed and number < most
            positional = positional and own[number : number + 1] == [key]
            if key in settings:
                value = self.value(settings[key])
                parts.append(value if positional else keyword(key, value))
        return parts

    def _scheme(self, node: Mapping[str, Json]) -> Code:
        cls = registry.found("scheme", node["type"])
        assert cls is not None
        settings = node.get("settings", {})
        first = _positional(cls)[:1]
        if list(settings) == first and first:
            return call(self.imports.cls(cls), [self.value(settings[first[0]])])
        return call(self.imports.cls(cls), self._arguments(cls, settings, 1))

    def _module(self, node: Mapping[str, Json]) -> Code:
        cls = registry.found("module", node["type"])
        assert cls is not None
        parts = node.get("parts")
        if parts is None:
            settings = node.get("settings", {})
            return call(self.imports.cls(cls), self._arguments(cls, settings, 3))
        if list(parts) == [str(i) for i in range(len(parts))]:
            return call(self.imports.cls(cls), [self._module(part) for part in parts.values()])
        named = Code("", tuple(_item(key, self._module(part)) for key, part in parts.items()), "{}")
        ordered = f"{self.imports.module('collections')}.OrderedDict"
        return call(self.imports.cls(cls), [call(ordered, [named])])

    def _mapping(self, given: Mapping[str, Json]) -> Code:
        return Code("", tuple(_item(key, self.value(one)) for key, one in given.items()), "{}")

    def _use(self, given: str) -> Code:
        path, _, applied = given.partition(".")
        found = self._used(path)
        return name(f"{found.flat()}.{applied}") if applied else found

    def _array(self, given: Mapping[str, Json]) -> Code:
        parts = [self.value(given["values"])]
        if given["dtype"] not in ("float64", "int64") or not given["values"]:
            parts.append(keyword("dtype", name(quoted(given["dtype"]))))
        return call(f"{self.imports.module('numpy')}.array", parts)


def quoted(text: str) -> str:
    """Return a string literal, in double quotes if possible."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _item(key: str, value: Code) -> Code:
    return Code(f"{quoted(key)}: {value.head}", value.parts, value.brackets)


def _positional(cls: type[Any]) -> list[str]:
    """Return the names of the arguments that a constructor accepts by position."""
    init = next((vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)), None)
    if init is None or init is object.__init__:
        return []
    parameters = list(inspect.signature(init).parameters.values())[1:]
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
