"""Integers that record which setting of a brick they were computed from.

The sizes in the settings of some bricks are temporarily replaced with equal `Traced`
integers. The values that bricks compute from them (a dimension, or the settings of a child) then
show which setting must change to give a different result. `workbench.bricks.fixes` uses this
information to find a fix. Brick classes therefore need not declare how their dimensions depend on
their settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from workbench.bricks.dimensions import COUNTS, is_dimension
from workbench.bricks.lazy import is_set
from workbench.graph.hierarchy import Component

Assignment = tuple[Component, str, Any]
"""A brick, the attribute that was assigned, and the value."""

recorded: ContextVar[list[Assignment] | None] = ContextVar("recorded", default=None)
"""List where bricks record assignments to their attributes instead of performing them."""


SIZES = {*COUNTS, "image_size"}
"""Settings, other than dimensions, whose values are sizes or counts."""


@dataclass(frozen=True)
class Setting:
    """A setting of a brick, or one item of a setting with several items.

    Attributes
    ----------
    brick : Brick
    name : str
        The key in the instance dictionary, which may start with an underscore.
    key : int, str or None
        The index or key of the item; ``None`` if the setting is a single number.
    """

    brick: Component
    name: str
    key: Any = None


class Traced(int):
    """An integer that is computed from a setting, as ``factor * setting + offset``.

    Attributes
    ----------
    source : Setting
    factor, offset : Fraction
    unset : bool
        True if the setting has no value and this integer is only a placeholder.
    """

    source: Setting
    factor: Fraction
    offset: Fraction
    unset: bool

    def __new__(
        cls,
        value: int,
        source: Setting,
        factor: Fraction = Fraction(1),
        offset: Fraction = Fraction(0),
        unset: bool = False,
    ) -> Traced:
        new = super().__new__(cls, value)
        new.source, new.factor, new.offset, new.unset = source, factor, offset, unset
        return new

    def setting_for(self, wanted: int) -> int | None:
        """Return the setting value that makes this integer equal to `wanted`, or ``None``."""
        value = (wanted - self.offset) / self.factor if self.factor else Fraction(1, 2)
        return int(value) if value.denominator == 1 and value >= 0 else None

    def _linear(self, value: int, factor: Fraction, offset: Fraction) -> Traced:
        return Traced(value, self.source, factor, offset, self.unset)

    def __mul__(self, other: Any) -> Any:
        if not _is_plain(other):
            return int(self) * _plain(other)
        return self._linear(int(self) * other, self.factor * other, self.offset * other)

    def __add__(self, other: Any) -> Any:
        if not _is_plain(other):
            return int(self) + _plain(other)
        return self._linear(int(self) + other, self.factor, self.offset + other)

    def __sub__(self, other: Any) -> Any:
        return self + -other if _is_plain(other) else int(self) - _plain(other)

    def __floordiv__(self, other: Any) -> Any:
        if not _is_plain(other) or not other or int(self) % other:
            return int(self) // _plain(other)
        return self._linear(int(self) // other, self.factor / other, self.offset / other)

    __rmul__, __radd__ = __mul__, __add__


def _plain(value: Any) -> Any:
    """Return a traced integer as a plain integer, for results that depend on several settings."""
    return int(value) if isinstance(value, Traced) else value


def _is_plain(value: object) -> bool:
    return type(value) is int


@contextmanager
def traced(bricks: Iterable[Component]) -> Iterator[None]:
    """Replace sizes in the settings of `bricks` with traced integers inside the ``with`` block.

    A required setting without a value is replaced by a traced integer with the value 1.
    """
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for brick in bricks:
            own = vars(brick)
            required = own.get("allocation_args", ())
            for name, value in list(own.items()):
                if not (name in required or name in SIZES or is_dimension(name)):
                    continue
                new = _traced(value, Setting(brick, name), name in required)
                if new is not value:
                    before.append((own, name, value))
                    own[name] = new
        yield
    finally:
        for own, name, value in reversed(before):
            own[name] = value


def _traced(value: Any, source: Setting, required: bool) -> Any:
    name = source.name
    if type(value) is int:
        return Traced(value, source)
    if isinstance(value, (list, tuple, Mapping)):
        if source.key is not None:
            return value  # nested items are not traced
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        new = {key: _traced(one, Setting(source.brick, name, key), True) for key, one in pairs}
        return new if isinstance(value, Mapping) else type(value)(new.values())
    several = source.key is None and name.endswith("s") and name not in COUNTS
    if required and not several and not is_set(value):
        return Traced(1, source, unset=True)
    return value


def assignments_of(run: Callable[[], object]) -> list[Assignment]:
    """Call `run`, and return its attempted assignments to attributes of bricks.

    No assignment is performed. If `run` raises an error, the assignments before the error are
    returned.
    """
    found: list[Assignment] = []
    token = recorded.set(found)
    try:
        run()
    except Exception:  # settings may be missing, or depend on an assignment that was not performed
        return found
    finally:
        recorded.reset(token)
    return found


def leaves(value: Any) -> list[tuple[Any, Any]]:
    """Return the keys and items of a list, tuple or dict; any other value has the key None."""
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    return [(None, value)]
