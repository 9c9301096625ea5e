"""The palette of an editor: every brick, cost, operation, scheme and module that can be used.

Except for operations, all information is read from classes: groups from their modules, descriptions
from their docstrings, fields of forms from their constructors, and ports from their application
methods.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from workbench.bricks import Brick
from workbench.bricks.application import Application, applications_of
from workbench.bricks.dimensions import (
    COUNTS,
    check_epsilon,
    check_probability,
    is_dimension,
)
from workbench.builder import docs, operations, paths, registry
from workbench.builder.encode import Encoder
from workbench.builder.fields import Json
from workbench.builder.kinds import kind_of_argument
from workbench.errors import BuilderError
from workbench.hints import hinted

GROUPS = {
    "linear": "Layers", "bias": "Layers", "maxout": "Layers", "lookup": "Layers",
    "activations": "Activations", "softmax": "Activations",
    "sequences": "Containers", "residual": "Containers",
    "parallel": "Several inputs and outputs",
    "conv": "Images",
    "recurrent": "Recurrent",
    "attention": "Attention", "multi_head": "Attention", "transformer": "Attention",
    "positions": "Attention",
    "bn": "Normalisation and dropout", "normalization": "Normalisation and dropout",
    "dropout": "Normalisation and dropout",
    "sequence_generators": "Sequence generators",
    "module": "PyTorch modules",
    "cost": "Costs",
}  # fmt: skip
"""Groups of the library's bricks, keyed by the defining module, in the order of the palette."""

OWN = "Your own"
OPERATIONS = "Operations"
SCHEMES = "Initialisation"
MODULES = "PyTorch modules"


@dataclass(frozen=True)
class Field:
    """A field of a form: one argument of a constructor.

    Attributes
    ----------
    name : str
    kind : str or None
        The kind of the value; see `workbench.builder.kinds.Kind`. None if any value is accepted.
    many : bool
        True for a list of such values.
    optional : bool
        True if the value can be null.
    required : bool
        True if the constructor needs the argument.
    lazy : bool
        True if the argument can be set later, by a parent or from the shape of an input.
    default : JSON value
        The default value; None if there is no default.
    least, below : number or None
        The smallest allowed value, and an exclusive upper bound.
    choices : tuple of str
    accepts : tuple of str
        For bricks, the types that are accepted.
    text : str
        The description.

    Examples
    --------
    >>> from workbench.builder import catalogue
    >>> layers = next(group for group in catalogue() if group.title == "Layers")
    >>> linear = next(entry for entry in layers.entries if entry.type == "Linear")
    >>> size = linear.fields[0]
    >>> isinstance(size, Field), size.name, size.kind, size.lazy
    (True, 'input_dim', 'size', True)
    """

    name: str
    kind: str | None
    many: bool = False
    optional: bool = False
    required: bool = False
    lazy: bool = False
    default: Json = None
    least: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Port:
    """An input or output of a method or operation.

    Attributes
    ----------
    name : str
    optional : bool
        True for an input that can be omitted.
    many : bool
        True for a list of variables.

    Examples
    --------
    >>> Port("mask", optional=True)
    Port(name='mask', optional=True, many=False)
    """

    name: str
    optional: bool = False
    many: bool = False


@dataclass(frozen=True)
class Method:
    """A way to apply a brick or an operation.

    Attributes
    ----------
    name : str
    text : str
        The description.
    inputs, outputs : tuple of Port or None
        The ports; None if they depend on the settings of the brick.

    Examples
    --------
    >>> from workbench.builder import catalogue
    >>> costs = next(group for group in catalogue() if group.title == "Costs")
    >>> method = costs.entries[0].methods[0]
    >>> isinstance(method, Method), [port.name for port in method.inputs]
    (True, ['y', 'y_hat'])
    """

    name: str
    text: str
    inputs: tuple[Port, ...] | None
    outputs: tuple[Port, ...] | None


@dataclass(frozen=True)
class Entry:
    """An item of the palette, for the canvas or for a field.

    Attributes
    ----------
    kind : {'brick', 'operation', 'scheme', 'module'}
    type : str
        The name in a specification.
    text : str
        A one-line description.
    fields : tuple of Field
    methods : tuple of Method

    Examples
    --------
    >>> from workbench.builder import catalogue
    >>> layers = next(group for group in catalogue() if group.title == "Layers")
    >>> bias = layers.entries[0]
    >>> isinstance(bias, Entry), bias.kind, bias.type
    (True, 'brick', 'Bias')
    """

    kind: str
    type: str
    text: str
    fields: tuple[Field, ...] = ()
    methods: tuple[Method, ...] = ()


@dataclass(frozen=True)
class Group:
    """A group of entries in the palette.

    Attributes
    ----------
    title : str
    entries : tuple of Entry

    Examples
    --------
    >>> from workbench.builder import catalogue
    >>> group = catalogue()[0]
    >>> isinstance(group, Group), group.to_dict()["title"] == group.title
    (True, True)
    """

    title: str
    entries: tuple[Entry, ...]

    def to_dict(self) -> dict[str, Json]:
        """Return the group as plain values."""
        return asdict(self)


@hinted
def catalogue() -> list[Group]:
    """Return all classes and operations that a specification can name, in groups.

    Classes registered with `register` are in the first group.

    Examples
    --------
    >>> from workbench.builder import catalogue
    >>> layers = next(group for group in catalogue() if group.title == "Layers")
    >>> [entry.type for entry in layers.entries]
    ['Bias', 'Linear', 'LinearMaxout', 'LookupTable', 'Maxout']
    >>> layers.entries[1].fields[0].name, layers.entries[1].methods[0].outputs
    ('input_dim', (Port(name='output', optional=False, many=False),))
    """
    return list(_catalogue(registry.generation()))


@lru_cache(maxsize=1)
def _catalogue(_generation: int) -> tuple[Group, ...]:
    """Return the groups, which are cached until `register` changes a class."""
    found: dict[str, list[Entry]] = {OWN: [], **{title: [] for title in GROUPS.values()}}
    for name, cls in registry.types("brick").items():
        found[_group(cls)].append(_brick(name, cls))
    found[OPERATIONS] = [_operation(operation) for operation in operations.ALL]
    found[SCHEMES] = []
    kinds: list[tuple[registry.Kind, str]] = [("scheme", SCHEMES), ("module", MODULES)]
    for kind, title in kinds:
        for name, cls in registry.types(kind).items():
            own = registry.library(kind).get(cls.__name__) is not cls
            fields = _fields(cls)
            found[OWN if own else title].append(Entry(kind, name, docs.first_line(cls), fields))
    return tuple(Group(title, tuple(entries)) for title, entries in found.items() if entries)


def _group(cls: type[Brick]) -> str:
    if registry.library("brick").get(cls.__name__) is not cls:
        return OWN
    return GROUPS[cls.__module__.split(".")[2]]


def _brick(name: str, cls: type[Brick]) -> Entry:
    methods = tuple(_method(application) for application in applications_of(cls).values())
    return Entry("brick", name, docs.first_line(cls), _fields(cls), methods)


def _fields(cls: type[Any]) -> tuple[Field, ...]:
    texts = docs.arguments_of(cls)
    lazy = registry.lazy_settings(cls)
    required = registry.required_settings(cls)
    return tuple(
        _field(cls, parameter, name in required, name in lazy, texts.get(name, ""))
        for name, parameter in registry.settings_of(cls).items()
        if name not in ("name", "children", "device") and not name.startswith("_")
    )


def _field(
    cls: type[Any], parameter: inspect.Parameter, required: bool, lazy: bool, text: str
) -> Field:
    name, kind = parameter.name, kind_of_argument(cls, parameter)
    check = cls.setting_checks.get(name) if issubclass(cls, Brick) else None
    least: float | None = COUNTS.get(name)
    if is_dimension(name) or check in (check_probability, check_epsilon):
        least = 0
    default = None
    if parameter.default is not parameter.empty and repr(parameter.default) != "...":
        try:
            default = Encoder().value(parameter.default)
        except BuilderError:
            default = None  # the form then shows no default
    return Field(
        name,
        None if kind is None else kind.base,
        kind is not None and kind.many,
        parameter.default is None or (kind is not None and kind.optional),
        required,
        lazy,
        default,
        least,
        1 if check is check_probability else None,
        () if kind is None else kind.choices,
        () if kind is None else _fitting(kind.classes, registry.generation()),
        text,
    )


def _method(application: Application) -> Method:
    """Describe an application method, with the ports that its class declares."""
    attributes, computed = application.attributes, application.properties
    delegated = application._delegate is not None
    parameters = application.signature.parameters
    optional = {name for name, p in parameters.items() if p.default is not p.empty}
    if "sequences" in attributes:  # a recurrent brick needs no states or masks
        optional = set(application.inputs) - _needed(attributes)
    known = "inputs" in attributes or not (delegated or "inputs" in computed)
    declared = attributes.get("outputs")
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()) and "inputs" not in attributes:
        known = False
    return Method(
        application.name,
        docs.first_line(application),
        tuple(Port(name, name in optional) for name in application.inputs) if known else None,
        None if declared is None or "outputs" in computed else tuple(Port(n) for n in declared),
    )


def _needed(names: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the names of the sequences and contexts of a recurrent brick, except for masks."""
    given = {*names.get("sequences", ()), *names.get("contexts", ())}
    return {name for name in given if "mask" not in name}


def _states_below(brick: Brick) -> set[str]:
    """Return the state names of a brick and the bricks below it."""
    applications = [
        getattr(below, name) for below in paths.tree(brick) for name in applications_of(type(below))
    ]
    return {state for bound in applications for state in getattr(bound, "states", ())}


@lru_cache
def _fitting(classes: tuple[str, ...], _generation: int) -> tuple[str, ...]:
    """Return the types of bricks that are derived from at least one of `classes`."""
    return tuple(
        name
        for name, cls in registry.types("brick").items()
        if any(base.__name__ in classes for base in cls.__mro__)
    )


@hinted
def ports(brick: Brick) -> list[Method]:
    """Return the application methods of a brick, with the ports that its settings determine.

    Examples
    --------
    >>> from workbench.builder import ports
    >>> from workbench.bricks.parallel import Fork
    >>> [port.name for port in ports(Fork(["left", "right"]))[0].outputs]
    ['left', 'right']
    """
    found = []
    for name, application in applications_of(type(brick)).items():
        bound, method = getattr(brick, name), _method(application)
        optional = {port.name for port in method.inputs or () if port.optional}
        if hasattr(bound, "sequences"):
            names = {key: getattr(bound, key, ()) for key in ("sequences", "contexts")}
            optional = set(bound.inputs) - _needed(names)
        elif any(p.kind is p.VAR_KEYWORD for p in application.signature.parameters.values()):
            optional |= _states_below(brick) - set(application.argument_names)
        inputs = tuple(Port(n, n in optional or "mask" in n) for n in bound.inputs)
        outputs = tuple(Port(n) for n in getattr(bound, "outputs", ["output_0"]))
        found.append(Method(name, method.text, inputs, outputs))
    return found


def _operation(operation: operations.Operation) -> Entry:
    fields = tuple(
        Field(
            name,
            None,
            optional=default is None,
            required=default is operations.REQUIRED,
            default=None if default is operations.REQUIRED else default,
        )
        for name, default in operation.settings.items()
    )
    inputs = tuple(Port(name, many=operation.many) for name in operation.inputs)
    method = Method("apply", operation.text, inputs, (Port(operation.name),))
    return Entry("operation", operation.name, operation.text, fields, (method,))
