"""Protocol that backends implement to store the records of a log.

A record has an iteration and a name. `Records.commit` makes the records of a run visible, so that
other threads see all records of an event at the same time. `workbench.log.backends` describes how a
main loop uses a different backend.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from workbench.errors import LogError
from workbench.log.frames import Snapshot

NOT_STORABLE = "the name of {what} must be a string that can be encoded as UTF-8, not {name!r}"


@runtime_checkable
class Records(Protocol):
    """Protocol for storing values by iteration and name."""

    @property
    @abstractmethod
    def version(self) -> int:
        """A number that increases whenever records become visible or are removed."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Return a context manager that hides the records of this thread until `commit`.

        The records are hidden only from other threads. Leaving the context commits all records.

        Raises
        ------
        LogError
            If a thread has already entered this context for the log.
        """

    @abstractmethod
    def commit(self) -> None:
        """Make all records of this thread visible to all threads at the same time."""

    def record(self, iteration: int, name: str, value: Any) -> None:
        """Store one record; replace an existing record of the same iteration and name."""
        self.record_all(iteration, {name: value})

    @abstractmethod
    def record_all(self, iteration: int, records: dict[str, Any]) -> None:
        """Store `records`, which become visible together and must not be changed later.

        A backend converts the values with `workbench.utils.values.to_python`.
        """

    @abstractmethod
    def find(self, iteration: int, name: str) -> Any:
        """Return the recorded value, or `column.MISSING` if there is none."""

    @abstractmethod
    def names(self, iteration: int) -> list[str]:
        """Return the names of one iteration's records, in order of first appearance."""

    @abstractmethod
    def forget(self, iteration: int, name: str) -> None:
        """Remove an existing record."""

    @abstractmethod
    def snapshot(self, names: tuple[str, ...] | None = None) -> Snapshot:
        """Return a snapshot of all columns, or of the existing columns among `names`."""

    @abstractmethod
    def replace(self, rows: NDArray[Any], columns: Mapping[str, tuple[Any, Any]]) -> None:
        """Replace all records with `columns`, a mapping from name to iterations and values.

        Raises
        ------
        StateError
            If the arguments are not valid records; the log is then unchanged.
        """


def check_name(what: str, name: Any) -> None:
    """Raise a `LogError` unless every backend allows `name` for a record or a status item."""
    if not isinstance(name, str) or not (name.isascii() or storable(name)):
        raise LogError(NOT_STORABLE.format(what=what, name=name))


def listed(channels: Collection[str], *, several: bool = False) -> str:
    """Return the end of an error message: a list of the channels in a log or in `several` logs.

    Examples
    --------
    >>> listed(["cost", "accuracy"]), listed(["cost"])
    ('; its channels are cost, accuracy', '; its only channel is cost')
    >>> listed([], several=True)
    '; they are empty'
    """
    if not channels:
        return "; they are empty" if several else "; it is empty"
    what = "only channel is" if len(channels) == 1 else "channels are"
    return f"; {'their' if several else 'its'} {what} {', '.join(channels)}"


def storable(text: str) -> bool:
    """Return True if `text` can be encoded as UTF-8, that is, has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
