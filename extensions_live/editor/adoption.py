"""Adoption of a specification, from code or the notebook, by a document that keeps node ids.

Bricks are recognised by their paths, and operations and inputs by their names. A recognised node
keeps its id, and therefore also its position and its group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from extensions_live.editor.anatomy import anatomies
from extensions_live.editor.checking import with_inferred
from extensions_live.editor.document import Document, drawn, is_wire, wires_of
from extensions_live.editor.nodes import tidied, with_nodes_for_bricks
from extensions_live.editor.settings import references
from extensions_live.editor.wiring import methods, sinks
from workbench.builder import BrickSpec, CallSpec, Spec
from workbench.builder.fields import Json, free_name

Keep = Callable[[str], bool]
"""Function that takes the name of a variable and returns True to keep it."""


def adopted(document: Document, spec: Spec, keep: Keep = lambda name: False) -> Document:
    """Return a document for a new specification, laid out like `document` where possible.

    Parameters
    ----------
    document : Document
    spec : Spec
    keep : callable
        A function that is called with the name of an unused input and returns True to keep this
        input. A specification that was derived from code does not contain unused inputs.
    """
    new = _with_unset(document, drawn(spec))
    ids = {**_inputs(document, new), **_calls(document, new)}
    taken = set(ids.values()) | set(document.groups)
    for node in new.ids():
        if node not in ids:
            ids[node] = free_name(node, {*taken, *document.ids()})
            taken.add(ids[node])
    places = {ids[node]: place for node, place in new.spec.positions.items()}
    calls = tuple(replace(call, id=ids[call.id]) for call in new.spec.calls)
    result = Document(
        replace(new.spec, calls=calls, positions={**document.spec.positions, **places}),
        {ids[node]: name for node, name in new.inputs.items()},
        document.groups,
        document.opened,
        frozenset(path for path in document.frozen if path.partition("/")[0] in new.bricks),
    )
    result = _with_unfinished(document, result, keep)
    old = document.spec.cost
    if result.spec.cost is None and old in result.wires() - new.wires():
        result = replace(result, spec=replace(result.spec, cost=old))
    return tidied(_with_chosen(_in_old_order(document, result)))


def _with_unset(old: Document, new: Document) -> Document:
    """Remove inferred settings from the new document if the old document does not set them."""
    known = {one.name: one for one in with_inferred(old).spec.bricks}
    bare: list[BrickSpec] = []
    for brick in new.spec.bricks:
        before, full = old.bricks.get(brick.name or ""), known.get(brick.name)
        unset: set[str] = set()
        if before is not None and full is not None and before.type == brick.type:
            unset = set(full.settings) - set(before.settings)
        settings = {name: value for name, value in brick.settings.items() if name not in unset}
        same = len(settings) == len(brick.settings)
        bare.append(brick if same else replace(brick, settings=settings))
    if all(a is b for a, b in zip(bare, new.spec.bricks, strict=True)):
        return new
    left = replace(new, spec=replace(new.spec, bricks=tuple(bare)))
    found = with_inferred(left).spec.bricks
    bricks = tuple(
        one if full == brick else brick
        for one, full, brick in zip(bare, found, new.spec.bricks, strict=True)
    )
    return replace(new, spec=replace(new.spec, bricks=bricks))


def _in_old_order(old: Document, new: Document) -> Document:
    """Return the new document with its bricks, inputs and calls in the old order where possible."""
    names = {name: number for number, name in enumerate(old.bricks)}
    places = {node: number for number, node in enumerate(old.ids())}
    inputs = sorted(new.inputs, key=lambda node: places.get(node, len(places)))
    given = {one.name: one for one in new.spec.inputs}
    bricks = list(new.spec.bricks)
    if not any(references([dict(one.settings), dict(one.changes)]) for one in bricks):
        bricks.sort(key=lambda one: names.get(one.name or "", len(names)))
    spec = replace(
        new.spec,
        bricks=tuple(bricks),
        inputs=tuple(given[new.inputs[node]] for node in inputs),
    )
    calls = sorted(spec.calls, key=lambda call: places.get(call.id, len(places)))
    ordered = {node: new.inputs[node] for node in inputs}
    return replace(new, spec=spec, inputs=ordered).with_calls(calls)


def _with_chosen(document: Document) -> Document:
    same = set(document.spec.monitored) == set(sinks(document))
    spec = replace(document.spec, monitored=() if same else document.spec.monitored)
    return replace(document, spec=spec, chosen=not same)


def _inputs(old: Document, new: Document) -> dict[str, str]:
    known = {name: node for node, name in old.inputs.items()}
    return {node: known[name] for node, name in new.inputs.items() if name in known}


def _calls(old: Document, new: Document) -> dict[str, str]:
    """Return a dictionary that maps the new ids of the recognised calls to their old ids."""
    found: dict[str, str] = {}
    for key in (_exact, _likely):
        waiting: dict[Any, list[str]] = {}
        for call in old.spec.calls:
            if call.id not in found.values():
                waiting.setdefault(key(old, call), []).append(call.id)
        for call in new.spec.calls:
            same = waiting.get(key(new, call))
            if call.id not in found and same:
                found[call.id] = same.pop(0)
    return found


def _exact(document: Document, call: CallSpec) -> Any:
    if call.operation is None:
        return ("brick", call.brick, call.method or "apply")
    return ("operation", call.operation, call.outputs)


def _likely(document: Document, call: CallSpec) -> Any:
    """Return a key that a call keeps when its brick or output is renamed."""
    if call.operation is None:
        name = (call.brick or "").partition("/")[0]
        return ("brick", document.bricks[name].type if name in document.bricks else None)
    return ("operation", call.operation)


def _with_unfinished(old: Document, new: Document, keep: Keep) -> Document:
    """Return the new document with the unfinished parts of the old document added."""
    broken = {name for name, one in anatomies(old.spec).items() if one.fault is not None}
    for name in broken - set(new.bricks):  # code cannot contain faulty bricks
        new = new.with_brick(name, old.bricks[name])
    inputs = dict(new.inputs)
    given = list(new.spec.inputs)
    wires = new.wires()
    for node, name in old.inputs.items():
        if node not in inputs and name not in wires and keep(name):
            inputs[node] = name
            given.append(old.input(node))
            wires.add(name)
    done = finished(old)
    bare = {call.id: call for call in new.spec.calls if not call.inputs}
    calls = {call.id: call for call in new.spec.calls}
    for call in old.spec.calls:
        present = call.id in calls
        top = (call.brick or "").partition("/")[0]
        if present and call.id not in bare:
            continue
        known = call.operation is not None or top in new.bricks
        if not present and not (known and call.id not in done):
            continue
        if not present and set(call.outputs) & wires:
            continue
        calls[call.id] = replace(calls.get(call.id, call), inputs=call.inputs)
        wires |= set(call.outputs)
    pruned = [replace(call, inputs=_existing(call.inputs, wires)) for call in calls.values()]
    result = replace(new, inputs=inputs, spec=replace(new.spec, inputs=tuple(given)))
    return with_nodes_for_bricks(result.with_calls(pruned))


def _existing(inputs: Mapping[str, Json], wires: set[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, given in inputs.items():
        if isinstance(given, list):
            left = [one for one in given if not is_wire(one) or one in wires]
            if left:
                found[name] = left
        elif not is_wire(given) or given in wires:
            found[name] = given
    return found


def finished(document: Document) -> set[str]:
    """Return the ids of the calls that can be applied because all required inputs are connected."""
    known, bricks = methods(document), anatomies(document.spec)
    wires = set(document.inputs.values())
    found: set[str] = set()
    for call in document.spec.calls:
        top = (call.brick or "").partition("/")[0]
        if call.operation is None and bricks[top].fault is not None:
            continue
        needed = [port.name for port in known[call.id].inputs or () if not port.optional]
        whole = all(name in call.inputs for name in needed) and bool(call.inputs)
        if whole and all(wire in wires for wire in wires_of(call)):
            found.add(call.id)
            wires |= set(call.outputs)
    return found


def complete(document: Document) -> Spec:
    """Return the specification without unfinished calls and without bricks that have a fault."""
    document = with_inferred(document)
    ids = finished(document)
    known = anatomies(document.spec)
    bricks = tuple(b for b in document.spec.bricks if known[b.name or ""].fault is None)
    calls = tuple(call for call in document.spec.calls if call.id in ids)
    wires = {*document.inputs.values(), *(wire for call in calls for wire in call.outputs)}
    shown = document.spec.monitored if document.chosen else sinks(
        document.with_calls(calls)
    )  # fmt: skip
    cost = document.spec.cost
    return replace(
        document.spec,
        bricks=bricks,
        calls=calls,
        cost=cost if cost in wires else None,
        monitored=tuple(wire for wire in shown if wire in wires),
        positions={
            document.inputs.get(node, node): place
            for node, place in document.spec.positions.items()
            if "/" not in node
        },
    )
