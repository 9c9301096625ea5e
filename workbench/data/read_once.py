"""Support for data from generators, which can be read only once and in order.

All other data in this package can be read again from any position, as is necessary to resume, to
rewind and to start another epoch. The `reads_once` attribute marks data that can be
read only once. Reading such data a second time raises an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

from workbench.errors import DataError

T = TypeVar("T")

ALREADY_READ = (
    "{name}, of type {kind}, can be read only once and has already been read, at least in part; it "
    "does not support a second epoch, rewinding, or continuing after an error while reading. Pass "
    "a list, a DataLoader, or an object whose __iter__ starts from the beginning, or end training "
    "after the first epoch"
)


class ReadOnce(Iterable[T], Generic[T]):
    """Iterable that wraps an iterator and raises an error when it is iterated over a second time.

    Parameters
    ----------
    iterator : iterator
        The iterator, which may be endless.
    name : str
        The name of the iterator in error messages.

    Attributes
    ----------
    kind : str
        The name of the iterator's class.

    Examples
    --------
    >>> squares = ReadOnce((n * n for n in itertools.count()), "the source 'x'")
    >>> squares.first(), list(itertools.islice(squares, 3))
    ([0], [0, 1, 4])
    >>> iter(squares)
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: the source 'x', of type generator, can be read only once ...
    """

    def __init__(self, iterator: Iterator[T], name: str) -> None:
        self.kind = type(iterator).__name__
        self._name = name
        self._iterator = iterator
        self._started = False

    def first(self) -> list[T]:
        """Return a list with the first element, if any; iteration still yields this element."""
        found = list(itertools.islice(self._iterator, 1))
        self._iterator = itertools.chain(found, self._iterator)
        return found

    def __iter__(self) -> Iterator[T]:
        if self._started:
            raise DataError(ALREADY_READ.format(name=self._name, kind=self.kind))
        self._started = True
        return self._iterator

    def __repr__(self) -> str:
        return f"ReadOnce({self.kind})"


def once(iterable: Any, name: str) -> Any:
    """Return `iterable`, wrapped in a `ReadOnce` if it is an iterator."""
    return ReadOnce(iterable, name) if isinstance(iterable, Iterator) else iterable
