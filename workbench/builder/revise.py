"""`revise_code`, which changes a user's code only where the model has changed.

While the code is read, the parts of the specification that each statement creates or changes are
recorded. A statement is kept, with its comments, if none of its parts has changed or if it does not
belong to the model. Other statements are replaced by the code that `to_code` would write.
Statements outside the model that read a removed variable become comments. If the result does not
describe the new specification, for example because a variable would have two meanings, `to_code`
writes all of the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from workbench.bricks import Brick, symbolic_parameters
from workbench.builder import registry, scopes
from workbench.builder.code import Writer, to_code
from workbench.builder.code_bricks import Element
from workbench.builder.construct import name_of
from workbench.builder.names import Reference, imported
from workbench.builder.parse import COSTS, Reader, parsed
from workbench.builder.snippets import Snippet, snippets
from workbench.builder.spec import CallSpec, Spec, wires_in
from workbench.builder.validation import parameters_in, uses_in
from workbench.config import config
from workbench.errors import WorkbenchError
from workbench.hints import hinted
from workbench.tensor import Variable


@hinted
def revise_code(text: str, spec: Spec) -> str:
    """Return code for a specification, with as few changes to earlier code as possible.

    Parameters
    ----------
    text : str
        The earlier code, in the form that `workbench.builder.from_code` reads. If it cannot be
        read, it is ignored.
    spec : Spec

    Returns
    -------
    str

    Examples
    --------
    >>> from workbench.builder import from_code, revise_code
    >>> text = '''from workbench import tensor
    ... from workbench.bricks import Linear
    ...
    ... # The pixels.
    ... x = tensor.matrix("x")
    ... layer = Linear(4, 3)  # to be tuned
    ... scores = layer.apply(x)
    ... print(scores)
    ... '''
    >>> spec = from_code(text.replace("3", "5"))
    >>> print(revise_code(text, spec))
    from workbench import tensor
    from workbench.bricks import Linear
    <BLANKLINE>
    # The pixels.
    x = tensor.matrix("x")
    layer = Linear(4, 5)  # to be tuned
    scores = layer.apply(x)
    print(scores)
    <BLANKLINE>
    """
    spec = spec.in_order()
    surroundings = (registry.generation(), config.floatx)
    try:
        earlier = _read(text, surroundings)
        if ("monitored", "") not in earlier.origins:
            spec = _without_unused(spec)
        if earlier.spec.same_as(_without_positions(spec, earlier.spec)):
            return text
        if earlier.origins and (new := _revised(earlier, spec, surroundings)) is not None:
            return new
        whole = to_code(spec)
        if not earlier.origins:
            return whole
        # Code does not contain settings equal to their defaults, for example.
        read = _without_unused(_read(whole, surroundings).spec)
        if earlier.spec.same_as(_without_positions(read, earlier.spec)):
            return text
        return _revised(earlier, read, surroundings) or whole
    except (WorkbenchError, LookupError):
        pass  # the earlier code cannot be read, or has no place for the new code
    return to_code(spec)


def _revised(earlier: _Earlier, spec: Spec, surroundings: tuple[object, ...]) -> str | None:
    """Return revised code, or None if it would not describe the specification."""
    try:
        new = _Revision(earlier, spec).text()
        return new if _same_meaning(_read(new, surroundings).spec, spec) else None
    except (WorkbenchError, LookupError):
        return None


def _without_positions(spec: Spec, other: Spec) -> Spec:
    """Return `spec` without positions; calls get the ids of calls in `other` with equal outputs."""
    ids = {call.outputs: call.id for call in other.calls}
    calls = [_with_id(call, ids.get(call.outputs, call.id)) for call in spec.calls]
    return Spec(spec.bricks, spec.inputs, tuple(calls), spec.cost, spec.monitored)


def _without_unused(spec: Spec) -> Spec:
    """Return `spec` without monitored inputs that nothing reads, as code without a list has."""
    used = {wire for call in spec.calls for wire in wires_in(list(call.inputs.values()))}
    unused = {given.name for given in spec.inputs} - used
    return replace(spec, monitored=tuple(one for one in spec.monitored if one not in unused))


def _with_id(call: CallSpec, name: str) -> CallSpec:
    return CallSpec(name, call.brick, call.method, call.operation, call.inputs, call.settings,
                    call.outputs)  # fmt: skip


def _same_meaning(found: Spec, wanted: Spec) -> bool:
    """Return True if two specifications have the same parts, in any order."""
    one, other = (
        (
            {name_of(brick): brick for brick in spec.bricks},
            {given.name: given for given in spec.inputs},
            {call.outputs: _with_id(call, "") for call in spec.calls},
            spec.cost,
            set(spec.monitored),
        )
        for spec in (found, wanted)
    )
    return one == other


@dataclass
class _Earlier:
    """The earlier code.

    Attributes
    ----------
    spec : Spec
    snippets : list of Snippet
    origins : dict of Element to set of int
        The numbers of the snippets that create each part of the specification.
    names : dict of Element to str
        The variables for bricks and wires.
    known : dict of str to object
        All names and their values.
    """

    spec: Spec
    snippets: list[Snippet]
    origins: dict[Element, set[int]]
    names: dict[Element, str] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=4)  # the code that was just written is usually revised next
def _read(text: str, surroundings: tuple[object, ...]) -> _Earlier:
    reader, pieces = Reader(), snippets(text, parsed(text))
    touched: list[tuple[int, Any]] = []
    with symbolic_parameters():
        for number, piece in enumerate(pieces):
            reader.run(piece.statements)
            touched += [(number, one) for one in reader.objects.touched]
            reader.objects.touched = []
        spec, graph = reader.described()
    tops = {name_of(brick) for brick in spec.bricks}

    def element(value: Any) -> Element | None:
        if isinstance(value, Brick):
            top = value.get_unique_path()[0].name
            return ("brick", top) if top in tops else None
        if not isinstance(value, Variable):
            return None
        node = graph.node(value)
        if node in graph.made:
            return "call", graph.made[node]
        return ("input", graph.wires[value]) if value in graph.wires else None

    origins: dict[Element, set[int]] = {}
    for number, value in touched:
        if (found := element(value)) is not None:
            origins.setdefault(found, set()).add(number)
    for number, piece in enumerate(pieces):
        if "monitored" in piece.bound:
            origins.setdefault(("monitored", ""), set()).add(number)
    names: dict[Element, str] = {}
    for name, value in reader.known.items():
        if isinstance(value, Variable) and value in graph.wires:
            wire = graph.wires[value]
            if wire != spec.cost or name in COSTS:
                names["wire", wire] = name
        elif isinstance(value, Brick) and not value.parents and value.name in tops:
            names["brick", value.name] = name
    if ("monitored", "") not in origins:
        spec = _without_unused(spec)
    return _Earlier(spec, pieces, origins, names, reader.known)


class _Revision:
    """Revision of the earlier code for a new specification."""

    def __init__(self, earlier: _Earlier, spec: Spec) -> None:
        self.earlier = earlier
        self.spec = spec = _without_positions(spec, earlier.spec)
        self.names = dict(earlier.names)
        if spec.cost != earlier.spec.cost:
            self.names = {e: n for e, n in self.names.items() if n not in COSTS}
        self.writer = Writer(spec, self.names, set(earlier.known))
        self.imports, self.lines = self.writer.statements()
        self.makers: dict[str, Element] = {v.name: ("input", v.name) for v in spec.inputs}
        self.makers |= {wire: ("call", c.id) for c in spec.calls for wire in c.outputs}
        self.needs = self._needs()
        self.new = self._parts_to_write()

    def _needs(self) -> dict[Element, set[Element]]:
        """Return, for each part, the parts that it refers to."""
        needs: dict[Element, set[Element]] = {}
        tops = {name_of(brick) for brick in self.spec.bricks}
        for brick in self.spec.bricks:
            used = {path.partition("/")[0].partition(".")[0] for path in uses_in(brick.to_dict())}
            own = name_of(brick)
            needs["brick", own] = {("brick", label) for label in used & tops - {own}}
        for call in self.spec.calls:
            given = list(call.inputs.values())
            wires = [self.makers[wire] for wire in wires_in(given) if wire in self.makers]
            bricks = [call.brick] if call.brick else []
            labels = [p.partition("/")[0].partition(".")[0]
                      for p in (*bricks, *parameters_in(given))]  # fmt: skip
            needs["call", call.id] = {*wires, *(("brick", label) for label in labels)}
        shown = [self.makers[wire] for wire in self.spec.monitored]
        needs["monitored", ""] = set(shown)
        return needs

    def _parts_to_write(self) -> set[Element]:
        """Return the parts that need new code, and all other parts in the same statements."""
        dirty = _different(self.earlier.spec, self.spec)
        named = {e for e in self.names if e[0] == "brick"}
        named |= {self.makers[e[1]] for e in self.names if e[0] == "wire" and e[1] in self.makers}
        owners = [owner for owner in self.writer.owners if owner]
        while True:
            before = len(dirty)
            snippets_of = [self.earlier.origins.get(one, set()) for one in dirty]
            again = set[int]().union(*snippets_of)
            for one, numbers in self.earlier.origins.items():
                if numbers & again:
                    dirty.add(one)
            for owner in owners:
                if owner & dirty:
                    dirty |= owner
            for one in list(dirty):
                dirty |= {other for other in self.needs.get(one, ()) if other not in named}
            if len(dirty) == before:
                return dirty

    def text(self) -> str:
        placed = self._placed()
        pieces = self.earlier.snippets
        replaced = {n for one in self.new for n in self.earlier.origins.get(one, ())}
        written = [line for lines in placed.values() for line, _ in lines]
        imports = self._missing_imports(written)
        last = max((n for n, piece in enumerate(pieces) if piece.imports), default=-1)
        lost = self._lost(replaced, written)
        found = [*imports, ""] if imports and last < 0 else []
        for number, piece in enumerate(pieces):
            lines = placed.get(number, [])
            own = next((i for i, (_, at_home) in enumerate(lines) if at_home), None)
            found += piece.before
            if number in lost:
                found += [*piece.comments, *(f"# {line}" for line in piece.lines)]
                found += [line for line, _ in lines]
            elif number not in replaced:
                found += [*piece.comments, *piece.lines, *(line for line, _ in lines)]
            elif own is not None:
                found += [line for line, _ in lines[:own]]
                found += [*piece.comments, *piece.replaced([line for line, _ in lines[own:]])]
            else:
                if found and not found[-1]:
                    found.pop()  # the blank line before the removed statement
                found += [line for line, _ in lines]
            found += imports if number == last else []
        found += [line for line, _ in placed.get(-1, [])]
        return "\n".join([*found, *self._rest()]).rstrip("\n") + "\n"

    def _lost(self, replaced: set[int], written: list[str]) -> set[int]:
        """Return the numbers of snippets outside the model that read variables without a value."""
        pieces = self.earlier.snippets
        model = set[int]().union(*self.earlier.origins.values())
        new = {name for one in ast.parse("\n".join(written)).body for name in scopes.bound(one)}
        lost: set[int] = set()
        while True:
            absent = replaced | lost
            gone = set[str]().union(*(pieces[number].bound for number in absent)) - new
            for number, piece in enumerate(pieces):
                if number not in absent:
                    gone -= piece.bound
            more = {
                number
                for number, piece in enumerate(pieces)
                if number not in absent | model
                and any(not gone.isdisjoint(scopes.read(one)) for one in piece.statements)
            }
            if not more:
                return lost
            lost |= more

    def _rest(self) -> list[str]:
        return self.earlier.snippets[-1].after if self.earlier.snippets else []

    def _placed(self) -> dict[int, list[tuple[str, bool]]]:
        """Return the new lines for each snippet, with True for lines that replace the snippet."""
        place = {one: max(numbers) for one, numbers in self.earlier.origins.items()}
        placed: dict[int, list[tuple[str, bool]]] = {}
        before = 0
        for line, owner in zip(self.lines, self.writer.owners, strict=True):
            known = [place[one] for one in owner if one in self.earlier.origins]
            if not owner & self.new:
                before = max(known, default=before)
                continue
            if not line:
                continue
            needed = {other for one in owner for other in self.needs.get(one, ())} - owner
            ends = [place[other] for other in needed if other in place]
            home = max(known, default=-1)
            here = max(home if known else before, *ends, 0)
            placed.setdefault(here, []).append((line, here == home))
            for one in owner:
                place[one] = here if one not in self.earlier.origins else max(place[one], here)
            before = here
        return placed

    def _missing_imports(self, written: Iterable[str]) -> list[str]:
        """Return the imports that the new lines need but the earlier code does not have."""
        words = {word for line in written for word in re.findall(r"\w+", line)}
        found: list[str] = []
        for statement in ast.parse("\n".join(self.imports)).body:
            assert isinstance(statement, (ast.Import, ast.ImportFrom))
            bound = [(alias, alias.asname or alias.name) for alias in statement.names]
            kept = [a for a, name in bound if name in words and not self._has(statement, name)]
            if kept:
                statement.names = kept
                found.append(ast.unparse(statement))
        return found

    def _has(self, statement: ast.Import | ast.ImportFrom, bound: str) -> bool:
        known = self.earlier.known.get(bound)
        return isinstance(known, Reference) and known == imported(statement).get(bound)


def _different(old: Spec, new: Spec) -> set[Element]:
    """Return the parts that differ between two specifications or occur in only one of them."""

    def parts(spec: Spec) -> dict[Element, Any]:
        return {
            **{("brick", name_of(brick)): brick for brick in spec.bricks},
            **{("input", given.name): given for given in spec.inputs},
            **{("call", call.id): call for call in spec.calls},
            ("monitored", ""): spec.monitored,
        }

    ours, theirs = parts(old), parts(new)
    found = {one for one in ours.keys() | theirs.keys() if ours.get(one) != theirs.get(one)}
    if old.cost != new.cost:
        makers = {wire: ("call", c.id) for s in (old, new) for c in s.calls for wire in c.outputs}
        found |= {makers[cost] for cost in (old.cost, new.cost) if cost in makers}
    return found
