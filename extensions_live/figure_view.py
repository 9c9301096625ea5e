"""View of a finished Bokeh figure in a cell, without network access.

The widget `FigureView` draws the figure with BokehJS, which the kernel sends once for all figures
of a page. (`output_notebook(INLINE)` would put 6 MB into the notebook, and Bokeh's default method
needs network access.) Below the figure, the saved notebook contains a table and a still image,
which are hidden while the figure is shown.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.plotting import figure

from extensions_live.figures import PALETTE
from extensions_live.formatting import format_number
from extensions_live.log_curves import LogCurve
from extensions_live.messages import Empty
from extensions_live.notebook import publish, running_cell, shell
from extensions_live.robust_range import Range
from extensions_live.run_view import RunView, shelf
from extensions_live.still_image import WIDTH, Line, draw
from extensions_live.still_output import MARK, STYLE, as_html
from extensions_live.widget import BokehJS, LiveWidget, asset

PERIOD = 60.0
"""Seconds between two refreshes. The period is long, since a finished figure does not change."""


class FigureView(LiveWidget[figure, Empty]):
    """Widget that shows a Bokeh figure on a page.

    Parameters
    ----------
    plot : bokeh.plotting.figure
        The figure. The view shows its current state; after later changes, create a new view.
    """

    _esm = asset("figure.js")

    figures = traitlets.Unicode().tag(sync=True)
    bokehjs = traitlets.Unicode().tag(sync=True)

    def __init__(self, plot: figure) -> None:
        super().__init__(
            plot, period=PERIOD, figures=as_json([plot]), bokehjs=BokehJS.shared().model_id
        )

    def snapshot(self, plot: figure) -> Empty | None:
        return None

    def settled(self, plot: figure) -> bool:
        return True


def as_json(plots: Sequence[figure]) -> str:
    """Return the JSON text of a temporary Bokeh document that contains `plots`.

    Examples
    --------
    >>> plot = figure()
    >>> as_json([plot])[:10], plot.document
    ('{"version"', None)
    """
    document = Document()
    for plot in plots:
        document.add_root(plot)
    try:
        return serialize_json(document.to_json(deferred=False))
    finally:
        document.clear()  # free the figure, which can belong to only one document


class FigureStill:
    """The table and the still image below a figure in a saved notebook."""

    carrier: Any = None

    def __init__(
        self,
        curves: Sequence[LogCurve],
        label: str,
        *,
        log_y: bool = False,
        shown: Range | None = None,
    ) -> None:
        self._curves, self._label = curves, label
        self._log_y, self._shown = log_y, shown

    def facts(self) -> list[tuple[str, str]]:
        """Return the name and the last finite value of each curve."""
        rows = []
        for one in self._curves:
            recorded = one.curve if one.raw is None else one.raw
            finite = recorded.y[np.isfinite(recorded.y)]
            rows.append((one.name, format_number(float(finite[-1])) if len(finite) else "nan"))
        return rows

    def text(self) -> str:
        """Return the table as plain text."""
        return "\n".join(f"{name}  {value}" for name, value in self.facts())

    def display(self) -> None:
        """Show the table and the image in the running cell."""
        facts = self.facts()
        table = as_html([name for name, _ in facts], [[value for _, value in facts]])
        publish({"text/plain": self.text(), "text/html": STYLE + table}, {MARK: "figure"})
        lines = [
            Line(one.name, PALETTE[i % len(PALETTE)], one.curve)
            for i, one in enumerate(self._curves)
        ]
        logarithmic = [0] if self._log_y else []
        image = draw([lines], label=self._label, log_y=logarithmic, y_ranges={0: self._shown})
        png = base64.b64encode(image).decode()
        size = {"image/png": {"width": WIDTH}}
        publish({"text/plain": "curves", "image/png": png}, {MARK: "figure image", **size})


def shows_itself(
    plot: figure,
    curves: Sequence[LogCurve],
    label: str,
    *,
    log_y: bool = False,
    shown: Range | None = None,
) -> None:
    """Make a notebook show a figure in a `FigureView`, with a table and a still image below it.

    `shown` is the vertical range of the image; by default, the range covers all values.
    """

    def display() -> None:
        if shell() is None:
            print(plot)
            return
        still: Any = FigureStill(curves, label, log_y=log_y, shown=shown)
        view = RunView([FigureView(plot)], still)
        shelf.put(view, running_cell())
        data, metadata = view.widgets[0]._repr_mimebundle_() or ({}, {})
        publish({**data, "text/plain": view.widgets[0].fallback}, metadata)
        still.display()

    plot._ipython_display_ = display  # type: ignore[attr-defined]
