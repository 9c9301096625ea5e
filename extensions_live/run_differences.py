"""Table of the differences between runs: progress, hyperparameters, interventions and results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from extensions_live.formatting import format_number
from extensions_live.log_values import last_batch_of
from extensions_live.messages import Difference
from extensions_live.plot_marks import described
from workbench.log.column import as_float
from workbench.log.differences import STARTED_FROM, Fact, differing, numbers_in
from workbench.log.interventions import Intervention, interventions_in
from workbench.log.last_batch import epochs_first, marked

if TYPE_CHECKING:
    from extensions_live.runs import Run

MOST_LINES = 6
MOST_ROWS = 40
ABSENT = "-"
HEADINGS = {
    "run": "run",
    "hyperparameter": "hyperparameters",
    "intervention": "changes to training",
    "result": "results",
}
"""The heading for each kind of property."""


def differences(runs: Sequence[Run]) -> list[Difference]:
    """Return a line for each property that differs between runs, but at most `MOST_ROWS` lines.

    For a single run, all properties are returned. Floats are compared exactly, but shown with four
    significant digits.
    """
    lines: list[Difference] = []
    found = differing([facts(run) for run in runs], everything=len(runs) == 1)
    logs = [run.log for run in runs if run.log is not None]
    last_batch = frozenset[str]().union(*map(last_batch_of, logs))
    for (kind, name), values in found.items():
        known = {value for value in values if value is not None}
        if kind == "hyperparameter" and len(known) == 1:
            continue  # unknown values do not count as different
        texts = [shown(value) for value in values]
        if kind == "result":
            name = marked(name, last_batch)
        lines.append({"group": HEADINGS[kind], "name": name, "values": texts})
    return lines[:MOST_ROWS]


def shown(value: float | str | None) -> str:
    """Return a value as text."""
    if value is None:
        return ABSENT
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, str) else format_number(value)


def facts(run: Run) -> dict[Fact, float | str]:
    """Return the properties of a run, keyed by kind and name.

    Unlike `workbench.log.differences.facts_of`, this function does not read the rows of the log,
    because the page updates the table during training. Hyperparameters have their current values.
    """
    log = run.log
    if log is None:
        return {}
    found: dict[Fact, float | str] = {("run", "iterations"): int(log.status["iterations_done"])}
    if epochs := int(log.status["epochs_done"]):  # 0 if the log was made from a frame of iterations
        found["run", "epochs"] = epochs
    records = interventions_in(log)
    session = run.session
    if session is not None:
        run.hyperparameters = {one.path: float(one.value) for one in session.hyperparameters}
    values = run.hyperparameters or last_values(records)
    found |= {("hyperparameter", name): value for name, value in values.items()}
    if records:
        found["intervention", "changes"] = listed(records)
    if STARTED_FROM in log.status:
        found["run", "start"] = str(log.status[STARTED_FROM])
    for name, value in epochs_first(numbers_in(log.latest()), last_batch_of(log)).items():
        if not name.startswith("time_") or name == "time_train_total":
            found["result", name] = as_float(value)
    for name, value in numbers_in(log.status).items():
        if name.startswith("best_"):
            found["result", name.replace("_", " ", 1)] = as_float(value)
    return found


def last_values(records: Sequence[tuple[int, Intervention]]) -> dict[str, float]:
    """Return the last value that was assigned to each variable by an intervention."""
    return {
        str(record.get("path") or record["variable"]): as_float(value)
        for _, record in records
        if "variable" in record and isinstance(value := record.get("value"), (int, float))
    }


def listed(records: Sequence[tuple[int, Intervention]]) -> str:
    """Return the interventions that changed training, one per line."""
    lines = [
        line
        for iteration, record in records
        for line in described("intervention", [record], iteration)
    ]
    rest = len(lines) - MOST_LINES
    return "\n".join(lines[:MOST_LINES] + ([f"and {rest:,} more"] if rest > 0 else [])) or "none"
