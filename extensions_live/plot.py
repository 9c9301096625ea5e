"""`Plot`, the extension for live plots of a log's channels.

As in Blocks, `Plot` is an extension of the main loop, but it only provides the log to its views,
and notes in the log which figures it shows. Any number of views can be created, at any time and in
any cell; each view shows the whole run so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from extensions_live.compare import comparison
from extensions_live.figures import HEIGHT, REQUESTED, names_in
from extensions_live.plot_view import KIND, PlotView
from extensions_live.run_view import RunView
from extensions_live.still_output import StillOutput
from workbench.errors import ExtensionError
from workbench.extensions import TrainingExtension
from workbench.interfaces import State

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

NO_CHANNELS = (
    "channels must be a list with one list of channel names for each figure, for example "
    '[["cost", "test_cost"], ["error_rate"]], not {!r}'
)
NO_TITLE = (
    "title must be a string, not {given!r}; to show an existing session or log, call "
    "view(session) or log.plot()"
)


class Plot(TrainingExtension):
    """Extension that shows live plots of the log's channels in a notebook.

    Parameters
    ----------
    title : str, optional
        The heading of the plots.
    channels : list of lists of str
        The channels of the plots, with one figure for each inner list and one curve for each name.
        A name in place of an inner list means a figure with one curve. The channels do not have to
        exist yet.
    height : int, optional
        The height of a figure in pixels.

    Raises
    ------
    ExtensionError
        If `channels` does not consist of names, or if `title` is not a string.

    Notes
    -----
    In a notebook, end a cell with ``plot`` or ``plot.view()``; ``view(session)`` also shows the
    plots. Outside a notebook, the extension does nothing.

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
        if not isinstance(title, str):
            raise ExtensionError(NO_TITLE.format(given=title))
        self.title = title
        self.channels = as_figures(channels)
        self.height = height
        self.finished = False

    def __repr__(self) -> str:
        title = f"{self.title!r}, " if self.title else ""
        return f"Plot({title}channels={self.channels!r})"

    @property
    def log(self) -> TrainingLogBase | None:
        """The log of the main loop, or None if the extension has no main loop yet."""
        return None if self._main_loop is None else self._main_loop.log

    @property
    def names(self) -> list[str]:
        """The names of all channels, without duplicates."""
        return names_in(self.channels)

    def waiting_for(self) -> dict[str, bool]:
        known = () if self.log is None else self.log.channels
        return {name: False for name in self.names if name not in known}

    def before_training(self) -> None:
        self._begin()

    def on_resumption(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.finished = False
        if self.log is not None:
            given = self.log.status.get(REQUESTED, {})
            self.log.status[REQUESTED] = {**given, self.name: self.channels}

    def after_training(self) -> None:
        self.finished = True

    def on_error(self, exception: BaseException) -> None:
        self.finished = True

    @property
    def state(self) -> State:
        """The state of training: finished if it has ended or failed, otherwise running."""
        return State.FINISHED if self.finished else State.RUNNING

    def views(self) -> list[dict[str, Any]]:
        return [
            {
                "kind": KIND,
                "title": self.title,
                "channels": self.channels,
                "height": self.height,
            }
        ]

    def view(self) -> RunView:
        """Create a view that shows the run from its start."""
        figures = self.views()
        return RunView([PlotView(self, figures[0])], StillOutput(self, figures))

    @staticmethod
    def compare(
        runs: Mapping[str, Any],
        channels: Sequence[Sequence[str] | str] | None = None,
        *,
        title: str = "",
        height: int = HEIGHT,
        settings: Mapping[str, Any] | None = None,
    ) -> RunView:
        """Return a view of several runs in one plot, with a table of their differences.

        The view is updated live, even if other processes write the logs. On the page, runs can be
        hidden, renamed, recoloured and reordered.

        Parameters
        ----------
        runs : mapping
            For each name, a session, one of its `Session.branches`, a log, the path of an SQLite
            database (its newest log is shown), or a frame indexed by iteration, such as
            ``log.frame``.
        channels : list of lists of str, optional
            The channels of each figure, as in `Plot`. By default, the figures that the sessions
            request are shown. Without requests, there are up to six figures, one for each numeric
            channel.
        title : str, optional
            Heading of the plots.
        height : int, optional
            Height of a figure in pixels.
        settings : mapping, optional
            Initial settings, which can be changed on the page, such as ``{"log_y": [0]}`` for a
            logarithmic axis in the first figure, ``{"x": "epoch"}``, or ``{"smoothing": 100}`` for
            a mean over about 100 iterations, which corresponds to ``log.plot(smoothing=0.99)``.

        Raises
        ------
        ArgumentError
            If `runs` is empty or an item is not a run, or if a setting does not exist.

        Examples
        --------
        >>> from workbench.log import TrainingLog
        >>> slow, fast = TrainingLog(), TrainingLog()
        >>> for i in range(3):
        ...     slow[i]["cost"], fast[i]["cost"] = 1 - i / 8, 1 - i / 2
        >>> Plot.compare({"slow": slow, "fast": fast})  # outside of a notebook: text
        runs  slow (not finished), fast (not finished)
        cost  slow: 0.75; fast: 0
        """
        figures = None if channels is None else as_figures(channels)
        return comparison(runs, channels=figures, title=title, height=height, chosen=settings)

    def _ipython_display_(self) -> None:
        self.view()._ipython_display_()


def as_figures(channels: object) -> list[list[str]]:
    """Convert `channels` to a list with one list of names for each figure.

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
