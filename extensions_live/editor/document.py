"""The document of a board: a specification, which may be unfinished, and its layout.

A document is immutable; an edit returns a new document. To undo an edit, a board returns to the
previous document.

Each call and each input of the specification is a node. The id of a node is the id of its call or,
for an input, the key in `Document.inputs`. Ids do not change when a node is renamed. Inputs of
calls may be missing; in all other respects, the specification follows the rules of
`workbench.builder.spec`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from workbench.builder import CallSpec, Spec
from workbench.builder.fields import Json, check_keys, check_object, free_name
from workbench.builder.spec import BrickSpec, InputSpec, map_wires
from workbench.errors import BuilderError, nearest

FORMAT = 1
"""The version of the text format of a document."""

NODE = "there is no node {node!r}{hint}"


@dataclass(frozen=True)
class Group:
    """Group of nodes that can be drawn as one node; a group does not affect the model.

    Attributes
    ----------
    name : str
    members : tuple of str
        The ids of the nodes and groups in this group.
    """

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """A specification, with information about how it is drawn.

    Attributes
    ----------
    spec : Spec
        The specification, whose positions are keyed by the ids of nodes.
    inputs : dict of str to str
        The name of each input, keyed by the id of its node.
    groups : dict of str to Group
        The groups, keyed by id.
    opened : frozenset of str
        The ids of groups whose members are shown, and of nodes whose parts are shown.
    frozen : frozenset of str
        The names of bricks that are not trained.
    chosen : bool
        True if the user chose which outputs are monitored. Otherwise, the unused outputs that
        `wiring.sinks` returns are monitored.
    layers : dict of str to tuple of int
        For each brick with inserted layers, the numbers that identify its layers, in
        order. These numbers are needed only while a session is training the model, so the text of a
        document does not contain them.
    """

    spec: Spec = field(default_factory=Spec)
    inputs: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    opened: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()
    chosen: bool = False
    layers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    # Nodes.

    @cached_property
    def calls(self) -> dict[str, CallSpec]:
        """The calls, keyed by the ids of their nodes."""
        return {call.id: call for call in self.spec.calls}

    @cached_property
    def bricks(self) -> dict[str, BrickSpec]:
        """The bricks, keyed by name."""
        return {brick.name or "": brick for brick in self.spec.bricks}

    def ids(self) -> list[str]:
        """Return the ids of all nodes and groups."""
        return [*self.inputs, *(call.id for call in self.spec.calls), *self.groups]

    def call(self, node: str) -> CallSpec:
        """Return the call of a node.

        Raises
        ------
        BuilderError
            If there is no such node, or the node is not a call.
        """
        found = self.calls.get(node)
        if found is None:
            self.check(node)
            kind = "an input" if node in self.inputs else "a group"
            raise BuilderError(f"{self.title(node)} is {kind}; choose a brick or an operation")
        return found

    def check(self, node: object) -> str:
        """Return an id, or raise `BuilderError` if no node or group has this id."""
        known = self.ids()
        if not isinstance(node, str) or node not in known:
            raise BuilderError(NODE.format(node=node, hint=nearest(str(node), known)))
        return node

    def input(self, node: str) -> InputSpec:
        """Return the specification of an input node."""
        return next(given for given in self.spec.inputs if given.name == self.inputs[node])

    def brick_of(self, node: str) -> str | None:
        """Return the name of a node's top-level brick, or None if the node has no brick."""
        call = self.calls.get(node)
        return None if call is None or call.brick is None else call.brick.partition("/")[0]

    def title(self, node: str) -> str:
        """Return the name that the page shows for a node or group."""
        if node in self.inputs:
            return self.inputs[node]
        if node in self.groups:
            return self.groups[node].name
        call = self.calls[node]
        return call.brick or call.outputs[0]

    # Wires.

    @cached_property
    def makers(self) -> dict[str, tuple[str, int]]:
        """A mapping from each wire to the node that computes it and the index of the output."""
        found = {name: (node, 0) for node, name in self.inputs.items()}
        for call in self.spec.calls:
            found.update({wire: (call.id, number) for number, wire in enumerate(call.outputs)})
        return found

    def wires(self) -> set[str]:
        """Return the names of all wires."""
        return set(self.makers)

    def outputs(self, node: str) -> tuple[str, ...]:
        """Return the wires of a node's outputs."""
        return (self.inputs[node],) if node in self.inputs else self.calls[node].outputs

    # Groups.

    def parent(self, node: str) -> str | None:
        """Return the id of the group that directly contains a node, or None if no group does."""
        return self._parents.get(node)

    @cached_property
    def _parents(self) -> dict[str, str]:
        """The id of the group that directly contains a node or group, keyed by the member's id."""
        return {node: name for name, one in self.groups.items() for node in one.members}

    def around(self, node: str) -> list[str]:
        """Return the ids of all groups that contain a node, innermost first."""
        found: list[str] = []
        parent = self.parent(node)
        while parent is not None:
            found.append(parent)
            parent = self.parent(parent)
        return found

    def inside(self, nodes: Iterable[str]) -> list[str]:
        """Return nodes in the order of the document; each group is replaced by the nodes in it."""
        waiting, found = list(nodes), set()
        while waiting:
            node = waiting.pop()
            if node in self.groups:
                waiting += self.groups[node].members
            else:
                found.add(node)
        return [node for node in self.ids() if node in found]

    # New documents.

    def with_calls(self, calls: Iterable[CallSpec]) -> Document:
        """Return a document with the given calls, ordered so that they can be applied.

        Raises
        ------
        BuilderError
            If the calls form a cycle.
        """
        return replace(self, spec=replace(self.spec, calls=in_order(calls)))

    def with_call(self, call: CallSpec) -> Document:
        """Return a document with a call replaced or, if its id is new, added."""
        if call.id in self.calls:
            return self.with_calls(call if one.id == call.id else one for one in self.spec.calls)
        return self.with_calls([*self.spec.calls, call])

    def with_brick(self, name: str, brick: BrickSpec) -> Document:
        """Return a document with a brick replaced or, if its name is new, added."""
        bricks = {**self.bricks, name: brick}
        return replace(self, spec=replace(self.spec, bricks=tuple(bricks.values())))

    def placed(self, positions: Mapping[str, tuple[float, float]]) -> Document:
        """Return a document with additional or changed positions."""
        merged = {**self.spec.positions, **positions}
        return replace(self, spec=replace(self.spec, positions=merged))

    def with_frozen(self, frozen: Iterable[str]) -> Document:
        """Return a document whose frozen bricks are exactly `frozen`."""
        return replace(self, frozen=frozenset(frozen))

    def free_id(self, wish: str) -> str:
        """Return an unused id that is equal or similar to `wish`."""
        return free_name(wish, self.ids())

    # Text.

    def to_dict(self) -> dict[str, Json]:
        """Return the document as values that JSON can represent."""
        return {"board": FORMAT, "spec": self.spec.to_dict(), **self._drawing()}

    def _drawing(self) -> dict[str, Json]:
        """Return all fields except the specification, as values that JSON can represent."""
        return {
            "inputs": dict(self.inputs),
            "groups": {
                node: {"name": group.name, "members": list(group.members)}
                for node, group in self.groups.items()
            },
            "opened": sorted(self.opened),
            "frozen": sorted(self.frozen),
            "chosen": self.chosen,
        }

    def to_json(self) -> str:
        """Return the document as JSON text that `read` accepts."""
        spec = self.spec.to_json()
        rest = json.dumps(self._drawing(), allow_nan=False, ensure_ascii=False)
        return f'{{"board": {FORMAT}, "spec": {spec}, {rest[1:]}'


def in_order(calls: Iterable[CallSpec]) -> tuple[CallSpec, ...]:
    """Return `calls`, reordered where necessary so that each call follows its inputs.

    Raises
    ------
    BuilderError
        If the calls form a cycle.
    """
    calls = list(calls)
    maker = {wire: call.id for call in calls for wire in call.outputs}
    needed = {call.id: [maker[w] for w in wires_of(call) if w in maker] for call in calls}
    by_id = {call.id: call for call in calls}
    done: dict[str, None] = {}
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        names = " -> ".join(by_id[node].brick or node for node in error.args[1])
        raise BuilderError(
            f"this edge would close a cycle: {names}; a brick cannot depend on its own output"
        ) from None
    for call in calls:
        stack = [call.id]
        while stack:
            missing = [node for node in needed[stack[-1]] if node not in done]
            if missing:
                stack.append(missing[0])
            else:
                done[stack.pop()] = None
    return tuple(by_id[node] for node in done)


def wires_of(call: CallSpec) -> list[str]:
    """Return the wires that a call depends on."""
    found: list[str] = []
    for given in call.inputs.values():
        found += [one for one in (given if isinstance(given, list) else [given]) if is_wire(one)]
    return found


def with_wires(call: CallSpec, new: Callable[[str], Json]) -> CallSpec:
    """Return a call in which the result of `new` replaces every wire among the inputs."""
    return replace(call, inputs={name: map_wires(one, new) for name, one in call.inputs.items()})


def is_wire(given: Json) -> bool:
    """Return True if an argument of a call is the name of a wire."""
    return isinstance(given, str)


def read(text: str) -> Document:
    """Read and check a document from the result of `Document.to_json` or from a specification.

    Raises
    ------
    BuilderError
        If the text has neither of these forms, or is not valid.
    """
    try:
        given: Any = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise BuilderError(
            "the text does not describe a board; copy nodes of a board, or a specification"
        ) from None
    if isinstance(given, Mapping) and "bricks" in given:
        return drawn(Spec.from_json(text))
    found = check_keys(
        given, "", {"board", "spec"}, {"inputs", "groups", "opened", "frozen", "chosen", "nodes"}
    )
    if found["board"] != FORMAT:
        raise BuilderError(
            f"the text is in version {found['board']!r:.20} of the board format, but this "
            f"workbench reads only version {FORMAT}"
        )
    spec = Spec.from_dict(found["spec"])
    named = {node: str(name) for node, name in check_object(found.get("inputs", {}), "").items()}
    if sorted(named.values()) != sorted(given.name for given in spec.inputs):
        raise BuilderError("inputs: the names must match the inputs of the specification")
    groups = {}
    for node, one in check_object(found.get("groups", {}), "groups").items():
        group = check_keys(one, f"groups/{node}", {"name", "members"})
        groups[node] = Group(str(group["name"]), tuple(map(str, group["members"])))
    document = Document(
        replace(spec, calls=in_order(spec.calls)),
        named,
        groups,
        frozenset(map(str, found.get("opened", []))),
        frozenset(map(str, found.get("frozen", []))),
        found.get("chosen") is True,
    )
    ids = document.ids()
    if len(ids) != len(set(ids)):
        raise BuilderError("two nodes of the board have the same id")
    members = [member for group in groups.values() for member in group.members]
    if not set(members) <= set(ids) or len(members) != len(set(members)):
        raise BuilderError(
            "groups: members must be existing nodes or groups, each in at most one group"
        )
    for node in groups:
        inner = [node]
        for _ in groups:
            inner = [m for one in inner if one in groups for m in groups[one].members]
            if node in inner:
                raise BuilderError(f"groups: {node!r} contains itself")
    return document


def drawn(spec: Spec) -> Document:
    """Return a document for a specification; unnamed bricks get a name."""
    bricks = tuple(
        brick if brick.name else replace(brick, name=brick.type.rpartition(".")[2].lower())
        for brick in spec.bricks
    )
    taken: set[str] = set()
    places: dict[str, tuple[float, float]] = {}
    inputs: dict[str, str] = {}
    for given in spec.inputs:
        node = free_name(given.name.replace("/", "."), taken)
        taken.add(node)
        inputs[node] = given.name
        if given.name in spec.positions:
            places[node] = spec.positions[given.name]
    calls = []
    for call in spec.calls:
        node = free_name(suggested(call), taken)
        taken.add(node)
        calls.append(replace(call, id=node))
        for key in (call.id, call.brick, *call.outputs):
            if key is not None and key in spec.positions:
                places.setdefault(node, spec.positions[key])
    return Document(replace(spec, bricks=bricks, calls=in_order(calls), positions=places), inputs)


def suggested(call: CallSpec) -> str:
    """Return a suitable id for the node of a call."""
    wish = call.brick or (call.outputs[0] if call.outputs else call.id)
    return wish.replace("/", ".")
