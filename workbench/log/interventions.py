"""Interventions in a log, which are the commands that changed a run, by iteration.

A row stores them as a tuple of mappings; `workbench.session.interventions` describes their items.
Readers skip items that are not mappings, since another program can write a log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Intervention: TypeAlias = Mapping[str, Any]

INTERVENTIONS = "interventions"
"""The name of the channel that contains interventions."""

UNCHANGING = frozenset(
    {"pause", "resume", "step", "stop", "snapshot", "fork", "save", "replay", "alert", "range test"}
)
"""Commands that do not change the results of training."""


class Columns(Protocol):
    """The members of a log that this module uses; `TrainingLogBase` defines them."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""

    def entries(self, name: str, /) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the iterations and values of a channel."""


def interventions_in(log: Columns) -> list[tuple[int, Intervention]]:
    """Return the interventions in a log, each with its iteration.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[5]["interventions"] = ({"command": "set", "text": "set learning_rate = 0.1"},)
    >>> interventions_in(log)
    [(5, {'command': 'set', 'text': 'set learning_rate = 0.1'})]
    """
    if INTERVENTIONS not in log.channels:
        return []
    return list(each_intervention(*log.entries(INTERVENTIONS)))


def each_intervention(
    iterations: NDArray[np.int64], rows: Sequence[Any] | NDArray[Any]
) -> Iterator[tuple[int, Intervention]]:
    """Yield the interventions in rows of the channel `INTERVENTIONS`, each with its iteration.

    Parameters
    ----------
    iterations : ndarray of int64, shape (N,)
    rows : sequence or ndarray of object, shape (N,)
    """
    for iteration, row in zip(iterations.tolist(), rows, strict=True):
        for record in interventions_of(row):
            yield iteration, record


def interventions_of(row: Any) -> list[Intervention]:
    """Return the interventions in one record of the channel `INTERVENTIONS`.

    Examples
    --------
    >>> interventions_of(({"text": "pause"}, None)), interventions_of(float("nan"))
    ([{'text': 'pause'}], [])
    """
    records = row if isinstance(row, (list, tuple)) else ()
    return [record for record in records if isinstance(record, Mapping)]
