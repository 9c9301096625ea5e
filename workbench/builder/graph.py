"""The calls of a specification, read from a graph of variables.

A call is an outermost application of a brick, or an operation outside all bricks (see
`workbench.builder.operations`). The computation inside an application is determined by its brick.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import Parameter
from typing import Any

from workbench.bricks import Brick
from workbench.bricks.tagging import output_names
from workbench.builder import operations
from workbench.builder.encode import Encoder
from workbench.builder.fields import Json, free_name
from workbench.builder.spec import CallSpec, InputSpec, wires_in
from workbench.errors import BuilderError
from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.graph.hierarchy import get_brick
from workbench.roles import INPUT, OUTPUT, has_roles
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.variable import identity

Node = ApplicationCall | Variable
"""An outermost application, or a variable that is not an output of an outermost application."""


class Graph:
    """Graph of variables, which `describe` converts to the inputs and calls of a specification.

    Parameters
    ----------
    variables : iterable of Variable
        The outputs of the graph.

    Attributes
    ----------
    inputs : list of InputSpec
    calls : list of CallSpec
    wires : dict of Variable to str
        The names of inputs and call outputs.
    made : dict of Node to str
        For each node that has a call, the id of the call.
    """

    def __init__(self, variables: Iterable[Variable]) -> None:
        self._roots = list(variables)
        self._outputs: dict[ApplicationCall, dict[Variable, dict[str, Variable]]] = {}
        self.inputs: list[InputSpec] = []
        self.calls: list[CallSpec] = []
        self.wires: dict[Variable, str] = {}
        self.made: dict[Node, str] = {}
        self._names: set[str] = set()
        self._find()
        self._order = self._sorted()

    # The nodes.

    def _find(self) -> None:
        """Find the applications, and the variables that are passed to each application."""
        waiting, seen = list(self._roots), set(self._roots)
        while waiting:
            variable = waiting.pop()
            call = application_of(variable)
            if call is None:
                needed = _operands(variable)
            else:
                given = given_to(call, variable)
                self._outputs.setdefault(call, {})[variable] = given
                needed = list(given.values())
            fresh = [v for v in dict.fromkeys(needed) if v not in seen]
            seen.update(fresh)
            waiting.extend(fresh)

    def node(self, variable: Variable) -> Node:
        """Return the application that outputs `variable`, or `variable` itself if there is none."""
        call = application_of(variable)
        return variable if call is None else call

    def _given_to(self, call: ApplicationCall) -> dict[str, Variable]:
        found: dict[str, Variable] = {}
        declared = call.application.inputs
        for given in self._outputs[call].values():
            for name, variable in given.items():
                number = name.removeprefix("args_")  # a wrapper with *args numbers its inputs
                wrapped = name != number and number.isdecimal() and int(number) < len(declared)
                found[declared[int(number)] if wrapped else name] = variable
        names = [name for name in declared if name in found]
        return {name: found[name] for name in dict.fromkeys([*names, *found])}

    def _sorted(self) -> list[Node]:
        order: dict[Node, None] = {}
        for root in self._roots:
            stack = [self.node(root)]
            while stack:
                node = stack[-1]
                call = isinstance(node, ApplicationCall)
                needed = self._given_to(node).values() if call else _operands(node)  # type: ignore[arg-type]
                waiting = [n for n in map(self.node, needed) if n not in order]
                if node in order or not waiting:
                    order[node] = None
                    stack.pop()
                else:
                    stack.extend(reversed(waiting))
        return list(order)

    def bricks(self) -> list[Brick]:
        """Return the top-level bricks of all applications and parameters, in topological order."""
        found: dict[Brick, None] = {}
        for node in self._order:
            brick: Any = None
            if isinstance(node, ApplicationCall):
                brick = node.application.brick
            elif isinstance(node, SharedVariable):
                brick = get_brick(node)
            if isinstance(brick, Brick):
                found[brick.get_unique_path()[0]] = None  # type: ignore[index]
        return list(found)

    # The specification.

    def describe(self, places: Mapping[Brick, str]) -> None:
        """Fill `inputs`, `calls` and `wires`.

        Parameters
        ----------
        places : dict of Brick to str
            The path of each brick.

        Raises
        ------
        BuilderError
            If a part of the graph cannot be described.
        """
        for node in self._order:
            if isinstance(node, ApplicationCall):
                self._application(node, places)
                self.made[node] = self.calls[-1].id
            elif node.owner is not None:
                if not _is_constant(node):
                    self._operation(node, places)
                    self.made[node] = self.calls[-1].id
            elif not isinstance(node, SharedVariable):
                self._input(node)
        needed = [wire for call in self.calls for wire in wires_in(list(call.inputs.values()))]
        self.inputs.sort(key=lambda given: (*needed, given.name).index(given.name))

    def check(self, copies: Mapping[Brick, Brick]) -> None:
        """Check that applying the bricks again produces the same graph.

        Parameters
        ----------
        copies : dict of Brick to Brick
            Copies of the bricks. The copies are applied with the parameters of the original bricks,
            and cannot be used afterwards.

        Raises
        ------
        BuilderError
            If the graph was changed after the bricks were applied, for example by dropout.
        """
        for brick, twin in copies.items():
            vars(twin)["_parameters"] = vars(brick)["_parameters"]
        for call, known in self._outputs.items():
            bound = call.application
            given = self._given_to(call)
            twin = getattr(copies[bound.brick], bound.name)
            outputs = apply_by_name(twin, dict(given), call.options)
            for variable in known:
                new = next((o for o in outputs if o.tag.name == variable.tag.name), None)
                again = None if new is None else _functions(new, given)
                if again != _functions(variable, given):
                    raise BuilderError(
                        f"{bound.path}: its part of the graph was changed after the brick was "
                        "applied, or the brick was applied in training mode, which a specification "
                        "cannot describe; pass the original variables, and apply dropout, noise or "
                        "training mode to the built graph"
                    )

    def _named(self, variable: Variable, name: str) -> str:
        free = free_name(name, self._names)
        self._names.add(free)
        self.wires[variable] = free
        return free

    def _input(self, variable: Variable) -> None:
        shape = tuple(size if isinstance(size, int) else None for size in variable.shape)
        name = self._named(variable, variable.name or "x")
        self.inputs.append(InputSpec(name, str(variable.dtype).removeprefix("torch."), shape))

    def _application(self, call: ApplicationCall, places: Mapping[Brick, str]) -> None:
        bound = call.application
        if bound.brick not in places:
            raise BuilderError(
                f"{bound.path} is applied in the graph, but {bound.brick.name!r} is not among the "
                "bricks to describe; also pass its top-level brick"
            )
        known = self._outputs[call]
        by_name = {variable.tag.name: variable for variable in known}
        names = output_names(bound, 1 + max(map(_position, by_name)))
        outputs = []
        for name in names:
            default = default_wire(bound.brick.name, bound.name, name)
            if name in by_name:
                outputs.append(self._named(by_name[name], by_name[name].name or default))
            else:
                free = free_name(default, self._names)
                self._names.add(free)
                outputs.append(free)
        options = {name: Encoder().value(value) for name, value in call.options.items()}
        self.calls.append(
            CallSpec(
                self._id(outputs[0] if outputs else bound.name),
                brick=places[bound.brick],
                method=bound.name,
                inputs={n: self._reference(v, places) for n, v in self._given_to(call).items()},
                settings=options,
                outputs=tuple(outputs),
            )
        )

    def _operation(self, variable: Variable, places: Mapping[Brick, str]) -> None:
        call = variable.owner
        assert call is not None
        operation = operations.named(call.name)
        if call.function is identity or operation is None:
            self._check_outside(variable)
        if operation is None:
            raise BuilderError(
                f"{variable!r} is computed by {call.name!r}, which a specification cannot contain "
                f"(known operations: {', '.join(operations.BY_NAME)}); move this computation into "
                "your own brick"
            )
        args = call.args[:1] if call.function is getattr else call.args
        given = operations.arguments(operation, args, call.kwargs)
        inputs = {n: self._argument(v, places) for n, v in given.items() if n in operation.inputs}
        settings = {n: v for n, v in given.items() if n not in operation.inputs}
        for name, value in settings.items():
            if any(isinstance(part, Variable) for part in _parts(value)):
                raise BuilderError(
                    f"{variable!r}: {name} of {operation.name} is {value!r}, which depends on "
                    "variables; use whole numbers, and -1 for an unknown size"
                )
        wire = self._named(variable, variable.name or operation.name)
        self.calls.append(
            CallSpec(
                self._id(wire),
                operation=operation.name,
                inputs=inputs,
                settings={
                    n: Encoder().value(v)
                    for n, v in settings.items()
                    if v != operation.settings[n] or type(v) is not type(operation.settings[n])
                },
                outputs=(wire,),
            )
        )

    def _check_outside(self, variable: Variable) -> None:
        brick = get_brick(variable)
        if brick is not None:
            raise BuilderError(
                f"{variable!r} is inside the brick {brick.path()}; only outputs of outermost "
                "bricks and variables computed from them have names in a specification"
            )

    def _id(self, name: str) -> str:
        return free_name(name, {call.id for call in self.calls})

    def _argument(self, value: Any, places: Mapping[Brick, str]) -> Json:
        if isinstance(value, Variable):
            return self._reference(value, places)
        if isinstance(value, (list, tuple)):
            return [self._argument(part, places) for part in value]
        return {"value": Encoder().value(value)}

    def _reference(self, variable: Variable, places: Mapping[Brick, str]) -> Json:
        if variable in self.wires:
            return self.wires[variable]
        if isinstance(variable, SharedVariable):
            brick: Any = get_brick(variable)
            if brick not in places or not variable.name:
                raise BuilderError(
                    f"{variable!r} is a shared variable but not a parameter of a brick; make it a "
                    "parameter of your own brick"
                )
            return {"parameter": f"{places[brick]}.{variable.name}"}
        assert variable.owner is not None
        tensor = variable.owner.leaves[0]
        values = tensor.detach().cpu().numpy()
        return {"value": Encoder().value(values)}


def apply_by_name(bound: Any, inputs: dict[str, Any], options: Mapping[str, Any]) -> list[Variable]:
    """Apply a brick to named inputs, and return a list of outputs."""
    # A method with *args may wrap a method that has another name for the input.
    kinds = [p.kind for p in bound.application.signature.parameters.values()]
    alone = Parameter.VAR_POSITIONAL in kinds and list(inputs) == bound.inputs[:1]
    args = [inputs.pop(name) for name in list(inputs)] if alone else []
    outputs: list[Variable] = bound(*args, **inputs, **options, as_list=True)
    return outputs


def _functions(variable: Variable, given: Mapping[str, Variable]) -> list[str]:
    """Return the names of the functions that compute a variable from `given`, in a fixed order."""
    ends = set(given.values())
    found: list[str] = []
    waiting, seen = [variable], {variable}
    while waiting:
        here = waiting.pop()
        if here.owner is None or here in ends:
            continue
        found.append(here.owner.name)
        fresh = [v for v in here.owner.inputs if v not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return found


def default_wire(brick: str, method: str, output: str) -> str:
    """Return the default name of an output of an application."""
    return f"{brick}_{method}_{output}"


def application_of(variable: Variable) -> ApplicationCall | None:
    """Return the application call that outputs a variable, or None if there is none."""
    call = get_application_call(variable)
    return call if call is not None and has_roles(variable, [OUTPUT]) else None


def given_to(call: ApplicationCall, output: Variable) -> dict[str, Variable]:
    """Return the inputs of a call that affect one of its outputs, keyed by name."""
    found: dict[str, Variable] = {}
    waiting, seen = [output], {output}
    while waiting:
        variable = waiting.pop()
        if variable.owner is None:
            continue
        copied = variable.owner.function is identity and has_roles(variable, [INPUT])
        if copied and get_application_call(variable) is call:
            found.setdefault(variable.tag.name, variable.owner.inputs[0])
            continue
        fresh = [v for v in variable.owner.inputs if v not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return found


def _is_constant(variable: Variable) -> bool:
    return variable.owner is not None and not variable.owner.inputs and (
        variable.owner.name == "_constant"
    )  # fmt: skip


def _operands(variable: Variable) -> list[Variable]:
    return [] if variable.owner is None else list(variable.owner.inputs)


def _position(name: str) -> int:
    """Return the number in the default name of an output, such as ``output_1``, or 0."""
    number = name.removeprefix("output_")
    return int(number) if number.isdecimal() else 0


def _parts(value: Any) -> list[Any]:
    """Return the values in nested lists, tuples and slices as a flat list."""
    return [
        part
        for one in operations.flat(value)
        for part in ([one.start, one.stop, one.step] if isinstance(one, slice) else [one])
    ]
