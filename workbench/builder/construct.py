"""Construction of bricks, schemes and modules from the values of a specification.

Only constructors of registered classes are called. A fault in the specification raises a
`SpecError` that states where the fault is.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy
import torch

from workbench.bricks import Brick
from workbench.bricks.application import applications_of
from workbench.builder import modules, paths, registry
from workbench.builder.checks import check_setting, text_of
from workbench.builder.fields import Json
from workbench.builder.spec import BrickSpec
from workbench.errors import Fix, NotConfiguredError, SpecError, WorkbenchError, nearest
from workbench.utils.numbers import is_whole
from workbench.utils.texts import short

DEEPEST = 60
"""Maximum depth of nested bricks, schemes and lists."""

LARGEST = 100_000
"""Maximum number of elements of an array in a specification."""

UNUSABLE = re.compile(r"quint|qint|bits|\.u?int[1-7]$|float4|float8")
"""Regular expression for dtypes that only a few torch functions accept."""

DTYPES = {
    str(value).removeprefix("torch."): value
    for value in vars(torch).values()
    if isinstance(value, torch.dtype) and not UNUSABLE.search(str(value))
}
"""The torch dtypes of variables, keyed by name."""

ARRAY_DTYPES = tuple(name for name in DTYPES if hasattr(numpy, name) and "complex" not in name)
"""The dtypes of arrays."""


class Constructor:
    """Constructor that creates a specification's bricks in order, so they can use earlier bricks.

    Attributes
    ----------
    bricks : dict of str to Brick
        The bricks constructed so far, keyed by path.
    places : dict of Brick to str
        For each brick that the specification describes, its place in the specification.
    """

    def __init__(self) -> None:
        self.bricks: dict[str, Brick] = {}
        self.places: dict[Brick, str] = {}
        self._brick: list[str] = []
        self._setting: str | None = None
        self._depth = 0
        self._readers: dict[str, Callable[[Json, str], Any]] = {
            "tuple": lambda given, path: tuple(self._all(given, path)),
            "mapping": self._mapping,
            "float": self._float,
            "brick": self._nested,
            "use": self._use,
            "scheme": self._scheme,
            "module": self._module,
            "dtype": self._dtype,
            "slice": self._slice,
            "array": self._array,
        }

    def error(self, text: str, path: str, fix: object = None) -> SpecError:
        """Return an error for the brick and the setting that are being read."""
        brick = "/".join(self._brick) or None
        return SpecError(text, path=path, brick=brick, setting=self._setting, fix=fix)

    def top(self, spec: BrickSpec, path: str) -> Brick:
        """Construct a brick without parents, and all bricks below it."""
        brick = self._made(spec, path, "")
        label = paths.unique(spec.name or default_name_of(spec), ())
        for below, where in paths.tree(brick).items():
            self.bricks.setdefault(f"{label}/{where}".strip("/"), below)
        return brick

    def value(self, given: Json, path: str) -> Any:
        """Return the value that a JSON value in a specification represents."""
        if given is None or isinstance(given, (bool, int, float, str)):
            return given
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise self.error(f"values are nested more than {DEEPEST} levels deep", path)
            if isinstance(given, list):
                return self._all(given, path)
            if isinstance(given, Mapping):
                tags = [key for key in given if key in self._readers]
                rest = set(given) - {*tags} - ({"method"} if tags == ["brick"] else set())
                if len(tags) == 1 and not rest:
                    return self._tagged(tags[0], given, path)
            raise self.error(
                f"{given!r:.60} is not a value of a specification; an object must have exactly one "
                f"of the keys {', '.join(self._readers)}",
                path,
            )
        finally:
            self._depth -= 1

    def _tagged(self, tag: str, given: Mapping[str, Json], path: str) -> Any:
        found = self._readers[tag](given[tag], f"{path}/{tag}")
        if "method" in given:
            return self._method(found, given["method"], f"{path}/method")
        return found

    def _all(self, given: Json, path: str) -> list[Any]:
        if not isinstance(given, list):
            raise self.error(f"must be a list, not {given!r:.60}", path)
        return [self.value(one, f"{path}/{i}") for i, one in enumerate(given)]

    def _mapping(self, given: Json, path: str) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise self.error(f"must be an object, not {given!r:.60}", path)
        return {str(key): self.value(one, f"{path}/{key}") for key, one in given.items()}

    def _slice(self, given: Json, path: str) -> slice:
        good = isinstance(given, list) and len(given) == 3
        if not good or not all(one is None or is_whole(one) for one in given):
            raise self.error(
                f"must be three whole numbers or nulls (start, stop, step), not {given!r:.60}", path
            )
        return slice(*given)

    def _float(self, given: Json, path: str) -> float:
        if given not in ("inf", "-inf", "nan"):
            raise self.error(f"must be 'inf', '-inf' or 'nan', not {given!r:.60}", path)
        return float(given)

    def _dtype(self, given: Json, path: str) -> torch.dtype:
        return dtype_of(given, path)

    def _array(self, given: Json, path: str) -> Any:
        good = isinstance(given, Mapping) and set(given) == {"dtype", "values"}
        names = ARRAY_DTYPES if good else ()
        if not good or given["dtype"] not in names:
            raise self.error(
                "must be an object with 'dtype' (such as 'float32') and 'values' (nested lists of "
                f"numbers), not {given!r:.60}",
                path,
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numbers that are too large become infinite
                array = numpy.array(given["values"], dtype=given["dtype"])
        except (TypeError, ValueError, OverflowError):
            raise self.error(
                f"the values are not nested lists of equal lengths with numbers of the dtype "
                f"{given['dtype']}",
                path,
            ) from None
        if array.size > LARGEST:
            raise self.error(
                f"the array has {array.size:,} elements; at most {LARGEST:,} are allowed", path
            )
        return array

    def _scheme(self, given: Json, path: str) -> Any:
        return self._object("scheme", BrickSpec.from_dict(given, path), path)

    def _module(self, given: Json, path: str) -> Any:
        if not isinstance(given, Mapping) or not {"type"} <= set(given) <= {
            "type", "settings", "parts",
        }:  # fmt: skip
            raise self.error(
                "must be an object with the key type and, optionally, the keys settings and "
                f"parts, not {given!r:.60}",
                path,
            )
        cls = self._class("module", given["type"], path)
        parts = given.get("parts")
        settings = self._arguments(cls, given.get("settings", {}), f"{path}/settings")
        makers: dict[str, Callable[[], torch.nn.Module]] | None = None
        if parts is not None:
            if cls is not torch.nn.Sequential:
                raise self.error("only Sequential has parts", f"{path}/parts")
            if not isinstance(parts, Mapping):
                raise self.error(f"must be an object, not {parts!r:.60}", f"{path}/parts")
            made = self._mapping(
                {name: {"module": part} for name, part in parts.items()}, f"{path}/parts"
            )
            makers = {name: functools.partial(lambda one: one, part) for name, part in made.items()}
        return self._called(
            lambda: modules.made(cls, settings, makers), path, settings, cls.__name__
        )

    def _object(self, kind: registry.Kind, spec: BrickSpec, path: str) -> Any:
        cls = self._class(kind, spec.type, path)
        settings = self._arguments(cls, spec.settings, f"{path}/settings")
        return self._called(lambda: cls(**settings), path, settings, cls.__name__)

    def _class(self, kind: registry.Kind, name: Json, path: str) -> type[Any]:
        cls = registry.found(kind, name) if isinstance(name, str) else None
        if cls is None:
            raise self.error(registry.advice(kind, short(str(name), 80)), f"{path}/type")
        return cls

    def _arguments(self, cls: type[Any], settings: Json, path: str) -> dict[str, Any]:
        """Check the names of settings, and return their values in the order of the constructor."""
        known = registry.settings_of(cls)
        if not isinstance(settings, Mapping):
            raise self.error(f"must be an object, not {settings!r:.60}", path)
        for name in settings:
            if name not in known or name == "name":
                raise self.error(
                    f"{cls.__name__} has no setting {name!r:.60}; its settings: "
                    f"{', '.join(key for key in known if key != 'name') or 'none'}"
                    f"{nearest(name, known)}",
                    f"{path}/{name}",
                )
        for name in registry.required_settings(cls):
            if name not in settings:
                text = f"{cls.__name__} needs the setting {name!r}"
                brick = "/".join(self._brick) or None
                raise SpecError(text, path=path, brick=brick, setting=name, missing=True)
        found = {}
        for name, parameter in known.items():
            if name in settings:
                outer, self._setting = self._setting, name
                found[name] = self.value(settings[name], f"{path}/{name}")
                check_setting(self, cls, parameter, found[name], f"{path}/{name}")
                self._setting = outer
        return found

    def _made(self, spec: BrickSpec, path: str, parent: str) -> Brick:
        name = spec.name or default_name_of(spec)
        label = paths.unique(f"{parent}/{name}".strip("/"), self.bricks)
        self._brick.append(label.rpartition("/")[2])
        outer, self._setting = self._setting, None
        cls = self._class("brick", spec.type, path)
        settings = self._arguments(cls, spec.settings, f"{path}/settings")
        named = {} if spec.name is None else {"name": spec.name}
        brick: Brick = self._called(lambda: cls(**settings, **named), path, settings, cls.__name__)
        self.bricks[label] = brick
        self.places[brick] = path
        if spec.changes:
            self._change(brick, spec.changes, f"{path}/changes")
        self._setting = outer
        self._brick.pop()
        return brick

    def _called(
        self, make: Callable[[], Any], path: str, settings: Mapping[str, Any], type_name: str
    ) -> Any:
        try:
            return make()
        except SpecError:
            raise
        except Exception as error:  # constructors of users' classes may raise anything
            named = next(
                (n for n in settings if f"{n} " in str(error) or f"{n}:" in str(error)), ""
            )
            self._setting = named or None
            where = f"{path}/settings/{named}" if named else path
            fix = error.fix if isinstance(error, WorkbenchError) else None
            known = fix.value if isinstance(fix, Fix) and fix.attribute == named else None
            raise self.error(text_of(error, type_name), where, known) from error

    def _nested(self, given: Json, path: str) -> Brick:
        return self._made(BrickSpec.from_dict(given, path), path, "/".join(self._brick))

    def _use(self, given: Json, path: str) -> Any:
        where, _, method = given.partition(".") if isinstance(given, str) else ("", "", "")
        if where not in self.bricks:
            raise self.error(
                f"there is no brick {given!r:.80} before this brick; earlier bricks: "
                f"{', '.join(self.bricks) or 'none'}{nearest(where, self.bricks)}",
                path,
            )
        found = self.bricks[where]
        return self._method(found, method, path) if method else found

    def _method(self, brick: Any, name: Json, path: str) -> Any:
        known = applications_of(type(brick))
        if not isinstance(name, str) or name not in known:
            raise self.error(
                f"{type(brick).__name__} has no application method {name!r:.60}; its application "
                f"methods: {', '.join(known) or 'none'}{nearest(str(name), known)}",
                path,
            )
        return getattr(brick, name)

    def _change(self, brick: Brick, changes: Mapping[str, Any], path: str) -> None:
        """Assign `changes` from the top down; settings are pushed before each brick is changed."""
        labels = {where: below for below, where in paths.tree(brick).items()}
        for where in sorted(changes, key=lambda where: (where != "", where.count("/"))):
            self._settle(brick, path)
            target = labels.get(where)
            if target is None:
                raise self.error(
                    f"there is no brick {where!r} below {brick.name!r}{nearest(where, labels)}",
                    f"{path}/{where}",
                )
            known = registry.settings_of(type(target))
            for name, given in changes[where].items():
                here = f"{path}/{where}/{name}"
                self._setting = name
                if name not in known or name == "children":
                    raise self.error(
                        f"{type(target).__name__} has no setting {name!r}{nearest(name, known)}",
                        here,
                    )
                value = self.value(given, here)
                check_setting(self, type(target), known[name], value, here)
                try:
                    setattr(target, name, value)
                except Exception as error:
                    raise self.error(text_of(error, target.path()), here) from error
        self._settle(brick, path)

    def _settle(self, brick: Brick, path: str) -> None:
        try:
            settle(brick)
        except Exception as error:  # settings can contradict each other
            self._setting = None
            raise self.error(text_of(error, brick.path()), path.removesuffix("/changes")) from error


def settle(brick: Brick) -> None:
    """Push the settings of a brick and all bricks below it, except where a setting is missing."""
    for pushed, push in (
        (brick.allocation_config_pushed, brick.push_allocation_config),
        (brick.initialization_config_pushed, brick.push_initialization_config),
    ):
        if not pushed:
            try:
                push()
            except NotConfiguredError:
                continue
    for child in paths.children_of(brick):
        settle(child)


def default_name_of(spec: BrickSpec) -> str:
    """Return the default name of a brick: the name of its class in lower case."""
    return spec.type.rpartition(".")[2].lower()


def name_of(spec: BrickSpec) -> str:
    """Return the name of a brick without parents."""
    return spec.name or default_name_of(spec)


def dtype_of(name: Json, path: str) -> torch.dtype:
    """Return the torch dtype with the given name.

    Raises
    ------
    SpecError
        If there is no such dtype.
    """
    if not isinstance(name, str) or name not in DTYPES:
        raise SpecError(
            f"there is no dtype {name!r:.60}; use float32 or int64, for example"
            f"{nearest(str(name), DTYPES)}",
            path=path,
        )
    return DTYPES[name]
