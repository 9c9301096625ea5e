"""Figure of a learning rate range test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, PrintfTickFormatter, Range1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure
from numpy.typing import NDArray

from extensions_live.downsampling import Curve
from extensions_live.figure_view import shows_itself
from extensions_live.figures import PALETTE
from extensions_live.log_curves import LogCurve
from extensions_live.log_figure import HEIGHT, PLAIN, TOOLS, soften
from extensions_live.notebook import shell
from workbench.hints import hinted


def show(plot: Any) -> None:
    """Show a figure in the running cell; outside a notebook, do nothing."""
    if shell() is not None:
        plot._ipython_display_()


def span_of(smoothed: NDArray[np.float64]) -> tuple[float, float]:
    """Return a vertical range for smoothed costs, with a margin.

    Costs after the minimum, where training may diverge, are ignored unless the first cost is
    the minimum.

    Examples
    --------
    >>> span_of(np.array([2.0, 1.0, 500.0])), span_of(np.array([np.nan]))
    ((0.9, 2.1), (0.0, 1.0))
    """
    if not np.isfinite(smoothed).any():
        return 0.0, 1.0
    low = int(np.nanargmin(smoothed))
    least, most = float(smoothed[low]), float(np.nanmax(smoothed[: low + 1]))
    if most <= least:
        most = float(smoothed[np.isfinite(smoothed)].max())
    extra = 0.1 * (most - least) or 0.1 * abs(least) or 1.0
    return least - extra, most + extra


@hinted
def figure_of(
    rates: Sequence[float],
    costs: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None = None,
) -> figure:
    """Return a figure of the cost against the learning rate on a logarithmic axis.

    Parameters
    ----------
    rates, costs, smoothed : sequence of float
        One value for each batch, in order.
    suggestion : float, optional
        A learning rate to mark.

    Examples
    --------
    >>> plot = figure_of([0.01, 0.1], [2.0, 1.0], [2.0, 1.5], suggestion=0.1)
    >>> plot.x_scale, plot.title.text
    (LogScale(...), 'suggestion: 0.1')
    """
    plot = figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        x_axis_type="log",
        x_axis_label="learning rate",
        y_axis_label="cost",
        title="no suggestion" if suggestion is None else f"suggestion: {suggestion:.3g}",
        tools=TOOLS,
        output_backend="canvas",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
    )
    plot.toolbar.logo = None
    plot.xaxis.formatter = PrintfTickFormatter(format=PLAIN)
    colour, x = PALETTE[0], np.asarray(rates, float)
    raw, smooth = np.asarray(costs, float), np.asarray(smoothed, float)
    source = ColumnDataSource({"x": x, "raw": raw, "y": smooth})
    plot.line("x", "raw", source=source, color=colour, line_alpha=0.25)
    line = plot.line("x", "y", source=source, color=colour, line_width=2)
    if suggestion is not None:
        mark = Span(location=suggestion, dimension="height", line_color=PALETTE[1])
        mark.line_dash = "dashed"
        plot.add_layout(mark)
    low, high = span_of(smooth)
    plot.y_range = Range1d(start=low, end=high)
    tips = [("learning rate", "@x{%.3g}"), ("cost", "@raw{%.5g}"), ("smoothed", "@y{%.5g}")]
    formatters: dict[str, Any] = dict.fromkeys(("@x", "@raw", "@y"), "printf")
    plot.add_tools(HoverTool(renderers=[line], tooltips=tips, formatters=formatters, mode="vline"))
    soften(plot)
    nothing = np.empty(0)
    still = Curve(np.log10(x), smooth, nothing)
    recorded = Curve(np.log10(x), raw, nothing)
    shows_itself(
        plot, [LogCurve("cost", still, recorded, len(x))], "base-10 logarithm of the learning rate"
    )
    return plot
