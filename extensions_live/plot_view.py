"""`PlotView`: the widget that shows curves from the logs of one or several runs.

The thread of `extensions_live.pump` refreshes the widget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from extensions_live.downsampling import POINTS, packed
from extensions_live.figures import document, line_infos, lines_of
from extensions_live.kept_tail import KeptTail, kept_tail
from extensions_live.log_source import LogSource, as_session
from extensions_live.log_values import marked_latest, read_curve
from extensions_live.messages import (
    AxisData,
    CommandName,
    CurveData,
    LineInfo,
    MarkData,
    Outcome,
    PlotPayload,
    PlotSettings,
    RunData,
    WidgetMessage,
)
from extensions_live.plot_axes import ITERATIONS, REASONS, Axis, axis_of
from extensions_live.plot_marks import Visible, best_mark, epoch_marks, text_marks
from extensions_live.plot_settings import AXES, changed, settings
from extensions_live.pump import pump
from extensions_live.requests import FORKED, SHOWN, Requests, outcome
from extensions_live.run_differences import differences
from extensions_live.runs import Run, Runs
from extensions_live.widget import BokehJS, LiveWidget, asset
from workbench.errors import nearest
from workbench.interfaces import Session

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

PERIOD = 0.2

BUDGET = 7000
"""Maximum total number of points in all curves, so that an update is at most 160 kB."""

FEWEST = 200
"""Number of points that every curve may have, even if all curves together exceed `BUDGET`."""

KIND = "plot"
"""Kind of the entries in `Session.views` that this widget shows."""

WAYS: list[CommandName] = ["rewind", "fork"]
"""Commands that return to an iteration, which the user selects with a handle on the plot."""

ALONE = (
    "compare: refused: this run has no fork, and no other branch that reaches beyond iteration "
    "{start:,}; rewind or fork the run first"
)


class PlotView(LiveWidget[LogSource, PlotPayload]):
    """Figures of one or several runs on a page.

    Parameters
    ----------
    source : Session, Plot or Runs
        The run whose log is shown, or the runs to compare.
    figures : mapping
        An entry of `Plot.views`: ``title``, ``channels`` (a list of lists of names), ``height``.
    lines : list of lists of dict, optional
        The curves of each figure; by default one curve for each channel.
    chosen : PlotSettings, optional
        The initial settings, which the user can change on the page.
    """

    _esm = asset("plot.js")
    _css = asset("live.css") + asset("plot.css")

    title = traitlets.Unicode().tag(sync=True)
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    figures = traitlets.Unicode().tag(sync=True)
    bokehjs = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        source: LogSource,
        figures: Mapping[str, Any],
        lines: list[list[LineInfo]] | None = None,
        chosen: PlotSettings | None = None,
    ) -> None:
        channels = self._channels = figures["channels"]
        self._height = figures["height"]
        lines = line_infos(channels) if lines is None else lines
        self._infos = {info["key"]: info for infos in lines for info in infos}
        self._range: tuple[float | None, float | None] = (None, None)
        self._shown: object = None
        self._settings = settings() if chosen is None else chosen
        self._stamp = 0.0
        self._requests = Requests()
        self._several = source if isinstance(source, Runs) else None  # keeps no session
        self._asked: list[int | None] = []  # comparisons that the page requested
        self._focus: list[float] = []  # the start of a comparison that the page requested
        self._refusal = ""
        super().__init__(
            source,
            period=PERIOD,
            title=figures["title"],
            lines=lines,
            figures=document(channels, height=figures["height"], lines=lines),
            bokehjs=BokehJS.shared().model_id,
        )

    @property
    def settings(self) -> PlotSettings:
        """The current settings. Assigning a dictionary changes only the settings in it."""
        return self._settings

    @settings.setter
    def settings(self, given: Mapping[str, Any]) -> None:
        self._settings = changed(self._settings, given)
        pump.nudge(self)

    def snapshot(self, source: LogSource) -> PlotPayload | None:
        session = as_session(source)
        if self._asked and session is not None:
            self._compare(session, self._asked[-1])
            self._asked.clear()
        elif self._focus and session is not None:
            self._follow(session, int(self._focus[0]))
        several = self._several
        runs = [Run("", "", source)] if several is None else several.runs
        ended, command = source.state.ended, self._command(session)
        logs = {run.key: run.log for run in runs}
        versions = [(id(log), log.version) for log in logs.values() if log is not None]
        states = [run.state for run in runs]
        tail = self._tail(session)
        kept = None if tail is None else tail.described
        state = (versions, states, self._range, self._settings, command, self.figures, kept)
        if not versions or state == self._shown:
            return None
        chosen, visible = self._settings, self._range
        known = {key: log for key, log in logs.items() if log is not None}
        axes = {key: axis_of(log, chosen["x"]) for key, log in known.items()}
        curves: dict[str, CurveData] = {}
        points = max(FEWEST, min(POINTS, BUDGET // max(1, len(self._infos))))
        for key, info in self._infos.items():
            axis = axes.get(info["run"])
            if axis is None:
                continue
            curve = read_curve(
                known[info["run"]],
                info["channel"],
                start=visible[0],
                stop=visible[1],
                points=points,
                axis=axis,
                log_x=chosen["log_x"],
                over=chosen["smoothing"],
            )
            if curve is not None:
                curves[key] = packed(curve)
                if tail is not None:
                    kept_x, kept_y = tail.curve(info["channel"], axis, points)
                    curves[key] |= {"kept_x": kept_x.tobytes(), "kept_y": kept_y.tobytes()}
        self._shown = state
        return {
            "curves": curves,
            "latest": self._latest(known),
            "notes": self._notes(known, axes, ended=ended),
            "marks": self._marks(known, axes),
            "axis": axis_data(known, axes, chosen),
            "settings": chosen,
            "stamp": self._stamp,
            "runs": [run_data(run) for run in runs if run.key],
            "differences": [] if several is None else differences(runs),
            "focus": self._focus,
            "kept": kept,
            "command": command,
            "possible": WAYS if session is not None else [],
        }

    def settled(self, source: LogSource) -> bool:
        return source.state.ended

    def receive(self, content: WidgetMessage) -> None:
        if content["kind"] == "range":
            self._range = (content["start"], content["stop"])
        elif content["kind"] == "settings":
            if content["stamp"] < self._stamp:
                return  # newer settings have arrived on another channel
            self._stamp = content["stamp"]
            self._settings = changed(self._settings, content["settings"])
        elif content["kind"] == "compare":
            self._asked.append(content["start"])
        elif content["kind"] == "command":
            session = as_session(self.subject)
            if session is not None:
                self._refusal = ""
                self._requests.handle(session, content)
        pump.nudge(self)

    def _compare(self, session: Session, start: int | None) -> None:
        """Compare a run with its branches and forks; end the comparison if `start` is None."""
        together = {} if start is None else self._together(session, start)
        if start is not None and len(together) < 2:
            self._refusal = ALONE.format(start=start)
            return
        self._refusal = ""
        if start is None:
            self._several, lines = None, line_infos(self._channels)
        else:
            self._several = Runs(together)
            lines = lines_of([run.key for run in self._several.runs], self._channels)
        self._infos = {info["key"]: info for infos in lines for info in infos}
        self._range = (None, None)
        self._focus = [] if start is None else [float(start)]
        with self.hold_sync():
            self.payload = {}
            self.lines = lines
            self.figures = document(self._channels, height=self._height, lines=lines)

    def _together(self, session: Session, start: int) -> dict[str, Any]:
        """Return a run and the branches and forks to compare it with, by name.

        Runs that are already being compared keep their places, and therefore their colours.
        """
        branches = session.branches
        found: dict[str, Any] = {
            branch.name: branch
            for branch in branches
            if branch.end is not None and branch.end > start
        }
        found |= {fork.name: fork for fork in self._requests.started}
        others = [] if self._several is None else [run.name for run in self._several.runs[1:]]
        order = dict.fromkeys(name for name in (*others, *found) if name in found)
        name = branches[-1].name if branches else session.name
        return {name: session, **{name: found[name] for name in order}}

    def _follow(self, session: Session, start: int) -> None:
        """Compare again if the branches or forks, or their names, have changed."""
        compared = [] if self._several is None else [run.name for run in self._several.runs]
        if list(self._together(session, start)) != compared:
            self._compare(session, start)

    def _tail(self, session: Session | None) -> KeptTail | None:
        """Return the part of the run that the last rewind left behind, if the plot shows it."""
        if session is None or self._several is not None or "branch" not in self._settings["marks"]:
            return None
        return kept_tail(session)

    def _command(self, session: Session | None) -> Outcome | None:
        """Return the outcome of the last rewind or fork, or the reason for the last refusal."""
        if session is None:
            return None
        requests = self._requests
        refusal = self._refusal or requests.refusal
        if refusal:
            return {"id": -1 - requests.count, "text": refusal, "refused": True}
        ways = [command for command in session.commands if command.kind in WAYS]
        if not ways:
            return None
        result = outcome(ways[-1])
        if ways[-1].kind == "fork" and requests.started:
            fork = requests.started[-1]
            start = fork.branches[-1].start if fork.branches else 0
            result["text"] = FORKED.format(name=fork.name, iteration=start)
            result["code"] = SHOWN.format(name=fork.name)
        return result

    def _latest(self, logs: Mapping[str, TrainingLogBase]) -> dict[str, str]:
        if self._several is None:
            return {} if "" not in logs else marked_latest(logs[""])
        values = {key: marked_latest(log) for key, log in logs.items()}
        return {
            key: values[info["run"]][info["channel"]]
            for key, info in self._infos.items()
            if info["channel"] in values.get(info["run"], {})
        }

    def _notes(
        self,
        logs: Mapping[str, TrainingLogBase],
        axes: Mapping[str, Axis | None],
        *,
        ended: bool,
    ) -> dict[str, str]:
        if self._several is None:
            names = [info["channel"] for info in self._infos.values()]
            return absent(logs[""], names, ended=ended)
        why = REASONS[self._settings["x"]]
        return {
            key: f"{info['label']}: {why}"
            for key, info in self._infos.items()
            if info["run"] in axes and axes[info["run"]] is None
        }

    def _marks(
        self, logs: Mapping[str, TrainingLogBase], axes: Mapping[str, Axis | None]
    ) -> list[MarkData]:
        found: list[MarkData | None] = []
        shown = self._settings["marks"]
        for run, log in logs.items():
            axis = axes[run]
            if axis is None:
                continue
            visible = Visible(axis, *self._range, last=log.status["iterations_done"])
            if "epoch" in shown and not run:
                found.append(epoch_marks(list(log.status["_epoch_ends"]), visible))
            kinds = ("intervention",) if run else ("tier", "checkpoint", "intervention")
            found += [text_marks(log, kind, visible) for kind in kinds if kind in shown]
            if "best" in shown:
                infos = [info for info in self._infos.values() if info["run"] == run]
                found += [best_mark(log, info["channel"], info["key"], axis) for info in infos]
        return [mark for mark in found if mark is not None]


def axis_data(
    logs: Mapping[str, TrainingLogBase], axes: Mapping[str, Axis | None], chosen: PlotSettings
) -> AxisData:
    """Return the x axis in the form that the page needs, and reasons why other axes are missing."""
    missing = {
        kind: REASONS[kind]
        for kind in AXES
        if kind != "iteration" and all(axis_of(log, kind) is None for log in logs.values())
    }
    axis = next((axis for axis in axes.values() if axis is not None), ITERATIONS)
    return {
        "kind": chosen["x"],
        "missing": {str(kind): why for kind, why in missing.items()},
        "iterations": axis.iterations.tolist(),
        "values": [float(f"{value:.9g}") for value in axis.values],
    }


def run_data(run: Run) -> RunData:
    """Return the description of a compared run for the page."""
    log = run.log
    done = 0 if log is None else int(log.status["iterations_done"])
    return {"key": run.key, "name": run.name, "state": run.state_in_words, "iterations": done}


def absent(log: TrainingLogBase, names: Iterable[str], *, ended: bool) -> dict[str, str]:
    """Return an explanation for each channel that is missing from the log.

    The result is empty until the first epoch or the run has ended, since channels may still appear.
    """
    if not (ended or log.status["epochs_done"]):
        return {}
    known = list(log.channels)
    return {
        channel: f"the log has no channel {channel!r} yet{nearest(channel, known)}"
        for channel in names
        if channel not in known
    }
