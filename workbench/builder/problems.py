"""Errors raised in a trial, as plain values: the text, the location and, if possible, a fix."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.bricks import apply_fix
from workbench.bricks.recurrent import Bidirectional
from workbench.builder import paths, registry
from workbench.builder.changes import Change
from workbench.builder.checks import text_of
from workbench.builder.construct import Constructor, name_of
from workbench.builder.describe import describe
from workbench.builder.encode import Encoder
from workbench.builder.fields import Json
from workbench.builder.spec import BrickSpec
from workbench.errors import Fix, NotConfiguredError, SpecError, WorkbenchError
from workbench.utils.texts import short


@dataclass(frozen=True)
class Problem:
    """An error raised in a trial, described by plain values.

    Attributes
    ----------
    text : str
        The text of the error.
    path : str
        The location of the error in the task, such as ``bricks/0`` or ``calls/0/inputs/x``.
    brick : str or None
        The path of the brick that raised the error.
    setting : str or None
        The invalid setting of this brick, or the setting that the fix changes.
    input : str or None
        The missing or wrong input of the call.
    fix : Change or None
    missing : bool
        True if a setting that the brick needs is not set.
    """

    text: str
    path: str
    brick: str | None = None
    setting: str | None = None
    input: str | None = None
    fix: Change | None = None
    missing: bool = False


def problem_of(error: Exception, bricks: Sequence[BrickSpec], constructor: Constructor) -> Problem:
    """Convert an error raised in a trial to a `Problem`."""
    cause: Any = error.__cause__ if isinstance(error, SpecError) else error
    path = error.path if isinstance(error, SpecError) else "calls/0"
    if isinstance(cause, WorkbenchError) and not isinstance(cause, SpecError):
        fix = cause.fix if isinstance(cause.fix, Fix) else None
        brick = cause.brick
        text = str(cause)
    else:
        fix, brick = None, None
        text = error.reason if isinstance(error, SpecError) else text_of(error, "the call")
    setting = None
    change = None
    if isinstance(error, SpecError):
        brick, setting = brick or error.brick, error.setting
        if error.fix is not None and setting is not None:
            shown = Encoder().value(error.fix)
            change = Change(f"set {setting} to {_short(shown)}", error.path, shown)
    if fix is not None and change is None:
        setting = setting or fix.attribute
        change = change_of(fix, brick, bricks, constructor)
    if isinstance(cause, NotConfiguredError) and setting is None and "/" not in (brick or ""):
        setting = next(iter(cause.missing), None)
    inputs = path.removeprefix("calls/0/inputs/")
    return Problem(
        text,
        path,
        brick,
        setting,
        inputs.partition("/")[0] if inputs != path else None,
        change,
        isinstance(cause, NotConfiguredError) or (isinstance(error, SpecError) and error.missing),
    )


def change_of(
    fix: Fix, brick: str | None, bricks: Sequence[BrickSpec], constructor: Constructor
) -> Change | None:
    """Convert a fix for a brick to a change of the specification; return None if this fails."""
    whose = "" if fix.brick == brick else f" of {fix.brick}"
    label = f"set {fix.attribute}{whose} to {_short(fix.value)}"
    for number, one in enumerate(bricks):
        top = constructor.bricks.get(name_of(one))
        below = [] if top is None else paths.tree(top)
        target = next((b for b in below if b.path() == fix.brick), None)
        if target is None:
            continue
        place = constructor.places.get(_original(target))
        if place is not None and fix.attribute in registry.settings_of(type(target)):
            value = Encoder().value(fix.value)
            return Change(label, f"{place}/settings/{fix.attribute}", value)
        with contextlib.suppress(Exception):  # describing a brick with a fault may raise anything
            before, after = (_described(bricks, change)[number] for change in (None, fix))
            new = merged(one.to_dict(), before, after)
            return Change(label, f"bricks/{number}", new)
    return None


def _original(brick: Any) -> Any:
    """Return the original if `brick` is a copy made by `Bidirectional`, else return `brick`."""
    below: list[str] = []
    here = brick
    while here.parents:
        parent = here.parents[0]
        if isinstance(parent, Bidirectional):
            path = "/".join(below[::-1])
            found = {where: one for one, where in paths.tree(parent.prototype).items()}
            return found.get(path, brick)
        below.append(here.name)
        here = parent
    return brick


def _described(bricks: Sequence[BrickSpec], fix: Fix | None) -> list[Json]:
    """Create the bricks again, apply `fix` if it is given, and return the bricks as JSON values."""
    constructor = Constructor()
    made = [constructor.top(one, f"bricks/{i}") for i, one in enumerate(bricks)]
    if fix is not None:
        owner = next(b for b in made if b.name == fix.brick.partition("/")[0])
        apply_fix(owner, fix)
    return [spec.to_dict() for spec in describe(made).specs]


def merged(given: Json, before: Json, after: Json) -> Json:
    """Return `given` with the changes that turn `before` into `after`.

    Examples
    --------
    >>> merged({"a": 1, "b": 2}, {"a": 1}, {"a": 3})
    {'a': 3, 'b': 2}
    """
    if before == after:
        return given
    if all(isinstance(one, dict) for one in (given, before, after)):
        gone = before.keys() - after.keys()
        changed = {
            key: merged(given.get(key), before.get(key), value) for key, value in after.items()
        }
        kept = {key: value for key, value in given.items() if key not in gone}
        return {**kept, **{k: v for k, v in changed.items() if k in given or k not in before}}
    lists = [one for one in (given, before, after) if isinstance(one, list)]
    if len(lists) == 3 and len({len(one) for one in lists}) == 1:
        return [merged(*some) for some in zip(given, before, after, strict=True)]
    return after


def _short(value: Any) -> str:
    return short(str(value), 40)
