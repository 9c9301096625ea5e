"""Still output of a cell: an image and a table that do not depend on a page or kernel.

The image and the table are separate outputs below the live widgets. A widget without its kernel
shows only an error, regardless of the other contents of its MIME bundle; the style sheet in the
table hides this error.

At first, both outputs are empty except for a note with advice. They are replaced within seconds
after the first values, and whenever the run pauses, ends or fails. In between, they are replaced at
growing intervals of up to `EVERY` seconds, since drawing an image takes a while. Both outputs are
hidden while a live view of the same cell is visible.

Both outputs are sent to the page in two ways. Display messages of the kernel, which every front end
supports, reach only the page where the cell was run. A reloaded page reads both outputs from the
state of a widget and writes them to its cell (``frontend/src/still.ts``).
"""

from __future__ import annotations

import base64
import html
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from extensions_live.figures import colours
from extensions_live.kernel_clock import Clock
from extensions_live.log_source import as_session
from extensions_live.log_values import last_batch_of, latest, read_curve
from extensions_live.messages import MimeBundle, OutputBundles
from extensions_live.notebook import publish
from extensions_live.pump import pump
from extensions_live.still_image import WIDTH, Line, draw
from extensions_live.widget import asset
from workbench.interfaces import Session, State
from workbench.log.last_batch import epochs_first, marked
from workbench.utils.texts import short

if TYPE_CHECKING:
    from extensions_live.log_source import LogSource
    from extensions_live.plot_view import PlotView
    from extensions_live.widget import LiveWidget
    from workbench.log import TrainingLogBase

MESSAGE = 200  # maximum number of characters of an error message in the table
POINTS = 600  # enough for the width of the image
STYLE = f"<style>{asset('still.css')}</style>"
FIRST, EVERY = 2.0, 30.0  # initial and maximum number of seconds between two images
COST_FACTOR = 200  # minimum ratio of the time between two images to the time to draw one
MARK = "workbench"  # key in the metadata that the page uses to find an output
NO_VALUES = (
    '<div class="wb-no-values">This live view of training had no values yet. If '
    "the kernel is still running, reload the page; otherwise run the cells again.</div>"
)
NOT_LIVE = (
    '<div class="wb-not-live" hidden>Not live: if the kernel is still running, reload the page; '
    "otherwise run the cells again.</div>"
)


class StillOutput:
    """Publisher of the image and table of a run.

    Parameters
    ----------
    source : Session or Plot
        The run whose log is drawn. The table of a session also contains its state and error.
    figures : sequence of mappings
        The figures to draw, as in `Plot.views`.
    clock : callable, optional
        A function that returns the time in seconds.

    Attributes
    ----------
    carrier : reference to LiveWidget, or None
        The widget of the same cell. The state of this widget contains both outputs for a reloaded
        page.
    looks : list of references to PlotView
        The plots of the same cell, one for each item of `figures`; the image uses the settings of
        these plots.
    """

    period = 1.0
    pace = 0.0

    carrier: weakref.ref[LiveWidget[Any, Any]] | None = None
    looks: Sequence[weakref.ref[PlotView]] = ()

    def __init__(
        self,
        source: LogSource,
        figures: Sequence[Mapping[str, Any]] = (),
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._source = weakref.ref(source)
        self._figures = [figure["channels"] for figure in figures]
        # A strong reference until the end of the run, so that the last image is published.
        self._held: LogSource | None = source
        self._ids = [uuid.uuid4().hex, uuid.uuid4().hex]
        self._published: object = None
        self._clock = clock
        self._gap, self._next = FIRST, 0.0

    @property
    def source(self) -> LogSource | None:
        """The run, or None if it no longer exists."""
        return self._source()

    @property
    def session(self) -> Session | None:
        """The run if it is a session that still exists, otherwise None."""
        return as_session(self.source)

    def watched(self) -> bool:
        return True

    def refresh(self) -> int:
        if self.source is None:
            pump.detach(self)
            return 0
        version = self.due()
        if version is None or version == self._published:
            return 0
        start = self._clock()
        messages = self._publish(*self.bundles())
        self._published = version
        now = self._clock()
        self._next = now + min(max(self._gap, COST_FACTOR * (now - start)), EVERY)
        self._gap = min(2 * self._gap, EVERY)
        if self.over():
            self._held = None
        return messages

    def _publish(self, *bundles: MimeBundle) -> int:
        """Replace both outputs, and return the number of messages that were sent."""
        outputs: OutputBundles = {}
        for name, data in zip(self._ids, bundles, strict=True):
            size = {"image/png": {"width": WIDTH}} if "image/png" in data else {}
            outputs[name] = (data, {MARK: name, **size})
            publish(*outputs[name], display_id=name, update=True)
        carrier = None if self.carrier is None else self.carrier()
        if carrier is None or carrier.comm is None:
            return 2
        carrier.still = outputs
        return 3

    def fail(self, error: Exception) -> None:
        text = f"The image cannot be drawn: {type(error).__name__}: {error}"
        name = self._ids[1]
        publish({"text/plain": text}, {MARK: name}, display_id=name, update=True)

    def display(self) -> None:
        """Display both outputs in the running cell, at first without an image or values."""
        table, image = self._ids
        empty = {"text/plain": "", "text/html": STYLE + NO_VALUES}
        publish(empty, {MARK: table}, display_id=table)
        publish({"text/plain": ""}, {MARK: image}, display_id=image)
        self._published = None
        self._gap, self._next = FIRST, 0.0
        pump.attach(self)

    def log(self) -> TrainingLogBase | None:
        """Return the log, or None if there is no log."""
        source = self.source
        return None if source is None else source.log

    def over(self) -> bool:
        """Return True if the run has ended."""
        source = self.source
        return source is None or source.state.ended

    def due(self) -> object:
        """Return an identifier of the state to publish, or None to publish nothing now."""
        log = self.log()
        if log is None:
            return None
        if self.resting():
            return ("resting", self.state(), log.version, self.log_y())
        if self._clock() < self._next or not log.channels:
            return None
        return ("moving", log.version)

    def resting(self) -> bool:
        """Return True if the run has ended or is paused."""
        session = self.session
        return self.over() or (session is not None and session.state is State.PAUSED)

    def state(self) -> str:
        """Return the state of the run, or an empty string if the source is not a session."""
        session = self.session
        return "" if session is None else str(session.state)

    def facts(self) -> list[tuple[str, str]]:
        """Return the names and values that the table shows."""
        log = self.log()
        if log is None:
            return []
        rows = [("state", self.state())] if self.state() else []
        if not self.resting():  # shows a later reader that this is an old state
            rows += [("updated", f"{datetime.now():%Y-%m-%d %H:%M:%S}")]
        rows += [
            ("iterations", f"{log.status['iterations_done']:,}"),
            ("epochs", f"{log.status['epochs_done']:,}"),
        ]
        last_batch = last_batch_of(log)
        newest = epochs_first(latest(log), last_batch)
        rows += [(marked(name, last_batch), text) for name, text in newest.items()]
        exception = None if self.session is None else self.session.exception
        if exception is not None:
            message = short(str(exception).partition("\n")[0], MESSAGE)
            rows += [("error", f"{type(exception).__name__}: {message}")]
        return rows

    def text(self) -> str:
        """Format the table as plain text."""
        facts = self.facts()
        width = max((len(name) for name, _ in facts), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in facts) or "no run yet"

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Return the headings and the rows of the table."""
        facts = self.facts()
        return [name for name, _ in facts], [[value for _, value in facts]]

    def bundles(self) -> tuple[MimeBundle, MimeBundle]:
        """Return the table and the image as MIME bundles."""
        text, table = self.text(), as_html(*self.table())
        image: MimeBundle = {"text/plain": ""}
        if panels := self.panels():
            log_y = [i for i, (index, _) in enumerate(panels) if index in self.log_y()]
            png = draw([lines for _, lines in panels], log_y=log_y)
            image = {"text/plain": "curves", "image/png": base64.b64encode(png).decode()}
        return {"text/plain": text, "text/html": STYLE + NOT_LIVE + table}, image

    def log_y(self) -> tuple[int, ...]:
        """Return the indices of the figures that the page shows on a logarithmic vertical axis."""
        found: list[int] = []
        first = 0
        for figures, look in zip(self._figures, self.looks, strict=False):
            view = look()
            chosen = [] if view is None else view.settings["log_y"]
            found += [first + index for index in chosen if index < len(figures)]
            first += len(figures)
        return tuple(sorted(found))

    def panels(self) -> list[tuple[int, list[Line]]]:
        """Return the index and the lines of each figure that has values."""
        panels: list[tuple[int, list[Line]]] = []
        log = self.log()
        if log is None:
            return panels
        index = 0
        for figure in self._figures:
            colour = colours(figure)
            for channels in figure:
                found = [(name, read_curve(log, name, points=POINTS)) for name in channels]
                lines = [Line(name, colour[name], curve) for name, curve in found if curve]
                if lines:
                    panels.append((index, lines))
                index += 1
        return panels


def as_html(heads: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "") -> str:
    """Return a table as HTML.

    Examples
    --------
    >>> as_html(["a"], [["<1"]])
    '<table class="wb-still"><tr><th>a</th></tr><tr><td>&lt;1</td></tr></table>'
    """
    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows
    )
    return f'<table class="wb-still">{above}<tr>{head}</tr>{body}</table>'
