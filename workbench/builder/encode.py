"""`Encoder`, which describes bricks, schemes, modules and plain settings for a specification.

Settings that a parent pushes to its children, and settings that equal the defaults, are omitted.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy
import torch

from workbench.bricks import BoundApplication, Brick
from workbench.bricks.lazy import LazyNone
from workbench.builder import modules, paths, registry
from workbench.builder.construct import LARGEST
from workbench.builder.fields import Json
from workbench.builder.reading import UNSET, Renamed, default_name, read
from workbench.errors import BuilderError
from workbench.initialization import NdarrayInitialization

UNREGISTERED = (
    "{cls} is not registered, so a specification cannot name it; call "
    "workbench.builder.register({name}) first"
)


class Encoder:
    """Encoder that describes each brick only once, and then refers to the brick by its path.

    Parameters
    ----------
    omit : bool
        True to omit settings that a parent pushes.

    Attributes
    ----------
    known : dict of Brick to str
        The paths of the bricks that a description can refer to.
    """

    def __init__(self, omit: bool = True) -> None:
        self.omit = omit
        self.known: dict[Brick, str] = {}
        self._parents: list[str] = []

    def top(self, brick: Brick) -> dict[str, Json]:
        """Return the JSON object that describes a brick without parents, including its name."""
        node = self.node(brick, nested=False)
        return {"type": node["type"], "name": brick.name, **node}

    def remember(self, brick: Brick, label: str) -> None:
        """Store the paths of an encoded brick and all bricks below it, for later references."""
        for below, where in paths.tree(brick).items():
            self.known.setdefault(below, f"{label}/{where}".strip("/"))

    def node(
        self, brick: Brick, name: str | None = None, *, nested: bool = True
    ) -> dict[str, Json]:
        """Return the JSON object that describes a brick; `name` replaces the brick's own name."""
        cls = type(brick)
        written = registry.name_of(cls)
        if written is None:
            raise BuilderError(
                UNREGISTERED.format(cls=f"{cls.__module__}.{cls.__qualname__}", name=cls.__name__)
            )
        if getattr(brick, "_given_rng", None) is not None:
            raise BuilderError(
                f"{brick.path()} has its own random generator (rng), which cannot be described; "
                "set its seed instead"
            )
        name = brick.name if name is None else name
        plain = name == written.rpartition(".")[2].lower()
        settings = registry.settings_of(cls)
        found: dict[str, Json] = {"type": written}
        if not plain and "name" in settings and name != made_name(brick):
            found["name"] = name
        key = found.get("name", written.rpartition(".")[2].lower())
        label = paths.unique("/".join([*self._parents, key]), self.known.values())
        self._parents.append(label.rpartition("/")[2])
        if values := self._settings(brick, nested):
            found["settings"] = values
        self._parents.pop()
        self.known[brick] = label
        return found

    def _settings(self, brick: Brick, nested: bool) -> dict[str, Json]:
        cls = type(brick)
        required = registry.required_settings(cls)
        pushed = brick.inferred_settings() if nested and self.omit else frozenset()
        given: dict[str, Any] = {}
        for name, parameter in registry.settings_of(cls).items():
            if name in ("name", "children") or (name in pushed and name not in required):
                continue
            value = read(brick, name, parameter)
            if value is UNSET or (value is parameter.default and parameter.default is None):
                continue
            if not _is_default(value, parameter.default):
                given[name] = value
        self._drop_implied(brick, given, required)
        return {name: self.value(value) for name, value in given.items()}

    def _drop_implied(self, brick: Brick, given: dict[str, Any], required: list[str]) -> None:
        """Remove settings that the constructor sets to the same values if they are omitted."""
        cls = type(brick)
        lazy = registry.lazy_settings(cls)
        optional = [name for name in given if name not in required and name not in lazy]
        optional += [name for name in given if name in lazy and _has_default(cls, name)]
        if not optional:
            return
        bare = _bare(cls, {name: given[name] for name in required if name in given})
        if bare is None:
            return
        plain = [name for name in optional if not _holds_objects(given[name])]
        for name in plain:
            if _same(_peek(bare, name), given[name]):
                del given[name]
        left = {name: given[name] for name in plain if name in given and name not in lazy}
        if left and len(plain) < len(optional):
            bare = _bare(cls, {**{n: given[n] for n in required if n in given}, **left}) or bare
        for name in optional:
            if name in given and name not in plain and _same(_peek(bare, name), given[name]):
                del given[name]

    def value(self, value: Any) -> Json:
        """Return the JSON representation of a setting's value."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, LazyNone):
            return None
        if isinstance(value, Integral):
            return int(value)
        if isinstance(value, Real):
            number = float(value)
            return number if math.isfinite(number) else {"float": str(number)}
        if isinstance(value, list):
            return [self.value(part) for part in value]
        if isinstance(value, tuple):
            return {"tuple": [self.value(part) for part in value]}
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {"mapping": {key: self.value(part) for key, part in value.items()}}
        if isinstance(value, slice):
            return {"slice": [self.value(p) for p in (value.start, value.stop, value.step)]}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        return self._object(value)

    def _object(self, value: Any) -> Json:
        if isinstance(value, BoundApplication):
            return self._applied(value)
        if isinstance(value, Renamed):
            return self._brick(value.brick, value.name or default_name(type(value.brick)))
        if isinstance(value, Brick):
            return self._brick(value)
        if isinstance(value, NdarrayInitialization):
            return {"scheme": self._scheme(value)}
        if isinstance(value, torch.nn.Module):
            return {"module": self._module(value)}
        if isinstance(value, numpy.ndarray) and value.dtype.kind in "biuf":
            if value.size > LARGEST:
                raise BuilderError(
                    f"an array of shape {value.shape} is too large for a specification; at most "
                    f"{LARGEST:,} elements can be described"
                )
            return {"array": {"dtype": value.dtype.name, "values": value.tolist()}}
        raise BuilderError(
            f"{value!r:.100}, of type {type(value).__name__}, cannot be described; a setting can "
            "contain only numbers, strings, lists, bricks, schemes and arrays"
        )

    def _brick(self, brick: Any, name: str | None = None) -> Json:
        if isinstance(brick, BoundApplication):
            return self._applied(brick)
        if brick in self.known:
            return {"use": self.known[brick]}
        return {"brick": self.node(brick, name)}

    def _applied(self, bound: BoundApplication) -> Json:
        found = self._brick(bound.brick)
        if bound.name == "apply":
            return found
        if "use" in found:
            return {"use": f"{found['use']}.{bound.name}"}
        return {**found, "method": bound.name}

    def _scheme(self, scheme: NdarrayInitialization) -> dict[str, Json]:
        cls = type(scheme)
        written = registry.name_of(cls)
        if written is None:
            raise BuilderError(
                UNREGISTERED.format(cls=f"{cls.__module__}.{cls.__qualname__}", name=cls.__name__)
            )
        given = {}
        for name, parameter in registry.settings_of(cls).items():
            value = read(scheme, name, parameter)
            if value is not UNSET and not _is_default(value, parameter.default):
                given[name] = value
        optional = {n for n in given if n not in registry.required_settings(cls)}
        if optional:
            bare = _bare(cls, {n: v for n, v in given.items() if n not in optional})
            given = {
                n: v
                for n, v in given.items()
                if n not in optional or bare is None or not _same(_peek(bare, n), v)
            }
        settings = {name: self.value(value) for name, value in given.items()}
        return {"type": written, **({"settings": settings} if settings else {})}

    def _module(self, module: torch.nn.Module) -> dict[str, Json]:
        cls = type(module)
        written = registry.name_of(cls)
        if written is None:
            raise BuilderError(
                UNREGISTERED.format(cls=f"{cls.__module__}.{cls.__qualname__}", name=cls.__name__)
            )
        if modules.is_container(module):
            parts = {name: self._module(part) for name, part in module.named_children()}
            return {"type": written, "parts": parts}
        settings = modules.settings_of(module)
        modules.check(module, settings)
        values = {name: self.value(value) for name, value in settings.items()}
        return {"type": written, **({"settings": values} if values else {})}


def made_name(brick: Brick) -> str:
    """Return the name that a brick usually receives if no name is passed to its constructor."""
    module = getattr(brick, "module", None)
    owner = module if isinstance(module, torch.nn.Module) else brick
    return default_name(type(owner))


def _is_default(value: Any, default: Any) -> bool:
    plain = (bool, int, float, str, tuple)
    return (
        isinstance(value, plain)
        and isinstance(default, plain)
        and isinstance(value, bool) is isinstance(default, bool)
        and value == default
    )


def _has_default(cls: type[Any], name: str) -> bool:
    parameter = registry.settings_of(cls)[name]
    return parameter.default is not parameter.empty and repr(parameter.default) != "..."


def _holds_objects(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_objects, value))
    return isinstance(value, (Brick, BoundApplication, Renamed, NdarrayInitialization))


def light_copy(value: Any, memo: dict[int, Any] | None = None) -> Any:
    """Return a deep copy of `value` without the parameters and graphs of its bricks."""
    memo = {} if memo is None else memo
    for brick in _bricks_in(value):
        for below in paths.tree(brick):
            own = vars(below)
            memo.setdefault(id(own.get("_parameters")), None)
            kept = own.get("_own")  # shared variables of normalisations and modules
            for variable in kept.values() if isinstance(kept, dict) else ():
                memo[id(variable)] = variable
            memo[id(own["auxiliary_variables"])] = []
            memo[id(own["updates"])] = {}
    memo.pop(id(None), None)
    return copy.deepcopy(value, memo)


def _bricks_in(value: Any) -> list[Brick]:
    if isinstance(value, (list, tuple)):
        return [brick for part in value for brick in _bricks_in(part)]
    if isinstance(value, (BoundApplication, Renamed)):
        return _bricks_in(value.brick)
    return [value] if isinstance(value, Brick) else []


def _plain(value: Any) -> Any:
    """Return `value` for a constructor, with each `Renamed` replaced by its brick."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return _plain(value.brick) if isinstance(value, Renamed) else value


def _bare(cls: type[Any], settings: Mapping[str, Any]) -> Any:
    """Return an object constructed from copies of `settings`, or None if that fails."""
    try:
        return cls(**light_copy({name: _plain(value) for name, value in settings.items()}))
    except Exception:  # cls may need more arguments, so none can be omitted
        return None


def _peek(owner: Any, name: str) -> Any:
    try:
        return read(owner, name, registry.settings_of(type(owner))[name])
    except BuilderError:
        return UNSET


def _same(one: Any, other: Any) -> bool:
    """Return True if two values of a setting have the same description."""
    if one is UNSET or other is UNSET:
        return one is other
    try:
        return bool(Encoder().value(one) == Encoder().value(other))
    except BuilderError:
        return False
