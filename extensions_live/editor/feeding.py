"""The inputs of a board that a new block reads, instead of inputs of its own."""

from __future__ import annotations

import math
from dataclasses import replace

from extensions_live.editor.document import Document, wires_of, with_wires
from workbench.builder import CallSpec, validate
from workbench.builder.fields import free_name
from workbench.builder.spec import InputSpec

Shape = tuple[int | None, ...]


def fed(document: Document, block: Document) -> tuple[Document, dict[str, str]]:
    """Return a block, and a mapping from its inputs to the inputs of a document that replace them.

    An input of the document replaces one with the same name, or an unread one replaces one with a
    fitting shape, if the block has no fault with it. Rows of numbers are reshaped to images.
    """
    given = {one.name: one for one in document.spec.inputs}
    read = {wire for call in document.spec.calls for wire in wires_of(call)}
    named = {one.name for one in block.spec.inputs}
    free = [one for one in given.values() if one.name not in read | named]
    found: dict[str, str] = {}
    for wanted in block.spec.inputs:
        source = given.get(wanted.name) or next((one for one in free if _fits(one, wanted)), None)
        changed = None if source is None else _with_source(block, wanted, source)
        if source is None or changed is None:
            continue
        block, found[wanted.name] = changed, source.name
        free = [one for one in free if one is not source]
    return block, found


def _fits(source: InputSpec, wanted: InputSpec) -> bool:
    pairs = zip(source.shape, wanted.shape, strict=False)
    sizes = len(source.shape) == len(wanted.shape) and all(None in p or p[0] == p[1] for p in pairs)
    return sizes and source.dtype == wanted.dtype


def _with_source(block: Document, wanted: InputSpec, source: InputSpec) -> Document | None:
    """Return a block that reads a source with the name of the wanted input; None if it cannot."""
    if source.dtype != wanted.dtype:
        return None
    if source.shape == wanted.shape:
        return block
    direct = _with_shape(block, wanted.name, source.shape)
    faults = len(validate(block.spec))
    if len(validate(direct.spec)) <= faults:
        return direct
    reshaped = _reshaped(block, wanted, source.shape)
    return reshaped if reshaped and len(validate(reshaped.spec)) <= faults else None


def _with_shape(block: Document, name: str, shape: Shape) -> Document:
    inputs = tuple(replace(one, shape=shape) if one.name == name else one
                   for one in block.spec.inputs)  # fmt: skip
    return replace(block, spec=replace(block.spec, inputs=inputs))


def _reshaped(block: Document, wanted: InputSpec, shape: Shape) -> Document | None:
    """Return a block that reshapes its input, whose shape is given; None if the sizes differ."""
    own = [size for size in wanted.shape[1:] if size is not None]
    sizes = [size for size in shape[1:] if size is not None]
    known = len(own) == len(wanted.shape) - 1 and len(sizes) == len(shape) - 1
    if not own or not known or math.prod(own) != math.prod(sizes):
        return None
    wire = free_name("reshape", block.wires())
    call = CallSpec(
        block.free_id("reshape"),
        operation="reshape",
        inputs={"input": wanted.name},
        settings={"shape": {"tuple": [-1, *own]}},
        outputs=(wire,),
    )
    calls = (
        with_wires(one, lambda old: wire if old == wanted.name else old) for one in block.spec.calls
    )
    block = block.with_calls((call, *calls))
    return _with_shape(block, wanted.name, shape)
