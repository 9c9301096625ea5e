"""Bokeh figures for lists of channels, as JSON that the page draws.

There is one figure for each inner list. All figures share the iteration axis, so that zooming one
figure zooms all of them. They are built once and contain no data: the page fills the data sources
``curve:<channel>``, ``dots:<channel>`` and ``marks:<channel>``, and sets the colours of text and
background according to its theme. There is no tool bar: drag to zoom, use the mouse wheel with Ctrl
to zoom or with Shift to pan, and double-click to show the whole run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.models import (
    BasicTicker,
    BoxZoomTool,
    ColumnDataSource,
    CrosshairTool,
    DataRange1d,
    NumeralTickFormatter,
    Range1d,
    WheelPanTool,
    WheelZoomTool,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

PALETTE = ["#3b82f6", "#f97316", "#10b981", "#a855f7", "#ec4899", "#14b8a6", "#eab308", "#6366f1"]
"""Colours that are distinct on white and on black, and mostly also for colour-blind users."""

MARK_COLOUR = "#ef4444"
HEIGHT = 250


def names_in(figures: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of all channels in order, without duplicates.

    Examples
    --------
    >>> names_in([["cost", "test_cost"], ["cost"]])
    ['cost', 'test_cost']
    """
    return list(dict.fromkeys(name for names in figures for name in names))


def colours(figures: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return a colour for each channel, distinct within a figure and the same in all figures.

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
    """Yield the colours that no channel of the figure uses, then all colours repeatedly."""
    taken = {chosen[channel] for channel in channels if channel in chosen}
    yield from (colour for colour in PALETTE if colour not in taken)
    while True:
        yield from PALETTE


def document(figures: Sequence[Sequence[str]], *, height: int = HEIGHT) -> str:
    """Return the JSON text of a Bokeh document with one root for each list of channels.

    Parameters
    ----------
    figures : sequence of sequences of str
        The channel names of each figure.
    height : int, optional
        The height of a figure in pixels. The width depends on the page.
    """
    colour = colours(figures)
    iterations = DataRange1d(range_padding=0.02, name="iterations")
    cursor = Span(dimension="height", line_alpha=0.6, line_width=1, name="cursor")
    result = Document()
    sources: dict[str, list[ColumnDataSource]] = {}
    for channels in figures:
        plot = figure(
            height=height,
            sizing_mode="stretch_width",
            x_range=iterations,
            y_range=DataRange1d(range_padding=0.08, only_visible=True),
            toolbar_location=None,
            tools=[
                BoxZoomTool(),
                WheelPanTool(dimension="width", modifiers="shift"),
                WheelZoomTool(dimensions="width", modifiers="ctrl"),
                CrosshairTool(overlay=cursor),
            ],
            output_backend="canvas",
            # Not white, whose edge would be visible under the transparent colours set later.
            background_fill_color=None,
            border_fill_color=None,
            outline_line_color=None,
        )
        plot.extra_y_ranges = {"share": Range1d(start=0, end=1)}
        plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
        plot.xaxis.ticker = BasicTicker(min_interval=1)  # iterations are whole numbers
        plot.xaxis.axis_label = "iteration"
        for channel in channels:
            if channel not in sources:
                sources[channel] = [
                    ColumnDataSource({"x": [], "y": []}, name=f"{kind}:{channel}")
                    for kind in ("curve", "dots", "marks")
                ]
            curve, lone, marks = sources[channel]
            shade = colour[channel]
            line = plot.line("x", "y", source=curve, color=shade, line_width=2)
            dots = plot.scatter("x", "y", source=lone, color=shade, size=6)
            crosses = plot.scatter(
                *("x", "y"),
                source=marks,
                y_range_name="share",
                marker="x",
                size=8,
                line_width=2,
                color=MARK_COLOUR,
            )
            for part, kind in ((line, "line"), (dots, "dots"), (crosses, "marks")):
                part.tags = [channel, kind]
        result.add_root(plot)
    return serialize_json(result.to_json())
