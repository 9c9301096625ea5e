"""Edits of a document that change settings and names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from extensions_live.editor.anatomy import anatomies
from extensions_live.editor.document import Document
from extensions_live.editor.wiring import (
    is_default,
    methods,
    refreshed,
    rewired,
    wire_for,
)
from workbench.builder import BrickSpec, CallSpec, registry
from workbench.builder.construct import dtype_of
from workbench.builder.fields import Json, free_name
from workbench.builder.operations import BY_NAME
from workbench.builder.spec import InputSpec
from workbench.errors import BuilderError, nearest

SETTING = "{owner} has no setting {name!r}{hint}; its settings: {names}"
NAME = "a name must be a nonempty string without slashes, dots or @, not {name!r:.60}"
AGAIN = re.compile(r":\d+(?=/|$)")
"""The suffix that is added to the name of a part if the part is applied several times."""

TAKEN = "there is already {what} with the name {name!r}; choose another name, such as {free!r}"


def split(document: Document, node: object) -> tuple[str, str]:
    """Return the id of a node and, if `node` names a part of its brick, the path of the part."""
    if isinstance(node, str) and node not in document.ids():
        top, _, below = node.partition("/")
        if below and document.brick_of(top) is not None:
            return top, below
    return document.check(node), ""


def place_of(document: Document, node: object) -> tuple[str, str]:
    """Return the name of a node's top-level brick, and the path of a part, which may be empty."""
    top, below = split(document, node)
    path = document.calls[top].brick if top in document.calls else None
    if path is None:
        raise BuilderError(f"{document.title(top)} is not a brick")
    name, _, inner = path.partition("/")
    below = "/".join(part for part in (inner, below) if part)
    if below:
        parts = anatomies(document.spec)[name].parts
        if below not in parts:  # a repeated application has a number after the part's name
            below = AGAIN.sub("", below)
        if below not in parts:
            raise BuilderError(f"{name} has no part {below!r}{nearest(below, parts)}")
    return name, below


def type_of(document: Document, name: str, below: str) -> str:
    """Return the type of a top-level brick or of its part at the path `below`."""
    if not below:
        return document.bricks[name].type
    return anatomies(document.spec)[name].parts[below]


def changed(document: Document, node: object, setting: object, value: Json) -> Document:
    """Return a document with a new value for a setting of a node."""
    checked_json(value)
    top, _ = split(document, node)
    before = methods(document)
    if top in document.inputs:
        return _input(document, top, setting, value)
    if top in document.groups:
        raise BuilderError(f"the group {document.title(top)} has no settings, only a name")
    call = document.call(top)
    if call.operation is not None:
        return _operation(document, call, setting, value)
    name, below = place_of(document, node)
    _known(type_of(document, name, below), setting)
    brick = document.bricks[name]
    if below:
        inner = {**brick.changes.get(below, {}), str(setting): value}
        brick = replace(brick, changes={**brick.changes, below: inner})
    else:
        brick = replace(brick, settings={**brick.settings, str(setting): value})
    return refreshed(document.with_brick(name, brick), before)


def unset(document: Document, node: object, setting: object) -> Document:
    """Return a document with an inferred or default value for a setting of a node."""
    top, _ = split(document, node)
    before = methods(document)
    if top in document.inputs or top in document.groups:
        raise BuilderError(f"{document.title(top)} has no settings that can be reset")
    call = document.call(top)
    if call.operation is not None:
        settings = {key: one for key, one in call.settings.items() if key != setting}
        inputs = {k: g for k, g in call.inputs.items() if k != setting or not _constant(g)}
        if len(settings) == len(call.settings) and len(inputs) == len(call.inputs):
            raise BuilderError(f"{document.title(top)}: {setting!r:.60} is not set")
        return document.with_call(replace(call, settings=settings, inputs=inputs))
    name, below = place_of(document, node)
    brick = document.bricks[name]
    given = brick.changes.get(below, {}) if below else brick.settings
    kind = type_of(document, name, below)
    _known(kind, setting)
    if setting not in given:
        raise BuilderError(f"{document.title(top)}: {setting!r} is not set")
    left = {key: one for key, one in given.items() if key != setting}
    if not below:
        brick = replace(brick, settings=left)
    elif left:
        brick = replace(brick, changes={**brick.changes, below: left})
    else:
        rest = {path: one for path, one in brick.changes.items() if path != below}
        brick = replace(brick, changes=rest)
    return refreshed(document.with_brick(name, brick), before)


def checked_json(value: Json) -> None:
    """Raise `BuilderError` if JSON cannot represent a value."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise BuilderError(
            "the value of a setting must consist of numbers, strings, lists and JSON objects of a "
            f"specification, not {value!r:.60}"
        ) from None


def _known(kind: str, setting: object) -> None:
    cls = registry.found("brick", kind)
    known = {} if cls is None else registry.settings_of(cls)
    names = [name for name in known if name not in ("name", "children")]
    if setting not in names:
        hint = nearest(str(setting), names)
        text = SETTING.format(owner=kind, name=setting, hint=hint, names=", ".join(names) or "none")
        raise BuilderError(text)


def _constant(given: Json) -> bool:
    return isinstance(given, Mapping) and "value" in given


def _input(document: Document, node: str, setting: object, value: Json) -> Document:
    if setting not in ("shape", "dtype"):
        raise BuilderError(
            f"the input {document.title(node)} has no setting {setting!r:.60}; its settings are "
            "shape and dtype"
        )
    old = document.input(node)
    if isinstance(value, Mapping) and set(value) == {"tuple"}:
        value = value["tuple"]
    new = InputSpec.from_dict({**old.to_dict(), str(setting): value}, f"inputs/{old.name}")
    dtype_of(new.dtype, f"inputs/{old.name}/dtype")
    inputs = tuple(new if one.name == old.name else one for one in document.spec.inputs)
    return replace(document, spec=replace(document.spec, inputs=inputs))


def _operation(document: Document, call: CallSpec, setting: object, value: Json) -> Document:
    operation = BY_NAME.get(call.operation or "")
    names = [] if operation is None else [*operation.settings, *operation.inputs]
    if setting not in names:
        hint = nearest(str(setting), names)
        raise BuilderError(
            SETTING.format(owner=call.operation, name=setting, hint=hint, names=", ".join(names))
        )
    assert operation is not None
    name = str(setting)
    if name in operation.settings:
        return document.with_call(replace(call, settings={**call.settings, name: value}))
    return document.with_call(replace(call, inputs={**call.inputs, name: {"value": value}}))


# Names.


def renamed(document: Document, node: object, name: object) -> Document:
    """Return a document in which a node, a group or a part of a brick is renamed."""
    plain = isinstance(name, str) and name and not set(name) & set("/.@")
    if not isinstance(name, str) or not plain or name != name.strip():
        raise BuilderError(NAME.format(name=name))
    top, below = split(document, node)
    if document.title(top) == name and not below:
        return document
    if below:
        return _rename_part(document, top, below, name)
    if top in document.groups:
        group = replace(document.groups[top], name=name)
        return replace(document, groups={**document.groups, top: group})
    if top in document.inputs or document.calls[top].operation is not None:
        _free(name, document.wires(), "a variable")
        old = document.outputs(top)[0]
        return rewired(document, lambda wire: name if wire == old else wire)
    return _rename_brick(document, top, name)


def _free(name: str, taken: set[str], what: str) -> None:
    if name in taken:
        raise BuilderError(TAKEN.format(what=what, name=name, free=free_name(name, taken)))


def _rename_part(document: Document, top: str, below: str, name: str) -> Document:
    owner, path = place_of(document, f"{top}/{below}")
    brick = document.bricks[owner]
    inner = {**brick.changes.get(path, {}), "name": name}
    return document.with_brick(owner, replace(brick, changes={**brick.changes, path: inner}))


def _rename_brick(document: Document, node: str, name: str) -> Document:
    path = document.calls[node].brick or ""
    if "/" in path:
        raise BuilderError(f"{path} is a part of another brick; rename the part inside that brick")
    _free(name, set(document.bricks), "a brick")
    return with_names(document, {path: name})


def with_names(document: Document, names: Mapping[str, str]) -> Document:
    """Return a document with renamed top-level bricks and updated references to them.

    Wires with default names are also renamed.
    """
    known, before = methods(document), document.spec
    bricks = tuple(_rebricked(brick, names) if brick.name else brick for brick in before.bricks)
    calls, wires, taken = [], {}, document.wires()
    for call in before.calls:
        path = call.brick and moved_path(call.brick, names)
        inputs = {key: rewritten(one, names) for key, one in call.inputs.items()}
        new = replace(call, brick=path, inputs=inputs)
        outputs = [port.name for port in known[call.id].outputs or ()]
        for wire, output in zip(call.outputs, outputs, strict=False):
            if path != call.brick and is_default(call, wire, output):
                wires[wire] = free_name(wire_for(new, output), taken - {wire})
                taken.add(wires[wire])
        calls.append(new)
    frozen = frozenset(moved_path(path, names) for path in document.frozen)
    spec = replace(before, bricks=bricks, calls=tuple(calls))
    layers = {names.get(name, name): one for name, one in document.layers.items()}
    document = replace(document, spec=spec, frozen=frozen, layers=layers)
    return rewired(document, lambda wire: wires.get(wire, wire))


def moved_path(path: str, names: Mapping[str, str]) -> str:
    """Return the path of a brick or of its method after the top-level brick has been renamed."""
    end = min((i for i in (path.find("/"), path.find(".")) if i >= 0), default=len(path))
    return names.get(path[:end], path[:end]) + path[end:]


def _rebricked(brick: BrickSpec, names: Mapping[str, str]) -> BrickSpec:
    return replace(
        brick,
        name=names.get(brick.name or "", brick.name),
        settings={key: rewritten(one, names) for key, one in brick.settings.items()},
        changes={
            path: {key: rewritten(one, names) for key, one in some.items()}
            for path, some in brick.changes.items()
        },
    )


def rewritten(given: Json, names: Mapping[str, str]) -> Json:
    """Return a value whose references to bricks use the new names."""
    return _mapped(given, lambda path: moved_path(path, names))


def _mapped(given: Json, new: Callable[[str], str]) -> Json:
    if isinstance(given, list):
        return [_mapped(one, new) for one in given]
    if isinstance(given, Mapping):
        for key in ("use", "parameter"):
            if set(given) == {key} and isinstance(given[key], str):
                return {key: new(given[key])}
        return {key: _mapped(one, new) for key, one in given.items()}
    return given


def references(given: Json) -> set[str]:
    """Return the names of the top-level bricks that a value refers to."""
    found: set[str] = set()

    def note(path: str) -> str:
        found.add(path.partition("/")[0].partition(".")[0])
        return path

    _mapped(given, note)
    return found
