"""`to_code`, which returns the Python code that a person would write for a specification.

The code contains the imports, the inputs, the bricks with the settings of the specification, the
calls in the order of the specification, and the names that differ from the defaults. It contains
neither the positions of elements nor the ids of calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.bricks import symbolic_parameters
from workbench.builder import operations, registry
from workbench.builder.code_bricks import BrickStatements, Element
from workbench.builder.code_values import Values, quoted
from workbench.builder.construct import name_of
from workbench.builder.convert import is_numbered
from workbench.builder.fields import Json
from workbench.builder.graph import default_wire
from workbench.builder.layout import Code, binary, call, keyword, method, name, negative
from workbench.builder.spec import BrickSpec, CallSpec, InputSpec, Spec, wires_in
from workbench.hints import hinted
from workbench.tensor.device import floatx

MAKERS = {
    ("float", 0): "scalar", ("float", 1): "vector", ("float", 2): "matrix", ("float", 3): "tensor3",
    ("float", 4): "tensor4", ("int64", 0): "lscalar", ("int64", 1): "lvector",
    ("int64", 2): "lmatrix", ("int64", 3): "ltensor3", ("int64", 4): "ltensor4",
}  # fmt: skip
"""Functions that create inputs of unknown sizes, keyed by dtype and number of dimensions."""


@hinted
def to_code(spec: Spec) -> str:
    """Return Python code that creates the bricks of a specification and applies them.

    Raises
    ------
    SpecError
        If the bricks cannot be created.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.builder import to_code, to_spec
    >>> from workbench.bricks import MLP, Softmax, Tanh
    >>> from workbench.initialization import IsotropicGaussian
    >>> mlp = MLP([Tanh(), Softmax()], [4, 8, 3], weights_init=IsotropicGaussian(0.1))
    >>> print(to_code(to_spec(mlp.apply(tensor.matrix("features")))))
    from workbench import tensor
    from workbench.bricks import MLP, Softmax, Tanh
    from workbench.initialization import IsotropicGaussian
    <BLANKLINE>
    features = tensor.variable("features", (None, 4))
    <BLANKLINE>
    mlp = MLP([Tanh(), Softmax()], [4, 8, 3], weights_init=IsotropicGaussian(0.1))
    mlp_output = mlp.apply(features)
    <BLANKLINE>
    """
    with symbolic_parameters():
        return Writer(spec.in_order()).text()


class Writer(BrickStatements):
    """Writer that generates the code for one specification, statement by statement."""

    def __init__(
        self, spec: Spec, names: Mapping[Element, str] | None = None, taken: Iterable[str] = ()
    ) -> None:
        super().__init__(spec, names or {}, taken)
        self._inside: dict[str, set[Element]] = {}
        self._wires: dict[str, Code] = {}
        self._pending: list[str] = []
        self._allocated: set[str] = set()
        self._uses = self._count_uses()

    def text(self) -> str:
        imports, body = self.statements()
        while body and body[-1] == "":
            body = body[:-1]
        return "\n".join([*imports, *([""] if imports else []), *body]) + "\n"

    def statements(self) -> tuple[list[str], list[str]]:
        """Return the lines with imports and the lines with other statements, and fill `owners`."""
        for i, brick in enumerate(self.spec.bricks):
            self.make(brick, f"bricks/{i}")
        self._reserve()
        for given in self.spec.inputs:
            self._input(given)
            self._own({("input", given.name)})
        if self.lines and (self.spec.bricks or self.spec.calls):
            self.lines.append("")
        if self._first_uses() != [name_of(brick) for brick in self.spec.bricks]:
            self._define(len(self.spec.bricks))
            self.lines += [""] if self.spec.calls and self.spec.bricks else []
        self._own(set())
        for call_spec in self.spec.calls:
            self._call(call_spec)
        self._flush()
        sinks = [wire for wire in self._sinks() if wire != self.spec.cost]
        if list(self.spec.monitored) != sinks:
            wires = Code("", tuple(self._wires[wire] for wire in self.spec.monitored), "[]")
            self._assign("monitored", wires)
        self._own({("monitored", "")})
        return self.imports.lines(), self.lines

    # Names.

    def _reserve(self) -> None:
        """Reserve the class names of all bricks, so that variables receive different names."""
        for brick in self.constructor.bricks.values():
            if registry.name_of(type(brick)) is not None:
                self._taken.add(type(brick).__name__)
        self._taken.update(("cost", "monitored"))

    def _count_uses(self) -> dict[str, int]:
        counts: dict[str, int] = {}

        def count(given: Json) -> None:
            if isinstance(given, str):
                counts[given] = counts.get(given, 0) + 1
            elif isinstance(given, list):
                for one in given:
                    count(one)

        for call_spec in self.spec.calls:
            for given in call_spec.inputs.values():
                count(given)
        return counts

    def _sinks(self) -> list[str]:
        return [
            wire
            for call_spec in self.spec.calls
            for wire in call_spec.outputs
            if wire not in self._uses
            and (wire in self.spec.monitored or not self._unused(call_spec, wire))
        ]

    def _unused(self, call_spec: CallSpec, wire: str) -> bool:
        """Return True if a call has several outputs and the output `wire` is not used."""
        several = len(call_spec.outputs) > 1
        needed = wire in self._uses or wire == self.spec.cost or wire in self.spec.monitored
        return several and not needed and wire in self._defaults(call_spec)

    def _defaults(self, call_spec: CallSpec) -> list[str]:
        if call_spec.operation is not None:
            return [call_spec.operation]
        brick: Any = self.constructor.bricks[call_spec.brick or ""]
        bound = getattr(brick, call_spec.method or "apply")
        names = getattr(bound, "outputs", None)
        if names is None:
            names = [f"output_{i}" for i in range(len(call_spec.outputs))]
        return [default_wire(brick.name, bound.name, output) for output in names]

    # Statements.

    def _input(self, given: InputSpec) -> None:
        tensor = self.imports.module("tensor")
        usual = str(floatx()).removeprefix("torch.")
        kind = "float" if given.dtype == usual else given.dtype
        maker = MAKERS.get((kind, len(given.shape)))
        parts = [name(quoted(given.name))]
        if maker is None or any(size is not None for size in given.shape):
            maker = "variable"
            parts.append(Code("", tuple(name(repr(size)) for size in given.shape)))
            if kind != "float":
                parts.append(name(f"{self.imports.module('torch')}.{given.dtype}"))
        variable = self._variable(given.name, ("wire", given.name))
        self._assign(variable, call(f"{tensor}.{maker}", parts))
        self._wires[given.name] = name(variable)

    # Calls.

    def _first_uses(self) -> list[str]:
        """Return the names of the top-level bricks in the order calls first need them."""
        found: dict[str, None] = {}
        for call_spec in self.spec.calls:
            for given in (call_spec.brick, *_parameters(call_spec.inputs)):
                if given is not None:
                    found[str(given).partition("/")[0].partition(".")[0]] = None
        return list(found)

    def _call(self, call_spec: CallSpec) -> None:
        known = {name_of(brick): i for i, brick in enumerate(self.spec.bricks)}
        needed = [p.partition("/")[0].partition(".")[0] for p in _parameters(call_spec.inputs)]
        self._settle_pending(call_spec)
        for label in needed:
            self._define(known[label] + 1)
        made: set[Element] = {("call", call_spec.id)}
        for wire in wires_in(list(call_spec.inputs.values())):
            made |= self._inside.pop(wire, set())
        if call_spec.operation is None:
            self._application(call_spec, known)
        elif self._operation(call_spec):
            self._inside[call_spec.outputs[0]] = made
        if (label := (call_spec.brick or "").partition("/")[0]) and label not in self._tops:
            made.add(("brick", label))
        self._own(made)

    def _settle_pending(self, call_spec: CallSpec) -> None:
        """Write the pending operations that must come before a call, to preserve the order."""
        wanted = [
            wire for wire in wires_in(list(call_spec.inputs.values())) if wire in self._pending
        ]
        if wanted != self._pending[len(self._pending) - len(wanted) :]:
            self._flush()
        elif wanted:
            kept = self._pending[: len(self._pending) - len(wanted)]
            self._flush(kept)
            self._pending = []
        elif call_spec.operation is None:
            self._flush()

    def _flush(self, wires: list[str] | None = None) -> None:
        """Write statements that assign pending operations to variables."""
        for wire in list(self._pending) if wires is None else wires:
            value = self._wires[wire]
            variable = self._variable(wire, ("wire", wire))
            self._assign(variable, value)
            self._own(self._inside.pop(wire, set()))
            self._wires[wire] = name(variable)
        self._pending = []

    def _application(self, call_spec: CallSpec, known: Mapping[str, int]) -> None:
        path = call_spec.brick or ""
        label = path.partition("/")[0]
        number = known.get(label, 0)
        brick = self.spec.bricks[number]
        alone = self._is_inline(brick, label, path, number)
        if alone:
            self._next += 1
            owner = self._construction(brick)
        else:
            self._define(number + 1)
            owner = self._used(path)
        self._allocated.add(label)
        bound = getattr(self.constructor.bricks[path], call_spec.method or "apply")
        value = method(owner, bound.name, self._given(call_spec, bound))
        self._bind(call_spec, value, self._tops.get(label, owner).flat() if not alone else label)

    def _is_inline(self, brick: BrickSpec, label: str, path: str, number: int) -> bool:
        """Return True if a cost brick can be constructed within the only call that needs it."""
        free = not brick.settings.keys() - {"top_k"} and not brick.changes
        made = self.constructor.bricks[label]
        cost = type(made).__module__ == "workbench.bricks.cost"
        ready = number == self._next and path == label
        if not (cost and free and ready):
            return False
        calls = [c for c in self.spec.calls if (c.brick or "").partition("/")[0] == label]
        parameters = [p for c in self.spec.calls for p in _parameters(c.inputs)]
        again = any(use.partition("/")[0] == label for use in self._all_uses)
        named = any(p.startswith((f"{label}.", f"{label}/")) for p in parameters)
        return len(calls) == 1 and not again and not named

    def _given(self, call_spec: CallSpec, bound: Any) -> list[Code]:
        names = list(call_spec.inputs)
        kinds = [p.kind for p in bound.application.signature.parameters.values()]
        plain = all(kind.name == "POSITIONAL_OR_KEYWORD" for kind in kinds)
        by_position = names == bound.inputs[: len(names)] and (
            plain or len(names) == 1 or [kind.name for kind in kinds] == ["VAR_POSITIONAL"]
        )
        parts: list[Code] = []
        odd: list[Code] = []
        for key, given in call_spec.inputs.items():
            value = self._reference(given)
            if by_position:
                parts.append(value)
            elif key.isidentifier():
                parts.append(keyword(key, value))
            else:
                odd.append(Code(f"{quoted(key)}: {value.head}", value.parts, value.brackets))
        for key, given in call_spec.settings.items():
            parts.append(keyword(key, self.values.value(given)))
        if odd:
            parts.append(Code("**", tuple(odd), "{}"))
        return parts

    def _bind(self, call_spec: CallSpec, value: Code, owner: str) -> None:
        defaults = self._defaults(call_spec)
        targets = []
        for wire, default in zip(call_spec.outputs, defaults, strict=False):
            output = default.rpartition(f"_{call_spec.method}_")[2]
            if self._unused(call_spec, wire):
                targets.append("_")
                continue
            targets.append(self._target(wire, default, owner, output))
            self._wires[wire] = name(targets[-1])
        self._assign(", ".join(targets), value)
        self._rename(call_spec.outputs, defaults)

    def _target(self, wire: str, default: str, owner: str, output: str) -> str:
        if wire == self.spec.cost:
            return self.names.get(("wire", wire), "cost")
        if wire != default and not is_numbered(wire, default):
            return self._variable(wire, ("wire", wire))
        if output.startswith("output_"):
            output = "output"
        plain = output == "output" or output in self._taken
        return self._variable(f"{owner}_{output}" if plain else output, ("wire", wire))

    def _rename(self, wires: tuple[str, ...], defaults: list[str]) -> None:
        for wire, default in zip(wires, defaults, strict=False):
            if wire != default and not is_numbered(wire, default):
                self.lines.append(f"{self._wires[wire].flat()}.name = {quoted(wire)}")

    def _operation(self, call_spec: CallSpec) -> bool:
        """Write an operation, unless it can be nested in the only call that needs it.

        If it can be nested, return True.
        """
        operation = operations.BY_NAME[call_spec.operation or ""]
        value = self._computed(operation, call_spec)
        wire, default = call_spec.outputs[0], operation.name
        unnamed = wire == default or is_numbered(wire, default)
        unnamed = unnamed and ("wire", wire) not in self.names
        shown = wire == self.spec.cost or wire in self.spec.monitored
        if unnamed and not shown and self._uses.get(wire) == 1:
            self._wires[wire] = value
            self._pending.append(wire)
            return True
        target = self._target(wire, default, "variable", wire)
        self._assign(target, value)
        self._wires[wire] = name(target)
        self._rename((wire,), [default])
        return False

    def _computed(self, operation: operations.Operation, call_spec: CallSpec) -> Code:
        if operation.many:
            given = call_spec.inputs[operation.inputs[0]]
            parts = [Code("", tuple(self._reference(one) for one in given), "[]")]
            function = {"concatenate": "cat"}.get(operation.name, operation.name)
            head = f"{self.imports.module('torch')}.{function}"
            return call(head, [*parts, *self._options(operation, call_spec)])
        operands = [self._reference(call_spec.inputs[key]) for key in operation.inputs]
        if operation.symbol is not None:
            one = len(operands) == 1
            return negative(operands[0]) if one else binary(operation.symbol, *operands)
        if operation.name == "T":
            return Code(method(operands[0], "T", ()).head, simple=True)
        if operation.name == "index":
            key = _subscript(self.values, call_spec.settings["key"])
            return Code(f"{method(operands[0], 'x', ()).head[:-2]}[{key}]", simple=True)
        return method(operands[0], operation.name, self._options(operation, call_spec))

    def _options(self, operation: operations.Operation, call_spec: CallSpec) -> list[Code]:
        """Return the settings of an operation as arguments, by position where possible."""
        parts: list[Code] = []
        in_order = True
        for key in operation.settings:
            in_order = in_order and key in call_spec.settings
            if key in call_spec.settings:
                value = self.values.value(call_spec.settings[key])
                flag = isinstance(call_spec.settings[key], bool)
                parts.append(value if in_order and not flag else keyword(key, value))
        return parts

    def _reference(self, given: Json) -> Code:
        if isinstance(given, str):
            return self._wires[given]
        if isinstance(given, list):
            return Code("", tuple(map(self._reference, given)), "[]")
        if "parameter" in given:
            return self._parameter(given["parameter"])
        value = self.values.value(given["value"])
        if isinstance(given["value"], (int, float)) and not isinstance(given["value"], bool):
            return value
        return call(f"{self.imports.module('tensor')}.constant", [value])

    def _parameter(self, path: str) -> Code:
        where, _, parameter = path.rpartition(".")
        brick: Any = self.constructor.bricks[where]
        label = where.partition("/")[0]
        owner = self._used(where).flat()
        if label not in self._allocated:
            self._allocated.add(label)
            self.lines.append(f"{self._tops[label].flat()}.allocate()")
        if isinstance(getattr(type(brick), parameter, None), property):
            return name(f"{owner}.{parameter}")
        brick.get_unique_path()[0].allocate()
        names = [None if p is None else p.name for p in brick.parameters]
        return name(f"{owner}.parameters[{names.index(parameter)}]")


def _parameters(given: Json) -> list[str]:
    """Return the paths of the parameters among the inputs of a call."""
    if isinstance(given, Mapping):
        if set(given) == {"parameter"}:
            return [given["parameter"]]
        return [path for one in given.values() for path in _parameters(one)]
    return [path for one in given for path in _parameters(one)] if isinstance(given, list) else []


def _subscript(values: Values, key: Json) -> str:
    """Return the text between the brackets of an index."""
    if isinstance(key, Mapping) and "tuple" in key:
        return ", ".join(_subscript(values, part) for part in key["tuple"])
    if isinstance(key, Mapping) and "slice" in key:
        start, stop, step = ("" if part is None else repr(part) for part in key["slice"])
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    return values.value(key).flat()
