"""Edits of a document that add and remove nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from extensions_live.editor.anatomy import anatomies
from extensions_live.editor.document import Document
from extensions_live.editor.settings import NAME, checked_json, references, split
from extensions_live.editor.wiring import (
    connected,
    methods,
    output_names,
    wire_for,
    with_plain_names,
    without_wires,
)
from workbench.builder import BrickSpec, CallSpec, InputSpec, Method, registry
from workbench.builder.construct import dtype_of
from workbench.builder.fields import Json, free_name
from workbench.builder.operations import ALIASES, BY_NAME
from workbench.errors import BuilderError, nearest

FIRST: dict[str, Json] = {
    "weights_init": {"scheme": {"type": "IsotropicGaussian", "settings": {"std": 0.05}}},
    "biases_init": {"scheme": {"type": "Constant", "settings": {"constant": 0}}},
}
"""Initialisation schemes that a new brick gets, since training requires them."""

TOGETHER: dict[str, dict[str, Json]] = {
    "MLP": {
        "activations": [{"brick": {"type": "Rectifier"}}, {"brick": {"type": "Softmax"}}],
        "dims": [None, 100, 10],
    }
}
"""Initial settings of new bricks, keyed by type; ignored if the user gives one of them."""

OF_OPERATIONS: dict[str, dict[str, Json]] = {
    "concatenate": {"dim": -1},
    "flatten": {"start_dim": 1},
    "log_softmax": {"dim": -1},
    "softmax": {"dim": -1},
    "stack": {"dim": 1},
}
"""Initial settings that make a new operation keep the examples of a batch apart.

Torch's defaults would join examples: `concatenate` along the batch, `flatten` into one vector.
"""

NAMES = {"T": "transposed"}
"""Names of the results of operations whose own names say little."""

TORCH = "torch.nn."
"""Prefix that distinguishes a torch module from a brick with the same name."""

RIGHT = 280.0
"""Horizontal distance between a new node and the node that it is connected to."""


def placed_at(document: Document, node: str, position: object) -> Document:
    """Return a document with a node at the given position; None leaves the node in place."""
    if position is None:
        return document
    return document.placed({node: point(position)})


def all_placed(document: Document, positions: object) -> Document:
    """Return a document with nodes at the given positions; None leaves all nodes in place."""
    if positions is None:
        return document
    if not isinstance(positions, Mapping):
        raise BuilderError(
            f"positions must be a dictionary that maps node ids to positions, not {positions!r:.60}"
        )
    for node in positions:
        split(document, node)
    return document.placed({node: point(place) for node, place in positions.items()})


def point(position: object) -> tuple[float, float]:
    """Return a position as floats, or raise an error if it does not consist of two numbers."""
    if isinstance(position, (list, tuple)) and len(position) == 2:
        x, y = position
        if all(type(n) in (int, float) and abs(n) < 1e9 for n in (x, y)):
            return float(x), float(y)
    raise BuilderError(f"a position must consist of two numbers, x and y, not {position!r:.60}")


def added(
    document: Document,
    type: object,
    position: object,
    name: str | None,
    after: object,
    settings: dict[str, Json],
    input_: str | None = None,
) -> tuple[Document, str]:
    """Add a brick or operation; return the new document and the id of the node."""
    if not isinstance(type, str):
        raise BuilderError(f"type must be a string, such as 'Linear', not {type!r:.60}")
    if name is not None:
        _check_name(name)
    checked_json(settings)
    plain = type.removeprefix(TORCH)  # a brick may have the same name
    if plain != type and registry.found("module", plain) is not None:
        module: Json = {"module": {"type": plain, **({"settings": settings} if settings else {})}}
        document, node = _brick(document, "TorchModule", name or plain.lower(), {"module": module})
    elif registry.found("brick", type) is not None:
        document, node = _brick(document, type, name, settings)
    elif (operation := BY_NAME.get(ALIASES.get(type, type))) is not None:
        document, node = _operation(document, operation.name, name, settings)
    elif registry.found("module", type) is not None:
        module = {"module": {"type": type, **({"settings": settings} if settings else {})}}
        wish = name or type.rpartition(".")[2].lower()
        document, node = _brick(document, "TorchModule", wish, {"module": module})
    else:
        known = {*registry.types("brick"), *BY_NAME, *registry.types("module")}
        raise BuilderError(
            f"there is no brick, operation or module {type!r:.60}{nearest(type, known)}; define "
            "your own class in the notebook, or register it with workbench.builder.register"
        )
    document = with_plain_names(document, node)
    if after is not None:
        document = _after(document, node, after, input_, moved=position is None)
    return placed_at(document, node, position), node


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name or set(name) & set("/.@") or name != name.strip():
        raise BuilderError(NAME.format(name=name))


def _brick(
    document: Document, type: str, name: str | None, settings: dict[str, Json]
) -> tuple[Document, str]:
    names = document.bricks
    wish = name or type.rpartition(".")[2].lower()
    if name is not None and name in names:
        free = free_name(name, names)
        raise BuilderError(
            f"there is already a brick with the name {name!r}; choose another name, such as "
            f"{free!r}"
        )
    label = free_name(wish, names)
    cls = registry.found("brick", type)
    known = {} if cls is None else registry.settings_of(cls)
    first = {key: value for key, value in FIRST.items() if key in known}
    if not TOGETHER.get(type, {}).keys() & settings.keys():
        first |= TOGETHER.get(type, {})
    brick = BrickSpec(type, label, {**first, **settings})
    document = document.with_brick(label, brick)
    anatomy = anatomies(document.spec)[label]
    method = anatomy.method("apply")
    return called(document, label, method, label)


def called(document: Document, path: str, method: Method, wish: str) -> tuple[Document, str]:
    """Add a call to a method of a brick; return the new document and the id of the node."""
    call = CallSpec(document.free_id(wish.replace("/", ".")), path, method.name)
    outputs: list[str] = []
    for port in method.outputs or ():
        outputs.append(free_name(wire_for(call, port.name), {*document.wires(), *outputs}))
    return document.with_call(replace(call, outputs=tuple(outputs))), call.id


def with_nodes_for_bricks(document: Document) -> Document:
    """Return a document with a node for every brick."""
    used = {(call.brick or "").partition("/")[0] for call in document.spec.calls}
    known = anatomies(document.spec)
    for name in document.bricks:
        if name not in used:
            document, _ = called(document, name, known[name].method("apply"), name)
    return document


def _operation(
    document: Document, operation: str, name: str | None, settings: dict[str, Json]
) -> tuple[Document, str]:
    known = BY_NAME[operation]
    for key in settings:
        if key not in known.settings:
            raise BuilderError(
                f"{operation} has no setting {key!r:.60}{nearest(key, known.settings)}; its "
                f"settings: {', '.join(known.settings) or 'none'}"
            )
    if name is not None and name in document.wires():
        raise BuilderError(
            f"there is already a variable with the name {name!r}; choose another name, such as "
            f"{free_name(name, document.wires())!r}"
        )
    wire = name or free_name(NAMES.get(operation, operation), document.wires())
    node = document.free_id(wire)
    first = OF_OPERATIONS.get(operation, {})
    call = CallSpec(node, operation=operation, settings=first | settings, outputs=(wire,))
    return document.with_call(call), node


def _after(
    document: Document, node: str, after: object, input_: str | None, *, moved: bool
) -> Document:
    """Connect a new node to an output; `after` is a node, or a node and the name of an output."""
    pair = isinstance(after, (list, tuple)) and len(after) == 2
    ends: Any = after if pair else (after, None)
    source, output = ends
    known = document.check(source)
    if known in document.groups:
        raise BuilderError(
            "a new node cannot be connected to a group; choose a node inside the group"
        )
    names = output_names(document, known)
    ports = methods(document)[node].inputs or ()
    if not ports or not names:
        lacking = document.title(node) if names else document.title(known)
        raise BuilderError(f"{lacking} has no {'input' if names else 'output'} to connect")
    output = names[0] if output is None else output
    entry = ports[0].name if input_ is None else input_
    document = connected(document, known, output, node, entry)
    if moved and known in document.spec.positions:
        x, y = document.spec.positions[known]
        document = document.placed({node: (x + RIGHT, y)})
    return document


def put_before(document: Document, node: str, before: object) -> Document:
    """Return a document that connects the first output of a node to the input `before`.

    Parameters
    ----------
    document : Document
    node : str
    before : pair of str, or None
        Another node and one of its inputs; None leaves the document unchanged.
    """
    if before is None:
        return document
    if not isinstance(before, (list, tuple)) or len(before) != 2:
        raise BuilderError(f"before must be a node and one of its inputs, not {before!r:.60}")
    names = output_names(document, node)
    if not names:
        raise BuilderError(f"{document.title(node)} has no output to connect")
    return connected(document, node, names[0], before[0], before[1])


def with_input(
    document: Document, name: str | None, shape: Sequence[int | None], dtype: str
) -> tuple[Document, str]:
    """Add an input; return the new document and the id of its node."""
    if name is not None:
        _check_name(name)
        if name in document.wires():
            raise BuilderError(
                f"there is already a variable with the name {name!r}; choose another name, such as "
                f"{free_name(name, document.wires())!r}"
            )
    label = name or free_name("x", document.wires())
    listed = list(shape) if isinstance(shape, (list, tuple)) else shape
    given = InputSpec.from_dict({"name": label, "dtype": dtype, "shape": listed}, f"inputs/{label}")
    dtype_of(dtype, f"inputs/{label}/dtype")
    node = document.free_id(label)
    spec = replace(document.spec, inputs=(*document.spec.inputs, given))
    return replace(document, spec=spec, inputs={**document.inputs, node: label}), node


def removed(document: Document, nodes: Iterable[str]) -> Document:
    """Return a document without the given nodes and without bricks that no other node applies."""
    gone = {document.check(node) for node in nodes}
    gone |= set(document.inside(gone))
    inner = {name for name in document.groups if gone & set(document.around(name))}
    gone |= inner
    spec = document.spec
    wires = {
        wire for node in gone if node not in document.groups for wire in document.outputs(node)
    }
    document = without_wires(document, wires)
    calls = [call for call in document.spec.calls if call.id not in gone]
    left = {name for call in calls if (name := (call.brick or "").partition("/")[0])}
    dropped = {document.brick_of(node) for node in gone} - left - {None}
    bricks = tuple(brick for brick in spec.bricks if brick.name not in dropped)
    _check_references(bricks, calls, {str(name) for name in dropped})
    inputs = {node: name for node, name in document.inputs.items() if node not in gone}
    kept = set(inputs.values())
    spec = replace(
        document.spec,
        bricks=bricks,
        inputs=tuple(given for given in spec.inputs if given.name in kept),
        calls=tuple(calls),
        positions={
            node: place
            for node, place in document.spec.positions.items()
            if node.partition("/")[0] not in gone
        },
    )
    return tidied(
        replace(
            document,
            spec=spec,
            inputs=inputs,
            groups={node: group for node, group in document.groups.items() if node not in gone},
            opened=frozenset(n for n in document.opened if n.partition("/")[0] not in gone),
            frozen=frozenset(p for p in document.frozen if p.partition("/")[0] not in dropped),
        )
    )


def _check_references(
    bricks: Iterable[BrickSpec], calls: Iterable[CallSpec], gone: set[str]
) -> None:
    for brick in bricks:
        for name in sorted(references([dict(brick.settings), dict(brick.changes)]) & gone):
            raise BuilderError(
                f"{brick.name} uses the brick {name}; remove {brick.name} too, or change its "
                "settings first"
            )
    for call in calls:
        for name in sorted(references(dict(call.inputs)) & gone):
            raise BuilderError(
                f"{call.brick or call.outputs[0]} uses a parameter of {name}; remove both, or "
                "connect another variable first"
            )


def tidied(document: Document) -> Document:
    """Return a document without references to missing nodes and without empty groups."""
    groups = dict(document.groups)
    while True:
        known = {*document.inputs, *document.calls, *groups}
        left = {
            node: replace(group, members=tuple(m for m in group.members if m in known))
            for node, group in groups.items()
        }
        left = {node: group for node, group in left.items() if group.members}
        if left == groups:
            break
        groups = left
    opened = frozenset(
        node for node in document.opened if node in groups or node.partition("/")[0] in known
    )
    positions = {
        node: place
        for node, place in document.spec.positions.items()
        if node.partition("/")[0] in known
    }
    spec = replace(document.spec, positions=positions)
    return replace(document, spec=spec, groups=groups, opened=opened)
