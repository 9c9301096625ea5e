"""Diagrams of ONNX files, created without running the model.

Weights in other files are not read, because the main file contains their shapes. Nodes are grouped
by the paths that exporters write into their names, such as ``/layer1/conv1/Conv``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.diagrams.diagram import UNKNOWN, Diagram, Edge, Node
from workbench.errors import ArgumentError

LARGEST = 2**31 - 1
"""Maximum size of a file in bytes, which is the limit of protobuf."""

SMALL = 1024
"""Maximum number of elements in an initialiser whose values are used to infer shapes."""

MOST_NODES = 50_000
MOST_LINES = 4
DEEPEST = 12
"""Maximum number of groups around a node."""

FLOATS = frozenset([1, 10, 11, 16, *range(17, 24)])
"""Codes of the floating-point types in ONNX."""

FIRST = ("kernel_shape", "strides", "pads", "axis", "axes", "hidden_size")
"""Attributes that are shown first."""

USUAL = {
    "dilations": 1, "strides": 1, "group": 1, "pads": 0, "ceil_mode": 0, "storage_order": 0,
    "alpha": 1, "beta": 1, "transA": 0, "transB": 0, "count_include_pad": 0, "allowzero": 0,
}  # fmt: skip
"""Usual values of attributes; an attribute with its usual value is not shown."""

MISSING = (
    "draw: reading the ONNX file {path} requires the package onnx; install it with pip install onnx"
)


def of_onnx(path: str | Path) -> Diagram:
    """Return the diagram of an ONNX file.

    Raises
    ------
    ArgumentError
        If the package onnx is missing, or if the file cannot be read.
    """
    path = Path(path)
    try:
        import onnx
    except ImportError:
        raise ArgumentError(MISSING.format(path=path)) from None
    model = _read(path, onnx)
    notes: list[str] = []
    try:
        model = _inferred(model, onnx, notes)
        found = _Reader(model, path, onnx, notes).diagram()
        texts = [one for n in found.nodes for one in (n.title, n.type, *n.lines)]
        " ".join([found.summary, *texts, *(edge.shape for edge in found.edges)])  # all are text
        return found
    except Exception as error:  # for example, protobuf accepts names that are not text
        raise ArgumentError(
            f"draw: {path} is damaged: {type(error).__name__}: {error!s:.200}"
        ) from error


def _read(path: Path, onnx: Any) -> Any:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ArgumentError(f"draw: {path} {what}; give the path of an ONNX file")
    if (size := path.stat().st_size) > LARGEST:
        raise ArgumentError(
            f"draw: {path} is {size:,} bytes long, but an ONNX file can have at most {LARGEST:,}; "
            "save its weights as external data"
        )
    try:
        model = onnx.load_model(str(path), format="protobuf", load_external_data=False)
    except Exception as error:  # protobuf has its own error types
        raise ArgumentError(
            f"draw: {path} is not an ONNX file, or is damaged: {type(error).__name__}: "
            f"{error!s:.200}"
        ) from None
    if not model.graph.node and not model.graph.output:
        raise ArgumentError(
            f"draw: {path} is not an ONNX file, or has an empty graph: no nodes and no outputs "
            "were found"
        )
    count = len(model.graph.node)
    if count > MOST_NODES:
        raise ArgumentError(
            f"draw: {path} has {count:,} nodes; at most {MOST_NODES:,} can be drawn"
        )
    return model


def _inferred(model: Any, onnx: Any, notes: list[str]) -> Any:
    """Return the model with shapes added to all values whose shapes onnx can infer."""
    light = onnx.ModelProto()
    light.CopyFrom(model)
    kept = []
    given = {one.name for one in light.graph.input}
    for one in light.graph.initializer:
        if _count(one.dims) <= SMALL and one.data_location != onnx.TensorProto.EXTERNAL:
            kept.append(one)
        elif one.name not in given:
            light.graph.input.append(
                onnx.helper.make_tensor_value_info(one.name, one.data_type, list(one.dims))
            )
    values = [onnx.TensorProto.FromString(one.SerializeToString()) for one in kept]
    del light.graph.initializer[:]
    light.graph.initializer.extend(values)
    try:
        found = onnx.shape_inference.infer_shapes(light, data_prop=True)
    except Exception as error:  # onnx raises errors of several kinds
        notes.append(f"Shapes could not be inferred: {' '.join(str(error).split()):.300}")
        return model
    del model.graph.value_info[:]
    model.graph.value_info.extend(found.graph.value_info)
    inferred = {one.name: one for one in found.graph.output}
    for one in model.graph.output:
        if one.name in inferred:
            one.CopyFrom(inferred[one.name])
    return model


def _count(dims: Iterable[int]) -> int:
    return math.prod(dims)


class _Reader:
    """Reader that collects the nodes and edges of one ONNX model."""

    def __init__(self, model: Any, path: Path, onnx: Any, notes: list[str]) -> None:
        self.graph, self.path, self.onnx, self.notes = model.graph, path, onnx, notes
        self.opset = {one.domain or "ai.onnx": one.version for one in model.opset_import}
        self.producer = model.producer_name
        self.initialisers = {one.name: one for one in self.graph.initializer}
        self.copies: set[int] = set()  # nodes that give a weight another name
        for number, node in enumerate(self.graph.node):
            if (
                node.op_type == "Identity"
                and list(node.input)[:1]
                and (node.input[0] in self.initialisers)
            ):
                self.copies.add(number)
                for out in node.output:
                    self.initialisers[out] = self.initialisers[node.input[0]]
        self.constants = self._constants()
        self.shapes = self._shapes()
        self.nodes: dict[str, Node] = {}
        self.edges: dict[Edge, None] = {}
        self.sources: dict[str, tuple[str, str]] = {}

    def _constants(self) -> set[str]:
        """Return the output names of ``Constant`` nodes."""
        return {
            out for node in self.graph.node if node.op_type == "Constant" for out in node.output
        }

    def _shapes(self) -> dict[str, str]:
        known = [*self.graph.value_info, *self.graph.input, *self.graph.output]
        return {one.name: _shape(one.type) for one in known}

    def diagram(self) -> Diagram:
        """Return the diagram with all groups open."""
        for one in self.graph.input:
            if one.name not in self.initialisers:
                self._end(one, "input")
        groups = _groups(self.graph.node)
        for number, node in enumerate(self.graph.node):
            if node.op_type != "Constant" and number not in self.copies:
                self._node(number, node, groups[number])
        self._count_groups()
        missing = self._connect()
        for one in self.graph.output:
            self._end(one, "output")
        count = sum(_count(one.dims) for one in self.graph.initializer if one.data_type in FLOATS)
        versions = ", ".join(f"{domain} {version}" for domain, version in self.opset.items())
        summary = " · ".join(
            part for part in (f"{count:,} parameters", f"opset {versions}" if versions else "",
                              self.producer) if part
        )  # fmt: skip
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            self.notes.append(
                f"The file does not define these values: {', '.join(missing[:5])}{more}."
            )
        return Diagram(
            self.path.name, tuple(self.nodes.values()), tuple(self.edges), summary,
            tuple(self.notes), count,
        )  # fmt: skip

    def _count_groups(self) -> None:
        """Count the weights in each group; a weight that is used twice is counted once."""
        held: dict[str, set[str]] = defaultdict(set)
        for number, node in enumerate(self.graph.node):
            drawn = self.nodes.get(f"node:{number}")
            names = {self.initialisers[n].name for n in node.input if n in self.initialisers}
            while drawn is not None and drawn.parent is not None:
                drawn = self.nodes[drawn.parent]
                held[drawn.id] |= names
        for id, names in held.items():
            used = [self.initialisers[name] for name in names]
            count = sum(_count(one.dims) for one in used if one.data_type in FLOATS)
            self.nodes[id] = replace(self.nodes[id], parameters=count)

    def _end(self, one: Any, kind: Any) -> None:
        id = f"{kind}:{one.name}"
        tensor = one.type.tensor_type
        dtype = self._dtype(tensor.elem_type) if tensor.elem_type else ""
        self.nodes[id] = Node(id, one.name, kind, dtype)
        if kind == "input":
            self.sources[one.name] = id, ""
        elif one.name in self.sources:
            self._edge(one.name, id)
        elif one.name not in self.initialisers and one.name not in self.constants:
            self.notes.append(f"The file does not define the output {one.name:.80}.")

    def _dtype(self, number: int) -> str:
        try:
            return str(self.onnx.TensorProto.DataType.Name(number)).lower()
        except ValueError:
            return f"type {number}"

    def _node(self, number: int, node: Any, groups: tuple[str, ...]) -> None:
        parent = None
        for depth in range(len(groups)):
            id = "/" + "/".join(groups[: depth + 1])
            self.nodes.setdefault(id, Node(id, groups[depth], "group", parent=parent))
            parent = id
        id = f"node:{number}"
        held = [one for one in node.input if one in self.initialisers]
        lines = [
            self._initialiser(name, formal)
            for name, formal in zip(node.input, self._names_of_inputs(node), strict=False)
            if name in self.initialisers
        ]
        lines = lines[:MOST_LINES]
        if len(held) > MOST_LINES:
            lines.append(f"and {len(held) - MOST_LINES} more")
        lines = [*_attributes(node, self.onnx), *lines]
        domain = node.domain if node.domain not in ("", "ai.onnx") else ""
        kind: Any = "brick" if held else "operation"
        count = sum(
            _count(one.dims) for name in held
            if (one := self.initialisers[name]).data_type in FLOATS
        )  # fmt: skip
        self.nodes[id] = Node(
            id, node.op_type or "?", kind, domain, tuple(lines), parent, parameters=count
        )
        several = len([out for out in node.output if out]) > 1
        for out in node.output:
            if out:
                self.sources[out] = id, out if several else ""

    def _names_of_inputs(self, node: Any) -> list[str]:
        """Return the names that ONNX gives to the inputs of an operation."""
        try:
            known = self.onnx.defs.get_schema(node.op_type, domain=node.domain).inputs
        except Exception:  # there is no such operation
            known = []
        names = [one.name for one in known]
        return names + [f"input_{number}" for number in range(len(names), len(node.input))]

    def _initialiser(self, name: str, formal: str) -> str:
        """Return a weight's name and shape; `formal` replaces a name such as ``x::1``."""
        one = self.initialisers[name]
        sizes = " × ".join(map(str, one.dims)) or "scalar"
        short = one.name.rpartition(".")[2].rpartition("/")[2]
        return f"{formal if '::' in short or short.isdecimal() else short} {sizes}"

    def _connect(self) -> list[str]:
        missing: dict[str, None] = {}
        for number, node in enumerate(self.graph.node):
            for name in node.input:
                if name in self.sources and f"node:{number}" in self.nodes:
                    self._edge(name, f"node:{number}")
                elif name and name not in self.initialisers and name not in self.constants:
                    missing[name] = None
        return list(missing)

    def _edge(self, name: str, target: str) -> None:
        source, port = self.sources[name]
        if source != target:
            self.edges[Edge(source, target, self.shapes.get(name, UNKNOWN), port)] = None


def _shape(kind: Any) -> str:
    """Return a shape as text; dimensions may be numbers or names."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return UNKNOWN
    sizes = []
    for one in kind.tensor_type.shape.dim:
        if one.HasField("dim_value"):
            sizes.append(str(one.dim_value))
        else:
            named = one.dim_param and not one.dim_param.startswith("unk__")
            sizes.append(one.dim_param if named else UNKNOWN)
    return " × ".join(sizes) or "scalar"


def _groups(nodes: Iterable[Any]) -> list[tuple[str, ...]]:
    """Return the groups around each node, omitting groups that contain only one node."""
    paths = []
    for node in nodes:
        parts = [part for part in node.name.split("/") if part] if "/" in node.name else []
        paths.append(tuple(parts[:-1][:DEEPEST]))
    members: Mapping[tuple[str, ...], set[int]] = defaultdict(set)
    for number, path in enumerate(paths):
        for depth in range(len(path)):
            members[path[: depth + 1]].add(number)
    found = []
    for path in paths:
        kept = [d for d in range(len(path)) if len(members[path[: d + 1]]) > 1]
        found.append(path[: max(kept) + 1] if kept else ())
    return found


def _attributes(node: Any, onnx: Any) -> list[str]:
    """Describe, in lines of text, the attributes that are graphs or have unusual numeric values."""
    texts, graphs = {}, []
    for one in node.attribute:
        values: list[float] = []
        if one.type == onnx.AttributeProto.INT:
            values = [one.i]
        elif one.type == onnx.AttributeProto.INTS:
            values = list(one.ints)
        elif one.type == onnx.AttributeProto.FLOAT:
            values = [one.f]
        elif one.type == onnx.AttributeProto.GRAPH:
            graphs.append(f"{one.name}: a graph of {len(one.g.node)} nodes")
        usual = USUAL.get(one.name)
        if 0 < len(values) <= 6 and any(value != usual for value in values):
            texts[one.name] = f"{one.name} {' × '.join(f'{value:g}' for value in values)}"
    order = sorted(texts, key=lambda name: (FIRST.index(name) if name in FIRST else 9, name))
    shown = [texts[name] for name in order[:4]]
    return [", ".join(shown[i : i + 2]) for i in range(0, len(shown), 2)] + graphs
