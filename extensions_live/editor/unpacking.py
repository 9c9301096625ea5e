"""The edit that replaces a brick with its parts, which become separate nodes."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from extensions_live.editor.anatomy import anatomies
from extensions_live.editor.checking import with_inferred
from extensions_live.editor.document import Document, wires_of, with_wires
from extensions_live.editor.inside import OTHER, Inside, Step, inside
from extensions_live.editor.nodes import RIGHT, tidied
from extensions_live.editor.pushing import GAP
from extensions_live.editor.settings import references
from extensions_live.editor.wiring import is_default, methods, output_names, wire_for
from workbench.bricks import Brick, symbolic_parameters
from workbench.bricks.inference import Kind
from workbench.builder import BrickSpec, CallSpec, Spec, to_spec
from workbench.builder.construct import Constructor, settle
from workbench.builder.fields import Json, free_name
from workbench.builder.paths import children_of, names_of_children
from workbench.errors import BuilderError, NotConfiguredError

HEIGHT = 50.0
"""Height of a closed node on the page."""

DOWN = HEIGHT + GAP[1]
"""Vertical distance between consecutive rows of parts."""


def made(spec: Spec, name: str) -> Brick:
    """Construct a brick of a specification, and all bricks that it refers to."""
    constructor = Constructor()
    bricks = {brick.name or "": brick for brick in spec.bricks}
    wanted, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one not in wanted and one in bricks:
            wanted.add(one)
            waiting += references([dict(bricks[one].settings), dict(bricks[one].changes)])
    for i, brick in enumerate(spec.bricks):
        if brick.name in wanted:
            constructor.top(brick, f"bricks/{i}")
    return constructor.bricks[name]


def unpacked(
    document: Document, node: str, kinds: Mapping[str, Kind | None]
) -> tuple[Document, list[str]]:
    """Replace a brick with its parts; return the new document and the ids of the new nodes.

    Parameters
    ----------
    document : Document
    node : str
    kinds : dict of str to (Kind or None)
        The shapes and dtypes of the node's inputs, keyed by name.
    """
    call = document.call(node)
    name = call.brick or ""
    _check(document, call)
    unknown = [port for port, kind in kinds.items() if kind is None]
    if unknown or not kinds:
        raise BuilderError(
            f"{name} cannot be unpacked while the shapes of its inputs are unknown; "
            "connect the inputs first"
        )
    document = with_inferred(document, [name])
    brick = made(document.spec, name)
    found = inside(
        brick, call.method or "apply", {k: v for k, v in kinds.items() if v}, _options(call)
    )
    for step in found.steps:
        if step.operation == OTHER:
            raise BuilderError(
                f"{name} cannot be unpacked: one of its own computations has no equivalent "
                "operation in the palette"
            )
    if None in found.outputs.values() or not any(step.part for step in found.steps):
        raise BuilderError(f"{name} cannot be unpacked: its outputs are not computed by its parts")
    specs, labels = _parts(document, brick, name)
    return _replaced(document, call, found, specs, labels)


def _check(document: Document, call: CallSpec) -> None:
    name = call.brick or ""
    if call.operation is not None or "/" in name:
        raise BuilderError(f"{document.title(call.id)} has no parts to unpack")
    if not anatomies(document.spec)[name].parts:
        raise BuilderError(f"{name} has no parts to unpack")
    others = [
        other for other in document.spec.calls
        if other.id != call.id and (other.brick or "").partition("/")[0] == name
    ]  # fmt: skip
    rest = [brick for brick in document.spec.bricks if brick.name != name]
    used = [
        brick.name
        for brick in rest
        if name in references([dict(brick.settings), dict(brick.changes)])
    ]
    given = [one.id for one in document.spec.calls if name in references(dict(one.inputs))]
    if others or used or given:
        where = document.title(others[0].id) if others else (used or given)[0]
        raise BuilderError(f"{name} cannot be unpacked: it is also used elsewhere ({where})")


def _options(call: CallSpec) -> dict[str, Any]:
    plain = (bool, int, float, str, type(None))
    return {name: value for name, value in call.settings.items() if isinstance(value, plain)}


def _parts(
    document: Document, brick: Brick, name: str
) -> tuple[tuple[BrickSpec, ...], dict[str, str]]:
    """Return the specifications of the parts, and a dictionary that maps old to new names."""
    with symbolic_parameters():
        settle(brick)
        with contextlib.suppress(NotConfiguredError):
            brick.push_initialization_config()
    taken = set(document.bricks) - {name}
    labels: dict[str, str] = {}
    children = children_of(brick)
    for old in names_of_children(brick):
        labels[old] = free_name(old.partition("@")[0], taken)
        taken.add(labels[old])
    brick.children = []
    for label, child in zip(labels.values(), children, strict=True):
        child.name = label
    with symbolic_parameters():
        return to_spec(*children).bricks, labels


def _replaced(
    document: Document,
    call: CallSpec,
    found: Inside,
    specs: tuple[BrickSpec, ...],
    labels: Mapping[str, str],
) -> tuple[Document, list[str]]:
    names = output_names(document, call.id)
    parent = document.parent(call.id)
    given = {
        port.name: call.inputs.get(port.name) for port in methods(document)[call.id].inputs or ()
    }
    old = dict(zip(names, call.outputs, strict=True))
    taken = document.wires() - set(call.outputs)
    wires: dict[tuple[str, str], str] = {}
    for output, source in found.outputs.items():
        if source and source[0] and output in old and not is_default(call, old[output], output):
            wires.setdefault(source, old[output])
    new: list[CallSpec] = []
    ids = set(document.ids()) - {call.id}
    for step in found.steps:
        one = _call(step, labels, given, wires, ids)
        ids.add(one.id)
        for output in step.outputs:
            if (step.name, output) not in wires:
                default = wire_for(one, output)
                wires[step.name, output] = free_name(default, {*taken, *wires.values()})
        outputs = tuple(wires[step.name, output] for output in step.outputs)
        new.append(replace(one, outputs=outputs))
    renamed = {
        old[output]: (wires[source] if source[0] else given[source[1]])
        for output, source in found.outputs.items()
        if output in old and source is not None
    }
    rest = [
        with_wires(one, lambda wire: renamed.get(wire, wire))
        for one in document.spec.calls
        if one.id != call.id
    ]
    spec = document.spec
    spec = replace(
        spec,
        bricks=(*(brick for brick in spec.bricks if brick.name != call.brick), *specs),
        cost=renamed.get(spec.cost, spec.cost) if spec.cost else None,
        monitored=tuple(str(renamed.get(wire, wire)) for wire in spec.monitored),
        positions=_places(document, call, new),
    )  # fmt: skip
    groups = dict(document.groups)
    if parent is not None:
        members = [m for m in groups[parent].members if m != call.id]
        groups[parent] = replace(groups[parent], members=(*members, *(one.id for one in new)))
    frozen = document.frozen - {call.brick or ""}
    if len(frozen) < len(document.frozen):
        frozen |= set(labels.values())
    result = replace(document, spec=spec, groups=groups, frozen=frozen)
    return tidied(result.with_calls([*rest, *new])), [one.id for one in new]


def _places(
    document: Document, call: CallSpec, new: Sequence[CallSpec]
) -> dict[str, tuple[float, float]]:
    """Return the positions after the parts have replaced a node: in rows, from top to bottom.

    The nodes below the replaced node make room for the rows.
    """
    places = dict(document.spec.positions)
    for node in [node for node in places if node.partition("/")[0] == call.id]:
        del places[node]
    start = document.spec.positions.get(call.id)
    if start is None:
        return places
    rows: dict[str, int] = {}  # the row of the call that computes a wire
    counts: Counter[int] = Counter()
    found: dict[str, tuple[float, float]] = {}
    for one in new:
        row = max((rows[wire] + 1 for wire in wires_of(one) if wire in rows), default=0)
        rows |= dict.fromkeys(one.outputs, row)
        found[one.id] = start[0] + RIGHT * counts[row], start[1] + DOWN * row
        counts[row] += 1
    parent, room = document.parent(call.id), DOWN * max(counts, default=0)
    for node, (x, y) in places.items():
        if "/" not in node and document.parent(node) == parent and y >= start[1] + HEIGHT:
            places[node] = x, y + room
    return {**places, **found}


def _call(
    step: Step,
    labels: Mapping[str, str],
    given: Mapping[str, Json],
    wires: Mapping[tuple[str, str], str],
    ids: set[str],
) -> CallSpec:
    def argument(source: Any) -> Json:
        if isinstance(source, list):
            return [argument(one) for one in source]
        if isinstance(source, dict):
            return source
        return wires[source] if source[0] else given[source[1]]

    label = labels[step.part] if step.part is not None else None
    return CallSpec(
        free_name(label or step.operation or "", ids),
        brick=label,
        method=step.method,
        operation=step.operation,
        inputs={name: argument(source) for name, source in step.inputs.items()},
        settings=step.settings,
    )
