"""Static Bokeh figure of a log.

The result of `figure_of` is a plain Bokeh figure, which can be changed and saved; as the last line
of a cell it is shown by `extensions_live.figure_view`. `build` also makes the figures of reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    DataRange1d,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.models.annotations import Title
from bokeh.plotting import figure
from numpy.typing import NDArray

from extensions_live.downsampling import Curve
from extensions_live.figure_view import shows_itself
from extensions_live.figures import MARK_COLOUR, PALETTE
from extensions_live.log_curves import LogCurve, changes, read_curves
from workbench.hints import hinted

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

HEIGHT = 320
LEGEND_STYLE = ".bk-label { color: inherit !important; font-family: inherit !important; }"
DASHES = ("solid", "dashed", "dotted", "dotdash")
TOOLS = "pan,box_zoom,xwheel_zoom,reset,save"
MARK_HEIGHT = 0.03  # of the marks at values that are not finite, as a fraction of the figure
SOFT = "#808080"  # readable on white and on black


@hinted
def figure_of(
    log: TrainingLogBase,
    channels: Sequence[str] | str | None = None,
    *,
    x: str = "iteration",
    smoothing: float = 0.0,
    log_y: bool = False,
    title: str = "",
) -> figure:
    """Return a figure of a log, as `TrainingLogBase.plot` describes it.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[1]["cost"], log[2]["cost"] = 2.0, 1.0
    >>> [item.label.value for item in figure_of(log, ["cost"]).legend.items]
    ['cost']
    """
    curves = read_curves(log, channels, x=x, smoothing=smoothing, log_y=log_y)
    marks = changes(log) if x == "iteration" else {}
    plot = build(curves, x=x, log_y=log_y, title=title, marks=marks)
    shows_itself(plot, curves, x)
    return plot


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
) -> figure:
    """Return a figure with some curves.

    Parameters
    ----------
    curves : sequence of LogCurve
    x : str, optional
        Label of the horizontal axis.
    log_y : bool, optional
        True for a logarithmic vertical axis.
    title : str, optional
    height : int, optional
        In pixels; the width follows the page.
    x_range : DataRange1d, optional
        A range that several figures share.
    compact : bool, optional
        True to store numbers with seven digits in half the space, if their size allows.
    marks : mapping, optional
        The text of each iteration to mark with a vertical line.
    """
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        x_range=DataRange1d(range_padding=0.02) if x_range is None else x_range,
        y_range=DataRange1d(range_padding=0.08, only_visible=True),
        y_axis_type="log" if log_y else "auto",
        tools=TOOLS,
        toolbar_location="right",
        output_backend="canvas",
        # No colours of its own behind the curves, so that it fits a light and a dark page.
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
    lines: list[Any] = []
    for number, one in enumerate(curves):
        colour = PALETTE[number % len(PALETTE)]
        dash = DASHES[number % len(DASHES)]
        if one.raw is not None:
            faint = plot.line(
                *("x", "y"), source=_line(one.raw, compact), color=colour, line_alpha=0.35
            )
            faint.name = f"{one.name} as recorded"
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
    places = "@x{0,0}" if x == "iteration" else "@x{%.5g}"
    # `$name` is the name of the curve as text: a channel can have any name.
    hover = HoverTool(
        renderers=lines,
        tooltips=[("", "$name"), (x, places), ("value", "@y{%.5g}")],
        formatters={"@y": "printf", **({} if x == "iteration" else {"@x": "printf"})},
    )
    plot.add_tools(hover)
    if marks:
        _mark(plot, marks)
    soften(plot)
    return plot


def _mark(plot: figure, marks: Mapping[int, str]) -> None:
    """Draw a vertical line at some iterations; hovering over it shows its text."""
    places: dict[str, Any] = {"x": list(marks), "text": list(marks.values())}
    line = plot.vspan(
        x="x", source=ColumnDataSource(places), color=SOFT, line_dash="dashed", line_width=1
    )
    line.level = "underlay"
    tooltips = [("iteration", "@x{0,0}"), ("", "@text")]
    plot.add_tools(HoverTool(renderers=[line], tooltips=tooltips, visible=False))


def soften(plot: figure) -> None:
    """Set colours that are readable on light and dark pages for the axes, grid and legend."""
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
        # Bokeh draws a legend over the curves if one of its properties changes later, so that its
        # colour must follow the theme without a change.
        legend.stylesheets = [LEGEND_STYLE]
        plot.add_layout(legend, "above" if len(legend.items) <= 4 else "right")
    if isinstance(plot.title, Title):
        plot.title.text_color = SOFT


def _line(curve: Curve, compact: bool) -> ColumnDataSource:
    return ColumnDataSource({"x": _small(curve.x, compact), "y": _small(curve.y, compact)})


def _small(numbers: NDArray[np.float64], compact: bool) -> NDArray[Any]:
    """Return numbers as int32 if this is exact, else as float32 if none is out of its range."""
    if not compact or not len(numbers):
        return numbers
    finite = numbers[np.isfinite(numbers)]
    if len(finite) == len(numbers) and np.abs(numbers).max() < 2**31:
        whole = numbers.astype(np.int32)
        if np.array_equal(whole, numbers):
            return whole
    sizes = np.abs(finite[finite != 0])
    fits = not len(sizes) or (sizes.max() < 1e38 and sizes.min() > 1e-37)
    return numbers.astype(np.float32) if fits else numbers
