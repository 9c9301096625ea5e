"""View of a run in a cell, with widgets and a still output that works without a kernel."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from extensions_live.notebook import Cell, publish, running_cell, shell
from extensions_live.plot_view import PlotView
from extensions_live.pump import pump
from extensions_live.still_output import StillOutput
from extensions_live.widget import LiveWidget


class RunView:
    """View of a run; in a notebook, a cell that ends with a view shows it.

    The cell shows the live widgets and, below them, a still image of the curves and a table of the
    latest values. The image and the table are updated during training and when the run pauses or
    ends. Both are part of the saved notebook, do not need a kernel, and are hidden while the
    widgets are visible.

    Attributes
    ----------
    widgets : list of LiveWidget
        The widgets from top to bottom.
    still : StillOutput
        The object that publishes the table and the still image.

    Examples
    --------
    >>> from extensions_live import view
    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start(paused=True, name="viewed")
    >>> shown = view(session)
    >>> isinstance(shown, RunView)
    True
    >>> shown.close()
    >>> session.stop().wait()
    """

    def __init__(self, widgets: Sequence[LiveWidget[Any, Any]], still: StillOutput) -> None:
        self.widgets = list(widgets)
        self.still = still
        still.carrier = weakref.ref(self.widgets[0])
        still.looks = [weakref.ref(one) for one in self.widgets if isinstance(one, PlotView)]

    def __repr__(self) -> str:
        return self.still.text()

    def close(self) -> None:
        """Remove the view from the page and free its memory; the run continues."""
        pump.detach(self.still)
        for widget in self.widgets:
            widget.close()

    def _ipython_display_(self) -> None:
        if shell() is None:
            print(self)
            return
        shelf.put(self, running_cell())
        for index, widget in enumerate(self.widgets):
            data, metadata = widget._repr_mimebundle_() or ({}, {})
            publish({**data, "text/plain": "" if index else widget.fallback}, metadata)
        self.still.display()


def display(widget: LiveWidget[Any, Any], make_still: Callable[[Any], StillOutput]) -> None:
    """Show one widget in the running cell, with the still output that `make_still` returns.

    If the subject of the widget no longer exists, print the widget as text.
    """
    subject = widget.subject
    if subject is None:
        print(widget)
    else:
        RunView([widget], make_still(subject))._ipython_display_()


class Shelf:
    """Registry that closes the views of a cell when the cell runs again or is deleted.

    Without this registry, the widgets of every execution of a cell would stay in memory until the
    kernel ends. If the front end does not identify its cells, views stay open until the user closes
    them.
    """

    def __init__(self) -> None:
        self._views: dict[str, tuple[str, list[RunView]]] = {}

    def put(self, view: RunView, cell: Cell) -> None:
        """Store `view` for `cell`, and close replaced views and the views of deleted cells.

        A widget stays open if `view` or another cell also shows this widget.
        """
        for name in cell.deleted:
            self._close(name, view)
        if not cell.name:
            return
        if self._views.get(cell.name, ("",))[0] != cell.execution:
            self._close(cell.name, view)
        self._views.setdefault(cell.name, (cell.execution, []))[1].append(view)

    def _close(self, name: str, new: RunView) -> None:
        _, views = self._views.pop(name, ("", []))
        others = [one for _, several in self._views.values() for one in several]
        shown = {id(widget) for one in (new, *others) for widget in one.widgets}
        for view in views:
            pump.detach(view.still)
            for widget in view.widgets:
                if id(widget) not in shown:
                    widget.close()


shelf = Shelf()
