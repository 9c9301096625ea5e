"""Parallel coordinates of a sweep: a vertical axis for each setting and for the result.

Each run is a line through its settings to its value. Python computes the heights on each axis, from
0 to 1. Therefore, text axes, linear axes and logarithmic axes can be shown side by side, both in
the live figure and in the still image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure

from extensions_live.figures import PALETTE
from extensions_live.formatting import format_number
from workbench.interfaces import Sweep
from workbench.log.column import as_float

HEIGHT = 300
BEST, OTHERS, UNKNOWN = PALETTE[1], PALETTE[0], "#9ca3af"
SOFT = "#808080"  # readable on white and on black
MOST_TICKS = 12
"""Maximum number of labels on an axis of listed values."""

WIDE = 50.0
"""Maximum ratio of the largest to the smallest result on a linear axis of results."""

FIELDS = {
    "runs": ("xs", "ys", "colour", "alpha", "width", "run", "settings", "value", "state"),
    "axes": ("x", "low", "high"),
    "ticks": ("x", "y", "text"),
    "names": ("x", "y", "text"),
}
"""The columns of each data source of the figure."""


class Axis(NamedTuple):
    """One axis: its name, its ticks, and a function that returns the height of a value.

    The function returns None for a value that has no place on the axis.
    """

    name: str
    ticks: list[tuple[float, str]]
    height: Callable[[Any], float | None]


class RunLine(NamedTuple):
    """Line of a run: its heights on the axes from left to right, and its style."""

    run: Any
    heights: list[float]
    colour: str
    alpha: float
    width: float


def axes_of(sweep: Sweep) -> list[Axis]:
    """Return an axis for each setting, and an axis for the record that the sweep compares."""
    axes = []
    for name, values in sweep.space.items():
        if isinstance(values, list):
            axes.append(listed(name, values))
        else:
            axes.append(ranged(name, values.low, values.high, values.log))
    finite = [run.value for run in sweep.runs if is_finite(run.value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    return [*axes, ranged(sweep.record, low, high, low > 0 and high / low > WIDE)]


def is_finite(value: float | None) -> bool:
    """Return True if a value is a finite number."""
    return value is not None and math.isfinite(as_float(value))


def listed(name: str, values: Sequence[Any]) -> Axis:
    """Return an axis that spaces the listed values evenly.

    Examples
    --------
    >>> axis = listed("units", [32, 8, 16])
    >>> axis.ticks, axis.height(16)
    ([(0.0, '8'), (0.5, '16'), (1.0, '32')], 0.5)
    """
    numbers = all(type(one) in (int, float) for one in values)
    order = sorted(values) if numbers else list(values)
    last = len(order) - 1

    def height(value: Any) -> float | None:
        return (order.index(value) / last if last else 0.5) if value in order else None

    step = max(1, -(-len(order) // MOST_TICKS))
    ticks = [(height(one) or 0.0, shown(one)) for one in order[::step]]
    return Axis(name, ticks, height)


def ranged(name: str, low: float, high: float, log: bool = False) -> Axis:
    """Return an axis of numbers from `low` to `high`.

    Examples
    --------
    >>> axis = ranged("rate", 0.001, 0.1, log=True)
    >>> [text for _, text in axis.ticks], round(axis.height(0.01), 2)
    (['0.001', '0.00316', '0.01', '0.0316', '0.1'], 0.5)
    """
    scale: Callable[[float], float] = math.log if log else float
    first, span = scale(low), scale(high) - scale(low)

    def height(value: Any) -> float | None:
        if not is_finite(value) or (log and value <= 0):
            return None
        return min(max((scale(value) - first) / span, 0.0), 1.0) if span else 0.5

    if not span:
        return Axis(name, [(0.5, shown(low))], height)
    places = [place / 4 for place in range(5)]
    values = [math.exp(first + p * span) if log else first + p * span for p in places]
    return Axis(name, [(p, shown(v)) for p, v in zip(places, values, strict=True)], height)


def shown(value: Any) -> str:
    """Return a value as short text."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def lines_of(sweep: Sweep, axes: Sequence[Axis]) -> list[RunLine]:
    """Return a line for each run; the lines of better runs are more opaque and on top.

    The line of a run without a finite value ends before the last axis.
    """
    known = sorted((one for one in sweep.runs if is_finite(one.value)), key=lambda run: run.value)
    if not sweep.lower:
        known.reverse()
    rank = {run.number: place for place, run in enumerate(known)}
    found = []
    for run in sweep.runs:
        given = [*run.settings.values(), run.value]
        heights = [axis.height(one) for axis, one in zip(axes, given, strict=True)]
        place = rank.get(run.number)
        if place is None:
            colour, alpha, width = UNKNOWN, 0.4, 1.0
        elif place == 0:
            colour, alpha, width = BEST, 1.0, 3.0
        else:
            colour, alpha, width = OTHERS, 0.9 - 0.7 * place / len(known), 1.5
        found.append(
            RunLine(run, [one for one in heights if one is not None], colour, alpha, width)
        )
    return sorted(found, key=lambda line: -rank.get(line.run.number, len(known)))


def figure_of_sweep(sweep: Sweep) -> figure:
    """Return an empty figure; the page fills its data sources with the result of `sources_of`."""
    count = len(sweep.space)
    plot = figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        x_range=Range1d(start=-0.35, end=count + 0.35),
        y_range=Range1d(start=-0.06, end=1.16),
        tools="",
        output_backend="canvas",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
    )
    plot.toolbar_location = None
    plot.axis.visible = False
    plot.grid.visible = False
    data = {
        name: ColumnDataSource({one: [] for one in columns}, name=name)
        for name, columns in FIELDS.items()
    }
    plot.segment("x", "low", "x", "high", source=data["axes"], line_color=SOFT, line_alpha=0.6)
    lines = plot.multi_line(
        "xs", "ys", source=data["runs"], color="colour", alpha="alpha", line_width="width"
    )
    style: dict[str, Any] = {"text_color": SOFT, "text_font_size": "11px"}
    plot.text("x", "y", "text", source=data["ticks"], x_offset=6, y_offset=4, **style)
    plot.text(
        "x", "y", "text", source=data["names"], text_align="center",
        **(style | {"text_font_style": "bold"}),
    )  # fmt: skip
    tips = [
        ("run", "@run"), ("settings", "@settings"), (sweep.record, "@value"), ("state", "@state")
    ]  # fmt: skip
    plot.add_tools(HoverTool(renderers=[lines], tooltips=tips, line_policy="interp"))
    return plot


def sources_of(sweep: Sweep) -> dict[str, dict[str, list[Any]]]:
    """Return the data of the figure, keyed by source and column."""
    axes = axes_of(sweep)
    lines = lines_of(sweep, axes)
    ticks = [(x, y, text) for x, axis in enumerate(axes) for y, text in axis.ticks]
    return {
        "runs": {
            "xs": [list(range(len(line.heights))) for line in lines],
            "ys": [line.heights for line in lines],
            "colour": [line.colour for line in lines],
            "alpha": [line.alpha for line in lines],
            "width": [line.width for line in lines],
            "run": [line.run.number for line in lines],
            "settings": [in_words(line.run.settings) for line in lines],
            "value": [number(line.run.value) for line in lines],
            "state": [line.run.state for line in lines],
        },
        "axes": {
            "x": list(range(len(axes))), "low": [0.0] * len(axes), "high": [1.0] * len(axes)
        },
        "ticks": {
            "x": [x for x, _, _ in ticks],
            "y": [y for _, y, _ in ticks],
            "text": [text for _, _, text in ticks],
        },
        "names": {
            "x": list(range(len(axes))),
            "y": [1.08] * len(axes),
            "text": [axis.name for axis in axes],
        },
    }  # fmt: skip


def in_words(settings: Mapping[str, Any]) -> str:
    """Return settings as one line of text.

    Examples
    --------
    >>> in_words({"rate": 0.1, "kind": "tanh"})
    'rate=0.1, kind=tanh'
    """
    return ", ".join(f"{name}={shown(value)}" for name, value in settings.items())


def number(value: float | None) -> str:
    """Return the value of a run as text, or an empty string if the value is None."""
    return "" if value is None else format_number(value)
