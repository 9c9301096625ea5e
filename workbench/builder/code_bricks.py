"""Statements that create the bricks of a specification and assign their changed attributes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from workbench.bricks import Brick
from workbench.builder import paths, registry
from workbench.builder.code_values import Values
from workbench.builder.construct import Constructor, default_name_of, name_of, settle
from workbench.builder.fields import Json
from workbench.builder.imports import Imports, identifier
from workbench.builder.layout import Code, name
from workbench.builder.spec import BrickSpec, Spec
from workbench.tensor.device import floatx

Element = tuple[str, str]
"""The kind (``brick``, ``input``, ``call`` or ``monitored``) and the name or id of an element."""

MOST_KEPT = 500
"""Maximum number of top-level bricks that are kept for use by later writers."""

_kept: dict[tuple[int, Any, str], dict[str, Brick]] = {}
_lock = threading.Lock()


class BrickStatements:
    """The statements for the bricks of one specification.

    Parameters
    ----------
    spec : Spec

    Attributes
    ----------
    lines : list of str
    imports : Imports
    values : Values
    constructor : Constructor
    owners : list of set of Element
        The elements of the specification that each line creates.
    """

    def __init__(self, spec: Spec, names: Mapping[Element, str], taken: Iterable[str]) -> None:
        self.spec = spec
        self.names = names
        self.lines: list[str] = []
        self.owners: list[set[Element]] = []
        self.imports = Imports()
        self.values = Values(self.imports, self._used)
        self.values.hoisted = self._hoisted
        self.constructor = Constructor()
        self._taken: set[str] = {"tensor", "torch", "numpy", "collections", *taken}
        self._tops: dict[str, Code] = {}
        self._next = 0
        self._shared: dict[str, Code | None] = {}

    def make(self, spec: BrickSpec, path: str) -> None:
        """Construct a brick, or reuse one from an earlier writer; no writer changes a brick."""
        alone = spec.name is not None and '"use":' not in spec.text
        key = (registry.generation(), floatx(), spec.text)
        with _lock:
            kept = _kept.get(key) if alone else None
        if kept is not None:
            self.constructor.bricks.update(kept)
            return
        before = set(self.constructor.bricks)
        self.constructor.top(spec, path)
        if alone:
            new = {p: b for p, b in self.constructor.bricks.items() if p not in before}
            with _lock:
                _kept[key] = new
                while len(_kept) > MOST_KEPT:
                    del _kept[next(iter(_kept))]

    def _variable(self, text: str, element: Element | None = None) -> str:
        wished = None if element is None else self.names.get(element)
        found = identifier(text, self._taken) if wished is None else wished
        self._taken.add(found)
        return found

    def _assign(self, target: str, value: Code) -> None:
        before = len(target) + 3
        self.lines.append(f"{target} = {value.lines(0, before, 0)}")

    def _define(self, count: int) -> None:
        """Write statements for the first `count` bricks, unless they are already written."""
        while self._next < count:
            brick = self.spec.bricks[self._next]
            self._next += 1
            label = name_of(brick)
            value = self._construction(brick)
            variable = self._variable(label, ("brick", label))
            self._assign(variable, value)
            self._tops[label] = name(variable)
            self._change(brick, variable, label)
            self._own({("brick", label)})

    def _own(self, elements: set[Element]) -> None:
        """Record that the lines added since the last call of this method create `elements`."""
        self.owners += [elements] * (len(self.lines) - len(self.owners))

    def _construction(self, brick: BrickSpec) -> Code:
        cls = registry.found("brick", brick.type)
        assert cls is not None
        usual = self._usual_name(brick)
        self.values.parents.append(name_of(brick))
        made = self.values.construction(
            cls, brick.settings, None if brick.name in (None, usual) else brick.name
        )
        self.values.parents.pop()
        return made

    def _usual_name(self, brick: BrickSpec) -> str:
        if brick.type == "TorchModule":
            module = brick.settings.get("module", {}).get("module", {})
            return str(module.get("type", "")).rpartition(".")[2].lower()
        return default_name_of(brick)

    def _change(self, brick: BrickSpec, variable: str, label: str) -> None:
        """Write the calls that push a brick's settings, then the assignments that change it."""
        if not brick.changes:
            return
        plain = BrickSpec(brick.type, brick.name, brick.settings)
        twin = Constructor()
        twin.bricks = {k: b for k, b in self.constructor.bricks.items() if not _within(k, label)}
        top = twin.top(plain, label)
        settle(top)
        labels = {where: below for below, where in paths.tree(top).items()}
        pushed: set[str] = set()
        for where in sorted(brick.changes, key=lambda where: (where != "", where.count("/"))):
            target = labels[where]
            inferred = target.inferred_settings()
            if inferred & set(brick.changes[where]):
                parent = where.rpartition("/")[0]
                again = parent if parent in brick.changes and parent in labels else ""
                if again not in pushed:
                    self._push(labels[again], _reach(variable, top, again))
                    pushed.add(again)
            for key, given in brick.changes[where].items():
                reach = _reach(variable, top, where)
                before = len(f"{reach}.{key} = ")
                self.lines.append(f"{reach}.{key} = {self.values.value(given).lines(0, before, 0)}")

    def _push(self, brick: Brick, reach: str) -> None:
        for stage in ("allocation", "initialization"):
            if getattr(brick, f"{stage}_config_pushed"):
                self.lines.append(f"{reach}.push_{stage}_config()")

    # Bricks that are used in several places.

    def _hoisted(self, node: dict[str, Json], label: str) -> Code | None:
        """Return the code for a nested brick: a variable if the brick is changed or used again."""
        path = paths.unique("/".join([*self.values.parents, label]), self._shared)
        self._shared[path] = None
        needed = bool(node.get("changes")) or path in self._all_uses
        cls = registry.found("brick", node["type"])
        assert cls is not None
        self.values.parents.append(path.rpartition("/")[2])
        made = self.values.construction(cls, node.get("settings", {}), node.get("name"))
        self.values.parents.pop()
        if not needed:
            return made
        variable = self._variable(label)
        self._assign(variable, made)
        self._shared[path] = name(variable)
        if node.get("changes"):
            self._change(BrickSpec.from_dict(node, path), variable, path)
        return name(variable)

    @cached_property
    def _all_uses(self) -> set[str]:
        found: set[str] = set()
        waiting: list[Json] = [brick.to_dict() for brick in self.spec.bricks]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Mapping):
                if isinstance(one.get("use"), str):
                    found.add(one["use"].partition(".")[0])
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
        return found

    def _used(self, path: str) -> Code:
        """Return the expression for a brick that has already been defined, given its path."""
        if (shared := self._shared.get(path)) is not None:
            return shared
        label = next(top for top in self._tops if path == top or path.startswith(f"{top}/"))
        top = self.constructor.bricks[label]
        return name(_reach(self._tops[label].flat(), top, path.removeprefix(label).strip("/")))


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def _reach(variable: str, top: Brick, path: str) -> str:
    """Return the expression for the brick at `path` below `top`, starting from `variable`.

    Where possible, the expression uses attributes of bricks instead of positions among the
    children.
    """
    text, here = variable, top
    for part in path.split("/") if path else []:
        names = paths.names_of_children(here)
        child = paths.children_of(here)[names.index(part)]
        text += _attribute(here, child)
        here = child
    return text


def _attribute(brick: Brick, child: Brick) -> str:
    for key, value in vars(brick).items():
        if key.startswith("_") or key in ("parents", "application_methods", "layers"):
            continue
        if value is child:
            return f".{key}"
        if isinstance(value, list):
            for number, one in enumerate(value):
                if one is child:
                    return f".{key}[{number}]"
    number = next(i for i, one in enumerate(brick.children) if one is child)
    return f".children[{number}]"
