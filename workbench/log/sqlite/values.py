"""Encoding and decoding of log values for an SQLite database.

Numbers, strings and None are stored directly; arrays are stored as the contents of an ``.npy``
file; lists, tuples and dictionaries of plain values are stored as JSON. All other values are
pickled, and are unpickled only if the log is opened with ``trusted=True``. The kind of a stored
value defines its encoding.
"""

from __future__ import annotations

import io
import json
import math
from typing import Any, Final, NamedTuple

import numpy as np

from workbench.errors import LogError
from workbench.log.column import PLAIN
from workbench.log.placeholders import Damaged, Pickled
from workbench.log.records import storable
from workbench.utils.npy import array_of

DELETED: Final = "deleted"
"""Kind of a record that was removed; its row remains."""

ABSENT: Final = "absent"
"""Kind of a row that hides an ancestor's record from the log."""

NOT_PICKLED = (
    "record {name!r} must be a value that an SQLite log can store, not a value of type {type} that "
    "cannot be pickled ({error}); store numbers, strings, arrays, or lists and dictionaries of "
    "such values"
)
UNKNOWN_KIND = "unknown kind {kind!r}"


class Stored(NamedTuple):
    """Value as stored in the database, with its kind (None if the value is stored unchanged)."""

    value: Any
    kind: str | None

    @property
    def size(self) -> int:
        """The approximate size of the value in bytes; 8 for a number or None."""
        return len(self.value) if isinstance(self.value, (bytes, str)) else 8


def encoded(name: str, value: Any) -> Stored:
    """Encode `value`, which was recorded as `name`, for the database.

    Raises
    ------
    LogError
        If the value cannot be pickled.

    Examples
    --------
    >>> encoded("cost", 0.5), encoded("best", True)
    (Stored(value=0.5, kind=None), Stored(value=1, kind='bool'))
    >>> decoded(*encoded("sizes", (3, [4])))
    (3, [4])
    """
    if type(value) in PLAIN:
        return _number_or_text(value)
    if isinstance(value, Pickled):
        return Stored(value.data, "pickle")
    if isinstance(value, Damaged):
        return Stored(value.data, value.kind)
    if type(value) is bytes:
        return Stored(value, "bytes")
    if type(value) is np.ndarray and not value.dtype.hasobject:
        buffer = io.BytesIO()
        np.save(buffer, value, allow_pickle=False)
        return Stored(buffer.getvalue(), "npy")
    try:
        return Stored(json.dumps(_tagged(value)), "json")
    except (TypeError, RecursionError):
        return Stored(_pickled(name, value), "pickle")


def decoded(value: Any, kind: str | None, trusted: bool = False) -> Any:
    """Decode a value that `encoded` returned.

    A pickle becomes a `Pickled` unless `trusted` is True, and a damaged value becomes a `Damaged`.

    Examples
    --------
    >>> decoded("{", "json")
    <damaged in the database: JSONDecodeError: Expecting property name enclosed in double quotes...>
    """
    try:
        return _decoded(value, kind, trusted)
    except Exception as error:
        return Damaged(f"{type(error).__name__}: {error}", value, kind)


def _decoded(value: Any, kind: str | None, trusted: bool) -> Any:
    match kind:
        case None:
            if isinstance(value, str) and not storable(value):
                raise ValueError("this text is not UTF-8")
            return value
        case "bytes":
            return value
        case "nan":
            return math.nan
        case "bool":
            return bool(value)
        case "int":
            return int(value)
        case "npy":
            return array_of(value)
        case "json":
            return _untagged(json.loads(value))
        case "pickle":
            return _unpickled(value) if trusted else Pickled(value)
    raise ValueError(UNKNOWN_KIND.format(kind=kind))


def _number_or_text(value: Any) -> Stored:
    if type(value) is bool:
        return Stored(int(value), "bool")
    if type(value) is int and not -(2**63) <= value < 2**63:
        return Stored(str(value), "int")
    if type(value) is float and math.isnan(value):  # SQLite would store NULL
        return Stored(None, "nan")
    if type(value) is str and not storable(value):
        return Stored(json.dumps(value), "json")
    return Stored(value, None)


def _tagged(value: Any) -> Any:
    """Convert a value to JSON values; `_untagged` restores the value and its types."""
    if type(value) in PLAIN:
        return value
    if type(value) is list:
        return [_tagged(item) for item in value]
    if type(value) is tuple:
        return {"tuple": [_tagged(item) for item in value]}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {key: _tagged(item) for key, item in value.items()}}
    raise TypeError


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_untagged(item) for item in value["tuple"])
    return {key: _untagged(item) for key, item in value["dict"].items()}


def _pickled(name: str, value: Any) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(value))
    except Exception as error:
        raise LogError(
            NOT_PICKLED.format(name=name, type=type(value).__name__, error=error)
        ) from error


def _unpickled(data: bytes) -> Any:
    import pickle

    return pickle.loads(data)
