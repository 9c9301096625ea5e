"""`AnnotatingList`, a list that calls a method for every item that is inserted or removed.

The children and the parameters of a brick are stored in such lists. Whenever an item is added, the
list records the parent of the child, or the brick that owns the parameter.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, MutableSequence
from typing import SupportsIndex, TypeVar, overload

from workbench.names import explain_missing

__all__ = [
    "AnnotatingList",
]

T = TypeVar("T")


class AnnotatingList(MutableSequence[T]):
    """List whose subclasses are notified when items are inserted or removed.

    Subclasses override `_setitem` and `_delitem`. Both are called before the list changes, so an
    exception in either method prevents the change. Replacing an item removes the old item and
    inserts the new item.

    Parameters
    ----------
    items : iterable, optional
        The initial items; `_setitem` is called for each of them.

    Examples
    --------
    >>> class Loud(AnnotatingList):
    ...     def _setitem(self, key, value):
    ...         print(f"insert {value} at {key}")
    ...     def _delitem(self, key):
    ...         print(f"remove {self[key]}")
    >>> names = Loud(["a"])
    insert a at 0
    >>> names[0] = "b"
    remove a
    insert b at 0
    >>> names
    ['b']

    ``+`` and `copy` return a plain list:

    >>> names + ["c"]
    ['b', 'c']
    """

    def __init__(self, items: Iterable[T] | None = None) -> None:
        self._items: list[T] = []
        self.extend(items or ())

    def _setitem(self, key: int, value: T) -> None:
        """Process `value` before it is stored at index `key`; subclasses override this method."""

    def _delitem(self, key: int) -> None:
        """Process the item at index `key` before it is removed; subclasses override this method."""

    def insert(self, key: int, value: T) -> None:
        """Insert `value` before index `key`, as `list.insert` does."""
        self._setitem(slice(key, None).indices(len(self))[0], value)
        self._items.insert(key, value)

    @overload
    def __getitem__(self, key: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> list[T]: ...
    def __getitem__(self, key: SupportsIndex | slice) -> T | list[T]:
        return self._items[key]

    @overload
    def __setitem__(self, key: SupportsIndex, value: T) -> None: ...
    @overload
    def __setitem__(self, key: slice, value: Iterable[T]) -> None: ...
    def __setitem__(self, key: SupportsIndex | slice, value: T | Iterable[T]) -> None:
        new: list[T] = list(value) if isinstance(key, slice) else [value]  # type: ignore[arg-type, list-item]
        places = self._places(key)
        changed = list(self._items)  # so that a wrong index or size fails before any method call
        changed[key] = new if isinstance(key, slice) else new[0]  # type: ignore[index, assignment]
        for place in places:
            self._delitem(place)
        for place, item in zip(itertools.count(places.start, places.step), new, strict=False):
            self._setitem(place, item)
        self._items = changed

    def __delitem__(self, key: SupportsIndex | slice) -> None:
        changed = list(self._items)
        del changed[key]
        for place in self._places(key):
            self._delitem(place)
        self._items = changed

    def _places(self, key: SupportsIndex | slice) -> range:
        places = range(len(self))
        return places[key] if isinstance(key, slice) else range(places[key], places[key] + 1)

    def __len__(self) -> int:
        return len(self._items)

    def copy(self) -> list[T]:
        """Return a plain list of the items."""
        return list(self._items)

    def __add__(self, other: Iterable[T]) -> list[T]:
        return [*self._items, *other] if _is_list(other) else NotImplemented

    def __radd__(self, other: Iterable[T]) -> list[T]:
        return [*other, *self._items] if _is_list(other) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AnnotatingList):
            return self._items == other._items
        return self._items == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._items)


def _is_list(other: object) -> bool:
    return isinstance(other, (list, AnnotatingList))


explain_missing(__name__)
