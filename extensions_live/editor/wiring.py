"""Edits of a document that connect outputs to inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from extensions_live.editor.anatomy import anatomies, is_cost, method_of
from extensions_live.editor.document import Document, is_wire, wires_of, with_wires
from workbench.builder import CallSpec, Method, Port
from workbench.builder.convert import is_numbered
from workbench.builder.fields import Json, free_name
from workbench.builder.graph import default_wire
from workbench.errors import BuilderError, nearest

PORT = "{node} has no {side} {name!r}{hint}; its {side}s: {names}"
PART = "the edges inside a brick cannot be edited, so unpack the brick of {node!r} first"

MAIN_INPUTS = ("input_", "x", "y_hat")
"""Inputs that an edge can be moved to if the new method does not have the original input."""


def methods(document: Document) -> dict[str, Method]:
    """Return the method that each call of a document applies, keyed by node."""
    found: dict[str, Method] | None = vars(document).get("_methods")
    if found is None:
        known = anatomies(document.spec)
        found = {call.id: method_of(call, known) for call in document.spec.calls}
        vars(document)["_methods"] = found
    return found


def endpoint(document: Document, node: object, port: object) -> tuple[str, str]:
    """Return the node and port that a port of a node or group represents.

    The name of a group's port consists of the id of a node in the group, a slash, and the name of
    the node's port.
    """
    if isinstance(node, str) and "/" in node and node not in document.ids():
        raise BuilderError(PART.format(node=node))
    document.check(node)
    assert isinstance(node, str)
    if not isinstance(port, str):
        raise BuilderError(f"the name of a port must be a string, not {port!r:.60}")
    if node not in document.groups:
        return node, port
    member, _, name = port.partition("/")
    if member not in document.inside([node]):
        raise BuilderError(
            f"the group {document.title(node)} has no port {port!r}; the names of its ports have "
            "the form 'linear/output'"
        )
    return member, name


def connected(
    document: Document, source: object, output: object, target: object, input_: object
) -> Document:
    """Return a document with an output connected to an input.

    A previous connection is replaced, unless the input accepts several edges.
    """
    source, output = endpoint(document, source, output)
    target, input_ = endpoint(document, target, input_)
    wire = wire_of(document, source, output)
    call = document.call(target)
    port = input_port(document, call, input_)
    given: Json = wire
    if port.many:
        before = call.inputs.get(input_, [])
        given = [*(before if isinstance(before, list) else [before]), wire]
    return document.with_call(replace(call, inputs={**call.inputs, input_: given}))


def disconnected(document: Document, target: object, input_: object, index: int | None) -> Document:
    """Return a document without the edges to an input or, given an index, without that edge."""
    target, input_ = endpoint(document, target, input_)
    call = document.call(target)
    if input_ not in call.inputs:
        input_port(document, call, input_)
        raise BuilderError(f"nothing is connected to {document.title(target)}.{input_}")
    given = call.inputs[input_]
    rest = {name: one for name, one in call.inputs.items() if name != input_}
    if index is not None and isinstance(given, list):
        if type(index) is not int or not 0 <= index < len(given):
            raise BuilderError(
                f"{document.title(target)}.{input_} has {len(given)} edges; there is no edge "
                f"{index!r:.20}"
            )
        left = [one for number, one in enumerate(given) if number != index]
        rest = {**call.inputs, input_: left} if left else rest
    return document.with_call(replace(call, inputs=rest))


def wire_of(document: Document, node: str, output: str) -> str:
    """Return the wire of a node's output."""
    names = output_names(document, node)
    if output not in names:
        raise _missing(document, node, "output", output, names)
    return document.outputs(node)[names.index(output)]


def output_names(document: Document, node: str) -> list[str]:
    """Return the names of a node's outputs."""
    if node in document.inputs:
        return [document.inputs[node]]
    call = document.call(node)
    names = [port.name for port in methods(document)[node].outputs or ()]
    extra = [f"output_{number}" for number in range(len(names), len(call.outputs))]
    return [*names, *extra][: len(call.outputs)]


def input_port(document: Document, call: CallSpec, name: str) -> Port:
    """Return the input `name` of a call."""
    ports = {port.name: port for port in methods(document)[call.id].inputs or ()}
    if name not in ports:
        raise _missing(document, call.id, "input", name, list(ports))
    return ports[name]


def _missing(document: Document, node: str, side: str, name: str, names: list[str]) -> BuilderError:
    return BuilderError(
        PORT.format(
            node=document.title(node), side=side, name=name, hint=nearest(name, names),
            names=", ".join(names) or "none",
        )
    )  # fmt: skip


def refreshed(document: Document, before: Mapping[str, Method]) -> Document:
    """Update the inputs and outputs of all calls after the bricks have changed.

    Parameters
    ----------
    document : Document
    before : dict of str to Method
        The methods of the calls before the edit, which determine the old output names.
    """
    now, taken = methods(document), document.wires()
    calls, dropped = [], set()
    for call in document.spec.calls:
        names = [port.name for port in now[call.id].outputs or ()]
        old_method = before.get(call.id)
        old = [] if old_method is None else [port.name for port in old_method.outputs or ()]
        undeclared = call.operation is None and names == ["output_0"] == old
        if names == old or undeclared:
            calls.append(call)
            continue
        wires = dict(zip(old, call.outputs, strict=False))
        outputs = []
        for name in names:
            wire = wires.pop(name, None)
            if wire is None:
                wire = free_name(wire_for(call, name), taken)
                taken.add(wire)
            outputs.append(wire)
        dropped |= set(wires.values())
        calls.append(replace(call, outputs=tuple(outputs)))
    ports = {node: {port.name for port in method.inputs or ()} for node, method in now.items()}
    calls = [
        replace(call, inputs={n: g for n, g in call.inputs.items() if n in ports[call.id]})
        for call in calls
    ]
    return without_wires(document.with_calls(calls), dropped)


def wire_for(call: CallSpec, output: str) -> str:
    """Return the default name of the wire for a call's output."""
    if call.operation is not None:
        return call.operation
    return default_wire((call.brick or "").rpartition("/")[2], call.method or "apply", output)


def without_wires(document: Document, gone: set[str]) -> Document:
    """Return a document whose edges, cost and monitored outputs do not use the wires in `gone`."""
    if not gone:
        return document
    spec = document.spec
    calls = [replace(call, inputs=_without(call.inputs, gone)) for call in spec.calls]
    spec = replace(
        spec,
        cost=None if spec.cost in gone else spec.cost,
        monitored=tuple(wire for wire in spec.monitored if wire not in gone),
    )
    return replace(document, spec=spec).with_calls(calls)


def _without(inputs: Mapping[str, Json], gone: set[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, given in inputs.items():
        if isinstance(given, list):
            left = [one for one in given if not (is_wire(one) and one in gone)]
            if left:
                found[name] = left
        elif not (is_wire(given) and given in gone):
            found[name] = given
    return found


def rewired(document: Document, new: Callable[[str], str]) -> Document:
    """Return a document that gives every wire the name that `new` returns for it."""
    spec = document.spec
    calls = tuple(
        replace(with_wires(call, new), outputs=tuple(map(new, call.outputs))) for call in spec.calls
    )
    spec = replace(
        spec,
        inputs=tuple(replace(given, name=new(given.name)) for given in spec.inputs),
        calls=calls,
        cost=None if spec.cost is None else new(spec.cost),
        monitored=tuple(map(new, spec.monitored)),
    )
    inputs = {node: new(name) for node, name in document.inputs.items()}
    return replace(document, spec=spec, inputs=inputs)


def is_default(call: CallSpec, wire: str, output: str) -> bool:
    """Return True if a wire has its default name, possibly followed by a number."""
    default = wire_for(call, output)
    return wire == default or is_numbered(wire, default)


def with_method(document: Document, node: str, method: object) -> Document:
    """Return a document where a node applies another method of its brick."""
    call = document.call(node)
    if call.operation is not None or call.brick is None:
        raise BuilderError(f"{document.title(node)} is an operation; only bricks have methods")
    name, _, below = call.brick.partition("/")
    known = [] if below else [one.name for one in anatomies(document.spec)[name].methods]
    if method not in known:
        raise BuilderError(
            f"{call.brick} has no method {method!r:.60}{nearest(str(method), known)}; its methods: "
            f"{', '.join(known) or 'none'}"
        )
    before = methods(document)
    bare = document.with_call(replace(call, method=str(method), settings={}, inputs={}))
    ports = [port.name for port in methods(bare)[node].inputs or ()]
    kept = {port: given for port, given in call.inputs.items() if port in ports}
    others = [given for port, given in call.inputs.items() if port not in ports]
    for port in MAIN_INPUTS:
        if others and port in ports and port not in kept:
            kept[port] = others.pop(0)
    return refreshed(bare.with_call(replace(bare.call(node), inputs=kept)), before)


def with_cost(document: Document, node: object, output: object) -> Document:
    """Return a document with an output as the cost; if `node` is None, without a cost.

    If `output` is None, the node must have exactly one output.
    """
    if node is None:
        return replace(document, spec=replace(document.spec, cost=None))
    if output is None:
        found, wire = _only_wire(document, node)
    else:
        found, name = endpoint(document, node, output)
        wire = wire_of(document, found, name)
    if found in document.inputs:
        raise BuilderError(
            f"the input {wire} cannot be the cost; connect the input to a cost brick first"
        )
    return replace(document, spec=replace(document.spec, cost=wire))


def _only_wire(document: Document, node: object) -> tuple[str, str]:
    """Return a node and the wire of its only output."""
    document.check(node)
    assert isinstance(node, str)
    wires = () if node in document.groups else document.outputs(node)
    if len(wires) != 1:
        count = "the outputs of its members" if node in document.groups else f"{len(wires)} outputs"
        raise BuilderError(
            f"{document.title(node)} has {count}; pass the name of the cost output as "
            "the second argument of set_cost"
        )
    return node, wires[0]


def with_plain_names(document: Document, node: str) -> Document:
    """Return a document with a short name for the output of a new cost.

    The first cost that is not an error rate becomes the cost of the model. If the node is not a
    cost, return the document unchanged.
    """
    call = document.calls[node]
    name = document.brick_of(node)
    if name is None or not is_cost(document.bricks[name].type) or len(call.outputs) != 1:
        return document
    old = call.outputs[0]
    rate = document.bricks[name].type == "MisclassificationRate"
    new = free_name("error_rate" if rate else "cost", document.wires())
    document = rewired(document, lambda wire: new if wire == old else wire)
    if rate or document.spec.cost is not None:
        return document
    return replace(document, spec=replace(document.spec, cost=new))


def with_monitor(document: Document, node: object, output: object, on: Any) -> Document:
    """Return a document that monitors an output or, if `on` is False, does not monitor it."""
    found, name = endpoint(document, node, output)
    wire = wire_of(document, found, name)
    kept = [one for one in monitored(document) if one != wire]
    names = (*kept, wire) if on else tuple(kept)
    return replace(document, spec=replace(document.spec, monitored=names), chosen=True)


def monitored(document: Document) -> tuple[str, ...]:
    """Return the monitored wires: the user's choice or, by default, the result of `sinks`."""
    if document.chosen:
        return document.spec.monitored
    return sinks(document)


def sinks(document: Document) -> tuple[str, ...]:
    """Return the unused wires of calls with a single output, except the cost."""
    used = {wire for call in document.spec.calls for wire in wires_of(call)}
    return tuple(
        call.outputs[0]
        for call in document.spec.calls
        if len(call.outputs) == 1
        and call.outputs[0] not in used
        and call.outputs[0] != document.spec.cost
    )
