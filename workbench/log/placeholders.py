"""Placeholders for log values in a database that were not loaded or cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DAMAGED = "<damaged in the database: {reason}>"


@dataclass(frozen=True, slots=True)
class Pickled:
    """Placeholder for a pickled object in a database that was opened without ``trusted=True``.

    Attributes
    ----------
    data : bytes
        The pickle, which has not been loaded.
    """

    data: bytes = field(repr=False)

    def __repr__(self) -> str:
        size = len(self.data)
        return f"<a pickle of {size} bytes, not loaded; open the log with trusted=True to load it>"


@dataclass(frozen=True, slots=True)
class Damaged:
    """Placeholder for a value in the database that can no longer be read.

    Attributes
    ----------
    reason : str
        The error that was raised when the value was read.
    data : object
        The stored value.
    kind : object
        The kind of the value according to the database.
    """

    reason: str
    data: Any = field(repr=False)
    kind: Any = field(repr=False)

    def __repr__(self) -> str:
        return DAMAGED.format(reason=self.reason)
