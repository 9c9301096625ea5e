"""The differences between two specifications, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from workbench.builder.construct import name_of
from workbench.builder.fields import Json
from workbench.builder.spec import BrickSpec, CallSpec, Spec
from workbench.utils.texts import short

LONGEST = 60
"""Maximum number of characters shown for a value."""


def differences(
    old: Spec,
    new: Spec,
    *,
    frozen: tuple[Collection[str], Collection[str]] = ((), ()),
    moved: Mapping[str, str] | None = None,
) -> list[str]:
    """Describe how a specification differs from an earlier specification.

    Parameters
    ----------
    old, new : Spec
    frozen : pair of collections of str
        The names of the bricks that are not trained, before and after the change.
    moved : dict of str to str, optional
        The earlier name of each brick that was renamed.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench.builder import to_spec
    >>> old, new = to_spec(MLP([Tanh()], [4, 3])), to_spec(MLP([Tanh()], [4, 5]))
    >>> differences(old, new, frozen=((), ("mlp",)))
    ['mlp: dims [4, 3] -> [4, 5]', 'freeze mlp']
    """
    moved = moved or {}
    before = {name_of(brick): brick for brick in old.bricks}
    after = {name_of(brick): brick for brick in new.bricks}
    found = []
    for name, brick in after.items():
        earlier = moved.get(name, name)
        if earlier not in before:
            found.append(f"add {name}")
            continue
        if earlier != name:
            found.append(f"rename {earlier} to {name}")
        found += _of_brick(name, before[earlier], brick)
    kept = {moved.get(name, name) for name in after}
    found += [f"remove {name}" for name in before if name not in kept]
    found += _of_calls(old, new, set(moved) | set(moved.values()))
    if old.cost != new.cost:
        found.append(f"cost {old.cost or 'none'} -> {new.cost or 'none'}")
    found += [f"monitor {wire}" for wire in new.monitored if wire not in old.monitored]
    found += [f"stop monitoring {wire}" for wire in old.monitored if wire not in new.monitored]
    was, now = frozen
    found += [f"freeze {name}" for name in sorted(now) if moved.get(name, name) not in was]
    found += [
        f"unfreeze {name}" for name in sorted(was) if name not in {moved.get(n, n) for n in now}
    ]
    return list(dict.fromkeys(found))


def _of_brick(name: str, old: BrickSpec, new: BrickSpec) -> list[str]:
    if old.type != new.type:
        return [f"replace {name} ({old.type}) by {new.type}"]
    found = _of_settings(name, old.settings, new.settings)
    for path in dict.fromkeys([*old.changes, *new.changes]):
        where = f"{name}/{path}".strip("/")
        found += _of_settings(where, old.changes.get(path, {}), new.changes.get(path, {}))
    return found


def _of_settings(where: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    return [
        f"{where}: {name} {_shown(old, name)} -> {_shown(new, name)}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name) or (name in old) is not (name in new)
    ]


def _of_calls(old: Spec, new: Spec, renamed: Collection[str]) -> list[str]:
    before, after = ({call.id: call for call in spec.calls} for spec in (old, new))
    found = [f"add {_title(call)}" for id, call in after.items() if id not in before]
    found += [f"remove {_title(call)}" for id, call in before.items() if id not in after]
    for id, call in after.items():
        if id not in before:
            continue
        was = before[id]
        found += _of_settings(_title(call), was.settings, call.settings)
        for name in dict.fromkeys([*was.inputs, *call.inputs]):
            one, other = was.inputs.get(name), call.inputs.get(name)
            if one != other:
                found.append(f"{_title(call)}: {name} {shown(one)} -> {shown(other)}")
        same = (was.method, was.operation) == (call.method, call.operation)
        if not same or (was.brick != call.brick and call.brick not in renamed):
            found.append(f"{_title(was)} -> {_title(call)}")
    return found


def _title(call: CallSpec) -> str:
    if call.brick is None:
        return f"{call.operation} {call.id}" if call.operation != call.id else call.id
    return call.brick if call.method == "apply" else f"{call.brick}.{call.method}"


def _shown(settings: Mapping[str, Json], name: str) -> str:
    return shown(settings[name]) if name in settings else "default"


def shown(value: Json) -> str:
    """Return a value of a specification as short text.

    Examples
    --------
    >>> shown([{"brick": {"type": "Tanh"}}, None])
    '[Tanh, none]'
    >>> shown({"scheme": {"type": "Constant", "settings": {"constant": 0}}}), shown({"value": 0.5})
    ('Constant(0)', '0.5')
    """
    return short(_text(value), LONGEST)


def _text(value: Json) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, Mapping):
        for key in ("brick", "scheme", "module"):
            inner: Any = value.get(key)
            if isinstance(inner, Mapping):
                settings = inner.get("settings") or {}
                given = ", ".join(map(_text, settings.values()))
                return f"{inner.get('type')}({given})" if given else str(inner.get("type"))
        if len(value) == 1:
            return _text(next(iter(value.values())))
        return str(dict(value))
    return str(value)
