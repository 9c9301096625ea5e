"""The parts of a brick and the edges between the parts, found in the graph of one application.

The brick is constructed and applied separately, and no memory is allocated for parameters. Every
application of a part is a step. Every operation of the brick between its parts is also a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.bricks import Brick
from workbench.bricks.inference import Inputs, Kind, fresh_inputs
from workbench.builder import operations
from workbench.builder.fields import Json
from workbench.builder.graph import application_of, apply_by_name, given_to
from workbench.builder.operations import flat
from workbench.builder.paths import children_of, names_of_children
from workbench.errors import BuilderError
from workbench.graph.annotations import ApplicationCall
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.variable import identity

OTHER = "..."
"""The name of operations that are not in `workbench.builder.operations`."""

Source = tuple[str, str]
"""The names of a step and one of its outputs; an input of the brick has the step ``""``."""


@dataclass
class Step:
    """One application of a part, or an operation between parts.

    Attributes
    ----------
    name : str
        The path of the part or the name of the operation, with a number if it is repeated.
    part : str or None
        The path of the part relative to the brick, or None for an operation.
    method : str or None
    operation : str or None
        The name of the operation, or `OTHER`.
    inputs : dict of str to Source, list of Sources or constant
    settings : dict of str to JSON
    outputs : dict of str to Kind
    """

    name: str
    part: str | None
    method: str | None
    operation: str | None
    inputs: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Json] = field(default_factory=dict)
    outputs: dict[str, Kind] = field(default_factory=dict)


@dataclass
class Inside:
    """The steps of one application of a brick, in order, and the sources of its outputs."""

    steps: list[Step]
    outputs: dict[str, Source | None]


def inside(
    brick: Brick, method: str, kinds: Mapping[str, Kind], options: Mapping[str, Any]
) -> Inside:
    """Apply a brick, and return the steps of the application.

    Raises
    ------
    WorkbenchError
        If the brick cannot be applied to inputs of these kinds.
    """
    with fresh_inputs(kinds) as given:
        bound = getattr(brick, method)
        outputs = apply_by_name(bound, dict(given.variables), options)
        reader = _Reader(brick, given)
        found = {output.tag.name: reader.source(output) for output in outputs}
    return Inside(reader.steps, found)


def traced(
    brick: Brick, inputs: Mapping[str, Variable], outputs: Iterable[Variable]
) -> tuple[Inside, dict[Source, Variable]]:
    """Return the steps of an earlier application of a brick, and the variable of each source.

    Parameters
    ----------
    brick : Brick
    inputs : dict of str to Variable
        The variables that the brick was applied to, keyed by input.
    outputs : iterable of Variable
        The outputs of the application.
    """
    kinds = {name: Kind.of(variable) for name, variable in inputs.items()}
    reader = _Reader(brick, Inputs(kinds, dict(inputs)))
    found = {output.tag.name: reader.source(output) for output in outputs}
    return Inside(reader.steps, found), reader.variables


class _Reader:
    """Reader that finds the steps of one application, starting from its outputs."""

    def __init__(self, brick: Brick, given: Inputs) -> None:
        self.steps: list[Step] = []
        self.variables: dict[Source, Variable] = {}
        self._inputs = given
        self._given = {variable: name for name, variable in given.variables.items()}
        self._labels = dict(zip(children_of(brick), names_of_children(brick), strict=True))
        self._sources: dict[Variable, Source | None] = {}
        self._calls: dict[ApplicationCall, Step] = {}
        self._taken: dict[str, int] = {}

    def source(self, wanted: Variable) -> Source | None:
        """Return the source of a variable, or None if it does not depend on the inputs."""
        waiting = [wanted]
        while waiting:
            here = waiting[-1]
            if here in self._sources:
                waiting.pop()
                continue
            needed = self._needed(here)
            missing = [one for one in needed if one not in self._sources]
            if missing:
                waiting += missing
            else:
                self._sources[here] = self._found(here, needed)
                waiting.pop()
        return self._sources[wanted]

    def _child(self, here: Variable) -> tuple[ApplicationCall, Brick] | None:
        """Return the call and the part that computed a variable, or None if no part computed it."""
        call: Any = application_of(here)
        if call is None:
            return None
        part = call.application.brick
        return (call, part) if part in self._labels else None

    def _needed(self, here: Variable) -> list[Variable]:
        if here in self._given or here.owner is None:
            return []
        child = self._child(here)
        if child is not None:
            return list(given_to(child[0], here).values())
        return list(here.owner.inputs)

    def _found(self, here: Variable, needed: list[Variable]) -> Source | None:
        if here in self._given:
            return ("", self._given[here])
        if here.owner is None or isinstance(here, SharedVariable):
            return None
        child = self._child(here)
        if child is not None:
            return self._applied(here, *child)
        if here.owner.function is identity:
            return self._sources[needed[0]]
        if not any(self._sources[one] for one in needed):
            return None
        return self._operated(here)

    def _applied(self, here: Variable, call: ApplicationCall, part: Brick) -> Source:
        step = self._calls.get(call)
        if step is None:
            label = self._labels[part]
            options = {name: _plain(value) for name, value in call.options.items()}
            step = Step(self._name(label), label, call.application.name, None, settings=options)
            self._calls[call] = step
            self.steps.append(step)
        for name, one in given_to(call, here).items():
            source = self._sources[one]
            if source is not None:
                step.inputs.setdefault(name, source)
        output = here.tag.name
        step.outputs.setdefault(output, self._inputs.kind(here, output))
        self.variables.setdefault((step.name, output), here)
        return (step.name, output)

    def _operated(self, here: Variable) -> Source:
        call = here.owner
        assert call is not None
        known = operations.named(call.name)
        label = OTHER if known is None else known.name
        step = Step(self._name(label), None, None, label)
        step.outputs["output"] = self._inputs.kind(here, label)
        self.variables[step.name, "output"] = here
        args = call.args[:1] if call.function is getattr else call.args
        if known is not None:
            try:
                self._fill(step, known, operations.arguments(known, args, call.kwargs))
            except BuilderError:
                known = None
        if known is None:
            step.operation = OTHER
            sources = [self._sources[one] for one in call.inputs]
            step.inputs = {f"input_{i}": one for i, one in enumerate(sources) if one}
            step.settings = {}
        self.steps.append(step)
        return (step.name, "output")

    def _fill(self, step: Step, known: operations.Operation, given: Mapping[str, Any]) -> None:
        for name, value in given.items():
            if name in known.inputs:
                step.inputs[name] = self._argument(value)
            elif any(isinstance(one, Variable) for one in flat(value)):
                raise BuilderError(f"{name} depends on a variable")
            elif value != known.settings[name]:
                step.settings[name] = _plain(value)

    def _argument(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._argument(one) for one in value]
        if isinstance(value, Variable):
            source = self._sources[value]
            if source is None:
                raise BuilderError("an argument depends on a parameter")
            return source
        return {"value": _plain(value)}

    def _name(self, wish: str) -> str:
        number = self._taken[wish] = self._taken.get(wish, 0) + 1
        return wish if number == 1 else f"{wish}:{number}"


def _plain(value: Any) -> Json:
    if isinstance(value, tuple):
        return {"tuple": [_plain(one) for one in value]}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise BuilderError(f"{value!r:.60} is not a plain value")
