"""Dashboard in one browser tab: its widgets, and the messages to and from its page.

A periodic callback of the tab's document refreshes the visible widgets and sends the changes.
Only this callback and the handler of messages from the page write to the page. An error in a widget
is shown in that widget.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import bokeh
from anywidget import AnyWidget

from extensions_live.dashboard.boards import Board, Section
from extensions_live.kernel_clock import Clock
from extensions_live.messages import (
    DashboardAnswer,
    DashboardContents,
    DashboardMessage,
    DashboardModule,
    DashboardPart,
    DashboardSection,
    Message,
)
from extensions_live.pump import pause_after
from extensions_live.transport import carried_by
from extensions_live.widget import BOKEHJS, LiveWidget
from workbench.utils.actors import acting_as

logger = logging.getLogger(__name__)

ACTOR = "dashboard"
"""The origin of a dashboard's commands, as shown in receipts and in the log."""

TICK = 100
"""Milliseconds between two checks for widgets to refresh."""

SHARE = 0.5
"""Share of time that refreshing a widget may take, relative to the share in a notebook.

A dashboard and a notebook on the same machine often show the same run.
"""

PERIOD_OF_RUNS = 1.0
"""Seconds between two checks for changes in the list of runs."""


class Visit:
    """A browser tab that shows a dashboard.

    Parameters
    ----------
    board : Board
        The board to show.
    send : callable
        A function that sends a message to the page.
    clock : callable, optional
        A function that returns the time in seconds.
    """

    def __init__(
        self,
        board: Board,
        send: Callable[[DashboardMessage], None],
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._board = board
        self._send = send
        self._clock = clock
        self._lock = threading.RLock()  # Panel handles messages in threads if nthreads is set
        self._widgets: dict[str, LiveWidget[Any, Any]] = {}
        self._inside: dict[str, set[str]] = {}
        self._sections: list[tuple[Section, list[str]]] = []
        self._changes: dict[str, dict[str, Any]] = {}
        self._due: dict[str, float] = {}
        self._failed: set[str] = set()
        self._next_list = 0.0
        self._listed: object = None
        self._ready = False

    @property
    def widgets(self) -> tuple[LiveWidget[Any, Any], ...]:
        """The widgets on the page."""
        return tuple(self._widgets.values())

    def receive(self, message: DashboardAnswer) -> None:
        """Handle a message from the page."""
        with self._lock, acting_as(ACTOR):
            if message["kind"] == "ready":
                self._ready = True
                self._listed = None
                if not self._sections:
                    self._build()
                self._send(self._contents())
            elif message["kind"] == "select":
                self._board.select(message["runs"])
                self._build()
                self._send(self._contents())
            else:
                self._pass_on(message["ident"], message["content"])
            self._list_runs()

    def tick(self) -> None:
        """Refresh the visible widgets that are due, and send the changes."""
        with self._lock:
            if not self._ready:
                return
            now = self._clock()
            if now >= self._next_list:
                self._list_runs()
                self._next_list = self._clock() + PERIOD_OF_RUNS
            for ident, widget in [*self._widgets.items()]:
                if ident in self._widgets and now >= self._due.get(ident, 0.0):
                    self._refresh(ident, widget)
                    self._send_more(self._take_in(widget))
            changes, self._changes = self._changes, {}
            if changes:
                self._send({"kind": "change", "parts": changes})

    def close(self) -> None:
        """Close the widgets and stop sending messages."""
        with self._lock:
            self._ready = False
            self._discard()

    def _pass_on(self, ident: str, content: Message) -> None:
        widget = self._widgets.get(ident)
        if widget is not None:  # otherwise it was replaced in the meantime
            widget.hear(content)
            self._due[ident] = 0.0

    def _refresh(self, ident: str, widget: LiveWidget[Any, Any]) -> None:
        start = self._clock()
        try:
            if not widget.watched():
                return
            with carried_by(self._collect):  # for new widgets inside this widget
                widget.refresh()
            self._failed.discard(ident)
        except Exception as error:
            if ident not in self._failed:
                self._failed.add(ident)
                logger.exception(
                    "the widget %s of a dashboard cannot be drawn", type(widget).__name__
                )
                widget.fail(error)
        cost = self._clock() - start
        self._due[ident] = start + pause_after(widget, cost, share=SHARE)

    def _take_in(self, widget: LiveWidget[Any, Any]) -> dict[str, LiveWidget[Any, Any]]:
        """Add the widgets that are shown inside a widget, and remove closed widgets."""
        inner = {one.ident: one for one in widget.inner}
        for ident in self._inside.pop(widget.ident, set()) - set(inner):
            for known in (self._widgets, self._changes, self._due):
                known.pop(ident, None)
            self._failed.discard(ident)
        if not inner:
            return {}
        new = {ident: one for ident, one in inner.items() if ident not in self._widgets}
        self._inside[widget.ident] = set(inner)
        self._widgets.update(new)
        for ident, one in new.items():
            self._refresh(ident, one)
        return new

    def _send_more(self, new: dict[str, LiveWidget[Any, Any]]) -> None:
        if new:
            for ident in new:
                self._changes.pop(ident, None)  # the message contains the whole state
            self._send(
                {"kind": "parts", "parts": parts_of(new), "modules": modules_of(new.values())}
            )

    def _list_runs(self) -> None:
        listing = self._board.runs()
        if listing is not None and listing != self._listed:
            self._listed = listing
            self._send({"kind": "runs", **listing})
        if self._sections and self._board.stale():
            self._build()
            self._send(self._contents())

    def _build(self) -> None:
        self._discard()
        with carried_by(self._collect):
            sections = self._board.sections()
        for section in sections:
            idents = []
            for widget in section.widgets:
                self._widgets[widget.ident] = widget
                idents.append(widget.ident)
                self._refresh(widget.ident, widget)
                self._take_in(widget)
            self._sections.append((section, idents))

    def _contents(self) -> DashboardContents:
        self._changes.clear()  # the contents include all changes
        sections: list[DashboardSection] = [
            {
                "page": section.page,
                "title": section.title,
                "subtitle": section.subtitle,
                "parts": idents,
            }
            for section, idents in self._sections
        ]
        return {
            "kind": "contents",
            "sections": sections,
            "parts": parts_of(self._widgets),
            "modules": modules_of(self._widgets.values()),
            "bokehjs": {"ident": BOKEHJS, "version": bokeh.__version__},
        }

    def _collect(self, ident: str, traits: dict[str, Any]) -> None:
        self._changes.setdefault(ident, {}).update(traits)

    def _discard(self) -> None:
        inner = {ident for idents in self._inside.values() for ident in idents}
        for ident, widget in self._widgets.items():
            if ident not in inner:  # otherwise the widget around it closes it
                widget.close()
        for kept in (
            self._widgets, self._inside, self._changes, self._due, self._sections, self._failed,
        ):  # fmt: skip
            kept.clear()


def parts_of(widgets: Mapping[str, LiveWidget[Any, Any]]) -> dict[str, DashboardPart]:
    """Return the class names and traits of widgets, keyed by the identifiers of the widgets."""
    return {
        ident: {"module": type(widget).__name__, "state": state_of(widget)}
        for ident, widget in widgets.items()
    }


def state_of(widget: LiveWidget[Any, Any]) -> dict[str, Any]:
    """Return the traits that the page reads from a widget, except traits that all widgets have."""
    own = set(widget.class_traits(sync=True)) - set(AnyWidget.class_traits(sync=True))
    return {name: getattr(widget, name) for name in sorted(own)}


def modules_of(widgets: Iterable[LiveWidget[Any, Any]]) -> dict[str, DashboardModule]:
    """Return the script and the style of every class in `widgets`, keyed by class name."""
    return {
        type(widget).__name__: {"esm": str(widget._esm), "css": str(getattr(widget, "_css", ""))}
        for widget in widgets
    }
