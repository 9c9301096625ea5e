"""`RunTable`, a table of the newest values of several runs, with their interventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from extensions_live.dashboard.overlay import LoggedRun, Runs
from extensions_live.log_values import latest
from extensions_live.messages import RunTablePayload
from extensions_live.widget import LiveWidget, asset
from workbench.log.interventions import in_words, interventions_in

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

PERIOD = 0.5
MOST_INTERVENTIONS = 200


class RunTable(LiveWidget[Runs, RunTablePayload]):
    """Table of the newest values of runs, with their interventions.

    Parameters
    ----------
    runs : mapping
        The runs, keyed by name.
    colours : mapping
        The colour of each run.
    """

    _esm = asset("run_table.js")

    def __init__(self, runs: Mapping[str, LoggedRun], colours: Mapping[str, str]) -> None:
        self._colours = [colours[name] for name in runs]
        self._shown: object = None
        self._kept = Runs(runs)  # a strong reference, the only one
        super().__init__(self._kept, period=PERIOD)

    def snapshot(self, runs: Runs) -> RunTablePayload | None:
        version = runs.version
        if version == self._shown:
            return None
        values = {name: latest(run.log) for name, run in runs.by_name.items()}
        channels = dict.fromkeys(channel for found in values.values() for channel in found)
        self._shown = version
        return {
            "runs": list(runs.by_name),
            "colours": self._colours,
            "rows": [
                [channel, *(found.get(channel, "") for found in values.values())]
                for channel in channels
            ],
            "interventions": [
                [name, *row]
                for name, run in runs.by_name.items()
                for row in interventions(run.log)[-MOST_INTERVENTIONS:]
            ],
        }

    def settled(self, runs: Runs) -> bool:
        return False


def interventions(log: TrainingLogBase) -> list[list[str]]:
    """Return the iteration, text and origin of every intervention in a run.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[3]["interventions"] = ({"text": "set learning_rate = 0.1", "by": "button"},)
    >>> interventions(log)
    [['3', 'set learning_rate = 0.1', 'button']]
    """
    return [
        [f"{iteration:,}", in_words(record), str(record.get("by", ""))]
        for iteration, record in interventions_in(log)
    ]
