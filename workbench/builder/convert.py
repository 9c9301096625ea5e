"""`to_spec`, which describes a model, and `from_spec`, which builds a described model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workbench.bricks import BoundApplication, Brick, symbolic_parameters
from workbench.bricks.application import applications_of
from workbench.builder import operations
from workbench.builder.checks import text_of
from workbench.builder.construct import Constructor, default_name_of, dtype_of
from workbench.builder.describe import describe
from workbench.builder.fields import Json
from workbench.builder.graph import Graph, apply_by_name, default_wire
from workbench.builder.spec import CallSpec, Spec
from workbench.errors import BuilderError, SpecError, WorkbenchError, nearest
from workbench.hints import hinted
from workbench.model import Model
from workbench.tensor import Variable, constant, variable
from workbench.tensor.symbolic import at_most, is_symbolic

FEWEST_ALLOWED = 2**30
"""Number of parameters that `from_spec` permits on every machine."""

MOST_SYMBOLIC = 2**47
"""Maximum number of parameters without values."""


@dataclass
class Built:
    """A model that was built from a specification.

    Attributes
    ----------
    bricks : dict of str to Brick
        The bricks without parents, keyed by name.
    inputs : dict of str to Variable
    variables : dict of str to Variable
        The variables of all wires, including the inputs.
    cost : Variable or None
    monitored : list of Variable
    spec : Spec or None
        The specification.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.builder import from_spec, to_spec
    >>> built = from_spec(to_spec(Linear(3, 2, name="scores").apply(tensor.matrix("x"))))
    >>> isinstance(built, Built), list(built.bricks), list(built.inputs), built.cost
    (True, ['scores'], ['x'], None)
    """

    bricks: dict[str, Brick] = field(default_factory=dict)
    inputs: dict[str, Variable] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    cost: Variable | None = None
    monitored: list[Variable] = field(default_factory=list)
    spec: Spec | None = None

    @cached_property
    def model(self) -> Model:
        """The model of the cost and monitored variables or, if there are none, of all variables."""
        outputs = [*([] if self.cost is None else [self.cost]), *self.monitored]
        outputs = list(dict.fromkeys(outputs)) or list(self.variables.values())
        return Model(outputs)


@hinted
def to_spec(*described: Brick | Variable, monitored: Iterable[Variable] = ()) -> Spec:
    """Describe bricks, or a graph of variables with the bricks that compute it.

    Parameters
    ----------
    *described : Brick or Variable
        Bricks, variables or both. The first scalar variable is the cost.
    monitored : iterable of Variable
        Additional variables to monitor. All variables in `described` except the cost are also
        monitored.

    Returns
    -------
    Spec

    Raises
    ------
    BuilderError
        If a brick or an operation cannot be described.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.builder import to_spec
    >>> from workbench.bricks import MLP, Softmax, Tanh
    >>> from workbench.bricks.cost import CategoricalCrossEntropy
    >>> mlp = MLP([Tanh(), Softmax()], [4, 8, 3])
    >>> probabilities = mlp.apply(tensor.matrix("features"))
    >>> cost = CategoricalCrossEntropy().apply(tensor.lvector("targets"), probabilities)
    >>> cost.name = "cost"
    >>> spec = to_spec(cost)
    >>> [call.id for call in spec.calls], spec.cost
    (['mlp_apply_output', 'cost'], 'cost')
    """
    monitored = list(monitored)
    for one in (*described, *monitored):
        if not isinstance(one, (Brick, Variable)):
            raise BuilderError(
                f"to_spec describes bricks and variables, not {one!r:.80}; pass a brick, or the "
                "output of a brick"
            )
    bricks = [one for one in described if isinstance(one, Brick)]
    outputs = [one for one in described if isinstance(one, Variable)]
    cost = next((one for one in outputs if one.ndim == 0), None)
    rest = [one for one in outputs if one is not cost]
    return specification(bricks, [*outputs, *monitored], cost, [*rest, *monitored])


def specification(
    given: Sequence[Brick],
    outputs: Sequence[Variable],
    cost: Variable | None,
    monitored: Sequence[Variable],
) -> Spec:
    """Describe bricks and a graph; see `to_spec`."""
    return described(given, outputs, cost, monitored)[0]


def described(
    given: Sequence[Brick],
    outputs: Sequence[Variable],
    cost: Variable | None,
    monitored: Sequence[Variable],
    stand_ins: Mapping[Variable, Variable] | None = None,
) -> tuple[Spec, Graph]:
    """Describe bricks and a graph; return the specification, and the graph with named wires.

    In the specification, each key of `stand_ins` is replaced by its value.
    """
    variables = list(dict.fromkeys(outputs))
    graph = Graph(variables, stand_ins)
    with symbolic_parameters():  # bricks that are only for checks need no memory
        found = describe(list(dict.fromkeys([*given, *graph.bricks()])))
        graph.describe(found.places)
        graph.check(found.copies)
    for shown in [*([] if cost is None else [cost]), *monitored]:
        if shown not in graph.wires:
            raise BuilderError(not_shown(shown))
    spec = Spec(
        tuple(found.specs),
        tuple(graph.inputs),
        tuple(graph.calls),
        None if cost is None else graph.wires[cost],
        tuple(dict.fromkeys(graph.wires[v] for v in monitored)),
    )
    spec.check_names()
    return spec, graph


def not_shown(variable: Variable) -> str:
    """Return the error for a variable that can be neither the cost nor monitored."""
    return (
        f"the parameter {variable!r} can be neither the cost nor monitored; use a variable that is "
        "computed from it, such as its mean"
    )


@hinted
def from_spec(spec: Spec) -> Built:
    """Construct the bricks of a specification and apply them.

    Applying a brick allocates its parameters, but does not initialise them. The calls are executed
    in the order of the specification, except that each call follows all calls whose outputs it
    needs; see `Spec.in_order`.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    Built

    Raises
    ------
    SpecError
        If the specification is invalid; the error states where the fault is.

    Examples
    --------
    >>> from workbench.builder import BrickSpec, CallSpec, InputSpec, Spec, from_spec
    >>> spec = Spec(
    ...     bricks=(BrickSpec("Linear", "linear", {"input_dim": 3, "output_dim": 2}),),
    ...     inputs=(InputSpec("x"),),
    ...     calls=(CallSpec("y", "linear", "apply", inputs={"input_": "x"}, outputs=("y",)),))
    >>> built = from_spec(spec)
    >>> built.bricks["linear"], built.variables["y"].shape[1]
    (<Linear linear: 3 -> 2>, 2)
    """
    with at_most(MOST_SYMBOLIC if is_symbolic() else _most_parameters()):
        return _built(spec)


def _most_parameters() -> int:
    """Return the number of float32 parameters that half of this machine's memory can hold."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not known on all systems
        memory = 0
    return max(FEWEST_ALLOWED, memory // 8)


def _built(spec: Spec) -> Built:
    spec.check_names()
    constructor, built = Constructor(), Built(spec=spec)
    for i, brick in enumerate(spec.bricks):
        built.bricks[brick.name or default_name_of(brick)] = constructor.top(brick, f"bricks/{i}")
    for i, given in enumerate(spec.inputs):
        dtype = dtype_of(given.dtype, f"inputs/{i}/dtype")
        built.inputs[given.name] = variable(given.name, given.shape, dtype)
    built.variables = dict(built.inputs)
    places = {call.id: i for i, call in enumerate(spec.calls)}
    for call in spec.in_order().calls:
        _apply(call, f"calls/{places[call.id]}", built, constructor)
    built.cost = None if spec.cost is None else built.variables[spec.cost]
    built.monitored = [built.variables[wire] for wire in spec.monitored]
    return built


def _apply(call: CallSpec, path: str, built: Built, constructor: Constructor) -> None:
    if call.operation is None:
        outputs, defaults = applied(call, path, built, constructor)
    else:
        outputs, defaults = operated(call, path, built, constructor)
    check_count(call, path, defaults)
    for name, output, default in zip(call.outputs, outputs, defaults, strict=True):
        built.variables[name] = output
        if name != default and not is_numbered(name, default):
            output.name = name


def check_count(call: CallSpec, path: str, defaults: Sequence[str]) -> None:
    """Raise `SpecError` unless a call has a name for each output."""
    if len(defaults) != len(call.outputs):
        raise SpecError(
            f"the call has {len(defaults)} output{'s' * (len(defaults) != 1)} "
            f"({', '.join(defaults)}), but lists {len(call.outputs)} "
            f"name{'s' * (len(call.outputs) != 1)}",
            path=f"{path}/outputs",
        )


def is_numbered(name: str, default: str) -> bool:
    """Return True if a name is the default name followed by a number that makes the name unique."""
    front, _, number = name.rpartition("_")
    return front == default and number.isdecimal()


def application_of(call: CallSpec, path: str, constructor: Constructor) -> BoundApplication:
    """Return the method that a call applies.

    Raises
    ------
    SpecError
        If there is no such brick or method.
    """
    brick: Any = constructor.bricks.get(call.brick or "")
    if brick is None:
        raise SpecError(
            f"there is no brick {call.brick!r:.80}{nearest(str(call.brick), constructor.bricks)}",
            path=f"{path}/brick",
        )
    known = applications_of(type(brick))
    if call.method not in known:
        raise SpecError(
            f"{type(brick).__name__} has no application method {call.method!r:.60}; its "
            f"application methods: {', '.join(known) or 'none'}{nearest(str(call.method), known)}",
            path=f"{path}/method",
            brick=call.brick,
        )
    bound: BoundApplication = getattr(brick, call.method or "apply")
    return bound


def applied(
    call: CallSpec, path: str, built: Built, constructor: Constructor
) -> tuple[list[Variable], list[str]]:
    """Apply the brick of a call; return its outputs and their default names."""
    bound = application_of(call, path, constructor)
    inputs = {
        name: _input(given, f"{path}/inputs/{name}", built, constructor)
        for name, given in call.inputs.items()
    }
    settings = {
        name: constructor.value(given, f"{path}/settings/{name}")
        for name, given in call.settings.items()
    }
    try:
        outputs = apply_by_name(bound, inputs, settings)
    except Exception as error:  # users' bricks can raise anything
        raise SpecError(text_of(error, bound.path), path=path, brick=call.brick) from error
    other = [output for output in outputs if not isinstance(output, Variable)]
    if other or not outputs:
        what = f"{other[0]!r:.80}, which is not a variable" if other else "nothing"
        raise SpecError(f"the call returns {what}", path=path, brick=call.brick)
    if getattr(bound, "outputs", None) is None:  # the number of outputs is not declared
        outputs = outputs[: max(1, len(call.outputs))]
    names = [output.tag.name for output in outputs]
    return outputs, [default_wire(bound.brick.name, bound.name, name) for name in names]


def operated(
    call: CallSpec, path: str, built: Built, constructor: Constructor
) -> tuple[list[Variable], list[str]]:
    """Apply the operation of a call; return the output and its default name."""
    operation = check_operation(call, path)
    given = [
        _input(call.inputs[name], f"{path}/inputs/{name}", built, constructor)
        for name in operation.inputs
    ]
    for name, one in zip(operation.inputs, given, strict=True):
        if isinstance(one, list) != operation.many:
            what = "a list of wires" if operation.many else "one wire or value, not a list"
            raise SpecError(f"must be {what}", path=f"{path}/inputs/{name}")
    settings = {
        name: constructor.value(value, f"{path}/settings/{name}")
        for name, value in call.settings.items()
    }
    for name, value in settings.items():
        wanted = operations.misfit(operation, name, value)
        if wanted:
            raise SpecError(
                f"{name} of {operation.name} must be {wanted}, not {value!r:.60}",
                path=f"{path}/settings/{name}",
                setting=name,
            )
    try:
        output = operations.call(operation, given, settings)
    except Exception as error:  # torch raises many kinds of errors
        raise SpecError(text_of(error, operation.name), path=path) from error
    if not isinstance(output, Variable):
        raise SpecError("the operation has no variable among its inputs", path=f"{path}/inputs")
    return [output], [operation.name]


def check_operation(call: CallSpec, path: str) -> operations.Operation:
    """Return the operation of a call.

    Raises
    ------
    SpecError
        If there is no such operation, or if an input or setting is missing or unknown.
    """
    operation = operations.BY_NAME.get(call.operation or "")
    if operation is None:
        raise SpecError(
            f"there is no operation {call.operation!r:.60}; known operations: "
            f"{', '.join(operations.BY_NAME)}"
            f"{nearest(str(call.operation), operations.BY_NAME)}",
            path=f"{path}/operation",
        )
    wanted = {*operation.inputs}
    for name in (*call.inputs, *wanted):
        if name not in wanted or name not in call.inputs:
            state = "missing" if name in wanted else "unknown"
            raise SpecError(
                f"the input {name!r:.60} of {operation.name} is {state}; "
                f"{operation.name} requires {', '.join(map(repr, operation.inputs))}",
                path=f"{path}/inputs/{name}",
            )
    for name in call.settings:
        if name not in operation.settings:
            raise SpecError(
                f"{operation.name} has no setting {name!r:.60}{nearest(name, operation.settings)}",
                path=f"{path}/settings/{name}",
            )
    needed = [name for name, d in operation.settings.items() if d is operations.REQUIRED]
    missing = [name for name in needed if name not in call.settings]
    if missing:
        raise SpecError(
            f"{operation.name} needs the setting {missing[0]!r}",
            path=f"{path}/settings",
            setting=missing[0],
            missing=True,
        )
    return operation


def _input(given: Json, path: str, built: Built, constructor: Constructor) -> Any:
    if isinstance(given, str):
        if given not in built.variables:
            raise SpecError(
                f"there is no wire {given!r:.80} before this call; known wires: "
                f"{', '.join(built.variables) or 'none'}{nearest(given, built.variables)}",
                path=path,
            )
        return built.variables[given]
    if isinstance(given, list):
        return [_input(one, f"{path}/{i}", built, constructor) for i, one in enumerate(given)]
    if isinstance(given, Mapping) and set(given) == {"value"}:
        value = constructor.value(given["value"], f"{path}/value")
        try:
            return value if isinstance(value, (int, float)) else constant(value)
        except WorkbenchError:
            raise SpecError(
                f"must be a number or an array, not {value!r:.60}", path=f"{path}/value"
            ) from None
    if isinstance(given, Mapping) and set(given) == {"parameter"}:
        return _parameter(given["parameter"], f"{path}/parameter", constructor)
    raise SpecError(
        f"must be the name of a wire, a list, {{'value': ...}} or {{'parameter': ...}}, not "
        f"{given!r:.60}",
        path=path,
    )


def _parameter(given: Json, path: str, constructor: Constructor) -> Variable:
    where, _, name = str(given).rpartition(".")
    brick = constructor.bricks.get(where)
    if brick is None:
        raise SpecError(
            f"there is no brick {where!r:.80}{nearest(where, constructor.bricks)}", path=path
        )
    try:
        if not brick.allocated:
            brick.get_unique_path()[0].allocate()  # type: ignore[attr-defined]
    except Exception as error:
        raise SpecError(text_of(error, where), path=path, brick=where) from error
    found = {p.name: p for p in brick.parameters if p is not None}
    if name not in found:
        raise SpecError(
            f"{where} has no parameter {name!r:.60}; its parameters: "
            f"{', '.join(found) or 'none'}{nearest(name, found)}",
            path=path,
            brick=where,
        )
    parameter: Variable = found[name]
    return parameter
