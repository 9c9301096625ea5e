"""Differences between runs: settings, interventions and results, side by side in a frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import LogError, UnknownRecordError, nearest
from workbench.log.sources import Run

if TYPE_CHECKING:
    import pandas as pd

INTERVENTIONS = "interventions"
"""The channel of commands that changed a run; see `workbench.session.interventions`."""

HYPERPARAMETERS, VERSIONS = "hyperparameters", "versions"
"""Items of the status: hyperparameters at the start by path, and versions of libraries."""

ONE_RUN = "a comparison needs at least two runs, not {count}"
NO_CHANNEL = "none of the runs has a channel {name!r}{hint}"
NOT_NUMBERS = "channel {name!r} must have numbers, since its {which} value is required"


def differences(
    runs: Sequence[Run],
    *,
    best: str | None = None,
    largest: bool = False,
    everything: bool = False,
) -> pd.DataFrame:
    """Return what differs between runs, as `TrainingLogBase.compare` describes it.

    Parameters
    ----------
    runs : sequence of Run
        Two or more runs, as returned by `workbench.log.sources.named_runs`.
    best, largest, everything
        As in `TrainingLogBase.compare`.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> from workbench.log.sources import named_runs
    >>> slow, fast = TrainingLog(), TrainingLog()
    >>> slow.status["hyperparameters"] = {"learning_rate": 0.01}
    >>> fast.status["hyperparameters"] = {"learning_rate": 0.1}
    >>> slow[1]["cost"], fast[1]["cost"] = 2.0, 0.5
    >>> differences(named_runs({"slow": slow, "fast": fast}))
                                   slow fast
    what           name
    hyperparameter learning_rate   0.01  0.1
    result         cost             2.0  0.5
    """
    import pandas as pd

    if len(runs) < 2:
        raise LogError(ONE_RUN.format(count=len(runs)))
    rows: dict[tuple[str, str], list[Any]] = {}
    facts = [facts_of(run, best, largest) for run in runs]
    if best is not None and not any(best in run.frame for run in runs):
        known = list(dict.fromkeys(str(name) for run in runs for name in run.frame))
        hint = nearest(best, known) or f"; their channels are {', '.join(known)}"
        raise UnknownRecordError(NO_CHANNEL.format(name=best, hint=hint))
    order = {what: i for i, what in enumerate(dict.fromkeys(w for f in facts for w, _ in f))}
    keys = list(dict.fromkeys(key for fact in facts for key in fact))
    for key in sorted(keys, key=lambda key: order[key[0]]):
        values = [fact.get(key) for fact in facts]
        if everything or not _alike(values):
            rows[key] = values
    index = pd.MultiIndex.from_tuples(list(rows), names=["what", "name"]) if rows else None
    names = [run.name for run in runs]
    if index is None:
        return pd.DataFrame(columns=names, dtype=object)
    table = np.empty((len(rows), len(runs)), object)
    for place, values in enumerate(rows.values()):
        table[place] = values
    return pd.DataFrame(table, index=index, columns=names)


def facts_of(run: Run, best: str | None = None, largest: bool = False) -> dict[Any, Any]:
    """Return the facts of a run by kind and name: run, settings, interventions, results.

    Parameters
    ----------
    run : Run
    best : str, optional
        The channel whose best value selects the row of results; by default the newest records.
    largest : bool, optional
        True if a larger value is better.
    """
    facts: dict[tuple[str, str], Any] = {}
    status, frame = run.status, run.frame
    for key, name in (("iterations_done", "iterations"), ("epochs_done", "epochs")):
        if key in status:
            facts["run", name] = status[key]
    if not status and len(frame):
        facts["run", "iterations"] = int(frame.index[-1])
    if "threads" in status:
        facts["run", "threads"] = status["threads"]
    for what, key in (("version", VERSIONS), ("hyperparameter", HYPERPARAMETERS)):
        values = status.get(key)
        if isinstance(values, Mapping):
            facts |= {(what, str(name)): value for name, value in values.items()}
    for text, iterations in interventions_of(frame).items():
        facts["intervention", text] = "at " + ", ".join(f"{i:,}" for i in iterations)
    return {**facts, **_results(run, best, largest)}


def interventions_of(frame: pd.DataFrame) -> dict[str, list[int]]:
    """Return the iterations of each intervention in a frame, by the text of the intervention.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[5]["interventions"] = [{"text": "set learning_rate = 0.1", "by": "code"}]
    >>> interventions_of(log.frame)
    {'set learning_rate = 0.1': [5]}
    """
    found: dict[str, list[int]] = {}
    if INTERVENTIONS not in frame:
        return found
    records = frame[INTERVENTIONS].dropna()
    for iteration, row in zip(records.index.tolist(), records.tolist(), strict=True):
        if not isinstance(row, (list, tuple)):
            continue
        for record in row:
            if isinstance(record, Mapping):
                found.setdefault(str(record.get("text", "")), []).append(int(iteration))
    return found


def _results(run: Run, best: str | None, largest: bool) -> dict[tuple[str, str], Any]:
    """Return the newest number of each channel, up to the best row of `best` if it is given."""
    import pandas as pd

    frame = run.frame
    results: dict[tuple[str, str], Any] = {}
    if best is not None:
        if best not in frame:
            return {}
        numbers = pd.to_numeric(frame[best], errors="coerce")
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            which = "largest" if largest else "smallest"
            raise LogError(NOT_NUMBERS.format(name=best, which=which))
        at = numbers.idxmax() if largest else numbers.idxmin()
        results["result", "iteration"] = int(at)
        frame = frame.loc[:at]
    for name in frame:
        values = frame[name].dropna()
        if not len(values):
            continue
        value = values.iloc[-1]
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
            continue
        results["result", str(name)] = value.item() if isinstance(value, np.number) else value
    return results


def _alike(values: Sequence[Any]) -> bool:
    """Return True if all values are equal; NaN counts as equal to NaN."""
    first = values[0]
    return all(_same(first, value) for value in values[1:])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(np.all(one == other))
