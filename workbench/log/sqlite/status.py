"""Status of a log as a mapping whose items are stored in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Protocol

from workbench.log.column import MISSING, PLAIN
from workbench.log.records import check_name
from workbench.utils.values import to_python


class Keeper(Protocol):
    """Protocol for logs that store the items of their status."""

    def refresh(self) -> None:
        """Read records that another process has written."""

    def keep_fact(self, key: str, value: Any) -> None:
        """Store an item, or remove it if `value` is `MISSING`."""


class SQLiteStatus(MutableMapping[str, Any]):
    """Status of an `SQLiteLog`: a mapping that stores its items in the database.

    A value is stored when it is assigned. After changing a list or dictionary, assign it again.

    Parameters
    ----------
    log : SQLiteLog
        The log that the status belongs to.

    Attributes
    ----------
    facts : dict
        The items in memory.

    Examples
    --------
    >>> from workbench.log import SQLiteLog
    >>> status = SQLiteLog(":memory:").status
    >>> status["note"] = "first attempt"
    >>> isinstance(status, SQLiteStatus), status
    (True, {'iterations_done': 0, 'epochs_done': 0, '_epoch_ends': [], 'note': 'first attempt'})
    """

    def __init__(self, log: Keeper) -> None:
        self._log = log
        self.facts: dict[str, Any] = {"iterations_done": 0, "epochs_done": 0, "_epoch_ends": []}

    def __getitem__(self, key: str) -> Any:
        self._log.refresh()
        return self.facts[key]

    def __setitem__(self, key: str, value: Any) -> None:
        check_name("a status item", key)
        if type(value) not in PLAIN:
            value = to_python(value)
        self._log.keep_fact(key, value)
        self.facts[key] = value

    def __delitem__(self, key: str) -> None:
        if key in self.facts:
            self._log.keep_fact(key, MISSING)
        del self.facts[key]

    def __iter__(self) -> Iterator[str]:
        self._log.refresh()
        return iter(tuple(self.facts))

    def __len__(self) -> int:
        return len(self.facts)

    def replace(self, facts: Mapping[str, Any]) -> None:
        """Replace all items with `facts`, in memory only."""
        for key in self.facts.keys() - facts.keys():
            del self.facts[key]
        for key, value in facts.items():
            check_name("a status item", key)
            self.facts[key] = to_python(value)

    def __repr__(self) -> str:
        return repr(dict(self))
