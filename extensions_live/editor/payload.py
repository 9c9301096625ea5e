"""The contents of a board for the page, created from a document and its shapes and faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extensions_live.editor import forms
from extensions_live.editor.anatomy import anatomies, entries, is_cost
from extensions_live.editor.checking import Check, first_fault, flops_of, node_fault, shape_text
from extensions_live.editor.document import Document, is_wire
from extensions_live.editor.grouping import Border, border
from extensions_live.editor.icons import icon
from extensions_live.editor.inside_nodes import insides
from extensions_live.editor.wiring import methods, monitored, output_names
from extensions_live.messages import (
    BoardEdge,
    BoardInput,
    BoardNode,
    BoardOutput,
    NodeFault,
)
from workbench.builder import CallSpec, Method
from workbench.builder.operations import BY_NAME
from workbench.utils.texts import short


class Drawing:
    """The nodes and edges of a document, as data that a page can draw.

    Parameters
    ----------
    document : Document
    check : Check
        The shapes, counts and faults of the document.

    Attributes
    ----------
    nodes : list of BoardNode
    edges : list of BoardEdge
    """

    def __init__(self, document: Document, check: Check) -> None:
        self.document = document
        self.check = check
        self.known = anatomies(document.spec)
        self.methods = methods(document)
        self.monitored = set(monitored(document))
        self.hidden = {
            node
            for node in document.ids()
            if any(around not in document.opened for around in document.around(node))
        }
        self.borders = {
            group: border(document, group, self.methods)
            for group in document.groups
            if group not in document.opened and group not in self.hidden
        }
        self.nodes: list[BoardNode] = []
        self.edges: list[BoardEdge] = []
        self._draw()

    def _draw(self) -> None:
        document = self.document
        for node in document.groups:
            if node not in self.hidden:
                self.nodes.append(self._group(node))
        for node in document.inputs:
            if node not in self.hidden:
                self.nodes.append(self._input(node))
        for call in document.spec.calls:
            if call.id not in self.hidden:
                drawn = self._call(call)
                self.nodes.append(drawn)
                if drawn["open"]:
                    nodes, edges = insides(document, call, drawn, self.check, self.known)
                    self.nodes += nodes
                    self.edges += edges
        self.edges = [*self._edges(), *self.edges]

    # Nodes.

    def _input(self, node: str) -> BoardNode:
        given = self.document.input(node)
        outputs = [self._output(node, given.name, given.name)]
        settings = forms.of_input(given)
        text = "Input data of the model."
        drawn = self._node(node, "input", given.dtype, text, outputs=outputs, settings=settings)
        drawn["fields"] = [forms.field_data(field) for field in forms.INPUT]
        drawn["fault"] = self._fault(node)
        return drawn

    def _call(self, call: CallSpec) -> BoardNode:
        method = self.methods[call.id]
        names = output_names(self.document, call.id)
        outputs = [
            self._output(call.id, name, wire)
            for name, wire in zip(names, call.outputs, strict=True)
        ]
        inputs = [_port(call, method, name) for name in [p.name for p in method.inputs or ()]]
        if call.operation is not None:
            operation = BY_NAME.get(call.operation)
            text = "" if operation is None else operation.text
            settings = forms.of_operation(call)
            node = self._node(call.id, "operation", call.operation, text, inputs, outputs, settings)
            node["fields"] = [forms.field_data(field) for field in forms.numbers(call)]
            node["flops"] = flops_of(self.document, call.id, self.check)
            node["fault"] = self._fault(call.id)
            return node
        return self._brick(call, inputs, outputs)

    def _brick(
        self, call: CallSpec, inputs: list[BoardInput], outputs: list[BoardOutput]
    ) -> BoardNode:
        name, _, below = (call.brick or "").partition("/")
        brick = self.document.bricks[name]
        anatomy = self.known[name]
        kind = anatomy.parts.get(below, "") if below else brick.type
        given: Mapping[str, Any] = brick.changes.get(below, {}) if below else brick.settings
        state = self.check.bricks.get(name)
        inferred = {} if state is None else state.inferred.get(below, {})
        entry = entries("brick").get(kind)
        parts = [path for path in anatomy.parts if path.startswith(f"{below}/" if below else "")]
        node = self._node(
            call.id, "cost" if is_cost(kind) else "brick", kind,
            "" if entry is None else entry.text, inputs, outputs,
            forms.of_brick(kind, given, inferred),
        )  # fmt: skip
        node["methods"] = [method.name for method in anatomy.methods] if not below else []
        node["method"] = call.method
        node["parameters"] = None if state is None else state.parameters
        if below and state is not None:
            node["parameters"] = state.parameters_of_parts.get(below)
        node["flops"] = flops_of(self.document, call.id, self.check)
        node["fault"] = self._fault(call.id)
        node["open"] = call.id in self.document.opened if parts and not below else None
        node["frozen"] = name in self.document.frozen
        return node

    def _group(self, node: str) -> BoardNode:
        inside = self.document.inside([node])
        inputs: list[BoardInput] = []
        outputs: list[BoardOutput] = []
        found: Border | None = self.borders.get(node)
        for member, name in found.inputs if found else ():
            port = _port(self.document.calls[member], self.methods[member], name)
            inputs.append({**port, "name": f"{member}/{name}"})
        for member, name in found.outputs if found else ():
            names = output_names(self.document, member)
            wire = self.document.outputs(member)[names.index(name)]
            outputs.append({**self._output(member, name, wire), "name": f"{member}/{name}"})
        text = f"A group of {len(inside)} nodes."
        drawn = self._node(node, "group", "group", text, inputs, outputs)
        tops = [self.document.brick_of(one) for one in inside]
        bricks = {top for top in tops if top is not None}
        states = [self.check.bricks.get(name) for name in sorted(bricks)]
        numbers = [None if state is None else state.parameters for state in states]
        known = [number for number in numbers if number is not None]
        drawn["parameters"] = sum(known) if len(known) == len(numbers) else None
        drawn["flops"] = flops_of(self.document, node, self.check)
        if node not in self.document.opened:
            first = first_fault(inside, self.check)
            drawn["fault"] = None if first is None else self._fault(first)
        drawn["open"] = node in self.document.opened
        drawn["frozen"] = bool(bricks) and bricks <= self.document.frozen
        return drawn

    def _fault(self, node: str) -> NodeFault | None:
        call, method = self.document.calls.get(node), self.methods.get(node)
        return node_fault(self.check.faults.get(node), self.document.title(node), call, method)

    def _node(
        self,
        node: str,
        kind: Any,
        type: str,
        text: str,
        inputs: list[BoardInput] | None = None,
        outputs: list[BoardOutput] | None = None,
        settings: Any = None,
    ) -> BoardNode:
        document = self.document
        outputs = outputs or []
        wires = {output["wire"]: output["name"] for output in outputs}
        parent = document.parent(node)
        return {
            "id": node,
            "kind": kind,
            "type": type,
            "title": document.title(node),
            "text": text,
            "icon": icon(kind, type),
            "parent": parent,
            "position": document.spec.positions.get(node),
            "inputs": inputs or [],
            "outputs": outputs,
            "methods": [],
            "method": None,
            "settings": settings or [],
            "fields": [],
            "parameters": None,
            "flops": None,
            "fault": None,
            "open": None,
            "editable": True,
            "cost": wires.get(document.spec.cost or ""),
            "monitored": [name for wire, name in wires.items() if wire in self.monitored],
            "frozen": False,
        }

    def _output(self, node: str, name: str, wire: str) -> BoardOutput:
        kind = self.check.wires.get(wire)
        return {"name": name, **shape_text(kind), "wire": wire}

    # Edges.

    def _edges(self) -> list[BoardEdge]:
        found: list[BoardEdge] = []
        makers = self.document.makers
        for call in self.document.spec.calls:
            fault = self.check.faults.get(call.id)
            for name, given in call.inputs.items():
                several = isinstance(given, list)
                for index, wire in enumerate(given if isinstance(given, list) else [given]):
                    if not is_wire(wire) or wire not in makers:
                        continue
                    source, number = makers[wire]
                    output = output_names(self.document, source)[number]
                    start, end = self._shown(source, output), self._shown(call.id, name)
                    if start[0] == end[0] and start[0] in self.document.groups:
                        continue
                    found.append({
                        "id": f"{call.id}.{name}.{index}",
                        "source": start[0],
                        "output": start[1],
                        "target": end[0],
                        "input": end[1],
                        "index": index if several else None,
                        **shape_text(self.check.wires.get(wire)),
                        "fault": fault is not None and fault.input == name and not fault.missing,
                        "from_inside": False,
                        "to_inside": False,
                    })  # fmt: skip
        return found

    def _shown(self, node: str, port: str) -> tuple[str, str]:
        """Return the node and port to draw; a closed group is drawn in place of the nodes in it."""
        closed = [one for one in self.document.around(node) if one not in self.document.opened]
        return (closed[-1], f"{node}/{port}") if closed else (node, port)


def _port(call: CallSpec, method: Method, name: str) -> BoardInput:
    port = next(port for port in method.inputs or () if port.name == name)
    given = call.inputs.get(name)
    constant = None
    if isinstance(given, Mapping):
        constant = short(str(given.get("parameter", given.get("value"))), 60)
    return {"name": name, "many": port.many, "optional": port.optional, "constant": constant}
