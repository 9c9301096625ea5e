"""Interventions in a log, by iteration: the commands that took effect in a run.

A row stores its interventions as a tuple of mappings; `workbench.session.interventions` describes
their items. Readers skip elements that are not mappings, since another program may have written the
log. Views, tables and reports describe an intervention with `in_words`.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from workbench.utils.texts import short

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
        """The channel names."""

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


def time_of(record: Intervention) -> str:
    """Return an intervention's date and time without fractions of a second, or an empty string.

    Examples
    --------
    >>> time_of({"time": "2026-03-01 09:30:15.250+01:00"}), time_of({"text": "pause"})
    ('2026-03-01 09:30:15', '')
    """
    return one_line(record.get("time", ""))[:19]


def change_of(record: Intervention) -> tuple[str, str, str]:
    """Return three strings: what an intervention changed, the old value and the new value.

    Examples
    --------
    >>> change_of({"command": "set", "text": "set rate = 0.5", "variable": "rate", "old": 0.25,
    ...            "value": 0.5})
    ('rate', '0.25', '0.5')
    >>> change_of({"command": "undo", "text": "undo drop example 64", "from": 12295, "to": 11991})
    ('undo drop example 64: iteration', '12,295', '11,991')
    >>> change_of({"command": "rewind", "from": 20, "to": 10, "arrangement": "removed Timing"})
    ('rewind (removed Timing): iteration', '20', '10')
    """
    kind, what = record.get("command"), one_line(record.get("text", record.get("command", "")))
    old, new = record.get("old"), record.get("value")
    if "variable" in record and kind in ("set", "hold", "release"):
        what = f"{'' if kind == 'set' else f'{kind} '}{record['variable']}"
        old, new = _alike(old, new)
    elif kind == "set_end" and ("epochs" in record or "batches" in record):
        what, unit = "end", "epochs" if "epochs" in record else "batches"
        old, new = (None if one is None else f"{one:,} {unit}" for one in (old, record[unit]))
    elif kind in ("call", "edit") and "arrangement" in record:
        what += f": {one_line(record['arrangement'])}"
    elif kind == "relabel":
        what = what.partition(":")[0]
        old = ", ".join(dict.fromkeys(map(_label, old or ()))) or None
    elif kind == "edit" and new is not None:
        what, old, new = f"{what} to {brief(new)}", None, None
    elif kind in ("rewind", "undo") and "to" in record:
        what = kind if kind == "rewind" else what
        if "arrangement" in record:
            what += f" ({one_line(record['arrangement'])})"
        what += ": iteration"
        old, new = record.get("from"), record["to"]
    return what, brief(old), brief(new)


def _alike(old: Any, new: Any) -> tuple[Any, Any]:
    """Return two values; a whole number becomes a float if the other value is a float."""
    if isinstance(old, float) and type(new) is int and abs(new) < 1e300:
        return old, float(new)
    if isinstance(new, float) and type(old) is int and abs(old) < 1e300:
        return float(old), new
    return old, new


def _label(value: Any) -> str:
    """Return an old label as text, without brackets around a single value."""
    while isinstance(value, list) and len(value) == 1:
        [value] = value
    return brief(value)


def in_words(record: Intervention) -> str:
    """Return an intervention as text.

    Examples
    --------
    >>> in_words({"command": "set", "text": "set rate = 0.5", "variable": "rate", "old": 0.25,
    ...           "value": 0.5})
    'rate 0.25 → 0.5'
    >>> in_words({"command": "set", "text": "-", "variable": "rate", "old": 0.5, "value": 10**6})
    'rate 0.5 → 1e+06'
    >>> in_words({"command": "call", "text": "call widen"})
    'call widen'
    >>> in_words({"command": "relabel", "text": "relabel example 7: targets = 3", "old": [[6]],
    ...           "value": 3})
    'relabel example 7: 6 → 3'
    """
    what, old, new = change_of(record)
    what += ":" if record.get("command") == "relabel" and (old or new) else ""
    return " ".join(part for part in (what, old, f"→ {new}" if old and new else new) if part)


def records_in_words(value: object) -> str | None:
    """Return recorded interventions or alerts as text; return None for any other value.

    Examples
    --------
    >>> records_in_words(({"level": "error", "text": "the cost is nan"}, {"text": "pause"}))
    'error: the cost is nan; pause'
    >>> records_in_words(({"width": 3},))
    """
    if not isinstance(value, (list, tuple)) or not value:
        return None
    if not all(isinstance(one, Mapping) and isinstance(one.get("text"), str) for one in value):
        return None
    return "; ".join(
        f"{one['level']}: {one_line(one['text'])}" if "level" in one else in_words(one)
        for one in value
    )


def brief(value: object) -> str:
    """Return a value as short text, which is empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real):
        number = float(value)
        return f"{number:.0f}" if 1e3 <= abs(number) < 1e6 else f"{number:.4g}"
    return short(one_line(value), 60)


def one_line(value: object) -> str:
    """Return a value as text without line breaks."""
    return " ".join(str(value).split())
