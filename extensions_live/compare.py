"""Comparison of runs in one view: a curve for each run and channel, and a table of differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extensions_live.figures import HEIGHT, lines_of, requested
from extensions_live.log_values import read_curve
from extensions_live.messages import LineInfo
from extensions_live.plot_settings import settings
from extensions_live.plot_view import KIND, PlotView
from extensions_live.run_differences import differences
from extensions_live.run_view import RunView
from extensions_live.runs import Run, Runs
from extensions_live.still_image import Line
from extensions_live.still_output import POINTS, StillOutput

MOST_FIGURES = 6
"""Maximum number of channels that are shown if the user does not specify channels."""


def comparison(
    runs: Mapping[str, Any],
    *,
    channels: Sequence[Sequence[str]] | None = None,
    title: str = "",
    height: int = HEIGHT,
    chosen: Mapping[str, Any] | None = None,
) -> RunView:
    """Return a view of several runs; `Plot.compare` documents the arguments."""
    together = Runs(runs)
    figures = figures_of(together.runs) if channels is None else [list(one) for one in channels]
    entry = {"kind": KIND, "title": title, "channels": figures, "height": height}
    lines = lines_of([run.key for run in together.runs], figures)
    view = PlotView(together, entry, lines, settings(chosen))
    return RunView([view], StillComparison(together, [entry], lines))


def figures_of(runs: Sequence[Run]) -> list[list[str]]:
    """Return the figures that the runs request, or a figure for each numeric channel.

    A session requests the figures of its views. A log contains the requests that the run's plots
    have made. If there are no requests, at most `MOST_FIGURES` channels are used; channels that
    occur in the most runs come first.
    """
    asked: list[list[str]] = []
    for run in runs:
        session, log = run.session, run.log
        wanted = [] if session is not None or log is None else requested(log)
        for entry in [] if session is None else session.views:
            if entry["kind"] == KIND:
                wanted += [list(one) for one in entry["channels"]]
        asked += [one for one in wanted if one not in asked]
    if asked:
        return asked
    counts: dict[str, int] = {}
    for run in runs:
        for name, value in ({} if run.log is None else run.log.latest()).items():
            if type(value) in (int, float) and not name.startswith("time_"):
                counts[name] = counts.get(name, 0) + 1
    names = sorted(counts, key=lambda name: -counts[name])
    return [[name] for name in names[:MOST_FIGURES]] or [["cost"]]


class StillComparison(StillOutput):
    """Image of the curves of all runs, and a table of the differences between the runs.

    Parameters
    ----------
    runs : Runs
    figures : sequence of mappings
        The figures to draw.
    lines : list of lists of dict
        The curves of each figure.
    """

    def __init__(
        self, runs: Runs, figures: Sequence[Mapping[str, Any]], lines: list[list[LineInfo]]
    ) -> None:
        super().__init__(runs, figures)
        self._runs = runs
        self._lines = lines

    def due(self) -> object:
        found = super().due()
        return None if found is None else (found, self._runs.version)

    def facts(self) -> list[tuple[str, str]]:
        runs = self._runs.runs
        rows = [("runs", ", ".join(f"{run.name} ({run.state_in_words})" for run in runs))]
        for line in differences(runs):
            values = [f"{run.name}: {text}" for run, text in zip(runs, line["values"], strict=True)]
            rows.append((line["name"], "; ".join(values)))
        return rows

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        runs = self._runs.runs
        rows = [["state", *(run.state_in_words for run in runs)]]
        rows += [[line["name"], *line["values"]] for line in differences(runs)]
        return ["", *(run.name for run in runs)], rows

    def panels(self) -> list[tuple[int, list[Line]]]:
        runs = {run.key: run for run in self._runs.runs}
        panels: list[tuple[int, list[Line]]] = []
        for index, infos in enumerate(self._lines):
            lines: list[Line] = []
            for info in infos:
                run = runs[info["run"]]
                if run.log is None:
                    continue
                curve = read_curve(run.log, info["channel"], points=POINTS)
                if curve is not None:
                    name = f"{run.name} {info['label'] or info['channel']}"
                    lines.append(Line(name, info["colour"], curve))
            if lines:
                panels.append((index, lines))
        return panels
