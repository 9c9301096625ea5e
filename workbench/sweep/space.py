"""Spaces of settings: lists of values and ranges that a sweep chooses from.

The settings of a run depend only on the space, the seed and the number of the run. A sweep that is
started again, or with more runs, therefore chooses the same settings for the same runs.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, nearest
from workbench.hints import Hinted
from workbench.utils.numbers import is_count

Space = dict[str, "list[Any] | Between"]
"""Mapping from the name of each setting to its values."""

NO_SPACE = (
    "space must map the names of settings to lists of values or to Between(low, high), not "
    "{given!r:.80}"
)
NO_VALUES = (
    "space[{name!r}] must be a list of values, such as [16, 32], or a range, such as "
    "Between(1e-4, 1e-1, log=True), not {given!r:.80}"
)
PAIR = (
    "space[{name!r}] is the tuple {given!r}, which could be two values or a range; write "
    "{values!r} for these values, or Between{given!r} for a range"
)
EMPTY = "space[{name!r}] is an empty list; give at least one value"
NOT_PLAIN = (
    "space[{name!r}] contains {given!r:.80}, but a setting must be a finite number, a string, "
    "True, False or None, so that the journal can record it; use names, and create the objects in "
    "build()"
)
TWICE = "space[{name!r}] contains {given!r} twice, so runs would be repeated; list each value once"
UNKNOWN = "build() takes no argument {name!r}, which the space contains; it takes {taken}{hint}"
LACKING = (
    "build() needs the argument {name!r}, which the space does not contain; add it to the space, "
    "or give it a default value"
)
BY_POSITION = (
    "the argument {name!r} of build() can only be passed by position, but a sweep passes settings "
    "by name; move it after the / in the signature"
)
NO_GRID = (
    "a grid needs lists, but space[{name!r}] is {given!r}; pass the number of runs, as in "
    "Sweep(build, space, 20), or a list of values"
)
BOUNDS = "Between(low, high) needs two finite numbers with low < high, not {low!r} and {high!r}"
POSITIVE = "Between(..., log=True) needs bounds above 0, but low is {low!r}"
NOT_WHOLE = "Between(..., whole=True) needs whole numbers as bounds, not {low!r} and {high!r}"

ATTEMPTS = 1000
"""Number of successive draws without new settings after which no more settings are drawn."""


class Between(Hinted):
    """Range from which each run draws a random number.

    Parameters
    ----------
    low, high : float
        The smallest and the largest possible value. If `log` is True, these are still the values
        themselves, not their logarithms.
    log : bool
        True to draw on a logarithmic scale, as is usual for learning rates.
    whole : bool
        True to draw whole numbers.

    Raises
    ------
    ArgumentError
        If the bounds are not two finite numbers with ``low < high``, or do not fit `log` or
        `whole`.

    Examples
    --------
    >>> Between(1e-4, 1e-1, log=True)
    Between(0.0001, 0.1, log=True)
    >>> Between(3, 1)
    Traceback (most recent call last):
    ...
    workbench.errors.ArgumentError: Between(low, high) needs two finite numbers with low < high, not
    3 and 1
    """

    def __init__(self, low: float, high: float, *, log: bool = False, whole: bool = False) -> None:
        numbers = all(
            isinstance(one, (int, float, np.number)) and not isinstance(one, bool)
            for one in (low, high)
        )
        if not (numbers and math.isfinite(low) and math.isfinite(high) and low < high):
            raise ArgumentError(BOUNDS.format(low=low, high=high))
        if log and low <= 0:
            raise ArgumentError(POSITIVE.format(low=low))
        if whole and not (float(low).is_integer() and float(high).is_integer()):
            raise ArgumentError(NOT_WHOLE.format(low=low, high=high))
        self.low: float = int(low) if whole else float(low)
        self.high: float = int(high) if whole else float(high)
        self.log, self.whole = bool(log), bool(whole)

    def draw(self, random: np.random.Generator) -> float:
        """Return a random value from the range."""
        edge = 0.5 if self.whole else 0.0  # so that the bounds are as likely as other numbers
        low, high = self.low - edge, self.high + edge
        if self.log:
            value = math.exp(random.uniform(math.log(max(low, 0.5 * self.low)), math.log(high)))
        else:
            value = random.uniform(low, high)
        return self.clip(value)

    def clip(self, value: float) -> float:
        """Return the value in the range that is nearest to `value`."""
        value = min(max(value, self.low), self.high)
        return round(value) if self.whole else float(value)

    def as_plain(self) -> dict[str, Any]:
        """Return the range as a JSON value."""
        return {"low": self.low, "high": self.high, "log": self.log, "whole": self.whole}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Between) and self.as_plain() == other.as_plain()

    def __hash__(self) -> int:
        return hash(tuple(self.as_plain().values()))

    def __repr__(self) -> str:
        options = "".join(f", {name}=True" for name in ("log", "whole") if getattr(self, name))
        return f"Between({self.low!r}, {self.high!r}{options})"


def checked_space(build: Callable[..., Any], space: Mapping[str, Any]) -> Space:
    """Return a copy of a space with plain values, after checking that it fits `build`.

    Raises
    ------
    ArgumentError
        If the space is not a mapping of names to lists or ranges, or does not fit `build`.

    Examples
    --------
    >>> checked_space(lambda rate, size=8: ..., {"rate": np.array([0.1, 0.01])})
    {'rate': [0.1, 0.01]}
    """
    if not isinstance(space, Mapping) or not space:
        raise ArgumentError(NO_SPACE.format(given=space))
    found = {str(name): _checked_values(str(name), given) for name, given in space.items()}
    _check_signature(build, found)
    return found


def _checked_values(name: str, given: Any) -> list[Any] | Between:
    if isinstance(given, Between):
        return given
    if isinstance(given, tuple) and len(given) == 2:
        raise ArgumentError(PAIR.format(name=name, given=given, values=list(given)))
    if isinstance(given, np.ndarray) and given.ndim == 1:
        given = given.tolist()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ArgumentError(NO_VALUES.format(name=name, given=given))
    if not given:
        raise ArgumentError(EMPTY.format(name=name))
    values = [one.item() if isinstance(one, np.generic) else one for one in given]
    for place, one in enumerate(values):
        number = isinstance(one, float)
        if type(one) not in (int, float, str, bool, type(None)) or (
            number and not math.isfinite(one)
        ):
            raise ArgumentError(NOT_PLAIN.format(name=name, given=one))
        if any(_same(one, other) for other in values[:place]):
            raise ArgumentError(TWICE.format(name=name, given=one))
    return values


def _same(one: Any, other: Any) -> bool:
    """Return True if two values are equal; True and 1 are different, but 1 and 1.0 are equal."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _check_signature(build: Callable[..., Any], space: Space) -> None:
    try:
        parameters = inspect.signature(build).parameters
    except (TypeError, ValueError):
        return  # written in C; the first run reports wrong names
    kinds = inspect.Parameter
    named = [
        one
        for one in parameters.values()
        if one.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    ]
    names = [one.name for one in named]
    any_name = any(one.kind is kinds.VAR_KEYWORD for one in parameters.values())
    for name in space:
        if name in parameters and parameters[name].kind is kinds.POSITIONAL_ONLY:
            raise ArgumentError(BY_POSITION.format(name=name))
        if name not in names and not any_name:
            taken = ", ".join(names) or "no arguments"
            raise ArgumentError(UNKNOWN.format(name=name, taken=taken, hint=nearest(name, names)))
    for one in named:
        if one.default is kinds.empty and one.name not in space:
            raise ArgumentError(LACKING.format(name=one.name))


def settings_of(space: Space, n: int | None, seed: int) -> list[dict[str, Any]]:
    """Return the settings of each run: a grid if `n` is None, otherwise `n` random settings.

    Random settings are distinct. If the space has fewer than `n` settings, all are returned.

    Raises
    ------
    ArgumentError
        If a grid is requested but the space contains a range, or if `n` is not a positive integer.

    Examples
    --------
    >>> settings_of({"size": [8, 16], "rate": [0.1]}, None, 0)
    [{'size': 8, 'rate': 0.1}, {'size': 16, 'rate': 0.1}]
    >>> len(settings_of({"size": [8, 16], "rate": [0.1]}, 100, 0))
    2
    """
    if n is None:
        for name, values in space.items():
            if isinstance(values, Between):
                raise ArgumentError(NO_GRID.format(name=name, given=values))
        lists = [values for values in space.values() if isinstance(values, list)]
        return [dict(zip(space, one, strict=True)) for one in itertools.product(*lists)]
    if not is_count(n):
        raise ArgumentError(f"n must be the number of runs, a positive integer, not {n!r}")
    found: list[dict[str, Any]] = []
    known: set[tuple[Any, ...]] = set()
    random = np.random.default_rng(seed)
    size = size_of(space)
    misses = 0
    while len(found) < n and (size is None or len(found) < size) and misses < ATTEMPTS:
        settings = {name: draw(values, random) for name, values in space.items()}
        key = tuple((type(one), one) for one in settings.values())
        if key in known:
            misses += 1
            continue
        known.add(key)
        misses = 0
        found.append(settings)
    return found


def size_of(space: Space) -> int | None:
    """Return the number of different settings, or None if there is no limit.

    Examples
    --------
    >>> size_of({"size": Between(1, 4, whole=True), "kind": ["a", "b"]})
    8
    """
    total = 1
    for values in space.values():
        if isinstance(values, list):
            total *= len(values)
        elif values.whole:
            total *= int(values.high) - int(values.low) + 1
        else:
            return None
    return total


def draw(values: list[Any] | Between, random: np.random.Generator) -> Any:
    """Return a random value from a list or a range."""
    if isinstance(values, Between):
        return values.draw(random)
    return values[int(random.integers(len(values)))]


def as_plain(space: Space) -> dict[str, Any]:
    """Return a space as a JSON value."""
    return {
        name: values.as_plain() if isinstance(values, Between) else list(values)
        for name, values in space.items()
    }
