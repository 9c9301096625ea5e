"""Static Bokeh figure of a log.

The result of `figure_of` is a plain Bokeh figure, which can be changed and saved. If a cell ends
with this figure, `extensions_live.figure_view` shows the figure. `build` also creates the figures
of reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    DataRange1d,
    HoverTool,
    NumeralTickFormatter,
    PrintfTickFormatter,
    Range1d,
)
from bokeh.models.annotations import Title
from bokeh.plotting import figure
from numpy.typing import NDArray

from extensions_live.downsampling import Curve
from extensions_live.figure_view import shows_itself
from extensions_live.figures import MARK_COLOUR, PALETTE
from extensions_live.formatting import format_number
from extensions_live.log_curves import LogCurve, changes, read_curves
from extensions_live.robust_range import Range, padded, union, usual_range
from extensions_live.shapes import OUTLINE, SHAPES, places
from workbench.hints import hinted
from workbench.log.sources import Source, log_of, named_sources

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

HEIGHT = 320
LEGEND_STYLE = ".bk-label { color: inherit !important; font-family: inherit !important; }"
DASHES = ("solid", "dashed", "dotted", "dotdash")
LONGEST_DASHED = 20  # length relative to the figure's size; longer curves are solid
TOOLS = "pan,box_zoom,xwheel_zoom,reset,save"
MARK_HEIGHT = 0.03  # height of the marks at non-finite values, as a fraction of the figure
PADDING = 0.08  # space above and below the curves, as a fraction of their range
SOFT = "#808080"  # readable on white and on black
NAMED, LINE = 4, 20  # maximum number of lines about outliers, and their height in pixels
PLAIN = "%.6g"
"""Tick format of a logarithmic axis; the default format may label 0.2 as a power."""

VISIBLE = 1e-4
"""Maximum distance that rounding may move a point, as a share of the range of its curve."""

SHOW_ALL = "log.plot(robust=False) shows all values"
NOT_ON_LOG_AXIS = "values of 0 or less cannot be shown on a logarithmic axis"


@hinted
def figure_of(
    log: TrainingLogBase,
    channels: Sequence[str] | str | None = None,
    *,
    others: Mapping[str, Source] | Iterable[Source] | Source | None = None,
    x: str = "iteration",
    smoothing: float = 0.0,
    log_y: bool = False,
    robust: bool = True,
    title: str = "",
) -> figure:
    """Return a figure of a log; see `TrainingLogBase.plot`.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[1]["cost"], log[2]["cost"] = 2.0, 1.0
    >>> [item.label.value for item in figure_of(log, ["cost"]).legend.items]
    ['cost']
    """
    curves, below = [], []
    for run, records in _runs(log, others).items():
        found = read_curves(records, channels, x=x, smoothing=smoothing, log_y=log_y, robust=robust)
        named = [replace(one, name=f"{one.name} ({run})") if run else one for one in found]
        curves += named
        if log_y:
            values = [records.column(one.name)[1] for one in found]
            pairs = zip(named, values, strict=True)
            below += [one.name for one, numbers in pairs if (numbers <= 0).any()]
    marks = changes(log) if x == "iteration" else {}
    plot = build(curves, x=x, log_y=log_y, title=title, marks=marks, hint=SHOW_ALL)
    if below:  # a figure that may be empty needs an explanation
        _say(plot, [f"{', '.join(below)}: {NOT_ON_LOG_AXIS}"])
    shows_itself(plot, curves, x, log_y=log_y, shown=shown_range(curves))
    return plot


def _runs(log: TrainingLogBase, others: Any) -> dict[str, Any]:
    """Return the logs to draw, keyed by run name; if `others` is None, the name is empty."""
    if others is None:
        return {"": log}
    rest = {name: log_of(one) for name, one in named_sources(others).items()}
    (own,) = named_sources([log])
    return {own if own not in rest else f"{own}, this": log, **rest}


def shown_range(curves: Sequence[LogCurve]) -> Range | None:
    """Return a vertical range without outliers, or None if the figure shows all values."""
    shown = union([one.usual for one in curves])
    if shown is None or not any(len(one.outliers.beyond(shown).x) for one in curves):
        return None
    return shown


def build(
    curves: Sequence[LogCurve],
    *,
    x: str = "iteration",
    log_y: bool = False,
    title: str = "",
    height: int = HEIGHT,
    x_range: DataRange1d | None = None,
    compact: bool = False,
    marks: Mapping[int, str] | None = None,
    hint: str = "",
) -> figure:
    """Return a figure of several curves.

    Outliers that would flatten the curves are outside the vertical range. Triangles at the edge
    mark them, and lines of text above the figure describe them.

    Parameters
    ----------
    curves : sequence of LogCurve
    x : str, optional
        Label of the horizontal axis.
    log_y : bool, optional
        True for a logarithmic vertical axis.
    title : str, optional
    height : int, optional
        Height in pixels; the width adapts to the page.
    x_range : DataRange1d, optional
        A range that several figures share.
    compact : bool, optional
        True to store numbers with seven digits, in half the space, if their magnitude and
        range allow it.
    marks : mapping, optional
        The iterations to mark with a vertical line, each with its text.
    hint : str, optional
        A text that explains how to show the outliers, appended to the last line about them.
    """
    shown = shown_range(curves)
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        x_range=DataRange1d(range_padding=0.02) if x_range is None else x_range,
        y_range=(
            DataRange1d(range_padding=PADDING, only_visible=True)
            if shown is None
            else _fixed(padded(shown, PADDING, log=log_y))
        ),
        y_axis_type="log" if log_y else "auto",
        tools=TOOLS,
        toolbar_location="right",
        output_backend="canvas",
        # A transparent background fits both light and dark pages.
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
    )
    if title:
        plot.title = Title(text=title)
    plot.toolbar.logo = None
    plot.extra_y_ranges = {"share": Range1d(start=0, end=1)}
    plot.xaxis.axis_label = x
    if x == "iteration":
        plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
    if log_y:
        plot.yaxis.formatter = PrintfTickFormatter(format=PLAIN)
    lines: list[Any] = []
    crowded = [dense(one.curve, shown, log_y) for one in curves]
    with_shapes = len(curves) > 1 and any(crowded)
    for number, one in enumerate(curves):  # beneath all smoothed curves
        if one.raw is not None:
            colour = PALETTE[number % len(PALETTE)]
            faint = plot.line(
                *("x", "y"), source=_line(one.raw, compact), color=colour, line_alpha=0.35
            )
            faint.name = f"{one.name} as recorded"
    for number, one in enumerate(curves):
        colour = PALETTE[number % len(PALETTE)]
        dash = DASHES[0 if crowded[number] else number % len(DASHES)]
        line = plot.line(
            *("x", "y"),
            source=_line(one.curve, compact),
            color=colour,
            line_width=2 if len(one.curve.x) <= 300 else 1.25,
            line_dash=dash,
            legend_label=one.name,
        )
        line.name = one.name
        lines.append(line)
        dots_x, dots_y = one.curve.dots()
        dots: dict[str, Any] = {"x": _small(dots_x, compact), "y": _small(dots_y, compact)}
        plot.scatter("x", "y", source=ColumnDataSource(dots), color=colour, size=6)
        broken: dict[str, Any] = {
            "x": one.curve.marks,
            "y": np.full(len(one.curve.marks), MARK_HEIGHT),
        }
        plot.scatter(
            *("x", "y"),
            source=ColumnDataSource(broken),
            y_range_name="share",
            marker="x",
            size=8,
            line_width=2,
            color=MARK_COLOUR,
        )
    if with_shapes:
        _add_shapes(plot, curves, log_y=log_y)
    positions = "@x{0,0}" if x == "iteration" else "@x{%.5g}"
    # `$name` is the name of the curve as text: a channel may have any name.
    hover = HoverTool(
        renderers=lines,
        tooltips=[("", "$name"), (x, positions), ("value", "@y{%.5g}")],
        formatters={"@y": "printf", **({} if x == "iteration" else {"@x": "printf"})},
    )
    plot.add_tools(hover)
    if marks:
        _mark(plot, marks)
    if shown is not None:
        _mark_outliers(plot, curves, shown, x, hint)
    soften(plot)
    return plot


def _add_shapes(plot: figure, curves: Sequence[LogCurve], *, log_y: bool) -> None:
    """Draw the shape of each curve at a few places on the curve, and in the legend."""
    ends = [one.curve.x for one in curves if len(one.curve.x)]
    low = min((float(x[0]) for x in ends), default=0.0)
    high = max((float(x[-1]) for x in ends), default=1.0)
    for number, one in enumerate(curves):
        x, y = places(
            *(one.curve.x, one.curve.y, number, len(curves)), low=low, high=high, log_y=log_y
        )
        points: dict[str, Any] = {"x": x, "y": y}
        shape = plot.scatter(
            *("x", "y"),
            source=ColumnDataSource(points),
            marker=SHAPES[number % len(SHAPES)],
            size=11,
            fill_color=PALETTE[number % len(PALETTE)],
            line_color=OUTLINE,
            line_width=1.5,
            legend_label=one.name,
        )
        shape.name = f"shape of {one.name}"


def dense(curve: Curve, shown: Range | None, log_y: bool = False) -> bool:
    """Return True if a curve goes up and down so often that its dashes would not be visible.

    Examples
    --------
    >>> x = np.arange(1000.0)
    >>> dense(Curve(x, np.sin(x), x[:0]), None), dense(Curve(x, np.sqrt(x), x[:0]), None)
    (True, False)
    """
    scaled = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for values, ends in ((curve.x, None), (np.log(curve.y) if log_y else curve.y, shown)):
            if ends is None:
                finite = values[np.isfinite(values)]
                low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
            else:
                low, high = np.log(ends) if log_y else ends
            scaled.append(np.clip((values - low) / ((high - low) or 1.0), -1, 2))
        steps = sum(np.abs(np.diff(one)) for one in scaled)
    return bool(np.nansum(steps) > LONGEST_DASHED)


def _fixed(ends: Range) -> Range1d:
    return Range1d(start=ends[0], end=ends[1])


def _mark_outliers(
    plot: figure, curves: Sequence[LogCurve], shown: Range, x: str, hint: str
) -> None:
    """Mark outliers with triangles at the edge, and describe them above the figure."""
    texts: list[str] = []
    triangles: list[Any] = []
    for number, one in enumerate(curves):
        outside = one.outliers.beyond(shown)
        if not len(outside.x):
            continue
        texts.append(outside.describe(one.name, x))
        few = outside.marked()
        above = few.y > shown[1]
        points: dict[str, Any] = {
            "x": few.x,
            "y": np.where(above, 1 - MARK_HEIGHT, MARK_HEIGHT),
            "value": [format_number(value) for value in few.y.tolist()],
            "marker": np.where(above, "triangle", "inverted_triangle").tolist(),
            "name": [one.name] * len(few.x),
        }
        triangle = plot.scatter(
            *("x", "y"),
            source=ColumnDataSource(points),
            y_range_name="share",
            marker="marker",
            size=9,
            color=PALETTE[number % len(PALETTE)],
        )
        triangle.name = f"{one.name} outside"
        triangles.append(triangle)
    tips = [("", "@name"), (x, "@x{0,0.[000]}"), ("outside", "@value")]
    plot.add_tools(HoverTool(renderers=triangles, tooltips=tips, visible=False))
    if len(texts) > NAMED:
        texts[NAMED - 1 :] = [f"{len(texts) - NAMED + 1} more curves have outliers"]
    if hint:
        texts[-1] += f" ({hint})"
    _say(plot, texts)


def _say(plot: figure, texts: Sequence[str]) -> None:
    """Add lines of text above a figure."""
    for text in reversed(texts):
        line = Title(text=text, align="left", text_font_size="12px", text_font_style="normal")
        line.text_color, line.standoff = SOFT, 2
        plot.add_layout(line, "above")  # the page expects only axes below and on the left
    plot.height = (plot.height or HEIGHT) + LINE * len(texts)


def _mark(plot: figure, marks: Mapping[int, str]) -> None:
    """Draw a vertical line at each iteration in `marks`; hovering over a line shows its text."""
    places: dict[str, Any] = {"x": list(marks), "text": list(marks.values())}
    line = plot.vspan(
        x="x", source=ColumnDataSource(places), color=SOFT, line_dash="dashed", line_width=1
    )
    line.level = "underlay"
    tooltips = [("iteration", "@x{0,0}"), ("", "@text")]
    plot.add_tools(HoverTool(renderers=[line], tooltips=tooltips, visible=False))


def soften(plot: figure) -> None:
    """Set colours for the axes, grid and legend that are readable on light and dark pages."""
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = SOFT
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = SOFT
        axis.axis_label_text_font_style = "normal"
    for grid in plot.grid:
        grid.grid_line_color, grid.grid_line_alpha = SOFT, 0.2
    for legend in plot.legend:
        legend.click_policy = "hide"
        legend.background_fill_alpha = 0.0
        legend.spacing = 14
        legend.border_line_alpha = 0.0
        legend.label_text_color = SOFT
        legend.location, legend.margin = "top_left", 4
        legend.orientation = "horizontal" if len(legend.items) <= 4 else "vertical"
        # If a property of a legend changes later, Bokeh draws the legend over the curves. Therefore
        # a style sheet makes the colour follow the theme.
        legend.stylesheets = [LEGEND_STYLE]
        plot.add_layout(legend, "above" if len(legend.items) <= 4 else "right")
    if isinstance(plot.title, Title):
        plot.title.text_color = SOFT


def _line(curve: Curve, compact: bool) -> ColumnDataSource:
    return ColumnDataSource({"x": _small(curve.x, compact), "y": _small(curve.y, compact)})


def _small(numbers: NDArray[np.float64], compact: bool) -> NDArray[Any]:
    """Return `numbers`; if `compact` is True, convert them to int32 or float32 if possible."""
    if not compact or not len(numbers):
        return numbers
    finite = numbers[np.isfinite(numbers)]
    if len(finite) == len(numbers) and np.abs(numbers).max() < 2**31:
        whole = numbers.astype(np.int32)
        if np.array_equal(whole, numbers):
            return whole
    sizes = np.abs(finite[finite != 0])
    if len(sizes) and (sizes.max() > 1e38 or sizes.min() < 1e-37):
        return numbers
    small = numbers.astype(np.float32)
    shown = usual_range(numbers)
    if shown is None:
        return small
    # Rounding must not be visible in a curve that varies little around a large value.
    inside = (numbers >= shown[0]) & (numbers <= shown[1])
    error = np.abs(small[inside] - numbers[inside]).max()
    return small if error <= VISIBLE * (shown[1] - shown[0]) else numbers
