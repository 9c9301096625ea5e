"""Summary of a log: one row for each channel, and properties of the run."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.log.column import as_float
from workbench.log.elapsed import training_seconds
from workbench.log.frames import Entries, Snapshot
from workbench.log.interventions import records_in_words
from workbench.log.placeholders import Damaged
from workbench.log.sparkline import sparkline
from workbench.utils.texts import short

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "kind", "count", "not_finite", "first", "last", "min", "min_at", "max", "max_at", "best",
    "best_at",
)  # fmt: skip
BEST, BEST_RECORD = "best_{}", "{}_best_so_far"
"""Names that `TrackTheBest` uses for the best value in the status, and for its records."""

REWOUND = "_rewound"
"""Key in the log's status for information about the last rewind.

The information is the identity of the log before the rewind (``from``) and the identity of the log
that it had resumed (``resumed_from``).
"""

MOST_CHANNELS, LAST_ROWS = 12, 5
"""The maximum numbers of channels and rows in the HTML representation of a log."""

STYLE = (
    "color:var(--jp-ui-font-color1,inherit);font-family:var(--jp-ui-font-family,system-ui,"
    "sans-serif);font-size:13px;font-variant-numeric:tabular-nums"
)
FAINT = "opacity:0.65"
LINE = "border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,0.3))"
ACCENT = "color:var(--wb-accent,#3b82f6)"


@dataclass(frozen=True)
class Summary:
    """Summary of a log, as returned by `TrainingLogBase.summary`.

    Attributes
    ----------
    channels : pandas.DataFrame
        A row for each channel. The columns are the ``kind`` (numbers, flags, text or objects), the
        ``count`` of records, the number of ``not_finite`` values, and the ``first`` and ``last``
        values. ``min`` and ``max`` are the extremes of the finite values; ``min_at`` and ``max_at``
        are the iterations where they first occurred. ``best`` and ``best_at`` are the results of
        `TrackTheBest`. For a channel of text or objects, all columns except ``kind``, ``count`` and
        ``not_finite`` are empty.
    run : dict
        The properties of the run that the log contains, by name.
    """

    channels: pd.DataFrame
    run: dict[str, Any]

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {shown(value)}" for name, value in self.run.items())
        if not len(self.channels):
            return facts
        unused = [] if self.channels["not_finite"].any() else ["not_finite"]
        table = self.channels.drop(columns=unused).dropna(axis="columns", how="all")
        # Written out in full, since `repr` of a frame leaves out columns and rows.
        return f"{facts}\n{table.to_string(na_rep='', float_format=_number)}"

    def _repr_html_(self) -> str:
        facts = "".join(
            f'<span style="margin-right:1.5em"><span style="{FAINT}">{html.escape(name)}</span> '
            f"{html.escape(shown(value))}</span>"
            for name, value in self.run.items()
        )
        from workbench.log.mixed_frame import MixedFrame

        table = self.channels.astype(object)
        blank = table.isna()
        numeric = table["kind"].isin(("numbers", "flags"))
        blank.loc[numeric, ["first", "last"]] = False  # here NaN is the recorded value
        table = MixedFrame(table.mask(blank, "")).in_words()
        return f'<div style="{STYLE}">{facts}</div>{table.to_html()}'


def summarise(snapshot: Snapshot, status: Mapping[str, Any]) -> Summary:
    """Return the summary of a log snapshot."""
    import pandas as pd

    rows = [
        channel_facts(name, entries, snapshot, status) for name, entries in snapshot.columns.items()
    ]
    index = pd.Index(list(snapshot.columns), name="channel", dtype=object)
    frame = pd.DataFrame(rows, index=index, columns=list(COLUMNS))
    whole = {name: "Int64" for name in COLUMNS if name.endswith("_at")}
    numbers = dict.fromkeys(("first", "last", "min", "max", "best"), np.float64)
    counts = dict.fromkeys(("count", "not_finite"), np.int64)
    return Summary(frame.astype({**whole, **numbers, **counts}), run_facts(snapshot, status))


def channel_facts(
    name: str, entries: Entries, snapshot: Snapshot, status: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of the summary row that describes one channel."""
    kind, numbers = numbers_of(entries.values)
    facts: dict[str, Any] = {"kind": kind, "count": len(entries.values), "not_finite": 0}
    if numbers is None:
        return facts
    finite = np.isfinite(numbers)
    facts |= {
        "not_finite": int((~finite).sum()),
        "first": float(numbers[0]),
        "last": float(numbers[-1]),
    }
    if finite.any():
        least = int(np.where(finite, numbers, np.inf).argmin())
        most = int(np.where(finite, numbers, -np.inf).argmax())
        facts |= {
            "min": float(numbers[least]),
            "min_at": int(entries.iterations[least]),
            "max": float(numbers[most]),
            "max_at": int(entries.iterations[most]),
        }
    best = status.get(BEST.format(name))
    if isinstance(best, (int, float)):
        facts["best"] = as_float(best)
        found = snapshot.columns.get(BEST_RECORD.format(name))
        if found is not None:
            facts["best_at"] = int(found.iterations[-1])
    return facts


def numbers_of(values: NDArray[Any]) -> tuple[str, NDArray[np.float64] | None]:
    """Return the kind of a channel's values, and the values as floats (None if not numeric).

    Examples
    --------
    >>> numbers_of(np.array([1, None, 2.5], object))
    ('numbers', array([1. , nan, 2.5]))
    >>> numbers_of(np.array(["a", "b"], object))
    ('text', None)
    """
    if values.dtype == np.bool_:
        return "flags", values.astype(np.float64)
    if values.dtype != object:
        return "numbers", values.astype(np.float64)
    kinds = {type(value) for value in values if value is not None and type(value) is not Damaged}
    if kinds <= {int, float, bool} and kinds:
        plain = [math.nan if v is None or type(v) is Damaged else as_float(v) for v in values]
        return "numbers", np.array(plain, np.float64)
    return ("text" if kinds == {str} else "objects"), None


def run_facts(snapshot: Snapshot, status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of the run that the log contains, by name."""
    facts: dict[str, Any] = {
        "rows": len(snapshot.rows),
        "iterations": status.get("iterations_done", 0),
        "epochs": status.get("epochs_done", 0),
    }
    seconds = training_seconds(snapshot)
    if seconds is not None:
        facts["seconds"] = round(seconds, 3)
    execution = snapshot.columns.get("execution")
    if execution is not None:
        facts["tier"] = str(execution.values.item(-1)).partition(":")[0]
    if "threads" in status:
        facts["threads"] = status["threads"]
    versions = status.get("versions")
    if isinstance(versions, Mapping):
        facts |= {str(name): version for name, version in versions.items()}
    origin = _resumed_from(status)
    if origin is not None:
        facts["resumed from"] = str(origin)[:8]
    return facts


def _number(value: float) -> str:
    """Return a number as text with six significant digits, or with all digits if it is whole."""
    whole = value.is_integer() and abs(value) < 1e15
    return f"{value:.0f}" if whole else f"{value:.6g}"


def _resumed_from(status: Mapping[str, Any]) -> Any:
    """Return the log that a run was resumed from; a rewind within the run does not count."""
    origin, rewound = status.get("resumed_from"), status.get(REWOUND)
    if isinstance(rewound, Mapping) and rewound.get("from") == origin:
        return rewound.get("resumed_from")
    return origin


def shown(value: object) -> str:
    """Return a summary value as text."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def as_html(heading: str, snapshot: Snapshot, status: Mapping[str, Any], rows: pd.DataFrame) -> str:
    """Return a log as HTML: a table of channels with their curves, and the last rows.

    The HTML contains no scripts and no style sheets, and uses the colours of the page.
    """
    if not snapshot.columns:
        return f'<div style="{STYLE}">{html.escape(heading)}</div>'
    names = list(snapshot.columns)
    lines = "".join(
        _line(name, snapshot.columns[name], channel_facts(name, snapshot.columns[name], snapshot,
                                                           status))
        for name in names[:MOST_CHANNELS]
    )  # fmt: skip
    heads = "".join(
        f'<th style="text-align:{"left" if i < 2 else "right"};font-weight:600;{FAINT}">{name}</th>'
        for i, name in enumerate(("channel", "", "records", "last", "min", "max"))
    )
    hidden = len(names) - MOST_CHANNELS
    more = f"<div>and {hidden} more: log.summary() shows all</div>" if hidden > 0 else ""
    return (
        f'<div style="{STYLE}"><div style="margin-bottom:4px">{html.escape(heading)}</div>'
        f'<table style="border-collapse:collapse;{STYLE}"><tr style="{LINE}">{heads}</tr>'
        f"{lines}</table>{more}<details><summary>last rows</summary>"
        f"{frame_in_words(_with_nan(rows, snapshot)).to_html(max_cols=MOST_CHANNELS, na_rep='')}"
        "</details></div>"
    )


def _with_nan(rows: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """Return `rows` with the text NaN for each recorded NaN, so that only missing cells are NaN."""
    marked = rows.copy(deep=False)
    for name in rows:
        values = snapshot.values_at(str(name), rows.index.to_numpy())
        recorded = np.array([isinstance(one, float) and math.isnan(one) for one in values])
        if recorded.any():
            marked[name] = rows[name].astype(object).mask(recorded, "NaN")
    return marked


def frame_in_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of `rows` with interventions and alerts as text.

    The finite floats in columns of dtype object also become text.
    """
    from workbench.log.mixed_frame import MixedFrame

    shown = rows.copy(deep=False)
    for name in rows:
        if rows[name].dtype == object:
            shown[name] = rows[name].map(_text, na_action="ignore")
    return MixedFrame(shown).in_words()


def _text(value: Any) -> Any:
    text = records_in_words(value)
    return value if text is None else text


def _line(name: str, entries: Entries, facts: Mapping[str, Any]) -> str:
    """Return the row for one channel in the HTML representation of a log."""
    _, numbers = numbers_of(entries.values)
    curve, cells = "", [f"{facts['count']:,}"]
    if numbers is None:
        last = entries.values.item(-1)
        text = records_in_words(last) or str(last)
        cells += [short(text, 40), "", ""]
    else:
        curve = f'<span style="{ACCENT}">{sparkline(entries.iterations, numbers)}</span>'
        cells.append(shown(facts["last"]))
        cells += [
            f"{shown(facts[which])} at {facts[f'{which}_at']:,}" if which in facts else ""
            for which in ("min", "max")
        ]
    right = "".join(f'<td style="text-align:right">{html.escape(cell)}</td>' for cell in cells)
    return (
        f'<tr style="{LINE}"><td style="text-align:left">{html.escape(name)}</td>'
        f'<td style="text-align:left">{curve}</td>{right}</tr>'
    )
