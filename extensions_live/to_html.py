"""`to_html`: a report of a run as a single file that a browser can show offline.

The file contains its data, style, scripts and BokehJS. The content security policy of the file
allows only these scripts, which are identified by their hashes, and forbids all requests. Therefore
nothing that a run has recorded can be executed or sent. Curves are downsampled to at most `POINTS`
points in total, but the limit for one curve is never below `LEAST`. Therefore a report's size is
about 1 MB plus the size of BokehJS, even for a long run. The minimum and maximum of each group of
consecutive points are kept. Several points usually share a pixel, so zooming in shows more detail.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bokeh
from bokeh.models import DataRange1d

from extensions_live import report_parts as parts
from extensions_live.figure_view import as_json
from extensions_live.figures import PALETTE, requested
from extensions_live.log_curves import LogCurve, changes, number_channels, read_curves
from extensions_live.log_figure import build, shown_range
from extensions_live.plot_view import KIND
from extensions_live.still_image import Line, draw
from extensions_live.widget import asset
from workbench.errors import LogError, MissingDataError
from workbench.hints import hinted
from workbench.interfaces import Session
from workbench.log import TrainingLogBase
from workbench.utils.atomic import replacing

if TYPE_CHECKING:
    from bokeh.plotting import figure

POINTS = 48_000
"""Maximum number of points in all curves; the limit for one curve is never below `LEAST`."""

LEAST, MOST = 1000, 16_000
"""Bounds on the maximum number of points in one curve."""

FIGURES, CURVES = 12, 8
"""Maximum number of figures, and of curves in one figure."""

NOT_A_RUN = "to_html needs a session or a training log, not {given!r:.80}"
NO_FILE = "path must be the path of a file, for example 'run.html', not {given!r:.80}{what}"
SHORTENED = (
    "Curves show at most {most:,} of up to {count:,} points: the smallest and the largest value of "
    "every {size:,} consecutive points, so that no spike is lost. The log contains all points."
)
LEFT_OUT = "Numeric channels that are listed only in the table: {count}."


@hinted
def to_html(
    source: Session | TrainingLogBase, path: str | os.PathLike[str], *, title: str = ""
) -> Path:
    """Write a report of a run as a single file that a browser can show offline.

    Parameters
    ----------
    source : Session or TrainingLogBase
        The run. A log has no model and no branches, so the report of a log does not contain these
        sections.
    path : path
        The file; an existing file is replaced when the new file is complete.
    title : str, optional
        The heading; by default the name of the session, or the first digits of the log's UUID.

    Returns
    -------
    pathlib.Path
        The path of the file.

    Raises
    ------
    LogError
        If `source` is neither a session nor a training log, or `path` is not the path of a file.
    MissingDataError
        If the folder of the file does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[1]["cost"], log[2]["cost"] = 2.0, 1.0
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(to_html(log, f"{folder}/run.html", title="First run").read_text()[:15])
    <!doctype html>
    """
    if not isinstance(source, Session | TrainingLogBase):
        raise LogError(NOT_A_RUN.format(given=source))
    if not isinstance(path, str | os.PathLike) or os.path.isdir(path):
        what = ", which is a folder" if isinstance(path, str | os.PathLike) else ""
        raise LogError(NO_FILE.format(given=path, what=what))
    text = report(source, title)
    with replacing(path, MissingDataError) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return Path(path)


def report(source: Session | TrainingLogBase, title: str) -> str:
    """Return the report as HTML."""
    session = source if isinstance(source, Session) else None
    log: TrainingLogBase = source if isinstance(source, TrainingLogBase) else source.log
    heading = title or (f"Run {log.h_uuid[:8]}" if session is None else session.name)
    groups, note = curves_of(log, session)
    plots = figures_of(groups, changes(log))
    main = [
        parts.run(log, session),
        parts.section("Curves", _holders(plots) + parts.notes(note) + _still(groups)),
        parts.channels(log),
        parts.settings(log, session),
        parts.interventions(log),
        parts.branches(session),
        parts.model(session),
        parts.rows(log),
    ]
    library = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
    scripts = [("", library.read_text(encoding="utf-8")), (' type="module"', asset("report.js"))]
    scripts = [(kind, script.replace("</script", "<\\/script")) for kind, script in scripts]
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for _, script in scripts)
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
    data = as_json(plots).replace("<", "\\u003c") if plots else ""
    made = f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}"
    return "".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(heading)}</title><style>{asset('report.css')}</style></head>",
            f"<body><header><h1>{html.escape(heading)}</h1>{parts.state(session)}</header>",
            f"<main>{''.join(main)}</main><footer>Written on {html.escape(made)}, ",
            f"log {log.h_uuid}. This file needs no network connection.</footer>",
            f'<script type="application/json" id="figures">{data}</script>',
            *(f"<script{kind}>{script}</script>" for kind, script in scripts),
            "</body></html>\n",
        ]
    )


def curves_of(
    log: TrainingLogBase, session: Session | None
) -> tuple[list[tuple[str, list[LogCurve]]], list[str]]:
    """Return the heading and the curves of each figure, and notes on omitted points and channels.

    The figures of the run's plots come first; each remaining channel gets its own figure.
    """
    known = number_channels(log)
    views: list[Mapping[str, Any]] = [] if session is None else list(session.views)
    asked = [names for view in views if view["kind"] == KIND for names in view["channels"]]
    asked = requested(log) if session is None else asked
    groups = [[name for name in names if name in known][:CURVES] for names in asked]
    shown = {name for names in groups for name in names}
    groups = [names for names in groups if names]
    groups += [[name] for name in known if name not in shown]
    left = sum(map(len, groups[FIGURES:]))
    groups = groups[:FIGURES]
    number = sum(map(len, groups))
    points = max(LEAST, min(MOST, POINTS // max(number, 1)))
    result = [(", ".join(names), read_curves(log, names, points=points)) for names in groups]
    counts = [one.count for _, curves in result for one in curves]
    note = []
    if max(counts, default=0) > points:
        size = -(-max(counts) // (points // 2))
        note.append(SHORTENED.format(most=points, count=max(counts), size=size))
    if left:
        note.append(LEFT_OUT.format(count=left))
    return result, note


def figures_of(groups: list[tuple[str, list[LogCurve]]], marks: Mapping[int, str]) -> list[figure]:
    """Return a figure for each group of curves; all figures share the horizontal axis."""
    iterations = DataRange1d(range_padding=0.02)
    return [
        build(curves, height=300, x_range=iterations, compact=True, marks=marks)
        for _, curves in groups
    ]


def _holders(plots: list[figure]) -> str:
    if not plots:
        return '<p class="none">The log has no numeric channels.</p>'
    problem = '<p class="failed" id="problem" hidden></p>'
    return problem + '<div class="figure"></div>' * len(plots)


def _still(groups: list[tuple[str, list[LogCurve]]]) -> str:
    """Return an image of the curves, for viewers that do not execute scripts."""
    panels = [
        [Line(one.name, PALETTE[i % len(PALETTE)], one.curve) for i, one in enumerate(curves)]
        for _, curves in groups[:4]
    ]
    if not panels:
        return ""
    shown = {i: shown_range(curves) for i, (_, curves) in enumerate(groups[:4])}
    png = base64.b64encode(draw(panels, y_ranges=shown)).decode()
    return f'<noscript><img alt="curves" src="data:image/png;base64,{png}"></noscript>'


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
