"""Functions that truncate, read and compare states from `TrainingLogBase.state_dict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.log.interventions import INTERVENTIONS, brief
from workbench.session.snapshots import Snapshot


def log_until(state: Mapping[str, Any], snapshot: Snapshot, uuid: str) -> dict[str, Any]:
    """Return the state of a log up to a snapshot; the last row is taken from the snapshot."""
    end = snapshot.iteration
    columns: dict[str, Any] = {}
    for name, (iterations, values) in state["columns"].items():
        count = int(np.searchsorted(iterations, end))
        if name in snapshot.row:
            kept, own = values[:count], snapshot.row[name]
            columns[name] = (
                np.append(iterations[:count], end),
                [*kept, own] if _objects(values) else np.append(kept, own),
            )
        elif count:
            columns[name] = (iterations[:count], values[:count])
    rows = np.asarray(state["rows"])
    kept_rows = rows[: int(np.searchsorted(rows, end))]
    if snapshot.row:
        kept_rows = np.append(kept_rows, end)
    return {"uuid": uuid, "status": snapshot.status, "rows": kept_rows, "columns": columns}


def _objects(values: Any) -> bool:
    return not (isinstance(values, np.ndarray) and values.dtype != object)


def row_of(state: Mapping[str, Any], iteration: int) -> dict[str, Any]:
    """Return the records of one row in the state of a log."""
    found = {}
    for name, (iterations, values) in state["columns"].items():
        index = int(np.searchsorted(iterations, iteration))
        if index < len(iterations) and iterations[index] == iteration:
            found[name] = values[index]
    return found


def differing(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return the names of float records, except times, that differ between two rows."""
    return [
        name
        for name, value in expected.items()
        if _repeatable(name)
        and isinstance(value, (float, np.floating))
        and isinstance(found.get(name), (float, np.floating))
        and not np.array_equal(value, found[name], equal_nan=True)
    ]


def unlike(
    expected: Mapping[str, Any], found: Mapping[str, Any], start: int, end: int
) -> str | None:
    """Describe the first float record that differs between two states of a log.

    Records of times, and records that only one of the two states contains, are ignored.

    Parameters
    ----------
    expected, found : mapping
    start, end : int
        The iterations to compare, from ``start + 1`` to `end`.

    Returns
    -------
    str or None
        The description, or None if there is no difference.

    Examples
    --------
    >>> rows = np.array([1, 2])
    >>> logged = {"columns": {"cost": (rows, np.array([0.5, 0.25]))}}
    >>> repeated = {"columns": {"cost": (rows, np.array([0.5, 0.125]))}}
    >>> unlike(logged, repeated, 0, 2)
    'cost at iteration 2 is 0.125, but was 0.25'
    """
    first: tuple[int, str] | None = None
    for name, (iterations, values) in expected["columns"].items():
        if not _repeatable(name) or name not in found["columns"]:
            continue
        others, other_values = found["columns"][name]
        shared, mine, theirs = np.intersect1d(
            iterations, others, assume_unique=True, return_indices=True
        )
        for k in np.flatnonzero((shared > start) & (shared <= end)):
            was, now = values[mine[k]], other_values[theirs[k]]
            floats = isinstance(was, (float, np.floating)) and isinstance(now, (float, np.floating))
            if floats and not np.array_equal(was, now, equal_nan=True):
                if first is None or shared[k] < first[0]:
                    at = f"{name} at iteration {shared[k]:,}"
                    digits = (brief(now), brief(was))
                    is_, then = (
                        digits if digits[0] != digits[1] else (repr(float(now)), repr(float(was)))
                    )
                    first = int(shared[k]), f"{at} is {is_}, but was {then}"
                break
    return None if first is None else first[1]


def _repeatable(name: str) -> bool:
    """Return True if a record must be the same when training is repeated."""
    return name != INTERVENTIONS and "time" not in name
