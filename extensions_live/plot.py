"""Plots of a log's channels: the extension that asks for them, and the widget that shows them.

`Plot` stands in the list of a main loop's extensions, as in Blocks, and does nothing there but
know its log. Any number of `PlotView` s, made at any time and in any cell, show the whole run so
far. The pump feeds them; see `extensions_live.bridge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.errors import ExtensionError, nearest
from workbench.extensions import TrainingExtension

from .bridge import pump
from .curves import latest, read_curve
from .figures import HEIGHT, colours, document
from .messages import CommandMessage, PlotPayload, RangeMessage
from .output import RunView
from .reduction import packed
from .still import Still
from .widget import BokehJS, LiveWidget, asset

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

PERIOD = 0.2

NO_CHANNELS = (
    "channels must be a list with one list of channel names for each figure, for example "
    '[["cost", "test_cost"], ["error_rate"]]; got {!r}'
)


class Plot(TrainingExtension):
    """Plots channels of the log, live in a notebook.

    Parameters
    ----------
    title : str, optional
        A heading for the plots.
    channels : list of lists of str
        One figure for each inner list, with one curve for each name. A name alone is a figure
        with one curve. Channels need not exist yet.
    height : int, optional
        Height of a figure in pixels.

    Raises
    ------
    ExtensionError
        If `channels` is not made of names.

    Notes
    -----
    In a notebook, make ``plot`` (or ``plot.view()``) the last line of a cell; `view` of a session
    shows its plots, too. Outside of a notebook the extension does nothing.

    Examples
    --------
    >>> plot = Plot(channels=[["cost", "test_cost"], ["error_rate"]])
    >>> plot
    Plot(channels=[['cost', 'test_cost'], ['error_rate']])

    """

    def __init__(
        self,
        title: str = "",
        channels: Sequence[Sequence[str] | str] = (),
        *,
        height: int = HEIGHT,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.title = title
        self.channels = as_figures(channels)
        self.height = height
        self.finished = False

    def __repr__(self) -> str:
        title = f"{self.title!r}, " if self.title else ""
        return f"Plot({title}channels={self.channels!r})"

    @property
    def log(self) -> TrainingLogBase | None:
        """The log of the main loop, or None before there is one."""
        return None if self._main_loop is None else self._main_loop.log

    @property
    def names(self) -> list[str]:
        """Every channel once."""
        return list(dict.fromkeys(name for names in self.channels for name in names))

    def waiting_for(self) -> dict[str, bool]:
        known = () if self.log is None else self.log.channels
        return {name: False for name in self.names if name not in known}

    def before_training(self) -> None:
        self.finished = False

    def on_resumption(self) -> None:
        self.finished = False

    def after_training(self) -> None:
        self.finished = True

    def on_error(self, exception: BaseException) -> None:
        self.finished = True

    def view(self) -> RunView:
        """Return a new view that shows everything from the start."""
        return RunView([PlotView(self)], Still(plots=[self]))

    def _ipython_display_(self) -> None:
        self.view()._ipython_display_()


def as_figures(channels: object) -> list[list[str]]:
    """Return `channels` as a list with one list of names for each figure.

    Examples
    --------
    >>> as_figures(["cost", ("a", "b")])
    [['cost'], ['a', 'b']]

    """
    if isinstance(channels, str) or not isinstance(channels, Sequence) or not channels:
        raise ExtensionError(NO_CHANNELS.format(channels))
    figures = [[one] if isinstance(one, str) else one for one in channels]
    for names in figures:
        if not (isinstance(names, Sequence) and names and all(isinstance(n, str) for n in names)):
            raise ExtensionError(NO_CHANNELS.format(channels))
    return [list(names) for names in figures]


class PlotView(LiveWidget[Plot, PlotPayload]):
    """The figures of one `Plot` on the screen."""

    _esm = asset("plot.js")

    title = traitlets.Unicode().tag(sync=True)
    channels: traitlets.List[Any] = traitlets.List().tag(sync=True)
    colours = traitlets.Dict().tag(sync=True)
    figures = traitlets.Unicode().tag(sync=True)
    bokehjs = traitlets.Unicode().tag(sync=True)

    def __init__(self, plot: Plot) -> None:
        self._range: tuple[float | None, float | None] = (None, None)
        self._shown: object = None
        super().__init__(
            plot,
            period=PERIOD,
            title=plot.title,
            channels=plot.channels,
            colours=colours(plot.channels),
            figures=document(plot.channels, height=plot.height),
            bokehjs=BokehJS.shared().model_id,
        )

    def snapshot(self, plot: Plot) -> PlotPayload | None:
        log = plot.log
        if log is None:
            return None
        visible = self._range
        state = (id(log), log.version, visible, plot.finished)
        if state == self._shown:
            return None
        curves = {
            name: packed(curve)
            for name in plot.names
            if (curve := read_curve(log, name, start=visible[0], stop=visible[1])) is not None
        }
        self._shown = state
        return {"curves": curves, "latest": latest(log), "notes": absent(log, plot)}

    def settled(self, plot: Plot) -> bool:
        return plot.finished

    def receive(self, content: CommandMessage | RangeMessage) -> None:
        if content["kind"] == "range":
            self._range = (content["start"], content["stop"])
            pump.nudge(self)


def absent(log: TrainingLogBase, plot: Plot) -> dict[str, str]:
    """Return an explanation for every channel that should be there by now and is not.

    Most channels appear in the first epoch, so that nothing is said before its end.
    """
    if not (plot.finished or log.status["epochs_done"]):
        return {}
    known = list(log.channels)
    return {
        channel: f"the log has no channel {channel!r} so far{nearest(channel, known)}"
        for channel in plot.names
        if channel not in known
    }
