"""Edits of a document that insert a node into an edge, or move nodes into groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from extensions_live.editor.document import Document, is_wire
from extensions_live.editor.nodes import added, tidied
from extensions_live.editor.wiring import endpoint, input_port, methods
from workbench.builder import CallSpec
from workbench.builder.fields import Json
from workbench.errors import BuilderError


def inserted(
    document: Document,
    type: object,
    end: tuple[object, object, object],
    position: object,
    name: str | None,
    settings: dict[str, Json],
) -> tuple[Document, str]:
    """Insert a new node into the edge at `end`; return the new document and the id of the node.

    Parameters
    ----------
    document : Document
    type : str
    end : tuple of target, input and index
        The end of the edge. The index selects one of several edges to the input; it can be None if
        there is only one edge.
    position : pair of float or None
    name : str or None
    settings : dict
    """
    wire_at(document, *end)  # first, since an error about the edge is more helpful
    document, node = added(document, type, position, name, None, settings)
    return threaded(document, node, *end), node


def threaded(
    document: Document, node: object, target: object, input_: object, index: object
) -> Document:
    """Return a document where a node with an unconnected input is inserted into an edge."""
    known = document.check(node)
    call = document.call(known)
    goal, port, wire = wire_at(document, target, input_, index)
    entry = free_input(document, call)
    if not call.outputs or entry is None:
        side = "unconnected input" if call.outputs else "output"
        raise BuilderError(
            f"{document.title(known)} has no {side}, so it cannot be inserted into an edge"
        )
    if goal == known:
        raise BuilderError(f"the edge already ends at {document.title(known)}; choose another edge")
    many = input_port(document, call, entry).many
    document = document.with_call(
        replace(call, inputs={**call.inputs, entry: [wire] if many else wire})
    )
    after = document.calls[goal]
    given = after.inputs[port]
    through = call.outputs[0]
    new: Json = through
    if isinstance(given, list):
        place = given.index(wire) if index is None else index
        new = [through if number == place else one for number, one in enumerate(given)]
    document = document.with_call(replace(after, inputs={**after.inputs, port: new}))
    group = common_group(document, document.makers[wire][0], goal)
    if group != document.parent(known):
        document = grouped_with(document, [known], group)
    return document


def common_group(document: Document, node: str, other: str) -> str | None:
    """Return the innermost group that contains two nodes, or None if they share no group."""
    around = document.around(other)
    return next((group for group in document.around(node) if group in around), None)


def wire_at(
    document: Document, target: object, input_: object, index: object
) -> tuple[str, str, str]:
    """Return the node and the input where an edge ends, and the wire of the edge."""
    node, port = endpoint(document, target, input_)
    call = document.call(node)
    given = call.inputs.get(port)
    if given is None:
        input_port(document, call, port)
    listed = given if isinstance(given, list) else [given]
    wires = [one for one in listed if is_wire(one)]
    place = f"{document.title(node)}.{port}"
    if not wires:
        raise BuilderError(f"no edge ends at {place}; connect this input first")
    if index is None:
        if len(wires) > 1:
            raise BuilderError(f"{len(wires)} edges end at {place}; select an edge with index=...")
        return node, port, str(wires[0])
    if type(index) is not int or not 0 <= index < len(listed) or not is_wire(listed[index]):
        raise BuilderError(f"{place} has {len(listed)} edges; there is no edge {index!r:.20}")
    return node, port, str(listed[index])


def free_input(document: Document, call: CallSpec) -> str | None:
    """Return the first unconnected input of a call, or None if all inputs are connected.

    Required inputs are considered before optional inputs.
    """
    free = [
        port for port in methods(document)[call.id].inputs or () if port.name not in call.inputs
    ]
    required = [port.name for port in free if not port.optional]
    return next(iter([*required, *(port.name for port in free)]), None)


def grouped_with(document: Document, nodes: Iterable[object], group: object) -> Document:
    """Return a document with nodes moved into `group`, or out of all groups if `group` is None."""
    chosen = [document.check(node) for node in nodes]
    if group is not None and group not in document.groups:
        known = document.check(group)
        names = ", ".join(repr(name) for name in document.groups) or "none"
        raise BuilderError(f"{document.title(known)} is not a group; the groups are {names}")
    around = set() if group is None else {group, *document.around(str(group))}
    for node in chosen:
        if node in around:
            raise BuilderError(f"the group {document.title(node)} cannot contain itself")
    chosen = [node for node in chosen if document.parent(node) != group]
    groups = {
        name: replace(one, members=tuple(m for m in one.members if m not in chosen))
        for name, one in document.groups.items()
    }
    if group is not None:
        own = groups[str(group)]
        groups[str(group)] = replace(own, members=(*own.members, *chosen))
    # Positions are relative to the group, so the old positions are not valid in the new group.
    places = {node: at for node, at in document.spec.positions.items() if node not in chosen}
    spec = replace(document.spec, positions=places)
    return tidied(replace(document, spec=spec, groups=groups))
