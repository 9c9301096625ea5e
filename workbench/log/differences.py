"""Differences between runs: settings, interventions and results, side by side in a frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from workbench.errors import LogError, UnknownRecordError, nearest
from workbench.log.interventions import INTERVENTIONS, each_intervention, in_words
from workbench.log.last_batch import epochs_first, of_last_batch
from workbench.log.records import listed
from workbench.log.sources import Run

if TYPE_CHECKING:
    import pandas as pd

Fact: TypeAlias = tuple[str, str]
"""The kind of a property (one of `KINDS`) and its name."""

KINDS = ("run", "version", "hyperparameter", "intervention", "result")
"""Kinds of properties, in the order of their rows."""

STARTED_FROM = "started_from"
"""Key in the status for the origin of the values that training started from."""

HYPERPARAMETERS, VERSIONS = "hyperparameters", "versions"
"""Keys in the status for the initial hyperparameters (by path) and the software versions."""

ONE_RUN = "a comparison needs at least two runs, not {count}"
NO_CHANNEL = "none of the runs has a channel {name!r}{hint}"
NOT_NUMBERS = "channel {name!r} must contain finite numbers, since its {which} value is required"


def differences(
    runs: Sequence[Run],
    *,
    best: str | None = None,
    largest: bool = False,
    everything: bool = False,
) -> pd.DataFrame:
    """Return the differences between runs; see `TrainingLogBase.compare`.

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

    from workbench.log.mixed_frame import LAST_BATCH, MixedFrame

    if len(runs) < 2:
        raise LogError(ONE_RUN.format(count=len(runs)))
    facts = [facts_of(run, best, largest) for run in runs]
    if best is not None and not any(best in run.frame for run in runs):
        known = list(dict.fromkeys(str(name) for run in runs for name in run.frame))
        hint = nearest(best, known) or listed(known, several=True)
        raise UnknownRecordError(NO_CHANNEL.format(name=best, hint=hint))
    rows = differing(facts, everything=everything)
    index = pd.MultiIndex.from_tuples(list(rows), names=["what", "name"]) if rows else None
    names = [run.name for run in runs]
    if index is None:
        return MixedFrame(columns=names, dtype=object)
    last_batch = frozenset[str]().union(*map(_of_last_batch, runs))
    table = np.empty((len(rows), len(runs)), object)
    for place, values in enumerate(rows.values()):
        table[place] = values
    frame = MixedFrame(table, index=index, columns=names)
    frame.attrs[LAST_BATCH] = sorted(last_batch)
    return frame


def differing(
    facts: Sequence[Mapping[Fact, Any]], *, everything: bool = False
) -> dict[Fact, list[Any]]:
    """Return the properties that are not the same in all runs, sorted by kind.

    Parameters
    ----------
    facts : sequence of mapping
        The properties of each run.
    everything : bool
        True to also return the properties that are the same in all runs.

    Returns
    -------
    dict
        For each property, a list of its values in the runs; None for a run without the property.

    Examples
    --------
    >>> differing([{("result", "cost"): 2.0, ("run", "epochs"): 3}, {("run", "epochs"): 3}])
    {('result', 'cost'): [2.0, None]}
    """
    keys = list(dict.fromkeys(key for fact in facts for key in fact))
    found = {
        key: [fact.get(key) for fact in facts]
        for key in sorted(keys, key=lambda key: KINDS.index(key[0]))
    }
    return {key: values for key, values in found.items() if everything or not _alike(values)}


def facts_of(run: Run, best: str | None = None, largest: bool = False) -> dict[Fact, Any]:
    """Return the properties of a run, keyed by kind (one of `KINDS`) and name.

    Parameters
    ----------
    run : Run
    best : str, optional
        A channel; rows after its best value are not read. By default all rows are read.
    largest : bool, optional
        True if a larger value is better.
    """
    facts: dict[Fact, Any] = {}
    status, frame = run.status, run.frame
    for key, name in (("iterations_done", "iterations"), ("epochs_done", "epochs")):
        if key in status:
            facts["run", name] = status[key]
    if not status and len(frame):
        facts["run", "iterations"] = int(frame.index[-1])
    if STARTED_FROM in status:
        facts["run", "start"] = status[STARTED_FROM]
    if "threads" in status:
        facts["run", "threads"] = status["threads"]
    for what, key in (("version", VERSIONS), ("hyperparameter", HYPERPARAMETERS)):
        values = status.get(key)
        if isinstance(values, Mapping):
            facts |= {(what, str(name)): value for name, value in values.items()}
    for text, iterations in times_of_interventions(frame).items():
        facts["intervention", text] = "at " + ", ".join(f"{i:,}" for i in iterations)
    return {**facts, **_results(run, best, largest)}


def times_of_interventions(frame: pd.DataFrame) -> dict[str, list[int]]:
    """Map the text of each intervention in a frame to the iterations where it took effect.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[5]["interventions"] = [{"text": "set learning_rate = 0.1", "by": "code"}]
    >>> times_of_interventions(log.frame)
    {'set learning_rate = 0.1': [5]}
    """
    found: dict[str, list[int]] = {}
    if INTERVENTIONS in frame:
        records = frame[INTERVENTIONS].dropna()
        for iteration, record in each_intervention(records.index.to_numpy(), records.tolist()):
            found.setdefault(in_words(record), []).append(int(iteration))
    return found


def _results(run: Run, best: str | None, largest: bool) -> dict[Fact, Any]:
    """Return the latest numeric value of each channel.

    If `best` is given, only the rows up to the best value of this channel are read.
    """
    import pandas as pd

    frame = run.frame
    results: dict[Fact, Any] = {}
    at: Any = None
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
    newest = epochs_first(numbers_in(run.latest(at)), _of_last_batch(run))
    return results | {("result", name): value for name, value in newest.items()}


def _of_last_batch(run: Run) -> frozenset[str]:
    """Return the channels of a run that have a record for each batch."""
    if run.columns is None:
        return frozenset()
    counts = {name: len(entries.values) for name, entries in run.columns.items()}
    return of_last_batch(counts, run.status)


def numbers_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are numbers, but not Booleans, as Python numbers.

    Examples
    --------
    >>> numbers_in({"cost": np.float32(0.5), "best": True, "path": "a", "count": 3})
    {'cost': 0.5, 'count': 3}
    """
    return {
        name: value.item() if isinstance(value, np.number) else value
        for name, value in values.items()
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    }


def _alike(values: Sequence[Any]) -> bool:
    """Return True if all values are equal; NaN counts as equal to NaN."""
    first = values[0]
    return all(_same(first, value) for value in values[1:])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(np.all(one == other))
