"""Functions that truncate, read and compare states from `TrainingLogBase.state_dict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.log.interventions import INTERVENTIONS
from workbench.session.snapshots import Snapshot


def log_until(state: Mapping[str, Any], snapshot: Snapshot, uuid: str) -> dict[str, Any]:
    """Return the state of a log up to a snapshot, with the last row as it was at the snapshot."""
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
        if name != INTERVENTIONS
        and "time" not in name
        and isinstance(value, (float, np.floating))
        and isinstance(found.get(name), (float, np.floating))
        and not np.array_equal(value, found[name], equal_nan=True)
    ]
