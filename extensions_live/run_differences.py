"""Table of the differences between runs: state, hyperparameters, interventions and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from extensions_live.formatting import format_number
from extensions_live.messages import Difference
from extensions_live.plot_marks import CHANNELS, described
from workbench.errors import LogError

if TYPE_CHECKING:
    from extensions_live.runs import Run
    from workbench.log import TrainingLogBase

MOST_LINES = 6
MOST_ROWS = 40
ABSENT = "-"


def differences(runs: Sequence[Run]) -> list[Difference]:
    """Return a line for each fact that is not the same in all runs, at most `MOST_ROWS`.

    Numbers are compared exactly, but shown with four significant digits.
    """
    columns = [facts(run) for run in runs]
    names = list(dict.fromkeys(name for column in columns for name in column))
    order = ("run", "hyperparameters", "interventions", "results")
    lines: list[Difference] = []
    for group, name in sorted(names, key=lambda pair: order.index(pair[0])):
        values = [column.get((group, name)) for column in columns]
        known = [value for value in values if value is not None]
        if len(runs) > 1 and len(set(map(repr, values))) == 1:
            continue
        if group == "hyperparameters" and len(set(known)) == 1:
            continue  # the others are not known, which is no difference
        lines.append({"group": group, "name": name, "values": [shown(value) for value in values]})
    return lines[:MOST_ROWS]


def shown(value: float | str | None) -> str:
    """Return a value as text."""
    if value is None:
        return ABSENT
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, str) else format_number(value)


def facts(run: Run) -> dict[tuple[str, str], float | str]:
    """Return the facts about a run by group and name."""
    log = run.log
    if log is None:
        return {}
    found: dict[tuple[str, str], float | str] = {
        ("run", "iterations"): int(log.status["iterations_done"])
    }
    if epochs := int(log.status["epochs_done"]):  # a frame of all rows does not know its epochs
        found["run", "epochs"] = epochs
    records = interventions(log)
    session = run.session
    if session is not None:
        run.hyperparameters = {one.path: float(one.value) for one in session.hyperparameters}
    values = run.hyperparameters or last_values(records)
    found |= {("hyperparameters", name): value for name, value in values.items()}
    if records:
        found["interventions", "changes"] = listed(records)
    for name, value in log.latest().items():
        timing = name.startswith("time_") and name != "time_train_total"
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not timing:
            found["results", name] = float(value)
    for name, value in log.status.items():
        if name.startswith("best_") and isinstance(value, (int, float)):
            found["results", name.replace("_", " ", 1)] = float(value)
    return found


def interventions(log: TrainingLogBase) -> list[tuple[int, Mapping[str, object]]]:
    """Return the interventions in a log, each with its iteration."""
    try:
        iterations, rows = log.entries(CHANNELS["intervention"])
    except LogError:
        return []
    return [
        (iteration, record)
        for iteration, records in zip(iterations.tolist(), rows, strict=True)
        for record in (records if isinstance(records, (list, tuple)) else ())
        if isinstance(record, Mapping)
    ]


def last_values(records: Sequence[tuple[int, Mapping[str, object]]]) -> dict[str, float]:
    """Return the last value that interventions gave to each variable."""
    return {
        str(record.get("path") or record["variable"]): float(value)
        for _, record in records
        if "variable" in record and isinstance(value := record.get("value"), (int, float))
    }


def listed(records: Sequence[tuple[int, Mapping[str, object]]]) -> str:
    """Return the interventions that changed training, one per line."""
    lines = [
        line
        for iteration, record in records
        for line in described("intervention", [record], iteration)
    ]
    rest = len(lines) - MOST_LINES
    return "\n".join(lines[:MOST_LINES] + ([f"and {rest:,} more"] if rest > 0 else [])) or "none"
