"""Checks of the fields in a specification while it is being read from JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.errors import SpecError, nearest
from workbench.utils.texts import short

Json = Any
"""A number, string, Boolean or None, or a list or dictionary (with string keys) of such values."""

Place = tuple[Any, Any] | None
"""The place of the enclosing object or list, and the key of the value in it; None at the top."""

DEEPEST = 150
"""Maximum depth of nested objects and lists; 60 nested values of settings need at most 130."""

LONGEST_NAME = 1000
"""Maximum number of characters of a name or key."""

LARGEST_WHOLE = 2**63
"""Bound on the absolute value of whole numbers, which torch and NumPy store in 64 bits."""


def check_plain(given: Json) -> None:
    """Check that a value consists of JSON values, and is neither too large nor nested too deeply.

    Raises
    ------
    SpecError
        If a part of the value is invalid; the error states its path.
    """
    waiting: list[tuple[Json, Place, int]] = [(given, None, 0)]
    while waiting:
        one, place, depth = waiting.pop()
        if isinstance(one, Mapping):
            inner = list(one.items())
        elif isinstance(one, (list, tuple)):
            inner = list(enumerate(one))
        else:
            _check_leaf(one, place)
            continue
        if depth >= DEEPEST:
            raise SpecError(f"values are nested more than {DEEPEST} levels deep", path=_at(place))
        for key, value in inner:
            if isinstance(key, str):
                _check_key(key, place)
            waiting.append((value, (place, key), depth + 1))


def _at(place: Place) -> str:
    keys = []
    while place is not None:
        place, key = place
        keys.append(short(str(key), 60))
    return "/".join(keys[::-1][:20])


def _check_key(key: str, place: Place) -> None:
    if len(key) > LONGEST_NAME or not _is_unicode(key):
        raise SpecError(
            f"{key!r:.60} cannot be a key; keys must be valid Unicode text of at most "
            f"{LONGEST_NAME} characters",
            path=_at(place),
        )


def _check_leaf(one: Json, place: Place) -> None:
    if isinstance(one, int) and abs(one) >= LARGEST_WHOLE:
        raise SpecError(
            "whole numbers must be less than 2**63 in absolute value; this number has "
            f"{one.bit_length()} bits",
            path=_at(place),
        )
    if isinstance(one, float) and not math.isfinite(one):
        raise SpecError(f'{one} is not a JSON value; write {{"float": "{one}"}}', path=_at(place))
    if isinstance(one, str) and not _is_unicode(one):
        raise SpecError(f"{one!r:.60} is not valid Unicode text", path=_at(place))
    if one is not None and not isinstance(one, (bool, int, float, str)):
        raise SpecError(f"{one!r:.60} is not a JSON value", path=_at(place))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_keys(
    given: Json, path: str, required: set[str], optional: Iterable[str] = ()
) -> Mapping[str, Json]:
    """Check the keys of an object, and return the object."""
    found = check_object(given, path)
    known = {*required, *optional}
    for key in found:
        if key not in known:
            raise SpecError(
                f"there is no key {key!r:.60}, only {', '.join(sorted(known))}"
                f"{nearest(key, known)}",
                path=f"{path}/{key}".strip("/"),
            )
    for key in sorted(required):
        if key not in found:
            raise SpecError(f"the key {key!r} is missing", path=path)
    return found


def check_object(given: Json, path: str) -> Mapping[str, Json]:
    """Check that a value is an object, and return it."""
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise SpecError(f"must be an object with strings as keys, not {given!r:.60}", path=path)
    return given


def check_list(given: Json, path: str) -> list[Json]:
    """Check that a value is a list, and return it."""
    if not isinstance(given, list):
        raise SpecError(f"must be a list, not {given!r:.60}", path=path)
    return given


def check_text(given: Json, path: str) -> str:
    """Check that a value is a non-empty string of acceptable length, and return it."""
    if not isinstance(given, str) or not given:
        raise SpecError(f"must be a non-empty string, not {given!r:.60}", path=path)
    if len(given) > LONGEST_NAME:
        raise SpecError(
            f"must have at most {LONGEST_NAME} characters, not {len(given):,}", path=path
        )
    return given


def check_places(given: Json) -> dict[str, tuple[float, float]]:
    """Check that each position consists of two numbers, and return the positions."""
    places = {}
    for name, place in check_object(given, "positions").items():
        pair = isinstance(place, (list, tuple)) and len(place) == 2
        if not pair or not all(type(n) in (int, float) and math.isfinite(n) for n in place):
            raise SpecError(
                f"must be two numbers, x and y, not {place!r:.60}", path=f"positions/{name}"
            )
        places[name] = (place[0], place[1])
    return places


def check_unique(what: str, names: Iterable[tuple[str, str]]) -> None:
    """Raise `SpecError` if a name occurs twice; `names` contains pairs of a name and its path."""
    seen: set[str] = set()
    for name, path in names:
        if name in seen:
            raise SpecError(
                f"two {what} have the name {name!r}; the names must differ",
                path=path,
                fix=free_name(name, {n for n, _ in names}),
            )
        seen.add(name)


def copied(given: Json) -> Json:
    """Return a copy of a JSON value."""
    if isinstance(given, Mapping):
        return {key: copied(one) for key, one in given.items()}
    return [copied(one) for one in given] if isinstance(given, list) else given


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return `name` or, if it is taken, `name` followed by the lowest free number.

    >>> free_name("linear", ["linear", "linear_2"])
    'linear_3'
    """
    taken = set(taken)
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def refuse_constant(text: str) -> None:
    """Raise `SpecError` for NaN or an infinity, which JSON cannot represent."""
    name = text.lower().replace("infinity", "inf")
    raise SpecError(f'{text} is not JSON; write {{"float": "{name}"}}')
