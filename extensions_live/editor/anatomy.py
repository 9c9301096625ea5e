"""The methods, inputs, outputs and parts of bricks, which depend on the settings of the bricks.

A brick that cannot be constructed has the inputs and outputs that its class declares. The anatomy
of each brick is cached, so after an edit only the changed bricks are examined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from workbench.bricks import Brick, symbolic_parameters
from workbench.bricks.cost import Cost
from workbench.builder import Entry, Method, Port, Spec, catalogue, ports, registry
from workbench.builder.construct import Constructor, settle
from workbench.builder.operations import BY_NAME
from workbench.builder.paths import tree
from workbench.builder.spec import BrickSpec, CallSpec
from workbench.errors import SpecError

MOST = 5000
"""Number of bricks whose anatomies are cached."""

DEFAULT = Method("apply", "", (Port("input_"),), (Port("output"),))
"""The method that is assumed for a brick whose methods are unknown."""


@dataclass(frozen=True)
class Anatomy:
    """Methods and parts of a brick.

    Attributes
    ----------
    methods : tuple of Method
    parts : dict of str to str
        The type of each descendant of the brick, keyed by path.
    fault : SpecError or None
        The reason why the brick cannot be constructed.
    """

    methods: tuple[Method, ...]
    parts: Mapping[str, str]
    fault: SpecError | None = None

    def method(self, name: str | None) -> Method:
        """Return the method with this name, or the first method if no method has this name."""
        named = [method for method in self.methods if method.name == name]
        return (named or list(self.methods) or [DEFAULT])[0]


_known: dict[str, Anatomy] = {}


def anatomies(spec: Spec) -> dict[str, Anatomy]:
    """Return the anatomy of each top-level brick of a specification, keyed by name."""
    known: tuple[int, dict[str, Anatomy]] | None = vars(spec).get("_anatomies")
    if known is not None and known[0] == registry.generation():
        return known[1]
    constructor: Constructor | None = None
    found: dict[str, Anatomy] = {}
    for i, brick in enumerate(spec.bricks):
        cls = registry.found("brick", brick.type)
        key = f"{id(cls)} {brick.text}"
        alone = '"use":' not in key
        if not alone and constructor is None:
            constructor = _all(spec)
        if not alone or key not in _known:
            anatomy = _anatomy(brick, f"bricks/{i}", Constructor() if alone else constructor)
            if not alone:
                found[brick.name or ""] = anatomy
                continue
            _known[key] = anatomy
            if len(_known) > MOST:
                del _known[next(iter(_known))]
        found[brick.name or ""] = _known[key]
    vars(spec)["_anatomies"] = registry.generation(), found
    return found


def _all(spec: Spec) -> Constructor:
    """Construct all bricks that have no fault, since other bricks may refer to them."""
    constructor = Constructor()
    for i, brick in enumerate(spec.bricks):
        try:
            constructor.top(brick, f"bricks/{i}")
        except SpecError:
            continue
    return constructor


def _anatomy(spec: BrickSpec, path: str, constructor: Constructor | None) -> Anatomy:
    constructor = constructor or Constructor()
    try:
        brick = constructor.bricks.get(spec.name or "") or constructor.top(spec, path)
        methods = tuple(ports(brick))
    except SpecError as error:
        return Anatomy(_declared(spec.type), {}, error)
    except Exception as error:  # a user's class can raise any error
        text = f"{type(error).__name__}: {error}"
        return Anatomy(_declared(spec.type), {}, SpecError(text, path=path, brick=spec.name))
    parts = {where: _type(below) for below, where in tree(brick).items() if where}
    return Anatomy(methods, parts, _fault(brick, spec, path))


def _fault(brick: Brick, spec: BrickSpec, path: str) -> SpecError | None:
    """Return the error, if any, that occurs when a brick pushes its settings to its children."""
    try:
        with symbolic_parameters():
            settle(brick)
    except Exception as error:  # a user's class can raise any error
        return SpecError(str(error), path=path, brick=spec.name)
    return None


def _type(brick: Brick) -> str:
    return registry.name_of(type(brick)) or type(brick).__name__


def _declared(kind: str) -> tuple[Method, ...]:
    """Return the methods that the class of a brick declares."""
    entry = entries("brick").get(kind)
    methods = () if entry is None else entry.methods
    return tuple(
        Method(m.name, m.text, m.inputs or (Port("input_"),), m.outputs or (Port("output"),))
        for m in methods
    )


def entries(kind: str) -> dict[str, Entry]:
    """Return the catalogue entries of one kind, keyed by type."""
    return _entries(registry.generation()).get(kind, {})


@lru_cache(maxsize=1)
def _entries(_generation: int) -> dict[str, dict[str, Entry]]:
    """Return all catalogue entries; they are collected again when a class has been registered."""
    found: dict[str, dict[str, Entry]] = {}
    for group in catalogue():
        for entry in group.entries:
            found.setdefault(entry.kind, {})[entry.type] = entry
    return found


def is_cost(kind: str | None) -> bool:
    """Return True if this type of brick is a cost."""
    cls = registry.found("brick", kind or "")
    return cls is not None and issubclass(cls, Cost)


def method_of(call: CallSpec, known: Mapping[str, Anatomy]) -> Method:
    """Return the method that a call applies, with its inputs and outputs.

    Parameters
    ----------
    call : CallSpec
    known : dict of str to Anatomy
        The top-level bricks, keyed by name.
    """
    if call.operation is not None:
        operation = BY_NAME.get(call.operation)
        if operation is None:
            return Method("apply", "", tuple(map(Port, call.inputs)), (Port("output"),))
        inputs = tuple(Port(name, many=operation.many) for name in operation.inputs)
        return Method("apply", operation.text, inputs, (Port(operation.name),))
    top, _, below = (call.brick or "").partition("/")
    anatomy = known.get(top)
    if anatomy is None:
        return DEFAULT
    if not below:
        return _with_call(anatomy.method(call.method), call)
    declared = _declared(anatomy.parts.get(below, ""))
    return _with_call(Anatomy(declared, {}).method(call.method), call)


def _with_call(method: Method, call: CallSpec) -> Method:
    """Return a method with the undeclared inputs and outputs of a call added."""
    inputs, outputs = list(method.inputs or ()), list(method.outputs or ())
    names = [port.name for port in inputs]
    inputs += [Port(name, optional=True) for name in call.inputs if name not in names]
    many = len(call.outputs)
    if [port.name for port in outputs] == ["output_0"] and many > 1:
        outputs = [Port(f"output_{number}") for number in range(many)]
    return Method(method.name, method.text, tuple(inputs), tuple(outputs))
