"""Specifications of existing bricks.

Each specification is checked: a brick is constructed from it and compared with the original.
Settings that differ are stored under ``changes``. If changes cannot express a difference, an error
is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.bricks import BoundApplication, Brick
from workbench.bricks.lazy import LazyNone
from workbench.builder import paths, registry
from workbench.builder.construct import Constructor, settle
from workbench.builder.encode import Encoder, light_copy
from workbench.builder.fields import Json, free_name
from workbench.builder.reading import UNSET, Renamed, read
from workbench.builder.spec import BrickSpec
from workbench.errors import BuilderError, SpecError

Changes = dict[str, dict[str, Json]]
"""Changed settings, keyed by the paths of bricks."""

DEEPEST = 12
"""Maximum number of searches for changes; each search reaches bricks one level further down."""


@dataclass(frozen=True)
class Described:
    """Specifications of bricks, and the path of each brick.

    Attributes
    ----------
    specs : list of BrickSpec
    places : dict of Brick to str
        The paths of the described bricks and all bricks below them.
    copies : dict of Brick to Brick
        Copies of all these bricks, without parameters.
    """

    specs: list[BrickSpec]
    places: dict[Brick, str]
    copies: dict[Brick, Brick]


def describe(bricks: Sequence[Brick]) -> Described:
    """Return the specifications of bricks.

    Raises
    ------
    BuilderError
        If a brick cannot be described.
    """
    names: list[str] = []
    for brick in bricks:
        if brick.name in names:
            error = BuilderError(
                f"two bricks have the name {brick.name!r}; rename one of them, for example to "
                f"{free_name(brick.name, names)!r}"
            )
            error.brick = brick.name
            raise error
        names.append(brick.name)
    originals = list(bricks)
    memo: dict[int, Any] = {}
    copies = light_copy(originals, memo)
    for one in copies:
        settle(one)
    first = nodes = _described(copies, True)
    if isinstance(first, BuilderError) or any(node.get("changes") for node in first):
        second = _described(copies, False)
        if isinstance(first, BuilderError) or (
            not isinstance(second, BuilderError) and _size(second) < _size(first)
        ):
            nodes = second
    if isinstance(nodes, BuilderError):
        raise nodes
    where: dict[Brick, str] = {}
    for brick in originals:
        for below, path in paths.tree(brick).items():
            where.setdefault(below, f"{brick.name}/{path}".strip("/"))
    specs = [BrickSpec.from_dict(node, "") for node in nodes]
    return Described(specs, where, {brick: memo[id(brick)] for brick in where})


def _size(nodes: Iterable[dict[str, Json]]) -> int:
    return sum(len(changed) for n in nodes for changed in n.get("changes", {}).values())


def _described(copies: list[Brick], omit: bool) -> Any:
    """Return the JSON objects of bricks with their changes, or the error that occurred."""
    encoder, constructor, nodes = Encoder(omit), Constructor(), []
    try:
        for brick in copies:
            node = encoder.top(brick)
            encoder.remember(brick, node["name"])
            nodes.append(_with_changes(node, brick, constructor))
    except BuilderError as error:
        error.brick = error.brick or brick.name
        return error
    return nodes


def _with_changes(node: dict[str, Json], brick: Brick, constructor: Constructor) -> dict[str, Json]:
    """Return `node` with changes, so that a brick constructed from it equals `brick`."""
    before = dict(constructor.bricks)
    changes: Changes = {}
    for _ in range(DEEPEST):
        complete = {**node, "changes": changes} if changes else node
        constructor.bricks = dict(before)
        try:
            twin = constructor.top(BrickSpec.from_dict(complete, node["name"]), node["name"])
        except SpecError as error:
            raise BuilderError(
                f"{brick.path()} cannot be described, because no brick can be constructed with its "
                f"settings: {error}"
            ) from error
        settle(twin)
        found = differences(brick, twin)
        if not found:
            return complete
        merged = {p: {**changes.get(p, {}), **found.get(p, {})} for p in {**changes, **found}}
        if merged == changes:
            break
        changes = merged
    where, settings = next(iter(found.items()))
    raise BuilderError(
        f"{f'{brick.path()}/{where}'.strip('/')} cannot be described: the values of "
        f"{', '.join(settings)} cannot be set after construction"
    )


def differences(brick: Brick, twin: Brick) -> Changes:
    """Return the settings that make `twin` equal to `brick`, keyed by the paths in `twin`.

    Raises
    ------
    BuilderError
        If `brick` and `twin` differ in more than their settings.
    """
    found: Changes = {}
    labels = paths.tree(twin)
    seen: dict[Brick, Brick] = {}
    waiting = [(brick, twin)]
    while waiting:
        ours, other = waiting.pop(0)
        if ours in seen:
            if seen[ours] is not other:
                raise _different(
                    brick, ours, "it occurs twice, but a specification would create two bricks"
                )
            continue
        seen[ours] = other
        children = [paths.children_of(one) for one in (ours, other)]
        kinds = [[type(child) for child in some] for some in children]
        if type(ours) is not type(other) or kinds[0] != kinds[1]:
            raise _different(
                brick,
                ours,
                f"its children are {children[0]}, but its constructor creates {children[1]}",
            )
        own, others = (vars(one).get("_application_settings") or {} for one in (ours, other))
        if own != others:
            raise _different(brick, ours, f"attributes of its applications were set: {own}")
        waiting += zip(*children, strict=True)
        here = _comparable(ours), _comparable(other)
        changed = {
            name: _assigned(ours, name) for name, value in here[0].items() if here[1][name] != value
        }
        if changed:
            found[labels[other]] = changed
    return found


def _different(top: Brick, brick: Brick, reason: str) -> BuilderError:
    path = next(path for below, path in paths.tree(top).items() if below is brick)
    where = f"{top.name}/{path}".strip("/")
    return BuilderError(f"{where} ({type(brick).__name__}) cannot be described: {reason}")


def _comparable(brick: Brick) -> dict[str, Json]:
    """Return the settings of a brick, with a number in place of each brick below it."""
    numbers = {below: number for number, below in enumerate(paths.tree(brick))}
    found: dict[str, Json] = {"name": brick.name}
    for name, parameter in registry.settings_of(type(brick)).items():
        if name not in ("name", "children"):
            value = read(brick, name, parameter)
            found[name] = _numbered(value, numbers)
    return found


def _numbered(value: Any, numbers: dict[Brick, int]) -> Json:
    if value is UNSET or value is None or isinstance(value, LazyNone):
        return None
    if isinstance(value, Renamed):
        return _numbered(value.brick, numbers)
    if isinstance(value, BoundApplication):
        return [_numbered(value.brick, numbers), value.name]
    if isinstance(value, Brick) and value in numbers:
        return {"below": numbers[value]}
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [_numbered(part, numbers) for part in value]]
    return Encoder().value(value)


def _assigned(brick: Brick, name: str) -> Json:
    if name == "name":
        return brick.name
    value = read(brick, name, registry.settings_of(type(brick))[name])
    return None if value is UNSET else Encoder(omit=False).value(value)
