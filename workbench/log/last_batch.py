"""Channels with a value for each batch, so that their latest value describes only the last batch.

Beside values of whole epochs, such as those of validation, such a value can mislead: an accuracy of
1 may be that of eight examples. Texts therefore mark it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

MARK = " (last batch)"

T = TypeVar("T")


def of_last_batch(counts: Mapping[str, int], status: Mapping[str, Any]) -> frozenset[str]:
    """Return the channels that have a record for each batch of a run.

    Parameters
    ----------
    counts : mapping
        The number of records of each channel.
    status : mapping
        The status of the log.

    Examples
    --------
    >>> status = {"iterations_done": 100, "epochs_done": 5}
    >>> of_last_batch({"cost": 100, "validation_cost": 6}, status)
    frozenset({'cost'})
    """
    done, epochs = status.get("iterations_done", 0), status.get("epochs_done", 0)
    return frozenset(name for name, count in counts.items() if count >= done > epochs)


def marked(name: str, last_batch: frozenset[str]) -> str:
    """Return the name of a channel for a text, with a mark if it describes only the last batch.

    Examples
    --------
    >>> marked("cost", frozenset({"cost"}))
    'cost (last batch)'
    """
    return name + MARK if name in last_batch else name


def epochs_first(values: Mapping[str, T], last_batch: frozenset[str]) -> dict[str, T]:
    """Return `values` in the same order, but with the channels in `last_batch` at the end.

    Examples
    --------
    >>> epochs_first({"cost": 1.0, "validation_cost": 2.0}, frozenset({"cost"}))
    {'validation_cost': 2.0, 'cost': 1.0}
    """
    return dict(sorted(values.items(), key=lambda item: item[0] in last_batch))
