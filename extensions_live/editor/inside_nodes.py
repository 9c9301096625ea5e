"""The nodes and edges inside an opened brick on a board."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from extensions_live.editor import forms
from extensions_live.editor.anatomy import Anatomy, entries
from extensions_live.editor.checking import Check, input_kinds, node_fault, shape_text
from extensions_live.editor.document import Document
from extensions_live.editor.icons import icon
from extensions_live.editor.inside import Inside, Source, Step, inside
from extensions_live.editor.inside_module import drawn, inside_of
from extensions_live.editor.unpacking import made
from extensions_live.messages import BoardEdge, BoardNode, BoardOutput
from workbench.bricks import Brick
from workbench.bricks.inference import Kind
from workbench.builder import BrickSpec, CallSpec, Spec
from workbench.builder.operations import BY_NAME
from workbench.builder.paths import below as brick_below
from workbench.diagrams import Diagram
from workbench.errors import WorkbenchError

MOST = 2000
"""Number of bricks whose contents are cached."""

_kept: dict[str, dict[str, Inside | None]] = {}
_modules: dict[str, Diagram | None] = {}


def insides(
    document: Document,
    call: CallSpec,
    owner: BoardNode,
    check: Check,
    known: Mapping[str, Anatomy],
) -> tuple[list[BoardNode], list[BoardEdge]]:
    """Return the nodes and edges inside a node and, recursively, inside its opened parts.

    If the inputs of the node are unknown, its parts have no edges.
    """
    name = call.brick or ""
    brick = next(one for one in check.made if one.name == name)
    drawing = _Parts(document, call, check, known[name], brick)
    kinds = {k: kind for k, kind in input_kinds(document, call, check).items() if kind is not None}
    options = {k: v for k, v in call.settings.items() if not isinstance(v, (list, dict))}
    whole = bool(kinds) and len(kinds) == len(call.inputs) and call.id not in check.faults
    drawing.draw("", owner, call.method or "apply", kinds, options if whole else None)
    return drawing.nodes, drawing.edges


class _Parts:
    """The nodes and edges inside one brick."""

    def __init__(
        self,
        document: Document,
        call: CallSpec,
        check: Check,
        anatomy: Anatomy,
        brick: BrickSpec,
    ) -> None:
        self.document = document
        self.call = call
        self.check = check
        self.anatomy = anatomy
        self.brick = brick
        self.nodes: list[BoardNode] = []
        self.edges: list[BoardEdge] = []
        self._made: Brick | None = None

    def draw(
        self,
        path: str,
        owner: BoardNode,
        method: str,
        kinds: Mapping[str, Kind],
        options: Mapping[str, Any] | None,
    ) -> None:
        """Add the nodes and edges in the brick at a path; omit edges if `options` is None."""
        kind = self.anatomy.parts[path] if path else self.brick.type
        if kind == "TorchModule" and options is not None and self._module(path, owner, kinds):
            return
        found = None if options is None else self._inside(path, method, kinds, options)
        if found is None:
            for part in self._children(path):
                self._part(path, owner, Step(part, part, None, None), None)
            return
        known: dict[Source, Kind] = {("", name): kind for name, kind in kinds.items()}
        for step in found.steps:
            known.update({(step.name, name): kind for name, kind in step.outputs.items()})
        for step in found.steps:
            arriving = {
                name: known[source]
                for name, source in step.inputs.items()
                if isinstance(source, tuple) and source in known
            }
            self._part(path, owner, step, arriving)
            for name, given in step.inputs.items():
                for index, source in enumerate(given if isinstance(given, list) else [given]):
                    if isinstance(source, tuple):
                        place = index if isinstance(given, list) else None
                        self._edge(owner["id"], source, step.name, name, place, known)
        for name, end in found.outputs.items():
            if end is not None:
                self._edge(owner["id"], end, "", name, None, known)

    def _module(self, path: str, owner: BoardNode, kinds: Mapping[str, Kind]) -> bool:
        """Add the contents of a torch module; return False if they are unknown."""
        names = [output["name"] for output in owner["outputs"]]
        key = repr((self.brick.to_dict(), path, list(kinds.items()), names))
        if key not in _modules:
            brick: Any = self._brick_at(path)
            try:
                _modules[key] = None if brick is None else inside_of(brick.module, kinds, names)
            except WorkbenchError:
                _modules[key] = None  # its parts are drawn without edges
            if len(_modules) > MOST:
                del _modules[next(iter(_modules))]
        found = _modules.get(key)
        if found is None:
            return False
        nodes, edges = drawn(found, owner["id"], self.document.opened)
        for node in nodes:
            node["position"] = self.document.spec.positions.get(node["id"])
            node["frozen"] = owner["frozen"]
        self.nodes += nodes
        self.edges += edges
        return True

    def _brick_at(self, path: str) -> Brick | None:
        if self._made is None:
            shared = '"use":' in json.dumps(self.brick.to_dict())
            only = self.document.spec if shared else Spec((self.brick,))
            self._made = made(only, self.brick.name or "")
        return brick_below(self._made, path)

    def _children(self, path: str) -> list[str]:
        front = f"{path}/" if path else ""
        below = [one.removeprefix(front) for one in self.anatomy.parts if one.startswith(front)]
        return [one for one in below if "/" not in one]

    def _inside(
        self, path: str, method: str, kinds: Mapping[str, Kind], options: Mapping[str, Any]
    ) -> Inside | None:
        spec = self.document.spec
        alone = self.brick.text
        shared = '"use":' in alone
        state = json.dumps([one.to_dict() for one in spec.bricks]) if shared else alone
        key = repr((state, path, method, sorted(kinds.items()), sorted(options.items())))
        if (found := _kept.get(key)) is not None:
            return found["inside"]
        try:
            brick = self._brick_at(path)
            result = None if brick is None else inside(brick, method, kinds, options)
        except WorkbenchError:
            result = None  # the fault of the node says why
        _kept[key] = {"inside": result}
        if len(_kept) > MOST:
            del _kept[next(iter(_kept))]
        return result

    def _part(
        self, path: str, owner: BoardNode, step: Step, kinds: Mapping[str, Kind] | None
    ) -> None:
        node = f"{owner['id']}/{step.name}"
        where = "/".join(one for one in (path, step.part) if one)
        drawn = (
            self._operation(node, step) if step.part is None else self._applied(node, step, where)
        )
        drawn["parent"] = owner["id"]
        drawn["position"] = self.document.spec.positions.get(node)
        path_of_part = "/".join(one for one in (self.brick.name, where) if one)
        drawn["frozen"] = owner["frozen"] or path_of_part in self.document.frozen
        drawn["inputs"] = [
            {"name": name, "many": isinstance(given, list), "optional": False, "constant": None}
            for name, given in step.inputs.items()
            if not isinstance(given, dict)
        ]
        self.nodes.append(drawn)
        if drawn["open"] and step.part is not None:
            self.draw(where, drawn, step.method or "apply", kinds or {},
                      step.settings if kinds else None)  # fmt: skip

    def _applied(self, node: str, step: Step, where: str) -> BoardNode:
        kind = self.anatomy.parts[where]
        entry = entries("brick").get(kind)
        state = self.check.bricks.get(self.brick.name or "")
        result = self.check.calls.get(self.call.id)
        inferred = {} if state is None else state.inferred.get(where, {})
        given = self.brick.changes.get(where, {})
        text = "" if entry is None else entry.text
        drawn = _node(node, "brick", kind, step.name, text, step)
        drawn["settings"] = forms.of_brick(kind, given, inferred)
        drawn["method"] = step.method
        if state is not None:
            drawn["parameters"] = state.parameters_of_parts.get(where)
        if result is not None:
            drawn["flops"] = result.flops_of_parts.get(where)
        drawn["open"] = node in self.document.opened if self._children(where) else None
        fault = self.check.faults.get(self.call.id)
        if fault is not None and fault.brick == f"{self.brick.name}/{where}":
            drawn["fault"] = node_fault(replace(fault, fix=None), step.name)
        return drawn

    def _operation(self, node: str, step: Step) -> BoardNode:
        known = BY_NAME.get(step.operation or "")
        text = "An operation that the brick itself applies." if known is None else known.text
        return _node(node, "operation", step.operation or "", step.name, text, step)

    def _edge(
        self,
        owner: str,
        source: Source,
        target: str,
        name: str,
        index: int | None,
        known: Mapping[Source, Kind],
    ) -> None:
        end = f"{owner}/{target}" if target else owner
        self.edges.append({
            "id": f"{end}.{name}.{index or 0}" + ("" if target else ".out"),
            "source": f"{owner}/{source[0]}" if source[0] else owner,
            "output": source[1],
            "target": end,
            "input": name,
            "index": index,
            **shape_text(known.get(source)),
            "fault": False,
            "from_inside": not source[0],
            "to_inside": not target,
        })  # fmt: skip


def _node(node: str, kind: Any, type: str, title: str, text: str, step: Step) -> BoardNode:
    outputs: list[BoardOutput] = [
        {"name": name, **shape_text(found), "wire": ""} for name, found in step.outputs.items()
    ]
    return {
        "id": node, "kind": kind, "type": type, "title": title, "text": text,
        "icon": icon(kind, type), "parent": None, "position": None, "inputs": [],
        "outputs": outputs, "methods": [], "method": None, "settings": [], "fields": [],
        "parameters": None, "flops": None, "fault": None, "open": None, "editable": False,
        "cost": None, "monitored": [], "frozen": False,
    }  # fmt: skip
