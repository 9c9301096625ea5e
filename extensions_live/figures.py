"""Bokeh figures for lists of channels, as JSON that the page draws.

There is one figure for each list. All figures share the x axis, so zooming in one figure zooms in
all figures. The figures are built once and contain no data. The page fills the data sources
``curve:<key>``, ``smooth:<key>``, ``kept:<key>``, ``dots:<key>``, ``marks:<key>``,
``shapes:<figure>:<key>``, ``rules:<kind>`` and ``best:<figure>``, chooses scales and ranges, and
sets the colours of text and background according to its theme. Bokeh's tool bar is hidden: drag to
zoom, use the mouse wheel with Ctrl to zoom or with Shift to pan, and double-click to show the whole
run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.models import (
    BasicTicker,
    BoxZoomTool,
    ColumnDataSource,
    CrosshairTool,
    LinearScale,
    NumeralTickFormatter,
    Range1d,
    WheelPanTool,
    WheelZoomTool,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from extensions_live.messages import LineInfo, MarkKind
from extensions_live.shapes import OUTLINE, SHAPES

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

REQUESTED = "_figures"
"""Item of a log's status that maps the name of each `Plot` to the channels of its figures.

Views that have only the log, such as the dashboard of a database, can thus draw the same figures.
"""

PALETTE = ["#3b82f6", "#f97316", "#10b981", "#a855f7", "#ec4899", "#14b8a6", "#eab308", "#6366f1"]
"""Colours that are distinguishable on white and black, and mostly also by colour-blind users."""

DASHES: list[list[int]] = [[], [7, 4], [2, 3], [9, 3, 2, 3], [14, 4], [5, 2, 5, 2, 2, 2]]
"""Lengths of dashes and gaps in pixels; an empty list gives a solid line."""

MARK_COLOUR = "#ef4444"
RULES: dict[MarkKind, dict[str, Any]] = {
    "epoch": {"line_color": "#8b8f98", "line_alpha": 0.35, "line_width": 1, "line_dash": [1, 3]},
    "tier": {"line_color": "#a855f7", "line_alpha": 0.8, "line_width": 1, "line_dash": [6, 3]},
    "checkpoint": {"line_color": "#10b981", "line_alpha": 0.9, "line_width": 3},
    "intervention": {"line_color": "#f59e0b", "line_alpha": 0.9, "line_width": 1.5},
}
"""Styles of the vertical lines that mark events; checkpoints are short lines at the bottom."""

HEIGHT = 250

FAINT = 0.35
"""Opacity of the part of a curve that a rewind left behind."""


def names_in(figures: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of all channels in order, without duplicates.

    Examples
    --------
    >>> names_in([["cost", "test_cost"], ["cost"]])
    ['cost', 'test_cost']
    """
    return list(dict.fromkeys(name for names in figures for name in names))


def requested(log: TrainingLogBase) -> list[list[str]]:
    """Return the figures that the plots of a run have requested, according to its log.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log.status["_figures"] = {"Plot": [["test_cost", "cost"], ["error"]], "other": 3}
    >>> requested(log)
    [['test_cost', 'cost'], ['error']]
    """
    found: list[list[str]] = []
    given = log.status.get(REQUESTED)
    for figures in given.values() if isinstance(given, Mapping) else ():
        for names in figures if isinstance(figures, (list, tuple)) else ():
            if isinstance(names, (list, tuple)) and all(isinstance(one, str) for one in names):
                found += [list(names)] if names and list(names) not in found else []
    return found


def colours(figures: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the colour of each channel; the colours in one figure are different if possible.

    Examples
    --------
    >>> colours([["cost", "test_cost"], ["error_rate"]])
    {'cost': '#3b82f6', 'test_cost': '#f97316', 'error_rate': '#3b82f6'}
    """
    chosen: dict[str, str] = {}
    for channels in figures:
        free = iter_free(channels, chosen)
        for channel in channels:
            if channel not in chosen:
                chosen[channel] = next(free)
    return chosen


def iter_free(channels: Sequence[str], chosen: dict[str, str]) -> Iterator[str]:
    """Yield the colours that no channel of the figure uses, and then all colours repeatedly."""
    taken = {chosen[channel] for channel in channels if channel in chosen}
    yield from (colour for colour in PALETTE if colour not in taken)
    while True:
        yield from PALETTE


def line_infos(figures: Sequence[Sequence[str]]) -> list[list[LineInfo]]:
    """Return the curves of each figure for one run, each channel with a colour and a dash pattern.

    Examples
    --------
    >>> [(line["key"], line["dash"]) for line in line_infos([["cost", "test_cost"]])[0]]
    [('cost', []), ('test_cost', [7, 4])]
    """
    colour = colours(figures)
    return [
        [
            line_info(channel, "", channel, channel, colour[channel], i)
            for i, channel in enumerate(one)
        ]
        for one in figures
    ]


def lines_of(runs: Sequence[str], figures: Sequence[Sequence[str]]) -> list[list[LineInfo]]:
    """Return the curves of each figure: a colour for each run, and a shape for each curve.

    In a figure of several channels, each channel has a dash pattern, which is the same for all
    runs. In a figure of one channel, each run has a dash pattern. If there are many curves,
    dashes and shapes repeat; curves that share both then differ in the colours of their runs.

    Parameters
    ----------
    runs : sequence of str
        The keys of the runs.
    figures : sequence of sequences of str
        The channels of each figure.
    """
    result: list[list[LineInfo]] = []
    for names in figures:
        several = len(names) > 1
        result.append(
            [
                line_info(
                    f"{run}:{name}",
                    run,
                    name,
                    name if several else "",
                    PALETTE[i % len(PALETTE)],
                    j if several else i,
                    shape=i * len(names) + j,
                )
                for i, run in enumerate(runs)
                for j, name in enumerate(names)
            ]
        )
    return result


def line_info(
    key: str,
    run: str,
    channel: str,
    label: str,
    colour: str,
    dash: int,
    *,
    shape: int | None = None,
) -> LineInfo:
    """Return the description of one curve.

    `dash` is an index into `DASHES` and, unless `shape` is given, into `SHAPES`; both wrap around.
    """
    shape = dash if shape is None else shape
    return {
        "key": key,
        "run": run,
        "channel": channel,
        "label": label,
        "colour": colour,
        "dash": DASHES[dash % len(DASHES)],
        "shape": SHAPES[shape % len(SHAPES)],
    }


def document(
    figures: Sequence[Sequence[str]],
    *,
    height: int = HEIGHT,
    lines: Sequence[Sequence[LineInfo]] | None = None,
) -> str:
    """Return the JSON text of a Bokeh document with one root for each list of channels.

    Parameters
    ----------
    figures : sequence of sequences of str
        The channel names of each figure.
    height : int, optional
        Height of a figure in pixels; its width adapts to the page.
    lines : sequence of sequences of dict, optional
        The curves of each figure; by default one curve for each channel.
    """
    across = Range1d(start=0, end=1, name="iterations")
    cursor = Span(dimension="height", line_alpha=0.6, line_width=1, name="cursor")
    rules = {kind: source(f"rules:{kind}", "x", "y0", "y1") for kind in RULES}
    sources: dict[str, dict[str, ColumnDataSource]] = {}
    result = Document()
    for index, infos in enumerate(line_infos(figures) if lines is None else lines):
        plot = empty_figure(height, across, cursor)
        add_rules(plot, rules)
        for info in (drawn := with_the_first_run_last(infos)):
            key = info["key"]
            if key not in sources:
                sources[key] = {kind: source(f"{kind}:{key}") for kind in KINDS}
            add_line(plot, info, sources[key])
        # Drawn last; otherwise, recorded curves would hide smoothed curves and shapes.
        for info in drawn:
            add_smooth(plot, info, sources[info["key"]])
        for info in drawn:
            add_shape(plot, info, source(f"shapes:{index}:{info['key']}"))
        best = plot.scatter(
            *("x", "y"),
            source=source(f"best:{index}"),
            marker="star",
            size=13,
            fill_color="#facc15",
            line_color="#854d0e",
        )
        best.tags = ["", "best"]
        result.add_root(plot)
    return serialize_json(result.to_json())


def with_the_first_run_last(infos: Sequence[LineInfo]) -> list[LineInfo]:
    """Return curves in drawing order, so that no other run hides the first run.

    A branch has the same values as its run up to the point where they diverge.
    """
    runs = list(dict.fromkeys(info["run"] for info in infos))
    return sorted(infos, key=lambda info: -runs.index(info["run"]))


KINDS = ("curve", "smooth", "kept", "dots", "marks")


def source(name: str, *columns: str) -> ColumnDataSource:
    """Return an empty data source."""
    return ColumnDataSource({column: [] for column in columns or ("x", "y")}, name=name)


def empty_figure(height: int, across: Range1d, cursor: Span) -> Any:
    """Return a figure without curves."""
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        x_range=across,
        y_range=Range1d(start=0, end=1),
        toolbar_location=None,
        tools=[
            BoxZoomTool(),
            WheelPanTool(dimension="width", modifiers="shift"),
            WheelZoomTool(dimensions="width", modifiers="ctrl"),
            CrosshairTool(overlay=cursor),
        ],
        output_backend="canvas",
        # No white here: its edge would stay visible under the transparent colours set later.
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
    )
    plot.extra_y_ranges = {"share": Range1d(start=0, end=1)}
    plot.extra_y_scales = {"share": LinearScale()}  # also if the curves have a logarithmic axis
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
    plot.xaxis.ticker = BasicTicker(min_interval=1)  # iterations are whole numbers
    plot.xaxis.axis_label = "iteration"
    return plot


def add_rules(plot: Any, sources: Mapping[MarkKind, ColumnDataSource]) -> None:
    """Add the vertical lines that mark events."""
    for kind, style in RULES.items():
        rule = plot.segment(
            *("x", "y0", "x", "y1"), source=sources[kind], y_range_name="share", **style
        )
        rule.tags = ["", f"rule:{kind}"]


def add_smooth(plot: Any, info: LineInfo, sources: Mapping[str, ColumnDataSource]) -> None:
    """Add the smoothed line of a curve."""
    smooth = plot.line(
        *("x", "y"),
        source=sources["smooth"],
        color=info["colour"],
        line_width=2,
        line_dash=info["dash"],
    )
    smooth.tags = [info["key"], "smooth"]


def add_line(plot: Any, info: LineInfo, sources: Mapping[str, ColumnDataSource]) -> None:
    """Add one unsmoothed curve: its line, dots and marks, and a faint line for the rewound part."""
    shade = info["colour"]
    kept = plot.line("x", "y", source=sources["kept"], color=shade, line_width=1.5, alpha=FAINT)
    line = plot.line(
        *("x", "y"),
        source=sources["curve"],
        color=shade,
        line_width=2,
        line_dash=info["dash"],
    )
    dots = plot.scatter("x", "y", source=sources["dots"], color=shade, size=6)
    crosses = plot.scatter(
        *("x", "y"),
        source=sources["marks"],
        y_range_name="share",
        marker="x",
        size=8,
        line_width=2,
        color=MARK_COLOUR,
    )
    parts = {"kept": kept, "line": line, "dots": dots, "marks": crosses}
    for kind, part in parts.items():
        part.tags = [info["key"], kind]


def add_shape(plot: Any, info: LineInfo, source: ColumnDataSource) -> None:
    """Add the marker that the page draws on a curve where its dashes cannot be seen."""
    shape = plot.scatter(
        *("x", "y"),
        source=source,
        marker=info["shape"],
        size=11,
        fill_color=info["colour"],
        line_color=OUTLINE,
        line_width=1.5,
    )
    shape.tags = [info["key"], "shape"]
