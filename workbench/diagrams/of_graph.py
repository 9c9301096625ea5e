"""Diagrams of computation graphs, read from their variables and the bricks that computed them.

A brick that applies other bricks is a group; all others are one node, whatever they compute. The
operations between bricks are nodes, too. Shapes, roles and counts come from the variables, so that
also a graph that was changed after the bricks were applied is drawn as it is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from workbench.diagrams.diagram import UNKNOWN, Diagram, Edge, Kind, Node
from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.graph.counts import count_flops
from workbench.graph.hierarchy import Component, get_brick
from workbench.roles import AUXILIARY, COST, INPUT, OUTPUT, PARAMETER, has_roles
from workbench.tensor import SharedVariable, Variable, shapes
from workbench.tensor.scan import Loop
from workbench.tensor.traversal import ancestors, inputs_of
from workbench.tensor.variable import identity

PLAIN_ROLES = (INPUT, OUTPUT, PARAMETER)
"""Roles that the place of a variable in the diagram shows."""

SILENT = frozenset(
    ["identity", "getattr", "size", "shape", "detach", "float", "to", "scalar_tensor"]
)
"""Operations that are not drawn: what they are given goes on."""

LARGE = 3000
"""Number of variables above which operations are not counted, since this takes long."""

MOST_PARAMETERS = 4
"""Number of parameters of a brick that are listed."""

Source = tuple[str, str]
"""A node and the name of its output."""


class Computation(Protocol):
    """Interface of computation graphs."""

    @property
    def outputs(self) -> list[Variable]:
        """The outputs of the graph."""

    @property
    def auxiliary_variables(self) -> list[Variable]:
        """The variables with the role ``AUXILIARY``."""

    @property
    def updates(self) -> Mapping[SharedVariable, Variable]:
        """The updates in the annotations of the variables."""


def of_computation(graph: Computation) -> Diagram:
    """Return the diagram of a computation graph, with notes on its annotations."""
    found = of_graph(graph.outputs)
    return replace(found, notes=_notes(graph.auxiliary_variables, len(graph.updates)))


def of_graph(outputs: Sequence[Variable], title: str | None = None) -> Diagram:
    """Return the diagram of the graph that computes some variables.

    Parameters
    ----------
    outputs : sequence of Variable
    title : str, optional
        By default the names of the outputs.
    """
    return _Reader(list(outputs)).diagram(title or ", ".join(map(str, outputs[:3])))


class _Reader:
    """The nodes and edges of one graph."""

    def __init__(self, outputs: list[Variable]) -> None:
        self.outputs = outputs
        self.order = ancestors(outputs)
        self.inside: dict[Variable, tuple[ApplicationCall, ...]] = {}
        self._find_calls()
        self.composite = {c for stack in self.inside.values() for c in stack[:-1]}
        self.labels = _labels(self.order)
        self.nodes: dict[str, Node] = {}
        self.edges: dict[Edge, None] = {}
        self.names: dict[object, str] = {}
        self.sources: dict[Variable, Source | None] = {}
        self.given: dict[tuple[str, str], Variable] = {}
        self.flops = self._flops()
        self.times = Counter(c.application.brick for c in self._calls())

    # Which calls each variable is inside of.

    def _find_calls(self) -> None:
        """Find the calls around each variable, outermost first, from the outputs backwards."""
        self.inside = dict.fromkeys(self.outputs, ())
        for variable in reversed(self.order):
            around = self.inside.setdefault(variable, ())
            needed = self._around_inputs(variable, around)
            for one in inputs_of(variable):
                if len(needed) >= len(self.inside.get(one, ())):
                    self.inside[one] = needed

    def _around_inputs(
        self, variable: Variable, around: tuple[ApplicationCall, ...]
    ) -> tuple[ApplicationCall, ...]:
        call = get_application_call(variable)
        if call is None:
            return around
        brick = call.application.brick
        if has_roles(variable, [OUTPUT]) and variable.owner is not None:
            same = bool(around) and around[-1].application.brick is brick
            return around if same else (*around, call)
        copied = variable.owner is not None and variable.owner.function is identity
        if copied and has_roles(variable, [INPUT]) and around:
            return around[:-1] if around[-1] is call else around
        return around

    def _calls(self) -> list[ApplicationCall]:
        return list(dict.fromkeys(call for stack in self.inside.values() for call in stack))

    # Nodes.

    def diagram(self, title: str) -> Diagram:
        """Return the diagram with all groups open."""
        for variable in self.order:
            self.sources[variable] = self._source(variable)
        for number, variable in enumerate(self.outputs):
            self._output(number, variable)
        parameters = [v for v in self.order if has_roles(v, [PARAMETER])]
        count = sum(math.prod(one.shape) for one in parameters)
        total = [f"{count:,} parameter{'s' * (count != 1)}"] if parameters else []
        if self.flops is not None and self.flops.get("", 0):
            total.append(f"{self.flops['']:,} FLOPs per example")
        nodes = _sorted(self.nodes.values())
        return Diagram(title, tuple(nodes), tuple(self.edges), " · ".join(total))

    def _source(self, variable: Variable) -> Source | None:
        """Return the node that gives a variable; make it if it is new."""
        if variable.owner is None:
            return self._root(variable)
        around = self.inside[variable]
        needed = self._around_inputs(variable, around)
        if len(needed) > len(around):
            return self._outside_of(variable, needed)
        hidden = bool(around) and around[-1] not in self.composite
        if variable.is_number or hidden:
            return None
        if variable.owner.name in SILENT or variable.owner.function is identity:
            return next((s for v in inputs_of(variable) if (s := self._known(v))), None)
        found = [(s, v) for v in inputs_of(variable) if (s := self._known(v))]
        if not found:
            return None
        return self._operation(variable, found)

    def _known(self, variable: Variable) -> Source | None:
        return self.sources.get(variable)

    def _root(self, variable: Variable) -> Source | None:
        """Return the node of an input, or of a shared variable that no brick owns."""
        owned = get_brick(variable) is not None or has_roles(variable, [PARAMETER])
        if isinstance(variable, SharedVariable) and owned:
            return None
        dtype = str(variable.dtype).removeprefix("torch.")
        id = self._new(variable.name or "x")
        kind = f"shared {dtype}" if isinstance(variable, SharedVariable) else dtype
        self.nodes[id] = Node(id, str(variable), "input", kind, _roles(variable))
        return (id, "")

    def _outside_of(self, variable: Variable, stack: tuple[ApplicationCall, ...]) -> Source | None:
        """Return the source of an output of a call: what is inside of it, or its node."""
        call = stack[-1]
        node = self._node_of(stack)
        if call in self.composite:
            inner = next((s for v in inputs_of(variable) if (s := self._known(v))), None)
            if inner is not None:
                return inner
        for given in _given_to(call, variable):
            self._edge(self._known(given), node, given)
        roles = _roles(variable)
        if roles and call not in self.composite:
            lines = dict.fromkeys([*self.nodes[node].lines, *roles])
            self.nodes[node] = replace(self.nodes[node], lines=tuple(lines))
        return (node, variable.tag.name or "")

    def _node_of(self, stack: tuple[ApplicationCall, ...]) -> str:
        """Return the node of the innermost of some calls, and make those around it."""
        call = stack[-1]
        if call in self.names:
            return self.names[call]
        parent = self._node_of(stack[:-1]) if len(stack) > 1 else None
        brick: Any = call.application.brick
        id = self.names[call] = self._new(brick.path())
        kind: Kind = "group" if call in self.composite else "brick"
        cost = type(brick).__module__.endswith("bricks.cost")
        lines, count = facts(brick, call in self.composite)
        flops = None if self.flops is None else self.flops.get(brick.path())
        note = f"FLOPs of {self.times[brick]} uses" if flops and self.times[brick] > 1 else ""
        method = call.application.name
        type_ = type(brick).__name__ + ("" if method == "apply" else f".{method}")
        if kind == "brick" and cost:
            kind = "cost"
        self.nodes[id] = Node(
            id, brick.name, kind, type_, lines, parent, parameters=count, flops=flops, note=note
        )
        return id

    def _operation(self, variable: Variable, found: list[tuple[Source, Variable]]) -> Source:
        around = self.inside[variable]
        assert variable.owner is not None
        key = ("operation", variable.owner)
        id = self.names.get(key)
        if id is None:
            parent = self._node_of(around) if around else None
            name = variable.owner.name
            id = self.names[key] = self._new(name)
            named = variable.name is not None and variable.name != name
            title = f"{variable}" if named else name
            loop = isinstance(variable.owner.function, Loop)
            lines = ("a loop over time",) if loop else ()
            kind: Kind = "cost" if has_roles(variable, [COST]) else "operation"
            self.nodes[id] = Node(
                id, title, kind, name if named else "", (*lines, *_roles(variable)), parent
            )
            for source, given in found:
                self._edge(source, id, given)
        return (id, variable.name or "")

    def _output(self, number: int, variable: Variable) -> None:
        source = self.sources[variable]
        if source is None:
            return
        id = self._new(f"output {number}")
        roles = _roles(variable)
        self.nodes[id] = Node(id, str(variable), "output", "output", roles)
        self._edge(source, id, variable)

    def _new(self, wish: str) -> str:
        number = self.names[wish, "count"] = str(int(self.names.get((wish, "count"), "0")) + 1)
        return wish if number == "1" else f"{wish}@{number}"

    def _edge(self, source: Source | None, target: str, variable: Variable) -> None:
        if source is not None and source[0] != target:
            text = shape_text(variable, self.labels)
            self.edges[Edge(source[0], target, text, source[1])] = None

    def _flops(self) -> Mapping[str, int] | None:
        """Return the number of operations for one example by path; ``""`` is the total."""
        if len(self.order) > LARGE:
            return None
        inputs = [v for v in self.order if v.owner is None and not isinstance(v, SharedVariable)]
        sizes: dict[Variable | str, Sequence[int]] = {
            v: [1 if (n := shapes.known(size)) is None else n for size in v.fake.shape]
            for v in inputs if not v.is_number
        }  # fmt: skip
        try:
            found = count_flops(self.outputs, sizes)
        except Exception:  # some operations need values, or larger inputs
            return None
        return {**found.by_brick, "": found.total}


def _sorted(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes so that each comes after its parent."""
    left, known = list(nodes), dict[str, Node]()
    while left:
        for node in list(left):
            if node.parent is None or node.parent in known:
                known[node.id] = node
                left.remove(node)
    return list(known.values())


def _given_to(call: ApplicationCall, output: Variable) -> list[Variable]:
    """Return the inputs of a call on which one of its outputs depends."""
    found: dict[Variable, None] = {}
    waiting, seen = [output], {output}
    while waiting:
        variable = waiting.pop()
        if variable.owner is None:
            if not isinstance(variable, SharedVariable):
                found[variable] = None
            continue
        copied = variable.owner.function is identity and has_roles(variable, [INPUT])
        if copied and get_application_call(variable) is call:
            found[variable.owner.inputs[0]] = None
            continue
        fresh = [v for v in reversed(variable.owner.inputs) if v not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return list(found)


def shape_text(variable: Variable, labels: Mapping[object, str]) -> str:
    """Return the shape of a variable, such as ``batch × 784``."""
    if variable.is_number:
        return "a size"
    texts = []
    for size in variable.fake.shape:
        known = shapes.known(size)
        texts.append(str(known) if known is not None else labels.get(shapes.symbol(size), UNKNOWN))
    return " × ".join(texts) or "scalar"


def _labels(order: Sequence[Variable]) -> dict[object, str]:
    """Return names of unknown sizes: ``time`` and ``batch`` by the bricks that use them.

    Otherwise the first axis of an input is the batch if no other size of the input is unknown.
    """
    found: dict[object, str] = {}
    for variable in order:
        call = get_application_call(variable)
        if call is None or not has_roles(variable, [INPUT]) or variable.is_number:
            continue
        bound: Any = call.application
        if variable.tag.name in getattr(bound, "sequences", ()):
            names = ("time", "batch")
        elif variable.tag.name == "query" and variable.ndim == 3:
            names = ("batch", "time")
        else:
            continue
        for size, name in zip(variable.fake.shape, names, strict=False):
            if shapes.known(size) is None:
                found.setdefault(shapes.symbol(size), name)
    for variable in order:
        if variable.owner is not None or variable.is_number or isinstance(variable, SharedVariable):
            continue
        unknown = [i for i, n in enumerate(variable.fake.shape) if shapes.known(n) is None]
        if unknown == [0]:
            found.setdefault(shapes.symbol(variable.fake.shape[0]), "batch")
    return found


def _roles(variable: Variable) -> tuple[str, ...]:
    """Return the roles of a variable as one line; none if its place shows them."""
    roles = [role for role in variable.tag.roles if role not in PLAIN_ROLES]
    return (", ".join(map(repr, roles)),) if roles else ()


def facts(brick: Component, composite: bool) -> tuple[tuple[str, ...], int]:
    """Return the parameters of a brick, with shapes and roles, and the number of all of them."""
    own = [] if brick._parameters is None else [p for p in brick.parameters if p is not None]
    lines = []
    if not composite:
        for one in own[:MOST_PARAMETERS]:
            sizes = " × ".join(map(str, one.shape)) or "scalar"
            roles = [r for r in one.tag.roles if r is not PARAMETER]
            special = [
                r for r in roles if not any(o is not r and isinstance(o, type(r)) for o in roles)
            ]
            lines.append(" ".join([one.name or "parameter", sizes, *map(repr, special)]))
        if len(own) > MOST_PARAMETERS:
            lines.append(f"and {len(own) - MOST_PARAMETERS} more parameters")
    return tuple(lines), sum(math.prod(p.shape) for p in _all_parameters(brick))


def _all_parameters(brick: Component) -> list[Any]:
    found: dict[Any, None] = {}
    waiting, seen = [brick], {brick}
    while waiting:
        here = waiting.pop()
        if here._parameters is not None:
            found |= dict.fromkeys(p for p in here.parameters if p is not None)
        fresh = [child for child in here.children if child not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return list(found)


def _notes(auxiliary: Sequence[Variable], updates: int) -> tuple[str, ...]:
    notes = []
    listed = [v for v in auxiliary if has_roles(v, [AUXILIARY])]
    if listed:
        names = ", ".join(dict.fromkeys(map(str, listed[:12])))
        more = f" and {len(listed) - 12} more" if len(listed) > 12 else ""
        notes.append(f"Auxiliary variables: {names}{more}.")
    if updates:
        notes.append(f"{updates} update{'s' * (updates != 1)} of shared variables.")
    return tuple(notes)
