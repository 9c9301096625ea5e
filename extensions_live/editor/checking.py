"""The shapes, totals and faults of a document's nodes, in the form shown on a page."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypedDict

from extensions_live.editor.document import Document
from extensions_live.editor.fault_sentences import sentence
from extensions_live.editor.wiring import methods
from extensions_live.messages import BoardFault, BoardSummary, FixData, NodeFault
from workbench import builder
from workbench.bricks.inference import Kind
from workbench.builder import BrickSpec, CallSpec, Method, check
from workbench.builder.validation import CheckedBrick, CheckedCall, Fault
from workbench.errors import BuilderError

_recent: deque[tuple[Document, Check]] = deque(maxlen=8)
_lock = threading.Lock()

FEW = 3
"""Maximum number of new calls in a quick check; before a slower check, a draft is drawn."""

TIMES = " \N{MULTIPLICATION SIGN} "


class ShapeText(TypedDict):
    """A shape and a dtype, both as text."""

    shape: str | None
    dtype: str | None


@dataclass(frozen=True)
class Check:
    """The shapes, counts and faults of a document.

    Attributes
    ----------
    wires : dict of str to (Kind or None)
    calls : dict of str to CheckedCall
        The results for the calls, keyed by node.
    bricks : dict of str to CheckedBrick
        The results for the top-level bricks, keyed by name.
    faults : dict of str to Fault
        The fault of each faulty node, keyed by node.
    made : tuple of BrickSpec
        The bricks of the document, including the settings that are inferred from their inputs.
    unfinished : bool
        True if some nodes of the document have not been checked yet.
    """

    wires: Mapping[str, Kind | None]
    calls: Mapping[str, CheckedCall]
    bricks: Mapping[str, CheckedBrick]
    faults: Mapping[str, Fault]
    made: tuple[BrickSpec, ...] = ()
    unfinished: bool = False


def checked(document: Document) -> Check:
    """Check a document, which may be unfinished, and cache the result."""
    with _lock:
        for known, check in _recent:
            if known is document:
                return check
    check = _checked(document)
    with _lock:
        _recent.append((document, check))
    return check


def _checked(document: Document) -> Check:
    found = check(document.spec, infer=True)
    faults: dict[str, Fault] = {}
    for call in document.spec.calls:
        brick = found.bricks.get((call.brick or "").partition("/")[0])
        result = found.calls.get(call.id)
        fault = None if result is None else result.fault
        if fault is None and brick is not None:
            fault = brick.fault
        if fault is not None:
            faults[call.id] = fault
    for node, name in document.inputs.items():
        number = [given.name for given in document.spec.inputs].index(name)
        own = [f for f in found.faults if f"{f.path}/".startswith(f"inputs/{number}/")]
        if own:
            faults[node] = own[0]
    return Check(found.wires, found.calls, found.bricks, faults, found.spec.bricks)


def is_quick(document: Document, before: Document | None) -> bool:
    """Return True if only a few calls of `document` are new, that is, not in `before`."""
    known = set() if before is None else set(before.calls)
    return len(document.calls.keys() - known) <= FEW


def known_part(document: Document, last: Check | None) -> Check:
    """Return the results of an earlier check that also apply to the given document."""
    if last is None:
        return Check({}, {}, {}, {}, document.spec.bricks, unfinished=True)
    wires = {wire: kind for wire, kind in last.wires.items() if wire in document.wires()}
    nodes = {*document.inputs, *document.calls}
    faults = {node: fault for node, fault in last.faults.items() if node in nodes}
    return Check(wires, last.calls, last.bricks, faults, document.spec.bricks, unfinished=True)


def with_inferred(document: Document, names: Iterable[str] | None = None) -> Document:
    """Return a document with all settings that can be inferred from the inputs.

    Parameters
    ----------
    document : Document
    names : list of str, optional
        The bricks to change; by default all bricks.
    """
    new = checked(document).made
    if names is not None:
        wanted = set(names)
        pairs = zip(document.spec.bricks, new, strict=True)
        new = tuple(after if after.name in wanted else before for before, after in pairs)
    if all(a is b for a, b in zip(document.spec.bricks, new, strict=True)):
        return document
    return replace(document, spec=replace(document.spec, bricks=new))


def shape_text(kind: Kind | None) -> ShapeText:
    """Return a shape, such as ``batch × 784``, and a dtype as text; both are None if unknown."""
    if kind is None:
        return {"shape": None, "dtype": None}
    return {
        "shape": builder.shape_text(kind),
        "dtype": str(kind.dtype).removeprefix("torch."),
    }


def node_fault(
    fault: Fault | None, title: str, call: CallSpec | None = None, method: Method | None = None
) -> NodeFault | None:
    """Return a fault for the page, given the title and the call of the faulty node."""
    if fault is None:
        return None
    fix: FixData | None = None if fault.fix is None else {"label": fault.fix.label}
    return {
        "text": fault.text,
        "short": sentence(fault, title),
        "needs": needed(fault, call, method),
        "setting": fault.setting,
        "fix": fix,
    }


def needed(fault: Fault, call: CallSpec | None = None, method: Method | None = None) -> str | None:
    """Describe briefly what an unfinished node needs; return None if the fault is a mistake."""
    if not fault.missing:
        return None
    if fault.setting is not None:
        return f"set {fault.setting}"
    if fault.input is None or call is None or method is None:
        return fault.text
    ports = [port.name for port in method.inputs or () if not port.optional]
    absent = [name.strip("_").replace("_", " ") for name in ports if name not in call.inputs]
    if len(ports) < 2 or not absent:
        return "connect an input"
    return f"connect {' and '.join(absent)}"


def summary(document: Document, check: Check) -> BoardSummary:
    """Return the totals of a document and the node that needs attention first, if any."""
    bricks = [brick.parameters for brick in check.bricks.values()]
    flops = [call.flops for call in check.calls.values()]
    nodes = [*document.inputs, *(call.id for call in document.spec.calls)]
    return {
        "parameters": _total(bricks),
        "flops": _total(flops),
        "fault": _first(document, nodes, check),
        "checking": check.unfinished,
    }


def flops_of(document: Document, node: str, check: Check, below: str = "") -> int | None:
    """Return the number of operations of a node or group for one example, or None if unknown.

    If `below` is the path of a part of the node's brick, only this part is counted.
    """
    found: list[int | None] = []
    for one in document.inside([node]):
        result = check.calls.get(one)
        if result is None or result.flops is None:
            found += [None] if one in document.calls else []
        else:
            found.append(result.flops_of_parts.get(below, 0) if below else result.flops)
    return _total(found)


def first_fault(nodes: Iterable[str], check: Check) -> str | None:
    """Return the first node with a mistake, or else the first unfinished node, if any."""
    faulty = [node for node in nodes if node in check.faults]
    wrong = [node for node in faulty if not check.faults[node].missing]
    return next(iter([*wrong, *faulty]), None)


def _first(document: Document, nodes: Iterable[str], check: Check) -> BoardFault | None:
    node = first_fault(nodes, check)
    if node is None:
        return None
    fault, call = check.faults[node], document.calls.get(node)
    method = None if call is None else methods(document)[node]
    return {
        "node": node,
        "text": fault.text,
        "short": sentence(fault, document.title(node)),
        "needs": needed(fault, call, method),
    }


def _total(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def input_kinds(document: Document, call: CallSpec, check: Check) -> dict[str, Kind | None]:
    """Return the shape and dtype of each input of a call, keyed by input."""
    found: dict[str, Kind | None] = {}
    for name, given in call.inputs.items():
        found[name] = check.wires.get(given) if isinstance(given, str) else None
    return found


def fixed(document: Document, node: str, check: Check) -> tuple[Document, str]:
    """Apply the suggested fix for a node's fault; return the new document and the fix's label.

    Raises
    ------
    BuilderError
        If the node has no fault, or there is no suggested fix.
    """
    nodes = document.inside([node])
    faults = [check.faults[one] for one in nodes if one in check.faults]
    if not faults:
        raise BuilderError(f"{document.title(node)} has no fault")
    fix = next((fault.fix for fault in faults if fault.fix is not None), None)
    if fix is None:
        raise BuilderError(
            f"there is no suggested fix for the fault of {document.title(node)}: {faults[0].text}"
        )
    return replace(document, spec=fix.apply(document.spec)), fix.label
