"""`PlotView`, the widget that shows curves of a log.

A thread refreshes it; see `extensions_live.pump`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from extensions_live.downsampling import packed
from extensions_live.figures import colours, document, names_in
from extensions_live.log_source import LogSource
from extensions_live.log_values import latest, read_curve
from extensions_live.messages import CommandMessage, PlotPayload, RangeMessage
from extensions_live.pump import pump
from extensions_live.widget import BokehJS, LiveWidget, asset
from workbench.errors import nearest

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

PERIOD = 0.2

KIND = "plot"
"""Kind of the entries in `Session.views` that this widget shows."""


class PlotView(LiveWidget[LogSource, PlotPayload]):
    """Widget with figures of a run.

    Parameters
    ----------
    source : Session or Plot
        The run whose log is shown.
    figures : mapping
        An entry of `Plot.views` with ``title``, ``channels`` (a list of lists of names) and
        ``height``.
    """

    _esm = asset("plot.js")

    title = traitlets.Unicode().tag(sync=True)
    channels: traitlets.List[Any] = traitlets.List().tag(sync=True)
    colours = traitlets.Dict().tag(sync=True)
    figures = traitlets.Unicode().tag(sync=True)
    bokehjs = traitlets.Unicode().tag(sync=True)

    def __init__(self, source: LogSource, figures: Mapping[str, Any]) -> None:
        channels = figures["channels"]
        self._names = names_in(channels)
        self._range: tuple[float | None, float | None] = (None, None)
        self._shown: object = None
        super().__init__(
            source,
            period=PERIOD,
            title=figures["title"],
            channels=channels,
            colours=colours(channels),
            figures=document(channels, height=figures["height"]),
            bokehjs=BokehJS.shared().model_id,
        )

    def snapshot(self, source: LogSource) -> PlotPayload | None:
        log, ended = source.log, source.state.ended
        if log is None:
            return None
        visible = self._range
        state = (id(log), log.version, visible, ended)
        if state == self._shown:
            return None
        curves = {
            name: packed(curve)
            for name in self._names
            if (curve := read_curve(log, name, start=visible[0], stop=visible[1])) is not None
        }
        self._shown = state
        return {
            "curves": curves,
            "latest": latest(log),
            "notes": absent(log, self._names, ended=ended),
        }

    def settled(self, source: LogSource) -> bool:
        return source.state.ended

    def receive(self, content: CommandMessage | RangeMessage) -> None:
        if content["kind"] == "range":
            self._range = (content["start"], content["stop"])
            pump.nudge(self)


def absent(log: TrainingLogBase, names: Iterable[str], *, ended: bool) -> dict[str, str]:
    """Return an explanation for each channel that is missing in the log.

    Since most channels appear in the first epoch, there are no explanations before its end.
    """
    if not (ended or log.status["epochs_done"]):
        return {}
    known = list(log.channels)
    return {
        channel: f"the log has no channel {channel!r} so far{nearest(channel, known)}"
        for channel in names
        if channel not in known
    }
