"""The part of a graph that one application computes, with each inner application as a unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.roles import INPUT, OUTPUT, has_roles
from workbench.tensor import Variable


class Body:
    """Variables that one application computes, with each inner application as a single unit.

    Attributes
    ----------
    order : list of Variable
        The variables in topological order, including only the outputs of inner applications.
    used : dict of ApplicationCall to list of Variable
        For each inner application, its outputs that `outputs` depend on.
    """

    def __init__(self, call: ApplicationCall, outputs: list[Variable]) -> None:
        self.call = call
        self.outputs = outputs
        self.used: dict[ApplicationCall, list[Variable]] = {}
        self._boundaries: dict[Variable, dict[str, Variable]] = {}
        self._own = {name: v for v, name in self._found_inputs()}
        for variable in self._sorted(self._inputs_of_one):
            if (inner := self.unit_of(variable)) is not None:
                self.used.setdefault(inner, []).append(variable)
        for inner, variables in self.used.items():
            variables.sort(key=lambda v: v.owner.inputs[0].index if v.owner else 0)
            names = list(getattr(inner.application, "outputs", ()))
            if all(v.tag.name in names for v in variables):
                variables.sort(key=lambda v: names.index(v.tag.name))
        self.order = self._sorted(self._inputs_of_all)

    @property
    def inputs(self) -> list[tuple[str, Variable]]:
        """The application's inputs that the outputs depend on, with their names."""
        names = self.call.application.inputs
        found = sorted(
            self._own.items(), key=lambda pair: names.index(pair[0]) if pair[0] in names else 99
        )
        return found

    def inputs_for(self, given: list[Variable]) -> list[tuple[str, Variable]]:
        """Return one input for each of `given`, whether or not the outputs depend on it."""
        copies = {v.owner.inputs[0]: (n, v) for n, v in self._own.items() if v.owner is not None}
        return [copies.get(variable, (str(variable.name), variable)) for variable in given]

    def unit_of(self, variable: Variable) -> ApplicationCall | None:
        """Return the inner application with this variable as an output, or None."""
        call = get_application_call(variable)
        return call if call is not self.call and has_roles(variable, [OUTPUT]) else None

    def boundary(self, variable: Variable, inner: ApplicationCall) -> dict[str, Variable]:
        """Return the inputs of `inner` that its output `variable` depends on, keyed by name."""
        if variable not in self._boundaries:
            self._boundaries[variable] = dict(Body(inner, [variable]).inputs)
        return self._boundaries[variable]

    def _is_own_input(self, variable: Variable) -> bool:
        return get_application_call(variable) is self.call and has_roles(variable, [INPUT])

    def _found_inputs(self) -> Iterator[tuple[Variable, str]]:
        for variable in self._sorted(self._inputs_of_one):
            if self._is_own_input(variable):
                yield variable, str(variable.tag.name)

    def _inputs_of_one(self, variable: Variable) -> Iterable[Variable]:
        if self._is_own_input(variable) or variable.owner is None:
            return ()
        inner = self.unit_of(variable)
        if inner is not None:
            return self.boundary(variable, inner).values()
        return variable.owner.inputs

    def _inputs_of_all(self, variable: Variable) -> Iterable[Variable]:
        inner = None if self._is_own_input(variable) else self.unit_of(variable)
        if inner is None:
            return self._inputs_of_one(variable)
        every = (self.boundary(one, inner).values() for one in self.used[inner])
        return [v for values in every for v in values]

    def _sorted(self, inputs_of: Callable[[Variable], Iterable[Variable]]) -> list[Variable]:
        order: dict[Variable, None] = {}
        stack = list(reversed(self.outputs))
        while stack:
            variable = stack[-1]
            waiting = [v for v in inputs_of(variable) if v not in order]
            if variable in order or not waiting:
                order[stack.pop()] = None
            else:
                stack.extend(reversed(waiting))
        return list(order)
