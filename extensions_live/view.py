"""`view`, which shows the control bar and all plots of a session in any cell."""

from __future__ import annotations

from typing import Any

from extensions_live import control_channel, shell_channel
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


@hinted
def view(session: Session) -> RunView:
    """Create a view of a session, with its control bar and all its plots from the start.

    If `extensions_live` has been imported in a notebook, a session as the last line of a cell also
    shows this view.

    Parameters
    ----------
    session : Session
        The session, as returned by ``main_loop.start()``, in any state.

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
    if not isinstance(session, Session):
        raise SessionError(
            "the argument of view() must be a session, as returned by main_loop.start(), "
            f"not {session!r}"
        )
    figures = [view for view in session.views if view["kind"] == KIND]
    shown = {name for figure in figures for name in names_in(figure["channels"])}
    widgets: list[LiveWidget[Any, Any]] = [Controls(session, hide=shown)]
    widgets += [PlotView(session, figure) for figure in figures]
    return RunView(widgets, StillOutput(session, figures))


def _show(session: Session) -> None:
    view(session)._ipython_display_()


connect(Session, _show)  # common base class of all kinds of sessions
control_channel.connect()
shell_channel.connect()
