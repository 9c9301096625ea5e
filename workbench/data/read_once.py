"""Generators as data: read once, in order, by a run that never has to go back.

Everything else in this package can be read again from any position, which is what resuming,
rewinding and further epochs need. What can only be read once says so (`reads_once`), and whoever
comes back to it gets an error instead of other data.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

from workbench.errors import DataError

T = TypeVar("T")

ALREADY_READ = (
    "{name} is a {kind}, which can be read only once, and that has begun: there is no second "
    "epoch, no rewinding and no going on after an error while reading. Give a list, a DataLoader, "
    "or an object whose __iter__ starts from the beginning; or end training with the first epoch"
)


class ReadOnce(Iterable[T], Generic[T]):
    """An iterator that may be asked for its elements once.

    Parameters
    ----------
    iterator : iterator
        Endless ones are welcome.
    name : str
        What to call it in errors.

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
    workbench.errors.DataError: the source 'x' is a generator, which can be read only once, ...
    """

    def __init__(self, iterator: Iterator[T], name: str) -> None:
        self.kind = type(iterator).__name__
        self._name = name
        self._iterator = iterator
        self._begun = False

    def first(self) -> list[T]:
        """The first element, if there is one; it is still given when reading begins."""
        found = list(itertools.islice(self._iterator, 1))
        self._iterator = itertools.chain(found, self._iterator)
        return found

    def __iter__(self) -> Iterator[T]:
        if self._begun:
            raise DataError(ALREADY_READ.format(name=self._name, kind=self.kind))
        self._begun = True
        return self._iterator

    def __repr__(self) -> str:
        return f"ReadOnce({self.kind})"


def once(iterable: Any, name: str) -> Any:
    """`iterable` itself, or a `ReadOnce` of it where it is an iterator."""
    return ReadOnce(iterable, name) if isinstance(iterable, Iterator) else iterable
