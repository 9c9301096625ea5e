"""Diagrams of computation graphs, based on the variables and the bricks that computed them.

A brick that applies other bricks is drawn as a group, and any other brick as a single node.
Operations between bricks are also nodes. Shapes, roles and counts come from the variables, so the
diagram shows changes that were made to the graph after the bricks were applied.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from workbench.diagrams.diagram import Diagram, Edge, Kind, Node
from workbench.diagrams.variables import (
    facts,
    given_to,
    labels_of,
    notes_of,
    roles_of,
    shape_text,
)
from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.graph.counts import count_flops
from workbench.graph.hierarchy import get_brick
from workbench.roles import COST, INPUT, OUTPUT, PARAMETER, has_roles
from workbench.tensor import SharedVariable, Variable, shapes
from workbench.tensor.scan import Loop
from workbench.tensor.traversal import ancestors, inputs_of
from workbench.tensor.variable import identity

SILENT = frozenset(
    ["identity", "getattr", "size", "shape", "detach", "float", "to", "scalar_tensor"]
)
"""Operations that are not drawn; edges lead directly from their inputs to later nodes."""

LARGE = 3000
"""Maximum number of variables for counting FLOPs; counting more would take too long."""

STEPS = ("new states go to the next step",)

Call = ApplicationCall | Loop
Stack = tuple[Call, ...]
"""The calls and loops that contain a variable, outermost first."""

Source = tuple[str, str]
"""The id of a node and the name of one of its outputs."""


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
    return replace(found, notes=notes_of(graph.auxiliary_variables, len(graph.updates)))


def of_graph(outputs: Sequence[Variable], title: str | None = None) -> Diagram:
    """Return the diagram of the graph that computes the given variables.

    Parameters
    ----------
    outputs : sequence of Variable
    title : str, optional
        The title; by default the names of the first three outputs.
    """
    return _Reader(list(outputs)).diagram(title or ", ".join(map(str, outputs[:3])))


class _Reader:
    """Reader that collects the nodes and edges of one graph."""

    def __init__(self, outputs: list[Variable]) -> None:
        self.outputs = outputs
        self.order = ancestors(outputs)
        self.inside: dict[Variable, Stack] = {}
        self.outer: dict[Variable, Variable | None] = {}  # the outer variable of each loop input
        self.loops: set[Loop] = set()
        self.steps: set[Variable] = set()  # the variables of these loops
        self.main = self.order
        self._find_calls(self.order, outputs, ())
        self.composite: set[Call] = {c for stack in self.inside.values() for c in stack[:-1]}
        self._open_loops()
        self.labels = labels_of(self.order)
        self.nodes: dict[str, Node] = {}
        self.edges: dict[Edge, None] = {}
        self.names: dict[object, str] = {}
        self.sources: dict[Variable, Source | None] = {}
        self.first: dict[Source, Variable] = {}  # the first variable from each source
        self.flops = self._flops()
        self.times = Counter(
            c.application.brick for c in self._calls() if isinstance(c, ApplicationCall)
        )

    # The calls that contain each variable.

    def _find_calls(
        self, order: Sequence[Variable], outputs: Sequence[Variable], base: Stack
    ) -> None:
        """Find the calls that contain each variable, outermost first, starting at the outputs."""
        inside = dict.fromkeys(outputs, base)
        for variable in reversed(order):
            around = inside.setdefault(variable, base)
            needed = self._around_inputs(variable, around)
            for one in inputs_of(variable):
                if len(needed) >= len(inside.get(one, ())):
                    inside[one] = needed
        self.inside = {**inside, **self.inside}

    def _around_inputs(self, variable: Variable, around: Stack) -> Stack:
        call = get_application_call(variable)
        if call is None:
            return around
        brick = call.application.brick
        if has_roles(variable, [OUTPUT]) and variable.owner is not None:
            calls = [one for one in around if isinstance(one, ApplicationCall)]
            same = bool(calls) and calls[-1].application.brick is brick
            return around if same else (*around, call)
        copied = variable.owner is not None and variable.owner.function is identity
        if copied and has_roles(variable, [INPUT]) and around:
            return around[:-1] if around[-1] is call else around
        return around

    def _open_loops(self) -> None:
        """Add the graph of one step of each loop that applies bricks."""
        order: list[Variable] = []
        waiting = list(reversed(self.order))
        while waiting:
            variable = waiting.pop()
            loop = None if variable.owner is None else variable.owner.function
            if not isinstance(loop, Loop) or loop in self.loops or not self._is_open(variable):
                order.append(variable)
                continue
            inner = [v for v in ancestors(loop.inner_outputs) if v not in self.inside]
            self.loops.add(loop)
            self.steps.update(inner)
            sequences, states, contexts = variable.owner.args[:3]  # type: ignore[union-attr]
            given = [*sequences, *states, *contexts]
            self.outer |= dict.fromkeys(loop.inner_inputs)
            self.outer |= dict(zip(loop.inner_inputs, given, strict=False))
            self._find_calls(inner, loop.inner_outputs, (*self.inside[variable], loop))
            self.composite |= {c for v in inner for c in self.inside[v][:-1]} | {loop}
            waiting += [variable, *reversed(inner)]
        self.order = order

    def _is_open(self, variable: Variable) -> bool:
        """Return True if the contents of the loop that computes a variable are drawn."""
        around = self.inside[variable]
        loop: Any = variable.owner.function  # type: ignore[union-attr]
        applied = any(has_roles(v, [OUTPUT]) for v in ancestors(loop.inner_outputs))
        return applied and (not around or around[-1] in self.composite)

    def _calls(self) -> list[Call]:
        return list(dict.fromkeys(call for stack in self.inside.values() for call in stack))

    # Nodes.

    def diagram(self, title: str) -> Diagram:
        """Return the diagram with all groups open."""
        for variable in self.order:
            source = self.sources[variable] = self._source(variable)
            if source is not None:
                self.first.setdefault(source, variable)
        for number, variable in enumerate(self.outputs):
            self._output(number, variable)
        parameters = [v for v in self.main if has_roles(v, [PARAMETER])]
        count = sum(math.prod(one.shape) for one in parameters)
        total = [f"{count:,} parameter{'s' * (count != 1)}"] if parameters else []
        if self.flops is not None and self.flops.get("", 0):
            total.append(f"{self.flops['']:,} FLOPs per example")
        self._remove_unused()
        nodes = _sorted(self.nodes.values())
        return Diagram(title, tuple(nodes), tuple(self.edges), " · ".join(total))

    def _remove_unused(self) -> None:
        """Remove operations whose results are not used, such as the shape of a parameter."""
        while True:
            used = {edge.source for edge in self.edges}
            containers = {node.parent for node in self.nodes.values()}
            unused = {
                id
                for id, node in self.nodes.items()
                if node.kind == "operation" and id not in used | containers
            }
            if not unused:
                return
            self.nodes = {id: node for id, node in self.nodes.items() if id not in unused}
            self.edges = {edge: None for edge in self.edges if edge.target not in unused}

    def _source(self, variable: Variable) -> Source | None:
        """Return the source of a variable, or None if the variable is not drawn.

        The source is a node and the name of its output. The node is created if necessary.
        """
        if variable.owner is None:
            return self._root(variable)
        around = self.inside[variable]
        needed = self._around_inputs(variable, around)
        if len(needed) > len(around):
            return self._outside_of(variable, needed)
        hidden = bool(around) and around[-1] not in self.composite
        if variable.is_number or hidden:
            return None
        loop = variable.owner.function
        if isinstance(loop, Loop) and loop in self.loops:
            return self._known(loop.inner_outputs[variable.index])
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
        if variable in self.outer:
            outer = self.outer[variable]
            return None if outer is None else self._known(outer)
        owned = get_brick(variable) is not None or has_roles(variable, [PARAMETER])
        if isinstance(variable, SharedVariable) and owned:
            return None
        dtype = str(variable.dtype).removeprefix("torch.")
        id = self._new(variable.name or "x")
        kind = f"shared {dtype}" if isinstance(variable, SharedVariable) else dtype
        self.nodes[id] = Node(id, str(variable), "input", kind, roles_of(variable))
        return (id, "")

    def _outside_of(self, variable: Variable, stack: Stack) -> Source | None:
        """Return the source of a call's output: a node inside the call, or the call's own node."""
        call = stack[-1]
        node = self._node_of(stack)
        if call in self.composite:
            inner = next((s for v in inputs_of(variable) if (s := self._known(v))), None)
            if inner is not None:
                return inner
        assert isinstance(call, ApplicationCall)
        for given in given_to(call, variable):
            self._edge(self._known(given), node, given)
        roles = roles_of(variable)
        if roles and call not in self.composite:
            lines = dict.fromkeys([*self.nodes[node].lines, *roles])
            self.nodes[node] = replace(self.nodes[node], lines=tuple(lines))
        return (node, variable.tag.name or "")

    def _node_of(self, stack: Stack) -> str:
        """Return the id of the innermost call's node; the node is created if necessary."""
        call = stack[-1]
        if call in self.names:
            return self.names[call]
        parent = self._node_of(stack[:-1]) if len(stack) > 1 else None
        if isinstance(call, Loop):
            id = self.names[call] = self._new("scan")
            self.nodes[id] = Node(id, "scan", "group", "for each time step", STEPS, parent)
            return id
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
                id, title, kind, name if named else "", (*lines, *roles_of(variable)), parent
            )
            for source, given in found:
                self._edge(source, id, given)
        return (id, variable.name or "")

    def _output(self, number: int, variable: Variable) -> None:
        source = self.sources[variable]
        if source is None:
            return
        id = self._new(f"output {number}")
        roles = roles_of(variable)
        self.nodes[id] = Node(id, str(variable), "output", "output", roles)
        self._edge(source, id, variable)

    def _new(self, wish: str) -> str:
        number = self.names[wish, "count"] = str(int(self.names.get((wish, "count"), "0")) + 1)
        return wish if number == "1" else f"{wish}@{number}"

    def _edge(self, source: Source | None, target: str, variable: Variable) -> None:
        if source is not None and source[0] != target:
            known = self.first.setdefault(source, variable)
            if variable in self.steps and known not in self.steps:
                variable = known  # show the shape outside the loop
            text = shape_text(variable, self.labels)
            self.edges[Edge(source[0], target, text, source[1])] = None

    def _flops(self) -> Mapping[str, int] | None:
        """Return the number of FLOPs per example for each path; the total has the path ``""``."""
        if len(self.main) > LARGE:
            return None
        inputs = [v for v in self.main if v.owner is None and not isinstance(v, SharedVariable)]
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
    """Return the nodes, sorted so that each node comes after its parent."""
    left, known = list(nodes), dict[str, Node]()
    while left:
        for node in list(left):
            if node.parent is None or node.parent in known:
                known[node.id] = node
                left.remove(node)
    return list(known.values())
