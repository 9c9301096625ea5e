"""The classes that a specification can name: bricks, costs, initialisation schemes and modules.

The classes of the workbench and of ``torch.nn`` are found by introspection; `register` adds a
user's classes. A specification uses the plain name of a class. For a user's class whose name is not
unique, it uses the dotted path.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, TypeVar

import torch
from torch.nn.modules.lazy import LazyModuleMixin

import workbench.bricks
from workbench import initialization
from workbench.bricks import Brick
from workbench.errors import BuilderError, nearest
from workbench.hints import hinted
from workbench.initialization import NdarrayInitialization
from workbench.utils.notices import shell

Kind = Literal["brick", "scheme", "module"]
"""The kinds of classes; classes of different kinds may have the same name."""

BASES: dict[Kind, type[Any]] = {
    "brick": Brick,
    "scheme": NdarrayInitialization,
    "module": torch.nn.Module,
}

ABSTRACT = frozenset(
    "AbstractAttention AbstractAttentionRecurrent AbstractEmitter AbstractFeedback "
    "AbstractReadout Activation BaseRecurrent Brick Cost CostMatrix FeatureNormalization "
    "Feedforward GenericSequenceAttention ImageLayer Initializable LinearLike ModulePart "
    "PositionalEncoding RNGMixin Random".split()
)
"""Base classes of bricks; only their subclasses can be used."""

UNUSABLE = frozenset(
    "Container CrossMapLRN2d DataParallel Module ModuleDict ModuleList NLLLoss2d ParameterDict "
    "ParameterList RNNBase RNNCellBase".split()
)
"""Classes of ``torch.nn`` that cannot be applied or are deprecated."""

ClassT = TypeVar("ClassT", bound=type[Any])

_users: dict[Kind, dict[str, type[Any]]] = {"brick": {}, "scheme": {}, "module": {}}
"""The classes that `register` added, keyed by kind and dotted path."""

_registered: list[str] = []
"""The names of all registered classes, including classes that were replaced."""


@hinted
def register(cls: ClassT) -> ClassT:
    """Register a user's class, so that specifications can name it.

    A class that is defined again, for example when a notebook cell is run again, replaces the
    earlier class. The constructor must keep each argument in an attribute of the same name.

    Parameters
    ----------
    cls : type
        A subclass of `Brick`, `NdarrayInitialization` or ``torch.nn.Module``.

    Returns
    -------
    type
        The same class, so that `register` can be used as a decorator.

    Raises
    ------
    BuilderError
        If `cls` is not a subclass of one of these classes.

    Examples
    --------
    >>> from workbench.builder import register
    >>> from workbench.bricks import Tanh
    >>> @register
    ... class Steep(Tanh):
    ...     def __init__(self, slope=2.0, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.slope = slope
    """
    kind = kind_of(cls)
    if kind is None:
        raise BuilderError(
            f"{cls!r} cannot be registered; it must be a subclass of Brick, "
            "NdarrayInitialization or torch.nn.Module"
        )
    if library(kind).get(cls.__name__) is not cls:
        _users[kind][_dotted(cls)] = cls
        _registered.append(cls.__name__)
    return cls


def generation() -> int:
    """Return the number of times that `register` has changed the meaning of a name."""
    return len(_registered)


def executed_cells(text: str) -> int | None:
    """Return the number of executed notebook cells, or None if the cells do not matter.

    They matter if a specification names a user's class, since such a class can call functions that
    a cell has redefined.

    Parameters
    ----------
    text : str
        Parts of a specification as JSON.
    """
    running = shell()
    endings = (json.dumps(name)[1:] for name in set(_registered))  # a path can precede the name
    if running is None or not any(ending in text for ending in endings):
        return None
    return int(running.execution_count)


def kind_of(cls: object) -> Kind | None:
    """Return the kind of a class, or None if it belongs to no kind."""
    if isinstance(cls, type):
        return next((kind for kind, base in BASES.items() if issubclass(cls, base)), None)
    return None


@cache
def library(kind: Kind) -> dict[str, type[Any]]:
    """Return the predefined classes of a kind, keyed by name, in alphabetical order."""
    if kind == "module":
        found = {
            name: value
            for name, value in vars(torch.nn).items()
            if isinstance(value, type)
            and issubclass(value, torch.nn.Module)
            and not issubclass(value, LazyModuleMixin)  # `TorchModule` needs known shapes
        }
        return {name: found[name] for name in sorted(found) if name not in UNUSABLE}
    modules = [initialization] if kind == "scheme" else _brick_modules()
    found = {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, BASES[kind])
        and value.__module__.startswith("workbench.")
        and not name.startswith("_")
        and name not in ABSTRACT
        and value is not NdarrayInitialization
    }
    return {name: found[name] for name in sorted(found)}


def _brick_modules() -> list[Any]:
    packages = pkgutil.walk_packages(workbench.bricks.__path__, "workbench.bricks.")
    return [workbench.bricks, *(importlib.import_module(found.name) for found in packages)]


def types(kind: Kind) -> dict[str, type[Any]]:
    """Return all classes of a kind, keyed by their names in specifications."""
    return library(kind) | {name_of(cls) or _dotted(cls): cls for cls in _users[kind].values()}


def name_of(cls: type[Any]) -> str | None:
    """Return the name that a specification uses for a class, or None if there is none."""
    kind = kind_of(cls)
    if kind is None:
        return None
    if library(kind).get(cls.__name__) is cls:
        return cls.__name__
    if _users[kind].get(_dotted(cls)) is not cls:
        return None
    same = [other for other in _users[kind].values() if other.__name__ == cls.__name__]
    return cls.__name__ if len(same) == 1 and cls.__name__ not in library(kind) else _dotted(cls)


def found(kind: Kind, name: str) -> type[Any] | None:
    """Return the class that has this name in specifications, or None if there is none."""
    return library(kind).get(name) or types(kind).get(name) or _users[kind].get(name)


def advice(kind: Kind, name: str) -> str:
    """Return advice about an unknown class name, for an error message."""
    if kind == "brick" and name in ABSTRACT:
        return f"{name} is a base class; use one of its subclasses"
    return (
        f"there is no {kind} {name!r}; your own class must first be registered with "
        f"workbench.builder.register{nearest(name, types(kind))}"
    )


def settings_of(cls: type[Any]) -> dict[str, inspect.Parameter]:
    """Return the constructor arguments of a class and its base classes, keyed by name.

    Examples
    --------
    >>> from workbench.bricks import Dropout
    >>> list(settings_of(Dropout))
    ['drop_prob', 'random_seed', 'name', 'children']
    """
    return dict(_settings(cls))


def _settings(cls: type[Any]) -> Iterator[tuple[str, inspect.Parameter]]:
    # The subclasses of torch's recurrent networks pass their own name as the mode.
    known = {"mode"} if issubclass(cls, torch.nn.RNNBase) else set()
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        for parameter in parameters:
            named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if named and parameter.name not in known:
                known.add(parameter.name)
                yield parameter.name, parameter
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return


def lazy_settings(cls: type[Any]) -> set[str]:
    """Return the names of the arguments that can be set after construction."""
    inits = [vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)]
    return {name for init in inits for name in getattr(init, "lazy_arguments", ())}


def required_settings(cls: type[Any]) -> list[str]:
    """Return the names of the arguments that must be passed to the constructor."""
    lazy = lazy_settings(cls)
    return [
        name
        for name, parameter in settings_of(cls).items()
        if parameter.default is parameter.empty and name not in lazy
    ]


def _dotted(cls: type[Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
