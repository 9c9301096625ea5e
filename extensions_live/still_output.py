"""The picture and the table that stay in a cell when page and kernel are gone.

They are outputs of their own below the live widgets: a widget's output shows nothing but an error
once its kernel is gone, whatever else stands in its bundle, and the style sheet that travels with
the table hides it. Both are published empty at first, but for a note on what to do. They are
replaced within seconds after the first values, then at longer and longer intervals up to `EVERY`
seconds, and when the run pauses, ends or fails; they are hidden while a live view of the same cell
is on the screen. They go two ways: the kernel's own, which every front end understands, reaches
only the page that saw the cell run; a page that was reloaded finds them in the state of a widget
and writes them into its cell (``frontend/src/keep.ts``).
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
from extensions_live.log_values import latest, read_curve
from extensions_live.messages import MimeBundle, OutputBundles
from extensions_live.notebook import publish
from extensions_live.pump import Clock, pump
from extensions_live.still_image import WIDTH, Line, draw
from extensions_live.widget import asset
from workbench.interfaces import Session, State

if TYPE_CHECKING:
    from extensions_live.log_source import LogSource
    from extensions_live.widget import LiveWidget
    from workbench.log import TrainingLogBase

MESSAGE = 200  # characters of an error in the table
POINTS = 600  # enough for the width of the picture
STYLE = f"<style>{asset('still.css')}</style>"
FIRST, EVERY = 2.0, 30.0  # seconds between the first two pictures, and between later ones
MARK = "workbench"  # in an output's metadata: what the page knows it by
UNKEPT = (
    '<div class="wb-unkept">A live view of training was here, with nothing to show yet. If the '
    "kernel still runs, reload the page; otherwise run the cells again.</div>"
)
LOST = (
    '<div class="wb-lost" hidden>This picture is not live. If the kernel still runs, reload the '
    "page to see training go on; otherwise run the cells again for a new run.</div>"
)


class StillOutput:
    """Publishes a picture and a table while a run moves and whenever it rests.

    Parameters
    ----------
    source : Session or Plot
        Its log is drawn. The table of a session has its state and error as well.
    figures : sequence of mappings
        What to draw, as `Plot.views` gives it.
    clock : callable, optional
        Gives seconds.

    Attributes
    ----------
    carrier : reference to LiveWidget, or None
        The widget of the same cell that brings picture and table to a page that was reloaded.
    """

    period = 0.5

    carrier: weakref.ref[LiveWidget[Any, Any]] | None = None

    def __init__(
        self,
        source: LogSource,
        figures: Sequence[Mapping[str, Any]] = (),
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._source = weakref.ref(source)
        self._figures = [figure["channels"] for figure in figures]
        # Held until the run is over: its last picture must not be lost with the last reference.
        self._held: LogSource | None = source
        self._ids = [uuid.uuid4().hex, uuid.uuid4().hex]
        self._published: object = None
        self._clock = clock
        self._gap, self._next = FIRST, 0.0

    @property
    def source(self) -> LogSource | None:
        """The run, if it still exists."""
        return self._source()

    @property
    def session(self) -> Session | None:
        """The run, if it is a session that still exists."""
        source = self.source
        return source if isinstance(source, Session) else None

    def watched(self) -> bool:
        return True

    def refresh(self) -> int:
        if self.source is None:
            pump.detach(self)
            return 0
        moment = self.moment()
        if moment is None or moment == self._published:
            return 0
        messages = self._publish(*self.bundles())
        self._published = moment
        self._next = self._clock() + self._gap
        self._gap = min(2 * self._gap, EVERY)
        if self.over():
            self._held = None
        return messages

    def _publish(self, *bundles: MimeBundle) -> int:
        """Replace both outputs; return the number of messages."""
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
        text = f"The picture cannot be drawn: {type(error).__name__}: {error}"
        name = self._ids[1]
        publish({"text/plain": text}, {MARK: name}, display_id=name, update=True)

    def display(self) -> None:
        """Show both outputs in the running cell, empty where the log has no values yet."""
        table, picture = self._ids
        empty = {"text/plain": "", "text/html": STYLE + UNKEPT}
        publish(empty, {MARK: table}, display_id=table)
        publish({"text/plain": ""}, {MARK: picture}, display_id=picture)
        self._published = None
        self._gap, self._next = FIRST, 0.0
        pump.attach(self)

    def log(self) -> TrainingLogBase | None:
        """Return the log, once there is one."""
        source = self.source
        return None if source is None else source.log

    def over(self) -> bool:
        """Return True if the run has ended."""
        source = self.source
        return source is None or source.state.ended

    def moment(self) -> object:
        """Return what the picture should be of, or None where it is too early for another."""
        log = self.log()
        if log is None:
            return None
        if self.resting():
            return ("resting", self.state(), log.version)
        if self._clock() < self._next or not log.channels:
            return None
        return ("moving", log.version)

    def resting(self) -> bool:
        """Tell whether nothing new will come by itself."""
        session = self.session
        return self.over() or (session is not None and session.state is State.PAUSED)

    def state(self) -> str:
        """Return what the table says of the run's state."""
        session = self.session
        return "" if session is None else str(session.state)

    def facts(self) -> list[tuple[str, str]]:
        """Return what the table says."""
        log = self.log()
        if log is None:
            return []
        rows = [("state", self.state())] if self.state() else []
        if not self.resting():  # who reads it later should not take the run for a living one
            rows += [("seen", f"{datetime.now():%Y-%m-%d %H:%M:%S}")]
        rows += [
            ("iterations", f"{log.status['iterations_done']:,}"),
            ("epochs", f"{log.status['epochs_done']:,}"),
        ]
        rows += latest(log).items()
        exception = None if self.session is None else self.session.exception
        if exception is not None:
            message = str(exception).partition("\n")[0][:MESSAGE]
            rows += [("error", f"{type(exception).__name__}: {message}")]
        return rows

    def text(self) -> str:
        """Return the table as plain text."""
        facts = self.facts()
        width = max((len(name) for name, _ in facts), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in facts) or "no run yet"

    def bundles(self) -> tuple[MimeBundle, MimeBundle]:
        """Return the table and the picture as MIME bundles."""
        text = self.text()
        heads = "".join(f"<th>{html.escape(name)}</th>" for name, _ in self.facts())
        cells = "".join(f"<td>{html.escape(value)}</td>" for _, value in self.facts())
        table = STYLE + LOST + f'<table class="wb-still"><tr>{heads}</tr><tr>{cells}</tr></table>'
        picture: MimeBundle = {"text/plain": ""}
        if panels := self.panels():
            png = draw(panels)
            picture = {"text/plain": "curves", "image/png": base64.b64encode(png).decode()}
        return {"text/plain": text, "text/html": table}, picture

    def panels(self) -> list[list[Line]]:
        """Return the lines of every figure that has any."""
        panels: list[list[Line]] = []
        log = self.log()
        if log is None:
            return panels
        for figure in self._figures:
            colour = colours(figure)
            for channels in figure:
                found = [(name, read_curve(log, name, points=POINTS)) for name in channels]
                lines = [Line(name, colour[name], curve) for name, curve in found if curve]
                if lines:
                    panels.append(lines)
        return panels
