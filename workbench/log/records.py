"""The protocol of records: what rows, frames and series ask of a log, and what a backend defines.

Records are known by iteration and name. Those that a run makes wait for `Records.commit`, so that
other threads see an event of training as a whole. See `workbench.log.backends` for how a main loop
comes to use another backend.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from numpy.typing import NDArray

from workbench.errors import LogError
from workbench.log.frames import Snapshot

NOT_STORABLE = "the name of {what} must be text that can be written as UTF-8, not {name!r}"


class Records(Protocol):
    """Values by iteration and name, which become visible to other threads together."""

    @property
    @abstractmethod
    def version(self) -> int:
        """A number that grows whenever records become visible or are removed."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Return a context in which this thread's records wait for `commit`.

        The thread itself sees its records at once. Leaving the context commits.

        Raises
        ------
        LogError
            If some thread is within such a context of this log already.
        """

    @abstractmethod
    def commit(self) -> None:
        """Make everything that this thread has recorded visible to all, at one instant."""

    def record(self, iteration: int, name: str, value: Any) -> None:
        """Store one record, over an older one of the same iteration and name."""
        self.record_all(iteration, {name: value})

    @abstractmethod
    def record_all(self, iteration: int, records: dict[str, Any]) -> None:
        """Store `records`, which now belong to the log, so that they become visible together.

        Values are as they were recorded: a backend that keeps them passes each through
        `workbench.utils.values.to_python`.
        """

    @abstractmethod
    def find(self, iteration: int, name: str) -> Any:
        """Return the value recorded, or `column.MISSING`."""

    @abstractmethod
    def names(self, iteration: int) -> list[str]:
        """Return the names of the records of one iteration, in order of first appearance."""

    @abstractmethod
    def forget(self, iteration: int, name: str) -> None:
        """Remove a record that exists."""

    @abstractmethod
    def snapshot(self, names: tuple[str, ...] | None = None) -> Snapshot:
        """Return the columns called `names` that exist, all if not given, as of one instant."""

    @abstractmethod
    def replace(self, rows: NDArray[Any], columns: Mapping[str, tuple[Any, Any]]) -> None:
        """Put these records, iterations and values by name, in the place of all others.

        Raises
        ------
        StateError
            If they are not the records of a log; nothing changes then.
        """


def check_name(what: str, name: Any) -> None:
    """Raise `LogError` unless `name` can be that of a record or a fact in every backend."""
    if not isinstance(name, str) or not (name.isascii() or storable(name)):
        raise LogError(NOT_STORABLE.format(what=what, name=name))


def storable(text: str) -> bool:
    """Return True if `text` can be written as UTF-8; half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
