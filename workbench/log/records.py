"""The protocol of records, which a backend defines and rows, frames and series use.

A record has an iteration and a name. The records of a run become visible by `Records.commit`, so
that other threads see all records of an event together. `workbench.log.backends` describes how a
main loop uses another backend.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from workbench.errors import LogError
from workbench.log.frames import Snapshot

NOT_STORABLE = "the name of {what} must be text that can be written as UTF-8, not {name!r}"


@runtime_checkable
class Records(Protocol):
    """Values by iteration and name, which become visible to other threads together."""

    @property
    @abstractmethod
    def version(self) -> int:
        """A number that grows whenever records become visible or are removed."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Return a context in which the records of this thread become visible by `commit`.

        The thread itself sees its records at once. Leaving the context commits.

        Raises
        ------
        LogError
            If a thread is within such a context of this log already.
        """

    @abstractmethod
    def commit(self) -> None:
        """Make all records of this thread visible to all threads at once."""

    def record(self, iteration: int, name: str, value: Any) -> None:
        """Store one record; it replaces an older one of the same iteration and name."""
        self.record_all(iteration, {name: value})

    @abstractmethod
    def record_all(self, iteration: int, records: dict[str, Any]) -> None:
        """Store `records`, which now belong to the log, so that they become visible together.

        A backend converts the values by `workbench.utils.values.to_python`.
        """

    @abstractmethod
    def find(self, iteration: int, name: str) -> Any:
        """Return the recorded value, or `column.MISSING`."""

    @abstractmethod
    def names(self, iteration: int) -> list[str]:
        """Return the names of the records of one iteration, in order of first appearance."""

    @abstractmethod
    def forget(self, iteration: int, name: str) -> None:
        """Remove a record that exists."""

    @abstractmethod
    def snapshot(self, names: tuple[str, ...] | None = None) -> Snapshot:
        """Return the existing columns of `names`, or all columns, at one instant."""

    @abstractmethod
    def replace(self, rows: NDArray[Any], columns: Mapping[str, tuple[Any, Any]]) -> None:
        """Replace all records by these, which are iterations and values by name.

        Raises
        ------
        StateError
            If they are not the records of a log; then nothing changes.
        """


def check_name(what: str, name: Any) -> None:
    """Raise `LogError` unless every backend allows `name` for a record or a fact."""
    if not isinstance(name, str) or not (name.isascii() or storable(name)):
        raise LogError(NOT_STORABLE.format(what=what, name=name))


def storable(text: str) -> bool:
    """Return True if `text` can be written as UTF-8; half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
