"""`view`: everything a person wants to see of a session, from any cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from workbench.errors import SessionError
from workbench.extensions import CompositeExtension, TrainingExtension
from workbench.hints import hinted
from workbench.session import Session

from . import control, listening
from .controls import Controls
from .notebook import connect
from .output import RunView
from .plot import Plot, PlotView
from .still import Still
from .widget import LiveWidget


@hinted
def view(session: Session) -> RunView:
    """Return a new view of a session: its control bar and all its plots, from the start.

    In a notebook, a session that is the last line of a cell shows itself in this way once
    `extensions_live` is imported.

    Parameters
    ----------
    session : Session
        As returned by ``main_loop.start()``; it may run, rest or be over.

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
            f"view() shows a session, as main_loop.start() gives it, not {session!r}"
        )
    plots = list(plots_among(session.main_loop.extensions))
    shown = {name for plot in plots for name in plot.names}
    widgets: list[LiveWidget[Any, Any]] = [Controls(session, hide=shown)]
    widgets += [PlotView(plot) for plot in plots]
    return RunView(widgets, Still(plots, session))


def plots_among(extensions: Iterable[TrainingExtension]) -> Iterator[Plot]:
    """Yield the plots among `extensions` and inside of them."""
    for extension in extensions:
        if isinstance(extension, Plot):
            yield extension
        elif isinstance(extension, CompositeExtension):
            yield from plots_among(extension.sub_extensions)


def _show(session: Session) -> None:
    view(session)._ipython_display_()


connect(Session, _show)
control.connect()
listening.connect()
