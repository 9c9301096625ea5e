"""`view`, which shows the control bar and all plots of a session in any cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from extensions_live import control_channel, shell_channel
from extensions_live.compare import comparison
from extensions_live.controls import Controls
from extensions_live.figures import names_in
from extensions_live.notebook import connect
from extensions_live.plot_view import KIND, PlotView
from extensions_live.run_view import RunView
from extensions_live.still_output import StillOutput
from extensions_live.widget import LiveWidget
from workbench.errors import SessionError
from workbench.hints import hinted
from workbench.interfaces import Session
from workbench.tensor import SharedVariable


@hinted
def view(
    session: Session, *others: Session, variables: Iterable[SharedVariable | str] = ()
) -> RunView:
    """Return a new view of a session: its control bar and its plots from the start of the run.

    Several sessions share one plot, below their control bars; `Plot.compare` also accepts logs.

    In a notebook that imports `extensions_live`, a session on the last line of a cell also
    shows this view.

    Parameters
    ----------
    session : Session
        The result of ``main_loop.start()``, in any state.
    *others : Session
        Sessions to compare `session` with.
    variables : iterable of SharedVariable or str, optional
        Shared variables to show and change besides the hyperparameters of `session`; each must be
        a single number.

    Raises
    ------
    SessionError
        If an argument is not a session, or if a variable is unknown or not a single number.

    Examples
    --------
    >>> from workbench.extensions import FinishAfter
    >>> from workbench.main_loop import MainLoop
    >>> from extensions_live import Plot
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> main_loop = MainLoop(Nothing(), [{"x": [1]}], extensions=[
    ...     FinishAfter(after_n_epochs=2), Plot(channels=["cost"])])
    >>> session = main_loop.start()
    >>> session.wait()
    True
    >>> view(session)  # outside of a notebook: text
    state       finished
    iterations  2
    epochs      2
    """
    for given in (session, *others):
        if not isinstance(given, Session):
            raise SessionError(
                "the argument of view() must be a session, as returned by main_loop.start(), "
                f"not {given!r}; to compare a session with a log, call session.log.compare([log]); "
                "to show a database, call Dashboard(path)"
            )
    if others:
        sessions = {one.name: one for one in (session, *others)}
        together = comparison(sessions)
        plot = together.widgets[0]
        assert isinstance(plot, PlotView)
        plotted = {line["channel"] for lines in plot.lines for line in lines}
        bars = [
            Controls(
                one,
                hide=plotted,
                variables=variables if one is session else (),
                title=one.name,
                folded=True,
            )
            for one in sessions.values()
        ]
        return RunView([*bars, *together.widgets], together.still)
    figures = [view for view in session.views if view["kind"] == KIND]
    shown = {name for figure in figures for name in names_in(figure["channels"])}
    bar = Controls(session, hide=shown, variables=variables, title=session.name)
    widgets: list[LiveWidget[Any, Any]] = [bar]
    widgets += [PlotView(session, figure) for figure in figures]
    return RunView(widgets, StillOutput(session, figures))


def _show(session: Session) -> None:
    view(session)._ipython_display_()


connect(Session, _show)  # common base class of all kinds of sessions
control_channel.connect()
shell_channel.connect()
