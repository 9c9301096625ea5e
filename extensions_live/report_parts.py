"""Functions that return the sections of a report as HTML; all text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

from extensions_live.formatting import format_duration, format_number
from workbench.interfaces import Session
from workbench.log import TrainingLogBase
from workbench.log.interventions import (
    INTERVENTIONS,
    change_of,
    interventions_in,
    records_in_words,
    time_of,
)
from workbench.log.sparkline import sparkline
from workbench.log.summary import numbers_of
from workbench.utils.texts import short

ROWS, CHANNELS, CHANGES = 20, 200, 1000
"""Maximum numbers of log rows, channels and interventions."""

LONGEST = 200
"""Maximum number of characters in the text of a value."""

COLUMNS = ("channel", "curve", "records", "last", "min", "at", "max", "at", "best", "at")


def section(heading: str, content: str) -> str:
    """Return a section of the page, or an empty string if it has no content."""
    return f"<section><h2>{html.escape(heading)}</h2>{content}</section>" if content else ""


def notes(lines: Sequence[str]) -> str:
    """Return `lines` as notes to show below the content of a section."""
    return "".join(f'<p class="note">{html.escape(line)}</p>' for line in lines)


def state(session: Session | None) -> str:
    """Return the line below the heading: the state of a session, and its error if it failed."""
    if session is None:
        return ""
    line = f'<p class="state">{html.escape(str(session.state))}</p>'
    error = session.exception
    if error is None:
        return line
    text = f"{type(error).__name__}: {error}"
    return f'{line}<p class="failed">{html.escape(short(text, 2000))}</p>'


def run(log: TrainingLogBase, session: Session | None) -> str:
    """Return the section that describes the run."""
    facts = log.summary().run
    if "seconds" in facts:
        facts["duration"] = format_duration(facts.pop("seconds"))
    tier = str(facts.pop("tier", ""))
    if session is not None:
        tier = session.execution["tier"] or tier
    if tier:
        facts["execution"] = "eager (not compiled)" if tier == "eager" else tier
    cells = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(text_of(value))}</dd></div>"
        for name, value in facts.items()
    )
    return section("Run", f'<dl class="facts">{cells}</dl>')


def channels(log: TrainingLogBase) -> str:
    """Return a table with one row for each channel."""
    snapshot, summary = log.snapshot(), log.summary().channels
    rows = []
    for name, facts in list(summary.iterrows())[:CHANNELS]:
        entries = snapshot.columns.get(str(name))
        if entries is None:
            continue
        kind, values = numbers_of(entries.values)
        curve = "" if values is None else sparkline(entries.iterations, values)
        last = "" if kind == "objects" else short(text_of(entries.values.item(-1)), 40)
        cells = [number(facts[part]) for part in ("min", "min_at", "max", "max_at", "best")]
        count, best_at = f"{facts['count']:,}", number(facts["best_at"])
        rows.append([str(name), Markup(curve), count, last, *cells, best_at])
    left = len(summary) - CHANNELS
    more = notes([f"Channels that are not shown: {left:,}"]) if left > 0 else ""
    heads: Sequence[str] = COLUMNS
    if not any(row[-1] or row[-2] for row in rows):  # no extension tracked the best values
        rows, heads = [row[:-2] for row in rows], COLUMNS[:-2]
    right = range(2, len(heads))
    return section("Channels", table(heads, rows, right=right) + more if rows else "")


def settings(log: TrainingLogBase, session: Session | None) -> str:
    """Return a table of the hyperparameters with their initial and current values."""
    first = log.status.get("hyperparameters")
    start = first if isinstance(first, Mapping) else {}
    now = {} if session is None else {one.path: one.value for one in session.hyperparameters}
    paths = list(dict.fromkeys([*start, *now]))
    rows = [[path, number(start.get(path)), number(now.get(path))] for path in paths]
    heads: Sequence[str] = ("name", "at the start", "when this report was written")
    if session is None:
        rows, heads = [row[:2] for row in rows], heads[:2]
    return section("Hyperparameters", table(heads, rows, right=range(1, 3)) if rows else "")


def interventions(log: TrainingLogBase) -> str:
    """Return a table of the commands that changed the run."""
    rows = [
        [f"{iteration:,}", time_of(record), *change_of(record), record.get("by", "")]
        for iteration, record in interventions_in(log)
    ]
    left = len(rows) - CHANGES
    more = notes([f"Interventions that are not shown: {left:,}"]) if left > 0 else ""
    heads = ("iteration", "time", "what", "old", "new", "by")
    return section("Interventions", table(heads, rows[:CHANGES]) + more if rows else "")


def branches(session: Session | None) -> str:
    """Return a table of the branches, or an empty string if the run has only one branch."""
    found = [] if session is None else list(session.branches)
    if len(found) < 2:
        return ""
    rows = [
        [one.name, f"{one.start:,}", "now" if one.end is None else f"{one.end:,}", one.difference]
        for one in found
    ]
    return section("Branches", table(("name", "from iteration", "to", "difference"), rows))


def model(session: Session | None) -> str:
    """Return the bricks of the model as a collapsible tree."""
    tree = [] if session is None else list(session.model_tree)
    if not tree:
        return ""
    return section("Model", f'<ul class="tree">{"".join(map(_node, tree))}</ul>')


def _node(brick: Mapping[str, Any]) -> str:
    head = f"<b>{html.escape(str(brick['name']))}</b>"
    if brick["type"] != "parameter":
        kind = f"{brick['type']} {brick['details']}".strip()
        head += f' <span class="kind">{html.escape(kind)}</span>'
    count = _count(brick)
    if count:
        bare = brick["type"] == "parameter"
        own = ", ".join(
            _shape(one) if bare else f"{one['name']} {_shape(one)}" for one in brick["parameters"]
        )
        text = f"{count:,} parameter{'s' * (count != 1)}{': ' + own if own else ''}"
        head += f' <span class="kind">· {html.escape(text)}</span>'
    if not brick["children"]:
        return f"<li>{head}</li>"
    below = "".join(map(_node, brick["children"]))
    return f"<li><details open><summary>{head}</summary><ul>{below}</ul></details></li>"


def _shape(parameter: Mapping[str, Any]) -> str:
    return " x ".join(map(str, parameter["shape"])) or "number"


def _count(brick: Mapping[str, Any]) -> int:
    """Return the number of elements in the parameters of a brick and its descendants."""
    own: int = sum(math.prod(one["shape"]) for one in brick["parameters"])
    return own + sum(map(_count, brick["children"]))


def rows(log: TrainingLogBase) -> str:
    """Return a table of the last rows of the log."""
    snapshot = log.snapshot()
    iterations = snapshot.rows[-ROWS:][::-1]
    if not len(iterations):
        return ""
    names = [name for name in snapshot.columns if name != INTERVENTIONS]
    columns = [snapshot.values_at(name, iterations) for name in names]
    lines = [
        [f"{iteration:,}", *("" if value is None else text_of(value) for value in row)]
        for iteration, *row in zip(iterations.tolist(), *columns, strict=True)
    ]
    return section("Last rows", table(["iteration", *names], lines))


class Markup(str):
    """Text that is already HTML and is therefore not escaped."""

    __slots__ = ()


def table(heads: Sequence[str], lines: Iterable[Sequence[Any]], *, right: range = range(0)) -> str:
    """Return a table whose columns in `right` are right-aligned."""
    kind = [' class="number"' if i in right else "" for i in range(len(heads))]
    head = "".join(f"<th{k}>{html.escape(text)}</th>" for k, text in zip(kind, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{k}>{_cell(v)}</td>' for k, v in zip(kind, line, strict=True))}</tr>"
        for line in lines
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    return value if isinstance(value, Markup) else html.escape(text_of(value))


def number(value: Any) -> str:
    """Return a number as text, or an empty string if it is missing."""
    if value is None or str(value) in ("<NA>", "nan"):
        return ""
    return f"{value:,}" if isinstance(value, Integral) else format_number(float(value))


def text_of(value: Any) -> str:
    """Return any value as one line of limited length."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return short(f"{value:,}", LONGEST) if abs(value) < 10**30 else "a very large number"
    if isinstance(value, float):
        return format_number(value)
    records = records_in_words(value)
    return short(" ".join(str(value).split()) if records is None else records, LONGEST)
