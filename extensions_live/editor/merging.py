"""Functions that copy parts of documents and add them to a document under unused names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from extensions_live.editor.document import Document, Group, is_wire
from extensions_live.editor.nodes import point, removed, tidied, with_nodes_for_bricks
from extensions_live.editor.settings import references, with_names
from extensions_live.editor.wiring import rewired
from workbench.builder.fields import Json, free_name
from workbench.errors import BuilderError

BESIDE = 40.0
"""Horizontal and vertical distance between a copy and the original."""


def part_of(document: Document, nodes: Iterable[str]) -> Document:
    """Return a document that contains only some nodes and the edges between them.

    `nodes` must also include all bricks that these nodes refer to. The position of a node whose
    group is not included becomes relative to the canvas.
    """
    nodes = list(nodes)
    wanted = {document.check(node) for node in nodes}
    if not wanted:
        raise BuilderError("no nodes are selected")
    inside = set(document.inside(wanted))
    groups = {
        name for name in document.groups if name in wanted or wanted & set(document.around(name))
    }
    others = [node for node in document.ids() if node not in inside and node not in document.groups]
    outer = {
        name: replace(group, members=tuple(m for m in group.members if m in inside | groups))
        for name, group in document.groups.items()
        if name in groups
    }
    whole = replace(document, groups={})
    part = tidied(replace(removed(whole, others) if others else whole, groups=outer))
    known = part.ids()
    places = {node: place for node, place in document.spec.positions.items()
              if node.partition("/")[0] in known}  # fmt: skip
    for node in [node for node in places if document.around(node) != part.around(node)]:
        place = _on_canvas(document, node)
        if place is None:
            del places[node]
        else:
            places[node] = place
    return replace(part, spec=replace(part.spec, positions=places))


def _on_canvas(document: Document, node: str) -> tuple[float, float] | None:
    """Return a node's position on the whole canvas; None if a required position is unknown."""
    found = [document.spec.positions.get(one) for one in (node, *document.around(node))]
    known = [place for place in found if place is not None]
    if len(known) < len(found):
        return None
    return sum(x for x, _ in known), sum(y for _, y in known)


def duplicated(document: Document, nodes: Sequence[str]) -> tuple[Document, list[str]]:
    """Copy nodes; return the new document and the ids of the outermost copies.

    If all the nodes are in the same group, the copies are also in this group.
    """
    chosen = [document.check(node) for node in nodes]
    outermost = [node for node in chosen if not {*document.around(node)} & {*chosen}]
    parents = {document.parent(node) for node in outermost}
    group = parents.pop() if len(parents) == 1 else None
    part = part_of(document, chosen)
    part = replace(part, spec=replace(part.spec, cost=None))
    if group is not None:  # positions are relative to the group
        places = {node: document.spec.positions[node] for node in outermost
                  if node in document.spec.positions}  # fmt: skip
        part = part.placed(places)
    found, new = merged(document, beside(part), None)
    if group is not None:
        own = found.groups[group]
        grown = replace(own, members=(*own.members, *new))
        found = replace(found, groups={**found.groups, group: grown})
    return found, new


def merged(
    document: Document,
    part: Document,
    position: object,
    inputs: Mapping[str, str] | None = None,
    *,
    outer: Document | None = None,
) -> tuple[Document, list[str]]:
    """Add the nodes of `part`; return the new document and the ids of the outermost new nodes.

    Parameters
    ----------
    document, part : Document
    position : pair of numbers or None
        The position of the top left corner of the new nodes, which keep their arrangement.
    inputs : dict of str to str, optional
        A mapping from the input names of `part` to the wires of `document` that replace them.
    outer : Document, optional
        The document that `part` was taken from. The connections from other nodes of `outer` to
        nodes of `part` are recreated where `document` has a wire with the same name.
    """
    part = with_nodes_for_bricks(_without_dangling(part))
    given = inputs or {}
    names = _free_names(part.bricks, document.bricks)
    temporary = {name: f"{name}@new" for name in names}  # so that new names do not collide
    part = with_names(with_names(part, temporary), {temporary[n]: new for n, new in names.items()})
    taken = document.wires()
    wires: dict[str, str] = {}
    for wire in part.makers:
        wires[wire] = given.get(wire) or free_name(wire, taken)
        taken.add(wires[wire])
    part = rewired(part, lambda wire: wires[wire])
    ids: dict[str, str] = {}
    replaced = {node for node, name in part.inputs.items() if name in given.values()}
    known = set(document.ids())
    for node in part.ids():
        if node not in replaced:
            ids[node] = free_name(_wish(part, node), known)
            known.add(ids[node])
    places = _places(part, ids, position, set(document.spec.positions.values()))
    spec = document.spec
    groups = {
        ids[node]: Group(group.name, tuple(ids[m] for m in group.members if m in ids))
        for node, group in part.groups.items()
    }
    spec = replace(
        spec,
        bricks=(*spec.bricks, *part.spec.bricks),
        inputs=(
            *spec.inputs, *(one for one in part.spec.inputs if one.name not in given.values()),
        ),
        calls=(*spec.calls, *(replace(call, id=ids[call.id]) for call in part.spec.calls)),
        cost=spec.cost or part.spec.cost,
        monitored=(*spec.monitored, *part.spec.monitored) if document.chosen else spec.monitored,
        positions={**spec.positions, **places},
    )  # fmt: skip
    result = replace(
        document,
        spec=spec,
        inputs={
            **document.inputs,
            **{ids[node]: name for node, name in part.inputs.items() if node not in replaced},
        },
        groups={**document.groups, **groups},
        opened=document.opened | {_moved(node, ids) for node in part.opened},
        frozen=document.frozen | part.frozen,
    )
    if outer is not None:
        result = _joined(result, part, outer, ids, document.wires())
    result = tidied(result.with_calls(result.spec.calls))
    return result, [new for node, new in ids.items() if part.parent(node) is None]


def _joined(
    result: Document, part: Document, outer: Document, ids: Mapping[str, str], known: set[str]
) -> Document:
    """Connect the new nodes to the same outside wires as the original nodes in `outer`."""
    inner = {wire for node in part.ids() if node in outer.ids() and node not in part.groups
             for wire in outer.outputs(node)}  # fmt: skip
    calls = result.calls
    for node, new in ids.items():
        if node not in outer.calls or new not in calls:
            continue
        inputs = dict(calls[new].inputs)
        for name, given in outer.calls[node].inputs.items():
            left = inputs.get(name)
            rest = list(left if isinstance(left, list) else [] if left is None else [left])
            found: list[Json] = []
            for one in given if isinstance(given, list) else [given]:
                if is_wire(one) and one not in inner:
                    found += [one] if one in known else []
                elif rest:
                    found.append(rest.pop(0))
            if found:
                inputs[name] = found if isinstance(given, list) else found[0]
        calls = {**calls, new: replace(calls[new], inputs=inputs)}
    return replace(result, spec=replace(result.spec, calls=tuple(calls.values())))


def _wish(part: Document, node: str) -> str:
    if node in part.groups:
        return node
    call = part.calls.get(node)
    name = part.title(node) if call is None or call.brick is None else call.brick
    return name.replace("/", ".")


def _moved(node: str, ids: Mapping[str, str]) -> str:
    top, slash, below = node.partition("/")
    return ids.get(top, top) + slash + below


def _free_names(wanted: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    known = set(taken)
    found: dict[str, str] = {}
    for name in wanted:
        found[name] = free_name(name, known)
        known.add(found[name])
    return found


def _places(
    part: Document,
    ids: Mapping[str, str],
    position: object,
    taken: Collection[tuple[float, float]],
) -> dict[str, tuple[float, float]]:
    places = part.spec.positions
    # The positions of members of groups are relative to their groups, so they do not change.
    outer = {node: at for node, at in places.items() if node in ids and part.parent(node) is None}
    left = above = 0.0
    if position is None:  # a copy must not hide the original
        while any((x + left, y + above) in taken for x, y in outer.values()):
            left = above = left + BESIDE
    else:
        x, y = point(position)
        left = x - min((at[0] for at in outer.values()), default=0.0)
        above = y - min((at[1] for at in outer.values()), default=0.0)
        if not outer:
            first = next((node for node in ids if part.parent(node) is None), None)
            outer = {} if first is None else {first: (0.0, 0.0)}
    return {
        _moved(node, ids): (x + left, y + above) if node in outer else (x, y)
        for node, (x, y) in {**places, **outer}.items()
        if node.partition("/")[0] in ids
    }


def _without_dangling(part: Document) -> Document:
    """Check that a part has all required bricks, and remove edges from missing nodes."""
    known, bricks = part.wires(), set(part.bricks)
    for brick in part.spec.bricks:
        missing = references([dict(brick.settings), dict(brick.changes)]) - bricks
        if missing:
            raise BuilderError(
                f"{brick.name} uses the brick {sorted(missing)[0]}, which is not among the nodes; "
                "include both bricks"
            )
    calls = []
    for call in part.spec.calls:
        if call.brick is not None and call.brick.partition("/")[0] not in bricks:
            raise BuilderError(f"the brick {call.brick!r:.60} is missing")
        inputs: dict[str, Json] = {}
        for name, given in call.inputs.items():
            listed = given if isinstance(given, list) else [given]
            if references(listed) - bricks:
                raise BuilderError(f"{call.id} uses a parameter of a brick that is missing")
            left = [one for one in listed if not is_wire(one) or one in known]
            if left:
                inputs[name] = left if isinstance(given, list) else left[0]
        calls.append(replace(call, inputs=inputs))
    return part.with_calls(calls)


def beside(part: Document) -> Document:
    """Return a part with its nodes moved next to the original nodes."""
    places = {node: (x + BESIDE, y + BESIDE) for node, (x, y) in part.spec.positions.items()
              if "/" not in node and part.parent(node) is None}  # fmt: skip
    return part.placed(places)
