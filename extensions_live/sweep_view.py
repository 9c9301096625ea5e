"""`SweepView`, which shows the runs of a sweep as a table and as parallel coordinates."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import traitlets

from extensions_live.figure_view import as_json
from extensions_live.messages import MimeBundle, SweepPayload
from extensions_live.notebook import connect
from extensions_live.parallel_coordinates import (
    figure_of_sweep,
    is_finite,
    number,
    shown,
    sources_of,
)
from extensions_live.parallel_still import draw_sweep
from extensions_live.run_view import RunView
from extensions_live.still_output import NOT_LIVE, STYLE, StillOutput, as_html
from extensions_live.table_still import as_text
from extensions_live.widget import BokehJS, LiveWidget, asset
from workbench.errors import SessionError
from workbench.hints import Hinted
from workbench.interfaces import Sweep

PERIOD = 0.5
"""Seconds between two refreshes."""

MOST_ROWS = 15
"""Maximum number of runs in the table; if there are more runs, the best ones are shown."""

NO_SWEEP = "SweepView needs a sweep, such as wb.Sweep(build, space), not {given!r:.80}"


class SweepView(Hinted, LiveWidget[Sweep, SweepPayload]):
    """Table and parallel coordinates of the runs of a sweep, updated during training.

    In a notebook that imports `extensions_live`, a sweep on the last line of a cell also
    shows this view. The line of the best run has a colour of its own; hover over a line to see its
    settings. Runs without a finite value are grey.

    Parameters
    ----------
    sweep : Sweep
        The sweep, in any state.

    Raises
    ------
    SessionError
        If `sweep` is not a sweep.

    Examples
    --------
    >>> import tempfile
    >>> import workbench as wb
    >>> from workbench.main_loop import MainLoop
    >>> def build(rate): return MainLoop(...)
    >>> sweep = wb.Sweep(build, {"rate": [0.1, 0.2]}, database=f"{tempfile.mkdtemp()}/runs.sqlite")
    >>> SweepView(sweep)
    sweep: created, 0 of 2 runs are over
    run  rate  validation_cost  epochs  state
    0    0.1                    0       waiting
    1    0.2                    0       waiting
    """

    _esm = asset("sweep.js")
    _css = asset("live.css") + asset("sweep.css")

    figures = traitlets.Unicode().tag(sync=True)
    bokehjs = traitlets.Unicode().tag(sync=True)

    def __init__(self, sweep: Sweep) -> None:
        if not isinstance(sweep, Sweep):
            raise SessionError(NO_SWEEP.format(given=sweep))
        self._shown: object = None
        super().__init__(
            sweep,
            period=PERIOD,
            figures=as_json([figure_of_sweep(sweep)]),
            bokehjs=BokehJS.shared().model_id,
        )

    def snapshot(self, sweep: Sweep) -> SweepPayload | None:
        now = (sweep.version, sweep.state)
        if now == self._shown:
            return None
        self._shown = now
        heads, rows = table_of(sweep)
        best = next((row[0] for row in rows if is_finite(_value(sweep, row[0]))), "")
        return {
            "caption": caption_of(sweep),
            "heads": heads,
            "rows": rows,
            "best": best,
            "sources": sources_of(sweep),
        }

    def settled(self, sweep: Sweep) -> bool:
        return sweep.state.ended

    def __repr__(self) -> str:
        sweep = self.subject
        return "a sweep that no longer exists" if sweep is None else text_of(sweep)

    def _ipython_display_(self) -> None:
        sweep = self.subject
        if sweep is None:
            print(self)
        else:
            RunView([self], SweepStill(sweep))._ipython_display_()


def _value(sweep: Sweep, name: str) -> float | None:
    found: float | None = next(run.value for run in sweep.runs if str(run.number) == name)
    return found


def table_of(sweep: Sweep) -> tuple[list[str], list[list[str]]]:
    """Return the column headings and the rows of the best runs, best first."""
    order = sorted(
        sweep.runs,
        key=lambda run: (
            not is_finite(run.value),
            (run.value if sweep.lower else -run.value) if is_finite(run.value) else 0.0,
            run.number,
        ),
    )
    heads = ["run", *sweep.space, sweep.record, "epochs", "state"]
    rows = [
        [
            str(run.number),
            *(shown(one) for one in run.settings.values()),
            number(run.value),
            str(run.epochs),
            run.state if run.parent is None else f"{run.state}, fork of {run.parent}",
        ]
        for run in order[:MOST_ROWS]
    ]
    return heads, rows


def caption_of(sweep: Sweep) -> str:
    """Return the state of a sweep as one line."""
    runs = list(sweep.runs)
    over = sum(run.over for run in runs)
    note = sweep.note and f"; {sweep.note}"
    text = f"{sweep.name}: {sweep.state}, {over} of {len(runs)} runs are over{note}"
    left = len(runs) - MOST_ROWS
    return f"{text}; the best {MOST_ROWS} are shown" if left > 0 else text


def text_of(sweep: Sweep) -> str:
    """Return the table of a sweep as text."""
    return as_text(*table_of(sweep), caption=caption_of(sweep))


class SweepStill(StillOutput):
    """Table and image of a sweep that work without a kernel.

    Parameters
    ----------
    sweep : Sweep
    """

    def __init__(self, sweep: Sweep) -> None:
        source: Any = sweep  # a sweep has a state, like a session, but no log
        super().__init__(source)

    def log(self) -> None:
        return None

    def due(self) -> object:
        sweep: Any = self.source
        if sweep is None:
            return None
        if sweep.state.ended:
            return ("ended", sweep.version)
        return None if self._clock() < self._next else ("moving", sweep.version)

    def text(self) -> str:
        sweep: Any = self.source
        return "" if sweep is None else text_of(sweep)

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        sweep: Any = self.source
        return ([], []) if sweep is None else table_of(sweep)

    def bundles(self) -> tuple[MimeBundle, MimeBundle]:
        sweep: Any = self.source
        if sweep is None:
            return {"text/plain": ""}, {"text/plain": ""}
        table = as_html(*self.table(), caption=caption_of(sweep))
        png = base64.b64encode(draw_sweep(sweep)).decode()
        return {"text/plain": self.text(), "text/html": STYLE + NOT_LIVE + table}, {
            "text/plain": "parallel coordinates",
            "image/png": png,
        }


connect(Sweep, lambda sweep: SweepView(sweep)._ipython_display_())
