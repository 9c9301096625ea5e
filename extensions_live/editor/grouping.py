"""Functions that create and dissolve groups of nodes, and find the ports of closed groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from extensions_live.editor.document import Document, Group, wires_of
from extensions_live.editor.wiring import output_names
from workbench.builder import Method
from workbench.errors import BuilderError

Place = tuple[float, float]
INSIDE: Place = 28.0, 84.0
"""Offset of the first member from the corner of its group, as on the page."""


def grouped(document: Document, nodes: Iterable[str], name: str | None) -> tuple[Document, str]:
    """Group `nodes`; return the new document and the id of the group."""
    wanted = list(dict.fromkeys(document.check(node) for node in nodes))
    chosen = [node for node in wanted if not set(document.around(node)) & set(wanted)]
    if not chosen:
        raise BuilderError("no nodes are selected; select the nodes to group first")
    parents = {document.parent(node) for node in chosen}
    if len(parents) > 1:
        raise BuilderError(
            "the nodes are in different groups; select nodes that are in the same group"
        )
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise BuilderError(f"the name of a group must be a nonempty string, not {name!r:.60}")
    node = document.free_id("group")
    label = name or node
    groups = dict(document.groups)
    parent = parents.pop()
    if parent is not None:
        rest = tuple(m for m in groups[parent].members if m not in chosen)
        groups[parent] = replace(groups[parent], members=(*rest, node))
    groups[node] = Group(label, tuple(n for n in document.ids() if n in chosen))
    spec = replace(document.spec, positions=_moved_in(document, node, chosen))
    opened = document.opened | {node}
    return replace(document, spec=spec, groups=groups, opened=opened), node


def _moved_in(document: Document, group: str, members: list[str]) -> dict[str, Place]:
    """Return the positions of all nodes after `members` have been moved into a new group.

    The group begins at the height of its first member and therefore covers nothing above this
    member. The positions of the members are relative to the group and leave space for its heading.
    If a member has no position, the page arranges all members.
    """
    places = dict(document.spec.positions)
    known = [places.pop(node) for node in members if node in places]
    if known:
        left, top = (min(place[axis] for place in known) - INSIDE[axis] for axis in (0, 1))
        places[group] = left, top + INSIDE[1]
        if len(known) == len(members):
            moved = {n: (x - left, y - top) for n, (x, y) in zip(members, known, strict=True)}
            places.update(moved)
    return places


def _moved_out(document: Document, group: str) -> dict[str, Place]:
    """Return the positions of a group's members relative to the surrounding group or board.

    The members move up by the height of the group's heading. If the group has not been moved, they
    return to their positions before grouping.
    """
    places = dict(document.spec.positions)
    start = places.pop(group, None)
    for node in document.groups[group].members:
        place = places.pop(node, None)
        if place is not None and start is not None:
            places[node] = place[0] + start[0], place[1] + start[1] - INSIDE[1]
    return places


def dissolved(document: Document, node: str) -> Document:
    """Return a document without a group; the members of the group are kept."""
    group = document.groups[node]
    parent = document.parent(node)
    groups = {name: one for name, one in document.groups.items() if name != node}
    if parent is not None:
        members = [m for m in groups[parent].members if m != node]
        groups[parent] = replace(groups[parent], members=(*members, *group.members))
    spec = replace(document.spec, positions=_moved_out(document, node))
    return replace(document, spec=spec, groups=groups, opened=document.opened - {node})


@dataclass(frozen=True)
class Border:
    """The ports of a closed group, each as a node inside the group and a port of this node."""

    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]


def border(document: Document, node: str, known: dict[str, Method]) -> Border:
    """Return the ports of a group's members that are unconnected or connected to outside nodes."""
    members = set(document.inside([node]))
    makers = document.makers
    inputs: list[tuple[str, str]] = []
    outputs: dict[tuple[str, str], None] = {}
    inner: set[str] = set()
    outer: set[str] = set()
    for call in document.spec.calls:
        wires = set(wires_of(call))
        (inner if call.id in members else outer).update(wires)
        if call.id not in members:
            continue
        for port in known[call.id].inputs or ():
            given = call.inputs.get(port.name)
            sources = given if isinstance(given, list) else [given]
            from_outside = any(
                isinstance(one, str) and makers.get(one, ("",))[0] not in members for one in sources
            )
            if from_outside or (given is None and not port.optional):
                inputs.append((call.id, port.name))
    shown = {document.spec.cost, *document.spec.monitored}
    for member in document.inside([node]):
        for name, wire in zip(
            output_names(document, member), document.outputs(member), strict=True
        ):
            if wire in outer or wire not in inner or wire in shown:
                outputs[member, name] = None
    return Border(tuple(inputs), tuple(outputs))
